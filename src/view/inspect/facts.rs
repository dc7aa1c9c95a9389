//! What every socket has: who holds it, what it is, what waits in it, its timers.

use std::net::IpAddr;

use super::{FactGroup, Told, cell, plain};
use crate::columns::Row;
use crate::model::foreign::shown;
use crate::model::{OwnerStatus, Process, Queue, SocketOptions, TimerKind, Uid, Ulp, Via};
use crate::text::cell::explanation;
use crate::text::grid::Cell;
use crate::text::theme::Tone;
use crate::text::units::{bytes, micros, millis};
use crate::view::list::queue_tone;
use crate::view::story::since;

/// Owners that are shown in full; further ones are counted.
const OWNERS: usize = 4;

/// Who holds it, since when, by which command; where nobody does, why.
pub(super) fn who(row: Row<'_>, now: i64) -> FactGroup {
    let processes: Vec<_> = row.facts.owner_processes(row.socket).collect();
    let mut lines = Vec::new();
    if processes.is_empty() && row.socket.owner_status != OwnerStatus::NotAsked {
        let why = explanation(row.socket.owner_status);
        lines.push(Told::Prose(Cell::new(why, Tone::Waiting)));
    }
    let mut command = None;
    for process in processes.iter().take(OWNERS) {
        lines.push(owner(row, process));
        // A helper has its parent's command line: once is enough.
        if command.replace(&process.command) != Some(&process.command) {
            lines.extend(origin(process, now));
        }
    }
    if let Some(more) = processes.len().checked_sub(OWNERS + 1) {
        let text = match more + 1 {
            1 => "and 1 more process holds it".to_owned(),
            more => format!("and {more} more processes hold it"),
        };
        lines.push(Told::Prose(Cell::new(text, Tone::Quiet)));
    }
    FactGroup { name: "who", lines }
}

fn owner(row: Row<'_>, process: &Process) -> Told {
    let ways = row
        .facts
        .owners(row.socket)
        .filter(|(holder, _)| holder.pid == process.pid)
        .map(|(holder, _)| match holder.via {
            Via::Fd(fd) => plain(format!("fd {fd}")),
            Via::IoUring => plain("io_uring"),
        });
    let name = Cell::new(shown(&process.comm).to_string(), Tone::Strong);
    let mut parts = vec![name, plain(format!("pid {}", process.pid))];
    parts.extend(ways);
    parts.extend(process.uid.map(|uid| plain(user(row, uid))));
    Told::Parts(parts, ", ")
}

/// `user app (1000)`, or `uid 1000` where it has no name.
fn user(row: Row<'_>, uid: u32) -> String {
    match row.facts.user(uid) {
        Some(name) => format!("user {name} ({uid})"),
        None => format!("uid {uid}"),
    }
}

fn origin(process: &Process, now: i64) -> Vec<Told> {
    let mut lines = Vec::new();
    if let Some(command) = &process.command {
        lines.push(Told::Long(plain(shown(command).to_string())));
    }
    if let Some(started) = process.started {
        lines.push(Told::Prose(plain(since(started, now))));
    }
    let unit = process.unit();
    let container = process.container();
    let mut place = Vec::new();
    place.extend(unit.map(|unit| plain(format!("unit {}", shown(unit)))));
    place.extend(container.map(|c| plain(format!("container {} ({})", c.id, c.engine))));
    if let Some(cgroup) = process.cgroup.as_ref().filter(|path| path.bytes() != b"/") {
        place.push(plain(format!("cgroup {cgroup}")));
    }
    if !place.is_empty() {
        lines.push(Told::Parts(place, ", "));
    }
    lines
}

