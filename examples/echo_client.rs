//! Sends lines from stdin and prints the answers: `echo_client [HOST:PORT=127.0.0.1:5000]`.
//!
//! Ends on BYE (the server closes first) or at the end of stdin (the client closes first).

mod textbook;

use std::env;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use textbook::failure::{self, Failure};
use textbook::session::{BYE, LONGEST_ANSWER, LONGEST_LINE, Line, read_line};

const USAGE: &str = "[HOST:PORT], such as 127.0.0.1:5000";

fn main() -> ExitCode {
    failure::run(talk)
}

fn talk() -> Result<(), Failure> {
    let server = server_from_args()?;
    let hint = match server.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => format!("sockscope port {port}"),
        _ => USAGE.to_owned(),
    };

    // socket() and connect(): the kernel picks a free local port and sends SYN: SYN_SENT here. The
    // server's kernel answers, and both ends are ESTABLISHED, even if the server has not called
    // accept() yet, and perhaps never will. With a full accept queue this stays in SYN_SENT.
    let connected = TcpStream::connect(&server)
        .map_err(|why| Failure::new(format_args!("connect to {server}"), why, &hint))?;

    let talking = |why| Failure::new(format_args!("talk to {server}"), why, &hint);
    let terminal = |why| Failure::new("use stdin and stdout", why, "echo hello | echo_client");

    let mut writer = &connected;
    let mut reader = BufReader::new(&connected);
    let mut stdin = io::stdin().lock();
    let mut stdout = io::stdout().lock();
    let mut line = Vec::new();
    let mut answer = Vec::new();
    loop {
        match read_line(&mut stdin, &mut line, LONGEST_LINE).map_err(terminal)? {
            Line::Text => {}
            Line::TooLong => {
                failure::report(format_args!(
                    "a line of more than {LONGEST_LINE} bytes was not sent"
                ));
                continue;
            }
            // close() with the server still there: this end goes FIN_WAIT1, FIN_WAIT2, TIME_WAIT;
            // the server's CLOSE_WAIT, LAST_ACK, nothing.
            Line::End => return Ok(()),
        }
        let bye = line == BYE;

        line.push(b'\n');
        writer.write_all(&line).map_err(talking)?;

        // read(): sleeps until the answer is here; with a server that has not accepted, for ever.
        match read_line(&mut reader, &mut answer, LONGEST_ANSWER).map_err(talking)? {
            // After BYE: the server's FIN, and this end is in CLOSE_WAIT. close() sends the other
            // FIN: LAST_ACK, then nothing. The TIME_WAIT is the server's.
            Line::End if bye => return Ok(()),
            Line::End => return Err(talking(io::ErrorKind::UnexpectedEof.into())),
            Line::TooLong => failure::report("the answer was too long to be shown"),
            Line::Text => {
                answer.push(b'\n');
                stdout
                    .write_all(&answer)
                    .and_then(|()| stdout.flush())
                    .map_err(terminal)?;
            }
        }
    }
}

fn server_from_args() -> Result<String, Failure> {
    let mut words = env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned());
    let server = words.next().unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    match words.next() {
        None => Ok(server),
        Some(word) => {
            let what = format!("use {word:?}");
            Err(Failure::new(what, "too many arguments", USAGE))
        }
    }
}
