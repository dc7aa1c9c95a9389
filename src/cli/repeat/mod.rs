//! `--watch` and `--save`: a command that is answered once, or again and again.

mod clock;
mod screen;

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::args::Command;
use super::command::{answer, columns};
use super::session::Session;
use super::session::output::{Block, Output, Shared, begin_saving, keep_saved, say};
use crate::cli::exit::{Exit, Failure, Usage};
use crate::files::streams::Stdout;
use crate::host::live;
use crate::json::stream::Remembered;
use crate::look::pipeline::Stop;
use crate::model::Problem;
use crate::model::foreign::shown;
use crate::text::Format;
use crate::text::frame::Title;
use clock::Clock;
use screen::{Drawer, Frame};

/// Looks that follow each other more closely would only look at each other.
const CLOSEST: Duration = Duration::from_millis(100);

/// How long the end of the process waits for a block that is being written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers the command, as often as is asked.
pub(crate) fn run(
    session: &Session,
    command: Option<Command>,
    arguments: &[OsString],
) -> Result<Exit, Failure> {
    let kind = Kind::of(session, command.as_ref());
    if let Some(path) = &session.options.save {
        check_saving(session, path, kind)?;
    }
    let Some(interval) = session.options.watch else {
        return once(session, command);
    };
    check_repeating(session, interval, kind)?;
    check_interval(arguments)?;
    let repeat = Repeat::new(session, interval);
    let drawn = session.format == Format::Table && crate::terminal::is_terminal() && !is_dumb();
    if drawn {
        draw(repeat, command.as_ref(), arguments)
    } else {
        write_blocks(repeat, command.as_ref())
    }
}

/// What can be done with the answer of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is one of this moment.
    Look,
    /// It tells of the program, and is always the same.
    Fixed,
    /// It is no JSON.
    Text,
}

impl Kind {
    fn of(session: &Session, command: Option<&Command>) -> Self {
        match command {
            _ if columns::is_asked_for(session) => Self::Fixed,
            Some(Command::Listen { pids, .. } | Command::Conns { pids, .. }) if pids.pids => {
                Self::Text
            }
            Some(Command::Port { pids, .. } | Command::Proc { pids, .. }) if *pids => Self::Text,
            Some(Command::Doctor(args)) if args.list => Self::Fixed,
            Some(Command::Explain { topic }) if topic.is_empty() => Self::Fixed,
            None
            | Some(
                Command::Listen { .. }
                | Command::Port { .. }
                | Command::Conns { .. }
                | Command::States { .. }
                | Command::Buildup(_)
                | Command::Doctor(_)
                | Command::Explain { .. }
                | Command::Proc { .. }
                | Command::Inspect { .. },
            ) => Self::Look,
            Some(_) => Self::Text,
        }
    }
}

fn check_saving(session: &Session, path: &Path, kind: Kind) -> Result<(), Usage> {
    if kind == Kind::Text {
        let usage = Usage::new("--save writes JSON, and this command has none");
        return Err(usage.hint("leave --save out, and redirect the output to a file"));
    }
    if path == Path::new("-") {
        let usage = Usage::new("--save takes a file, and writes in addition to the usual output");
        return Err(usage.hint("--json writes to standard output; ./- is a file"));
    }
    if session.options.save.is_some() && path.as_os_str().is_empty() {
        return Err(Usage::new("--save takes a file").hint("for example: --save before.json"));
    }
    Ok(())
}

fn check_repeating(session: &Session, interval: Duration, kind: Kind) -> Result<(), Usage> {
    if kind != Kind::Look {
        let usage = Usage::new("this command has nothing to --watch");
        return Err(usage.hint(
            "it works with listen, port, conns, states, buildup, doctor, proc, inspect, explain \
             TOPIC and the overview, without --pids",
        ));
    }
    if session.options.quiet {
        let usage = Usage::new("--watch shows changes, and -q shows nothing");
        return Err(usage.hint("omit one of them"));
    }
    if session.host.is_recorded() {
        let usage = Usage::new("a recorded host never changes, so there is nothing to --watch");
        return Err(usage.hint("omit either --watch or --from-host"));
    }
    if interval < CLOSEST {
        let usage = Usage::new("--watch cannot refresh more often than every 100 ms");
        return Err(usage.hint("give at least 0.1 or 100ms; the default is 2 seconds"));
    }
    Ok(())
}

