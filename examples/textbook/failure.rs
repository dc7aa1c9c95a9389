//! Errors as one line: what was attempted on what, why it failed, what to try.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// The line that ends a program.
pub struct Failure(String);

impl Failure {
    pub fn new(what: impl Display, why: impl Display, hint: impl Display) -> Self {
        // The system writes "Address already in use (os error 98)".
        let why = why.to_string().to_lowercase();
        Self(format!("cannot {what}: {why}; try: {hint}"))
    }
}

/// Runs a program: 0 when it ended well, 1 and its line on stderr when it did not.
pub fn run(program: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    match program() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(line)) => {
            report(line);
            ExitCode::FAILURE
        }
    }
}

/// One line on stderr, in one write: lines of several processes do not mix.
/// (`eprintln!` would panic when nobody reads stderr any more.)
pub fn report(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// How one session failed. That is the client's trouble and not the server's, so the server goes on.
/// ECONNRESET: the client closed abruptly (RST); EPIPE: the server wrote after such an RST. The signal
/// SIGPIPE would end a C server here; Rust programs ignore it and get the error instead.
pub fn report_session(attempt: &str, peer: impl Display, error: &io::Error) {
    let why = error.to_string().to_lowercase();
    report(format_args!("cannot {attempt} client {peer}: {why}"));
}

/// `accept` failed: ECONNABORTED (that client has gone again) or EMFILE (no descriptor left).
/// The listening socket is unharmed; with EMFILE the connections wait on in the accept queue.
/// The pause keeps a lasting error from eating the processor.
pub fn report_accept(error: &io::Error) {
    let why = error.to_string().to_lowercase();
    report(format_args!("cannot accept a client: {why}"));
    thread::sleep(Duration::from_millis(100));
}
