//! Echoes lines, a thread per client: `echo_threaded [PORT=5000] [ADDRESS=127.0.0.1]`.
//!
//! Watch: `sockscope port 5000`: every connection has an owner, and it is one and the same process.

mod textbook;

use std::process::ExitCode;
use std::thread;

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
        // accept(): this thread does nothing else, so the accept queue stays empty.
        let (client, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                failure::report_accept(&error);
                continue;
            }
        };

        // Threads share one table of descriptors: the connection has one descriptor and one owner,
        // this process, whichever thread serves it. So it is closed exactly once, by the thread
        // that was given it; there is no second copy to forget, as there is after fork().
        let serve_client = move || {
            if let Err(error) = session::echo(&client) {
                failure::report_session("talk to", peer, &error);
            }
            // close(): the first side gets the TIME_WAIT, as in echo_server.
            drop(client);
        };

        // When no thread can be had, `serve_client` is dropped, and that closes the connection.
        if let Err(error) = thread::Builder::new()
            .name("session".to_owned())
            .spawn(serve_client)
        {
            failure::report_session("start a thread for", peer, &error);
        }
    }
}
