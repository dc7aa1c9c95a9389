//! The drawings: the life of a connection from both sides, the queues of a listener, the way of
//! data, and the two states of UDP.

use crate::model::State;

/// What is drawn, with what is asked about marked.
#[derive(Clone, Copy, Debug)]
pub enum Drawing {
    /// The whole life of a connection; these states are marked.
    Life(&'static [State]),
    /// The way of a new connection through the queues of a listener.
    Queues(&'static [Stage]),
    /// The way of data from one program to the other.
    Stream(&'static [Spot]),
    /// The two states of UDP; these are marked.
    Datagram(&'static [State]),
    /// Nothing.
    None,
}

/// A stage of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake is under way.
    SynQueue,
    /// The handshake is complete, and `accept()` has not taken it.
    AcceptQueue,
    /// A program has it.
    Accepted,
}

/// A place on the way of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// What this program wrote and the peer has not acknowledged.
    SendQueue,
    /// What arrived here and the program has not read.
    RecvQueue,
    /// What arrived at the peer and its program has not read.
    PeerRecvQueue,
    /// Between the two.
    Network,
}

/// How a piece of a drawing is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// A name in the drawing.
    Plain,
    Heading,
    /// Lines and remarks.
    Faint,
    /// What is asked about: it stands in brackets already.
    Marked(Option<State>),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    /// How it is to be shown.
    pub ink: Ink,
}

/// A line of a drawing.
pub type Line = Vec<Piece>;

impl Drawing {
    /// The states that are marked.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        match self {
            Self::Life(states) | Self::Datagram(states) => states.to_vec(),
            Self::Queues(stages) => stages.iter().map(|stage| stage.state()).collect(),
            Self::Stream(_) | Self::None => Vec::new(),
        }
    }

    /// The lines, without indentation; `notes` includes the remarks to the right, which need
    /// some more room.
    #[must_use]
    pub fn lines(&self, notes: bool) -> Vec<Line> {
        match self {
            Self::Life(marked) => life(marked, notes),
            Self::Queues(marked) => queues(marked),
            Self::Stream(marked) => stream(marked),
            Self::Datagram(marked) => datagram(marked),
            Self::None => Vec::new(),
        }
    }
}

impl Stage {
    const fn state(self) -> State {
        match self {
            Self::SynQueue => State::SynRecv,
            Self::AcceptQueue | Self::Accepted => State::Established,
        }
    }
}

/// One line of the life of a connection.
struct Step {
    call: &'static str,
    left: Option<State>,
    packet: &'static str,
    right: Option<State>,
    note: &'static str,
}

const fn step(
    call: &'static str,
    left: Option<State>,
    packet: &'static str,
    right: Option<State>,
    note: &'static str,
) -> Step {
    Step {
        call,
        left,
        packet,
        right,
        note,
    }
}

const SYN: &str = "───── SYN ─────→";
const SYN_ACK: &str = "←─── SYN+ACK ───";
const ACK: &str = "───── ACK ─────→";
const FIN: &str = "───── FIN ─────→";
const ACK_BACK: &str = "←──── ACK ──────";
const FIN_BACK: &str = "←──── FIN ──────";

/// A state stands where its side enters it: at the packet that it sends or receives.
const LIFE: [Step; 10] = [
    step(
        "socket()",
        Some(State::Close),
        "",
        Some(State::BoundInactive),
        "bind()",
    ),
    step("", None, "", Some(State::Listen), "listen(); remains"),
    step(
        "connect()",
        Some(State::SynSent),
        SYN,
        Some(State::SynRecv),
        "a new socket",
    ),
    step("", Some(State::Established), SYN_ACK, None, ""),
    step("", None, ACK, Some(State::Established), "before accept()"),
    step(
        "close()",
        Some(State::FinWait1),
        FIN,
        Some(State::CloseWait),
        "until its close()",
    ),
    step("", Some(State::FinWait2), ACK_BACK, None, ""),
    step(
        "",
        Some(State::TimeWait),
        FIN_BACK,
        Some(State::LastAck),
        "close()",
    ),
    step("", None, ACK, Some(State::Close), ""),
    step("after 60 s", Some(State::Close), "", None, ""),
];

