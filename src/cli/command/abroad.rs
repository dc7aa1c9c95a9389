//! Where a port that nobody holds here is held instead.

use std::collections::{BTreeMap, BTreeSet};

use crate::analyze::port::PortEntry;
use crate::cli::args::ports::Ports;
use crate::collect::{Elsewhere, HeldElsewhere, Wanted, listeners_elsewhere};
use crate::host::Host;
use crate::look::pipeline::Request;
use crate::model::{Facts, Problem, Socket};
use crate::query::Query;

/// So many ports are told one by one at most.
const TOLD: usize = 3;

/// What other namespaces hold of the ports that nobody holds here.
#[derive(Default)]
pub(crate) struct Abroad {
    elsewhere: Elsewhere,
}

impl Abroad {
    /// Looks for listeners that are wanted.
    pub fn look(host: &Host, query: &Query, is_wanted: Wanted<'_>) -> Self {
        Self {
            elsewhere: listeners_elsewhere(host, query, is_wanted),
        }
    }

    /// Looks for the asked ports that are wholly free here; for those of a range, where nothing
    /// of all that is asked for is in use.
    pub fn of_ports(host: &Host, query: &Query, asked: &Ports, entries: &[PortEntry]) -> Self {
        let is_used = |entry: &PortEntry| entry.in_use() || !entry.blocked_by.is_empty();
        let mut used: Vec<u16> = Vec::new();
        used.extend(entries.iter().filter(|e| is_used(e)).map(|e| e.port));
        let is_free = |port: u16| {
            let is_named = || entries.iter().any(|entry| entry.port == port);
            used.is_empty() || (is_named() && !used.contains(&port))
        };
        if !used.is_empty() && !entries.iter().any(|entry| is_free(entry.port)) {
            return Self::default();
        }
        Self::look(host, query, &|socket| {
            let is_wanted = |port| asked.has(port, socket.protocol) && is_free(port);
            socket.local.port().is_some_and(is_wanted)
        })
    }

    /// Looks for what a filter on ports asks for, and nobody here has.
    pub fn of_filter(host: &Host, request: &Request) -> Vec<Problem> {
        let narrow = request.filter.narrow();
        if narrow.local_port.is_none() && narrow.any_port.is_none() {
            return Vec::new();
        }
        let facts = Facts::default();
        let is_wanted = |socket: &Socket| {
            socket.serves(request.query.families) && request.filter.matches(socket, &facts)
        };
        Self::look(host, &request.query, &is_wanted).problems("is held")
    }

    /// What is told in `problems`: one namespace by name, further ones by number. `is_held` says
    /// what is known of the port here, too.
    pub fn problems(&self, is_held: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let all = self.held();
        for (held, others) in all.iter().take(TOLD) {
            let HeldElsewhere { port, protocol, .. } = held;
            let (name, places) = (protocol.name(), places(held, *others));
            let message = format!("{name} port {port} {is_held} in {places}");
            problems.push(Problem::new("held_elsewhere", message).hint(command(held)));
        }
        let further = all.len().saturating_sub(TOLD);
        if further > 0 {
            let message = further_ports(further);
            problems.push(Problem::new("held_elsewhere", message).count(further as u64));
        }
        if let Some(unseen) = self.unseen() {
            let problem = Problem::new("namespaces_unseen", unseen).count(self.elsewhere.unseen);
            problems.push(problem.hint("run as root to see who holds the port there"));
        }
        problems
    }

    /// Whether a problem is one that the story tells.
    pub fn is_told(problem: &Problem) -> bool {
        matches!(problem.code, "held_elsewhere" | "namespaces_unseen")
    }

    /// The same for a person, as the end of a sentence that says that the ports are free here of
    /// which `is_meant` holds.
    pub fn sentence(&self, is_meant: impl Fn(u16) -> bool) -> String {
        let mut held = self.held();
        held.retain(|(held, _)| is_meant(held.port));
        let further = held.len().saturating_sub(TOLD);
        held.truncate(TOLD);
        let ports: BTreeSet<u16> = held.iter().map(|(held, _)| held.port).collect();
        let places = held.iter().map(|(held, others)| {
            let name = held.protocol.name();
            let port = if ports.len() == 1 {
                String::new()
            } else {
                format!(" {}", held.port)
            };
            format!("{name}{port} held in {}", places(held, *others))
        });
        let places: Vec<String> = places.collect();
        let mut text = String::new();
        if !places.is_empty() {
            text.push_str("; ");
            text.push_str(&places.join(", "));
        }
        if further > 0 {
            text.push_str(", ");
            text.push_str(&further_ports(further));
        }
        if let Some((held, _)) = held.first() {
            text.push_str(": ");
            text.push_str(&command(held));
        }
        if let Some(unseen) = self.unseen() {
            text.push_str("; ");
            text.push_str(&unseen);
        }
        text
    }

    /// The ports that are held, each once.
    pub fn ports(&self) -> BTreeSet<u16> {
        self.elsewhere.held.iter().map(|held| held.port).collect()
    }

    /// Each port and protocol that is held, with one namespace and the number of the others.
    fn held(&self) -> Vec<(&HeldElsewhere, usize)> {
        let mut found: BTreeMap<_, (&HeldElsewhere, usize)> = BTreeMap::new();
        for held in &self.elsewhere.held {
            let key = (held.port, held.protocol);
            found
                .entry(key)
                .and_modify(|(_, others)| *others += 1)
                .or_insert((held, 0));
        }
        found.into_values().collect()
    }

    fn unseen(&self) -> Option<String> {
        match self.elsewhere.unseen {
            0 => None,
            1 => Some("another network namespace could not be looked into".to_owned()),
            n => Some(format!(
                "{n} other network namespaces could not be looked into"
            )),
        }
    }
}

fn further_ports(count: usize) -> String {
    match count {
        1 => "1 further port is held in other network namespaces".to_owned(),
        n => format!("{n} further ports are held in other network namespaces"),
    }
}

fn places(held: &HeldElsewhere, others: usize) -> String {
    let netns = held.netns;
    match others {
        0 => format!("another network namespace (net:[{netns}])"),
        n => format!("{} other network namespaces (net:[{netns}] for one)", n + 1),
    }
}

fn command(held: &HeldElsewhere) -> String {
    format!("nsenter -t {} -n sockscope port {}", held.pid, held.port)
}
