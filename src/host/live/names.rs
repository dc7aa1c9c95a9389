//! Names from the system: users, interfaces, hosts, services.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::CString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::Builder;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::model::Foreign;

/// `getpwuid_r(3)`: the name of a user, through NSS; `None` when the uid has no name.
#[must_use]
pub fn user(uid: u32) -> Option<Foreign> {
    let user = uzers::get_user_by_uid(uid)?;
    Some(user.name().as_encoded_bytes().into())
}

/// `getpwnam_r(3)`: the uid of a user name, through NSS.
#[must_use]
pub fn uid(name: &str) -> Option<u32> {
    uzers::get_user_by_name(name).map(|user| user.uid())
}

/// Looks interface names up in the calling thread's network namespace.
#[derive(Debug)]
pub struct Interfaces {
    socket: Option<OwnedFd>,
}

impl Interfaces {
    /// A look-up; it answers nothing where no socket can be made.
    #[must_use]
    pub fn new() -> Self {
        let socket = socket_with(
            AddressFamily::INET,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        );
        Self {
            socket: socket.ok(),
        }
    }

    /// The name of an interface.
    #[must_use]
    pub fn name(&self, index: NonZeroU32) -> Option<Foreign> {
        name_of(self.socket.as_ref()?.as_fd(), index)
    }
}

/// `if_nametoindex(3)`: the index of an interface in the calling thread's network namespace.
#[must_use]
pub fn interface_index(name: &[u8]) -> Option<NonZeroU32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name ends in NUL and outlives the call.
    NonZeroU32::new(unsafe { libc::if_nametoindex(name.as_ptr()) })
}

/// `ioctl(socket, SIOCGIFNAME)`: a name is bytes, and those who make safe calls take text only.
///
/// # References
/// netdevice(7)
fn name_of(socket: BorrowedFd<'_>, index: NonZeroU32) -> Option<Foreign> {
    // SAFETY: all of the structure is plain bytes, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_ifindex = i32::try_from(index.get()).ok()?;
    // SAFETY: the kernel reads and writes this structure, which outlives the call.
    let outcome =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFNAME as _, &raw mut request) };
    let name = request.ifr_name.iter().take_while(|byte| **byte != 0);
    let name: Vec<u8> = name.flat_map(|byte| byte.to_ne_bytes()).collect();
    (outcome == 0 && !name.is_empty()).then(|| name.into())
}

impl Default for Interfaces {
    fn default() -> Self {
        Self::new()
    }
}

/// Threads that ask the resolver at the same time.
const RESOLVERS: usize = 16;

/// Resolves addresses to host names on a bounded pool of threads, until `limit` has passed.
///
/// What did not answer in time is missing in the result; its thread is left to end alone.
#[must_use]
pub fn hosts(addresses: Vec<IpAddr>, limit: Duration) -> HashMap<IpAddr, Foreign> {
    let deadline = Instant::now() + limit;
    let wanted = addresses.len();
    let queue = Arc::new(Mutex::new(addresses));
    let (sender, answers) = mpsc::channel();
    for _ in 0..RESOLVERS.min(wanted) {
        let (queue, sender) = (Arc::clone(&queue), sender.clone());
        // Names are a comfort: without a thread there are fewer.
        let _ = Builder::new().spawn(move || {
            while let Some(address) = queue.lock().ok().and_then(|mut queue| queue.pop()) {
                if sender.send((address, host(address))).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut names = HashMap::new();
    for _ in 0..wanted {
        let left = deadline.saturating_duration_since(Instant::now());
        match answers.recv_timeout(left) {
            Ok((address, Some(name))) => names.insert(address, name),
            Ok((_, None)) => None,
            Err(_) => break,
        };
    }
    names
}

fn host(address: IpAddr) -> Option<Foreign> {
    let name = dns_lookup::lookup_addr(&address).ok()?;
    (name != address.to_string()).then(|| name.into())
}

/// `getnameinfo(3)`: the name of a port in the system's database (`/etc/services` and its like).
#[must_use]
pub fn service(port: u16, datagram: bool) -> Option<Foreign> {
    let address = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port);
    let mut flags = libc::NI_NUMERICHOST;
    if datagram {
        flags |= libc::NI_DGRAM;
    }
    let (_, service) = dns_lookup::getnameinfo(&address, flags).ok()?;
    (service != port.to_string()).then(|| service.into())
}

/// `getaddrinfo(3)`: the port of a service by its name, TCP or UDP, from the system's database.
#[must_use]
pub fn port_of(service: &str) -> Option<u16> {
    let found = dns_lookup::getaddrinfo(None, Some(service), None).ok()?;
    let mut ports = found.filter_map(|info| Some(info.ok()?.sockaddr.port()));
    ports.next().filter(|port| *port > 0)
}
