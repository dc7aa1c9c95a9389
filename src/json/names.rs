//! How values of the model are written, and read again: by their names.

use serde::{Serialize, Serializer};

use crate::analyze::bind::Certainty;
use crate::analyze::buildup::Attribution;
use crate::analyze::doctor::Severity;
use crate::analyze::port::BlockReason;
use crate::analyze::wait::Condition;
use crate::model::{Event, Family, OwnerStatus, Protocol, Role, SocketKind, State, TimerKind};

/// What is known by a name that stands in JSON.
pub(super) trait Named: Sized {
    /// What has that name.
    fn named(name: &str) -> Option<Self>;
}

/// Writes a type by the names of its variants. The schema lists them: as `enum` where there will
/// be no others within v1, else as `examples`.
macro_rules! names {
    ($($type:ident as $keyword:literal { $($variant:ident)* } $help:literal;)*) => {$(
        impl Named for $type {
            fn named(name: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|value| value.name() == name)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                // Does not compile when a variant is missing.
                let name = |value: Self| match value {
                    $(Self::$variant => value.name(),)*
                };
                let names = [$(name(Self::$variant)),*];
                schemars::json_schema!({"description": $help, "type": "string", $keyword: names})
            }
        }
    )*};
}

names! {
    Protocol as "examples" { Tcp Udp Raw }
        "The transport. More may come.";
    Family as "examples" { V4 V6 }
        "The address family; a dual-stack socket is ipv6, also where its addresses are IPv4. \
            More may come.";
    SocketKind as "examples" { Stream Dgram Seqpacket Raw }
        "The kind of a socket. More may come.";
    Event as "enum" { Present Opened Changed Closed }
        "What happened: it was there at the first look; it came; it is not as it was; it went. Of \
            what a filter chooses: it came, or began to match.";
    Role as "enum" { Listener Inbound Outbound }
        "Which side of a connection the socket is: it waits for clients, it came to a port that \
            a listener holds, or it went out.";
    OwnerStatus as "enum" { Found Denied Unaccepted Orphaned TimeWait Handshake KernelOrHidden NotAsked }
        "Whether an owner is known, and why not: some fd tables could not be read (denied); \
            accept() was not called yet (unaccepted); closed by its program (orphaned); \
            TIME_WAIT belongs to no process (timewait); the handshake is not complete \
            (handshake); of the kernel, in flight between processes, or hidden from this reader \
            (kernel_or_hidden); not asked for (not_asked).";
    Attribution as "enum" { Owner Cookie Listener Destination }
        "How it is known whose the sockets are: a process holds them; it held them when they \
            were seen alive; it holds the listener of their port (most likely the same \
            program); only the destination is known (a process is the only one that was seen with \
            connections there, most likely the same).";
    Condition as "enum" { Listening Free }
        "What was waited for: a TCP listener or a bound UDP socket holds the port; nothing holds \
            it.";
    Certainty as "enum" { Certain Likely Unlikely }
        "How sure it is that a socket makes a bind() fail: it does (certain); it does unless it set \
            SO_REUSEADDR itself, which the kernel does not tell and is not usual (likely); it does \
            only if it did not set it, which servers do (unlikely).";
    BlockReason as "examples" { Listener BoundOnly UdpBound Connection TimeWait }
        "What kind of socket stands in the way of a bind(). More may come.";
    Severity as "enum" { Info Warning Critical }
        "How bad it is: nothing fails; it will fail if it goes on, or fails now and then; it \
            fails now.";
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(self),
        }
    }
}

impl Serialize for TimerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) => serializer.serialize_str(name),
            None => serializer.collect_str(self),
        }
    }
}

impl Named for State {
    fn named(name: &str) -> Option<Self> {
        let known = Self::parse(name).filter(|state| state.name() == Some(name));
        known.or_else(|| unknown(name).map(Self::Unknown))
    }
}

impl Named for TimerKind {
    fn named(name: &str) -> Option<Self> {
        let mut all = (1..=5).filter_map(Self::from_number);
        match unknown(name) {
            Some(number) => Some(Self::Unknown(number)),
            None => all.find(|kind| kind.name() == Some(name)),
        }
    }
}

/// The number in `unknown(14)`.
fn unknown(name: &str) -> Option<u8> {
    let number = name.strip_prefix("unknown(")?.strip_suffix(')')?;
    number.parse().ok()
}

#[cfg(test)]
mod schemas {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::{State, TimerKind};

    /// What stands for a number without a name.
    const UNKNOWN: &str = r"^unknown\([0-9]{1,3}\)$";

    impl JsonSchema for State {
        fn schema_name() -> Cow<'static, str> {
            "State".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            let states = State::TCP.into_iter().chain([State::Unconnected]);
            let names: Vec<_> = states.filter_map(State::name).collect();
            json_schema!({
                "description": "TCP states as the kernel spells them. UDP and raw sockets have \
                    only ESTABLISHED (connected) and UNCONN. A state that this version does not \
                    know has its number.",
                "type": "string",
                "anyOf": [{"enum": names}, {"pattern": UNKNOWN}],
            })
        }
    }

    impl JsonSchema for TimerKind {
        fn schema_name() -> Cow<'static, str> {
            "TimerKind".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            let kinds = (1..=5).filter_map(Self::from_number);
            let names: Vec<_> = kinds.map(|kind| kind.to_string()).collect();
            json_schema!({
                "description": "Which timer runs: data or a SYN will be sent again; keepalive; \
                    time left in TIME_WAIT, or in FIN_WAIT2 of an orphan; zero-window probe; \
                    delayed acknowledgement.",
                "type": "string",
                "anyOf": [{"enum": names}, {"pattern": UNKNOWN}],
            })
        }
    }
}
