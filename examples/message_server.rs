//! Sends one message to each client and closes: `message_server [PORT=8080] [ADDRESS=127.0.0.1]`.
//!
//! The server closes first, so each client leaves a `TIME_WAIT` here.
//! Watch: `sockscope port 8080`.

mod textbook;

use std::io::Write;
use std::process::ExitCode;

use textbook::failure::{self, Failure};
use textbook::listening;

const MESSAGE: &[u8] = b"Hello from the server of the textbook.\n";

/// How many connections may wait in the accept queue (Linux: and one more).
const BACKLOG: i32 = 5;

fn main() -> ExitCode {
    failure::run(serve)
}

fn serve() -> Result<(), Failure> {
    // socket(), bind(), listen(): see textbook/listening.rs.
    let listener = listening::listen(listening::address_from_args(8080)?, BACKLOG)?;
    listening::announce(&listener)?;
    loop {
        // accept(): takes the oldest connection out of the accept queue, or sleeps until there is
        // one. It was ESTABLISHED already; now it has a descriptor, and so an owner in sockscope.
        let (mut client, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                failure::report_accept(&error);
                continue;
            }
        };

        // write(): into the send buffer. The message is short, so this never sleeps.
        if let Err(error) = client.write_all(MESSAGE) {
            failure::report_session("talk to", peer, &error);
        }

        // close(): the kernel sends what is left, then FIN; this end has no owner from here on.
        //   FIN sent:             FIN_WAIT1 here
        //   ACK came:             FIN_WAIT2 here, CLOSE_WAIT at the client until it closes
        //   the client's FIN too: TIME_WAIT here for 60 s, LAST_ACK and then nothing at the client
        // Why TIME_WAIT is on the side that closes first: its ACK of the other FIN is the last
        // segment, and nobody says whether it arrived. If it was lost, that FIN comes again and
        // someone must still answer it; and late segments of this connection must not fall into a
        // new one between the same two ports. The client's side is gone: it knows that all is done.
        // (A client that has *sent* something, which is never read here, gets RST instead of FIN,
        // and then there is no TIME_WAIT: close() with unread bytes is an abort.)
        drop(client);
    }
}
