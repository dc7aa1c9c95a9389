//! Connections that live for a few milliseconds, one after the other, of processes that are known.

use crate::child::Child;
use crate::cli::Options;
use crate::net;
use crate::scene::Scene;
use rustix::net::SocketType;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::Duration;

/// A client waits so long before it connects again: the local ports of its address last for minutes.
const PAUSE: Duration = Duration::from_millis(5);
/// The address of the first client; each has its own, so that it shows whose a connection is.
const FIRST: [u8; 4] = [127, 0, 0, 2];

/// A server, and WORKERS clients that connect to it without end, each from an address of its own; after --life
/// milliseconds the client closes, or the server (--server-first).
pub fn lives(options: &Options, scene: &mut Scene) -> io::Result<()> {
    let life = Duration::from_millis(options.life.into());
    let server_first = options.server_first;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let listener = net::listener(at, 128)?;
    let at = net::local(&listener)?;
    let serves = move |listener| serve(&TcpListener::from(listener), life, server_first);
    let mut server = Child::working(|_| Ok(listener), serves)?;
    server.report()?;
    scene.note("server", server.pid());
    scene.note("port", at.port());
    scene.keep_child(server);
    let mut clients = serde_json::Map::new();
    for nth in 0..options.workers {
        let [a, b, c, d] = FIRST;
        let from = Ipv4Addr::new(a, b, c, d + nth as u8);
        let calls = move |()| loop {
            // A step that fails is simply not taken.
            let _ = call(from, at, life, server_first);
            sleep(PAUSE);
        };
        let mut client = Child::working(|_| Ok(()), calls)?;
        client.report()?;
        clients.insert(from.to_string(), client.pid().into());
        scene.keep_child(client);
    }
    scene.note("clients", clients);
    Ok(())
}

/// One connection.
fn call(from: Ipv4Addr, at: SocketAddr, life: Duration, server_first: bool) -> io::Result<()> {
    let fd = net::socket(at, SocketType::STREAM)?;
    rustix::net::bind(&fd, &SocketAddr::from((from, 0)))?;
    rustix::net::connect(&fd, &at)?;
    let stream = TcpStream::from(fd);
    if server_first {
        return read_to_end(stream);
    }
    sleep(life);
    drop(stream);
    Ok(())
}

fn serve(listener: &TcpListener, life: Duration, server_first: bool) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            if server_first {
                sleep(life);
                drop(stream);
                return Ok(());
            }
            read_to_end(stream)
        });
    }
}

fn read_to_end(mut stream: TcpStream) -> io::Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest)?;
    Ok(())
}
