//! When a wait for a port is over: which sockets count, and how often it is worth to look. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use super::bind::{self, Around, Certainty, Wish, takes};
use crate::model::{FamilySet, ProtocolSet, Socket, State, Wildcard};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A TCP listener or a bound UDP socket holds the port.
    Listening,
    /// Nothing is left that makes a bind() fail, as far as that can be known: see
    /// [`bind`].
    Free,
}

impl Condition {
    /// The word for it, also in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Free => "free",
        }
    }
}

/// Which port, and which of its sockets count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is waited for.
    pub condition: Condition,
    /// The local port.
    pub port: u16,
    /// Only sockets that take what is sent to it, or are in the way of a bind() to it.
    pub place: Option<Place>,
    pub protocols: ProtocolSet,
    /// The families: which a socket must serve, or which are to be bound.
    pub families: FamilySet,
}

/// Where a socket is bound, or could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address; a v4-mapped one is the IPv4 address it is.
    pub address: IpAddr,
    /// Which wildcard, where it is written as one that is printed; `::` alone is what a bind()
    /// to it takes.
    pub wildcard: Option<Wildcard>,
    /// Only what is bound to this interface, or to none.
    pub device: Option<NonZeroU32>,
}

impl Place {
    /// Whether an interface that is named is not another than that of `socket`.
    fn reaches(&self, socket: &Socket) -> bool {
        let has_device = |device| socket.interface.is_none_or(|bound| bound == device);
        self.device.is_none_or(has_device)
    }
}

impl Target {
    /// Whether `socket` counts: makes the port listened on, or keeps it from being free.
    #[must_use]
    pub fn counts(&self, socket: &Socket, around: &Around) -> bool {
        match self.condition {
            Condition::Listening => {
                self.is_ours(socket)
                    && socket.is_listener()
                    && socket.serves(self.families)
                    && self.is_taken_by(socket)
            }
            Condition::Free => self.blocks(socket, around).is_some_and(must_go),
        }
    }

    /// Whether `socket` stays although the port is free: it may make a bind() fail, which is
    /// unlikely.
    #[must_use]
    pub fn remains(&self, socket: &Socket, around: &Around) -> bool {
        let blocks = || self.blocks(socket, around);
        self.condition == Condition::Free && blocks().is_some_and(|how| !must_go(how))
    }

    /// Whether `socket` counts only if an IPv6 wildcard socket takes IPv4, too, which its source
    /// does not tell (/proc/net): it does unless it asked not to.
    #[must_use]
    pub fn is_guess(&self, socket: &Socket, around: &Around) -> bool {
        let knows = Socket {
            v6_only: Some(true),
            ..socket.clone()
        };
        socket.v6_only.is_none()
            && socket.peer.is_none()
            && self.counts(socket, around)
            && !self.counts(&knows, around)
    }

    /// Whether `socket` is one of the port and of the protocols asked for.
    #[must_use]
    pub fn is_ours(&self, socket: &Socket) -> bool {
        socket.local.port() == Some(self.port) && self.protocols.contains(socket.protocol)
    }

    /// Whether `socket` takes all that is sent to what is asked for.
    fn is_taken_by(&self, socket: &Socket) -> bool {
        self.place.is_none_or(|place| {
            let both = [
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            ];
            place.reaches(socket)
                && match place.wildcard {
                    Some(Wildcard::Both) => both.iter().all(|any| takes(socket, *any)),
                    _ => takes(socket, place.address),
                }
        })
    }

    /// What is to be bound.
    fn wish(&self) -> Wish {
        match self.place {
            // Of one family only, all of its addresses.
            None => Wish::Wildcard(self.families),
            Some(place) => match (place.wildcard, place.address) {
                (Some(Wildcard::Ipv6), _) => Wish::Wildcard(FamilySet {
                    v4: false,
                    v6: true,
                }),
                (Some(Wildcard::Both), _) => Wish::Wildcard(self.families),
                (None, IpAddr::V6(any)) if any.is_unspecified() => Wish::Wildcard(self.families),
                (None, address) => Wish::Address(address),
            },
        }
    }

    /// Whether `socket` keeps the port from being free only if it was
    /// [made for both families](bind::only_if_dual).
    #[must_use]
    pub fn only_if_dual(&self, socket: &Socket) -> bool {
        bind::only_if_dual(socket, self.wish())
    }

    /// How sure it is that `socket` makes a bind() of what is asked for fail.
    fn blocks(&self, socket: &Socket, around: &Around) -> Option<Certainty> {
        let reaches = self.place.is_none_or(|place| place.reaches(socket));
        bind::blocks(socket, self.wish(), around).filter(|_| reaches && self.is_ours(socket))
    }
}

