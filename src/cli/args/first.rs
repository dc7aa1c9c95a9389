//! A first word that is no command: `sockscope 8080`, `sockscope :http`, `sockscope established`;
//! and words of other tools, which get the one hint that fits.

use std::ffi::OsString;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Cli;
use super::ports::Ports;
use crate::cli::exit::Usage;
use crate::cli::session::live_processes;
use crate::filter::{self, did_you_mean};
use crate::host::live::names;
use crate::model::foreign::safe_line;

/// What was meant.
pub(crate) enum Meant {
    /// A command, which is left out.
    Command(Box<Cli>),
    /// Something that is to be said.
    Hint(Usage),
    /// Whatever the error says.
    Unknown,
}

/// Words of other tools and other words for what there is: what does the same here.
const OTHERS: [(&[&str], &str); 15] = [
    (
        &["kill", "killport", "kill-port", "fkill", "pkill", "killall"],
        "sockscope port 8080 shows who holds the port; kill $(sockscope port 8080 --pids) ends them",
    ),
    (
        &["lsof", "fuser"],
        "sockscope port 8080 shows who holds a port, sockscope proc PID what a process has open",
    ),
    (
        &["ss", "netstat"],
        "letters of ss work without it: sockscope -tulpn, sockscope -tan state established",
    ),
    (
        &["top", "iftop", "nethogs", "monitor", "live", "tui", "ui"],
        "sockscope watch is the live view",
    ),
    (
        &["ps", "pid", "process", "processes"],
        "sockscope proc PID shows what a process has open, by pid or by name",
    ),
    (
        &["ls", "list", "all", "sockets", "connections", "connection"],
        "sockscope conns lists connections, sockscope listen what listens",
    ),
    (
        &["listeners", "server", "servers", "open", "bound"],
        "sockscope listen shows what listens",
    ),
    (
        &["ports"],
        "sockscope port 8080 tells of one port, sockscope listen lists those that are listened on",
    ),
    (
        &["check", "health", "diagnose", "diag", "problems"],
        "sockscope doctor tells what is wrong",
    ),
    (
        &["stats", "stat", "summary", "count", "counts"],
        "sockscope states counts by state",
    ),
    (
        &["leak", "leaks", "queues"],
        "sockscope buildup shows what piles up, sockscope doctor what is wrong",
    ),
    (
        &["free"],
        "sockscope wait 8080 --free waits until a port is free",
    ),
    (&["version"], "sockscope --version"),
    (
        &["show", "info", "get"],
        "sockscope port 8080 tells of one port",
    ),
    (
        &["tcpdump", "capture", "sniff"],
        "sockscope reads tables of sockets, not packets: sockscope watch is the live view",
    ),
];

/// What words mean that clap refused.
pub(crate) fn understand(arguments: &[OsString], error: &clap::Error) -> Meant {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {}
        ErrorKind::UnknownArgument => {
            let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
            return words.find_map(of_lsof).map_or(Meant::Unknown, Meant::Hint);
        }
        _ => return Meant::Unknown,
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return Meant::Unknown;
    };
    let Some(place) = place(arguments, word) else {
        return Meant::Unknown;
    };
    let is_habit = arguments
        .get(1)
        .is_some_and(|first| first.as_encoded_bytes().starts_with(b"-"));
    let before = place.checked_sub(1).and_then(|place| arguments.get(place));
    let is_number = word.parse::<u32>().is_ok();
    if is_number && before.is_some_and(|before| before == "-p") {
        let usage = Usage::new(format!("'-p {word}' can be a pid or a port"));
        let hint = format!("write sockscope proc {word}, or sockscope port {word}");
        return Meant::Hint(usage.hint(hint));
    }
    if let Some(hint) = of_others(word, arguments.get(place + 1)) {
        return Meant::Hint(no_command(word).hint(hint));
    }
    let is_process = || {
        live_processes(word)
            .iter()
            .any(|name| name == word.as_bytes())
    };
    if Ports::is_first(word) {
        let is_service = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && names::port_of(word).is_some();
        if is_service && is_process() {
            let usage = Usage::new(format!(
                "'{word}' can be a service or the name of a process"
            ));
            let hint = format!("write sockscope port {word}, or sockscope proc {word}");
            return Meant::Hint(usage.hint(hint));
        }
        return with(arguments, place, "port");
    }
    if filter::stands_alone(word) || is_habit {
        return with(arguments, place, "conns");
    }
    hint(word)
}

/// Where the word stands that clap took for a command: what is before it can be read.
fn place(arguments: &[OsString], word: &str) -> Option<usize> {
    let is_it = |place: &usize| {
        let before = arguments.get(..*place).unwrap_or_default();
        arguments.get(*place).is_some_and(|found| found == word)
            && Cli::try_parse_from(before).is_ok()
    };
    (1..arguments.len()).find(is_it)
}

fn with(arguments: &[OsString], place: usize, command: &str) -> Meant {
    let mut arguments = arguments.to_vec();
    arguments.insert(place, command.into());
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Meant::Command(Box::new(cli)),
        Err(_) => Meant::Unknown,
    }
}

fn no_command(word: &str) -> Usage {
    Usage::new(safe_line(&format!("there is no command '{word}'")))
}

