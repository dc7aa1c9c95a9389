//! Words into terms, with errors that say what would have been right.

use std::fmt;

use super::Term;
use crate::model::{Family, PortRange, Protocol, Role, State};

/// Why a filter cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FilterError {}

/// The names that can be compared.
const KEYS: [&str; 13] = [
    "state", "port", "lport", "pport", "pid", "process", "comm", "user", "uid", "role", "protocol",
    "family", "inode",
];

pub(super) fn term(word: &str) -> Result<Term, FilterError> {
    let Some((key, value)) = word.split_once('=') else {
        let message = format!("'{word}' is not a filter");
        return Err(error(message, example(word)));
    };
    let key = key.trim().to_ascii_lowercase();
    let value = value.trim();
    if value.is_empty() {
        return Err(error(
            format!("'{word}' compares with nothing"),
            example(&key),
        ));
    }
    Ok(match key.as_str() {
        "state" => Term::State(list(value, state)?),
        "protocol" => Term::Protocol(list(value, protocol)?),
        "family" => Term::Family(list(value, family)?),
        "port" => Term::Port(ports(value)?),
        "lport" => Term::LocalPort(ports(value)?),
        "pport" => Term::PeerPort(ports(value)?),
        "pid" => Term::Pid(list(value, |text| number("pid", text))?),
        "uid" => Term::Uid(list(value, |text| number("uid", text))?),
        "inode" => Term::Inode(list(value, |text| number("inode", text))?),
        "process" | "comm" => Term::Process(list(value, |text| Ok(text.to_owned()))?),
        "user" => Term::User(list(value, |text| Ok(text.to_owned()))?),
        "role" => Term::Role(list(value, role)?),
        _ => return Err(unknown_key(&key)),
    })
}

fn error(message: String, hint: String) -> FilterError {
    FilterError { message, hint }
}

/// A word that was meant as a filter, written as one.
fn example(word: &str) -> String {
    if State::parse(word).is_some() {
        format!("write it as state={word}")
    } else if word.parse::<u16>().is_ok() {
        format!("write it as port={word}")
    } else {
        format!(
            "a filter is key=value, with key one of: {}",
            KEYS.join(", ")
        )
    }
}

fn unknown_key(key: &str) -> FilterError {
    let near =
        nearest(key, &KEYS).map_or_else(String::new, |near| format!("did you mean '{near}'? "));
    let hint = format!("{near}known are: {}", KEYS.join(", "));
    error(format!("cannot filter by '{key}'"), hint)
}

fn list<T>(
    value: &str,
    read: impl Fn(&str) -> Result<T, FilterError>,
) -> Result<Vec<T>, FilterError> {
    value.split(',').map(|part| read(part.trim())).collect()
}

fn ports(value: &str) -> Result<Vec<PortRange>, FilterError> {
    PortRange::parse_list(value).map_err(|why| {
        error(
            why,
            "for example port=8080, port=80,443 or port=8000-8100".to_owned(),
        )
    })
}

fn number(key: &str, text: &str) -> Result<u32, FilterError> {
    text.parse().map_err(|_| {
        error(
            format!("'{text}' is not a number"),
            format!("{key} takes a number"),
        )
    })
}

fn state(text: &str) -> Result<State, FilterError> {
    State::parse(text).ok_or_else(|| {
        let names: Vec<&str> = State::TCP.iter().filter_map(|state| state.name()).collect();
        let near = nearest(&text.to_ascii_uppercase(), &names);
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        let hint = format!("{near}states are: {}, UNCONN", names.join(", "));
        error(format!("'{text}' is not a state"), hint)
    })
}

fn protocol(text: &str) -> Result<Protocol, FilterError> {
    let found = Protocol::ALL
        .into_iter()
        .find(|p| p.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        error(
            format!("'{text}' is not a protocol"),
            "protocols are: tcp, udp, raw".to_owned(),
        )
    })
}

fn family(text: &str) -> Result<Family, FilterError> {
    let found = Family::ALL
        .into_iter()
        .find(|f| f.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        error(
            format!("'{text}' is not a family"),
            "families are: ipv4, ipv6".to_owned(),
        )
    })
}

fn role(text: &str) -> Result<Role, FilterError> {
    let roles = [Role::Listener, Role::Inbound, Role::Outbound];
    let found = roles
        .into_iter()
        .find(|r| r.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| {
        error(
            format!("'{text}' is not a role"),
            "roles are: listener, inbound, outbound".to_owned(),
        )
    })
}

/// The known word that is nearest: at most two edits away, and one for every three letters.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = known.iter().map(|known| (distance(word, known), *known));
    let most = (word.chars().count() / 3).min(2);
    near.filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, known)| known)
}

/// The edit distance of two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut previous = i + 1;
        let mut next = vec![previous];
        for (cb, pair) in b.iter().zip(row.windows(2)) {
            let (diagonal, above) = (pair.first().copied(), pair.last().copied());
            let replace = diagonal.unwrap_or(0) + usize::from(ca != *cb);
            previous = replace.min(previous + 1).min(above.unwrap_or(0) + 1);
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_terms() {
        assert_eq!(
            term("state=close-wait,ESTAB"),
            Ok(Term::State(vec![State::CloseWait, State::Established]))
        );
        assert_eq!(
            term("port=80,8000-8001"),
            Ok(Term::Port(PortRange::parse_list("80,8000-8001").unwrap()))
        );
        assert_eq!(term("PID=1,2"), Ok(Term::Pid(vec![1, 2])));
        assert_eq!(term("process=a=b"), Ok(Term::Process(vec!["a=b".into()])));
    }

    #[test]
    fn errors_teach() {
        let hint = |word: &str| term(word).unwrap_err().hint;
        assert!(hint("close_wait").contains("state=close_wait"));
        assert!(hint("8080").contains("port=8080"));
        assert!(hint("stat=listen").contains("did you mean 'state'"));
        assert!(hint("state=LISTN").contains("did you mean LISTEN"));
        assert!(hint("role=client").contains("outbound"));
        for bad in [
            "",
            "=",
            "x",
            "pid=",
            "pid=x",
            "pid=-1",
            "port=99999",
            "port=1,",
            "uid=1.5",
            "role=",
            "family=4",
        ] {
            assert!(term(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("state", "stat"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(nearest("zzzzzz", &["state"]), None);
    }
}
