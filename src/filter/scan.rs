//! Reading a filter's text piece by piece, with the place of each piece.

/// A piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The text of it; of a quoted one what stands between the quotes.
    pub text: &'a str,
    /// The byte at which it begins.
    pub at: usize,
    /// Whether it stood in quotes, so that it is never a word of the language.
    pub quoted: bool,
}

impl Piece<'_> {
    /// The byte of the filter at which the byte `inside` of the piece's text stands.
    pub fn place(&self, inside: usize) -> usize {
        self.at + usize::from(self.quoted) + inside
    }
}

/// Signs that end a word and mean something themselves, the longer ones first.
const SIGNS: [&str; 16] = [
    "&&", "||", "==", "!=", "<>", "<=", ">=", "!~", "=", "<", ">", "~", "!", "(", ")", ",",
];

/// A scanner over the text of a filter. What is read depends on what may stand there: a value
/// may hold signs that end a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Where the next piece begins.
    pub fn at(&self) -> usize {
        let rest = self.rest();
        self.at + (rest.len() - rest.trim_start().len())
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.rest().trim_start().is_empty()
    }

    /// The next sign or word, without taking it.
    pub fn peek(&self) -> Option<Piece<'a>> {
        let mut ahead = *self;
        ahead.next_piece()
    }

    /// Takes the next sign or word; `None` at the end.
    pub fn next_piece(&mut self) -> Option<Piece<'a>> {
        self.skip_blanks();
        let rest = self.rest();
        if rest.starts_with(['"', '\'']) {
            return self.quoted();
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            return self.take(sign.len());
        }
        // A single & or | is as good as two.
        if rest.starts_with(['&', '|']) {
            return self.take(1);
        }
        let ends = |c: char| c.is_whitespace() || "=<>~!(),&|\"'".contains(c);
        self.take(rest.find(ends).unwrap_or(rest.len()))
    }

    /// Takes the next piece when it is `sign`.
    pub fn accept(&mut self, sign: &str) -> bool {
        match self.peek() {
            Some(piece) if !piece.quoted && piece.text == sign => {
                self.next_piece();
                true
            }
            _ => false,
        }
    }

    /// Takes a value: up to a blank, a comma or a parenthesis that closes more than it opened.
    /// A regular expression (`whole`) may hold commas.
    pub fn value(&mut self, whole: bool) -> Option<Piece<'a>> {
        self.skip_blanks();
        let rest = self.rest();
        if rest.starts_with(['"', '\'']) {
            return self.quoted();
        }
        let mut open = 0_u32;
        let mut end = rest.len();
        for (place, c) in rest.char_indices() {
            match c {
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' => end = place,
                ',' if !whole && open == 0 => end = place,
                c if c.is_whitespace() => end = place,
                _ => continue,
            }
            if end == place {
                break;
            }
        }
        if end == 0 { None } else { self.take(end) }
    }

    fn skip_blanks(&mut self) {
        self.at = self.at();
    }

    /// Takes what stands in quotes; one that is not closed goes to the end.
    fn quoted(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest();
        let quote = rest.chars().next()?;
        let inner = rest.get(1..)?;
        let length = inner.find(quote)?;
        let piece = Piece {
            text: inner.get(..length)?,
            at: self.at,
            quoted: true,
        };
        self.at += length + 2;
        Some(piece)
    }

    fn take(&mut self, length: usize) -> Option<Piece<'a>> {
        let text = self.rest().get(..length).filter(|text| !text.is_empty())?;
        let piece = Piece {
            text,
            at: self.at,
            quoted: false,
        };
        self.at += length;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<String> {
        let mut scan = Scan::new(text);
        std::iter::from_fn(|| scan.next_piece().map(|piece| piece.text.to_owned())).collect()
    }

    #[test]
    fn names_and_signs_need_no_blanks() {
        assert_eq!(pieces("a>=b"), ["a", ">=", "b"]);
        assert_eq!(
            pieces("(a=1 and!b) ||\tc"),
            ["(", "a", "=", "1", "and", "!", "b", ")", "||", "c"]
        );
        assert_eq!(pieces("a 'b c' \"d\""), ["a", "b c", "d"]);
        assert_eq!(pieces("  "), Vec::<String>::new());
    }

    #[test]
    fn values_hold_what_would_end_a_name() {
        let mut scan = Scan::new("a=b,c) x");
        assert_eq!(scan.value(false).unwrap().text, "a=b");
        assert!(scan.accept(","));
        assert_eq!(scan.value(false).unwrap().text, "c");
        assert_eq!(scan.value(false), None);
        assert!(scan.accept(")") && !scan.is_done());
        assert_eq!(scan.at(), 7);
        let mut regex = Scan::new("^(a|b),c$ x");
        assert_eq!(regex.value(true).unwrap().text, "^(a|b),c$");
    }

    #[test]
    fn an_open_quote_gives_nothing() {
        assert_eq!(Scan::new("'abc").next_piece(), None);
        assert!(!Scan::new("'abc").is_done());
    }
}
