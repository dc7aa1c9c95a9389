//! Echoes lines, one client at a time: `echo_server [PORT=5000] [ADDRESS=127.0.0.1]`.
//!
//! While one client is served, the others wait in the accept queue: ESTABLISHED, without an owner.
//! Watch: `sockscope port 5000`.

mod textbook;

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
    listening::announce(&listener)?;
    loop {
        // accept(): takes the oldest connection out of the accept queue, or sleeps until there is
        // one. sockscope: the queue is one shorter, and that connection now has an owner.
        let (client, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                failure::report_accept(&error);
                continue;
            }
        };

        // read() and write() until BYE or the end. Nobody calls accept() meanwhile, but the kernel
        // goes on with handshakes: the next clients connect at once, send, and hear nothing.
        // sockscope: one ESTABLISHED with an owner, the others unaccepted, queue n/5. One of them
        // that gives up and closes turns to CLOSE_WAIT in the queue, still without an owner.
        if let Err(error) = session::echo(&client) {
            failure::report_session("talk to", peer, &error);
        }

        // close(): after BYE this end is first: FIN_WAIT1, FIN_WAIT2, TIME_WAIT (60 s, no owner).
        // After the client's FIN it is second: CLOSE_WAIT, LAST_ACK, nothing; the client gets the
        // TIME_WAIT. After a reset there is nothing left to close on the wire.
        drop(client);
    }
}
