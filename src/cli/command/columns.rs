//! `--columns help`: the table of columns, told to the one who wants to choose.

use std::io::{self, Write};

use crate::cli::exit::{Exit, Failure};
use crate::cli::session::Session;
use crate::columns::{COLUMNS, Column};
use crate::json::columns::{ColumnRow, ColumnsAnswer};
use crate::json::envelope::{Envelope, Lines};
use crate::model::Report;
use crate::text::grid;
use crate::text::grid::{Cell, Frame, Give, GridColumn};
use crate::text::theme::Tone;
use crate::text::{Format, RowWriter, records};

/// The word that is no column.
pub(crate) const HELP: &str = "help";

/// Whether the table of columns is asked for, and not rows.
pub(crate) fn is_asked_for(session: &Session) -> bool {
    session.options.columns.as_deref().map(str::trim) == Some(HELP)
}

pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    session.forms(write)?;
    Ok(Exit::Found)
}

fn write(session: &Session) -> Result<(), Failure> {
    let mut out = session.out();
    match session.format {
        Format::Table => {
            table(&mut out, &session.frame())?;
            out.flush()?;
        }
        Format::Json => {
            let mut envelope = Envelope::new(out, session.head("columns"), false);
            envelope.add(&ColumnsAnswer::new())?;
            envelope.begin()?;
            envelope.end(&Report::default())?;
        }
        Format::Ndjson => {
            let mut lines = Lines::new(out, &session.head("columns"));
            for column in COLUMNS {
                lines.object(&ColumnRow::new(column))?;
            }
            lines.end(&Report::default())?;
        }
        format => {
            let heading = ["id", "unit", "type", "help"].map(str::to_owned).to_vec();
            let rows = COLUMNS.iter().map(|column| {
                let kind = column.kind;
                let unit = kind.unit().unwrap_or_default();
                [column.id, unit, kind.json_type(), column.help]
                    .map(str::to_owned)
                    .to_vec()
            });
            let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
            records::write(&mut out, &rows, format, !session.options.no_header)?;
        }
    }
    Ok(())
}

/// The table for people.
pub(crate) fn table(out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
    let rows: Vec<Vec<Cell>> = COLUMNS.iter().map(cells).collect();
    grid::draw(out, &headings(), &rows, frame)
}

fn headings() -> Vec<GridColumn> {
    let heading = |header: &str| GridColumn::new(header, crate::columns::Align::Left);
    let what = heading("WHAT IT IS").giving(Give::Prose);
    vec![heading("COLUMN"), heading("UNIT"), what]
}

fn cells(column: &Column) -> Vec<Cell> {
    vec![
        Cell::new(column.id, Tone::Strong),
        Cell::new(column.kind.unit().unwrap_or_default(), Tone::Quiet),
        Cell::new(column.help, Tone::Normal),
    ]
}
