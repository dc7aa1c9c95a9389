//! Whole screens of a recorded host, from the kernel's bytes to the characters.

use std::fmt::Write;
use std::time::Duration;

use super::screens::compare;
use crate::look::past::Past;
use crate::look::recorded;
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::event::Event;
use crate::watch::state::round::Round;
use crate::watch::testing::{app, screen};

const TABS: [Tab; 4] = [Tab::Listen, Tab::Conns, Tab::States, Tab::Doctor];
const SIZES: [(u16, u16); 2] = [(80, 14), (120, 14)];

fn rounds() -> [Round; 2] {
    let took = Duration::from_millis(7);
    let [first, between, last] = recorded::looks(&recorded::directory());
    let first = Round::first(first, took);
    let mut past = Past::of_look(&first.look);
    past.pass(&between.snapshot.sockets, between.kernel);
    let next = Round::after(&first.look, last, Some(past), took);
    [first, next].map(|round| Round {
        time: "03:00:00".to_owned(),
        ..round
    })
}

fn shown(tab: Tab, size: (u16, u16)) -> App {
    let mut app = app(tab, size);
    for round in rounds() {
        app.update(Event::Round(Box::new(round)));
    }
    app
}

#[test]
fn a_recorded_host_is_drawn_as_ever() {
    let mut all = String::new();
    for tab in TABS {
        for size in SIZES {
            let _ = writeln!(all, "-- {} {}x{}", tab.name(), size.0, size.1);
            all += &screen(&shown(tab, size));
        }
    }
    compare("recorded", &all);
}
