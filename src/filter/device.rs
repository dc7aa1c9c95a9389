//! Interfaces as they are written: by name, as it is printed, or by index.

use crate::columns::Row;

/// An interface by its name or its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// The text as it stands.
    text: Vec<u8>,
    /// The name that is printed so: what cannot be shown stands escaped.
    name: Vec<u8>,
    /// The number that it may be.
    index: Option<u32>,
}

impl Device {
    /// Reads a name or an index.
    pub fn read(text: &str) -> Self {
        Self {
            text: text.as_bytes().to_vec(),
            name: unescape(text),
            index: text.parse().ok(),
        }
    }

    /// Whether it is the number 0, which ss has for no interface.
    pub fn is_none(&self) -> bool {
        self.index == Some(0)
    }

    /// The name, or the digits of the number.
    pub fn bytes(&self) -> &[u8] {
        &self.name
    }

    /// The name, where it is no number.
    pub fn name(&self) -> Option<&[u8]> {
        self.index.is_none().then_some(&self.name)
    }

    /// Whether the row's socket is bound to it.
    pub fn is_of(&self, row: Row<'_>) -> bool {
        let Some(index) = row.socket.interface else {
            return false;
        };
        let is_called = |name: &[u8]| name == self.text || name == self.name;
        self.index == Some(index.get())
            || row
                .facts
                .interface(row.socket)
                .is_some_and(|name| is_called(name.bytes()))
    }
}

/// The bytes that are shown as `text`: `\x1b`, `\u{202e}`, `\n`, `\r`, `\t` stand for what they
/// name.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (meant, length) = escaped(escape).unwrap_or_else(|| (vec![b'\\'], 0));
        bytes.extend(meant);
        rest = escape.get(length..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// What stands behind a backslash means, and how long it is.
fn escaped(text: &str) -> Option<(Vec<u8>, usize)> {
    let one = |byte| Some((vec![byte], 1));
    match text.chars().next()? {
        'n' => one(b'\n'),
        'r' => one(b'\r'),
        't' => one(b'\t'),
        'x' => {
            let byte = u8::from_str_radix(text.get(1..3)?, 16).ok()?;
            Some((vec![byte], 3))
        }
        'u' => {
            let (digits, _) = text.strip_prefix("u{")?.split_once('}')?;
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            Some((c.to_string().into_bytes(), digits.len() + 3))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_escaped_is_read_again() {
        assert_eq!(unescape("eth0"), b"eth0");
        assert_eq!(unescape("a\\x20b\\xff"), b"a b\xff");
        assert_eq!(unescape("\\u{202e}\\n\\t\\r"), "\u{202e}\n\t\r".as_bytes());
        assert_eq!(unescape("a\\b\\x\\u{zz}\\"), b"a\\b\\x\\u{zz}\\");
    }
}
