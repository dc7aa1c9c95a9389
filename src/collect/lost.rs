//! Facts of processes that were not read, and what is said of it.

use rustix::io::Errno;

use super::command_lines::Missing;
use crate::model::Problem;
use crate::query::ProcessFacts;

/// Facts that were not read, by their number of processes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lost {
    /// Command lines that did not come in time.
    stuck: u64,
    /// Command lines for which there was no room.
    no_room: u64,
    /// Anything, because a file could not be read; and why.
    failed: u64,
    why: Option<Errno>,
    /// Which.
    facts: ProcessFacts,
    /// Processes that may not be looked at, and what they do not let be known.
    refused: u64,
    refused_facts: ProcessFacts,
}

impl Lost {
    /// Adds a process of which `facts` are missing.
    pub fn add(&mut self, missing: Missing, facts: ProcessFacts) {
        match missing {
            Missing::Stuck => self.stuck += 1,
            Missing::NoRoom => self.no_room += 1,
            Missing::Failed(number) => {
                self.failed += 1;
                self.facts = self.facts.and(facts);
                self.why.get_or_insert(Errno::from_raw_os_error(number));
            }
            Missing::Refused => {
                self.refused += 1;
                self.refused_facts = self.refused_facts.and(facts);
            }
            Missing::Gone | Missing::Unwanted => {}
        }
    }

    /// What is said. Where rows are chosen by a fact that is lost (`compared`), rows may be
    /// missing; what is hidden from this user is told only there.
    pub fn problems(&self, compared: ProcessFacts) -> Vec<Problem> {
        let mut problems = self.of_commands(compared.command);
        if let Some(why) = self.why {
            let message = format!("details {} could not be read: {why}", whose(self.failed));
            problems.push(Problem {
                incomplete: compared.meets(self.facts),
                ..Problem::new("details_unread", message).count(self.failed)
            });
        }
        if compared.meets(self.refused_facts) {
            let message = format!("details {} are hidden from this user", whose(self.refused));
            let problem = Problem::incomplete("details_unread", message).count(self.refused);
            problems.push(problem);
        }
        problems
    }

    fn of_commands(&self, incomplete: bool) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.stuck > 0 {
            let message = format!(
                "the command line {} could not be read in time: its memory is locked",
                whose(self.stuck)
            );
            problems.push(Problem {
                incomplete,
                ..Problem::new("command_stuck", message)
                    .hint("the process itself may be stuck: ps -eo pid,stat,wchan,comm")
                    .count(self.stuck)
            });
        }
        if self.no_room > 0 {
            let message = format!(
                "the command line {} was skipped: together they exceed 64 MiB",
                whose(self.no_room)
            );
            problems.push(Problem {
                incomplete,
                ..Problem::new("commands_left_out", message)
                    .hint("use a filter that selects fewer sockets")
                    .count(self.no_room)
            });
        }
        problems
    }
}

/// Of how many.
fn whose(count: u64) -> String {
    match count {
        1 => "of 1 process".to_owned(),
        n => format!("of {n} processes"),
    }
}
