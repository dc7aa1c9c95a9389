//! The definition of the command line, as it is made public: what help, manual pages and
//! completion scripts are made from.

use clap::{Arg, Command, CommandFactory};

use super::args::Cli;

/// Options that several commands take and this one does not: there they mean nothing.
const fn without(command: &str) -> &'static [&'static str] {
    match command.as_bytes() {
        b"port" => &["all", "raw"],
        b"listen" | b"proc" | b"inspect" => &["all"],
        b"states" => &["all", "columns", "numeric", "resolve"],
        b"buildup" => &["all", "columns", "numeric", "resolve", "udp", "raw"],
        b"doctor" => &["all", "columns", "sort", "numeric", "resolve", "raw"],
        b"explain" => &[
            "tcp",
            "udp",
            "raw",
            "ipv4",
            "ipv6",
            "all",
            "numeric",
            "resolve",
            "columns",
            "sort",
            "limit",
            "no_owners",
        ],
        b"watch" => &[
            "numeric",
            "resolve",
            "format",
            "json",
            "no_header",
            "save",
            "quiet",
            "verbose",
            "watch",
            "strict",
        ],
        b"wait" => &[
            "all", "raw", "numeric", "resolve", "columns", "sort", "limit", "save", "watch",
        ],
        b"diff" => &[
            "all",
            "resolve",
            "numeric",
            "no_owners",
            "collector",
            "save",
            "watch",
        ],
        b"schema" | b"completions" | b"man" => ALL,
        _ => &[],
    }
}

/// Every option that several commands take.
const ALL: &[&str] = &[
    "tcp",
    "udp",
    "raw",
    "ipv4",
    "ipv6",
    "all",
    "numeric",
    "resolve",
    "format",
    "json",
    "columns",
    "sort",
    "limit",
    "no_header",
    "color",
    "theme",
    "save",
    "quiet",
    "verbose",
    "watch",
    "no_owners",
    "collector",
    "strict",
    "no_config",
];

/// The command line without its hidden parts, which the generators would show.
pub(super) fn public() -> Command {
    let root = Cli::command();
    let shared: Vec<Arg> = root
        .get_arguments()
        .filter(|arg| is_shown(arg))
        .cloned()
        .collect();
    let shared: Vec<Arg> = shared.into_iter().map(|arg| arg.global(false)).collect();
    let mut command = visible(&root, &shared).disable_help_subcommand(true);
    command.build();
    command
}

fn is_shown(arg: &Arg) -> bool {
    !arg.is_hide_set()
}

/// A copy; commands get those of the `shared` options that mean something there.
fn visible(command: &Command, shared: &[Arg]) -> Command {
    let name = command.get_name().to_owned();
    let own = command.get_arguments().filter(|arg| is_shown(arg));
    let own = own.cloned().map(|arg| arg.global(false));
    let subcommands = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let copies = subcommands.map(|sub| {
        let left_out = without(sub.get_name());
        let taken = shared
            .iter()
            .filter(|arg| !left_out.contains(&arg.get_id().as_str()));
        visible(sub, &[]).args(taken)
    });
    let mut copy = Command::new(name)
        .max_term_width(WIDEST)
        .args(own)
        .subcommands(copies);
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    if let Some(after) = command.get_after_help() {
        copy = copy.after_help(after.clone());
    }
    if let Some(version) = command.get_version() {
        copy = copy.version(version.to_owned());
    }
    copy
}

/// Help is not drawn wider than this.
const WIDEST: usize = 100;

/// Those of the shared options that are named in one line.
const NAMED: [&str; 8] = [
    "tcp", "udp", "ipv4", "ipv6", "json", "columns", "sort", "watch",
];

