//! Names from the system: users, interfaces, hosts, services.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::Builder;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};

/// The name of a user, through NSS; `None` when the uid has no name.
#[must_use]
pub fn user(uid: u32) -> Option<String> {
    let user = uzers::get_user_by_uid(uid)?;
    Some(user.name().to_string_lossy().into_owned())
}

/// The uid of a user name, through NSS.
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
    pub fn name(&self, index: NonZeroU32) -> Option<String> {
        netdevice::index_to_name(self.socket.as_ref()?, index.get()).ok()
    }
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
pub fn hosts(addresses: Vec<IpAddr>, limit: Duration) -> HashMap<IpAddr, String> {
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

fn host(address: IpAddr) -> Option<String> {
    let name = dns_lookup::lookup_addr(&address).ok()?;
    (name != address.to_string()).then_some(name)
}

/// The name of a port in the system's database (`/etc/services` and its like).
#[must_use]
pub fn service(port: u16, datagram: bool) -> Option<String> {
    let address = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port);
    let mut flags = libc::NI_NUMERICHOST;
    if datagram {
        flags |= libc::NI_DGRAM;
    }
    let (_, service) = dns_lookup::getnameinfo(&address, flags).ok()?;
    (service != port.to_string()).then_some(service)
}

/// The port of a service by its name, TCP or UDP, from the system's database.
#[must_use]
pub fn port_of(service: &str) -> Option<u16> {
    let found = dns_lookup::getaddrinfo(None, Some(service), None).ok()?;
    let mut ports = found.filter_map(|info| Some(info.ok()?.sockaddr.port()));
    ports.next().filter(|port| *port > 0)
}
