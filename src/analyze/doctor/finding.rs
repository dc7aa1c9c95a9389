//! A finding: what is wrong, with whom, how that is known, and what to do.

use std::net::IpAddr;
use std::num::NonZeroU64;

use crate::model::foreign::shown;
use crate::model::{Condition, Family, Process, Protocol};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing fails.
    Info,
    /// Will fail if it goes on, or fails now and then.
    Warning,
    /// Fails now.
    Critical,
}

impl Severity {
    /// The name in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of `value` against two thresholds.
    #[must_use]
    pub fn by(value: u64, warning: u64, critical: u64) -> Option<Self> {
        if value >= critical {
            Some(Self::Critical)
        } else if value >= warning {
            Some(Self::Warning)
        } else {
            None
        }
    }
}

/// Whom a finding is about, as far as it applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The pid and name of the process.
    pub process: Option<(u32, Vec<u8>)>,
    /// The transport, where the port alone is not enough.
    pub protocol: Option<Protocol>,
    /// The local port.
    pub port: Option<u16>,
    /// The local address.
    pub source: Option<IpAddr>,
    /// The far end: its address and, where it is the same for all, its port.
    pub destination: Option<(IpAddr, Option<u16>)>,
    /// The network namespace, where the figure is that of the namespace.
    pub netns: Option<NonZeroU64>,
    /// Whether the figure is that of the machine.
    pub of_host: bool,
    /// The address family, where all sockets it is about serve that one alone.
    pub family: Option<Family>,
    /// What is said instead of a process where none is known.
    pub nobody: &'static str,
}

impl Subject {
    /// A subject that is a process, where one is known.
    #[must_use]
    pub fn process(process: Option<&Process>) -> Self {
        Self {
            process: process.map(|process| (process.pid, process.comm.clone())),
            ..Self::default()
        }
    }

    /// The machine.
    #[must_use]
    pub fn host() -> Self {
        Self {
            of_host: true,
            ..Self::default()
        }
    }

    /// The process in words: `java (pid 812)`; without one, why there is none.
    #[must_use]
    pub fn who(&self) -> String {
        match &self.process {
            Some((pid, comm)) => format!("{} (pid {pid})", shown(comm)),
            None if self.nobody.is_empty() => "some process".to_owned(),
            None => self.nobody.to_owned(),
        }
    }
}

/// A number of the evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Count(u64),
    /// Milliseconds that grow by themselves.
    Age(u64),
    /// A rate, or what follows from one: measured anew each time.
    Rate(f64),
    /// A rate that is less than this: nothing was seen, in a time that was not longer.
    Below(f64),
}

impl Number {
    /// The rate, where one was measured.
    #[must_use]
    pub const fn rate(self) -> Option<f64> {
        match self {
            Self::Rate(rate) => Some(rate),
            Self::Count(_) | Self::Age(_) | Self::Below(_) => None,
        }
    }
}

impl From<u64> for Number {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for Number {
    fn from(rate: f64) -> Self {
        Self::Rate(rate)
    }
}

/// The numbers that show it, by name, in the order in which they are worth reading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence(pub Vec<(&'static str, Number)>);

impl Evidence {
    /// Evidence with one number more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Number>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// Evidence with one number more, where it is known.
    #[must_use]
    pub fn with_known(self, name: &'static str, value: Option<impl Into<Number>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The number of that name.
    #[cfg(test)]
    pub fn get(&self, name: &str) -> Option<Number> {
        let found = self.0.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule that found it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// Whom it is about.
    pub subject: Subject,
    /// The numbers that show it.
    pub evidence: Evidence,
    /// Why it is so, in a sentence or two.
    pub cause: String,
    /// What to do: commands, or changes of code, the best first.
    pub remedy: Vec<String>,
    /// The processes that hold the socket it is about, those to blame first; empty where that
    /// is not what it is about.
    pub holders: Vec<HoldingProcess>,
}

/// A process that holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldingProcess {
    pub pid: u32,
    /// The name.
    pub comm: Vec<u8>,
    /// Whether it can run; `None` where that is not known.
    pub condition: Option<Condition>,
    /// Whether it only passes the socket on to its children.
    pub passes_on: bool,
}

impl HoldingProcess {
    /// Why it cannot run; `None` where it can, or that is not known.
    #[must_use]
    pub fn hindrance(&self) -> Option<&Condition> {
        let condition = self.condition.as_ref();
        condition.filter(|condition| **condition != Condition::Runs)
    }

    /// `nginx (pid 12, stopped)`.
    #[must_use]
    pub fn words(&self) -> String {
        let comm = shown(&self.comm);
        let state = self.hindrance().map(Condition::name);
        let role = self.passes_on.then_some("passes it on");
        let mut said = vec![format!("pid {}", self.pid)];
        said.extend([state, role].into_iter().flatten().map(str::to_owned));
        format!("{comm} ({})", said.join(", "))
    }
}
