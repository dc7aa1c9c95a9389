//! The options of a command line, given their meaning once.

pub(crate) mod colours;
pub(crate) mod config;
pub(crate) mod machine;
pub(crate) mod output;
pub(crate) mod scope;
mod write;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use self::config::Settings;
use self::output::{Output, Shared};
use super::args::columns::{choose, column};
use super::args::options::Options;
use super::exit::{Exit, Usage};
use crate::analyze::states::By;
use crate::collect::Processes;
use crate::columns::{self, Column};
use crate::files::save::Draft;
use crate::filter::{Filter, Names};
use crate::host::{Host, live};
use crate::json::asked::without_key;
use crate::json::envelope::Head;
use crate::json::stream::Remembered;
use crate::look::pipeline::Request;
use crate::model::{FamilySet, ProtocolSet, Report, StateSet};
use crate::query::{Needs, OwnerSource, Query};
use crate::text::grid::Frame;
use crate::text::theme::Theme;
use crate::text::{Columns, Format, marks};

/// A word, and the names of processes that it stands for.
pub(crate) type KnownNames = BTreeMap<Vec<u8>, Vec<Vec<u8>>>;

/// What holds for one run, or for one round of `--watch`.
#[derive(Clone)]
pub struct Session {
    /// The options as given.
    pub options: Options,
    /// The form of the output.
    pub format: Format,
    /// Colours.
    pub theme: Theme,
    /// The machine that is looked at.
    pub(crate) host: Host,
    /// The time of the snapshot.
    pub now: jiff::Timestamp,
    /// What chooses rows, as it was typed: empty where all are told.
    pub(crate) asked: String,
    /// The usual columns as they are configured, each as after `--columns`.
    pub(crate) usual: Vec<String>,
    /// Where the answer goes.
    pub(crate) output: Output,
    /// The file of `--save`, while it is made.
    pub(crate) draft: Option<Shared<Draft>>,
    /// What the round before has seen, where events are told.
    pub(crate) events: Option<Rc<RefCell<Remembered>>>,
    /// Time since the first round began.
    pub(crate) at: Duration,
    /// The answer is drawn on a terminal in place, with marks before its lines.
    pub(crate) is_redrawn: bool,
    /// Where owners are read from.
    pub(crate) owner_source: OwnerSource,
    /// What names of processes stood for when they were first asked for.
    pub(crate) known_names: Rc<RefCell<KnownNames>>,
}

impl Session {
    /// Gives the options their meaning, on top of what is configured.
    #[must_use]
    pub(crate) fn new(options: Options, settings: Settings, host: Host) -> Self {
        let format = if options.json {
            Format::Json
        } else {
            options.format
        };
        let color = options.color.or(settings.color);
        let theme = options.theme.or(settings.theme);
        let theme = colours::theme(color.unwrap_or_default(), theme.unwrap_or_default());
        Self {
            options,
            format,
            theme,
            now: host.now(),
            host,
            asked: String::new(),
            usual: settings.columns,
            output: Output::default(),
            draft: None,
            events: None,
            at: Duration::ZERO,
            is_redrawn: false,
            owner_source: settings.owners,
            known_names: Rc::default(),
        }
    }

    /// The protocols: those asked for, else TCP and UDP.
    #[must_use]
    pub fn protocols(&self) -> ProtocolSet {
        let Options { tcp, udp, raw, .. } = self.options;
        if tcp || udp || raw {
            ProtocolSet { tcp, udp, raw }
        } else {
            Query::everything().protocols
        }
    }

    /// The address families: both, unless one was asked for.
    #[must_use]
    pub fn families(&self) -> FamilySet {
        let Options { ipv4, ipv6, .. } = self.options;
        FamilySet {
            v4: ipv4 || !ipv6,
            v6: ipv6 || !ipv4,
        }
    }

    /// `states`, as far as `-l` (ss: listening sockets) lets them.
    #[must_use]
    pub fn states(&self, states: StateSet) -> StateSet {
        if self.options.listening && !self.options.all {
            states.intersect(StateSet::LISTENING)
        } else {
            states
        }
    }

    /// Reads the filter of a command; services are known by the names of this system.
    ///
    /// # Errors
    /// What [`Filter::parse_with`] says.
    pub fn filter(&self, words: &[String]) -> Result<Filter, Usage> {
        let process = |word: &str| self.called(word.as_bytes());
        let names = Names {
            process: &process,
            ..names()
        };
        Ok(Filter::parse_with(words, names)?)
    }

