//! Echoes lines, a forked helper per client: `echo_forked [PORT=5000] [ADDRESS=127.0.0.1]`.
//!
//! Watch: `sockscope port 5000`: the parent owns LISTEN, each helper owns its one connection.

mod textbook;

use std::io;
use std::process::ExitCode;

use textbook::failure::{self, Failure};
use textbook::{listening, session};

/// How many connections may wait in the accept queue (Linux: and one more).
const BACKLOG: i32 = 5;

fn main() -> ExitCode {
    failure::run(serve)
}

fn serve() -> Result<(), Failure> {
    // socket(), bind(), listen(): see textbook/listening.rs.
    let listener = listening::listen(listening::address_from_args(5000)?, BACKLOG)?;
    let no_reaping = |why| Failure::new("have ended helpers reaped", why, "echo_threaded");
    reap_ended_helpers().map_err(no_reaping)?;
    listening::announce(&listener)?;
    loop {
        // accept(): the parent does nothing else, so the accept queue stays empty.
        let (client, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                failure::report_accept(&error);
                continue;
            }
        };

        // fork(): the helper gets a copy of every descriptor, but the sockets behind them are the
        // same. For a moment LISTEN and this connection have two owners each in sockscope.
        match fork() {
            Ok(Process::Helper) => {
                // The helper does not accept. If it kept its copy of the listening socket, the port
                // would stay in LISTEN after the parent's death, with helpers that never accept: a
                // new server gets "address already in use", and new clients hear nothing.
                drop(listener);
                if let Err(error) = session::echo(&client) {
                    failure::report_session("talk to", peer, &error);
                }
                // close(): now the last copy goes, and only that makes the kernel send FIN.
                drop(client);
                return Ok(());
            }
            // close() in the parent: the helper still has the connection, so nothing goes over the
            // wire. If the parent forgets this, the connection has two owners, and when the helper
            // has ended, the parent alone:
            // - after BYE no FIN is sent: both ends stay ESTABLISHED, the client waits for ever;
            // - after the client's FIN it stays in CLOSE_WAIT. One leaks with every client, until
            //   the parent has no descriptor left (EMFILE). `sockscope doctor`: close-wait-leak.
            Ok(Process::Parent) => drop(client),
            // No helper could be had (EAGAIN, ENOMEM): `client` is dropped here, which closes it.
            Err(error) => failure::report_session("fork for", peer, &error),
        }
    }
}

enum Process {
    Parent,
    Helper,
}

#[allow(unsafe_code, reason = "std cannot fork")]
fn fork() -> io::Result<Process> {
    // SAFETY: this process has one thread only, so the copy can hold no lock of another one, and
    // may go on to allocate and write as usual.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Process::Helper),
        _ => Ok(Process::Parent),
    }
}

/// A process that has ended stays as a zombie until its parent asks how (`waitpid`). This parent
/// does not want to know, and says so: when SIGCHLD is ignored, the kernel reaps by itself. (The
/// other way is a handler for SIGCHLD that calls `waitpid(-1, WNOHANG)` until none is left: one
/// signal may stand for several ends.) A zombie has closed its sockets: it never owns one.
#[allow(unsafe_code, reason = "std cannot set what a signal does")]
fn reap_ended_helpers() -> io::Result<()> {
    // SAFETY: SIG_IGN runs no code of this program, and nothing here waits for a child.
    match unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