/// What makes it another than the next, and what was set on it.
pub(super) fn socket(row: Row<'_>) -> FactGroup {
    let socket = row.socket;
    let mut parts = Vec::new();
    let mut add = |name: &str, id: &str| {
        let text = cell(id, row);
        if !text.is_empty() {
            parts.push(plain(format!("{name} {text}")));
        }
    };
    add("inode", "inode");
    add("cookie", "cookie");
    add("netns", "netns");
    add("interface", "interface");
    add("ulp", "ulp");
    if socket.owner_status != OwnerStatus::Found {
        add("cgroup", "cgroup");
    }
    let owners: Vec<_> = row.facts.owner_processes(socket).map(|p| p.uid).collect();
    // Nearly always it is the user of the owners, who stand above.
    let maker = socket
        .uid
        .map(Uid::get)
        .filter(|uid| owners.is_empty() || owners.iter().any(|o| *o != Some(*uid)));
    parts.extend(maker.map(|uid| plain(format!("made by {}", user(row, uid)))));
    let is_ipv4 = matches!(socket.local.ip(), Some(IpAddr::V4(_)));
    parts.extend(
        socket
            .v6_only
            .filter(|_| !is_ipv4)
            .map(|only| plain(if only { "IPv6 only" } else { "IPv6 and IPv4" })),
    );
    if let (Some(group), Some(size)) = (row.facts.groups.of(socket), row.facts.groups.size(socket))
    {
        parts.push(plain(format!(
            "one of {size} sockets that share it (group {group})"
        )));
    }
    let mut lines = vec![Told::Parts(parts, ", ")];
    if let Some(set) = socket.options.as_deref() {
        let parts = options(set, is_ipv4);
        if !parts.is_empty() {
            lines.push(Told::Parts(parts, ", "));
        }
    }
    FactGroup {
        name: "socket",
        lines,
    }
}

/// What was set and is not as it would be anyway.
fn options(set: &SocketOptions, is_ipv4: bool) -> Vec<Cell> {
    let mut parts = Vec::new();
    let bits = |name: &str, bits: u32| plain(format!("{name} 0x{bits:x}"));
    let service = set.service(is_ipv4).filter(|tos| *tos > 0);
    parts.extend(service.map(|tos| bits("tos", tos.into())));
    parts.extend(
        set.mark
            .filter(|mark| *mark > 0)
            .map(|mark| bits("mark", mark)),
    );
    parts.extend(
        set.class
            .filter(|class| *class > 0)
            .map(|class| bits("class", class)),
    );
    parts.extend(set.flag_names().map(plain));
    let shut = match set.shut_down {
        Some((true, true)) => Some("shut down in both directions"),
        Some((true, false)) => Some("shut down for receiving"),
        Some((false, true)) => Some("shut down for sending"),
        _ => None,
    };
    parts.extend(shut.map(|text| Cell::new(text, Tone::Waiting)));
    parts
}

/// What waits in it, and for what there is room.
pub(super) fn queues(row: Row<'_>) -> FactGroup {
    let socket = row.socket;
    let mut parts = Vec::new();
    match socket.queue {
        Some(Queue::Accept(queue)) => {
            let limit = queue
                .limit
                .map_or_else(|| "?".to_owned(), |l| l.to_string());
            let text = format!("{} of {limit} connections wait for accept()", queue.length);
            let tone = match queue_tone(queue.length, queue.limit) {
                Tone::Quiet => Tone::Normal,
                tone => tone,
            };
            parts.push(Cell::new(text, tone));
        }
        Some(Queue::Bytes { recv, send }) if socket.inode.is_some() || recv + send > 0 => {
            parts.push(plain(format!("unread {}", bytes(recv.into()))));
            if socket.unread_fin {
                parts.push(plain("the peer's FIN unread"));
            }
            parts.push(plain(format!("unacked {}", bytes(send.into()))));
        }
        Some(Queue::Memory { received, sending }) => {
            let amount = |held: u32| bytes(held.into());
            parts.push(plain(format!("unread {} of memory", amount(received))));
            parts.push(plain(format!("unsent {} of memory", amount(sending))));
        }
        None if socket.ulp == Some(Ulp::Mptcp) => {
            parts.push(plain("its data waits in the MPTCP connection"));
        }
        Some(Queue::Bytes { .. }) | None => {}
    }
    if let Some(info) = socket.tcp.as_deref() {
        let amount = |amount: Option<u32>, what: &str| {
            amount.map(|amount| plain(format!("{what} {}", bytes(amount.into()))))
        };
        parts.extend(amount(info.not_sent.filter(|n| *n > 0), "unsent"));
        parts.extend(amount(info.send_window, "peer's window"));
        parts.extend(amount(info.receive_window, "own window"));
    }
    let mut lines = Vec::new();
    if !parts.is_empty() {
        lines.push(Told::Parts(parts, ", "));
    }
    FactGroup {
        name: "queues",
        lines,
    }
}

