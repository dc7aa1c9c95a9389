//! Values as text: what stands in a cell.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

use super::units;
use crate::columns::{Align, OwnerField, OwnerValue, Row, Value};
use crate::columns::{push_address, push_host};
pub(crate) use crate::columns::{push_number, push_v4};
use crate::model::foreign::{escape_into, show_into};
use crate::model::{Device, OwnerStatus, Timer};

/// What a cell is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A person: several owners as "+2".
    Person,
    /// A program that splits lines at blanks: exact, owners joined by `;`, absent is `-`, and
    /// a blank in the text of others is written `\x20`, a text that is `-` alone `\x2d`.
    Plain,
    /// A program that reads CSV: exact, owners joined by `;`, absent is empty.
    Csv,
}

/// Appends the text of `value` to `out`; nothing for [`Value::Absent`].
pub fn write_value(out: &mut String, value: &Value<'_>, style: Style) {
    match value {
        Value::Absent => {}
        Value::Bytes(number) if style == Style::Person => out.push_str(&units::bytes(*number)),
        Value::Rate(number) if style == Style::Person => out.push_str(&units::rate(*number)),
        Value::Bits(number) if style == Style::Person => push(out, format_args!("0x{number:x}")),
        Value::Span {
            amount,
            unit,
            at_least,
        } if style == Style::Person => {
            // What may be more is marked; programs find that in the help of the column.
            out.push_str(if *at_least { ">=" } else { "" });
            out.push_str(&units::micros(unit.micros(*amount)));
        }
        Value::Fin if style == Style::Person => out.push_str("FIN"),
        Value::Fin => push_number(out, 0),
        Value::Number(number)
        | Value::Bytes(number)
        | Value::Rate(number)
        | Value::Bits(number)
        | Value::Span { amount: number, .. } => push_number(out, *number),
        Value::Hex(number) => push(out, format_args!("{number:016x}")),
        Value::Word(word) => out.push_str(word),
        Value::State(state) => match state.name() {
            Some(name) => out.push_str(name),
            None => push(out, format_args!("{state}")),
        },
        Value::Address(address, takes_both) => push_address(out, *address, *takes_both),
        Value::End { .. } => write_end(out, value, style),
        Value::Queue(length, limit) => write_queue(out, *length, *limit),
        Value::Timer(timer) => write_timer(out, *timer),
        Value::Text(text) => write_foreign(out, text, style),
        Value::Owners(row, field) => {
            if style == Style::Person {
                return write_few_owners(out, *row, *field);
            }
            for (index, (holder, process)) in row.facts.owners(row.socket).enumerate() {
                if index > 0 {
                    out.push(';');
                }
                write_owner(out, &field.of(holder, process, row.facts), style);
            }
        }
        Value::Process(row) => write_process(out, *row, style),
    }
}

