//! Groups that a table tells together: ports that come and go, and processes of one name.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use super::port::PortEntry;
use super::states::{Counts, Group, GroupedBy};
use crate::model::{PortRange, State};

/// Fewer of one kind are told one by one.
const CROWD: usize = 4;

/// A line of a table of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    pub what: What<'a>,
    pub counts: Counts,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// One group.
    Group(&'a Group),
    /// So many processes of one name.
    Alike(&'a [u8], usize),
    /// So many ports that outgoing connections got, and where nobody listens.
    Ephemeral(usize),
}

impl What<'_> {
    /// Whether it is more than one group.
    #[must_use]
    pub const fn is_crowd(&self) -> bool {
        !matches!(self, Self::Group(_))
    }
}

/// The groups as they are: each is a line.
#[must_use]
pub fn each(groups: &[Group]) -> Vec<Told<'_>> {
    groups.iter().map(Told::of).collect()
}

/// The groups with those of one kind together, the most sockets first. Of `ephemeral` ports none
/// that is listened on goes in; they stand last, because each is worth little.
#[must_use]
pub fn folded(groups: &[Group], ephemeral: Option<PortRange>) -> Vec<Told<'_>> {
    let crowds = crowds(groups.iter().map(|group| &group.key));
    let mut alike: FxHashMap<&[u8], Counts> = FxHashMap::default();
    let mut ports = (0, Counts::default());
    let mut told = Vec::new();
    let is_ephemeral = |group: &&Group| is_ephemeral(group, ephemeral);
    let folds_ports = groups.iter().filter(is_ephemeral).count() >= CROWD;
    for group in groups {
        match &group.key {
            GroupedBy::Process { comm, .. } if crowds.contains_key(comm.as_slice()) => {
                alike.entry(comm).or_default().add_all(&group.counts);
            }
            _ if folds_ports && is_ephemeral(&group) => {
                ports.0 += 1;
                ports.1.add_all(&group.counts);
            }
            _ => told.push(Told::of(group)),
        }
    }
    for (comm, counts) in alike {
        let count = crowds.get(comm).copied().unwrap_or_default();
        let what = What::Alike(comm, count);
        told.push(Told { what, counts });
    }
    told.sort_by_key(|line| (Reverse(line.counts.total()), line.name()));
    let (count, counts) = ports;
    told.extend((count > 0).then_some(Told {
        what: What::Ephemeral(count),
        counts,
    }));
    told
}

/// The names that many processes have, and how many; none where all have the same: whoever sees
/// only them wants to see each.
#[must_use]
pub fn crowds<'a>(keys: impl Iterator<Item = &'a GroupedBy>) -> FxHashMap<&'a [u8], usize> {
    let mut names: FxHashMap<&[u8], usize> = FxHashMap::default();
    let mut others = 0;
    for key in keys {
        match key {
            GroupedBy::Process { comm, .. } => *names.entry(comm).or_default() += 1,
            _ => others += 1,
        }
    }
    if names.len() + others > 1 {
        names.retain(|_, count| *count >= CROWD);
    } else {
        names.clear();
    }
    names
}

fn is_ephemeral(group: &Group, range: Option<PortRange>) -> bool {
    match group.key {
        GroupedBy::Port(port) => {
            let is_free = group.counts.of(State::Listen) == 0;
            is_free && range.is_some_and(|range| range.contains(port))
        }
        _ => false,
    }
}

/// Of the entries of a range those of ports that outgoing connections got: in `ephemeral`, with
/// connections and nothing else. None where they are few, and none of a range that lies in
/// `ephemeral`: whoever asks for those ports wants to see each.
#[must_use]
pub fn ephemeral_entries<'a>(
    entries: &'a [PortEntry],
    asked: &[PortRange],
    ephemeral: Option<PortRange>,
) -> Vec<&'a PortEntry> {
    let Some(range) = ephemeral else {
        return Vec::new();
    };
    let is_meant = |port: u16| {
        let mut asked = asked.iter().filter(|asked| asked.contains(port));
        asked.any(|asked| range.contains(asked.first) && range.contains(asked.last))
    };
    let holds = [State::BoundInactive, State::Close];
    let is_held = |entry: &PortEntry| {
        entry.listeners() > 0 || holds.iter().any(|state| entry.by_state.contains_key(state))
    };
    let is_crowd = |entry: &&PortEntry| {
        range.contains(entry.port) && entry.in_use() && !is_held(entry) && !is_meant(entry.port)
    };
    let found: Vec<_> = entries.iter().filter(is_crowd).collect();
    if found.len() < CROWD {
        Vec::new()
    } else {
        found
    }
}

