//! What the manual says beside the definition: descriptions, examples, exit codes, files.

use crate::cli::session::config;
use crate::columns::COLUMNS;
use crate::watch::keys::HELP;

/// Examples of a command: what to type, and what for.
type Examples = &'static [(&'static str, &'static str)];

/// Plain text as it stands in a line of roff.
pub(crate) fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) {
        format!("\\&{text}")
    } else {
        text
    }
}

/// A list of words, each with what it means.
pub(crate) fn list<'a>(entries: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let entry = |(word, text)| format!(".TP\n.B {}\n{}\n", escape(word), escape(text));
    entries.map(entry).collect()
}

/// What a command does, where one line is not enough: roff.
pub(crate) fn description(command: &str) -> Option<String> {
    let written = match command {
        "sockscope" => include_str!("sockscope.roff"),
        "port" => include_str!("port.roff"),
        "doctor" => include_str!("doctor.roff"),
        "wait" => include_str!("wait.roff"),
        "diff" => include_str!("diff.roff"),
        "watch" => include_str!("watch.roff"),
        _ => return None,
    };
    Some(written.replace("@keys@\n", &list(HELP.iter().copied())))
}

/// The sections behind the options of a command.
pub(crate) fn beside(command: &str) -> String {
    let mut text = String::new();
    if command == "sockscope" {
        text.push_str(include_str!("config.roff"));
        text.push_str(".SH COLUMNS\nFor \\-\\-columns, \\-\\-sort and filters:\n");
        text.push_str(&list(COLUMNS.iter().map(|column| (column.id, column.help))));
        let commands = config::COMMANDS.join(", ");
        text = text.replace("@commands@", &commands);
    }
    text.push_str(".SH EXIT STATUS\n");
    text.push_str(&list(exit_codes(command).iter().copied()));
    let examples = examples(command);
    if !examples.is_empty() {
        text.push_str(".SH EXAMPLES\n");
        text.push_str(&list(examples.iter().copied()));
    }
    text
}

fn exit_codes(command: &str) -> Examples {
    match command {
        "listen" | "port" | "conns" | "proc" | "inspect" => &[
            ("0", "Something was found."),
            ("1", "Nothing matched."),
            ("2", "Wrong usage, or a fatal error."),
            ("3", "With --strict: a row or an owner may be missing."),
        ],
        "doctor" => &[
            ("0", "Nothing was found that is as bad as --fail-on."),
            ("1", "A finding is as bad as that."),
            ("2", "Wrong usage, or a fatal error."),
            ("3", "With --strict: a row or an owner may be missing."),
        ],
        "wait" => &[
            ("0", "It is so."),
            ("1", "It was not so before the time was over."),
            ("2", "Wrong usage, or a fatal error."),
            (
                "3",
                "With --strict: a socket or an owner that matters may not have been seen.",
            ),
        ],
        "diff" => &[
            ("0", "Both were compared, whether or not something differs."),
            ("2", "Wrong usage, or a file that cannot be compared."),
            (
                "3",
                "With --strict: one of both answers may not have been complete.",
            ),
        ],
        "watch" => &[
            ("0", "It was left with q or Ctrl-C."),
            (
                "2",
                "Wrong usage, no terminal or one that is gone, or the first look failed.",
            ),
        ],
        "man" | "completions" | "schema" => &[
            ("0", "It was written."),
            ("2", "Wrong usage, or a fatal error."),
        ],
        "sockscope" => &[
            ("0", "Found; healthy."),
            (
                "1",
                "Nothing matched; of doctor: a finding as bad as --fail-on; of wait: timed out.",
            ),
            ("2", "Wrong usage, or a fatal error."),
            ("3", "With --strict: a row or an owner may be missing."),
        ],
        _ => &[
            ("0", "There is an answer."),
            ("2", "Wrong usage, or a fatal error."),
            ("3", "With --strict: a row or an owner may be missing."),
        ],
    }
}

