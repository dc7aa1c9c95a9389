//! The README, taken apart.

/// A command and what it prints.
#[derive(Debug)]
pub struct Sample {
    pub command: String,
    pub output: String,
}

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The code blocks, without their fences.
pub fn blocks() -> Vec<String> {
    let text = readme();
    let parts = text.split("\n```").skip(1).step_by(2);
    // The word after a fence is the language.
    parts
        .map(|part| part.split_once('\n').unwrap().1.to_owned() + "\n")
        .collect()
}

/// The text without its code blocks.
fn prose() -> String {
    readme()
        .split("\n```")
        .step_by(2)
        .collect::<Vec<_>>()
        .join("\n")
}

/// What stands between backticks.
pub fn spans(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    spans
        .map(|span| {
            span.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .replace(r"\|", "|")
        })
        .collect()
}

/// Commands with their output: lines after `$ `, up to the next one.
pub fn samples() -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for block in blocks().iter().filter(|block| block.starts_with("$ ")) {
        let mut goes_on = false;
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                samples.push(Sample {
                    command: command.to_owned(),
                    output: String::new(),
                });
                goes_on = command.ends_with('|');
                continue;
            }
            let last = samples.last_mut().unwrap();
            if goes_on {
                last.command += line;
                goes_on = line.ends_with('|');
            } else {
                last.output += line;
                last.output.push('\n');
            }
        }
    }
    for sample in &mut samples {
        sample.output = sample.output.trim_end().to_owned();
    }
    samples
}

/// Every command line with sockscope in it: of the blocks, and of the text.
pub fn commands() -> Vec<String> {
    let mut all: Vec<String> = samples().into_iter().map(|sample| sample.command).collect();
    for block in blocks().iter().filter(|block| !block.starts_with("$ ")) {
        let lines = block.lines().filter(|line| is_command(line));
        // A screen begins with the name of the program, too.
        all.extend(
            lines
                .filter(|line| !line.contains("netns"))
                .map(str::to_owned),
        );
    }
    let written = spans(&prose());
    all.extend(written.into_iter().filter(|span| is_command(span)));
    let mut expanded: Vec<String> = all
        .iter()
        .flat_map(|command| alternatives(command))
        .collect();
    expanded.sort();
    expanded.dedup();
    // Whoever holds the port is ended last.
    expanded.sort_by_key(|command| command.starts_with("kill"));
    expanded
}

fn is_command(line: &str) -> bool {
    let starts = ["sockscope ", "kill $(sockscope", "source <(sockscope"];
    // `<TAB>` is a key.
    (line == "sockscope" || starts.iter().any(|start| line.starts_with(start)))
        && !line.contains("<TAB>")
}

/// `watch [listen|conns] [FILTER]` is three commands.
fn alternatives(command: &str) -> Vec<String> {
    let Some((before, rest)) = command.split_once(" [").filter(|_| !command.contains('\'')) else {
        return vec![command.to_owned()];
    };
    let choices = rest
        .split(']')
        .next()
        .unwrap()
        .split('|')
        .filter(|choice| *choice != "FILTER");
    let chosen = choices.map(|choice| format!("{before} {choice}"));
    chosen.chain([before.to_owned()]).collect()
}

/// The rows of all tables with this head, in cells.
pub fn table(head: &str) -> Vec<Vec<String>> {
    let text = readme();
    let mut rows = Vec::new();
    for part in text.split(head).skip(1) {
        let lines = part
            .lines()
            .skip(2)
            .take_while(|line| line.starts_with('|'));
        rows.extend(lines.map(cells));
    }
    assert!(!rows.is_empty(), "the README has no table {head}");
    rows
}

fn cells(line: &str) -> Vec<String> {
    let line = line.replace(r"\|", "\u{1}");
    let cells = line.trim_matches('|').split('|');
    cells
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect()
}
