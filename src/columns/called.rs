//! Columns by what people call them: the id, the word that stands above the column, another word
//! for it, or the beginning of one of these where it begins no other.

use super::{COLUMNS, Column, find};

/// Other words for columns, beside what stands above them.
const ALSO: [(&str, &str); 10] = [
    ("port", "lport"),
    ("address", "laddr"),
    ("saddr", "laddr"),
    ("sport", "lport"),
    ("daddr", "paddr"),
    ("dport", "pport"),
    ("dev", "interface"),
    ("name", "comm"),
    ("cmd", "command"),
    ("username", "user"),
];

/// Why a word is no column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotOne {
    /// None is called so.
    Unknown,
    /// These begin so.
    Several(Vec<&'static str>),
}

/// The column that is called so.
pub(crate) fn called(word: &str) -> Result<&'static Column, NotOne> {
    let word = plain(word);
    let exact = find(&word).or_else(|| known().find(|(name, _)| *name == word)?.1.into());
    if let Some(column) = exact {
        return Ok(column);
    }
    if word.is_empty() {
        return Err(NotOne::Unknown);
    }
    let mut begun: Vec<&'static Column> = Vec::new();
    for (name, column) in known() {
        let is_new = !begun.iter().any(|found| found.id == column.id);
        if is_new && name.starts_with(&word) {
            begun.push(column);
        }
    }
    match begun.as_slice() {
        [] => Err(NotOne::Unknown),
        [only] => Ok(only),
        several => Err(NotOne::Several(
            several.iter().map(|column| column.id).collect(),
        )),
    }
}

/// Every name there is.
fn known() -> impl Iterator<Item = (String, &'static Column)> {
    let ids = COLUMNS.iter().map(|column| (column.id.to_owned(), column));
    let headers = COLUMNS.iter().map(|column| (plain(column.header), column));
    let also = ALSO.iter();
    let also = also.filter_map(|(name, id)| Some(((*name).to_owned(), find(id)?)));
    ids.chain(headers).chain(also)
}

/// `SEGS OUT`, `segs-out` and `segs_out` are one.
fn plain(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_what_stands_above_them_and_by_how_they_begin() {
        for column in COLUMNS {
            let by_id = called(column.id).map(|found| found.id);
            assert_eq!(by_id, Ok(column.id));
            let by_header = called(column.header).map(|found| found.id);
            assert_eq!(by_header, Ok(column.id), "{}", column.header);
        }
        for (word, id) in [
            ("proto", "protocol"),
            ("recv", "recv_q"),
            ("RECV", "recv_q"),
            ("send", "send_q"),
            ("retries", "retransmits"),
            ("owner", "owner_status"),
            ("local address", "laddr"),
            ("segs-out", "segs_out"),
            ("port", "lport"),
            ("inter", "interface"),
            ("cong", "congestion"),
            ("proc", "process"),
        ] {
            let found = called(word).map(|found| found.id);
            let ambiguous = ["proc"].contains(&word);
            assert_eq!(found.is_err(), ambiguous, "{word}: {found:?}");
            assert!(ambiguous || found == Ok(id), "{word}: {found:?}");
        }
        let several = |ids: &[&'static str]| Some(NotOne::Several(ids.to_vec()));
        assert_eq!(called("proc").err(), several(&["process", "process_user"]));
        assert_eq!(called("loc").err(), several(&["local", "laddr"]));
        assert_eq!(called("nope").err(), Some(NotOne::Unknown));
        assert_eq!(called("").err(), Some(NotOne::Unknown));
    }
}
