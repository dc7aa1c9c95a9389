//! The numbers of a finding in words and units: `oldest 34 min 44 s, drops 312 (14.9/s)`. JSON has
//! them as they are.

use crate::analyze::doctor::{Evidence, Number};
use crate::text::units::{bytes, millis, span};

/// What a number counts, where its name does not end with it.
#[derive(Clone, Copy)]
enum Unit {
    Things,
    /// Of these none is nothing worth a word.
    Some,
    Bytes,
    /// A time that is left, or passed.
    Seconds,
    /// A time that is set.
    Set,
    Percent,
    YesNo,
}

/// The words of names that need others than their own.
const WORDS: &[(&str, &str, Unit)] = &[
    ("close_wait", "CLOSE_WAIT", Unit::Things),
    (
        "confirmed_by_program",
        "confirmed by its program",
        Unit::YesNo,
    ),
    ("eof_read", "EOF read", Unit::Some),
    ("fd_limit", "descriptor limit", Unit::Things),
    ("fd_open", "open descriptors", Unit::Things),
    ("fin_timeout_s", "tcp_fin_timeout", Unit::Set),
    ("fin_wait2", "FIN_WAIT2", Unit::Things),
    ("given_up", "given up", Unit::Some),
    ("listeners", "listeners", Unit::Some),
    ("not_sent", "not sent yet", Unit::Bytes),
    ("overflows", "overflows", Unit::Some),
    ("percent", "share", Unit::Percent),
    ("pressure", "pressure from", Unit::Things),
    ("receive_buffer", "receive buffer", Unit::Bytes),
    ("receive_buffer_used", "used of it", Unit::Bytes),
    ("recv_q", "to be read", Unit::Bytes),
    ("reserved", "reserved", Unit::Some),
    ("seconds_left", "full in", Unit::Seconds),
    (
        "seconds_to_fd_limit",
        "no descriptors left in",
        Unit::Seconds,
    ),
    ("send_q", "to be sent", Unit::Bytes),
    ("sent_again", "sent again", Unit::Some),
    ("stopped_reading", "reading stopped", Unit::Some),
    ("syn_recv", "SYN_RECV", Unit::Some),
    ("syncookies", "tcp_syncookies", Unit::Things),
    ("time_wait", "TIME_WAIT", Unit::Some),
    ("unacked", "not acknowledged", Unit::Some),
    ("unread_bytes", "not read", Unit::Bytes),
    ("unread_fin", "FIN not read", Unit::Some),
    ("unread_sockets", "sockets with data", Unit::Some),
    ("waiting_and_left", "left while they wait", Unit::Some),
];

/// A rate that is only known to be less than this says that something stands still; a higher one,
/// of a short look, says nothing.
const STANDS_STILL: f64 = 0.1;
const PER_SECOND: &str = "_per_second";

/// The numbers worth reading, a part for each.
pub(super) fn parts(evidence: &Evidence) -> Vec<String> {
    let mut parts: Vec<(&str, String)> = Vec::new();
    for (name, number) in &evidence.0 {
        let Some(rate) = name.strip_suffix(PER_SECOND) else {
            parts.extend(counted(name, *number).map(|part| (*name, part)));
            continue;
        };
        let Some(number) = per_second(*number) else {
            continue;
        };
        match parts.last_mut() {
            // How many, and how fast they come.
            Some((of, part)) if *of == rate => {
                *part = format!("{part} ({number})");
            }
            _ => parts.push((name, format!("{} {number}", words(rate).0))),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// What a number is called, and what it counts.
fn words(name: &str) -> (String, Unit) {
    let known = WORDS.iter().find(|(known, ..)| *known == name);
    known.map_or_else(
        || (name.replace('_', " "), Unit::Things),
        |(_, words, unit)| ((*words).to_owned(), *unit),
    )
}

fn counted(name: &str, number: Number) -> Option<String> {
    let count = match number {
        Number::Age(count) | Number::Count(count) => count,
        Number::Rate(number) => return Some(format!("{} {number}", words(name).0)),
        Number::Below(number) => return Some(format!("{} <{number}", words(name).0)),
    };
    if let Some(name) = name.strip_suffix("_ms") {
        return Some(format!("{} {}", words(name).0, millis(count)));
    }
    let (words, unit) = words(name);
    Some(match unit {
        Unit::Some if count == 0 => return None,
        Unit::Things | Unit::Some => format!("{words} {count}"),
        Unit::Bytes => format!("{words} {}", bytes(count)),
        Unit::Seconds => format!("{words} {}", span(count)),
        Unit::Set => format!("{words} {count} s"),
        Unit::Percent => format!("{words} {count} %"),
        Unit::YesNo => format!("{words}: {}", if count > 0 { "yes" } else { "no" }),
    })
}

/// A rate as it is read; `None` where it says nothing.
fn per_second(number: Number) -> Option<String> {
    match number {
        Number::Rate(rate) => (rate > 0.0).then(|| format!("{rate}/s")),
        Number::Below(rate) => (rate <= STANDS_STILL).then(|| format!("<{rate}/s")),
        Number::Count(count) | Number::Age(count) => (count > 0).then(|| format!("{count}/s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(evidence: &Evidence) -> String {
        parts(evidence).join(", ")
    }

    #[test]
    fn numbers_have_words_and_units() {
        let leak = Evidence::default()
            .with("close_wait", 559)
            .with("eof_read", 0)
            .with("oldest_ms", Number::Age(2_084_752))
            .with("growth_per_second", 2.5)
            .with("fd_open", 900)
            .with("fd_limit", 1024)
            .with("seconds_to_fd_limit", 49);
        assert_eq!(
            told(&leak),
            "CLOSE_WAIT 559, oldest 34 min 44 s, growth 2.5/s, open descriptors 900, descriptor limit 1024, no descriptors left in 49 s"
        );
        let unread = Evidence::default()
            .with("connections", 1)
            .with("recv_q", 6_291_456)
            .with("not_sent", 512)
            .with("stalled_ms", Number::Age(12_400));
        assert_eq!(
            told(&unread),
            "connections 1, to be read 6 MiB, not sent yet 512 B, stalled 12 s"
        );
        let others = Evidence::default()
            .with("percent", 97)
            .with("confirmed_by_program", 0)
            .with("fin_timeout_s", 60)
            .with("namespace_errors_per_second", 3.0);
        assert_eq!(
            told(&others),
            "share 97 %, confirmed by its program: no, tcp_fin_timeout 60 s, namespace errors 3/s"
        );
    }

    #[test]
    fn a_rate_stands_behind_what_it_counts() {
        let drops = |rate: f64| {
            let evidence = Evidence::default().with("waiting", 51).with("drops", 312);
            told(&evidence.with("drops_per_second", rate).with("limit", 50))
        };
        assert_eq!(drops(14.9), "waiting 51, drops 312 (14.9/s), limit 50");
        assert_eq!(drops(0.0), "waiting 51, drops 312, limit 50");
    }

    #[test]
    fn what_a_second_cannot_tell_is_left_out() {
        let still = |below| {
            let evidence = Evidence::default().with("close_wait", 3);
            told(&evidence.with("growth_per_second", Number::Below(below)))
        };
        assert_eq!(still(1.0), "CLOSE_WAIT 3");
        assert_eq!(still(0.033), "CLOSE_WAIT 3, growth <0.033/s");
    }
}
