//! A list of sockets for people.

use std::io::{self, Write};

use crate::columns::{Column, Kind, Row, Spare, Value};
use crate::model::{Facts, OwnerStatus, Queue, Report, Socket};
use crate::text::cell::{Style, write_value};
use crate::text::fit::Fit;
use crate::text::grid;
use crate::text::grid::{Cell, Frame, Give, GridColumn};
use crate::text::plain::line_of;
use crate::text::theme::{Tone, state_tone};
use crate::text::wrap::sentence;
use crate::text::{Arranged, Columns, RowWriter};

/// Rows that are held to find the widths. A longer table goes on in these widths, row by
/// row, and is not held.
const HELD: usize = 1000;

/// Writes a table.
pub struct List<W> {
    out: W,
    columns: Vec<&'static Column>,
    grid: Vec<GridColumn>,
    frame: Frame,
    held: Vec<Vec<Cell>>,
    fit: Option<Fit>,
    line: String,
    tells_first: bool,
    /// What is said of rows that have no line.
    folded: Option<String>,
}

impl<W: Write> List<W> {
    /// A writer of these columns.
    pub fn new(out: W, columns: Columns, frame: Frame) -> Self {
        Self {
            out,
            grid: grid_columns(&columns.table, &columns.asked),
            columns: columns.table,
            frame,
            held: Vec::new(),
            fit: None,
            line: String::new(),
            tells_first: false,
            folded: None,
        }
    }

    /// The same, which says before the rows what there is no room for: of a frame that is drawn
    /// in place the end may not be seen.
    #[must_use]
    pub const fn telling_first(mut self) -> Self {
        self.tells_first = true;
        self
    }

    fn tell_left_out(&mut self, fit: &Fit) -> io::Result<()> {
        tell_left_out(&mut self.out, &self.columns, &self.grid, fit, &self.frame)
    }

    /// Draws what is held; from here on rows are written as they come.
    fn draw_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let fit = grid::layout(&self.grid, &held, &self.frame);
        if self.tells_first {
            self.tell_left_out(&fit)?;
        }
        if !held.is_empty() {
            grid::draw_fitted(&mut self.out, &self.grid, &held, &fit, &self.frame)?;
        }
        self.fit = Some(fit);
        Ok(())
    }

    /// Writes a row in the widths of those that were held.
    fn write(&mut self, row: Row<'_>, fit: &Fit) -> io::Result<()> {
        if self.frame.width.is_none() && !self.frame.theme.is_coloured() {
            let columns = self.columns.iter().copied().zip(fit.widths.iter().copied());
            line_of(&mut self.line, columns, row, (Style::Person, "  "));
            return self.out.write_all(self.line.as_bytes());
        }
        let cells = cells(&self.columns, row);
        for line in grid::row_lines(&self.grid, &cells, fit, &self.frame) {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }
}

impl<W: Write> RowWriter for List<W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            let row = Row { socket, facts };
            if let Some(fit) = self.fit.take() {
                let written = self.write(row, &fit);
                self.fit = Some(fit);
                written?;
                continue;
            }
            self.held.push(cells(&self.columns, row));
            if self.held.len() == HELD {
                self.draw_held()?;
            }
        }
        Ok(())
    }

    fn all(&mut self, sockets: &[Socket], facts: &Facts, arranged: &Arranged) -> io::Result<()> {
        for index in &arranged.order {
            let row = sockets.get(*index).map_or(&[][..], std::slice::from_ref);
            self.rows(row, facts)?;
        }
        self.folded.clone_from(&arranged.folded);
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        if self.fit.is_none() {
            self.draw_held()?;
        }
        if let Some(folded) = self.folded.take() {
            sentence(&mut self.out, &folded, Tone::Normal, &self.frame)?;
        }
        if let Some(fit) = self.fit.take().filter(|_| !self.tells_first) {
            self.tell_left_out(&fit)?;
        }
        self.out.flush()
    }
}

