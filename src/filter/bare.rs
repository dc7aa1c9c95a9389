//! A word without a comparison, as people type it first: `8080`, `established`, `10.0.0.1:443`,
//! `http`, `java`. Each has one meaning; what could have two is refused, with both.

use super::ends::{self, Spelling};
use super::error::{Fault, nearest};
use super::expression::{Expr, Side, Term, Test};
use super::scan::Piece;
use super::{Names, fields, ports, values};
use crate::columns::{self, COLUMNS};
use crate::model::State;
use crate::model::foreign::shown;

/// Shorter words are near to too much.
const SHORTEST_NEAR: usize = 5;
/// So many processes are named where several are meant.
const MOST_NAMED: usize = 8;

/// What a word may mean: written out, and as a condition.
struct Reading {
    what: &'static str,
    written: String,
    test: Test,
}

/// The condition that a word stands for.
pub(super) fn read(piece: Piece<'_>, names: Names<'_>) -> Result<Expr, Fault> {
    if piece.quoted {
        return process(piece, &(names.process)(piece.text), names.is_typed);
    }
    if let Some(expr) = port_of_protocol(piece, names) {
        return expr;
    }
    if is_port(piece.text) {
        return port(piece, names);
    }
    if is_end(piece.text, names) {
        let ends = ends::read(piece.text, Spelling::Ours, names);
        let ends = ends.map_err(|stop| stop.within(piece))?;
        return Ok(plain(Test::End(Side::Either, ends)));
    }
    let mut readings = our_word(piece.text);
    readings.extend(service(piece.text, names));
    let processes = (names.process)(piece.text);
    let is_process = processes.iter().any(|name| name == piece.text.as_bytes());
    match readings.pop() {
        None => process(piece, &processes, names.is_typed),
        Some(only) if readings.is_empty() && !is_process => Ok(plain(only.test)),
        Some(last) => {
            readings.push(last);
            Err(ambiguous(piece, &readings, is_process))
        }
    }
}

/// Whether a word is a state, or a group of them: side by side such words are one set.
pub(super) fn is_state(word: &str) -> bool {
    values::state_group(word).is_some() || State::parse(word).is_some()
}

/// Whether a word is a condition by itself, whatever processes there are: a port, an end, a word
/// of ours, or a comparison.
pub(crate) fn stands_alone(word: &str) -> bool {
    let is_compared = word.contains(['=', '<', '>', '~']);
    let names = Names::NONE;
    is_compared || is_port(word) || is_end(word, names) || !our_word(word).is_empty()
}

fn plain(test: Test) -> Expr {
    let negated = false;
    Expr::Term(Term { test, negated })
}

/// `8080`, `8000-8100`, `:8080`, `:http`.
fn is_port(word: &str) -> bool {
    let of_ports = |c: char| c.is_ascii_digit() || c == '-';
    let begins_so = word.starts_with(|c: char| c.is_ascii_digit());
    let is_number = begins_so && word.chars().all(of_ports);
    is_number || (word.starts_with(':') && !word.starts_with("::"))
}

fn port(piece: Piece<'_>, names: Names<'_>) -> Result<Expr, Fault> {
    let (_, range) = ports::value(piece, Spelling::Ours, names).map_err(|fault| Fault {
        hint: format!(
            "a number is a port, 0 to 65535; of a process it is pid={}",
            piece.text.trim_start_matches(':')
        ),
        ..fault
    })?;
    Ok(plain(Test::Port(Side::Either, range.into_iter().collect())))
}

/// `80/tcp`, `tcp/80`, `domain/udp`.
fn port_of_protocol(piece: Piece<'_>, names: Names<'_>) -> Option<Result<Expr, Fault>> {
    let (before, behind) = piece.text.split_once('/')?;
    let known = |word: &str| {
        let all = ["tcp", "udp"].into_iter();
        all.clone().find(|name| word.eq_ignore_ascii_case(name))
    };
    let (text, at, protocol) = match (known(before), known(behind)) {
        (None, Some(protocol)) => (before, 0, protocol),
        (Some(protocol), None) => (behind, before.len() + 1, protocol),
        _ => return None,
    };
    let port = Piece {
        text,
        at: piece.place(at),
        quoted: false,
    };
    let column = columns::find("protocol")?;
    let expr = self::port(port, names).map(|port| {
        let protocol = plain(Test::Text(column, vec![protocol.to_owned()]));
        Expr::All(vec![port, protocol])
    });
    Some(expr)
}

