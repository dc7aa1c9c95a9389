//! What sockets that are not listed are called, and what lists them.

use crate::collect::Unshown;

/// What sockets are that are not listed, in words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word<'a> {
    /// A kind without what tells its members apart: `unix-stream` is unix, `udpv6` is udp.
    Kind(&'a str),
    Other(&'a Unshown),
}

impl<'a> Word<'a> {
    pub fn of(what: &'a Unshown) -> Self {
        match what {
            Unshown::Kind(kind) if kind.starts_with("unix") => Self::Kind("unix"),
            Unshown::Kind(kind) => Self::Kind(kind.trim_end_matches("v6")),
            other => Self::Other(other),
        }
    }

    pub fn counted(self, count: u64) -> String {
        let what = match self {
            Self::Kind(kind) => kind,
            Self::Other(Unshown::Ipv4) => "IPv4",
            Self::Other(Unshown::Ipv6) => "IPv6",
            Self::Other(Unshown::OtherState) => "in other states",
            Self::Other(Unshown::Untold) => "that this collector does not list",
            Self::Other(_) => "without a port: never bound, or its connection is over",
        };
        let what = match count {
            1 => what.to_owned(),
            _ => what.replace("its connection is", "their connection is"),
        };
        format!("{count} {what}")
    }

    /// Whether the words for it have a comma of their own.
    pub fn is_long(self) -> bool {
        self == Self::Other(&Unshown::Portless)
    }

    /// What lists them, and what they are called there.
    fn way(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Kind("unix") => ("ss -ap -f unix", "the unix ones"),
            Self::Kind("netlink") => ("ss -ap -f netlink", "those of netlink"),
            Self::Kind("packet") => ("ss -ap -f packet", "the packet ones"),
            Self::Kind("tcp") => ("-t", "those of TCP"),
            Self::Kind("udp") => ("-u", "those of UDP"),
            Self::Kind("raw") => ("-w", "the raw ones"),
            Self::Other(Unshown::Ipv4) => ("-4", "those of IPv4"),
            Self::Other(Unshown::Ipv6) => ("-6", "those of IPv6"),
            Self::Other(Unshown::Untold) => ("--collector netlink", "what this one does not list"),
            _ => return None,
        })
    }
}

/// How to come to see sockets of these kinds, behind a `door` where they are elsewhere.
pub(super) fn ways(words: &[Word<'_>], door: &str, pids: &[String], task: u32) -> String {
    let mut is_first = true;
    let ways = words.iter().filter_map(|word| {
        let (way, whose) = word.way()?;
        let lists = if std::mem::take(&mut is_first) {
            " lists"
        } else {
            ""
        };
        let whose = if words.len() == 1 { "them" } else { whose };
        Some(if way.starts_with("ss ") {
            format!("{door}{way}{lists} {whose} ({})", pids.join(", "))
        } else {
            format!("{way}{lists} {whose}")
        })
    });
    let mut ways: Vec<String> = ways.collect();
    if ways.len() < words.len() {
        let whose = if pids.len() == 1 {
            "it has"
        } else {
            "that one has"
        };
        ways.push(format!("ls -l /proc/{task}/fd shows all {whose} open"));
    }
    ways.join(", ")
}
