//! Where a port that is wholly free here is held instead.

use std::collections::BTreeMap;

use crate::analyze::port::PortEntry;
use crate::collect::{Elsewhere, HeldElsewhere, listeners_elsewhere};
use crate::model::Problem;
use crate::pipeline::Request;

/// What other namespaces hold of the ports that nobody holds here.
#[derive(Default)]
pub(super) struct Abroad {
    elsewhere: Elsewhere,
    /// The ports that were looked for.
    ports: Vec<u16>,
}

impl Abroad {
    /// Looks for the ports of `entries` that are wholly free, if there are any.
    pub fn look(request: &Request, entries: &[PortEntry]) -> Self {
        let is_used = |port| {
            let mut of_port = entries.iter().filter(|entry| entry.port == port);
            of_port.any(|entry| entry.in_use() || !entry.blocked_by.is_empty())
        };
        let free = entries.iter().filter(|entry| !is_used(entry.port));
        let free: Vec<_> = free.map(|entry| (entry.port, entry.protocol)).collect();
        if free.is_empty() {
            return Self::default();
        }
        let mut ports: Vec<u16> = free.iter().map(|(port, _)| *port).collect();
        ports.dedup();
        Self {
            elsewhere: listeners_elsewhere(&request.query, &free),
            ports,
        }
    }

    /// What is told in `problems`: one namespace by name, further ones by number.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (held, others) in self.held() {
            let HeldElsewhere { port, protocol, .. } = held;
            let (name, places) = (protocol.name(), places(held, others));
            let message = format!("{name} port {port} is free here, but held in {places}");
            problems.push(Problem::new("held_elsewhere", message).hint(command(held)));
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

    /// The same for a person, as the end of a sentence that says that `port` is free here.
    pub fn sentence(&self, port: u16) -> String {
        let held = self
            .held()
            .into_iter()
            .filter(|(held, _)| held.port == port);
        let held: Vec<_> = held.collect();
        let places = held.iter().map(|(held, others)| {
            let name = held.protocol.name();
            format!("{name} held in {}", places(held, *others))
        });
        let places: Vec<String> = places.collect();
        let mut text = String::new();
        if !places.is_empty() {
            text.push_str("; ");
            text.push_str(&places.join(", "));
        }
        if let Some((held, _)) = held.first() {
            text.push_str(": ");
            text.push_str(&command(held));
        }
        if self.ports.contains(&port)
            && let Some(unseen) = self.unseen()
        {
            text.push_str("; ");
            text.push_str(&unseen);
        }
        text
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
