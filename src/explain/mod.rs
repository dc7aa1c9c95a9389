//! What `explain` knows: states, calls and findings as data. No I/O, no layout.
//!
//! A topic is a drawing, points to read, and the live values that belong to it. Where Linux
//! and RFC 9293 differ, the text says so.

mod calls;
mod closing;
pub mod diagram;
mod errors;
mod findings;
mod life;
pub mod live;
mod states;
mod traffic;
mod words;

use crate::model::State;

pub use diagram::Drawing;
pub use live::LiveFact;

/// One page.
#[derive(Debug)]
pub struct Topic {
    /// What it is asked by: a state as the kernel spells it, a word, or the id of a finding.
    pub name: &'static str,
    /// What it is, in half a line.
    pub title: &'static str,
    /// The part of the list it stands in.
    pub group: TopicGroup,
    /// Other words that lead here, in small letters without separators.
    pub aliases: &'static [&'static str],
    /// The picture above the text.
    pub drawing: Drawing,
    /// What there is to know.
    pub points: &'static [Point],
    /// The values of this host that belong to it.
    pub live: &'static [LiveFact],
}

/// A heading of a word or two, and what there is to say under it.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub heading: &'static str,
    /// The text: one paragraph.
    pub text: &'static str,
}

/// Makes a point; for the tables of topics.
const fn point(heading: &'static str, text: &'static str) -> Point {
    Point { heading, text }
}

/// The parts of the list of topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicGroup {
    /// What a program calls.
    Calls,
    /// How a connection begins, waits and ends.
    Life,
    /// One state each.
    States,
    /// What programs say when a call fails.
    Errors,
    /// What `doctor` finds.
    Findings,
    /// Words of sockscope.
    Words,
}

impl TopicGroup {
    /// The heading in the list.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Calls => "What a program calls",
            Self::Life => "How connections begin, wait and end",
            Self::States => "States, in any spelling (the page close covers CLOSE)",
            Self::Errors => "Errors that programs report",
            Self::Findings => "Findings of doctor",
            Self::Words => "Words of sockscope",
        }
    }
}

/// Every topic once, group by group, in the order in which one would learn them.
pub fn topics() -> impl Iterator<Item = &'static Topic> {
    let calls = calls::TOPICS.iter().chain(life::TOPICS);
    let findings = findings::TOPICS.iter().chain(traffic::TOPICS);
    let states = states::TOPICS.iter().chain(closing::TOPICS);
    let known = calls.chain(states).chain(errors::TOPICS);
    known.chain(findings).chain(words::TOPICS)
}

/// The topic that a word means: upper and lower case and all separators are alike.
///
/// States are read in the spellings of the kernel, of `ss`, of RFC 9293 and of textbooks.
#[must_use]
pub fn find(word: &str) -> Option<&'static Topic> {
    let asked = key(word);
    // As the kernel's source has it: TCP_CLOSE_WAIT.
    let asked = match asked.strip_prefix("tcp") {
        Some(state) if State::parse(state).is_some() => state.to_owned(),
        _ => asked,
    };
    let word = asked.as_str();
    let named =
        topics().find(|topic| key(topic.name) == asked || topic.aliases.contains(&asked.as_str()));
    named
        .or_else(|| of_state(State::parse(word)?))
        .or_else(|| of_error(word))
}

/// Shorter words than this stand in too much that is pasted.
const SHORTEST_PASTED: usize = 10;

/// The topic of an error that stands in a line which was pasted: `bind: Address already in use`.
fn of_error(pasted: &str) -> Option<&'static Topic> {
    let is_in = |alias: &&&str| {
        let is_errno = alias.starts_with('e') && errors().contains(*alias);
        (alias.len() >= SHORTEST_PASTED || is_errno) && pasted.contains(**alias)
    };
    let aliases = |topic: &'static Topic| {
        let aliases = topic.aliases.iter();
        aliases.filter(is_in).map(move |alias| (alias.len(), topic))
    };
    let found = topics().flat_map(aliases);
    found
        .max_by_key(|(length, _)| *length)
        .map(|(_, topic)| topic)
}