/// Refuses `--watch 2`: it would look at port 2 every two seconds, which few mean.
fn check_interval(arguments: &[OsString]) -> Result<(), Usage> {
    let is_time = |word: &&str| crate::filter::duration(word).is_some();
    let after = arguments
        .windows(2)
        .filter(|pair| matches!(pair, [first, _] if first == "--watch"));
    let mut words = after.filter_map(|pair| pair.last()?.to_str());
    let Some(word) = words.find(is_time) else {
        return Ok(());
    };
    let usage = Usage::new(format!("'--watch {word}' may be an interval or a filter"));
    let hint = format!("as an interval: --watch={word}; as a filter: put {word} before --watch");
    Err(usage.hint(hint))
}

/// A terminal on which nothing can be drawn in place.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty())
}

/// Answers once.
fn once(session: &Session, command: Option<Command>) -> Result<Exit, Failure> {
    let Some(path) = &session.options.save else {
        return answer(session, command);
    };
    let draft = begin_saving(path)?;
    let session = Session {
        draft: Some(draft.clone()),
        ..session.clone()
    };
    let outcome = answer(&session, command);
    drop(session);
    // An output that nobody reads to its end does not take the file with it.
    if outcome.is_ok() || draft.0.borrow().is_whole() {
        keep_saved(path, draft)?;
    }
    outcome
}

/// A command that is answered in rounds.
struct Repeat<'a> {
    session: &'a Session,
    interval: Duration,
    clock: Clock,
    events: Option<Rc<RefCell<Remembered>>>,
    /// Notes of the round before.
    noted: Vec<String>,
    /// How the last answer ended.
    exit: Exit,
    rounds: u64,
    /// When the last round began.
    now: jiff::Timestamp,
}

impl<'a> Repeat<'a> {
    fn new(session: &'a Session, interval: Duration) -> Self {
        let events = session.format == Format::Ndjson;
        Self {
            session,
            interval,
            clock: Clock::new(live::monotonic(), interval),
            events: events.then(Rc::default),
            noted: Vec::new(),
            exit: Exit::Found,
            rounds: 0,
            now: session.now,
        }
    }

    /// The session of one round, and what it will have said.
    fn session(&self, is_redrawn: bool) -> (Session, Shared<Block>) {
        let block = Shared::new(Block::default());
        let session = Session {
            now: self.session.host.now(),
            at: self.clock.since_start(live::monotonic()),
            output: Output::Round(block.clone()),
            events: self.events.clone(),
            is_redrawn,
            ..self.session.clone()
        };
        (session, block)
    }

    /// One look, and what it said.
    ///
    /// # Errors
    /// Whatever goes wrong in the first round; later it is said, and rounds go on.
    fn round(&mut self, command: Option<&Command>, is_redrawn: bool) -> Result<Block, Failure> {
        let (session, block) = self.session(is_redrawn);
        self.now = session.now;
        let outcome = once(&session, command.cloned());
        let is_first = self.rounds == 0;
        self.rounds += 1;
        match outcome {
            Ok(exit) => self.exit = exit,
            Err(failure) if is_first => return Err(failure),
            Err(failure) => {
                // A part of an answer is none.
                block.0.borrow_mut().text.clear();
                block.0.borrow_mut().failed = true;
                if let (Some(mut events), Failure::Stop(Stop::Problem(problem))) =
                    (session.events("watch"), &failure)
                {
                    events.failed(problem)?;
                }
                self.exit = session.fail(&failure);
            }
        }
        drop(session);
        Ok(Rc::into_inner(block.0)
            .map(RefCell::into_inner)
            .unwrap_or_default())
    }

    /// When the next round begins; rounds that were missed are told.
    fn next(&mut self, block: &mut Block) -> io::Result<Duration> {
        let next = self.clock.next(live::monotonic());
        if next.missed > 0
            && let (session, events) = self.session(false)
            && let Some(mut stream) = session.events("watch")
        {
            stream.behind(next.missed)?;
            drop((stream, session));
            block.text.append(&mut events.0.borrow_mut().text);
        }
        if next.is_news {
            block.notes.push(format!(
                "note: could not keep up with a look every {}: {} left out \
                 (said again when it gets worse)",
                seconds(self.interval),
                match next.missed {
                    1 => "one was".to_owned(),
                    missed => format!("{missed} were"),
                }
            ));
        }
        Ok(next.at)
    }
}

