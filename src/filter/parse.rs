//! The grammar: `and`, `or`, `not`, parentheses, comparisons; and ss's own clauses.
//!
//! ```text
//! any   := all { ("or" | "||" | "|") all }
//! all   := one { [ "and" | "&&" | "&" ] one }         side by side means and
//! one   := ("not" | "!") one | "(" any ")" | term
//! term  := NAME op values | "state" STATE | "exclude" STATE | "src" END | ... | bare
//! bare  := WORD { "," WORD }                          8080, established, java: see `bare`
//! op    := = == != < <= > >= ~ !~ in, "not in", and ss's eq ne lt gt le ge
//! ```

use super::equal::{equal, of_ports};
use super::error::Fault;
use super::expression::{Expr, Pattern, Term, Test};
use super::fields::{self, Field};
use super::scan::{Piece, Scan};
use super::values::{self, Order};
use super::{Names, bare, ports};
use crate::columns;
use crate::model::StateSet;

/// Deeper nesting than this is no question of a person.
const DEEPEST: u32 = 64;
/// A larger regular expression than this, compiled, is none either: bytes.
const LARGEST_PATTERN: usize = 1 << 20;

/// How two things are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Equal,
    Ordered(Order),
    Match,
}

/// Words that join and negate; as such they are no names.
const WORDS: [&str; 4] = ["and", "or", "not", "in"];

/// Words of ss that need no sign of comparison behind them.
const CLAUSES: [&str; 7] = ["src", "dst", "sport", "dport", "dev", "fwmark", "cgroup"];

/// Reads the text of a filter; `None` when it is empty.
pub(super) fn parse<'a>(text: &'a str, names: Names<'a>) -> Result<Option<Expr>, Fault> {
    let mut parser = Parser {
        scan: Scan::new(text),
        names,
        depth: 0,
    };
    if parser.scan.is_done() {
        return Ok(None);
    }
    let expr = parser.any()?;
    if parser.scan.is_done() {
        return Ok(Some(expr));
    }
    let at = parser.scan.at();
    Err(match parser.scan.peek() {
        Some(piece) if piece.text == ")" => {
            Fault::new("unmatched ')'", at, "remove it, or add the '(' before it")
        }
        Some(piece) => Fault::new(
            format!("unexpected '{}'", piece.text),
            at,
            "join comparisons with and, or; quote values with spaces",
        ),
        None => open_quote(at),
    })
}

fn open_quote(at: usize) -> Fault {
    Fault::new(
        "the closing quote is missing",
        at,
        "close it with the same quote character",
    )
}

struct Parser<'a> {
    scan: Scan<'a>,
    names: Names<'a>,
    depth: u32,
}

/// A condition, and which clause of ss about states it was.
type Part = (Expr, Option<Clause>);