/// The names of errno that are aliases.
const fn errors() -> &'static [&'static str] {
    &[
        "eaddrinuse",
        "eaddrnotavail",
        "econnrefused",
        "econnreset",
        "emfile",
        "enfile",
        "epipe",
        "etimedout",
    ]
}

/// The topic that explains a state; `None` for a number without a name.
#[must_use]
pub fn of_state(state: State) -> Option<&'static Topic> {
    let name = match state {
        State::Close => "close",
        State::Listen => "listen",
        State::BoundInactive => "bind",
        State::Unconnected => "udp",
        other => other.name()?,
    };
    topics().find(|topic| topic.name == name)
}

/// The name of a topic that may have been meant by a word that [`find`] does not know.
#[must_use]
pub fn nearest(word: &str) -> Option<&'static str> {
    let names: Vec<(String, &'static str)> = topics()
        .map(|topic| (key(topic.name), topic.name))
        .collect();
    let keys: Vec<&str> = names.iter().map(|(key, _)| key.as_str()).collect();
    let asked = key(word);
    let near = crate::filter::nearest(&asked, &keys)?;
    let found = names.iter().find(|(key, _)| key == near);
    found.map(|(_, name)| *name)
}

/// Letters and digits only, in small letters: `TIME-WAIT`, `time_wait` and `timewait` are one.
fn key(word: &str) -> String {
    let plain = word.chars().filter(char::is_ascii_alphanumeric);
    plain.map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::analyze::doctor::RULES;
    use crate::analyze::port::BlockReason;

    fn name(word: &str) -> &'static str {
        find(word).map_or("(none)", |topic| topic.name)
    }

    #[test]
    fn every_state_is_found_in_every_spelling() {
        for (words, topic) in [
            ("ESTABLISHED estab established", "ESTABLISHED"),
            ("SYN_SENT syn-sent SynSent", "SYN_SENT"),
            (
                "SYN_RECV syn-recv SYN-RECEIVED SYN_RCV SYN_RCVD",
                "SYN_RECV",
            ),
            ("FIN_WAIT1 FIN-WAIT-1 finwait1", "FIN_WAIT1"),
            ("FIN_WAIT2 FIN-WAIT-2", "FIN_WAIT2"),
            ("TIME_WAIT time-wait timewait TIME_OUT", "TIME_WAIT"),
            ("CLOSE CLOSED close closed", "close"),
            ("CLOSE_WAIT CLOSE-WAIT closewait", "CLOSE_WAIT"),
            ("LAST_ACK LAST-ACK LAST_WAIT", "LAST_ACK"),
            ("LISTEN listen LISTENING", "listen"),
            ("CLOSING closing", "CLOSING"),
            ("BOUND_INACTIVE bound-inactive bound bind", "bind"),
            ("UNCONN unconn udp UDP", "udp"),
        ] {
            for word in words.split(' ') {
                assert_eq!(name(word), topic, "{word}");
            }
        }
        for state in State::TCP.into_iter().chain([State::Unconnected]) {
            assert!(of_state(state).is_some(), "{state}");
        }
        assert!(of_state(State::Unknown(14)).is_none());
    }

    #[test]
    fn calls_and_findings_are_found() {
        let calls = ["handshake", "backlog", "socket", "bind", "listen", "accept"];
        for word in calls.into_iter().chain(RULES.iter().map(|rule| rule.id)) {
            assert_eq!(name(word), word);
            assert_eq!(name(&word.to_uppercase().replace('-', "_")), word);
        }
        assert!(find("").is_none());
        assert!(find("weather").is_none());
    }

    #[test]
    fn every_rule_of_doctor_has_a_page_and_every_page_of_a_finding_a_rule() {
        let pages = topics().filter(|topic| topic.group == TopicGroup::Findings);
        let pages: BTreeSet<_> = pages.map(|topic| topic.name).collect();
        assert_eq!(pages, RULES.iter().map(|rule| rule.id).collect());
    }

    /// As they are pasted from a log.
    #[test]
    fn errors_are_found_as_programs_print_them() {
        for (pasted, topic) in [
            ("address already in use", "address-in-use"),
            ("Address already in use (os error 98)", "address-in-use"),
            ("bind: Address already in use", "address-in-use"),
            ("EADDRINUSE", "address-in-use"),
            ("connection refused", "connection-refused"),
            ("connect ECONNREFUSED", "connection-refused"),
            ("ECONNREFUSED", "connection-refused"),
            ("ECONNRESET", "connection-reset"),
            ("connection reset by peer", "connection-reset"),
            ("read: connection reset by peer", "connection-reset"),
            ("broken pipe", "connection-reset"),
            ("EPIPE", "connection-reset"),
            ("EMFILE", "fd-limit"),
            ("too many open files", "fd-limit"),
            ("accept4: too many open files", "fd-limit"),
            ("ETIMEDOUT", "connect-failing"),
            ("connection timed out", "connect-failing"),
            ("EADDRNOTAVAIL", "ephemeral-ports"),
            ("cannot assign requested address", "ephemeral-ports"),
            ("leak", "close-wait-leak"),
            ("glossary", "glossary"),
        ] {
            assert_eq!(name(pasted), topic, "{pasted}");
        }
    }

    /// Every word that an answer has for a state, a reason, a role or a timer leads to a page.
    #[test]
    fn every_word_that_is_printed_has_a_page() {
        let columns = crate::columns::COLUMNS.iter();
        let words = columns
            .filter(|column| ["state", "role", "owner_status", "timer"].contains(&column.id))
            .flat_map(|column| column.words);
        for word in words
            .copied()
            .chain(BlockReason::ALL.map(BlockReason::name))
        {
            assert!(find(word).is_some(), "no page explains '{word}'");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        assert_eq!(nearest("handshke"), Some("handshake"));
        assert_eq!(nearest("TIME_WAITT"), Some("TIME_WAIT"));
        assert_eq!(nearest("close-wait-lek"), Some("close-wait-leak"));
        assert_eq!(nearest("weather"), None);
    }

    #[test]
    fn words_lead_to_one_topic_only() {
        let mut seen: Vec<String> = Vec::new();
        for topic in topics() {
            let aliases = topic.aliases.iter().map(|alias| (*alias).to_owned());
            seen.extend(aliases.chain([key(topic.name)]));
            assert!(topic.aliases.iter().all(|alias| *alias == key(alias)));
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn no_topic_has_an_empty_part() {
        for topic in topics() {
            let name = topic.name;
            assert!(!topic.title.is_empty(), "{name}");
            assert!(topic.points.len() >= 4, "{name}");
            assert!(!topic.live.is_empty(), "{name}");
            for point in topic.points {
                assert!((2..=9).contains(&point.heading.len()), "{name}: {point:?}");
                assert!(point.text.len() > 20, "{name}: {point:?}");
                assert!(point.text.ends_with('.'), "{name}: {point:?}");
                assert!(!point.text.contains("  "), "{name}: {point:?}");
            }
        }
    }

    #[test]
    fn texts_are_plain() {
        let plain = |text: &str| text.chars().all(|c| (' '..='~').contains(&c));
        for topic in topics() {
            assert!(plain(topic.title), "{}", topic.name);
            for point in topic.points {
                assert!(plain(point.heading) && plain(point.text), "{point:?}");
                assert!(!point.text.contains('!'), "{point:?}");
            }
            for live in topic.live {
                assert!(plain(&live.name()) && plain(live.meaning()), "{live:?}");
            }
        }
    }
}
