//! The words that types of the library have on the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::analyze::states::By;
use crate::query::CollectorChoice;
use crate::text::Format;

/// Gives a type of the library its words on the command line.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal: $help:literal,)* }) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),*]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(Self::$variant => PossibleValue::new($word).help($help),)*
                })
            }
        }
    };
}

words!(Format {
    Table = "table": "For people",
    Plain = "plain": "Columns of text for scripts, never cut",
    Json = "json": "One JSON object",
    Ndjson = "ndjson": "One JSON object a line",
    Csv = "csv": "Comma-separated values",
});

words!(CollectorChoice {
    Auto = "auto": "netlink, and procfs for what netlink does not give",
    Netlink = "netlink": "sock_diag: every column, fast",
    Procfs = "procfs": "/proc/net: fewer columns",
    Netstat2 = "netstat2": "The netstat2 library: addresses, states and owners only",
});

words!(By {
    Process = "process": "The process that holds the socket",
    Name = "name": "The name of that process: all of one name together",
    Command = "command": "The command line of that process",
    User = "user": "The user who made it",
    Port = "port": "The local port",
    Peer = "peer": "The peer's address",
    State = "state": "The state",
    Netns = "netns": "The network namespace",
    Unit = "unit": "The systemd unit of the owner",
    Container = "container": "The container of the owner",
});