/// Says which columns there was no room for, and how they are seen.
///
/// # Errors
/// What writing says.
pub fn tell_left_out(
    out: &mut dyn Write,
    columns: &[&'static Column],
    grid: &[GridColumn],
    fit: &Fit,
    frame: &Frame,
) -> io::Result<()> {
    let left_out = fit.left_out(grid);
    if left_out.is_empty() {
        return Ok(());
    }
    let headers: Vec<&str> = left_out.iter().map(|(_, c)| c.header.as_str()).collect();
    let ids = left_out.iter().filter_map(|(index, _)| columns.get(*index));
    let ids: Vec<&str> = ids.map(|column| column.id).collect();
    let text = format!(
        "narrow terminal: {} left out; --columns +{} or a wider terminal shows {}",
        headers.join(", "),
        ids.join(","),
        if ids.len() == 1 { "it" } else { "them" },
    );
    sentence(out, &text, Tone::Quiet, frame)
}

/// The columns of a table as a grid has them. Text that others chose gives way first; what was
/// asked for is not left out.
#[must_use]
pub fn grid_columns(columns: &[&'static Column], asked: &[&str]) -> Vec<GridColumn> {
    let has_state = columns.iter().any(|column| column.kind == Kind::State);
    let grid_column = |column: &&'static Column| {
        let spare = match column.spare {
            _ if asked.contains(&column.id) => 0,
            Spare::First => 60,
            Spare::Added => 55,
            Spare::BesideState if has_state => 50,
            Spare::Early => 20,
            Spare::Detail => 10,
            Spare::BesideState | Spare::Late | Spare::NotOfListeners | Spare::Never => 0,
        };
        let give = if column.kind.is_chosen_text() {
            Give::Name
        } else {
            Give::Nothing
        };
        GridColumn::new(column.header, column.kind.align())
            .giving(give)
            .spared(spare)
    };
    columns.iter().map(grid_column).collect()
}

/// The cells of a row.
#[must_use]
pub fn cells(columns: &[&'static Column], row: Row<'_>) -> Vec<Cell> {
    columns
        .iter()
        .map(|column| {
            let value = (column.value)(row);
            let mut text = String::new();
            write_value(&mut text, &value, Style::Person);
            if text.is_empty() {
                return Cell::new("-", Tone::Quiet);
            }
            let kept = kept(&value, &text);
            Cell::new(text, tone(&value, row.socket)).keeping(kept)
        })
        .collect()
}

/// The bytes of a process's pid, and of the number of further ones, at the end of its cell.
fn kept(value: &Value<'_>, text: &str) -> usize {
    match value {
        Value::Process(row) if row.socket.owner_status == OwnerStatus::Found => {
            let more = text.rfind(" +").filter(|index| {
                text.get(index + 2..)
                    .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
            });
            let before = text.get(..more.unwrap_or(text.len())).unwrap_or(text);
            text.len() - before.rfind(' ').unwrap_or(text.len())
        }
        _ => 0,
    }
}

fn tone(value: &Value<'_>, socket: &Socket) -> Tone {
    match value {
        Value::State(state) => state_tone(*state),
        Value::Process(_) => match socket.owner_status {
            OwnerStatus::Found => Tone::Strong,
            _ => Tone::Quiet,
        },
        Value::Queue(length, limit) => queue_tone(*length, *limit),
        Value::End { .. } if socket.is_listener() => Tone::Strong,
        Value::Number(0) if matches!(socket.queue, Some(Queue::Bytes { .. })) => Tone::Quiet,
        _ => Tone::Normal,
    }
}

/// A queue is full when it holds more than its limit; from seven tenths on it is worth a look.
#[must_use]
pub fn queue_tone(length: u32, limit: Option<u32>) -> Tone {
    match limit {
        Some(limit) if length > limit => Tone::Bad,
        Some(limit) if length > 0 && u64::from(length) * 10 >= u64::from(limit) * 7 => {
            Tone::Waiting
        }
        _ if length == 0 => Tone::Quiet,
        _ => Tone::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns;
    use crate::model::{Endpoint, Family, Protocol, State};
    use crate::text::theme::Theme;
    use std::net::{IpAddr, Ipv4Addr};

    fn many(count: u16) -> Vec<Socket> {
        let socket = |port| {
            let local = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 10_000 + port);
            let mut socket = Socket::new(Protocol::Tcp, Family::V4, State::Listen, local);
            socket.queue = Some(Queue::Accept(crate::model::AcceptQueue {
                length: u32::from(port % 3),
                limit: Some(128),
            }));
            socket
        };
        (0..count).map(socket).collect()
    }

    fn listed(count: u16, frame: Frame) -> Vec<String> {
        let table = columns::select(&["protocol", "local", "queue", "process", "user"]);
        let columns = Columns {
            program: table.clone(),
            table,
            asked: Vec::new(),
        };
        let mut out = Vec::new();
        let mut list = List::new(&mut out, columns, frame);
        list.begin().unwrap();
        // In batches, as they come.
        for batch in many(count).chunks(300) {
            list.rows(batch, &Facts::default()).unwrap();
        }
        list.end(&Report::default()).unwrap();
        drop(list);
        let text = String::from_utf8(out).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    const FRAME: Frame = Frame {
        theme: Theme::PLAIN,
        width: None,
        header: true,
        indent: 0,
    };

    #[test]
    fn a_long_table_looks_like_a_short_one_all_the_way() {
        let lines = listed(2500, FRAME);
        assert_eq!(lines.len(), 2501);
        assert_eq!(lines[0], "PROTO  LOCAL            QUEUE  PROCESS  USER");
        assert_eq!(lines[1], "tcp    127.0.0.1:10000  0/128  -        -");
        assert_eq!(lines[2500], "tcp    127.0.0.1:12499  0/128  -        -");
        assert_eq!(lines[..1001], listed(1000, FRAME));
    }

    #[test]
    fn colours_do_not_change_a_long_table() {
        let coloured = Frame {
            theme: Theme::COLOURED,
            ..FRAME
        };
        let mut bare = Vec::new();
        for line in listed(1100, coloured) {
            let mut text = String::new();
            for (index, part) in line.split('\u{1b}').enumerate() {
                let part = if index == 0 {
                    part
                } else {
                    part.split_once('m').unwrap().1
                };
                text.push_str(part);
            }
            bare.push(text.trim_end().to_owned());
        }
        assert_eq!(bare, listed(1100, FRAME));
    }
}
