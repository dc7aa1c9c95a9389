//! Columns as they are chosen by `--columns`, `--sort` and the configuration.

use crate::cli::exit::Usage;
use crate::columns::{self, Column};
use crate::filter::did_you_mean;

/// Replaces the usual columns by `a,b,c`, or adds `+a`.
pub(crate) fn choose<'a>(ids: &mut Vec<&'a str>, wanted: &'a str) -> Result<(), Usage> {
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    // The first sign holds for all: +a,b adds both.
    if !wanted.first().is_some_and(|id| id.starts_with('+')) {
        ids.clear();
    }
    for id in wanted {
        let id = id.strip_prefix('+').unwrap_or(id);
        let id = column(id)?.id;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(())
}

/// The column of this id.
pub(crate) fn column(id: &str) -> Result<&'static Column, Usage> {
    columns::find(id).ok_or_else(|| {
        let known: Vec<_> = columns::COLUMNS.iter().map(|column| column.id).collect();
        let near = did_you_mean(id, &known);
        Usage::new(format!("there is no column '{id}'"))
            .hint(format!("{near}columns are: {}", known.join(", ")))
    })
}
