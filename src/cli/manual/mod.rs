//! `sockscope man`: the manual, made from the definition of the command line and, where that
//! cannot explain, from pages written by hand.

mod command;
mod sections;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueHint};

use super::definition;
use super::session::Session;
use crate::analyze::doctor::RULES;
use crate::cli::exit::Usage;
use crate::cli::exit::{Exit, Failure};
use crate::columns::COLUMNS;
use crate::filter::did_you_mean;
use crate::model::foreign::shown;

/// What `man` takes.
#[derive(Args, Clone, Debug)]
pub struct ManArgs {
    /// The page: sockscope, a command, filter or json; man -l shows it: sockscope man | man -l -
    #[arg(value_name = "PAGE", default_value = "sockscope")]
    pub page: String,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "page")]
    pub out: Option<PathBuf>,
}

/// One page: its file name and its text.
#[derive(Clone, Debug)]
struct Page {
    name: String,
    text: String,
}

/// The pages written by hand: topic and source. A line `.\" @list@` stands for a list that is
/// made of what the program knows.
const TOPICS: [(&str, &str); 2] = [
    ("filter", include_str!("filter.7")),
    ("json", include_str!("json.7")),
];

pub(crate) fn run(session: &Session, args: &ManArgs) -> Result<Exit, Failure> {
    if let Some(directory) = &args.out {
        write_all(directory)?;
        return Ok(Exit::Found);
    }
    let page = find(&args.page)?;
    let mut out = session.out();
    out.write_all(page.text.as_bytes())?;
    out.flush()?;
    Ok(Exit::Found)
}

/// Every topic of the manual that can be asked for.
pub(crate) fn topics() -> Vec<String> {
    let command = definition::public();
    let commands = command.get_subcommands().map(Command::get_name);
    let topics = TOPICS.iter().map(|(topic, _)| *topic);
    let all = ["sockscope"].into_iter().chain(commands).chain(topics);
    all.map(str::to_owned).collect()
}

/// The page called `listen`, `sockscope-listen` or `sockscope-listen.1`.
fn find(asked: &str) -> Result<Page, Usage> {
    let is_asked = |page: &Page| {
        let name = page.name.as_str();
        let (stem, _) = name.rsplit_once('.').unwrap_or((name, ""));
        [name, stem, stem.trim_start_matches("sockscope-")].contains(&asked)
    };
    pages().into_iter().find(is_asked).ok_or_else(|| {
        let topics = topics();
        let known: Vec<_> = topics.iter().map(String::as_str).collect();
        let near = did_you_mean(asked, &known);
        Usage::new(format!("there is no page '{asked}'"))
            .hint(format!("{near}pages are: {}", known.join(", ")))
    })
}

fn write_all(directory: &Path) -> Result<(), Usage> {
    let failed = |path: &Path, error: &std::io::Error| {
        Usage::new(format!(
            "cannot write {}: {error}",
            shown(path.as_os_str().as_encoded_bytes())
        ))
    };
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    for page in pages() {
        let path = directory.join(&page.name);
        std::fs::write(&path, page.text).map_err(|error| failed(&path, &error))?;
    }
    Ok(())
}

/// The whole manual.
fn pages() -> Vec<Page> {
    let command = definition::public();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let mut pages: Vec<_> = commands
        .map(|sub| Page {
            name: format!("{}.1", definition::page_name(sub)),
            text: command::page(sub),
        })
        .collect();
    pages.extend(TOPICS.map(|(topic, source)| Page {
        name: format!("sockscope-{topic}.7"),
        text: filled(source),
    }));
    pages
}

/// A page written by hand, with its lists.
fn filled(source: &str) -> String {
    let columns = COLUMNS.iter().map(|column| (column.id, column.help));
    let rules = RULES.iter().map(|rule| (rule.id, rule.summary));
    let version = format!("sockscope {}", env!("CARGO_PKG_VERSION"));
    source
        .replace("@version@", &version)
        .replace(".\\\" @columns@\n", &sections::list(columns))
        .replace(".\\\" @findings@\n", &sections::list(rules))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_by_its_names_and_is_filled() {
        for page in pages() {
            assert_eq!(find(&page.name).unwrap().text, page.text);
            let open = [".\\\" @", "@version@"];
            assert!(
                !open.iter().any(|mark| page.text.contains(mark)),
                "{}",
                page.name
            );
            assert!(page.text.is_ascii(), "{}", page.name);
            assert!(
                page.text.lines().all(|line| line.trim_end() == line),
                "{}",
                page.name
            );
        }
        for topic in topics() {
            assert!(find(&topic).is_ok(), "{topic}");
        }
        let error = find("lisen").unwrap_err();
        assert!(error.hint.unwrap().contains("'listen'"));
    }
}
