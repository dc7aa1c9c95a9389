//! What is different in a text that is shown again: new lines, lines that have gone, and words
//! that changed in a line that is otherwise the same. Pure.

use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::theme::{Theme, Tone};

/// Columns that the marks take before each line.
pub const GUTTER: usize = 2;

/// Lines that have gone, as far as they are compared with what is new.
const COMPARED: usize = 2000;

/// The top of a marked text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The first lines, each with its mark before it.
    pub lines: Vec<String>,
    /// How many lines there are in all.
    pub total: usize,
}

/// What a line is, compared with the text before.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    Same,
    New,
    /// The indices of the words that changed.
    Changed(Vec<usize>),
}

/// Marks the first `most` lines of `now` with what is different from `before`; without a text
/// before, nothing is. Both may hold colours, which are not compared, and neither are blanks.
#[must_use]
pub fn marked(before: Option<&str>, now: &str, most: usize, theme: Theme) -> Marked {
    let new: Vec<MarkedLine<'_>> = now.lines().map(MarkedLine::new).collect();
    let Some(before) = before else {
        let shown = new.iter().take(most);
        return Marked {
            lines: shown.map(|line| drawn(line, &Mark::Same, theme)).collect(),
            total: new.len(),
        };
    };
    let old: Vec<MarkedLine<'_>> = before.lines().map(MarkedLine::new).collect();
    let Compared { marks, gone } = compare(&old, &new, most);
    let total = new.len() + gone.len();
    let mut lines = Vec::new();
    let mut gone = gone.into_iter().peekable();
    for index in 0..=new.len() {
        while let Some((_, index)) = gone.next_if(|(at, _)| *at <= index) {
            lines.extend(old.get(index).map(|line| lost(line, theme)));
        }
        if lines.len() >= most {
            break;
        }
        let line = new.get(index).zip(marks.get(index));
        lines.extend(line.map(|(line, mark)| drawn(line, mark, theme)));
    }
    lines.truncate(most);
    Marked { lines, total }
}

struct Compared {
    /// The mark of each new line.
    marks: Vec<Mark>,
    /// Old lines that have gone, each with the index of the new line that it stood before.
    gone: Vec<(usize, usize)>,
}

fn compare(old: &[MarkedLine<'_>], new: &[MarkedLine<'_>], most: usize) -> Compared {
    // Equal lines meet in their order.
    let mut indices: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (index, line) in old.iter().enumerate().rev() {
        indices.entry(line.hash).or_default().push(index);
    }
    let mut met: Vec<Option<usize>> = vec![None; old.len()];
    let mut marks = vec![Mark::New; new.len()];
    for (index, (line, mark)) in new.iter().zip(&mut marks).enumerate() {
        let known = indices.get_mut(&line.hash).and_then(Vec::pop);
        if let Some(met) = known.and_then(|known| met.get_mut(known)) {
            (*met, *mark) = (Some(index), Mark::Same);
        }
    }
    let is_left = |(_, met): &(usize, &Option<usize>)| met.is_none();
    let left = met.iter().enumerate().filter(is_left);
    let mut left: Vec<usize> = left.map(|(index, _)| index).take(COMPARED).collect();
    for (index, (line, mark)) in new.iter().zip(&mut marks).enumerate().take(most) {
        if *mark != Mark::New {
            continue;
        }
        let like = |old_place: &usize| {
            let was = old.get(*old_place)?;
            Some((line.likeness(was)?, *old_place))
        };
        // Of equals the first: lines keep their order.
        let best = left
            .iter()
            .filter_map(like)
            .min_by_key(|(changed, _)| changed.len());
        if let Some((changed, was)) = best {
            left.retain(|index| *index != was);
            if let Some(met) = met.get_mut(was) {
                *met = Some(index);
            }
            *mark = Mark::Changed(changed);
        }
    }
    let mut gone = Vec::new();
    let mut after = 0;
    for (index, met) in met.into_iter().enumerate() {
        match met {
            Some(new_place) => after = new_place + 1,
            None => gone.push((after, index)),
        }
    }
    gone.sort_unstable();
    Compared { marks, gone }
}

