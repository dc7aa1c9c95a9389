//! The second half of a TCP server: one echo session, read and write until one side closes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// The longest line, in bytes, without its end. Whoever sends more cannot fill the memory.
pub const LONGEST_LINE: u64 = 4096;

/// The longest answer: the line and what the server adds.
pub const LONGEST_ANSWER: u64 = LONGEST_LINE + 100;

/// The line that ends a session.
pub const BYE: &[u8] = b"BYE";

/// What `read_line` found.
pub enum Line {
    Text,
    TooLong,
    End,
}

/// Answers every line with the line and " MSG Received", until the client says BYE or closes.
/// Both ends are ESTABLISHED all the while. The caller closes: it is the one that owns the socket.
pub fn echo(client: &TcpStream) -> io::Result<()> {
    let mut writer = client;
    let mut reader = BufReader::new(client);
    let mut line = Vec::new();
    loop {
        // read(): sleeps until bytes have come. Bytes that came and are not yet read are the
        // socket's recv_q: they have been acknowledged already, by the kernel.
        match read_line(&mut reader, &mut line, LONGEST_LINE)? {
            // BYE: the server closes first and gets the TIME_WAIT.
            Line::Text if line == BYE => return Ok(()),
            Line::Text => line.extend_from_slice(b" MSG Received\n"),
            Line::TooLong => line = format!("line too long, limit {LONGEST_LINE} bytes\n").into(),
            // read() gave 0: the client's FIN is here. The client is in FIN_WAIT2, this end in
            // CLOSE_WAIT until the caller closes. A server that never does leaks a CLOSE_WAIT.
            Line::End => return Ok(()),
        }
        // write(): copies into the socket's send buffer and returns; it does not say that the client
        // has it. Bytes not yet acknowledged are send_q. When the client does not read, its recv_q
        // fills, then this send_q, then write() sleeps. One write an answer: one segment.
        writer.write_all(&line)?;
    }
}

/// Reads one line, without its end (LF or CR LF), and never keeps more than the limit in memory.
/// TCP is a stream of bytes: a line may come in pieces, or several at once, hence the `BufRead`.
pub fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>, limit: u64) -> io::Result<Line> {
    line.clear();
    // Two more: the end of the line may be CR LF.
    reader.by_ref().take(limit + 2).read_until(b'\n', line)?;
    if line.is_empty() {
        return Ok(Line::End);
    }
    let ended = line.ends_with(b"\n");
    let end_length = if line.ends_with(b"\r\n") {
        2
    } else {
        usize::from(ended)
    };
    line.truncate(line.len() - end_length);
    if u64::try_from(line.len()).is_ok_and(|length| length <= limit) {
        return Ok(Line::Text);
    }
    if !ended {
        reader.skip_until(b'\n')?;
    }
    Ok(Line::TooLong)
}
