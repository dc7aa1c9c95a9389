//! `sockscope proc`: what is said of sockets that the list does not have.

mod ways;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rustc_hash::FxHashSet;

use crate::collect::{Standing, Unlisted, compare_listed};
use crate::host::Host;
use crate::model::Problem;
use crate::query::Query;
use ways::{Word, ways};

/// So many processes are named in a hint at most.
const NAMED: usize = 4;

/// The processes that were asked for, and what each has beside the list.
pub(crate) struct Rest<'a> {
    host: &'a Host,
    /// What they were asked for by, made safe.
    target: &'a str,
    standings: Vec<(u32, Standing)>,
}

impl<'a> Rest<'a> {
    /// Compares what `pids` have open with what was `listed`.
    pub fn new(
        host: &'a Host,
        target: &'a str,
        pids: &[u32],
        query: &Query,
        listed: &FxHashSet<NonZeroU32>,
    ) -> Self {
        let standings = pids.iter().map(|&pid| {
            (
                pid,
                compare_listed(host, pid, query, &|inode| listed.contains(&inode)),
            )
        });
        Self {
            host,
            target,
            standings: standings.collect(),
        }
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
        let (_, rest) = concerned.first()?;
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
            .find_map(|(pid, standing)| match standing {
                Standing::Elsewhere(rest) => Some((pid, rest.task)),
                _ => None,
            });
        Some(match inside {
            Some((pid, task)) if self.standings.len() == 1 => {
                problem.hint(format!("nsenter -t {task} -n sockscope proc {pid}"))
            }
            Some((_, task)) => problem.hint(format!(
                "nsenter -t {task} -n sockscope proc '{}'",
                self.target
            )),
            None => problem.hint(format!(
                "ls -l /proc/{}/fd shows all it has open",
                rest.task
            )),
        })
    }

    /// Those that have more in one place: here, or else in the namespace of the first.
    fn with_more(&self) -> Vec<(u32, &Standing, &Unlisted)> {
        let mut with_more: Vec<_> = self
            .standings
            .iter()
            .filter_map(|(pid, standing)| match standing {
                Standing::Here(rest) | Standing::Elsewhere(rest) => Some((*pid, standing, rest)),
                _ => None,
            })
            .filter(|(_, _, rest)| !rest.here.is_empty())
            .collect();
        let place = |standing: &Standing| match standing {
            Standing::Elsewhere(rest) => Some(rest.netns),
            _ => None,
        };
        let first = with_more
            .iter()
            .map(|(_, standing, _)| place(standing))
            .min();
        with_more.retain(|(_, standing, _)| Some(place(standing)) == first);
        with_more
    }

