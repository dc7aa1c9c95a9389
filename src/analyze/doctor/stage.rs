//! Made-up cases for the tests of the rules.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use super::{Case, Finding, Outcome, Rule};
use crate::look::past::Past;
use crate::look::sample::Sample;
use crate::model::{
    AcceptQueue, Endpoint, FailedConnects, Family, Files, Holder, HolderIndex, Kernel,
    ListenerPorts, Memory, OwnerStatus, Process, Protocol, ProtocolSet, Queue, Role, Socket, State,
    TcpInfo, Timer, TimerKind, Via,
};

/// The address at which everything here happens.
pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// An address that is not of this host.
pub const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A case in the making.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    pub sample: Sample,
    holders: Vec<Holder>,
    before: Option<(Box<Stage>, f64)>,
    midway: Option<u32>,
    between: Option<Box<Stage>>,
    failed: FailedConnects,
    next: u32,
}

impl Stage {
    pub fn new() -> Self {
        let mut stage = Self::default();
        stage.sample.snapshot.report.owners_from = Some("proc");
        stage.sample.snapshot.report.collector = Some("netlink");
        stage.sample.kernel.has_address(HERE);
        stage
    }

    /// A process with so many descriptors as its limit.
    pub fn process(&mut self, pid: u32, comm: &str, limit: u64) -> &mut Self {
        let process = Process {
            command_later: false,
            pid,
            comm: comm.into(),
            command: None,
            uid: None,
            parent: None,
            started: None,
            condition: None,
            background: None,
            program: None,
            cgroup: None,
            files: Some(Files {
                open: 20,
                limit: Some(limit),
                hard_limit: Some(limit),
            }),
        };
        let facts = &mut self.sample.snapshot.facts;
        facts.processes.insert(pid, process);
        self
    }

    pub fn kernel(&mut self) -> &mut Kernel {
        &mut self.sample.kernel
    }

    /// Lets a further process hold the last socket.
    pub fn shared(&mut self, pid: u32) -> &mut Self {
        let inode = NonZeroU32::new(self.next).unwrap();
        let via = Via::Fd(self.next);
        self.holders.push(Holder { inode, pid, via });
        self
    }

    fn push(&mut self, mut socket: Socket, owner: Option<u32>) -> &mut Socket {
        self.next += 1;
        socket.cookie = NonZeroU64::new(self.next.into());
        let inode = NonZeroU32::new(self.next).unwrap();
        socket.inode = Some(inode);
        if let Some(pid) = owner {
            socket.owner_status = OwnerStatus::Found;
            let via = Via::Fd(self.next);
            self.holders.push(Holder { inode, pid, via });
        } else {
            socket.owner_status = OwnerStatus::Denied;
        }
        self.sample.snapshot.sockets.push(socket);
        self.sample.snapshot.sockets.last_mut().unwrap()
    }

