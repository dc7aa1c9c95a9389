//! What could not be seen, and what the answer came from.

/// Something that could not be read, or only in part. Partial failure is data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A short, stable name for scripts.
    pub code: &'static str,
    /// One line for people: what was attempted, on what, why it failed.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How many rows, lines or processes it concerns.
    pub count: u64,
    /// Whether a row or an owner may be missing because of it.
    pub incomplete: bool,
}

impl Problem {
    /// A problem that leaves the answer complete: fields, not rows, were lost.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: None,
            count: 1,
            incomplete: false,
        }
    }

    /// A problem after which rows or owners may be missing.
    #[must_use]
    pub fn incomplete(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            incomplete: true,
            ..Self::new(code, message)
        }
    }

    /// The same with a hint on what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the number of things it concerns.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }
}

/// Where an answer came from and what is missing in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The collector that gave the TCP table (the first table, when TCP was not asked for); of two
    /// that gave rows, the one that tells less.
    pub collector: Option<&'static str>,
    /// The one that told least, of those that gave a table.
    pub poorest: Option<&'static str>,
    /// Where owners came from: `bpf`, `proc`, or `none`.
    pub owners_from: Option<&'static str>,
    /// What could not be seen.
    pub problems: Vec<Problem>,
    /// What was done, one line each, for `-v`.
    pub trace: Vec<String>,
    /// Processes with sockets in other network namespaces, where they were counted.
    pub elsewhere: OtherNamespaces,
}

/// Who was not looked at, because the look was into one network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherNamespaces {
    /// Processes that have sockets.
    pub processes: u64,
    /// The namespaces that they are in.
    pub namespaces: u64,
    /// One of these processes.
    pub pid: u32,
    /// Namespaces with processes that may not be looked into: whether they have sockets is not known.
    pub unseen: u64,
}

impl OtherNamespaces {
    /// A line about who is known to be elsewhere, and one about where nobody may look, for a
    /// `command` that looked into one namespace.
    #[must_use]
    pub fn problems(&self, command: &str) -> Vec<Problem> {
        let seen = (self.processes > 0).then(|| self.seen(command));
        let unseen = (self.unseen > 0).then(|| self.unseen());
        seen.into_iter().chain(unseen).collect()
    }

    fn seen(&self, command: &str) -> Problem {
        let who = match self.processes {
            1 => "1 process with sockets is".to_owned(),
            n => format!("{n} processes with sockets are"),
        };
        let whose = namespaces(self.namespaces);
        let message = format!("{who} in {whose}, which was not looked into");
        let hint = format!("nsenter -t {} -n {command}", self.pid);
        let problem = Problem::new("other_namespaces", message).hint(hint);
        problem.count(self.processes)
    }

    fn unseen(&self) -> Problem {
        let whose = namespaces(self.unseen);
        let message = format!("whether processes in {whose} have sockets cannot be seen");
        let problem = Problem::new("namespaces_unseen", message).count(self.unseen);
        problem.hint("root with CAP_SYS_PTRACE sees them")
    }
}

fn namespaces(count: u64) -> String {
    match count {
        1 => "another network namespace".to_owned(),
        n => format!("{n} other network namespaces"),
    }
}

impl Report {
    /// Whether no row and no owner may be missing.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.problems.iter().any(|p| p.incomplete)
    }
}