/// Fills the cell that began at `start` of `line` with blanks to `width` columns.
pub fn fill(line: &mut String, start: usize, width: usize, align: Align) {
    const BLANKS: &str = "                                                                ";
    let cell = line.get(start..).unwrap_or_default();
    let used = if cell.is_ascii() {
        cell.len()
    } else {
        cell.width()
    };
    let mut missing = width.saturating_sub(used);
    while missing > 0 {
        let blanks = BLANKS.get(..missing).unwrap_or(BLANKS);
        match align {
            Align::Right => line.insert_str(start, blanks),
            Align::Left => line.push_str(blanks),
        }
        missing -= blanks.len();
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

/// Owners that a cell for people names; further ones are counted.
const FEW: usize = 3;

/// `3;4;5 +2`, each value once.
fn write_few_owners(out: &mut String, row: Row<'_>, field: OwnerField) {
    let owners = row.facts.owners(row.socket);
    let mut values: Vec<_> = owners
        .map(|(holder, process)| field.of(holder, process, row.facts))
        .collect();
    values.dedup();
    for (index, value) in values.iter().take(FEW).enumerate() {
        if index > 0 {
            out.push(';');
        }
        write_owner(out, value, Style::Person);
    }
    if values.len() > FEW {
        push(out, format_args!(" +{}", values.len() - FEW));
    }
}

fn write_owner(out: &mut String, value: &OwnerValue<'_>, style: Style) {
    match value {
        OwnerValue::Absent if style == Style::Csv => {}
        OwnerValue::Absent => out.push('-'),
        OwnerValue::Number(number) => push_number(out, u64::from(*number)),
        OwnerValue::Text(text) => write_part(out, text, style),
        OwnerValue::Made(text) => write_part(out, text.bytes(), style),
    }
}

/// Escapes `;` too, which separates the parts of such a cell.
fn write_part(out: &mut String, text: &[u8], style: Style) {
    let start = out.len();
    write_foreign(out, text, style);
    replace(out, start, ";", "\\x3b");
}

/// Text of others, made safe; in plain so that every line has as many fields as the header, and
/// none looks absent.
fn write_foreign(out: &mut String, text: &[u8], style: Style) {
    let start = out.len();
    match style {
        Style::Person => show_into(out, text),
        Style::Csv => escape_into(out, text),
        Style::Plain => {
            escape_into(out, text);
            make_a_field(out, start);
        }
    }
}

/// Turns what begins at `start` into one field of plain: no blank, and not what stands for
/// nothing.
pub(crate) fn make_a_field(out: &mut String, start: usize) {
    let instead = match out.get(start..).unwrap_or_default() {
        "" => "\"\"",
        "-" => "\\x2d",
        "\"\"" => "\\x22\\x22",
        _ => return replace(out, start, " ", "\\x20"),
    };
    out.truncate(start);
    out.push_str(instead);
}

/// Replaces `what` behind `start`.
fn replace(out: &mut String, start: usize, what: &str, by: &str) {
    let text = out.get(start..).unwrap_or_default();
    if text.contains(what) {
        let text = text.replace(what, by);
        out.truncate(start);
        out.push_str(&text);
    }
}

fn write_end(out: &mut String, value: &Value<'_>, style: Style) {
    let Value::End {
        end,
        takes_both,
        protocol,
        device,
        facts,
    } = value
    else {
        return;
    };
    match facts.host(end) {
        Some(name) => write_foreign(out, name.bytes(), style),
        None => push_host(out, end.address, *takes_both),
    }
    match device {
        None => {}
        Some(Device::Index(index)) => push(out, format_args!("%{index}")),
        Some(Device::Name(name)) => {
            out.push('%');
            write_foreign(out, name, style);
        }
    }
    out.push(':');
    match facts.service(*protocol, end.port) {
        Some(name) => write_foreign(out, name.bytes(), style),
        None => push_number(out, end.port.into()),
    }
}

fn write_queue(out: &mut String, length: u32, limit: Option<u32>) {
    match limit {
        Some(limit) => push(out, format_args!("{length}/{limit}")),
        None => push(out, format_args!("{length}/?")),
    }
}

fn write_timer(out: &mut String, timer: Timer) {
    let ms = timer.expires_ms;
    push(out, format_args!("{}:", timer.kind));
    match ms {
        0..1000 => push(out, format_args!("{ms}ms")),
        _ => push(out, format_args!("{}s", ms / 1000)),
    }
}

/// `nginx 812`, `nginx 812 +3` for four holders, or the reason in parentheses.
fn write_process(out: &mut String, row: Row<'_>, style: Style) {
    let start = out.len();
    let mut processes = row.facts.owner_processes(row.socket);
    match processes.next() {
        None => out.push_str(reason(row.socket.owner_status)),
        Some(first) => {
            escape_into(out, &first.comm);
            push(out, format_args!(" {}", first.pid));
            match processes.count() {
                0 => {}
                more => push(out, format_args!(" +{more}")),
            }
        }
    }
    if style == Style::Plain {
        replace(out, start, " ", "\\x20");
    }
}

/// Why there is no owner, in a word for a cell.
#[must_use]
pub const fn reason(status: OwnerStatus) -> &'static str {
    match status {
        OwnerStatus::Found | OwnerStatus::NotAsked => "",
        OwnerStatus::Denied => "(denied)",
        OwnerStatus::Unaccepted => "(unaccepted)",
        OwnerStatus::Orphaned => "(orphaned)",
        OwnerStatus::TimeWait => "(time wait)",
        OwnerStatus::Handshake => "(handshake)",
        OwnerStatus::KernelOrHidden => "(kernel or hidden)",
    }
}

/// Why there is no owner, in a sentence.
#[must_use]
pub const fn explanation(status: OwnerStatus) -> &'static str {
    match status {
        OwnerStatus::Found | OwnerStatus::NotAsked => "",
        OwnerStatus::Denied => "unknown: no permission to read open files of its process",
        OwnerStatus::Unaccepted => "nobody yet: the program has not called accept()",
        OwnerStatus::Orphaned => "nobody: its program closed it, the kernel finishes it",
        OwnerStatus::TimeWait => "nobody: no process owns a socket in TIME_WAIT",
        OwnerStatus::Handshake => "nobody yet: the handshake is not complete",
        OwnerStatus::KernelOrHidden => {
            "no process that can be seen: the kernel's own, in flight, or hidden"
        }
    }
}

#[cfg(test)]
mod tests;