/// `state X` and `exclude X` of ss: side by side they make one set, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clause {
    State,
    Exclude,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expr, Fault> {
        let mut parts = vec![self.all()?];
        while self.accept_word("or") || self.scan.accept("||") || self.scan.accept("|") {
            parts.push(self.all()?);
        }
        Ok(single_or(parts, Expr::Any))
    }

    fn all(&mut self) -> Result<Expr, Fault> {
        let (first, mut before) = self.one()?;
        let mut parts = vec![first];
        loop {
            let joined = self.accept_word("and") || self.scan.accept("&&") || self.scan.accept("&");
            if !joined && self.ends_here() {
                return Ok(single_or(parts, Expr::All));
            }
            let (next, clause) = self.one()?;
            match (
                parts.last_mut(),
                clause.filter(|_| before.is_some() && !joined),
            ) {
                (Some(last), Some(clause)) => add_up(last, &next, clause),
                _ => parts.push(next),
            }
            before = clause;
        }
    }

    /// Whether what follows belongs to an outer level.
    fn ends_here(&self) -> bool {
        self.scan.peek().is_none_or(|piece| {
            let text = piece.text;
            !piece.quoted
                && (matches!(text, ")" | "|" | "||" | ",") || text.eq_ignore_ascii_case("or"))
        })
    }

    fn one(&mut self) -> Result<Part, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            let hint = format!("at most {DEEPEST} levels are allowed");
            return Err(Fault::new("it is nested too deep", self.scan.at(), hint));
        }
        let part = if self.accept_word("not") || self.scan.accept("!") {
            let (inner, _) = self.one()?;
            (Expr::Not(Box::new(inner)), None)
        } else if self.scan.accept("(") {
            let inner = self.any()?;
            if !self.scan.accept(")") {
                let hint = "every '(' needs its ')'";
                return Err(Fault::new("a ')' is missing", self.scan.at(), hint));
            }
            (inner, None)
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(part)
    }

    fn accept_word(&mut self, word: &str) -> bool {
        match self.scan.peek() {
            Some(piece) if !piece.quoted && piece.text.eq_ignore_ascii_case(word) => {
                self.scan.next_piece();
                true
            }
            _ => false,
        }
    }

    fn term(&mut self) -> Result<Part, Fault> {
        let name = self.name()?;
        let word = name.text.to_ascii_lowercase();
        let op = self.operator();
        if op.is_none() && is_bare(name) {
            return self.bare(name);
        }
        if op.is_none() && matches!(word.as_str(), "state" | "exclude") {
            let value = self.value(false, "a state")?;
            let set = values::states(value, true)?;
            let (set, clause) = match word.as_str() {
                "state" => (set, Clause::State),
                _ => (set.complement(), Clause::Exclude),
            };
            return Ok((plain(Test::State(set)), Some(clause)));
        }
        let (op, negated) = match op {
            Some(op) => op,
            None if CLAUSES.contains(&word.as_str()) => (Op::Equal, false),
            None => return Err(self.no_operator(name)),
        };
        let field = fields::find(name)?;
        let test = self.test(name, field, op)?;
        Ok((Expr::Term(Term { test, negated }), None))
    }

    /// A word that is no comparison, or several with commas between them.
    fn bare(&mut self, first: Piece<'a>) -> Result<Part, Fault> {
        let mut parts = vec![bare::read(first, self.names)?];
        while self.scan.accept(",") {
            let next = self.value(false, "a word")?;
            parts.push(bare::read(next, self.names)?);
        }
        let is_state = !first.quoted && parts.len() == 1 && bare::is_state(first.text);
        let clause = is_state.then_some(Clause::State);
        Ok((single_or(parts, Expr::Any), clause))
    }

    /// The name that a comparison begins with, or a word without one.
    fn name(&mut self) -> Result<Piece<'a>, Fault> {
        let at = self.scan.at();
        let hint = "a comparison is a name, an operator and a value: state = close_wait";
        let Some(piece) = self.scan.next_piece() else {
            if self.scan.is_done() {
                return Err(Fault::new("a comparison is missing", at, hint));
            }
            return Err(open_quote(at));
        };
        let is_word = piece
            .text
            .starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let joins = WORDS
            .iter()
            .any(|word| piece.text.eq_ignore_ascii_case(word));
        let is_compared = self.peek_operator().is_some();
        if (piece.quoted || !is_word || joins) && (is_compared || !is_bare(piece)) {
            let what = format!("expected a name, not '{}'", piece.text);
            return Err(Fault::new(what, at, hint));
        }
        Ok(piece)
    }

    /// The sign of comparison, and whether it negates.
    fn operator(&mut self) -> Option<(Op, bool)> {
        let (found, ahead) = self.peek_operator()?;
        self.scan = ahead;
        Some(found)
    }

    /// The same without taking it, and what comes behind it.
    fn peek_operator(&self) -> Option<((Op, bool), Scan<'a>)> {
        let mut ahead = self.scan;
        let piece = ahead.next_piece().filter(|piece| !piece.quoted)?;
        let word = piece.text.to_ascii_lowercase();
        let found = match word.as_str() {
            "=" | "==" | "eq" | "in" => (Op::Equal, false),
            "!=" | "<>" | "ne" | "neq" => (Op::Equal, true),
            "<" | "lt" => (Op::Ordered(Order::Less), false),
            "<=" | "le" | "leq" => (Op::Ordered(Order::AtMost), false),
            ">" | "gt" => (Op::Ordered(Order::Greater), false),
            ">=" | "ge" | "geq" => (Op::Ordered(Order::AtLeast), false),
            "~" => (Op::Match, false),
            "!~" => (Op::Match, true),
            "not" => {
                let next = ahead.next_piece()?;
                next.text.eq_ignore_ascii_case("in").then_some(())?;
                (Op::Equal, true)
            }
            _ => return None,
        };
        Some((found, ahead))
    }

    /// A name without a comparison.
    fn no_operator(&self, name: Piece<'_>) -> Fault {
        let word = name.text;
        match fields::find(name) {
            Ok(_) => {
                let hint = "use one of = != < <= > >= ~ !~ in";
                Fault::new(
                    format!("an operator is missing after '{word}'"),
                    self.scan.at(),
                    hint,
                )
            }
            Err(fault) => Fault {
                hint: format!("{}; or join words with and, or", fault.hint),
                ..fault
            },
        }
    }

    fn test(&mut self, name: Piece<'_>, field: Field, op: Op) -> Result<Test, Fault> {
        match op {
            Op::Match => self.matching(name, field),
            Op::Ordered(order) => self.ordered(name, field, order),
            Op::Equal => {
                let values = self.values()?;
                equal(field, &values, self.names)
            }
        }
    }

    fn matching(&mut self, name: Piece<'_>, field: Field) -> Result<Test, Fault> {
        let id = match field {
            Field::Process => "comm",
            Field::User => "user",
            Field::State => "state",
            Field::Text(column) | Field::Cgroup(column) => column.id,
            Field::Device(_) => "interface",
            Field::ProcessUser => "process_user",
            Field::End(..) => match name.text.to_ascii_lowercase().as_str() {
                "saddr" => "laddr",
                "daddr" => "paddr",
                word => fields::column_of_ss(word).unwrap_or(name.text),
            },
            Field::Port(..) | Field::Pid | Field::Number(..) | Field::Bits(_) => {
                let what = format!("'{}' is a number: it has no text to match", name.text);
                return Err(Fault::new(what, name.at, "use = != < <= > >="));
            }
        };
        let column = columns::find(&id.to_ascii_lowercase()).ok_or_else(|| {
            let what = format!("'{}' has no text to match", name.text);
            Fault::new(what, name.at, "match local or peer")
        })?;
        let value = self.value(true, "a regular expression")?;
        let regex = regex::bytes::RegexBuilder::new(value.text)
            .size_limit(LARGEST_PATTERN)
            .build()
            .map_err(|error| {
                let text = error.to_string();
                let why = text.lines().last().unwrap_or_default();
                let why = why.trim().trim_start_matches("error: ");
                let what = format!("'{}' is not a valid regular expression ({why})", value.text);
                Fault::new(
                    what,
                    value.at,
                    "quote it if it has spaces; \\ escapes special characters",
                )
            })?;
        Ok(Test::Matches(column, Pattern(regex)))
    }

    fn ordered(&mut self, name: Piece<'_>, field: Field, order: Order) -> Result<Test, Fault> {
        let value = self.value(false, "a number")?;
        match field {
            Field::Port(side, spelling) => {
                let (family, range) = ports::value(value, spelling, self.names)?;
                let port = range.filter(|range| range.is_single()).ok_or_else(|| {
                    let what = format!("'{}' is a range", value.text);
                    Fault::new(what, value.at, "use =, != or in with a range")
                })?;
                let ranges = order.ports(port.first).into_iter();
                let ranges = ranges.map(|range| (family, Some(range)));
                Ok(of_ports(side, ranges.collect()))
            }
            Field::Pid => {
                let number = values::number(value, fields::Unit::Count)?;
                Ok(Test::Pid(order.range(number)))
            }
            Field::Bits(column) => {
                let number = values::number(value, fields::Unit::Count)?;
                Ok(Test::Number(column, order.range(number)))
            }
            Field::Number(column, unit) => {
                let number = values::number(value, unit)?;
                Ok(Test::Number(column, order.range(number)))
            }
            _ => {
                let what = format!("'{}' cannot be ordered", name.text);
                Err(Fault::new(what, name.at, "use = != ~ !~ in"))
            }
        }
    }

    /// Values with commas between them, perhaps in parentheses.
    fn values(&mut self) -> Result<Vec<Piece<'a>>, Fault> {
        let enclosed = self.scan.accept("(");
        let mut values = vec![self.value(false, "a value")?];
        while self.scan.accept(",") {
            values.push(self.value(false, "a value")?);
        }
        if enclosed && !self.scan.accept(")") {
            let hint = "the list starts with '('";
            return Err(Fault::new("a ')' is missing", self.scan.at(), hint));
        }
        Ok(values)
    }

    fn value(&mut self, whole: bool, wanted: &str) -> Result<Piece<'a>, Fault> {
        let at = self.scan.at();
        if let Some(piece) = self.scan.value(whole) {
            return Ok(piece);
        }
        let starts_quoted = self.scan.peek().is_none() && !self.scan.is_done();
        if starts_quoted {
            return Err(open_quote(at));
        }
        let hint = "for example state = close_wait, lport in 80,8000-8100";
        Err(Fault::new(format!("{wanted} is missing"), at, hint))
    }
}

/// Whether a piece without a comparison stands for itself: no name, no sign, no word that joins.
fn is_bare(piece: Piece<'_>) -> bool {
    let begins = |c: char| c.is_alphanumeric() || "_:[*".contains(c);
    let joins = WORDS
        .iter()
        .any(|word| piece.text.eq_ignore_ascii_case(word));
    piece.quoted || (piece.text.starts_with(begins) && !joins && !super::is_word(piece.text))
}

fn plain(test: Test) -> Expr {
    Expr::Term(Term {
        test,
        negated: false,
    })
}

fn single_or(mut parts: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

/// `state A state B` of ss: either; `state A exclude B`: A without B.
fn add_up(last: &mut Expr, next: &Expr, clause: Clause) {
    let set = |expr: &Expr| match expr {
        Expr::Term(Term {
            test: Test::State(set),
            ..
        }) => *set,
        _ => StateSet::NONE,
    };
    let (before, next) = (set(last), set(next));
    *last = plain(Test::State(match clause {
        Clause::State => before.union(next),
        Clause::Exclude => before.intersect(next),
    }));
}
