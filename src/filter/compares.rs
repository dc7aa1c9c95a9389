//! What a filter chooses by and may not be known: facts of processes, command lines, what some
//! sources do not tell.

use super::Filter;
use super::ends::EndPattern;
use super::evaluate::equals_word;
use super::expression::{Expr, Test};
use crate::columns::{Column, Kind, OwnerField};
use crate::query::ProcessFacts;

impl Filter {
    /// The facts of processes that it compares.
    #[must_use]
    pub fn compares(&self) -> ProcessFacts {
        let terms = self.terms();
        let of_terms = terms.iter().map(|term| match &term.test {
            Test::Process(names) if names.iter().any(|name| name.len() > 15) => {
                ProcessFacts::COMMAND
            }
            Test::ProcessUser(_) => ProcessFacts::USER,
            _ => ProcessFacts::NONE,
        });
        let columns = self.columns();
        let of_columns = columns.iter().map(|column| match column.kind {
            Kind::Owner(field) => field.is_read_of(),
            _ => ProcessFacts::NONE,
        });
        let all = of_terms.chain(of_columns);
        all.fold(ProcessFacts::NONE, ProcessFacts::and)
    }

    /// Whether it compares the interfaces that sockets are bound to.
    #[must_use]
    pub fn compares_interfaces(&self) -> bool {
        self.terms().iter().any(|term| match &term.test {
            Test::Device(..) => true,
            Test::End(_, patterns) => patterns.iter().any(|pattern| pattern.device.is_some()),
            _ => false,
        })
    }

    /// Whether it chooses by state.
    #[must_use]
    pub fn compares_states(&self) -> bool {
        self.terms().iter().any(|term| match &term.test {
            Test::State(_) => true,
            Test::Text(column, _) | Test::Matches(column, _) => column.kind == Kind::State,
            _ => false,
        })
    }

    /// Whether it tells wildcards of both families and of IPv6 alone apart.
    #[must_use]
    pub fn compares_wildcards(&self) -> bool {
        self.terms().iter().any(|term| match &term.test {
            Test::End(_, patterns) => patterns.iter().any(EndPattern::is_wildcard_of_ipv6),
            _ => false,
        })
    }

    /// Whether a command line can matter: a comparison finds it, or the filter may hold for a
    /// command line that none finds. One that is not wanted chooses the same rows when it is not
    /// known, whoever else holds them: there is room for those that are.
    #[must_use]
    pub fn wants_command(&self, line: &[u8]) -> bool {
        let Some(expr) = &self.expr else { return true };
        let finds = |test: &Test| test.finds_command(line) == Some(true);
        expr.may_hold_unfound() || expr.terms().iter().any(|term| finds(&term.test))
    }
}

impl Expr {
    /// Whether it may hold where no comparison finds its command line.
    fn may_hold_unfound(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::may_hold_unfound),
            Self::Any(parts) => parts.iter().any(Self::may_hold_unfound),
            Self::Not(_) => true,
            Self::Term(term) => term.negated || term.test.finds_command(b"").is_none(),
        }
    }
}

impl Test {
    /// Whether it finds a command line; `None` where it compares something else, too or instead.
    fn finds_command(&self, line: &[u8]) -> Option<bool> {
        let is_command = |column: &Column| column.kind == Kind::Owner(OwnerField::Command);
        match self {
            Self::Text(column, words) if is_command(column) => {
                Some(equals_word(words, line, false))
            }
            Self::Matches(column, pattern) if is_command(column) => Some(pattern.0.is_match(line)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(&[text.to_owned()]).unwrap()
    }

    #[test]
    fn a_command_line_is_wanted_where_it_can_choose_a_row() {
        for (text, wanted, unwanted) in [
            ("command ~ needle", true, false),
            ("command = \"a needle\"", true, false),
            ("command ~ needle and lport = 80", true, false),
            ("command ~ needle and command !~ hay", true, false),
            ("command !~ needle", true, true),
            ("not command ~ needle", true, true),
            ("command ~ needle or lport = 80", true, true),
            ("lport = 80", true, true),
            (
                "process = a-name-that-is-long or command ~ needle",
                true,
                true,
            ),
        ] {
            let filter = filter(text);
            assert_eq!(filter.wants_command(b"a needle"), wanted, "{text}");
            assert_eq!(filter.wants_command(b"straw"), unwanted, "{text}");
        }
        // What is found by a comparison may take a row away that another owner has.
        assert!(filter("command ~ needle and command !~ hay").wants_command(b"hay"));
        assert!(Filter::default().wants_command(b"straw"));
    }

    #[test]
    fn what_is_compared_is_known_fact_by_fact() {
        const COMMAND: ProcessFacts = ProcessFacts::COMMAND;
        for (text, facts) in [
            ("lport = 80 or comm = x", ProcessFacts::NONE),
            ("process = nginx", ProcessFacts::NONE),
            ("process = a-name-that-is-long", COMMAND),
            ("not command ~ x", COMMAND),
            ("process_user = root", ProcessFacts::USER),
            (
                "unit ~ ssh and command ~ x",
                COMMAND.and(ProcessFacts::CGROUP),
            ),
        ] {
            assert_eq!(filter(text).compares(), facts, "{text}");
        }
    }
}
