//! The little language in which `inet_diag` is told which sockets are wanted.
//!
//! Each instruction is `struct inet_diag_bc_op`: a code, the way forward when it holds, and
//! when it does not. A way that leads beyond the end refuses the socket; one that leads exactly
//! to the end takes it. Source: `inet_diag_bc_run` and `inet_diag_bc_audit` in
//! `net/ipv4/inet_diag.c`.

use std::net::IpAddr;

use crate::model::{Narrow, PortRange, Prefix};

const JMP: u8 = 1;
const S_GE: u8 = 2;
const S_LE: u8 = 3;
const D_GE: u8 = 4;
const D_LE: u8 = 5;
const S_COND: u8 = 7;
const D_COND: u8 = 8;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// Where an instruction leads when it does not hold.
#[derive(Clone, Copy)]
enum Else {
    Refuse,
    /// So many instructions further.
    Skip(usize),
}

/// One instruction: its code, what it compares with, and the way when it does not hold.
struct Instruction {
    code: u8,
    operand: Vec<u8>,
    otherwise: Else,
}

impl Instruction {
    fn port(code: u8, port: u16, otherwise: Else) -> Self {
        // The operand has the form of an instruction, with the port as its way.
        let mut operand = vec![0, 0];
        operand.extend(port.to_ne_bytes());
        Self {
            code,
            operand,
            otherwise,
        }
    }

    /// `struct inet_diag_hostcond`: family, length of the prefix, any port, address.
    fn host(code: u8, prefix: Prefix) -> Self {
        let (family, address) = match prefix.address {
            IpAddr::V4(v4) => (AF_INET, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AF_INET6, v6.octets().to_vec()),
        };
        let mut operand = vec![family, prefix.length, 0, 0];
        operand.extend((-1_i32).to_ne_bytes());
        operand.extend(address);
        Self {
            code,
            operand,
            otherwise: Else::Refuse,
        }
    }

    fn size(&self) -> usize {
        4 + self.operand.len()
    }
}

/// The program that lets through what `narrow` allows; empty where that is everything.
#[must_use]
pub(super) fn compile(narrow: &Narrow) -> Vec<u8> {
    let mut program = Vec::new();
    let mut ports = |least, most, range: Option<PortRange>| {
        if let Some(PortRange { first, last }) = range {
            program.push(Instruction::port(least, first, Else::Refuse));
            program.push(Instruction::port(most, last, Else::Refuse));
        }
    };
    ports(S_GE, S_LE, narrow.local_port);
    ports(D_GE, D_LE, narrow.peer_port);
    if let Some(PortRange { first, last }) = narrow.any_port {
        program.push(Instruction::port(S_GE, first, Else::Skip(3)));
        program.push(Instruction::port(S_LE, last, Else::Skip(2)));
        program.push(Instruction {
            code: JMP,
            operand: Vec::new(),
            otherwise: Else::Skip(3),
        });
        program.push(Instruction::port(D_GE, first, Else::Refuse));
        program.push(Instruction::port(D_LE, last, Else::Refuse));
    }
    program.extend(narrow.local.map(|prefix| Instruction::host(S_COND, prefix)));
    program.extend(narrow.peer.map(|prefix| Instruction::host(D_COND, prefix)));
    assemble(&program)
}

fn assemble(program: &[Instruction]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = program;
    while let Some((instruction, following)) = rest.split_first() {
        let way = |instructions: &[Instruction]| -> usize {
            instructions.iter().map(Instruction::size).sum()
        };
        let no = match instruction.otherwise {
            // Four bytes beyond the end: no way that was counted right leads there.
            Else::Refuse => way(rest) + 4,
            Else::Skip(count) => way(rest.get(..count).unwrap_or(rest)),
        };
        let yes = u8::try_from(instruction.size()).unwrap_or(u8::MAX);
        bytes.extend([instruction.code, yes]);
        bytes.extend(u16::try_from(no).unwrap_or(u16::MAX).to_ne_bytes());
        bytes.extend(&instruction.operand);
        rest = following;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(yes: u8, no: u16) -> [u8; 3] {
        let [low, high] = no.to_ne_bytes();
        [yes, low, high]
    }

    #[test]
    fn a_range_of_local_ports() {
        let narrow = Narrow {
            local_port: Some(PortRange {
                first: 80,
                last: 90,
            }),
            ..Narrow::ALL
        };
        let bytes = compile(&narrow);
        assert_eq!(bytes.len(), 16);
        assert_eq!((bytes[0], bytes[8]), (S_GE, S_LE));
        assert_eq!(bytes[1..4], way(8, 16 + 4));
        assert_eq!(bytes[6..8], 80_u16.to_ne_bytes());
        assert_eq!(bytes[9..12], way(8, 8 + 4));
        assert!(compile(&Narrow::ALL).is_empty());
    }

    #[test]
    fn either_port_jumps_over_the_other() {
        let narrow = Narrow {
            any_port: Some(PortRange {
                first: 80,
                last: 80,
            }),
            ..Narrow::ALL
        };
        let bytes = compile(&narrow);
        assert_eq!(bytes.len(), 8 + 8 + 4 + 8 + 8);
        assert_eq!(bytes[1..4], way(8, 20), "S_GE fails: to D_GE");
        assert_eq!(bytes[9..12], way(8, 12), "S_LE fails: to D_GE");
        assert_eq!(
            bytes[16..20],
            [&[JMP][..], &way(4, 20)].concat(),
            "to the end"
        );
        assert_eq!(bytes[21..24], way(8, 20));
        assert_eq!(bytes[29..32], way(8, 12));
    }

    #[test]
    fn networks_have_their_prefix() {
        let narrow = Narrow {
            peer: Some(Prefix {
                address: "10.0.0.0".parse().unwrap(),
                length: 8,
            }),
            ..Narrow::ALL
        };
        let bytes = compile(&narrow);
        assert_eq!(bytes.len(), 16);
        assert_eq!(bytes[4..8], [AF_INET, 8, 0, 0]);
        assert_eq!(bytes[8..12], (-1_i32).to_ne_bytes());
        assert_eq!(bytes[12..], [10, 0, 0, 0]);
    }
}
