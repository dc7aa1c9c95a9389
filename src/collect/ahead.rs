//! The datagrams of one dump, received ahead: the kernel lists the next sockets while the last
//! ones are read.
//!
//! The kernel works inside `recvmsg`, so that reading what it gave costs it time unless another
//! thread does that.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, scope};

use crate::host::{Received, Transport};
use crate::wire::nlmsg::Dump;

/// Datagrams that may wait to be read.
const AHEAD: usize = 16;

/// Takes a datagram; says whether the dump is over, or what is wrong.
pub(super) type Take<'a, E> = &'a mut dyn FnMut(&[u8], Received) -> Result<bool, E>;

/// A datagram, or why none came.
type Answer = io::Result<(Vec<u8>, Received)>;

/// Hands every datagram of `dump` to `each`, which says when the dump is over, or what is wrong.
///
/// # Errors
/// What receiving or `each` says.
pub(super) fn receive<T: Transport + Send, E: From<io::Error>>(
    transport: &mut T,
    dump: &Dump,
    size: usize,
    each: Take<'_, E>,
) -> Result<(), E> {
    let (to_reader, answers) = sync_channel(AHEAD);
    let (used, free) = channel();
    let begun = scope(|scope| {
        let transport = &mut *transport;
        let all = move || receive_all(transport, dump, size, &free, &to_reader);
        let receiver = Builder::new().spawn_scoped(scope, all);
        receiver.ok().map(|_| {
            // Who stops early drops its end: else the receiver would wait for room, for ever.
            let answers = answers;
            read_all(&answers, &used, each)
        })
    });
    // Without a thread (RLIMIT_NPROC) one after the other.
    begun.unwrap_or_else(|| receive_here(transport, size, each))
}

/// Receives and reads in turn.
pub(super) fn receive_here<T: Transport, E: From<io::Error>>(
    transport: &mut T,
    size: usize,
    each: Take<'_, E>,
) -> Result<(), E> {
    let mut buffer = vec![0; size];
    loop {
        let received = transport.receive(&mut buffer)?;
        if each(buffer.get(..received.length).unwrap_or_default(), received)? {
            return Ok(());
        }
    }
}

/// Receives until the dump is over, or nobody reads any more.
fn receive_all<T: Transport>(
    transport: &mut T,
    dump: &Dump,
    size: usize,
    free: &Receiver<Vec<u8>>,
    to_reader: &SyncSender<Answer>,
) {
    loop {
        let mut buffer = free.try_recv().unwrap_or_else(|_| vec![0; size]);
        let answer = transport.receive(&mut buffer);
        let is_last = match &answer {
            Ok(received) => {
                let datagram = buffer.get(..received.length).unwrap_or_default();
                received.from_kernel && dump.ends_in(datagram)
            }
            Err(_) => true,
        };
        let answer = answer.map(|received| (buffer, received));
        if to_reader.send(answer).is_err() || is_last {
            return;
        }
    }
}

fn read_all<E: From<io::Error>>(
    answers: &Receiver<Answer>,
    used: &Sender<Vec<u8>>,
    each: Take<'_, E>,
) -> Result<(), E> {
    while let Ok(answer) = answers.recv() {
        let (buffer, received) = answer?;
        if each(buffer.get(..received.length).unwrap_or_default(), received)? {
            return Ok(());
        }
        // The one who receives may have ended.
        let _ = used.send(buffer);
    }
    Err(io::Error::other("the dump ended without its last message").into())
}
