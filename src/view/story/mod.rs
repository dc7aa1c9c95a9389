//! The story of a port, told to a person.

mod background;
mod connections;
mod holders;
#[cfg(test)]
mod tests;
mod together;
mod words;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv6Addr};

use unicode_width::UnicodeWidthStr;

use super::list::queue_tone;
use crate::text::beside;
use crate::text::beside::Told;
use crate::text::cell::{Style, write_value};
use crate::text::cut::cut;
use crate::text::grid::{Cell, Frame};
use crate::text::theme::{Theme, Tone};
use crate::text::units::counted;
use crate::text::wrap::wrap;
use connections::last_seconds;
use together::{Together, together};
pub(crate) use words::since;
use words::with_more;

use crate::analyze::port::{BlockReason, ByPort, GONE, Obstacle, PortEntry};
use crate::columns::{self, Row};
use crate::model::{AcceptQueue, Facts, Kernel, Queue, Role, Socket, State};

/// Programs that hold a port, and processes of one, that are named; further ones are counted.
const HOLDERS: usize = 8;
/// Peers, addresses and processes named in a line.
const NAMED: usize = 5;
/// Width of the words before a fact.
const LABEL: usize = 10;
/// Below this width a fact begins on a line of its own.
const NARROW: usize = 48;

/// What the story is told with.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The sockets of the asked ports.
    pub sockets: &'a ByPort<'a>,
    /// Their owners and names.
    pub facts: &'a Facts,
    /// The settings for ports.
    pub kernel: &'a Kernel,
    /// Colours.
    pub theme: Theme,
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Seconds since the epoch, now.
    pub now: i64,
    /// How many holders, peers and processes are told of in each place; `None` for the usual.
    pub limit: Option<usize>,
    /// Whether another user, root, would see more.
    pub may_be_root: bool,
}

impl Telling<'_> {
    const fn frame(&self) -> Frame {
        Frame {
            theme: self.theme,
            width: self.width,
            header: true,
            indent: 0,
        }
    }
}

/// Tells the story of one port of one protocol.
///
/// # Errors
/// What writing says.
pub fn tell(out: &mut dyn Write, entry: &PortEntry, telling: Telling<'_>) -> io::Result<()> {
    let mut story = Story {
        out,
        telling,
        entry,
    };
    let held = story.held();
    story.heading(&held)?;
    story.holders(&held)?;
    story.inbound()?;
    story.outgoing()?;
    story.left()?;
    story.outbound()?;
    story.bind()
}

struct Story<'a> {
    out: &'a mut dyn Write,
    telling: Telling<'a>,
    entry: &'a PortEntry,
}

impl<'a> Story<'a> {
    fn local(&self) -> impl Iterator<Item = &'a Socket> + use<'a> {
        self.telling.sockets.local(self.entry).iter().copied()
    }

