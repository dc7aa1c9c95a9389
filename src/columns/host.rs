//! The address of an end as text: the one place that decides what a wildcard looks like.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

/// Appends the address of an end: `0.0.0.0` is every IPv4 address, `[::]` every IPv6 address,
/// and `*`, where the socket takes both families, every address. The filter reads them so.
pub fn push_host(out: &mut String, address: IpAddr, takes_both: bool) {
    match address {
        IpAddr::V4(v4) => push_v4(out, v4),
        IpAddr::V6(_) if takes_both => out.push('*'),
        IpAddr::V6(v6) => push(out, format_args!("[{v6}]")),
    }
}

/// Appends an address that stands alone: as in an end, without the brackets that keep a port
/// apart. A wildcard keeps them: `::` alone is the address, whichever wildcard has it.
pub fn push_address(out: &mut String, address: IpAddr, takes_both: bool) {
    match address {
        IpAddr::V6(v6) if !v6.is_unspecified() => push(out, format_args!("{v6}")),
        address => push_host(out, address, takes_both),
    }
}

/// Appends a number in decimal. Rows are full of numbers, and the machinery of `format!` costs
/// several times as much as the digits.
pub fn push_number(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends an IPv4 address.
pub fn push_v4(out: &mut String, address: Ipv4Addr) {
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            out.push('.');
        }
        push_number(out, octet.into());
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_tell_their_families() {
        for (address, takes_both, in_end, alone) in [
            ("0.0.0.0", false, "0.0.0.0", "0.0.0.0"),
            ("::", false, "[::]", "[::]"),
            ("::", true, "*", "*"),
            ("::1", false, "[::1]", "::1"),
            ("127.0.0.1", false, "127.0.0.1", "127.0.0.1"),
        ] {
            let text = |push: fn(&mut String, IpAddr, bool)| {
                let mut out = String::new();
                push(&mut out, address.parse().unwrap(), takes_both);
                out
            };
            assert_eq!(
                (text(push_host).as_str(), text(push_address).as_str()),
                (in_end, alone)
            );
        }
    }
}
