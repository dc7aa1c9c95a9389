//! What can stand at the end of a command line: read off the definition, the program's own
//! tables, and the sockets that are there now.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Arg, Command};

use crate::analyze::doctor::RULES;
use crate::cli::definition;
use crate::cli::manual;
use crate::cli::session::Session;
use crate::columns::{self, COLUMNS};
use crate::explain;
use crate::filter::Filter;
use crate::look::pipeline;
use crate::model::foreign::escape;
use crate::model::{Snapshot, State, StateSet};

/// A word that can stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The whole word.
    pub text: String,
    /// What it is, in a few words.
    pub about: String,
}

fn candidate(text: impl Into<String>, about: impl Into<String>) -> Candidate {
    Candidate {
        text: text.into(),
        about: about.into(),
    }
}

/// Sets of states that a filter knows by one word, as `ss` does.
const GROUPS: [(&str, &str); 6] = [
    ("all", "every state"),
    ("connected", "all except listen and close"),
    ("synchronized", "connected, except syn_sent"),
    ("bucket", "time_wait and syn_recv"),
    ("big", "all except bucket"),
    ("unconn", "UDP and raw without a peer"),
];

/// What an argument takes, where more is known than its definition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Columns,
    Sort,
    Rules,
    Topics,
    Port,
    PortOrFilter,
    Process,
    Owner,
    Filter,
    Page,
}

fn kind(arg: &Arg) -> Option<Kind> {
    Some(match arg.get_value_names()?.first()?.as_str() {
        "COLUMNS" => Kind::Columns,
        "[-]COLUMN" => Kind::Sort,
        "IDS" => Kind::Rules,
        "TOPIC" => Kind::Topics,
        "PORT|FILTER" => Kind::PortOrFilter,
        "PORT" => Kind::Port,
        "PID|NAME" => Kind::Process,
        "NAME|PID" => Kind::Owner,
        "FILTER" => Kind::Filter,
        "PAGE" => Kind::Page,
        _ => return None,
    })
}

/// Whether the values of an option are asked of the program.
pub(super) fn has_candidates(arg: &Arg) -> bool {
    kind(arg).is_some() && !arg.is_positional()
}

/// What can stand where the last of `words` is being typed; `None` where the static part of
/// the scripts knows it: the names of options, and paths.
pub(super) fn candidates(session: &Session, words: &[impl AsRef<str>]) -> Option<Vec<Candidate>> {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let (current, before) = words.split_last()?;
    let root = definition::public();
    let place = Place::after(&root, before)?;
    let (arg, prefix, typed) = match (place.option, current.split_once('=')) {
        (Some(arg), _) => (arg, String::new(), *current),
        (None, Some((name, value))) if name.starts_with("--") => {
            (long(place.command, name)?, format!("{name}="), value)
        }
        _ if current.starts_with('-') => return None,
        _ if place.command.has_subcommands() => return Some(commands(&root, current)),
        _ => (place.positional()?, String::new(), *current),
    };
    let mut found = match kind(arg) {
        Some(kind) => values(session, kind, typed, &place),
        None => fixed(arg)?,
    };
    found.retain(|candidate| candidate.text.starts_with(typed));
    for candidate in &mut found {
        candidate.text.insert_str(0, &prefix);
    }
    Some(found)
}

fn commands(root: &Command, typed: &str) -> Vec<Candidate> {
    let about = |sub: &Command| sub.get_about().map(ToString::to_string);
    let all = root.get_subcommands();
    all.filter(|sub| sub.get_name().starts_with(typed))
        .map(|sub| candidate(sub.get_name(), about(sub).unwrap_or_default()))
        .collect()
}

/// Where in the definition the words before have led.
struct Place<'a> {
    command: &'a Command,
    /// The option whose value comes next.
    option: Option<&'a Arg>,
    /// The words after the command that are no options.
    words: Vec<&'a str>,
}

