//! The keys, and what each does, in words.

/// A key, as far as the view knows keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// The key that deletes backwards.
    Backspace,
    /// Deletes the whole line: Ctrl-U.
    Clear,
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    Home,
    /// To the last.
    End,
    /// The next tab.
    Tab,
    /// The tab before.
    BackTab,
    /// One of the function keys, from 1.
    Function(u8),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
}

/// One key and what it does, for the help.
pub const HELP: &[(&str, &str)] = &[
    (
        "Tab, F1-F5",
        "listen, conns, states, buildup, doctor; arrows too",
    ),
    ("Up Down", "choose a row; PgUp PgDn Home End go further"),
    (
        "Enter",
        "a socket, a finding: all about it; a group: its sockets",
    ),
    (
        "Esc",
        "back: from the choice, the row entered, the filter, the groups",
    ),
    ("/", "filter, in the language of every command"),
    ("s, S", "another order; the reverse"),
    ("g", "group by process, port, peer; or not"),
    ("d", "only what changed in the last seconds"),
    ("t, u", "TCP, UDP shown or not"),
    ("4, 6", "IPv4, IPv6 shown or not"),
    ("l, e", "listeners too; established only"),
    ("p", "pause and go on"),
    ("+, -", "longer or shorter between looks"),
    ("?", "this help"),
    ("q", "leave"),
];