/// The widest name on the left is ESTABLISHED, on the right `BOUND_INACTIVE`; and brackets.
const LEFT: usize = 13;
const RIGHT: usize = 16;

fn life(marked: &[State], notes: bool) -> Vec<Line> {
    let mut lines = vec![vec![piece(
        format!(
            "{:<43}{}",
            "CLIENT connects; here it closes first", "SERVER listens"
        ),
        Ink::Heading,
    )]];
    lines.extend(LIFE.iter().map(|step| {
        let mut line = vec![
            piece(format!("{:<11}", step.call), Ink::Faint),
            state(step.left, LEFT, marked),
            piece(format!(" {:<16} ", step.packet), Ink::Faint),
            state(step.right, RIGHT, marked),
        ];
        if notes {
            line.push(piece(format!(" {}", step.note), Ink::Faint));
        }
        line
    }));
    let either = "Either side may close first. ";
    let mut last = vec![faint(if notes { either } else { "" })];
    if !notes {
        lines.push(vec![faint(either)]);
    }
    last.extend([
        faint("Both at once: FIN_WAIT1 →"),
        if marked.contains(&State::Closing) {
            piece(" [CLOSING] ".to_owned(), Ink::Marked(Some(State::Closing)))
        } else {
            piece(" CLOSING ".to_owned(), Ink::Plain)
        },
        faint("→ TIME_WAIT."),
    ]);
    lines.push(last);
    lines
}

/// A state in `width` columns: in brackets where it is asked about, else between blanks.
fn state(state: Option<State>, width: usize, marked: &[State]) -> Piece {
    match state {
        None => piece(" ".repeat(width), Ink::Faint),
        Some(state) if marked.contains(&state) => piece(
            format!("{:<width$}", format!("[{state}]")),
            Ink::Marked(Some(state)),
        ),
        Some(state) => piece(format!(" {state:<0$}", width - 1), Ink::Plain),
    }
}

fn queues(marked: &[Stage]) -> Vec<Line> {
    let stage = |stage: Stage, width| {
        let asked = marked.contains(&stage);
        let only = stage.state();
        state(
            Some(only),
            width,
            if asked {
                std::slice::from_ref(&only)
            } else {
                &[]
            },
        )
    };
    vec![
        heading("       SYN queue            accept queue             the program"),
        vec![
            faint(" SYN → "),
            stage(Stage::SynQueue, 11),
            faint("── ACK ─→ "),
            stage(Stage::AcceptQueue, 14),
            faint("── accept() ─→ "),
            stage(Stage::Accepted, 13),
        ],
        vec![faint(
            "        no owner             no owner                 its owner",
        )],
        vec![faint("        full: SYN cookies    full: silence")],
    ]
}

fn stream(marked: &[Spot]) -> Vec<Line> {
    let spot = |spot: Spot, name: &str, width: usize| {
        if marked.contains(&spot) {
            let text = format!("{:<width$}", format!("[{name}]"));
            piece(text, Ink::Marked(None))
        } else {
            piece(format!(" {name:<0$}", width - 1), Ink::Plain)
        }
    };
    let network = || spot(Spot::Network, "network", 9);
    vec![
        heading("THIS HOST                                      THE PEER"),
        vec![
            faint("write() ─→ "),
            spot(Spot::SendQueue, "send queue", 15),
            faint(" ─── "),
            network(),
            faint(" ──→ "),
            spot(Spot::PeerRecvQueue, "receive queue", 15),
            faint(" ─→ read()"),
        ],
        vec![
            faint("read()  ←─ "),
            spot(Spot::RecvQueue, "receive queue", 15),
            faint(" ←── "),
            network(),
            faint(" ─── "),
            piece(format!(" {:<14}", "send queue"), Ink::Plain),
            faint(" ←─ write()"),
        ],
    ]
}

fn datagram(marked: &[State]) -> Vec<Line> {
    let asked = |asked| state(Some(asked), 13, marked);
    vec![
        heading(" socket()      bind(), or a first send     connect(), where it is called"),
        vec![
            faint(" in no table  ──→  "),
            asked(State::Unconnected),
            faint("  ──────→ "),
            asked(State::Established),
        ],
        vec![faint(
            "                    from anyone             from one peer only",
        )],
    ]
}

