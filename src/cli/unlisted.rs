//! `sockscope proc`: what is said of sockets that the list does not have.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rustc_hash::FxHashSet;

use crate::collect::{Standing, Unlisted, compare_listed};
use crate::model::Problem;
use crate::query::Query;

/// The processes that were asked for, and what each has beside the list.
pub(super) struct Rest<'a> {
    /// What they were asked for by, made safe.
    target: &'a str,
    standings: Vec<(u32, Standing)>,
}

impl<'a> Rest<'a> {
    /// Compares what `pids` have open with what was `listed`.
    pub fn new(
        target: &'a str,
        pids: &[u32],
        query: &Query,
        listed: &FxHashSet<NonZeroU32>,
    ) -> Self {
        let standings = pids.iter().map(|&pid| {
            (
                pid,
                compare_listed(pid, query, &|inode| listed.contains(&inode)),
            )
        });
        Self {
            target,
            standings: standings.collect(),
        }
    }

    /// What is not in the list.
    fn unlisted(&self) -> impl Iterator<Item = (u32, &Unlisted)> {
        self.standings
            .iter()
            .filter_map(|(pid, standing)| match standing {
                Standing::Here(rest) | Standing::Elsewhere(rest) => Some((*pid, rest)),
                Standing::Gone | Standing::Denied => None,
            })
    }

    fn count(&self, is_so: impl Fn(&Standing) -> bool) -> usize {
        self.standings
            .iter()
            .filter(|(_, standing)| is_so(standing))
            .count()
    }

    /// Whether some of them may not be looked at.
    pub fn is_denied(&self) -> bool {
        self.count(|standing| *standing == Standing::Denied) > 0
    }

    /// Who is meant: "process 7", "2 of the 3 processes called 'nginx'".
    fn who(&self, count: usize) -> String {
        match (self.standings.as_slice(), count) {
            ([(pid, _)], _) => format!("process {pid}"),
            (all, count) if count == all.len() => {
                format!("the {count} processes called '{}'", self.target)
            }
            (all, count) => format!(
                "{count} of the {} processes called '{}'",
                all.len(),
                self.target
            ),
        }
    }

    /// What is said beside a list; of one that a filter has chosen, only what it could not
    /// choose from.
    pub fn problems(&self, is_chosen: bool) -> Vec<Problem> {
        let others = self.of_other_kinds().filter(|_| !is_chosen);
        self.elsewhere().into_iter().chain(others).collect()
    }

    /// Of processes, and sockets, in other network namespaces.
    fn elsewhere(&self) -> Option<Problem> {
        let is_away = |standing: &Standing| matches!(standing, Standing::Elsewhere(_));
        let concerned: Vec<_> = self
            .standings
            .iter()
            .filter_map(|(pid, standing)| match standing {
                Standing::Elsewhere(rest) => Some((*pid, rest)),
                Standing::Here(rest) if rest.elsewhere > 0 => Some((*pid, rest)),
                _ => None,
            })
            .collect();
        let (first, rest) = concerned.first()?;
        let sockets: u64 = concerned.iter().map(|(_, rest)| rest.elsewhere).sum();
        let netns = rest
            .netns
            .map_or_else(String::new, |netns| format!(" (net:[{netns}])"));
        let place = match concerned.len() {
            1 => format!("another network namespace{netns}"),
            _ => "other network namespaces".to_owned(),
        };
        let who = self.who(concerned.len());
        let away = self.count(is_away);
        let verb = if concerned.len() == 1 { "is" } else { "are" };
        let message = match (away, sockets) {
            (0, n) => format!("{who} holds {} in {place}", sockets_of(n)),
            (_, 0) => format!("{who} {verb} in {place}"),
            (_, n) => format!("{who} {verb} in {place}, with {} there", sockets_of(n)),
        };
        let problem = Problem::new("sockets_elsewhere", message).count(sockets.max(1));
        // A socket of another namespace than its process's leads nowhere by that process.
        let inside = self
            .standings
            .iter()
            .find(|(_, standing)| is_away(standing));
        Some(match inside {
            Some((pid, _)) if self.standings.len() == 1 => {
                problem.hint(format!("nsenter -t {pid} -n sockscope proc {pid}"))
            }
            Some((pid, _)) => problem.hint(format!(
                "nsenter -t {pid} -n sockscope proc '{}'",
                self.target
            )),
            None => problem.hint(format!("ls -l /proc/{first}/fd shows all it has open")),
        })
    }

