//! A list of sockets for people.

use std::io::{self, Write};

use super::RowWriter;
use super::grid::{self, Cell, Frame, GridColumn};
use super::text::{Style, fill, write_value};
use super::theme::{Tone, state_tone};
use crate::columns::{Column, Row, Value};
use crate::model::{Facts, OwnerStatus, Queue, Report, Socket};

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
    widths: Option<Vec<usize>>,
    line: String,
}

impl<W: Write> List<W> {
    /// A writer of `columns`.
    pub fn new(out: W, columns: Vec<&'static Column>, frame: Frame) -> Self {
        Self {
            out,
            grid: grid_columns(&columns),
            columns,
            frame,
            held: Vec::new(),
            widths: None,
            line: String::new(),
        }
    }

    /// Draws what is held; from here on rows are written as they come.
    fn draw_held(&mut self) -> io::Result<()> {
        self.widths = Some(grid::layout(&self.grid, &self.held, &self.frame));
        let mut held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        if held.len() < HELD {
            leave_out_idle(&mut self.grid, &mut held, &self.frame);
        }
        grid::draw(&mut self.out, &self.grid, &held, &self.frame)
    }
}

impl<W: Write> RowWriter for List<W> {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn rows(&mut self, sockets: &[Socket], facts: &Facts) -> io::Result<()> {
        for socket in sockets {
            let row = Row { socket, facts };
            if let Some(widths) = &self.widths
                && !self.frame.theme.colour
            {
                write_plainly(
                    &mut self.line,
                    &self.columns,
                    &self.grid,
                    widths,
                    row,
                    &self.frame,
                );
                self.out.write_all(self.line.as_bytes())?;
                continue;
            }
            let cells = cells(&self.columns, row);
            if let Some(widths) = &self.widths {
                grid::write_row(&mut self.out, &self.grid, &cells, widths, &self.frame)?;
                continue;
            }
            self.held.push(cells);
            if self.held.len() == HELD {
                self.draw_held()?;
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &Report) -> io::Result<()> {
        if self.widths.is_none() {
            self.draw_held()?;
        }
        self.out.flush()
    }
}

/// Makes the line of a row in fixed widths without colours, and without allocating.
fn write_plainly(
    line: &mut String,
    columns: &[&'static Column],
    grid: &[GridColumn],
    widths: &[usize],
    row: Row<'_>,
    frame: &Frame,
) {
    line.clear();
    for ((column, grid), width) in columns.iter().zip(grid).zip(widths) {
        let start = line.len();
        write_value(line, &(column.value)(row), Style::Person);
        if line.len() == start {
            line.push('-');
        }
        if grid.gives_way && frame.width.is_some() {
            let text = line.get(start..).unwrap_or_default();
            let kept = kept(&(column.value)(row), text);
            let cut = grid::cut_keeping(text, kept, *width);
            line.truncate(start);
            line.push_str(&cut);
        }
        fill(line, start, *width, grid.align);
        line.push_str("  ");
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
}

/// Leaves out the columns of bytes that wait, when nothing waits and the terminal is too narrow
/// for them.
fn leave_out_idle(grid: &mut Vec<GridColumn>, rows: &mut [Vec<Cell>], frame: &Frame) {
    while !grid::fits(grid, rows, frame) {
        let is_idle = |row: &Vec<Cell>, place: usize| {
            row.get(place)
                .is_some_and(|cell| matches!(cell.text.as_str(), "0" | "-"))
        };
        let idle = grid.iter().enumerate().position(|(place, column)| {
            column.may_be_idle && rows.iter().all(|row| is_idle(row, place))
        });
        let Some(idle) = idle else { return };
        grid.remove(idle);
        for row in &mut *rows {
            row.remove(idle);
        }
    }
}

/// The columns of a table as a grid has them. Text of processes gives way first.
#[must_use]
pub fn grid_columns(columns: &[&'static Column]) -> Vec<GridColumn> {
    columns
        .iter()
        .map(|column| GridColumn {
            header: column.header.to_owned(),
            align: column.align,
            may_be_idle: matches!(column.id, "recv_q" | "send_q"),
            gives_way: column.kind.is_owners_text(),
        })
        .collect()
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
            let more = text.rfind(" +").filter(|place| {
                text.get(place + 2..)
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
    use crate::render::theme::Theme;
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
        let columns = columns::select(&["protocol", "local", "queue", "process", "user"]);
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
        theme: Theme { colour: false },
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
            theme: Theme { colour: true },
            ..FRAME
        };
        let mut bare = Vec::new();
        for line in listed(1100, coloured) {
            let mut text = String::new();
            for (place, part) in line.split('\u{1b}').enumerate() {
                let part = if place == 0 {
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
