//! Sockets that a look into /proc/PID/fd does not find.

use crate::child::{self, Child};
use crate::cli::Options;
use crate::scene::{Record, Scene, own_pid};
use crate::tcp::Tcp;
use crate::{net, sys, wait};
use rustix::fd::{AsFd, AsRawFd};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What a thread tells of the listener it has made, and its own id.
type Told = io::Result<(Record, i32)>;

/// A listener that one thread made after it left the common fd table.
pub fn thread_files(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let (record, tid) = listener_in_thread(options, scene, sys::own_fd_table)?;
    scene.tell(&record);
    scene.note("pid", own_pid());
    scene.note("tid", tid);
    Ok(())
}

/// Starts a thread that prepares itself, makes a listener, and keeps both until the scene ends.
fn listener_in_thread(
    options: &Options,
    scene: &mut Scene,
    prepare: fn() -> io::Result<()>,
) -> io::Result<(Record, i32)> {
    let (tell, told) = channel::<Told>();
    let (stay, leave) = channel();
    let (at, backlog) = (options.listen_at(), options.backlog());
    std::thread::spawn(move || {
        let made = prepare().and_then(|()| net::listener(at, backlog));
        hold_in_thread(made, &tell, &leave);
    });
    scene.keep_thread(stay);
    told.recv().map_err(io::Error::other)?
}

/// Tells of the listener and waits, with the listener open, for the scene to go.
fn hold_in_thread(made: io::Result<impl AsFd>, tell: &Sender<Told>, leave: &Receiver<()>) {
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    let told = match &made {
        Ok(fd) => wait::until_state(fd, Tcp::Listen)
            .and_then(|()| Record::tcp("listener", Tcp::Listen, fd))
            .map(|record| (record, tid)),
        Err(error) => Err(io::Error::other(error.to_string())),
    };
    let _ = tell.send(told);
    let _ = leave.recv();
}

/// A process whose leader is a zombie while another thread still serves.
pub fn dead_leader(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let child = Child::start(
        |scene| {
            let prepare = || child::die_with(None);
            let (record, tid) = listener_in_thread(options, scene, prepare)?;
            scene.tell(&record);
            scene.note("tid", tid);
            Ok(())
        },
        sys::exit_thread,
    )?;
    let pid = child.pid();
    scene.adopt(child)?;
    scene.note("pid", pid);
    wait::until(|| {
        let stat = std::fs::read(format!("/proc/{pid}/stat"))?;
        // The state follows the last ')': the name before it may contain anything.
        let state = stat
            .rsplit(|byte| *byte == b')')
            .next()
            .and_then(|rest| rest.get(1));
        Ok((state != Some(&b'Z')).then(|| "the leader has not exited".to_owned()))
    })
}

/// One listener with many holders: this process under two fds, a thread of it under one that only the thread's own
/// table has, and a child whose leader has exited and left a thread.
pub fn threads_beside(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    wait::until_state(&listener, Tcp::Listen)?;
    let mut child = Child::start(
        |_| {
            let (tell, told) = channel();
            std::thread::spawn(move || {
                let _ = tell.send(child::die_with(None));
                child::hold()
            });
            told.recv().map_err(io::Error::other)?
        },
        sys::exit_thread,
    )?;
    child.report()?;
    let raw = listener.as_raw_fd();
    let (tell, told) = channel();
    let (stay, leave) = channel::<()>();
    let copied = listener.try_clone()?;
    let second = copied.as_raw_fd();
    std::thread::spawn(move || {
        let made = sys::own_fd_table().and_then(|()| copied.try_clone());
        let _ = tell.send(
            made.as_ref()
                .map(AsRawFd::as_raw_fd)
                .map_err(io::Error::kind),
        );
        let _ = leave.recv();
    });
    scene.keep_thread(stay);
    let in_thread = told.recv().map_err(io::Error::other)??;
    let pids = [own_pid(), child.pid()];
    let record = Record::tcp("listener", Tcp::Listen, &listener)?;
    let own = [raw, second, in_thread].map(|fd| (pids[0], fd));
    scene.note("pids", pids.to_vec());
    scene.tell(&record.owned_by([&own[..], &[(pids[1], raw)]].concat()));
    scene.keep(listener);
    scene.keep_child(child);
    Ok(())
}

/// A listener that was registered with an io_uring and closed, in the fd table that one thread has of its own.
pub fn thread_ring(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    wait::until_state(&listener, Tcp::Listen)?;
    let record = Record::tcp("registered", Tcp::Listen, &listener)?.owned_by(Vec::new());
    let (tell, told) = channel();
    let (stay, leave) = channel::<()>();
    let raw = listener.as_raw_fd();
    std::thread::spawn(move || {
        let made = sys::own_fd_table().and_then(|()| sys::ring_that_holds(raw));
        // The thread's own table has the listener, too.
        sys::close(raw);
        let _ = tell.send(made.as_ref().map(|_| ()).map_err(io::Error::kind));
        let _ = leave.recv();
    });
    scene.keep_thread(stay);
    told.recv().map_err(io::Error::other)??;
    drop(listener);
    scene.tell(&record);
    scene.note("pid", own_pid());
    Ok(())
}

/// A listener that was sent and never received: the message in the queue is its only holder.
pub fn scm(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    wait::until_state(&listener, Tcp::Listen)?;
    let record = Record::tcp("in-flight", Tcp::Listen, &listener)?.owned_by(Vec::new());
    let (sender, receiver) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let files = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other("no room for the ancillary message"));
    }
    let data = [IoSlice::new(b"x")];
    rustix::net::sendmsg(&sender, &data, &mut ancillary, SendFlags::empty())?;
    scene.tell(&record);
    scene.note("pid", own_pid());
    scene.note("sender_fd", sender.as_raw_fd());
    scene.note("receiver_fd", receiver.as_raw_fd());
    scene.keep(sender);
    scene.keep(receiver);
    Ok(())
}

/// A listener that was registered with an io_uring and then closed.
pub fn io_uring(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let listener = net::listener(options.listen_at(), options.backlog())?;
    wait::until_state(&listener, Tcp::Listen)?;
    let record = Record::tcp("registered", Tcp::Listen, &listener)?.owned_by(Vec::new());
    let ring = sys::ring_that_holds(listener.as_raw_fd())?;
    drop(listener);
    scene.tell(&record);
    scene.note("pid", own_pid());
    scene.note("ring_fd", ring.as_raw_fd());
    scene.keep(ring);
    Ok(())
}