/// Whether a port is not free before what blocks it so has gone.
const fn must_go(certainty: Certainty) -> bool {
    matches!(certainty, Certainty::Certain | Certainty::Likely)
}

/// A TCP socket after bind(), before listen() or connect().
#[must_use]
pub const fn is_bound_only(socket: &Socket) -> bool {
    matches!(socket.state, State::BoundInactive | State::Close)
}

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest time between two looks that cost little: what happens is seen within 200 ms.
const LONGEST: Duration = Duration::from_millis(150);
/// Where that would take more than a tenth of a core, not even then.
const LONGEST_OF_SLOW: Duration = Duration::from_secs(2);
/// The longest time between two looks at what is only bound.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// The longest time between two looks at the owners of the same sockets.
const LONGEST_OF_OWNERS: Duration = Duration::from_secs(60);
/// Fifty times its cost apart, a look takes two per cent of a core.
const TWO_PER_CENT: u32 = 50;
/// Ten per cent.
const TENTH: u32 = 10;

/// The time until the next look at listeners, after one that took `cost`: two per cent of a core
/// at most where a look takes up to 3 ms, which it does on every ordinary host; beyond, a tenth.
#[must_use]
pub fn pause_after(cost: Duration) -> Duration {
    let frugal = cost * TWO_PER_CENT;
    let slow = (cost * TENTH).clamp(LONGEST, LONGEST_OF_SLOW);
    frugal.clamp(SHORTEST, slow)
}

/// The time until the next look at what is only bound, for which the kernel walks every bound
/// port: two per cent of a core, but 5 s at most.
#[must_use]
pub fn rest_after(cost: Duration) -> Duration {
    (cost * TWO_PER_CENT).clamp(SHORTEST, LONGEST_REST)
}