/// The memory that it holds, of what it may hold, and what was dropped for want of it.
pub(super) fn memory(row: Row<'_>) -> FactGroup {
    FactGroup {
        name: "memory",
        lines: memory_line(row).into_iter().collect(),
    }
}

fn memory_line(row: Row<'_>) -> Option<Told> {
    let memory = row.socket.memory.as_deref()?;
    let amount = |amount: u32| bytes(amount.into());
    let of = |used: u32, limit: u32, what: &str| {
        let tone = if used >= limit && used > 0 {
            Tone::Bad
        } else {
            Tone::Normal
        };
        Cell::new(
            format!("{what} {} of {}", amount(used), amount(limit)),
            tone,
        )
    };
    let mut parts = vec![
        of(memory.received, memory.receive_limit, "received"),
        of(memory.sending, memory.send_limit, "sending"),
    ];
    for (used, what) in [
        (memory.reserved, "reserved"),
        (memory.options, "options"),
        (memory.backlog, "backlog"),
    ] {
        if used > 0 {
            parts.push(plain(format!("{what} {}", amount(used))));
        }
    }
    parts.extend(row.socket.drops.map(|drops| {
        let tone = if drops > 0 {
            Tone::Waiting
        } else {
            Tone::Normal
        };
        Cell::new(format!("{drops} dropped"), tone)
    }));
    Some(Told::Parts(parts, ", "))
}

/// What will happen when, and what happened last.
pub(super) fn timers(row: Row<'_>) -> FactGroup {
    let socket = row.socket;
    let mut parts = Vec::new();
    if let Some(age) = socket.age() {
        let bound = if age.at_least { "at least " } else { "" };
        parts.push(plain(format!(
            "in this state for {bound}{}",
            millis(age.ms)
        )));
    }
    match socket.timer {
        Some(timer) => {
            let at = millis(timer.expires_ms.into());
            let tone = match timer.kind {
                TimerKind::Retransmit | TimerKind::Probe if timer.retransmits > 0 => Tone::Waiting,
                _ => Tone::Normal,
            };
            let text = match timer.kind {
                TimerKind::TimeWait => format!("over in {at}"),
                kind => format!("{kind} in {at}"),
            };
            parts.push(Cell::new(text, tone));
            if timer.retransmits > 0 {
                parts.push(Cell::new(
                    format!("{} without an answer", timer.retransmits),
                    tone,
                ));
            }
        }
        // Whatever waits for the peer has a timer, or relies on it to speak.
        None if socket.tcp.is_some() => parts.push(plain("none (no keepalive)")),
        None => {}
    }
    let mut lines = Vec::new();
    if !parts.is_empty() {
        lines.push(Told::Parts(parts, ", "));
    }
    if let Some(info) = socket.tcp.as_deref() {
        let mut parts = vec![plain(format!("rto {}", micros(info.rto_us.into())))];
        if info.backoff > 0 {
            parts.push(plain(format!("doubled {} times", info.backoff)));
        }
        for (ms, what) in [
            (info.last_data_sent_ms(), "last sent"),
            (info.last_data_received_ms(), "received"),
            (info.since_acked_ms, "acked"),
        ] {
            let text = |ms: u32| plain(format!("{what} {} ago", millis(ms.into())));
            parts.extend(ms.map(text));
        }
        lines.push(Told::Parts(parts, ", "));
    }
    FactGroup {
        name: "timers",
        lines,
    }
}