    /// A connection that a client made to local port `port`.
    pub fn connection(
        &mut self,
        state: State,
        port: u16,
        peer: u16,
        owner: Option<u32>,
    ) -> Made<'_> {
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, state, Endpoint::new(HERE, port));
        socket.peer = Endpoint::new(FAR, peer).into();
        socket.role = Some(Role::Inbound);
        socket.queue = Some(Queue::Bytes { recv: 0, send: 0 });
        socket.tcp = Some(Box::default());
        Made(self.push(socket, owner))
    }

    /// A connection that went out.
    pub fn outbound(&mut self, state: State, port: u16, peer: u16, owner: Option<u32>) -> Made<'_> {
        let made = self.connection(state, port, peer, owner);
        made.0.role = Some(Role::Outbound);
        made
    }

    /// A listener with so many in its queue.
    pub fn listener(&mut self, port: u16, length: u32, limit: u32, owner: u32) -> Made<'_> {
        let local = Endpoint::new(HERE, port);
        let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Listen, local);
        socket.role = Some(Role::Listener);
        let limit = Some(limit);
        socket.queue = Some(Queue::Accept(AcceptQueue { length, limit }));
        socket.drops = Some(0);
        Made(self.push(socket, Some(owner)))
    }

    /// A bound UDP socket with a buffer of 1000.
    pub fn udp(&mut self, port: u16, used: u32, drops: u32, owner: u32) -> Made<'_> {
        let local = Endpoint::new(HERE, port);
        let mut socket = Socket::new(Protocol::Udp, Family::V4, State::Unconnected, local);
        socket.take_queue(used, 0);
        socket.memory = Some(Box::new(Memory {
            received: used,
            receive_limit: 1000,
            sending: 0,
            send_limit: 1000,
            ..Memory::default()
        }));
        socket.drops = Some(drops);
        Made(self.push(socket, Some(owner)))
    }

    /// Changes every socket.
    pub fn each(&mut self, change: impl Fn(&mut Made<'_>)) {
        for socket in &mut self.sample.snapshot.sockets {
            change(&mut Made(socket));
        }
    }

    /// The same, `seconds` after a look at `before`.
    pub fn after(mut self, before: Self, seconds: f64) -> Self {
        self.before = Some((Box::new(before), seconds));
        self
    }

    /// The same, with so many drops of every socket at a look between the others.
    pub fn midway(mut self, drops: u32) -> Self {
        self.midway = Some(drops);
        self
    }

    /// The same, with these sockets at a look between the others.
    pub fn between(mut self, between: Self) -> Self {
        self.between = Some(Box::new(between));
        self
    }

    /// The same, with attempts that failed since the look before.
    pub fn failed(mut self, failed: FailedConnects) -> Self {
        self.failed = failed;
        self
    }

    /// The same, `seconds` after a look at which there was no socket.
    pub fn after_nothing(self, seconds: f64) -> Self {
        let mut before = self.clone();
        before.sample.snapshot.sockets.clear();
        self.after(before, seconds)
    }

    /// The same, a second after a look at which all was the same.
    pub fn steady(self) -> Self {
        let before = self.clone();
        self.after(before, 1.0)
    }

    pub fn finished(&self) -> Sample {
        let mut sample = self.sample.clone();
        let snapshot = &mut sample.snapshot;
        let holders = HolderIndex::new(self.holders.clone());
        let mut ports = ListenerPorts::default();
        for socket in &mut snapshot.sockets {
            socket.held = holders.find(socket.inode);
            ports.note(socket);
        }
        snapshot.facts.holders = holders;
        sample
    }

    /// A case of one look.
    pub fn case(now: &Sample) -> Case<'_> {
        let protocols = ProtocolSet {
            tcp: true,
            udp: true,
            raw: false,
        };
        Case::new(now, None, protocols)
    }

    /// What the rule says.
    pub fn outcome(&self, rule: &Rule) -> Outcome {
        let mut now = self.finished();
        let past = self.before.as_ref().map(|(before, seconds)| {
            now.at = Duration::from_secs_f64(*seconds);
            let mut past = Past::of(before.finished());
            past.failed = self.failed.clone();
            if let Some(drops) = self.midway {
                let mut between = before.clone();
                between.each(|made| made.0.drops = Some(drops));
                past.pass(between.finished().sockets(), Kernel::default());
            }
            if let Some(between) = &self.between {
                past.pass(between.finished().sockets(), Kernel::default());
            }
            past
        });
        let protocols = ProtocolSet {
            tcp: true,
            udp: true,
            raw: false,
        };
        (rule.check)(&Case::new(&now, past.as_ref(), protocols))
    }

    /// The one finding of the rule.
    pub fn only(&self, rule: &Rule) -> Finding {
        let mut findings = self.outcome(rule).unwrap().findings;
        assert_eq!(findings.len(), 1, "{findings:#?}");
        let finding = findings.pop().unwrap();
        assert_eq!(finding.id, rule.id);
        assert!(!finding.remedy.is_empty() && !finding.cause.is_empty());
        finding
    }

    /// That the rule could look, and found nothing.
    pub fn none(&self, rule: &Rule) {
        assert_eq!(self.outcome(rule), Ok(Vec::new().into()));
    }
}

/// A socket that was made, to be changed further.
#[derive(Debug)]
pub struct Made<'a>(pub &'a mut Socket);

impl Made<'_> {
    fn tcp(&mut self) -> &mut TcpInfo {
        self.0.tcp.get_or_insert_default()
    }

    pub fn recv(mut self, recv: u32) -> Self {
        self.0.take_queue(recv, 0);
        self.tcp().receive_window = Some(0);
        self
    }

    pub fn send(&mut self, send: u32) {
        self.0.queue = Some(Queue::Bytes { recv: 0, send });
    }

    /// Nothing came and nothing went for so long.
    pub fn quiet(mut self, ms: u32) -> Self {
        let tcp = self.tcp();
        tcp.since_received_ms = Some(ms);
        tcp.since_acked_ms = Some(ms);
        tcp.since_sent_ms = Some(ms);
        self
    }

    pub fn window(mut self, window: u32) -> Self {
        self.tcp().send_window = Some(window);
        self
    }

    pub fn acked(mut self, bytes: u64) -> Self {
        self.tcp().bytes_acked = Some(bytes);
        self.tcp().bytes_received = Some(bytes);
        self
    }

    pub fn timer(self, kind: TimerKind, retransmits: u8) -> Self {
        self.0.timer = Some(Timer {
            kind,
            expires_ms: 500,
            retransmits,
        });
        self
    }
}
