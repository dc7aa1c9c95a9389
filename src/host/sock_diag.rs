//! Conversations with `sock_diag`: a request, and the datagrams that answer it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::answer::{Digest, Failure, Kept};
use super::live::monotonic;
use super::live::sock_diag::{self, Received, Transport, ZeroStamp};
use super::recording::Slot;
use super::{Host, Source};
use crate::model::foreign::exact;
use crate::wire::{inet_diag, nlmsg};

/// The netlink port of who replays answers: no process has it.
const NO_PORT: u32 = 0;

/// A `NETLINK_SOCK_DIAG` socket of the network namespace of a host.
#[derive(Debug)]
pub struct SockDiag {
    host: Host,
    /// `None` where nobody but a recording is asked.
    live: Option<sock_diag::SockDiag>,
    /// The conversation that is recorded now.
    kept: Option<(Slot, Frames)>,
    zero: Option<ZeroStamp>,
    /// What is left of the conversation that is replayed now.
    told: VecDeque<(Kind, Vec<u8>)>,
    /// The sequence of the last request, and what it was when that was recorded.
    sequence: u32,
    was: u32,
}

impl Host {
    /// Opens a `NETLINK_SOCK_DIAG` socket.
    ///
    /// # Errors
    /// `EPERM`, `EAFNOSUPPORT` or `EPROTONOSUPPORT` under seccomp, gVisor and WSL1.
    pub fn sock_diag(&self) -> io::Result<SockDiag> {
        let open = || self.inside_of(sock_diag::SockDiag::open)?;
        Ok(SockDiag {
            host: self.clone(),
            live: self.open(format_args!("{}/sock-diag", self.place_name()), open)?,
            kept: None,
            zero: None,
            told: VecDeque::new(),
            sequence: 0,
            was: 0,
        })
    }

    /// Listens from now on to what the kernel tells of TCP sockets that end; `None` where it
    /// tells nobody.
    #[must_use]
    pub fn notices(&self) -> Option<Notices> {
        let open = || self.inside_of(sock_diag::Notices::open)?;
        let key = format_args!("{}/hears-endings", self.place_name());
        Some(Notices {
            host: self.clone(),
            live: self.open(key, open).ok()?,
        })
    }
}

impl SockDiag {
    fn live(&mut self) -> io::Result<&mut sock_diag::SockDiag> {
        self.live.as_mut().ok_or_else(Host::silent)
    }

    /// Ends the conversation that is recorded.
    fn end(&mut self) {
        if let (Some((slot, frames)), Source::Recording(recording)) =
            (self.kept.take(), &self.host.source)
        {
            let mut bytes = Frames::default();
            if let Some(zero) = self.zero.take() {
                let numbers = [zero.ms(), zero.growth()].map(u32::to_le_bytes);
                bytes.add(Kind::ZeroStamp, &numbers.concat());
            }
            bytes.0.extend(frames.0);
            recording.keep(&slot, Kept::Bytes(bytes.0));
        }
    }

    fn note(&mut self, kind: Kind, bytes: &[u8]) {
        if let Some((_, frames)) = &mut self.kept {
            frames.add(kind, bytes);
        }
    }

    fn note_error<T>(&mut self, outcome: &io::Result<T>) {
        if let Err(error) = outcome {
            self.note(Kind::Error, Failure::from(error).text().as_bytes());
        }
    }

    fn begin_replay(&mut self, parts: VecDeque<(Kind, Vec<u8>)>) {
        self.told.clear();
        self.zero = None;
        for (kind, bytes) in parts {
            match kind {
                Kind::Request => self.was = nlmsg::sequence(&bytes).unwrap_or_default(),
                Kind::ZeroStamp => self.zero = zero_stamp(&bytes),
                _ => self.told.push_back((kind, bytes)),
            }
        }
    }

    /// The next datagram of the conversation that is replayed, as an answer to the last request.
    fn replay(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let (kind, mut bytes) = self.told.pop_front().ok_or_else(Host::silent)?;
        if kind == Kind::Error {
            return Err(Failure::read(&exact(&bytes)).into());
        }
        if kind != Kind::OfOthers {
            nlmsg::readdress(&mut bytes, self.was, self.sequence, NO_PORT);
        }
        let length = bytes.len().min(buffer.len());
        if let (Some(buffer), Some(bytes)) = (buffer.get_mut(..length), bytes.get(..length)) {
            buffer.copy_from_slice(bytes);
        }
        Ok(Received {
            length,
            truncated: kind == Kind::Cut || length < bytes.len(),
            from_kernel: kind != Kind::OfOthers,
        })
    }
}

impl Drop for SockDiag {
    fn drop(&mut self) {
        self.end();
    }
}

