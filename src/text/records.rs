//! Rows of text that are no sockets, for programs: plain and csv. The first row holds the ids
//! of the columns.

use std::io::{self, Write};

use super::Format;
use super::cell::{fill, make_a_field};
use super::csv::{harmless, to_io};
use crate::columns::Align;

/// Writes rows whose last cell is prose, as csv or else as plain.
///
/// # Errors
/// What writing says.
pub fn write(
    out: &mut dyn Write,
    rows: &[Vec<String>],
    format: Format,
    header: bool,
) -> io::Result<()> {
    match format {
        Format::Csv => csv(out, rows, header),
        _ => plain(out, rows, header, true),
    }
}

/// Writes aligned columns; absent is `-`, and a blank inside a cell is `\x20`, so that fields
/// can be counted. Only the last cell of a row keeps its blanks where `prose` says so.
///
/// # Errors
/// What writing says.
pub fn plain(
    out: &mut dyn Write,
    rows: &[Vec<String>],
    header: bool,
    prose: bool,
) -> io::Result<()> {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| cells(row, prose)).collect();
    // A header that is not shown still holds the widths: the rows look alike with and without.
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        widths.resize(row.len().max(widths.len()), 1);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows.iter().skip(usize::from(!header)) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let start = line.len();
            line.push_str(cell);
            fill(&mut line, start, *width, Align::Left);
            line.push(' ');
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

fn cells(row: &[String], prose: bool) -> Vec<String> {
    let last = row.len().saturating_sub(1);
    let cell = |(index, text): (usize, &String)| match text.as_str() {
        "" => "-".to_owned(),
        text if prose && index == last => text.to_owned(),
        text => {
            let mut field = text.to_owned();
            make_a_field(&mut field, 0);
            field
        }
    };
    row.iter().enumerate().map(cell).collect()
}

/// Writes comma-separated values; absent is empty.
///
/// # Errors
/// What writing says.
pub fn csv(out: &mut dyn Write, rows: &[Vec<String>], header: bool) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for row in rows.iter().skip(usize::from(!header)) {
        for cell in row {
            writer
                .write_field(harmless(cell).as_bytes())
                .map_err(to_io)?;
        }
        writer.write_record(None::<&[u8]>).map_err(to_io)?;
    }
    writer.flush()
}