    /// The name of the processes that a word means, or the names that begin with it: the same in
    /// each round of `--watch`, whatever begins meanwhile.
    pub(crate) fn called(&self, word: &[u8]) -> Vec<Vec<u8>> {
        if self.options.no_owners {
            return Vec::new();
        }
        let mut called = self.known_names.borrow_mut();
        let found = called.entry(word.to_vec()).or_insert_with(|| {
            let all = Processes::open(&self.host);
            all.map_or_else(Vec::new, |all| all.begun_with(word))
        });
        found.clone()
    }

    /// The request for sockets in `states` that `filter` holds for.
    ///
    /// # Errors
    /// When the filter compares owners, and owners are not to be looked for.
    pub fn request(&self, states: StateSet, filter: Filter) -> Result<Request, Usage> {
        if self.options.no_owners && filter.needs().has(Needs::OWNERS) {
            return Err(Usage::new("a filter by process needs owners")
                .hint("leave --no-owners out, or the filter"));
        }
        let mut query = Query {
            protocols: self.protocols(),
            families: self.families(),
            states: self.states(states),
            narrow: crate::model::Narrow::ALL,
            collector: self.options.collector,
            owner_source: self.owner_source,
            needs: self.usual_needs(),
            compares: filter.compares(),
            late_commands: false,
            strict: self.options.strict,
        };
        query.need(columns::needs(&self.looked_at()));
        Ok(Request {
            query,
            filter,
            resolve: self.options.resolve,
            listeners_too: false,
        })
    }

    /// What groups by `by` need beside the rows.
    ///
    /// # Errors
    /// When they are made of owners, and owners are not to be looked for.
    pub(crate) fn group_needs(&self, by: Option<By>) -> Result<Needs, Usage> {
        let needs = by.map_or(Needs::NOTHING, By::needs);
        if self.options.no_owners && needs.has(Needs::OWNERS) {
            let usage =
                Usage::new("groups by process, name, command, unit or container need owners");
            return Err(usage.hint("leave --no-owners out, or group by port, peer or user"));
        }
        Ok(needs)
    }

    /// What any output shows: JSON all about owners and users.
    fn usual_needs(&self) -> Needs {
        let in_json = Needs::PROCESSES.and(Needs::USERS);
        let needs = Needs::OWNERS.and(in_json.when(self.wants_json()));
        needs.without(Needs::PROCESSES.when(self.options.no_owners))
    }