    /// Of sockets that are not in the list, and could not be elsewhere either.
    fn of_other_kinds(&self) -> Option<Problem> {
        let concerned = self.with_more();
        let (_, standing, first) = concerned.first()?;
        let mut kinds: BTreeMap<Word<'_>, u64> = BTreeMap::new();
        for (what, count) in concerned.iter().flat_map(|(_, _, rest)| &rest.here) {
            *kinds.entry(Word::of(what)).or_default() += count;
        }
        let total: u64 = kinds.values().sum();
        let mut parts: Vec<_> = kinds.into_iter().collect();
        // What needs more words comes last.
        parts.sort_by_key(|(word, count)| (word.is_long(), std::cmp::Reverse(*count)));
        let named: Vec<_> = parts.iter().map(|(word, n)| word.counted(*n)).collect();
        let message = format!(
            "{} {} {} not listed here: {}",
            self.who(concerned.len()),
            has(concerned.len()),
            if total == 1 {
                "1 socket that is".to_owned()
            } else {
                format!("{total} sockets that are")
            },
            named.join(", "),
        );
        let pids = concerned.iter().take(NAMED);
        let mut pids: Vec<_> = pids.map(|(pid, _, _)| format!("pid={pid}")).collect();
        let further = concerned.len().saturating_sub(NAMED);
        pids.extend((further > 0).then(|| format!("{further} more")));
        let door = match standing {
            Standing::Elsewhere(_) => format!("nsenter -t {} -n ", first.task),
            _ => String::new(),
        };
        let words: Vec<_> = parts.iter().map(|(word, _)| *word).collect();
        let problem = Problem::new("sockets_not_listed", message).count(total);
        Some(problem.hint(ways(&words, &door, &pids, first.task)))
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
                None => Some(super::absent::no_process(self.host, self.target.as_bytes())),
            };
        }
        if let [(id, Standing::ThreadOf(pid))] = self.standings.as_slice() {
            return Some(format!(
                "{id} is a thread of process {pid}, whose sockets sockscope proc {pid} lists"
            ));
        }
        let over = self.count(|standing| matches!(standing, Standing::Ended | Standing::Gone));
        if over == all {
            let verb = if all == 1 { "has" } else { "have" };
            return Some(format!(
                "{} {verb} ended, and only waits for its parent to reap it",
                self.who(all)
            ));
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
        let is_other = !is_chosen && !self.with_more().is_empty();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::Unshown;

    fn rest(standings: Vec<(u32, Standing)>) -> Rest<'static> {
        Rest {
            host: Box::leak(Box::new(Host::live())),
            target: "nginx",
            standings,
        }
    }

    fn has(task: u32, here: &[(Unshown, u64)]) -> Unlisted {
        Unlisted {
            task,
            here: here.iter().cloned().collect(),
            ..Unlisted::default()
        }
    }

    fn kind(kind: &str) -> Unshown {
        Unshown::Kind(kind.to_owned())
    }

    #[test]
    fn every_kind_that_is_not_listed_has_its_way() {
        let mixed = has(
            7,
            &[
                (kind("unix-stream"), 200),
                (kind("unix"), 40),
                (Unshown::Ipv6, 2),
                (Unshown::Portless, 1),
            ],
        );
        let problem = rest(vec![(7, Standing::Here(mixed))])
            .of_other_kinds()
            .unwrap();
        assert_eq!(
            problem.message,
            "process 7 has 243 sockets that are not listed here: 240 unix, 2 IPv6, 1 without a port: never bound, or \
             its connection is over"
        );
        assert_eq!(
            problem.hint.unwrap(),
            "ss -ap -f unix lists the unix ones (pid=7), -6 those of IPv6, ls -l /proc/7/fd shows all it has open"
        );
        let one = rest(vec![(7, Standing::Here(has(7, &[(kind("udpv6"), 3)])))]);
        assert_eq!(one.of_other_kinds().unwrap().hint.unwrap(), "-u lists them");
        let none = rest(vec![(7, Standing::Here(has(7, &[(Unshown::Portless, 3)])))]);
        let problem = none.of_other_kinds().unwrap();
        assert!(
            problem
                .message
                .ends_with("3 without a port: never bound, or their connection is over")
        );
        assert_eq!(
            problem.hint.unwrap(),
            "ls -l /proc/7/fd shows all it has open"
        );
    }

    #[test]
    fn those_of_another_namespace_are_behind_its_door() {
        let unix = |task| has(task, &[(kind("unix"), 1)]);
        let away = rest(vec![(7, Standing::Elsewhere(unix(8)))]);
        assert_eq!(
            away.of_other_kinds().unwrap().hint.unwrap(),
            "nsenter -t 8 -n ss -ap -f unix lists them (pid=7)"
        );
        let both = rest(vec![
            (7, Standing::Elsewhere(unix(7))),
            (8, Standing::Here(unix(8))),
            (9, Standing::Here(unix(9))),
        ]);
        let problem = both.of_other_kinds().unwrap();
        assert_eq!(problem.count, 2, "those here");
        assert_eq!(
            problem.hint.unwrap(),
            "ss -ap -f unix lists them (pid=8, pid=9)"
        );
    }

    #[test]
    fn who_is_no_process_any_more_or_never_was() {
        let why = |standing| rest(vec![(7, standing)]).why_nothing(false);
        assert!(why(Standing::Ended).starts_with("process 7 has ended"));
        assert_eq!(
            why(Standing::ThreadOf(5)),
            "7 is a thread of process 5, whose sockets sockscope proc 5 lists"
        );
    }
}