fn examples(command: &str) -> Examples {
    match command {
        "sockscope" => &[
            (
                "sockscope port 8080",
                "Who holds port 8080, and what its connections do.",
            ),
            ("sockscope -tulpn", "As ss: who is listening."),
            (
                "sockscope doctor",
                "What is wrong, with the evidence and the remedy.",
            ),
        ],
        "listen" => &[
            ("sockscope listen -t", "TCP listeners, sorted by port."),
            (
                "sockscope listen lport=8000-8100",
                "Those on the ports 8000 to 8100.",
            ),
            (
                "sockscope listen lport=8080 -q",
                "Only the exit code: 0 when somebody listens.",
            ),
        ],
        "port" => &[
            ("sockscope port 8080", "The story of one port."),
            ("sockscope port 80,443 --json", "Two ports, for a program."),
            (
                "sockscope port 8080 role=inbound",
                "The connections of its clients.",
            ),
            (
                "kill $(sockscope port 8080 --pids)",
                "End whoever holds the port, and no client.",
            ),
        ],
        "conns" => &[
            (
                "sockscope conns state=close_wait",
                "What the peer has closed and this side has not.",
            ),
            (
                "sockscope conns process=java --sort -recv_q --limit 10",
                "The ten longest queues.",
            ),
            (
                "sockscope conns --columns +timer,retransmits",
                "Two more columns.",
            ),
        ],
        "states" => &[
            ("sockscope states --by process", "One line a process."),
            (
                "sockscope states lport=443 --by peer",
                "Who is connected to port 443, and how.",
            ),
        ],
        "buildup" => &[
            (
                "sockscope buildup",
                "What piles up, and against which limit.",
            ),
            (
                "sockscope buildup --for 10s",
                "Whose the TIME_WAIT sockets are.",
            ),
        ],
        "doctor" => &[
            (
                "sockscope doctor --for 30s",
                "Watch for half a minute, then judge.",
            ),
            (
                "sockscope doctor --only close-wait-leak,fd-limit -q",
                "Two rules, for a script.",
            ),
            ("sockscope doctor --list", "The rules, and when they speak."),
        ],
        "watch" => &[
            ("sockscope watch", "Connections, the newest first."),
            (
                "sockscope watch listen lport=8080",
                "Who takes the port, as it happens.",
            ),
            (
                "sockscope watch --by process --interval 5s",
                "Counts and bytes a second of each process.",
            ),
            (
                "sockscope watch buildup state=close_wait",
                "How fast a leak grows, and when it meets its limit.",
            ),
            (
                "sockscope watch conns --sort -recv_q --columns +rtt,retrans",
                "What waits unread, with two more columns.",
            ),
        ],
        "explain" => &[
            ("sockscope explain", "All topics."),
            (
                "sockscope explain CLOSE_WAIT",
                "A state, with the values of this host.",
            ),
            (
                "sockscope explain accept-queue-full",
                "What a finding means.",
            ),
        ],
        "proc" => &[
            (
                "sockscope proc nginx",
                "Everything that processes of this name have open.",
            ),
            (
                "sockscope proc 812 state=established",
                "The connections of one process.",
            ),
        ],
        "wait" => &[
            (
                "sockscope wait 8080 --listening --timeout 30",
                "Until a server has started, for half a minute at most.",
            ),
            (
                "sockscope wait 8080 --free --address 0.0.0.0",
                "Until a bind() to 0.0.0.0:8080 will do.",
            ),
            (
                "sockscope wait 5432 --listening --process postgres -q",
                "Until it is this program that listens.",
            ),
        ],
        "diff" => &[
            ("sockscope diff before.json after.json", "What has changed."),
            (
                "sockscope conns --json | sockscope diff before.json -",
                "What has changed until now.",
            ),
            (
                "sockscope diff before.json after.json --format csv --columns state,peer",
                "One line a change.",
            ),
        ],
        "schema" => &[(
            "sockscope schema > sockscope-v1.schema.json",
            "For a validator, or for a generator of types.",
        )],
        "completions" => &[
            (
                "source <(sockscope completions bash)",
                "Completion in this shell.",
            ),
            (
                "sockscope completions --out completions",
                "All scripts, under their file names.",
            ),
        ],
        "man" => &[
            (
                "sockscope man port | man -l -",
                "Read the page of a command.",
            ),
            ("sockscope man --out man", "Write all pages."),
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::definition;

    /// Whether the words of a line are right is asked of the definition itself.
    #[test]
    fn every_example_can_be_typed() {
        for command in definition::public().get_subcommands() {
            for (line, _) in examples(command.get_name()) {
                let from = line.find("sockscope ").unwrap();
                let words = line[from..]
                    .split(['|', ')', '>'])
                    .next()
                    .unwrap()
                    .split_whitespace();
                let parsed = definition::public().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(escape(".x -a \\"), "\\&.x \\-a \\e");
    }
}