/// Whether a word can only be an end, right or wrong: no name of a process looks like it.
fn is_end(word: &str, names: Names<'_>) -> bool {
    let begins = |signs: &[char]| word.starts_with(signs);
    let is_numeric = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(['.', '/']);
    let is_address = || {
        let is_read = ends::read(word, Spelling::Ours, names).is_ok();
        is_read && !word.eq_ignore_ascii_case("any")
    };
    begins(&['[', '*']) || word.contains(':') || is_numeric || is_address()
}

/// A state, or a word that only one column has.
fn our_word(word: &str) -> Vec<Reading> {
    if let Some(set) = values::clause_states(word) {
        return vec![Reading {
            what: "a state",
            written: format!("state={word}"),
            test: Test::State(set),
        }];
    }
    let has = |known: &str| word.eq_ignore_ascii_case(known);
    let columns = COLUMNS
        .iter()
        .filter(|column| column.words.iter().any(|known| has(known)));
    columns
        .map(|column| Reading {
            what: "a word of sockscope",
            written: format!("{}={word}", column.id),
            test: Test::Text(column, vec![word.to_owned()]),
        })
        .collect()
}

fn service(word: &str, names: Names<'_>) -> Option<Reading> {
    let port = (names.port)(word)?;
    let ports = vec![crate::model::PortRange {
        first: port,
        last: port,
    }];
    Some(Reading {
        what: "a service",
        written: format!("port={word} ({port})"),
        test: Test::Port(Side::Either, ports),
    })
}

/// The process of this name, or the one whose name begins so.
fn process(piece: Piece<'_>, found: &[Vec<u8>], is_typed: bool) -> Result<Expr, Fault> {
    let word = piece.text;
    let exact = found.iter().find(|name| name.as_slice() == word.as_bytes());
    let name = match (exact, found) {
        (Some(name), _) | (None, [name]) => name.clone(),
        (None, []) if is_typed => {
            let what = format!("no process has a name that begins with '{word}'");
            let hint = "for example 8080, close_wait, 10.0.0.1:443, or the name of a process";
            return Err(Fault::new(what, piece.place(0), hint));
        }
        (None, []) => match near(word).filter(|_| !piece.quoted) {
            Some(near) => {
                let what = format!("'{word}' is no word of a filter, and no process has the name");
                let hint = format!("did you mean '{near}'? a process is process={word}");
                return Err(Fault::new(what, piece.at, hint));
            }
            None => word.into(),
        },
        (None, several) => {
            let what = format!("several processes have a name that begins with '{word}'");
            return Err(Fault::new(what, piece.place(0), one_of(several)));
        }
    };
    Ok(plain(Test::Process(vec![name])))
}

/// `write one of them: redis-cli, redis-server`.
pub(crate) fn one_of(names: &[Vec<u8>]) -> String {
    let shown = names.iter().take(MOST_NAMED).map(|name| shown(name));
    let shown: Vec<String> = shown.map(|name| name.to_string()).collect();
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("write one of them: {}{more}", shown.join(", "))
}

/// The word of the language that is near.
fn near(word: &str) -> Option<String> {
    let states = State::TCP.iter().filter_map(|state| state.name());
    let mut known: Vec<String> = states.map(str::to_ascii_lowercase).collect();
    let columns = COLUMNS.iter().flat_map(|column| column.words);
    known.extend(columns.map(|word| (*word).to_owned()));
    known.extend(fields::names().into_iter().map(str::to_owned));
    known.extend(["connected", "synchronized"].map(str::to_owned));
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let word = word.to_ascii_lowercase().replace('-', "_");
    let found = nearest(&word, &known).filter(|_| word.len() >= SHORTEST_NEAR);
    found.map(str::to_owned)
}

fn ambiguous(piece: Piece<'_>, readings: &[Reading], is_process: bool) -> Fault {
    let word = piece.text;
    let mut meanings: Vec<&str> = readings.iter().map(|reading| reading.what).collect();
    let mut written: Vec<String> = readings
        .iter()
        .map(|reading| reading.written.clone())
        .collect();
    if is_process {
        meanings.push("the name of a process");
        written.push(format!("process={word}"));
    }
    let what = format!("'{word}' can be {}", meanings.join(" or "));
    let hint = format!("write {}", written.join(" or "));
    Fault::new(what, piece.at, hint)
}

#[cfg(test)]
mod tests {
    use super::super::{Filter, Names};

