//! A look into /proc/net/tcp, for the states that no fd can be asked about.

use crate::tcp::Tcp;
use std::collections::HashSet;
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// A connection without a file: seen from the side whose state it is.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub state: Tcp,
    pub local: SocketAddr,
    pub peer: SocketAddr,
}

/// The first of `rows` that the kernel's table does not show, as words for an error.
///
/// The expected text is made from the row rather than the table parsed, so one set answers for thousands.
pub fn missing(rows: &[Row]) -> io::Result<Option<String>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let mut seen = HashSet::new();
    for path in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        // tcp6 is absent where IPv6 is switched off; a row that needed it is then reported missing.
        let text = std::fs::read_to_string(path).unwrap_or_default();
        seen.extend(text.lines().skip(1).filter_map(key_of_line));
    }
    let absent = rows.iter().find(|row| !seen.contains(&key_of_row(row)));
    Ok(absent.map(|row| format!("{} {} -> {}", row.state.name(), row.local, row.peer)))
}

/// `local peer state inode` of one line of the table; the inode must be 0 and so proves that no file holds it.
fn key_of_line(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let inode = words.get(9)?;
    Some(format!(
        "{} {} {} {inode}",
        words.get(1)?,
        words.get(2)?,
        words.get(3)?
    ))
}

/// The same key, made from what the scene knows.
fn key_of_row(row: &Row) -> String {
    format!(
        "{} {} {:02X} 0",
        hexadecimal(row.local),
        hexadecimal(row.peer),
        row.state.number()
    )
}

/// An address as /proc writes it: 32-bit words in the byte order of the host, then the port.
fn hexadecimal(address: SocketAddr) -> String {
    let octets = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut text = String::new();
    for word in octets.chunks_exact(4) {
        let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        // Writing into a String cannot fail.
        let _ = write!(text, "{word:08X}");
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}