/// `2 s`, `0.3 s`.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// One block a round, to whatever standard output is.
fn write_blocks(mut repeat: Repeat<'_>, command: Option<&Command>) -> Result<Exit, Failure> {
    let ending = Ending::default();
    let mut block = repeat.round(command, false)?;
    ending.begin()?;
    loop {
        let next = repeat.next(&mut block)?;
        let head = Some(head(&repeat)).filter(|_| !block.failed);
        ending.write(&head.unwrap_or_default(), &block.text, repeat.exit)?;
        let notes = std::mem::replace(&mut repeat.noted, block.notes);
        for note in repeat.noted.iter().filter(|note| !notes.contains(note)) {
            say(note);
        }
        let left = next.saturating_sub(live::monotonic());
        if crate::terminal::reader_goes_within(left) {
            return Ok(Exit::Found);
        }
        block = repeat.round(command, false)?;
    }
}

/// What stands before the block of the last round.
fn head(repeat: &Repeat<'_>) -> String {
    let between = if repeat.rounds > 1 { "\n" } else { "" };
    match repeat.session.format {
        Format::Table => {
            let now = repeat.now.strftime("%Y-%m-%dT%H:%M:%SZ");
            format!("{between}-- {now}\n")
        }
        Format::Plain | Format::Csv => between.to_owned(),
        Format::Json | Format::Ndjson => String::new(),
    }
}

/// A process that is told to end does so between two blocks, with the exit code of the last.
#[derive(Clone)]
struct Ending(Arc<Mutex<Exit>>);

impl Default for Ending {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Exit::Found)))
    }
}

impl Ending {
    fn begin(&self) -> Result<(), Failure> {
        let ending = self.clone();
        crate::terminal::input::on_end(move |interrupted| {
            let exit = match ending.wait() {
                _ if interrupted && crate::terminal::is_terminal() => Exit::Found,
                exit => exit.unwrap_or(Exit::Found),
            };
            std::process::exit(exit as i32);
        })
        .map_err(|error| no_signals(&error))?;
        Ok(())
    }

    /// Waits for the block that is being written; not for ever, because its reader may have
    /// stopped reading.
    fn wait(&self) -> Option<Exit> {
        let start = live::monotonic();
        while live::monotonic() < start + PATIENCE {
            if let Ok(exit) = self.0.try_lock() {
                return Some(*exit);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    fn write(&self, head: &str, text: &[u8], now: Exit) -> io::Result<()> {
        let mut exit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *exit = now;
        // At once: of two writes the first may be seen alone.
        Stdout.write_all(&[head.as_bytes(), text].concat())
    }
}

fn no_signals(error: &io::Error) -> Failure {
    let message = format!("cannot handle signals: {error}");
    Failure::Stop(Stop::Problem(Problem::new("no_signals", message)))
}

/// A table that is redrawn in place.
fn draw(
    mut repeat: Repeat<'_>,
    command: Option<&Command>,
    arguments: &[OsString],
) -> Result<Exit, Failure> {
    // What is fatal at once is said as ever, on the screen as it is.
    let mut block = repeat.round(command, true)?;
    let drawer = Drawer::start(repeat.session.theme).map_err(|error| no_signals(&error))?;
    let name = title(arguments);
    loop {
        let next = repeat.next(&mut block)?;
        drawer.show(frame(&repeat, &name, block));
        // A terminal of another size is looked at anew, and the next round comes all the same.
        while drawer.is_resized_before(next)? {
            let again = repeat.round(command, true)?;
            drawer.show(frame(&repeat, &name, again));
        }
        block = repeat.round(command, true)?;
    }
}

fn frame(repeat: &Repeat<'_>, name: &str, block: Block) -> Frame {
    let time = repeat.now.strftime("%H:%M:%SZ");
    let every = format!("every {}", seconds(repeat.interval));
    Frame {
        title: Title {
            command: name.to_owned(),
            status: vec![every, time.to_string(), "q quits".to_owned()],
        },
        text: crate::model::foreign::exact(&block.text).into_owned(),
        notes: block.notes,
        width: repeat.session.width(),
        exit: repeat.exit,
    }
}

/// The command as it was typed.
fn title(arguments: &[OsString]) -> String {
    let words = arguments.iter().skip(1);
    let words = words.map(|word| shown(word.as_encoded_bytes()).to_string());
    let words: Vec<String> = std::iter::once("sockscope".to_owned())
        .chain(words)
        .collect();
    words.join(" ")
}