    /// What listens or is bound, each program's sockets together.
    fn held(&self) -> Vec<Together<'a>> {
        let holds = |socket: &&Socket| socket.is_listener() || is_bound_only(socket);
        together(self.local().filter(holds), self.telling.facts)
    }

    fn heading(&mut self, held: &[Together<'_>]) -> io::Result<()> {
        let entry = self.entry;
        let name = format!("{} {}", entry.protocol.name(), entry.port);
        let borrowed = self.local().all(|s| s.role == Some(Role::Outbound));
        let verdict = match (entry.listeners(), entry.in_use()) {
            (0, true) if borrowed => ("nobody listens, but it is borrowed", Tone::Waiting),
            (0, true) => ("nobody listens, but it is in use", Tone::Waiting),
            (0, false) => ("not in use here", Tone::Calm),
            _ if held.len() > 1 => ("in use, by several sockets", Tone::Calm),
            _ => ("in use", Tone::Calm),
        };
        let name = Cell::new(format!("{name}  "), Tone::Strong);
        let verdict = Told::Prose(Cell::new(verdict.0, verdict.1));
        beside::write(self.out, &name, &verdict, &self.telling.frame())
    }

    fn holders(&mut self, held: &[Together<'a>]) -> io::Result<()> {
        let most = self.most(HOLDERS);
        if most == 0 && !held.is_empty() {
            return self.number_of_holders(held);
        }
        for one in held.iter().take(most) {
            self.addresses(&one.sockets)?;
            self.owners(&one.sockets)?;
            self.queues(&one.sockets)?;
            let drops = one.sockets.iter().filter_map(|s| s.drops);
            let drops: u64 = drops.map(u64::from).sum();
            if drops > 0 {
                let packets = counted(drops, "packet", "packets");
                let text = format!("{packets} since the socket was made");
                self.fact("dropped", &text, Tone::Waiting)?;
            }
        }
        let more = held.len().saturating_sub(most);
        self.more(
            more,
            ["more program holds it", "more programs hold it"],
            held.len(),
        )
    }

    /// Where the port is held, and by how many, for who wants to hear of none.
    fn number_of_holders(&mut self, held: &[Together<'a>]) -> io::Result<()> {
        let sockets: Vec<_> = held.iter().flat_map(|one| one.sockets.clone()).collect();
        self.addresses(&sockets)?;
        let text = counted(held.len() as u64, "program", "programs");
        self.fact("held by", &text, Tone::Quiet)
    }

    /// Where the sockets are bound, each address once.
    fn addresses(&mut self, sockets: &[&Socket]) -> io::Result<()> {
        let mut places: BTreeMap<(&str, String), (u64, &Socket)> = BTreeMap::new();
        for socket in sockets {
            let word = match socket.state {
                State::Listen => "listens on",
                _ => "bound to",
            };
            let place = (word, self.cell("local", socket));
            places.entry(place).or_insert((0, *socket)).0 += 1;
        }
        for word in ["listens on", "bound to"] {
            let of_word = places.iter().filter(|((of, _), _)| *of == word);
            let told =
                of_word.map(|((_, address), (count, socket))| place(address, *count, socket));
            let told: Vec<String> = told.collect();
            if !told.is_empty() {
                let text = with_more(&told, self.most(HOLDERS).max(1));
                self.fact(word, &text, Tone::Strong)?;
            }
        }
        Ok(())
    }

    /// The queue of a listener; of several, the fullest.
    fn queues(&mut self, sockets: &[&Socket]) -> io::Result<()> {
        let accept = sockets.iter().filter_map(|socket| match socket.queue {
            Some(Queue::Accept(queue)) => Some((queue, *socket)),
            _ => None,
        });
        let listeners = accept.clone().count();
        if let Some((fullest, socket)) = accept.max_by_key(|(queue, _)| queue.length) {
            let which = match (listeners, fullest.length) {
                (1, _) | (_, 0) => String::new(),
                _ => format!(" on {}, the fullest", self.cell("local", socket)),
            };
            return self.queue(fullest, &which);
        }
        let memory = sockets.iter().filter_map(|socket| match socket.queue {
            Some(Queue::Memory { received, .. }) => Some(u64::from(received)),
            _ => None,
        });
        match memory.sum::<u64>() {
            0 => Ok(()),
            memory => {
                let text = format!("datagrams not read yet take {memory} bytes of memory");
                self.fact("queue", &text, Tone::Normal)
            }
        }
    }

    fn queue(&mut self, queue: AcceptQueue, which: &str) -> io::Result<()> {
        let tone = match queue_tone(queue.length, queue.limit) {
            Tone::Quiet => Tone::Normal,
            tone => tone,
        };
        let length = queue.length;
        let text = match queue.limit {
            Some(limit) if tone == Tone::Bad => format!(
                "{length} wait for accept(){which}, limit {limit}: full, new clients time out"
            ),
            Some(limit) => format!("{length} of {limit} wait for accept(){which}"),
            None => format!("{length} wait for accept(){which} (limit not known)"),
        };
        self.fact("queue", &text, tone)
    }

    /// What stands in the way of a bind, where it is not plain from a listener above.
    fn bind(&mut self) -> io::Result<()> {
        let entry = self.entry;
        if entry.listeners() > 0 {
            return Ok(());
        }
        for blocker in &entry.blocked_by {
            let state = match blocker.what.reason {
                BlockReason::Connection | BlockReason::TimeWait => {
                    format!("{} {}: ", blocker.count, blocker.what.state)
                }
                _ => String::new(),
            };
            let text = format!("{state}{}", self.explanation(blocker.what));
            self.fact("bind", &text, Tone::Waiting)?;
        }
        self.cure()
    }

    /// When it blocks a bind(), and for how long where the timers tell it.
    fn explanation(&self, what: Obstacle) -> String {
        let text = what.explanation();
        let of_kind = self.local().filter(|socket| socket.state == what.state);
        let of_kind: Vec<&Socket> = of_kind.collect();
        match last_seconds(&of_kind) {
            Some(waits) if what.reason == BlockReason::TimeWait => {
                text.replacen(GONE, &format!("gone within {} s", waits.last), 1)
            }
            _ => text.to_owned(),
        }
    }

    /// So many at most, unless more or less are asked for.
    fn most(&self, usual: usize) -> usize {
        self.telling.limit.unwrap_or(usual)
    }

    /// What was left out of `all`, with the words for one and for many, and how it is seen.
    fn more(&mut self, count: usize, [one, many]: [&str; 2], all: usize) -> io::Result<()> {
        let words = match count {
            0 => return Ok(()),
            1 => one,
            _ => many,
        };
        let text = format!("and {count} {words} (--limit {all} shows all)");
        self.fact("", &text, Tone::Quiet)
    }

    /// A fact, in as many lines as it takes.
    fn fact(&mut self, label: &str, text: &str, tone: Tone) -> io::Result<()> {
        let lines = wrap(text, self.room());
        self.lines(label, &lines, tone)
    }

    /// A text that may be long and that nobody needs to its last word: in one line, cut.
    fn short_fact(&mut self, label: &str, text: &str) -> io::Result<()> {
        let text = self
            .room()
            .map_or_else(|| text.to_owned(), |room| cut(text, room));
        self.lines(label, &[text], Tone::Normal)
    }

    fn lines(&mut self, label: &str, lines: &[String], tone: Tone) -> io::Result<()> {
        for (number, line) in lines.iter().enumerate() {
            let line = self.telling.theme.paint(line, tone);
            self.line(if number == 0 { label } else { "" }, &line)?;
        }
        Ok(())
    }

    /// One line of a fact, painted already.
    fn line(&mut self, label: &str, line: &str) -> io::Result<()> {
        let theme = self.telling.theme;
        if !self.is_narrow() {
            let label = theme.paint(&format!("{label:LABEL$}"), Tone::Quiet);
            return writeln!(self.out, "  {label}  {line}");
        }
        if !label.is_empty() {
            writeln!(self.out, "  {}", theme.paint(label, Tone::Quiet))?;
        }
        writeln!(self.out, "    {line}")
    }

    /// Facts that stay whole each.
    fn parts(&mut self, label: &str, parts: Vec<Cell>) -> io::Result<()> {
        let label = Cell::new(format!("  {label:LABEL$}  "), Tone::Quiet);
        let told = Told::Parts(parts, "  ");
        beside::write(self.out, &label, &told, &self.telling.frame())
    }

    fn is_narrow(&self) -> bool {
        self.telling.width.is_some_and(|width| width < NARROW)
    }

    /// The columns for a fact.
    fn room(&self) -> Option<usize> {
        let before = if self.is_narrow() { 4 } else { LABEL + 4 };
        let width = self.telling.width?;
        Some(width.saturating_sub(before).max(1))
    }

    fn cell(&self, id: &str, socket: &Socket) -> String {
        let mut text = String::new();
        let row = Row {
            socket,
            facts: self.telling.facts,
        };
        if let Some(column) = columns::find(id) {
            write_value(&mut text, &(column.value)(row), Style::Person);
        }
        text
    }
}

/// A TCP socket that only has the port.
fn is_bound_only(socket: &Socket) -> bool {
    matches!(socket.state, State::BoundInactive | State::Close)
}

/// An address, with what is to be known of the sockets bound to it.
fn place(address: &str, count: u64, socket: &Socket) -> String {
    let mut notes = Vec::new();
    if socket.local.ip() == Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) {
        notes.extend(socket.takes_both_families().map(|both| {
            let families = if both { "IPv6 and IPv4" } else { "IPv6 only" };
            families.to_owned()
        }));
    }
    if is_bound_only(socket) {
        notes.push("neither listens nor connects".to_owned());
    }
    if count > 1 {
        notes.push(format!("{count} sockets share it: SO_REUSEPORT"));
    }
    if notes.is_empty() {
        return address.to_owned();
    }
    format!("{address} ({})", notes.join("; "))
}

/// The columns that a text takes.
fn wide(text: &str) -> usize {
    text.width()
}
