//! Columns as they are chosen by `--columns`, `--sort` and the configuration.

use crate::cli::exit::Usage;
use crate::columns::{self, Column, NotOne};
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

/// The column that is called so.
pub(crate) fn column(word: &str) -> Result<&'static Column, Usage> {
    columns::called(word).map_err(|fault| match fault {
        NotOne::Several(ids) => {
            let usage = Usage::new(format!("several columns begin with '{word}'"));
            usage.hint(format!("write one of them: {}", ids.join(", ")))
        }
        NotOne::Unknown => {
            let known: Vec<_> = columns::COLUMNS.iter().map(|column| column.id).collect();
            let near = did_you_mean(word, &known);
            Usage::new(format!("there is no column '{word}'"))
                .hint(format!("{near}columns are: {}", known.join(", ")))
        }
    })
}