/// A process, a command that is near, or nothing that is known.
fn hint(word: &str) -> Meant {
    let found = live_processes(word);
    let is_one = found.len() == 1
        && found
            .first()
            .is_some_and(|name| name.starts_with(word.as_bytes()));
    if is_one {
        let is_whole = found.first().is_some_and(|name| name == word.as_bytes());
        let called = if is_whole {
            "is called so"
        } else {
            "has a name that begins so"
        };
        let hint = format!("a process {called}: sockscope proc {word}, or sockscope conns {word}");
        return Meant::Hint(no_command(word).hint(safe_line(&hint)));
    }
    let commands = super::names();
    let known: Vec<&str> = commands.iter().map(String::as_str).collect();
    match did_you_mean(&word.to_ascii_lowercase(), &known) {
        near if near.is_empty() => Meant::Hint(
            no_command(word)
                .hint("sockscope --help shows what there is; sockscope port 8080 looks at a port"),
        ),
        near => Meant::Hint(no_command(word).hint(near.trim_end())),
    }
}

/// The hint for a word of another tool; the word behind it may be a port.
fn of_others(word: &str, next: Option<&OsString>) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let (_, hint) = OTHERS
        .iter()
        .find(|(words, _)| words.contains(&lower.as_str()))?;
    let port = next.and_then(|next| next.to_str());
    let port = port.filter(|next| Ports::is_first(next));
    Some(match port {
        Some(port) => hint.replace("8080", port),
        None => (*hint).to_owned(),
    })
}

/// `-iTCP:8080`, `-i:8080` and `-sTCP:LISTEN` of lsof.
fn of_lsof(word: &str) -> Option<Usage> {
    let usage = || Usage::new(format!("'{word}' is an option of lsof"));
    if let Some(state) = word.strip_prefix("-sTCP:") {
        let hint = match crate::model::State::parse(state)? {
            crate::model::State::Listen => "sockscope listen -t".to_owned(),
            state => format!(
                "sockscope conns -t state={}",
                state.name()?.to_ascii_lowercase()
            ),
        };
        return Some(usage().hint(hint));
    }
    let rest = word.strip_prefix("-i")?;
    let upper = rest.to_ascii_uppercase();
    let (protocol, port) = match upper.split_once(':') {
        Some((protocol, port)) => (protocol.to_owned(), port.to_ascii_lowercase()),
        None => (upper, String::new()),
    };
    let letter = match protocol.trim_start_matches(['4', '6']) {
        "" => "",
        "TCP" => " -t",
        "UDP" => " -u",
        _ => return None,
    };
    Some(usage().hint(match port.as_str() {
        "" => format!("sockscope conns -a{letter} lists all sockets"),
        port => format!("sockscope port {port}{letter}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Command;

    /// The command with its words, or the message and the hint.
    fn meant(words: &[&str]) -> String {
        let arguments: Vec<OsString> = std::iter::once(&"sockscope")
            .chain(words)
            .map(OsString::from)
            .collect();
        let error = Cli::try_parse_from(&arguments).expect_err("no command");
        match understand(&arguments, &error) {
            Meant::Command(cli) => match cli.command {
                Some(Command::Port { words, .. }) => format!("port {}", words.join(" ")),
                Some(Command::Conns { filter, .. }) => format!("conns {}", filter.words.join(" ")),
                other => format!("{other:?}"),
            },
            Meant::Hint(usage) => {
                format!("{}: {}", usage.message, usage.hint.unwrap_or_default())
            }
            Meant::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn a_port_is_a_question_for_port_and_a_condition_one_for_conns() {
        for (words, told) in [
            (&["8080"][..], "port 8080"),
            (&[":8080"], "port :8080"),
            (&["80,443"], "port 80,443"),
            (&["8000-8100", "--json"], "port 8000-8100"),
            (&["8080/tcp"], "port 8080/tcp"),
            (&["localhost:8080"], "port localhost:8080"),
            (&["[::1]:8080"], "port [::1]:8080"),
            (&["8080", "state=close_wait"], "port 8080 state=close_wait"),
            (&["-t", "8080"], "port 8080"),
            (&["-i", ":8080"], "port :8080"),
            (&["--format", "json", "8080"], "port 8080"),
            (&["--limit", "8080", "8080"], "port 8080"),
            (&["established"], "conns established"),
            (&["close-wait", "8080"], "conns close-wait 8080"),
            (&["state=established"], "conns state=established"),
            (&["inbound"], "conns inbound"),
            (&["-tn", "state", "established"], "conns state established"),
            (&["-tn", "dst", "10.0.0.1"], "conns dst 10.0.0.1"),
        ] {
            assert_eq!(meant(words), told, "{words:?}");
        }
    }

    #[test]
    fn words_of_other_tools_get_the_hint_that_fits() {
        for (words, told) in [
            (&["kill", "9000"][..], "kill $(sockscope port 9000 --pids)"),
            (&["killport"], "sockscope port 8080"),
            (&["fuser", "80/tcp"], "sockscope port 80/tcp shows who"),
            (&["lsof"], "sockscope port 8080 shows who"),
            (&["netstat", "-anp"], "sockscope -tulpn"),
            (
                &["-iTCP:8080", "-sTCP:LISTEN"],
                "of lsof: sockscope port 8080 -t",
            ),
            (&["-iTCP", "-sTCP:LISTEN"], "sockscope conns -a -t"),
            (&["-sTCP:LISTEN"], "sockscope listen -t"),
            (
                &["-p", "812"],
                "write sockscope proc 812, or sockscope port 812",
            ),
            (&["top"], "sockscope watch"),
            (
                &["lisen"],
                "there is no command 'lisen': did you mean 'listen'?",
            ),
            (&["nothing-like-it"], "sockscope --help shows"),
        ] {
            assert!(meant(words).contains(told), "{words:?}: {}", meant(words));
        }
    }

    #[test]
    fn no_word_of_another_tool_is_a_command_of_ours() {
        let commands = crate::cli::args::names();
        let words = OTHERS.iter().flat_map(|(words, _)| *words);
        for word in words {
            assert!(!commands.iter().any(|command| command == word), "{word}");
        }
    }
}