/// The help of a command, or of the program: with `--help` all of it; with `-h` its own options,
/// and one line for the others.
pub(super) fn help(name: Option<&str>, is_long: bool) -> Option<Command> {
    let root = public();
    let mut command = match name {
        Some(name) => root.find_subcommand(name)?.clone(),
        None => root,
    };
    if is_long {
        return Some(command);
    }
    if name.is_none() {
        command = in_brief(command);
    }
    let shared: Vec<String> = command
        .get_arguments()
        .filter(|arg| ALL.contains(&arg.get_id().as_str()))
        .map(|arg| arg.get_id().to_string())
        .collect();
    let more = more(name, &command);
    for id in &shared {
        command = command.mut_arg(id, |arg| arg.hide_short_help(true));
    }
    let after = command.get_after_help().map(ToString::to_string);
    let after = match (name, after) {
        (None, _) | (_, None) => more,
        (_, Some(after)) if more.is_empty() => after,
        (_, Some(after)) => format!("{after}\n{more}"),
    };
    Some(command.after_help(after))
}

/// The commands of the program with a line for each, and no options.
fn in_brief(command: Command) -> Command {
    const LONGEST: usize = 64;
    let subcommands = command.get_subcommands();
    let abouts = subcommands.map(|sub| {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let about = about.split(':').next().unwrap_or_default();
        let about = match about.rsplit_once(", ") {
            Some((first, _)) if about.len() > LONGEST => first,
            _ => about,
        };
        (sub.get_name().to_owned(), about.to_owned())
    });
    let abouts: Vec<(String, String)> = abouts.collect();
    let brief = command.mut_args(|arg| arg.hide_short_help(true));
    abouts.into_iter().fold(brief, |brief, (name, about)| {
        brief.mut_subcommand(name, |sub| sub.about(about))
    })
}

/// `More (-t -u --json --sort): sockscope conns --help`.
fn more(name: Option<&str>, command: &Command) -> String {
    let Some(name) = name else {
        return "sockscope 8080 is port 8080; alone: the host at a glance. More: sockscope --help"
            .to_owned();
    };
    let named = NAMED.iter().filter_map(|id| {
        let mut all = command.get_arguments();
        let arg = all.find(|arg| arg.get_id() == id)?;
        let short = arg.get_short().map(|letter| format!("-{letter}"));
        short.or_else(|| Some(format!("--{}", arg.get_long()?)))
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        return String::new();
    }
    format!("More ({}): sockscope {name} --help", named.join(" "))
}

/// The name a page of the manual has.
pub(super) fn page_name(command: &Command) -> String {
    match command.get_name() {
        "sockscope" => "sockscope".to_owned(),
        name => format!("sockscope-{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::names;

    fn short(name: &str) -> String {
        let command = help(Some(name), false).unwrap();
        let mut command = command.term_width(80);
        command.render_help().to_string()
    }

    #[test]
    fn the_short_help_of_each_command_fits_a_screen() {
        for name in names() {
            let text = short(&name);
            let lines = text.lines().count();
            assert!(lines <= 24, "{name}: {lines} lines\n{text}");
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
        }
        let root = help(None, false).unwrap();
        let text = root.term_width(80).render_help().to_string();
        assert!(text.lines().count() <= 24, "{text}");
    }

    #[test]
    fn the_options_of_a_command_come_first_and_the_rest_in_one_line() {
        let text = short("states");
        let (own, rest) = text.split_once("More (").unwrap();
        assert!(
            own.contains("--by <KEY>") && !own.contains("--json"),
            "{text}"
        );
        assert_eq!(rest.lines().count(), 1, "{text}");
        assert!(
            rest.ends_with("sockscope states --help\n") || rest.ends_with("--help"),
            "{text}"
        );
        assert!(!short("man").contains("More ("));
    }

    /// Each id is an option that is there, and whatever is shared is known here.
    #[test]
    fn what_is_left_out_is_what_there_is() {
        let root = Cli::command();
        let shown = root.get_arguments().filter(|arg| is_shown(arg));
        let shared: Vec<&str> = shown.map(|arg| arg.get_id().as_str()).collect();
        assert_eq!(shared, ALL);
        for name in names() {
            let known = without(&name).iter().all(|id| ALL.contains(id));
            assert!(known, "{name}");
        }
        let public = public();
        let offers = |name: &str, id: &str| {
            let command = public.find_subcommand(name).unwrap();
            command.get_arguments().any(|arg| arg.get_id() == id)
        };
        assert!(offers("conns", "columns") && !offers("states", "columns"));
        assert!(offers("wait", "json") && !offers("man", "json"));
    }
}
