//! What `explain` knows: states, calls and findings as data. No I/O, no layout.
//!
//! A topic is a drawing, points to read, and the live values that belong to it. Where Linux
//! and RFC 9293 differ, the text says so.

mod calls;
mod closing;
pub mod diagram;
mod findings;
mod life;
pub mod live;
mod states;
mod traffic;

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
    /// What `doctor` finds.
    Findings,
}

impl TopicGroup {
    /// The heading in the list.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Calls => "What a program calls",
            Self::Life => "How connections begin, wait and end",
            Self::States => "States, in any spelling (the page close covers CLOSE)",
            Self::Findings => "Findings of doctor",
        }
    }
}

/// Every topic once, group by group, in the order in which one would learn them.
pub fn topics() -> impl Iterator<Item = &'static Topic> {
    let calls = calls::TOPICS.iter().chain(life::TOPICS);
    let findings = findings::TOPICS.iter().chain(traffic::TOPICS);
    let states = states::TOPICS.iter().chain(closing::TOPICS);
    calls.chain(states).chain(findings)
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
    named.or_else(|| of_state(State::parse(word)?))
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