    /// The columns that were asked for or are sorted by; unknown ones are refused elsewhere.
    fn looked_at(&self) -> Vec<&'static Column> {
        let sorted = self.options.sort.as_deref().unwrap_or_default();
        let sorted = columns::called(sorted.trim_start_matches('-')).ok();
        let asked = self.asked().into_iter();
        asked.filter_map(columns::find).chain(sorted).collect()
    }

    /// The ids of the columns that the command line asks for, beside what is usual and configured:
    /// with `--columns`, and with what ss calls them.
    fn asked(&self) -> Vec<&str> {
        let chosen = self.options.columns.iter();
        let chosen = chosen
            .flat_map(|text| text.split(','))
            .map(|id| id.trim().trim_start_matches('+'))
            .map(|word| columns::called(word).map_or(word, |column| column.id));
        self.habits().into_iter().chain(chosen).collect()
    }

    /// The columns that are added by options of ss.
    fn habits(&self) -> Vec<&'static str> {
        let Options {
            extended,
            timers,
            inner,
            memory,
            ..
        } = self.options;
        let mut ids = Vec::new();
        if extended {
            ids.extend(["user", "inode", "cookie"]);
        }
        if timers {
            ids.push("timer");
        }
        if inner {
            ids.extend(["rtt", "cwnd", "retrans", "congestion"]);
        }
        if memory {
            ids.extend(["rmem", "wmem", "drops"]);
        }
        ids
    }

    /// The columns: the usual ones of the command, as the configuration and then the options
    /// change them.
    ///
    /// # Errors
    /// A column that does not exist.
    pub fn columns(&self, table: &[&str], program: &[&str]) -> Result<Columns, Usage> {
        let (mut table, mut program) = (table.to_vec(), program.to_vec());
        for wanted in &self.usual {
            choose(&mut table, wanted)?;
            choose(&mut program, wanted)?;
        }
        for id in self.habits() {
            insert(&mut table, id);
            insert(&mut program, id);
        }
        if self.options.no_owners {
            // Every cell would be empty.
            table.retain(|id| *id != "process");
        }
        if let Some(wanted) = &self.options.columns {
            choose(&mut table, wanted)?;
            choose(&mut program, wanted)?;
        }
        Ok(Columns {
            asked: self.looked_at().iter().map(|column| column.id).collect(),
            table: columns::select(&table),
            program: columns::select(&program),
        })
    }

    /// The request, with what the columns that are shown need: nothing else is asked for.
    #[must_use]
    pub fn with_needs(&self, mut request: Request, columns: &Columns) -> Request {
        let shown = match self.format {
            Format::Table => columns.table.as_slice(),
            Format::Plain | Format::Csv => &columns.program,
            // What every row has, and what was asked for beside it, is known already.
            Format::Json | Format::Ndjson => &[],
        };
        request.query.need(columns::needs(shown));
        request
    }

    /// The column and direction of `--sort`.
    ///
    /// # Errors
    /// A column that does not exist.
    pub fn sort(&self) -> Result<Option<(&'static Column, bool)>, Usage> {
        let Some(text) = &self.options.sort else {
            return Ok(None);
        };
        let (id, reverse) = match text.strip_prefix('-') {
            Some(id) => (id, true),
            None => (text.as_str(), false),
        };
        Ok(Some((column(id)?, reverse)))
    }

    /// The options and words that choose rows; `None` where all are told.
    fn chosen(&self) -> Option<String> {
        let options = &self.options;
        let flags = [
            (options.tcp, "-t"),
            (options.udp, "-u"),
            (options.raw, "-w"),
            (options.ipv4, "-4"),
            (options.ipv6, "-6"),
            (options.listening, "-l"),
            (options.all, "-a"),
        ];
        let flags = flags.iter().filter(|(is_given, _)| *is_given);
        let words = flags.map(|(_, flag)| *flag).chain([self.asked.as_str()]);
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// What every JSON answer begins with.
    #[must_use]
    pub fn head(&self, command: &'static str) -> Head {
        let format = "%Y-%m-%dT%H:%M:%S%.3fZ";
        Head {
            command,
            collected_at: self.now.strftime(format).to_string(),
            host: self.host.name(),
            limit: self.options.limit,
            asked: self.chosen(),
            columns: without_key(&columns::select(&self.asked())),
        }
    }

    /// The columns that an answer may take; `None` when nothing is cut.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        if self.is_redrawn {
            let width = crate::terminal::frame_width()?;
            return Some(width.saturating_sub(marks::GUTTER));
        }
        crate::terminal::width()
    }

    /// How tables are drawn.
    #[must_use]
    pub fn frame(&self) -> Frame {
        Frame {
            theme: self.theme,
            width: self.width(),
            header: !self.options.no_header,
            indent: 0,
        }
    }

    /// Whether the table is for a person who sees it now: then it gets a summary.
    #[must_use]
    pub fn for_person(&self) -> bool {
        self.format == Format::Table
            && !self.options.no_header
            && !self.options.quiet
            && crate::terminal::is_terminal()
    }
}

/// What names in a filter stand for on the live machine.
pub(crate) const fn names() -> Names<'static> {
    Names {
        port: live::names::port_of,
        cgroup: live::cgroup::id_of,
        process: &live_processes,
        is_typed: false,
    }
}

/// The processes of the live machine that go by a word.
pub(crate) fn live_processes(word: &str) -> Vec<Vec<u8>> {
    let all = Processes::open(&Host::live());
    all.map_or_else(Vec::new, |all| all.begun_with(word.as_bytes()))
}

/// Free text stands last, so that a blank in it cannot shift the columns behind.
fn insert<'a>(ids: &mut Vec<&'a str>, id: &'a str) {
    if ids.contains(&id) {
        return;
    }
    let stands_last = |id: &&str| columns::find(id).is_some_and(|column| column.stands_last);
    let last = ids.iter().position(stands_last);
    ids.insert(last.unwrap_or(ids.len()), id);
}

impl Session {
    /// The exit code of an answer.
    pub(crate) fn exit(&self, report: &Report, found: bool) -> Exit {
        match found {
            _ if self.options.strict && !report.complete() => Exit::Incomplete,
            true => Exit::Found,
            false => Exit::Nothing,
        }
    }
}
