//! Records the kernel's socket tables of this network namespace as files: a bug report, or a
//! fixture for tests.
//!
//!     cargo run --example record -- DIRECTORY
//!
//! `NAME.dump` holds the datagrams of a `sock_diag` dump, each after its length (32 bits,
//! little-endian); `NAME.txt` is the file of that name in /proc/net. Addresses, ports, users
//! and inodes are in there as they are: look before you share.

#![allow(clippy::print_stderr, reason = "this is a small program of its own")]

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use sockscope::host::live::sock_diag::{SockDiag, Transport};
use sockscope::model::{Family, Protocol, StateSet};
use sockscope::wire::inet_diag::Request;
use sockscope::wire::nlmsg::Dump;

fn main() -> ExitCode {
    let Some(directory) = std::env::args_os().nth(1) else {
        eprintln!("record: give a directory to write to");
        return ExitCode::from(2);
    };
    match record(Path::new(&directory)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("record: cannot record the tables: {error}");
            ExitCode::FAILURE
        }
    }
}

fn record(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut kernel = SockDiag::open()?;
    let mut sequence = 0;
    for (protocol, family, name) in [
        (Protocol::Tcp, Family::V4, "tcp"),
        (Protocol::Tcp, Family::V6, "tcp6"),
        (Protocol::Udp, Family::V4, "udp"),
        (Protocol::Udp, Family::V6, "udp6"),
    ] {
        sequence += 1;
        let request = Request {
            protocol,
            family: Some(family),
            states: StateSet::ALL,
            narrow: sockscope::model::Narrow::ALL,
            needs: sockscope::query::Needs::MEMORY,
        };
        let datagrams = dump(&mut kernel, request, sequence)?;
        fs::write(directory.join(format!("{name}.dump")), datagrams)?;
        let text = fs::read(format!("/proc/thread-self/net/{name}"))?;
        fs::write(directory.join(format!("{name}.txt")), text)?;
    }
    Ok(())
}

fn dump(kernel: &mut SockDiag, request: Request, sequence: u32) -> io::Result<Vec<u8>> {
    kernel.send(&request.message(sequence))?;
    let mut course = Dump::new(kernel.port(), sequence);
    let mut buffer = vec![0; 64 * 1024];
    let mut recorded = Vec::new();
    loop {
        let received = kernel.receive(&mut buffer)?;
        let datagram = buffer.get(..received.length).unwrap_or_default();
        let length = u32::try_from(datagram.len()).map_err(io::Error::other)?;
        recorded.extend(length.to_le_bytes());
        recorded.extend(datagram);
        let over = course.feed(datagram, &mut |_| {});
        if over.map_err(|error| io::Error::other(error.to_string()))? {
            return Ok(recorded);
        }
    }
}
