//! What a table for people is made of: columns, cells, and the frame that it is drawn in.

use unicode_width::UnicodeWidthStr;

use super::cut::cut_keeping;
use super::theme::{Theme, Tone};
use crate::columns::Align;

/// What the cells of a column do where a terminal is narrow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Give {
    /// They stay whole: numbers, addresses, words of ours.
    #[default]
    Nothing,
    /// They are cut: names, and other text that somebody chose.
    Name,
    /// They go on in further lines: sentences, in a last column.
    Prose,
}

/// One column of a grid.
#[derive(Clone, Debug)]
pub struct GridColumn {
    /// The heading.
    pub header: String,
    /// How cells are aligned.
    pub align: Align,
    /// What its cells do where there is no room for them.
    pub give: Give,
    /// When the terminal is too narrow the columns with the highest number are left out first,
    /// those with the same one together; 0 stays.
    pub spare: u8,
    /// It is so wide where there is room, that rows which come and go do not make it jump.
    pub steady: usize,
}

impl GridColumn {
    /// A column that stays as it is.
    #[must_use]
    pub fn new(header: &str, align: Align) -> Self {
        Self {
            header: header.to_owned(),
            align,
            give: Give::Nothing,
            spare: 0,
            steady: 0,
        }
    }

    /// The same, with cells that give way.
    #[must_use]
    pub const fn giving(mut self, give: Give) -> Self {
        self.give = give;
        self
    }

    /// The same, which may be left out.
    #[must_use]
    pub const fn spared(mut self, spare: u8) -> Self {
        self.spare = spare;
        self
    }

    /// The same, at least so wide where there is room.
    #[must_use]
    pub const fn steady(mut self, width: usize) -> Self {
        self.steady = width;
        self
    }
}

/// One cell: text that is safe to show, and what it means.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Its meaning.
    pub tone: Tone,
    /// Bytes at the end that are not cut with the rest: the pid behind a name.
    pub kept: usize,
}

impl Cell {
    /// A cell.
    #[must_use]
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
            kept: 0,
        }
    }

    /// The same, of which the last `kept` bytes stay when it is cut.
    #[must_use]
    pub const fn keeping(mut self, kept: usize) -> Self {
        self.kept = kept;
        self
    }

    /// The same, which is not cut.
    #[must_use]
    pub const fn whole(mut self) -> Self {
        self.kept = self.text.len();
        self
    }

    /// The text in at most `width` columns, as far as it can be cut.
    #[must_use]
    pub fn cut(&self, width: usize) -> String {
        if self.is_rigid() {
            return self.text.clone();
        }
        cut_keeping(&self.text, self.kept, width)
    }

    /// The columns that it takes when it is cut so that this much stays of a name with a pid
    /// behind it, or of text alone.
    #[must_use]
    pub fn narrowest(&self, [name, text]: [usize; 2]) -> usize {
        let whole = self.text.width();
        if self.is_rigid() {
            return whole;
        }
        let start = self.text.len().saturating_sub(self.kept);
        let kept = self.text.get(start..).unwrap_or_default();
        whole.min(if self.kept > 0 {
            name + kept.width()
        } else {
            text
        })
    }

    /// Whether nothing of it may go: a number is a number in a column of names too.
    fn is_rigid(&self) -> bool {
        self.kept >= self.text.len() || self.text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// How a grid is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Colours.
    pub theme: Theme,
    /// Columns of the terminal; `None` for no limit.
    pub width: Option<usize>,
    /// Whether there is a line of headings.
    pub header: bool,
    /// Blanks before each line.
    pub indent: usize,
}

impl Frame {
    /// Columns for text.
    #[must_use]
    pub fn room(&self) -> Option<usize> {
        self.width
            .map(|width| width.saturating_sub(self.indent).max(1))
    }
}

/// `text` in `width` columns.
#[must_use]
pub fn pad(text: &str, width: usize, align: Align) -> String {
    let blanks = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{blanks}"),
        Align::Right => format!("{blanks}{text}"),
    }
}