impl<'a> Told<'a> {
    fn of(group: &'a Group) -> Self {
        Self {
            what: What::Group(group),
            counts: group.counts.clone(),
        }
    }

    /// What stands first of equals.
    fn name(&self) -> Option<GroupedBy> {
        match self.what {
            What::Group(group) => Some(group.key.clone()),
            What::Alike(comm, _) => Some(GroupedBy::Name(comm.to_vec())),
            What::Ephemeral(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;
    use std::collections::BTreeMap;

    fn group(key: GroupedBy, states: &[(State, u32)]) -> Group {
        let mut counts = Counts::default();
        for (state, count) in states {
            counts.add_many(*state, *count);
        }
        Group {
            key,
            counts,
            processes: None,
        }
    }

    fn process(pid: u32, comm: &str, count: u32) -> Group {
        let comm = comm.into();
        group(
            GroupedBy::Process { pid, comm },
            &[(State::Established, count)],
        )
    }

    fn lines(groups: &[Group], range: Option<PortRange>) -> Vec<(String, u64)> {
        let name = |what: What<'_>| match what {
            What::Group(group) => format!("{:?}", group.key),
            What::Alike(comm, count) => format!("{} x{count}", comm.escape_ascii()),
            What::Ephemeral(count) => format!("{count} ports"),
        };
        let told = folded(groups, range).into_iter();
        told.map(|line| (name(line.what), line.counts.total()))
            .collect()
    }

    #[test]
    fn ports_with_connections_alone_are_a_crowd_unless_they_are_asked_for() {
        let range = |first, last| PortRange { first, last };
        let entry = |port, state| PortEntry {
            port,
            protocol: Protocol::Tcp,
            by_state: [(state, 2)].into(),
            outbound_by_state: BTreeMap::new(),
            blocked_by: Vec::new(),
        };
        let mut entries: Vec<_> = (100..105).map(|n| entry(n, State::Established)).collect();
        entries.push(entry(99, State::Established));
        entries.push(entry(110, State::Listen));
        entries.push(entry(111, State::BoundInactive));
        let ports = |asked: &[PortRange]| -> Vec<u16> {
            let found = ephemeral_entries(&entries, asked, Some(range(100, 199)));
            found.into_iter().map(|entry| entry.port).collect()
        };
        assert_eq!(ports(&[range(1, 65535)]), [100, 101, 102, 103, 104]);
        assert!(ports(&[range(100, 199)]).is_empty(), "they are asked for");
        // One by its number stays, and what is left is still many.
        assert_eq!(
            ports(&[range(1, 65535), range(102, 102)]),
            [100, 101, 103, 104]
        );
        assert!(
            ephemeral_entries(&entries[..3], &[range(1, 65535)], Some(range(100, 199))).is_empty()
        );
        assert!(ephemeral_entries(&entries, &[range(1, 65535)], None).is_empty());
    }

    #[test]
    fn many_processes_of_one_name_are_one_line_and_few_are_not() {
        let mut groups: Vec<Group> = (0..10).map(|pid| process(pid, "postgres", 3)).collect();
        groups.extend((20..23).map(|pid| process(pid, "nginx", 9)));
        let told = lines(&groups, None);
        assert_eq!(told.len(), 4);
        assert_eq!(told[0], ("postgres x10".to_owned(), 30));
        assert!(told[1].0.contains("pid: 20"), "{told:?}");
        // Nobody else is there: each is what is asked for.
        assert_eq!(lines(&groups[..10], None).len(), 10);
    }

    #[test]
    fn ephemeral_ports_are_the_last_line_but_for_those_that_are_listened_on() {
        let range = Some(PortRange {
            first: 100,
            last: 199,
        });
        let port = |port, state| group(GroupedBy::Port(port), &[(state, 2)]);
        let mut groups: Vec<Group> = (100..112).map(|n| port(n, State::Established)).collect();
        groups.push(port(150, State::Listen));
        groups.push(port(99, State::TimeWait));
        let told = lines(&groups, range);
        let named = |n: u16| (format!("{:?}", GroupedBy::Port(n)), 2);
        assert_eq!(told, [named(99), named(150), ("12 ports".to_owned(), 24)]);
        assert_eq!(lines(&groups, None).len(), 14);
        assert_eq!(lines(&groups[..3], range).len(), 3, "few are no crowd");
    }
}