impl<'a> Place<'a> {
    /// `None` where a word is no command: the definition does not say what follows.
    fn after(root: &'a Command, before: &[&'a str]) -> Option<Self> {
        let mut place = Self {
            command: root,
            option: None,
            words: Vec::new(),
        };
        for word in before {
            if place.option.take().is_some() {
                continue;
            }
            if let Some(letters) = word.strip_prefix('-') {
                let arg = match letters.strip_prefix('-') {
                    Some(name) if name.contains('=') => None,
                    Some(_) => long(place.command, word),
                    None => letters.chars().last().and_then(|c| short(place.command, c)),
                };
                place.option = arg.filter(|arg| arg.get_action().takes_values());
            } else if place.command.has_subcommands() {
                place.command = place.command.find_subcommand(word)?;
            } else {
                place.words.push(word);
            }
        }
        Some(place)
    }

    /// The argument that the next word is; the last one takes all further words.
    fn positional(&self) -> Option<&'a Arg> {
        let all: Vec<_> = self.command.get_positionals().collect();
        all.get(self.words.len()).or(all.last()).copied()
    }
}

fn long<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.trim_start_matches('-');
    command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(name))
}

fn short(command: &Command, letter: char) -> Option<&Arg> {
    command
        .get_arguments()
        .find(|arg| arg.get_short() == Some(letter))
}

/// The values that the definition lists.
fn fixed(arg: &Arg) -> Option<Vec<Candidate>> {
    let values = arg.get_possible_values();
    let each = values.iter().map(|value| {
        let about = value.get_help().map(ToString::to_string);
        candidate(value.get_name(), about.unwrap_or_default())
    });
    (!values.is_empty()).then(|| each.collect())
}

fn values(session: &Session, kind: Kind, typed: &str, place: &Place<'_>) -> Vec<Candidate> {
    let columns = || {
        COLUMNS
            .iter()
            .map(|column| candidate(column.id, column.help))
    };
    match kind {
        Kind::Columns => list(typed, columns().collect()),
        Kind::Sort => {
            let sign = if typed.starts_with('-') { "-" } else { "" };
            in_front(sign, columns())
        }
        Kind::Rules => {
            let rules = RULES.iter().map(|rule| candidate(rule.id, rule.summary));
            list(typed, rules.collect())
        }
        Kind::Topics => explain::topics()
            .map(|topic| candidate(topic.name, topic.title))
            .collect(),
        Kind::Page => manual::topics()
            .into_iter()
            .map(|t| candidate(t, ""))
            .collect(),
        Kind::PortOrFilter if place.words.is_empty() || is_number(typed) => {
            list(typed, ports(session))
        }
        Kind::Port => ports(session),
        Kind::Process if place.words.is_empty() => processes(session, typed),
        Kind::Owner => processes(session, typed),
        Kind::PortOrFilter | Kind::Process | Kind::Filter => filter(session, typed, place),
    }
}

fn is_number(typed: &str) -> bool {
    typed.starts_with(|first: char| first.is_ascii_digit())
}

fn in_front(prefix: &str, found: impl Iterator<Item = Candidate>) -> Vec<Candidate> {
    let longer = |one: Candidate| candidate(format!("{prefix}{}", one.text), one.about);
    found.map(longer).collect()
}

/// The last part of `a,b,c`; what stands before is not offered again.
fn list(typed: &str, mut all: Vec<Candidate>) -> Vec<Candidate> {
    let end = typed.rfind([',', '+', ':']).map_or(0, |place| place + 1);
    let head = typed.get(..end).unwrap_or_default();
    let given: Vec<_> = head.split([',', '+']).collect();
    all.retain(|candidate| !given.contains(&candidate.text.as_str()));
    in_front(head, all.into_iter())
}

/// A comparison: first the name with `=`, then the values that are known of it.
fn filter(session: &Session, typed: &str, place: &Place<'_>) -> Vec<Candidate> {
    if matches!(place.words.last(), Some(&("state" | "exclude"))) {
        return list(typed, states(typed));
    }
    let Some(equals) = typed.find('=') else {
        let either = candidate("port=", "local or peer port");
        let columns = COLUMNS.iter();
        let names = columns.map(|column| candidate(format!("{}=", column.id), column.help));
        let names = [either].into_iter().chain(names);
        // A word by itself is offered once it is begun.
        return names.chain(bare(session, typed)).collect();
    };
    let (head, value) = typed.split_at(equals + 1);
    let name = head.trim_end_matches(['=', '!', '<', '>']);
    let words = |words: &[&str]| words.iter().map(|word| candidate(*word, "")).collect();
    let known = match name {
        "state" => states(value),
        "port" | "lport" | "sport" | "pport" | "dport" => ports(session),
        "process" | "comm" => processes(session, ""),
        "pid" => processes(session, "0"),
        "protocol" | "family" | "role" => words(columns::find(name).map_or(&[], |c| c.words)),
        _ => Vec::new(),
    };
    in_front(head, list(value, known).into_iter())
}