impl Transport for SockDiag {
    fn port(&self) -> u32 {
        self.live.as_ref().map_or(NO_PORT, Transport::port)
    }

    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.end();
        self.sequence = nlmsg::sequence(request).unwrap_or_default();
        let key = || format!("{}/sock-diag/{}", self.host.place_name(), name(request));
        match &self.host.source {
            Source::Live => {}
            Source::Recording(recording) => {
                self.kept = Some((recording.reserve(key()), Frames::default()));
                self.note(Kind::Request, request);
            }
            Source::Recorded(recorded) => {
                let Kept::Bytes(bytes) = recorded.answer(&key()) else {
                    return Err(Host::silent());
                };
                self.begin_replay(Frames(bytes).read());
                return Ok(());
            }
        }
        let sent = self.live()?.send(request);
        self.note_error(&sent);
        sent
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.end();
        self.told.clear();
        *self = self.host.sock_diag()?;
        Ok(())
    }

    fn buckets(&self) -> Option<u64> {
        Some(self.host.tcp_buckets())
    }

    fn zero_stamp(&mut self) -> Option<ZeroStamp> {
        if !self.host.is_recorded() {
            self.zero = ZeroStamp::read().ok();
        }
        self.zero
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        if self.host.is_recorded() {
            return self.replay(buffer);
        }
        let received = self.live()?.receive(buffer);
        if self.kept.is_some() {
            match &received {
                Ok(received) => {
                    let bytes = buffer.get(..received.length).unwrap_or_default();
                    self.note(Kind::of(*received), bytes);
                }
                Err(_) => self.note_error(&received),
            }
        }
        received
    }
}

fn name(request: &[u8]) -> String {
    inet_diag::name(request).unwrap_or_else(|| Digest::of(request).to_string())
}

fn zero_stamp(bytes: &[u8]) -> Option<ZeroStamp> {
    let (ms, growth) = bytes.split_first_chunk()?;
    let growth = growth.first_chunk()?;
    let [ms, growth] = [ms, growth].map(|number| u32::from_le_bytes(*number));
    Some(ZeroStamp::told(ms, growth))
}

/// What is told of TCP sockets that end.
#[derive(Debug)]
pub struct Notices {
    host: Host,
    live: Option<sock_diag::Notices>,
}

impl Notices {
    /// Lets so much time pass, and hands on each datagram that comes meanwhile.
    ///
    /// # Errors
    /// When nothing more will come; the time has passed nevertheless.
    pub fn listen(&self, time: Duration, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if self.host.is_live() {
            return self.listen_live(time, each);
        }
        let heard: io::Result<Vec<u8>> =
            self.host
                .ask(format_args!("{}/endings", self.host.place_name()), || {
                    let mut frames = Frames::default();
                    self.listen_live(time, &mut |bytes| frames.add(Kind::Datagram, bytes))?;
                    Ok(frames.0)
                });
        for (_, bytes) in Frames(heard?).read() {
            each(&bytes);
        }
        Ok(())
    }

    fn listen_live(&self, time: Duration, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let notices = self.live.as_ref().ok_or_else(Host::silent)?;
        let end = monotonic() + time;
        loop {
            let taken = notices.take(each);
            let left = end.saturating_sub(monotonic());
            // Where some were lost the others are still true.
            if let Err(error) = taken
                && error.raw_os_error() != Some(libc::ENOBUFS)
            {
                std::thread::sleep(left);
                return Err(error);
            }
            if left.is_zero() {
                return Ok(());
            }
            notices.wait(left);
        }
    }
}

/// What a part of a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    /// How long ago a time is that was never taken, and how much more it may be: two numbers.
    ZeroStamp,
    /// From the kernel, whole.
    Datagram,
    /// From the kernel, with its end lost.
    Cut,
    /// From another process.
    OfOthers,
    /// Why there was none.
    Error,
}

impl Kind {
    const ALL: [(Self, u8); 6] = [
        (Self::Request, b'>'),
        (Self::ZeroStamp, b'0'),
        (Self::Datagram, b'<'),
        (Self::Cut, b'!'),
        (Self::OfOthers, b'?'),
        (Self::Error, b'e'),
    ];

    fn of(received: Received) -> Self {
        match received {
            Received {
                from_kernel: false, ..
            } => Self::OfOthers,
            Received {
                truncated: true, ..
            } => Self::Cut,
            Received { .. } => Self::Datagram,
        }
    }
}

/// The parts of a conversation as they are kept: the kind, the length (32 bits, little-endian),
/// and the bytes of each.
#[derive(Debug, Default)]
struct Frames(Vec<u8>);

impl Frames {
    fn add(&mut self, kind: Kind, bytes: &[u8]) {
        let sign = Kind::ALL.iter().find(|(known, _)| *known == kind);
        self.0.extend(sign.map(|(_, sign)| *sign));
        // No datagram has gigabytes.
        self.0
            .extend(u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes());
        self.0.extend(bytes);
    }

    fn read(&self) -> VecDeque<(Kind, Vec<u8>)> {
        let mut parts = VecDeque::new();
        let mut rest = self.0.as_slice();
        while let Some((sign, after)) = rest.split_first()
            && let Some((_, kind)) = Kind::ALL
                .iter()
                .map(|(kind, sign)| (sign, kind))
                .find(|(known, _)| *known == sign)
            && let Some((length, after)) = after.split_first_chunk()
            && let Ok(length) = usize::try_from(u32::from_le_bytes(*length))
            && let Some((bytes, after)) = after.split_at_checked(length)
        {
            parts.push_back((*kind, bytes.to_vec()));
            rest = after;
        }
        parts
    }
}
