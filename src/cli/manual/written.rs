//! What the manual says beside the definition: descriptions, examples, exit codes, files.

use crate::analyze::doctor::RULES;
use crate::cli::session::config;
use crate::columns::COLUMNS;
use crate::watch::state::key::HELP;

/// The words of each command, in roff: what it does, where one line is not enough, and behind
/// [`OPTIONS`] its exit codes, its examples and whatever else there is to say.
const COMMANDS: [(&str, &str); 16] = [
    ("sockscope", include_str!("sockscope.roff")),
    ("listen", include_str!("listen.roff")),
    ("port", include_str!("port.roff")),
    ("conns", include_str!("conns.roff")),
    ("states", include_str!("states.roff")),
    ("buildup", include_str!("buildup.roff")),
    ("doctor", include_str!("doctor.roff")),
    ("explain", include_str!("explain.roff")),
    ("watch", include_str!("watch.roff")),
    ("proc", include_str!("proc.roff")),
    ("inspect", include_str!("inspect.roff")),
    ("wait", include_str!("wait.roff")),
    ("diff", include_str!("diff.roff")),
    ("schema", include_str!("schema.roff")),
    ("completions", include_str!("completions.roff")),
    ("man", include_str!("man.roff")),
];

/// The line where the options stand, which the definition knows.
const OPTIONS: &str = ".\\\" @options@\n";

/// Plain text as it stands in a line of roff.
pub(super) fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

/// What is written before and behind the options of a command.
pub(super) fn around_options(command: &str) -> (String, String) {
    let written = COMMANDS.iter().find(|(name, _)| *name == command);
    let (before, behind) = written
        .and_then(|(_, text)| text.split_once(OPTIONS))
        .unwrap_or_default();
    (filled(before), filled(behind))
}

/// A text written by hand, with its lists: a line `.\" @list@` stands for one that is made of
/// what the program knows.
pub(super) fn filled(source: &str) -> String {
    let columns = COLUMNS.iter().map(|column| (column.id, column.help));
    let rules = RULES.iter().map(|rule| (rule.id, rule.summary));
    let version = format!("sockscope {}", env!("CARGO_PKG_VERSION"));
    source
        .replace("@version@", &version)
        .replace("@commands@", &config::COMMANDS.join(", "))
        .replace(".\\\" @columns@\n", &list(columns))
        .replace(".\\\" @findings@\n", &list(rules))
        .replace(".\\\" @keys@\n", &list(HELP.iter().copied()))
}

/// A list of words, each with what it means.
fn list<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let entry = |(word, text)| format!(".TP\n.B {}\n{}\n", escape(word), escape(text));
    entries.map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::args::first::{self, Meant};
    use crate::cli::definition;
    use clap::Parser;
    use std::ffi::OsString;

    /// Whether the words of a line are right is asked of the definition itself.
    #[test]
    fn every_command_has_exit_codes_and_every_example_can_be_typed() {
        let root = definition::public();
        for command in std::iter::once(&root).chain(root.get_subcommands()) {
            let name = command.get_name();
            let (_, behind) = around_options(name);
            assert!(behind.contains(".SH EXIT STATUS\n.TP\n.B 0\n"), "{name}");
            let (_, examples) = behind.split_once(".SH EXAMPLES\n").unwrap_or_default();
            let lines = examples.lines().filter_map(|line| line.strip_prefix(".B "));
            for line in lines {
                let line = line.replace("\\-", "-");
                let from = line.find("sockscope ").unwrap();
                let words = line[from..]
                    .split(['|', ')', '>'])
                    .next()
                    .unwrap()
                    .split_whitespace();
                let words: Vec<OsString> = words.map(OsString::from).collect();
                let Err(error) = Cli::try_parse_from(&words) else {
                    continue;
                };
                // A port stands in place of a command, too.
                let meant = first::understand(&words, &error);
                assert!(matches!(meant, Meant::Command(_)), "{line}: {error}");
            }
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escape(".x -a \\"), "\\&.x \\-a \\e");
    }
}