    /// Of sockets that tables of other kinds have, or none.
    fn of_other_kinds(&self) -> Option<Problem> {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        let mut concerned = Vec::new();
        for (pid, rest) in self.unlisted().filter(|(_, rest)| rest.here() > 0) {
            concerned.push(pid);
            let unused = ("not bound yet", &rest.unused);
            for (kind, count) in rest
                .kinds
                .iter()
                .map(|(k, n)| (k.as_str(), n))
                .chain([unused])
            {
                *kinds.entry(family(kind)).or_default() += count;
            }
        }
        let first = concerned.first()?;
        kinds.retain(|_, count| *count > 0);
        let total: u64 = kinds.values().sum();
        let mut parts: Vec<_> = kinds.iter().collect();
        parts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named: Vec<_> = parts
            .iter()
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        let message = format!(
            "{} {} {} not listed here: {}",
            self.who(concerned.len()),
            if concerned.len() == 1 { "has" } else { "have" },
            if total == 1 {
                "1 socket that is".to_owned()
            } else {
                format!("{total} sockets that are")
            },
            named.join(", "),
        );
        let hint = match parts.first().map(|(kind, _)| **kind) {
            Some("unix") => format!("ss -ap -f unix lists them: pid={first}"),
            Some("netlink") => format!("ss -ap -f netlink lists them: pid={first}"),
            Some("packet") => format!("ss -ap -f packet lists them: pid={first}"),
            Some("tcp") => "-t lists them".to_owned(),
            Some("udp") => "-u lists them".to_owned(),
            Some("raw") => "-w lists them".to_owned(),
            _ => format!("ls -l /proc/{first}/fd shows all it has open"),
        };
        Some(
            Problem::new("sockets_not_listed", message)
                .hint(hint)
                .count(total),
        )
    }

    /// Why there is no row at all, or none that a filter has chosen.
    pub fn why_nothing(&self, is_chosen: bool) -> String {
        let all = self.standings.len();
        let none = if is_chosen {
            format!("no socket of '{}' matches", self.target)
        } else {
            format!("{} {} no network socket here", self.who(all), has(all))
        };
        self.why_hidden(is_chosen).unwrap_or(none)
    }

    /// What stands behind it that there is no row; `None` where there is just none.
    fn why_hidden(&self, is_chosen: bool) -> Option<String> {
        let all = self.standings.len();
        if self.count(|standing| *standing == Standing::Gone) == all {
            return match self.standings.first() {
                Some((pid, _)) => Some(format!("there is no process {pid}")),
                None => Some(super::absent::no_process(self.target.as_bytes())),
            };
        }
        let denied = self.count(|standing| *standing == Standing::Denied);
        if denied > 0 {
            return Some(format!(
                "the open files of {} cannot be seen",
                self.who(denied)
            ));
        }
        let away = self.count(|standing| matches!(standing, Standing::Elsewhere(_)));
        if away == all {
            return Some(format!(
                "{} {} no socket in this network namespace",
                self.who(all),
                has(all)
            ));
        }
        let is_other = !is_chosen && self.unlisted().any(|(_, rest)| rest.here() > 0);
        is_other.then(|| {
            format!(
                "{} {} no socket of the kinds asked for here",
                self.who(all),
                has(all)
            )
        })
    }
}

fn has(count: usize) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

fn sockets_of(count: u64) -> String {
    match count {
        1 => "1 socket".to_owned(),
        n => format!("{n} sockets"),
    }
}

/// A kind without what tells its members apart: `unix-stream` is unix, `udpv6` is udp.
fn family(kind: &str) -> &str {
    let kind = kind.trim_end_matches("v6");
    if kind.starts_with("unix") {
        "unix"
    } else {
        kind
    }
}