fn piece(text: String, ink: Ink) -> Piece {
    Piece { text, ink }
}

fn faint(text: &str) -> Piece {
    piece(text.to_owned(), Ink::Faint)
}

fn heading(text: &str) -> Line {
    vec![piece(text.to_owned(), Ink::Heading)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::topics;

    fn text(drawing: Drawing) -> String {
        let lines = drawing.lines(true).into_iter().map(|line| {
            let pieces: String = line.into_iter().map(|piece| piece.text).collect();
            format!("{}\n", pieces.trim_end())
        });
        lines.collect()
    }

    #[test]
    fn the_life_of_a_connection_with_close_wait_marked() {
        assert_eq!(
            text(Drawing::Life(&[State::CloseWait])),
            "\
CLIENT connects; here it closes first      SERVER listens
socket()    CLOSE                          BOUND_INACTIVE  bind()
                                           LISTEN          listen(); remains
connect()   SYN_SENT     ───── SYN ─────→  SYN_RECV        a new socket
            ESTABLISHED  ←─── SYN+ACK ───
                         ───── ACK ─────→  ESTABLISHED     before accept()
close()     FIN_WAIT1    ───── FIN ─────→ [CLOSE_WAIT]     until its close()
            FIN_WAIT2    ←──── ACK ──────
            TIME_WAIT    ←──── FIN ──────  LAST_ACK        close()
                         ───── ACK ─────→  CLOSE
after 60 s  CLOSE
Either side may close first. Both at once: FIN_WAIT1 → CLOSING → TIME_WAIT.
"
        );
    }

    #[test]
    fn queues_stream_and_datagrams() {
        assert_eq!(
            text(Drawing::Queues(&[Stage::AcceptQueue])),
            concat!(
                "       SYN queue            accept queue             the program\n",
                " SYN →  SYN_RECV  ── ACK ─→ [ESTABLISHED] ── accept() ─→  ESTABLISHED\n",
                "        no owner             no owner                 its owner\n",
                "        full: SYN cookies    full: silence\n",
            )
        );
        assert_eq!(
            text(Drawing::Stream(&[Spot::PeerRecvQueue])),
            concat!(
                "THIS HOST                                      THE PEER\n",
                "write() ─→  send queue     ───  network  ──→ [receive queue] ─→ read()\n",
                "read()  ←─  receive queue  ←──  network  ───  send queue     ←─ write()\n",
            )
        );
        assert_eq!(
            text(Drawing::Datagram(&[State::Unconnected])),
            concat!(
                " socket()      bind(), or a first send     connect(), where it is called\n",
                " in no table  ──→  [UNCONN]       ──────→  ESTABLISHED\n",
                "                    from anyone             from one peer only\n",
            )
        );
    }

    #[test]
    fn each_asked_state_is_marked_wherever_a_side_enters_it_and_nothing_else_is() {
        for state in State::TCP {
            let expected = match state {
                // Both ends of the drawing, on the side that opens, and the end of the other.
                State::Close => 3,
                State::Established => 2,
                _ => 1,
            };
            let asked: &'static [State] = vec![state].leak();
            let drawn = text(Drawing::Life(asked));
            assert_eq!(drawn.matches('[').count(), expected, "{drawn}");
            assert_eq!(drawn.matches(&format!("[{state}]")).count(), expected);
        }
    }

    #[test]
    fn drawings_fit_and_are_made_of_plain_letters_lines_and_arrows() {
        for topic in topics() {
            let drawn = text(topic.drawing);
            let drawable = |c: char| c == '\n' || (' '..='~').contains(&c) || "─→←".contains(c);
            assert!(drawn.chars().all(drawable), "{drawn}");
            assert!(
                drawn.lines().all(|line| line.chars().count() <= 78),
                "{drawn}"
            );
            assert!(drawn.lines().count() <= 12, "{drawn}");
        }
    }

    #[test]
    fn the_page_of_a_state_marks_it() {
        for state in State::TCP.into_iter().chain([State::Unconnected]) {
            let topic = crate::explain::of_state(state).unwrap();
            assert!(topic.drawing.states().contains(&state), "{state}");
        }
    }
}
