//! Owners that differ from us: in user, in name, in network namespace.

use crate::child::{self, Child};
use crate::cli::Options;
use crate::kinds::{listeners, queues};
use crate::net;
use crate::scene::{Scene, own_pid};
use crate::sys;
use crate::tcp::Tcp;
use rustix::process::DumpableBehavior;
use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;

/// A listener and connections that another user made.
pub fn other_user(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let parent = rustix::process::getpid();
    let child = Child::start(
        |scene| {
            sys::become_user(options.uid)?;
            // The change of user cleared both: the tie to the parent, and the right to be looked at by its own user.
            child::die_with(Some(parent))?;
            rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?;
            queues::established(options, scene)
        },
        child::hold,
    )?;
    scene.note("pid", child.pid());
    scene.note("uid", options.uid);
    scene.adopt(child)
}

/// A listener of a process with a name that may be hostile.
pub fn comm(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let mut bytes = unescaped(&options.name)?;
    // The kernel keeps 15 bytes; cut here, so that what we tell is what it keeps.
    bytes.truncate(15);
    let name = CString::new(bytes.clone()).map_err(io::Error::other)?;
    let child = Child::start(
        |scene| {
            rustix::thread::set_name(&name)?;
            listeners::listen(options, scene)
        },
        child::hold,
    )?;
    scene.note("pid", child.pid());
    scene.note("comm_bytes", bytes);
    scene.adopt(child)
}

/// Reads \xNN, \n, \r, \t, \e and \\; anything else stands for itself.
fn unescaped(text: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'e') => 0x1b,
            Some(b'\\') => b'\\',
            Some(b'x') => hexadecimal(rest.next(), rest.next())?,
            _ => return Err(io::Error::other("--name: unknown escape")),
        });
    }
    Ok(bytes)
}

/// The byte that two hexadecimal digits stand for.
fn hexadecimal(high: Option<u8>, low: Option<u8>) -> io::Result<u8> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    match (digit(high), digit(low)) {
        (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
        _ => Err(io::Error::other("--name: \\x needs two hexadecimal digits")),
    }
}

/// A listener in a namespace of its own, seen only by who looks there too.
pub fn two_namespaces(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let child = Child::start(
        |scene| {
            sys::own_network()?;
            scene.note("netns_inode", netns_inode()?);
            scene.note("pid", own_pid());
            let fd = net::listener(options.listen_at(), options.backlog())?;
            scene.hold("listener", Tcp::Listen, fd)
        },
        child::hold,
    )?;
    scene.note("own_netns_inode", netns_inode()?);
    scene.adopt(child)
}

/// The inode by which the kernel and every tool name this network namespace.
fn netns_inode() -> io::Result<u64> {
    Ok(std::fs::metadata("/proc/self/ns/net")?.ino())
}
