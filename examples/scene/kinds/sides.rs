//! Connections whose two ends are in two processes, so that it is clear which of them something is said about.

use crate::child::Child;
use crate::net;
use crate::scene::{Record, Scene};
use crate::tcp::Tcp;
use rustix::fd::OwnedFd;
use std::io;

/// What one of the two processes does with its ends.
pub struct Side<'a> {
    /// The label of its ends.
    pub label: &'static str,
    /// Done before the truth is told. The servers' part is over when the clients' begins.
    pub ready: &'a dyn Fn(&mut Scene, &[OwnedFd]) -> io::Result<()>,
    /// Done from then on; it may return, the ends stay open in any case if it does not drop them.
    pub work: fn(Vec<OwnedFd>),
}

/// Connections through a listener, both ends still here.
pub struct Ends {
    listener: OwnedFd,
    clients: Vec<OwnedFd>,
    servers: Vec<OwnedFd>,
}

impl Ends {
    /// Makes so many connections.
    pub fn connect(listener: OwnedFd, count: u32) -> io::Result<Self> {
        let (mut clients, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let pair = net::pair(&listener)?;
            clients.push(pair.client);
            servers.push(pair.server);
        }
        Ok(Self {
            listener,
            clients,
            servers,
        })
    }

    /// Gives the listener and the servers' ends to one process and the clients' to another; none stay here.
    ///
    /// Notes `server_pid`, `client_pid`, `destination` (of the clients) and `connections`; returns the pids.
    pub fn part(
        self,
        scene: &mut Scene,
        server: &Side<'_>,
        client: &Side<'_>,
    ) -> io::Result<[i32; 2]> {
        scene.note("destination", net::reach(&self.listener)?.to_string());
        scene.note("connections", self.clients.len());
        let mut all = Some(self);
        // Each child takes its own copy of everything, and closes there what is not its part.
        let mut servers = Child::working(
            |scene| {
                let ends = all.take().ok_or_else(taken)?;
                drop(ends.clients);
                scene.hold("listener", Tcp::Listen, ends.listener)?;
                prepare(scene, server, ends.servers)
            },
            server.work,
        )?;
        let server_pid = servers.pid();
        scene.adopt_report(&mut servers)?;
        let clients = Child::working(
            |scene| {
                let ends = all.take().ok_or_else(taken)?;
                drop((ends.listener, ends.servers));
                prepare(scene, client, ends.clients)
            },
            client.work,
        )?;
        drop(all);
        scene.keep_child(servers);
        let pids = [server_pid, clients.pid()];
        scene.note("server_pid", pids[0]);
        scene.note("client_pid", pids[1]);
        scene.adopt(clients)?;
        Ok(pids)
    }
}

/// Records the ends and makes them ready.
fn prepare(scene: &mut Scene, side: &Side<'_>, ends: Vec<OwnedFd>) -> io::Result<Vec<OwnedFd>> {
    for end in &ends {
        net::reset_on_close(end)?;
        scene.tell(&Record::tcp(side.label, Tcp::Established, end)?);
    }
    (side.ready)(scene, &ends)?;
    Ok(ends)
}

/// Keeps the ends open and does nothing with them.
pub fn idle(ends: Vec<OwnedFd>) {
    std::mem::forget(ends);
}

fn taken() -> io::Error {
    io::Error::other("the ends are gone")
}
