//! What is folded on the first screen, in a line.

use crate::analyze::first_screen::{Part, Pile};
use crate::columns::push_host;
use crate::model::foreign::shown;

/// Parts that are named; of the rest the number is.
const NAMED: usize = 3;

/// `559 TIME_WAIT, 303 of them nginx:80, 41 towards 10.0.0.7:5432, 215 others`.
#[must_use]
pub fn sentence(pile: &Pile, how_to_see_them: &str) -> String {
    let mut text = format!("{} TIME_WAIT", pile.count);
    let named = pile.parts.iter().take(NAMED);
    for (index, (part, count)) in named.clone().enumerate() {
        let how_many = match (index, *count == pile.count) {
            (_, true) => "all".to_owned(),
            (0, _) => format!("{count} of them"),
            _ => count.to_string(),
        };
        text += &[", ", &how_many, " ", &name(part)].concat();
    }
    let told: u64 = named.map(|(_, count)| count).sum();
    let others = match pile.count.saturating_sub(told) {
        0 => String::new(),
        1 => ", 1 other".to_owned(),
        rest => format!(", {rest} others"),
    };
    format!("{text}{others} ({how_to_see_them})")
}

fn name(part: &Part) -> String {
    match part {
        Part::Port(port, Some(name)) => format!("{}:{port}", shown(name)),
        Part::Port(port, None) => format!("on port {port}"),
        Part::Towards(peer) => {
            let mut text = "towards ".to_owned();
            push_host(&mut text, peer.address, false);
            format!("{text}:{}", peer.port)
        }
        Part::Unknown => "of unknown ends".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;

    fn told(parts: Vec<(Part, u64)>) -> String {
        let count = parts.iter().map(|(_, count)| count).sum();
        sentence(&Pile { count, parts }, "see")
    }

    #[test]
    fn the_largest_parts_are_named_and_the_rest_is_counted() {
        let port = |port, name: &str| Part::Port(port, Some(name.into()));
        let towards = Part::Towards(Endpoint::new("fe80::1".parse().unwrap(), 5432));
        assert_eq!(
            told(vec![
                (port(80, "nginx"), 303),
                (towards, 200),
                (Part::Port(81, None), 50),
                (port(82, "a"), 5),
                (port(83, "a"), 1),
            ]),
            "559 TIME_WAIT, 303 of them nginx:80, 200 towards [fe80::1]:5432, 50 on port 81, \
             6 others (see)"
        );
        assert_eq!(
            told(vec![(port(80, "nginx"), 9)]),
            "9 TIME_WAIT, all nginx:80 (see)"
        );
        let hostile = told(vec![(port(80, "\u{1b}[2J"), 9)]);
        assert!(!hostile.contains('\u{1b}'), "{hostile}");
    }
}
