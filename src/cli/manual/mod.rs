//! `sockscope man`: the manual, made from the definition of the command line and, where that
//! cannot explain, from pages written by hand.

mod command;
mod written;

use std::io::Write;
use std::path::Path;

use clap::Command;

use super::args::generated::ManArgs;
use super::definition;
use super::session::Session;
use crate::cli::exit::{Exit, Failure, Usage};
use crate::filter::did_you_mean;
use crate::model::foreign::shown;

/// One page: its file name and its text.
#[derive(Clone, Debug)]
struct Page {
    name: String,
    text: String,
}

/// The pages written by hand: topic and source.
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
        text: written::filled(source),
    }));
    pages
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
