//! The page of one command: what its definition says, and what has to be said beside it.

use clap::Command;
use clap_mangen::Man;

use super::written::{around_options, escape};
use crate::cli::definition::page_name;

/// What each part that clap_mangen renders begins with: an apostrophe for all roffs.
const PREAMBLE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// The page of a command, or of the program.
pub(crate) fn page(command: &Command) -> String {
    let name = page_name(command);
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let man = Man::new(command.clone().override_usage(usage)).title(&name);
    let mut head = Vec::new();
    let mut options = Vec::new();
    // Writing into a Vec cannot fail.
    let _ = man.render_name_section(&mut head);
    let _ = man.render_synopsis_section(&mut head);
    let _ = man.render_options_section(&mut options);
    let (before, behind) = around_options(command.get_name());
    let text = [
        crate::model::foreign::exact(&head).into_owned(),
        description(command, &before),
        commands(command),
        crate::model::foreign::exact(&options).into_owned(),
        behind,
        see_also(command),
    ];
    let text = text.concat().replace(PREAMBLE, "");
    let (title, version) = (escape(&name), env!("CARGO_PKG_VERSION"));
    let title = format!(".TH {title} 1 \"\" \"sockscope {version}\" \"User Commands\"\n");
    format!("{PREAMBLE}{title}{}", tidy(&text))
}

/// Without empty lines and without two breaks in a row, which some formatters warn of.
fn tidy(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.retain(|line| !line.is_empty());
    lines.dedup_by(|line, before| *line == ".br" && line == before);
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

fn description(command: &Command, written: &str) -> String {
    let about = command.get_about().map(ToString::to_string);
    let text = match written {
        "" => escape(&about.unwrap_or_default()),
        written => written.to_owned(),
    };
    format!(".SH DESCRIPTION\n{text}\n")
}

/// The commands of the program, each with its page.
fn commands(command: &Command) -> String {
    if !command.has_subcommands() {
        return String::new();
    }
    let each = command.get_subcommands().map(|sub| {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let name = escape(&page_name(sub));
        format!(".TP\n.BR {name} (1)\n{}\n", escape(&about))
    });
    format!(".SH COMMANDS\n{}", each.collect::<String>())
}

fn see_also(command: &Command) -> String {
    let pages = match command.get_name() {
        "sockscope" => "",
        _ => ".BR sockscope (1),\n",
    };
    format!(
        ".SH SEE ALSO\n{pages}.BR sockscope\\-filter (7),\n.BR sockscope\\-json (7),\n\
         .BR ss (8),\n.BR lsof (8),\n.BR tcp (7)\n"
    )
}