/// A line, and the words in it.
struct MarkedLine<'a> {
    /// As it was written, with colours.
    raw: &'a str,
    /// Without colours.
    plain: String,
    hash: u64,
}

impl<'a> MarkedLine<'a> {
    fn new(raw: &'a str) -> Self {
        let plain = uncoloured(raw);
        let words: Vec<&str> = plain.split_whitespace().collect();
        let hash = FxBuildHasher.hash_one(words);
        Self { raw, plain, hash }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.plain.split_whitespace()
    }

    /// The indices of the words that are others than in `was`; `None` where it is another line:
    /// most words differ, or an address does.
    fn likeness(&self, was: &Self) -> Option<Vec<usize>> {
        let (words, count) = (self.words(), self.words().count());
        if count != was.words().count() {
            return None;
        }
        let mut changed = Vec::new();
        for (index, (is, was)) in words.zip(was.words()).enumerate() {
            if is == was {
                continue;
            }
            changed.push(index);
            if is_end(is) || is_end(was) || changed.len() * 2 > count {
                return None;
            }
        }
        Some(changed)
    }
}

/// Whether the word is an address with a port: what makes one socket another than the next.
fn is_end(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(address, port)| {
        let is_port = port == "*" || port.parse::<u16>().is_ok();
        is_port && address.contains(['.', ']', '*'])
    })
}

fn drawn(line: &MarkedLine<'_>, mark: &Mark, theme: Theme) -> String {
    match mark {
        Mark::Same => format!("  {}", line.raw),
        Mark::New => theme.paint(&format!("+ {}", line.plain), Tone::Calm),
        Mark::Changed(words) if theme.is_coloured() => {
            format!("~ {}", highlighted(line, words))
        }
        Mark::Changed(_) => format!("~ {}", line.raw),
    }
}

fn lost(line: &MarkedLine<'_>, theme: Theme) -> String {
    theme.paint(&format!("- {}", line.plain), Tone::Quiet)
}

/// The line with these words in reverse video, in their own colours.
fn highlighted(line: &MarkedLine<'_>, words: &[usize]) -> String {
    const ON: &str = "\x1b[7m";
    const OFF: &str = "\x1b[27m";
    let mut text = String::new();
    // The word that is being read, and how many there were.
    let (mut inside, mut count, mut lit) = (false, 0, false);
    for part in parts(line.raw) {
        match part {
            LinePart::Colour(sequence) => {
                text.push_str(sequence);
                if lit {
                    // It may have ended all there was.
                    text.push_str(ON);
                }
            }
            LinePart::Character(character) => {
                let starts = !inside && !character.is_whitespace();
                let ends = inside && character.is_whitespace();
                inside = !character.is_whitespace();
                if starts {
                    lit = words.contains(&count);
                    text.push_str(if lit { ON } else { "" });
                    count += 1;
                }
                if ends && std::mem::take(&mut lit) {
                    text.push_str(OFF);
                }
                text.push(character);
            }
        }
    }
    if lit {
        text.push_str(OFF);
    }
    text
}

/// A piece of coloured text.
pub(crate) enum LinePart<'a> {
    /// A sequence that takes no room.
    Colour(&'a str),
    /// A character.
    Character(char),
}

/// The text in its pieces. The only sequences in it are those of colours.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = LinePart<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length = match rest.strip_prefix("\x1b[") {
            Some(sequence) => 2 + sequence.find('m').map_or(0, |end| end + 1),
            None => rest.chars().next()?.len_utf8(),
        };
        let (part, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(match part.chars().next() {
            Some(character) if length == character.len_utf8() => LinePart::Character(character),
            _ => LinePart::Colour(part),
        })
    })
}

