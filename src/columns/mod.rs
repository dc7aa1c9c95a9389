//! The one table of columns: id, header, help, kind, what it needs, and value.
//!
//! Headers, plain text, CSV, `--sort`, `--columns` and what is asked of the kernel all follow
//! from this table; a new column is one entry in `table.rs`.

mod called;
mod host;
mod kind;
mod read;
mod table;
mod value;

use crate::model::{Facts, Socket};
use crate::query::Needs;

pub(crate) use called::{NotOne, called};
pub use host::{push_address, push_host, push_number, push_v4};
pub use kind::Kind;
pub use read::{local as local_end, peer as peer_end};
pub use table::COLUMNS;
pub use value::{OwnerField, OwnerValue, TimeUnit, Value};

/// A socket with the facts around it: what a column looks at.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The socket.
    pub socket: &'a Socket,
    /// Owners, processes and names.
    pub facts: &'a Facts,
}

/// Where a cell's text stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Which sources tell a fact; `sock_diag` tells each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Every source, but for what [`Needs::DETAILS`] asks for.
    Usual,
    /// /proc/net, too.
    Kernel,
    /// /proc/net, too, where nothing stands between TCP and the program.
    Queues,
    /// /proc/net, too, of datagrams only.
    Datagrams,
    /// No other.
    SockDiag,
    /// No other, and only to `CAP_NET_ADMIN`.
    Administrators,
}

/// How soon a column is left out where there is no room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spare {
    /// Before all others.
    First,
    /// As what was added to the usual ones.
    Added,
    /// Early where there is a state: it is nearly always TCP then.
    BesideState,
    /// Before what tells who and whom; in the live view before most.
    Early,
    /// The last of all that can be spared in a list.
    Detail,
    /// Never from a list; from the live view by its place.
    Late,
    /// Never from a list; from the live view where connections are shown.
    NotOfListeners,
    /// It tells who and whom.
    Never,
}

/// One column. What is told of it beside the id is decided here, and nowhere by the id.
pub struct Column {
    /// The name in `--columns`, `--sort`, plain and csv headers.
    pub id: &'static str,
    /// The heading for people.
    pub header: &'static str,
    /// One line of explanation; the unit is told by the kind.
    pub help: &'static str,
    /// What its values are: alignment, unit, order and type in JSON follow.
    pub kind: Kind,
    /// What must be asked for beside the rows.
    pub needs: Needs,
    /// Where a row of JSON has the fact without being asked, as a JSON pointer (of owners: in the
    /// first); `None` for what stands in the row's `columns`, and only when it is asked for.
    pub key: Option<&'static str>,
    /// The value of a row, by which rows are sorted, too: see [`Value::compare`].
    pub value: for<'a> fn(Row<'a>) -> Value<'a>,
    /// The width that most values fit, in plain.
    pub width: usize,
    /// The width that it has at least in the live view.
    pub steady: usize,
    /// How soon it is left out.
    pub spare: Spare,
    /// Who tells it.
    pub source: Source,
    /// Whether a row has it only once others are known: listeners, names of interfaces.
    pub is_joined: bool,
    /// The words that it may be; empty where it may be any.
    pub words: &'static [&'static str],
    /// Whether it stays behind what is added: a blank in it must not shift columns.
    pub stands_last: bool,
}

impl Column {
    const USUAL: Self = Self {
        id: "",
        header: "",
        help: "",
        kind: Kind::Text,
        needs: Needs::NOTHING,
        key: None,
        value: |_| Value::Absent,
        width: 8,
        steady: 0,
        spare: Spare::Added,
        source: Source::Usual,
        is_joined: false,
        words: &[],
        stands_last: false,
    };

    /// Whether every row has it, and its socket alone tells it, whatever it belongs to.
    #[must_use]
    pub const fn is_of_socket(&self) -> bool {
        let others = Needs::PROCESSES.and(Needs::USERS);
        self.key.is_some() && !self.is_joined && !self.needs.has_any(others)
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// The column called `id`.
#[must_use]
pub fn find(id: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.id == id)
}

/// The column that shows what every row of JSON has under `key`.
#[must_use]
pub fn at_key(key: &str) -> Option<&'static Column> {
    let is_there = |column: &&Column| column.key.and_then(|at| at.strip_prefix('/')) == Some(key);
    COLUMNS.iter().find(is_there)
}

/// The columns called `ids`; unknown ones are left out.
#[must_use]
pub fn select(ids: &[&str]) -> Vec<&'static Column> {
    ids.iter().filter_map(|id| find(id)).collect()
}

/// What `columns` need together.
#[must_use]
pub fn needs<'a>(columns: impl IntoIterator<Item = &'a &'static Column>) -> Needs {
    let all = columns.into_iter().map(|column| column.needs);
    all.fold(Needs::NOTHING, Needs::and)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_words_and_stand_once() {
        let mut seen = HashSet::new();
        for column in COLUMNS {
            assert!(seen.insert(column.id), "{}", column.id);
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(column.id.chars().all(plain), "{}", column.id);
            assert!(!column.help.is_empty() && !column.header.is_empty());
        }
        assert!(find("lport").is_some() && find("nope").is_none());
    }

    #[test]
    fn what_the_socket_alone_tells_is_known_of_its_entry() {
        let alone = COLUMNS.iter().filter(|column| column.is_of_socket());
        let alone: Vec<_> = alone.map(|column| column.id).collect();
        let expected = "protocol family state laddr lport peer paddr pport recv_q send_q queue \
                        timer retransmits drops netns inode cookie uid";
        assert_eq!(alone.join(" "), expected);
        assert_eq!(at_key("owners").unwrap().id, "process");
    }
}