/// Words that are conditions by themselves: states, words of ours, ports, processes.
fn bare(session: &Session, typed: &str) -> Vec<Candidate> {
    let last = typed.rsplit(',').next().unwrap_or_default();
    if last.is_empty() {
        return Vec::new();
    }
    if is_number(last) {
        return list(typed, ports(session));
    }
    let words = COLUMNS.iter().flat_map(|column| {
        let each = column.words.iter();
        each.map(|word| candidate(*word, format!("{} = {word}", column.id)))
    });
    let all = states(typed).into_iter().chain(words);
    list(typed, all.chain(processes(session, "")).collect())
}

/// States as they are being typed: `close_wait`, `close-wait` or `CLOSE_WAIT`.
fn states(typed: &str) -> Vec<Candidate> {
    let tcp = State::TCP.iter().filter_map(|state| state.name());
    let about = |name| explain::find(name).map_or("", |topic| topic.title);
    let named = tcp.map(|name| (name.to_ascii_lowercase(), about(name)));
    let groups = GROUPS
        .iter()
        .map(|(name, about)| ((*name).to_owned(), *about));
    let last = typed.rsplit(',').next().unwrap_or_default();
    let is_loud = last.starts_with(|first: char| first.is_ascii_uppercase());
    let spelled = |name: String| match name {
        name if is_loud => name.to_ascii_uppercase(),
        name if last.contains('-') => name.replace('_', "-"),
        name => name,
    };
    named
        .chain(groups)
        .map(|(name, about)| candidate(spelled(name), about))
        .collect()
}

/// The sockets that are there now; none where they cannot be read.
fn look(session: &Session, states: StateSet) -> Snapshot {
    let request = session.request(states, Filter::default()).ok();
    let snapshot = request.and_then(|request| pipeline::snapshot(&session.host, &request).ok());
    snapshot.unwrap_or_default()
}

/// The ports that somebody listens on, with who it is.
fn ports(session: &Session) -> Vec<Candidate> {
    let Snapshot { sockets, facts, .. } = look(session, StateSet::LISTENING);
    let mut ports: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    for socket in &sockets {
        let Some(port) = socket.local.port().filter(|port| *port > 0) else {
            continue;
        };
        let about = ports.entry(port).or_default();
        about.insert(socket.protocol.name().to_owned());
        let owners = facts.owner_processes(socket);
        about.extend(owners.map(|process| escape(&process.comm)));
    }
    let joined = |about: BTreeSet<String>| about.into_iter().collect::<Vec<_>>().join(" ");
    ports
        .into_iter()
        .map(|(port, about)| candidate(port.to_string(), joined(about)))
        .collect()
}

/// The processes that hold sockets: by name, or by pid once a digit is typed. A name that
/// would not be shown as it is, is not offered.
fn processes(session: &Session, typed: &str) -> Vec<Candidate> {
    let Snapshot { sockets, facts, .. } = look(session, StateSet::ALL);
    let mut names: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for socket in &sockets {
        for process in facts.owner_processes(socket) {
            let name = escape(&process.comm);
            if !name.is_empty() && name.as_bytes() == process.comm {
                names.entry(name).or_default().insert(process.pid);
            }
        }
    }
    if is_number(typed) {
        let each = names.iter().flat_map(|(name, pids)| {
            let of_name = |pid: &u32| candidate(pid.to_string(), name.clone());
            pids.iter().map(of_name)
        });
        return each.collect();
    }
    let about = |pids: &BTreeSet<u32>| match pids.first() {
        Some(pid) if pids.len() == 1 => format!("pid {pid}"),
        _ => format!("{} processes", pids.len()),
    };
    let each = names.into_iter();
    each.map(|(name, pids)| candidate(name, about(&pids)))
        .collect()
}