/// The time until the owners of the same sockets are looked at again: two per cent of a core.
/// New sockets do not wait for that.
#[must_use]
pub fn owners_rest_after(cost: Duration) -> Duration {
    (cost * TWO_PER_CENT).clamp(SHORTEST, LONGEST_OF_OWNERS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Family, Protocol};

    const BOTH: ProtocolSet = ProtocolSet {
        tcp: true,
        udp: true,
        raw: false,
    };

    /// As it is written: `*` and `[::]` are wildcards as they are printed.
    fn place(text: &str) -> Place {
        let (address, wildcard) = match text {
            "*" => ("::", Some(Wildcard::Both)),
            "[::]" => ("::", Some(Wildcard::Ipv6)),
            address => (address, None),
        };
        Place {
            address: address.parse().unwrap(),
            wildcard,
            device: None,
        }
    }

    fn target(condition: Condition, address: Option<&str>) -> Target {
        Target {
            condition,
            port: 80,
            place: address.map(place),
            protocols: BOTH,
            families: FamilySet::BOTH,
        }
    }

    fn socket(state: State, local: &str, v6_only: Option<bool>) -> Socket {
        let address: IpAddr = local.parse().unwrap();
        let family = match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        let protocol = match state {
            State::Unconnected => Protocol::Udp,
            _ => Protocol::Tcp,
        };
        let mut socket = Socket::new(protocol, family, state, Endpoint::new(address, 80));
        socket.v6_only = v6_only;
        socket
    }

    #[test]
    fn what_counts_against_free_makes_a_bind_fail_more_likely_than_not() {
        let free = target(Condition::Free, None);
        let listening = target(Condition::Listening, None);
        let around = Around::default();
        for (state, listens, holds, remains) in [
            (State::Listen, true, true, false),
            (State::Unconnected, true, true, false),
            (State::BoundInactive, false, true, false),
            (State::SynSent, false, true, false),
            // What a server accepted: servers set SO_REUSEADDR.
            (State::TimeWait, false, false, true),
            (State::Established, false, false, true),
            (State::CloseWait, false, false, true),
        ] {
            let socket = socket(state, "0.0.0.0", None);
            assert_eq!(listening.counts(&socket, &around), listens, "{state}");
            assert_eq!(free.counts(&socket, &around), holds, "{state}");
            assert_eq!(free.remains(&socket, &around), remains, "{state}");
            assert!(!listening.remains(&socket, &around), "{state}");
        }
        let mut other = socket(State::Listen, "0.0.0.0", None);
        other.local.inet_mut().port = 81;
        assert!(!free.counts(&other, &around));
    }

    #[test]
    fn a_family_is_what_serves_it_and_what_blocks_it() {
        let only = |condition, v4| Target {
            families: FamilySet { v4, v6: !v4 },
            ..target(condition, None)
        };
        let counts = |condition, v4, local, v6_only| {
            let socket = socket(State::Listen, local, v6_only);
            only(condition, v4).counts(&socket, &Around::default())
        };
        for condition in [Condition::Listening, Condition::Free] {
            assert!(counts(condition, true, "::", Some(false)));
            assert!(counts(condition, false, "::", Some(false)));
            assert!(!counts(condition, true, "::", Some(true)));
            assert!(!counts(condition, false, "0.0.0.0", None));
            assert!(!counts(condition, true, "::1", Some(true)));
        }
    }

    #[test]
    fn what_is_sent_to_an_address_is_taken_by_it_and_by_wildcards() {
        let takes = |address, local, v6_only| {
            target(Condition::Listening, Some(address))
                .counts(&socket(State::Listen, local, v6_only), &Around::default())
        };
        let dual = Some(false);
        assert!(takes("127.0.0.1", "127.0.0.1", None));
        assert!(takes("127.0.0.1", "0.0.0.0", None));
        assert!(takes("127.0.0.1", "::", dual));
        assert!(!takes("127.0.0.1", "::", Some(true)));
        assert!(!takes("127.0.0.1", "127.0.0.2", None));
        assert!(takes("::1", "::", Some(true)));
        assert!(!takes("::1", "0.0.0.0", None));
        // Who listens on one address does not take what is sent to others.
        assert!(!takes("0.0.0.0", "127.0.0.1", None));
        assert!(takes("0.0.0.0", "::", dual));
        // As they are printed.
        assert!(takes("*", "::", dual) && !takes("*", "::", Some(true)));
        assert!(!takes("*", "0.0.0.0", None) && !takes("*", "::1", None));
        assert!(takes("[::]", "::", Some(true)) && takes("[::]", "::", dual));
    }

    #[test]
    fn a_wildcard_is_free_only_of_all_addresses() {
        let blocks = |address, local, v6_only| {
            target(Condition::Free, Some(address))
                .counts(&socket(State::Listen, local, v6_only), &Around::default())
        };
        assert!(blocks("0.0.0.0", "127.0.0.2", None));
        assert!(blocks("0.0.0.0", "::", Some(false)));
        assert!(!blocks("0.0.0.0", "::", Some(true)));
        assert!(!blocks("0.0.0.0", "::1", Some(false)));
        assert!(blocks("::", "::1", Some(false)));
        assert!(blocks("::", "127.0.0.1", None), "a dual-stack bind fails");
        assert!(!blocks("::1", "127.0.0.1", None));
        assert!(blocks("*", "127.0.0.1", None) && blocks("*", "::1", Some(true)));
        assert!(!blocks("[::]", "127.0.0.1", None) && !blocks("[::]", "0.0.0.0", None));
        assert!(blocks("[::]", "::", Some(false)) && blocks("[::]", "::1", None));
        assert!(!blocks("127.0.0.1", "127.0.0.2", None));
    }

    #[test]
    fn what_is_bound_to_another_interface_does_not_count() {
        let index = NonZeroU32::new;
        let mut target = target(Condition::Listening, Some("127.0.0.1"));
        target.place.as_mut().unwrap().device = index(2);
        let mut socket = socket(State::Listen, "127.0.0.1", None);
        for (bound, counts) in [(None, true), (index(2), true), (index(3), false)] {
            socket.interface = bound;
            assert_eq!(
                target.counts(&socket, &Around::default()),
                counts,
                "{bound:?}"
            );
        }
    }

    #[test]
    fn a_wildcard_of_which_the_source_tells_less_is_a_guess() {
        let target = target(Condition::Free, Some("127.0.0.1"));
        assert!(target.is_guess(&socket(State::Listen, "::", None), &Around::default()));
        assert!(!target.is_guess(
            &socket(State::Listen, "::", Some(false)),
            &Around::default()
        ));
        assert!(!target.is_guess(
            &socket(State::Listen, "127.0.0.1", None),
            &Around::default()
        ));
    }

    #[test]
    fn looks_are_rarer_the_more_they_cost() {
        let us = Duration::from_micros;
        let ms = Duration::from_millis;
        assert_eq!(pause_after(us(100)), ms(50));
        assert_eq!(pause_after(ms(2)), ms(100));
        assert_eq!(pause_after(ms(4)), ms(150));
        assert_eq!(pause_after(ms(30)), ms(300));
        assert_eq!(pause_after(ms(900)), ms(2000));
        assert_eq!(rest_after(us(100)), ms(50));
        assert_eq!(rest_after(ms(30)), ms(1500));
        assert_eq!(rest_after(ms(900)), ms(5000));
        assert_eq!(owners_rest_after(ms(400)), ms(20_000));
    }
}