fn uncoloured(text: &str) -> String {
    if !text.contains('\x1b') {
        return text.to_owned();
    }
    let plain = parts(text).filter_map(|part| match part {
        LinePart::Character(character) => Some(character),
        LinePart::Colour(_) => None,
    });
    plain.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Theme = Theme::PLAIN;
    const COLOURED: Theme = Theme::COLOURED;

    fn lines(before: &str, now: &str) -> Vec<String> {
        marked(Some(before), now, 100, PLAIN).lines
    }

    #[test]
    fn what_came_went_and_changed_is_marked() {
        let before = "STATE LOCAL QUEUE\nLISTEN 127.0.0.1:80 0/128\nLISTEN 127.0.0.1:81 0/128\n";
        let now = "STATE LOCAL QUEUE\nLISTEN 127.0.0.1:81 3/128\nLISTEN 127.0.0.1:90 0/128\n";
        assert_eq!(
            lines(before, now),
            [
                "  STATE LOCAL QUEUE",
                "- LISTEN 127.0.0.1:80 0/128",
                "~ LISTEN 127.0.0.1:81 3/128",
                "+ LISTEN 127.0.0.1:90 0/128",
            ]
        );
        let first = marked(None, now, 100, PLAIN);
        assert!(first.lines.iter().all(|line| line.starts_with("  ")));
    }

    #[test]
    fn blanks_and_colours_are_no_change_and_twins_are_counted() {
        assert_eq!(lines("a   b\n", "a b\n"), ["  a b"]);
        assert_eq!(lines("\x1b[1ma\x1b[0m b\n", "a b\n"), ["  a b"]);
        assert_eq!(lines("a\na\n", "a\na\na\n"), ["  a", "  a", "+ a"]);
        assert_eq!(lines("a\na\n", "a\n"), ["  a", "- a"]);
        // What moved is the same.
        assert_eq!(lines("a\nb\n", "b\na\n"), ["  b", "  a"]);
    }

    #[test]
    fn changed_words_are_lit_in_their_colours() {
        let before = "\x1b[1mone\x1b[0m 2 three";
        let now = "\x1b[1mone\x1b[0m \x1b[31m22\x1b[0m three";
        let marked = marked(Some(before), now, 9, COLOURED);
        assert_eq!(
            marked.lines,
            ["~ \x1b[1mone\x1b[0m \x1b[31m\x1b[7m22\x1b[0m\x1b[7m\x1b[27m three"]
        );
        let new = super::marked(Some(""), "\x1b[1mone\x1b[0m", 9, COLOURED).lines;
        assert_eq!(new, ["\x1b[32m+ one\x1b[0m"]);
    }

    #[test]
    fn only_the_top_is_made_and_all_is_counted() {
        let numbers = |range: std::ops::Range<u32>| {
            let lines: Vec<String> = range.map(|n| n.to_string()).collect();
            lines.join("\n")
        };
        let marked = marked(Some(&numbers(0..50)), &numbers(25..100), 10, PLAIN);
        assert_eq!((marked.lines.len(), marked.total), (10, 75 + 25));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_invented(
            before in prop::collection::vec("[ab]( [ab]){0,3}", 0..12),
            now in prop::collection::vec("[ab]( [ab]){0,3}", 0..12),
        ) {
            let lines = lines(&before.join("\n"), &now.join("\n"));
            let kept = lines.iter().filter(|line| !line.starts_with('-'));
            let kept: Vec<&str> = kept.map(|line| &line[2..]).collect();
            prop_assert_eq!(kept, now.iter().map(String::as_str).collect::<Vec<_>>());
            let count = |mark| lines.iter().filter(|line| line.starts_with(mark)).count();
            prop_assert_eq!(
                before.len() + count('+'),
                now.len() + count('-'),
                "{:?}", lines
            );
        }

        #[test]
        fn any_text_is_taken(before in "(?s).{0,80}", now in "(\\PC|\x1b\\[|[0-9]+m|\n){0,40}") {
            for theme in [PLAIN, COLOURED] {
                let marked = marked(Some(&before), &now, 5, theme);
                prop_assert!(marked.lines.len() <= 5);
            }
        }
    }
}