    /// Processes java, redis-server, redis-cli, established, http, and a service http.
    fn names() -> Names<'static> {
        fn process(word: &str) -> Vec<Vec<u8>> {
            let all = [
                "java",
                "redis-server",
                "redis-cli",
                "postgres",
                "ssh",
                "orphaned",
            ];
            if all.contains(&word) {
                return vec![word.into()];
            }
            let begun = all.iter().filter(|name| name.starts_with(word));
            begun.map(|name| (*name).into()).collect()
        }
        Names {
            port: |name| match name {
                "http" => Some(80),
                "ssh" => Some(22),
                _ => None,
            },
            process: &process,
            ..Names::NONE
        }
    }

    /// The filter as it was read.
    fn read(words: &str) -> String {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        match Filter::parse_with(&words, names()) {
            Ok(filter) => format!("{filter:?}"),
            Err(error) => format!("{}\n{}", error.message, error.hint),
        }
    }

    #[test]
    fn each_word_means_what_is_written_out_beside_it() {
        for (word, written) in [
            ("8080", "port=8080"),
            ("8000-8100", "port=8000-8100"),
            (":8080", "port=8080"),
            (":http", "port=80"),
            ("http", "port=http"),
            ("80/tcp", "(port=80 protocol=tcp)"),
            ("udp/80", "(port=80 protocol=udp)"),
            ("80,443", "(port=80 or port=443)"),
            ("established", "state established"),
            ("CLOSE-WAIT", "state close_wait"),
            ("closed", "state closed"),
            ("connected", "state connected"),
            ("timewait", "state time_wait"),
            (
                "established close_wait",
                "state established state close_wait",
            ),
            (
                "established,close_wait",
                "(state established or state close_wait)",
            ),
            ("inbound", "role=inbound"),
            ("udp", "protocol=udp"),
            ("ipv6", "family=ipv6"),
            ("unaccepted", "owner_status=unaccepted"),
            ("keepalive", "timer=keepalive"),
            ("10.0.0.1:443", "address=10.0.0.1:443"),
            ("10.0.0.0/8", "address=10.0.0.0/8"),
            ("[::1]:80", "address=[::1]:80"),
            ("::1", "address=::1"),
            ("*:80", "address=*:80"),
            ("localhost", "address=localhost"),
            ("localhost:80", "address=localhost:80"),
            ("java", "process=java"),
            ("postg", "process=postgres"),
            ("redis-s", "process=redis-server"),
            ("nobody-is-called-so", "process=nobody-is-called-so"),
            ("java 8080", "process=java port=8080"),
            ("java state=close_wait", "process=java state=close_wait"),
            ("not java", "not process=java"),
            (
                "( java or 80 ) established",
                "( process=java or port=80 ) state established",
            ),
            ("\"established\"", "process=established"),
        ] {
            assert_eq!(read(word), read(written), "{word}");
            assert!(read(written).starts_with("Filter"), "{}", read(written));
        }
    }

    #[test]
    fn what_has_two_meanings_is_refused_with_both() {
        for (word, message, hint) in [
            (
                "ssh",
                "'ssh' can be a service or the name of a process at character 1: ^ssh",
                "write port=ssh (22) or process=ssh",
            ),
            (
                "80 orphaned",
                "'orphaned' can be a word of sockscope or the name of a process at character 4: 80 ^orphaned",
                "write owner_status=orphaned or process=orphaned",
            ),
            (
                "redis",
                "several processes have a name that begins with 'redis' at character 1: ^redis",
                "write one of them: redis-server, redis-cli",
            ),
            (
                "establised",
                "'establised' is no word of a filter, and no process has the name at character 1: ^establised",
                "did you mean 'established'? a process is process=establised",
            ),
            (
                "proces",
                "'proces' is no word of a filter, and no process has the name at character 1: ^proces",
                "did you mean 'process'? a process is process=proces",
            ),
            (
                "java 70000",
                "port 70000 is above 65535 at character 6: java ^70000",
                "a number is a port, 0 to 65535; of a process it is pid=70000",
            ),
            (
                "80x/tcp",
                "unexpected 'x' after the port at character 3: 80^x/tcp",
                "a number is a port, 0 to 65535; of a process it is pid=80x",
            ),
            (
                "10.0.0.300",
                "'10.0.0.300' is not an address at character 1: ^10.0.0.300",
                "for example 10.0.0.1, 10.0.0.0/8, 10.0.0.1:443, [::1]:80, [fe80::1]%eth0:443, *:80, :8080",
            ),
            (
                "example.com:80",
                "'example.com' is not an address at character 1: ^example.com:80",
                "host names are not looked up here: give the address",
            ),
        ] {
            assert_eq!(read(word), format!("{message}\n{hint}"), "{word}");
        }
    }
}
