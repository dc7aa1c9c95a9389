//! What each key and each look does to the state.

mod drill;
mod every_width;
mod random;
mod recorded;
mod screens;
mod time;

use std::time::Duration;

use crate::analyze::states::By;
use crate::model::State;
use crate::text::frame::Size;
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::content::{Content, ItemId};
use crate::watch::state::event::{Effect, Event, Overlay};
use crate::watch::state::key::Key;
use crate::watch::testing::{
    World, app, busy_host, drawn, line_with, pass, press, screen, setup, type_in,
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The busy host after one look.
fn busy(tab: Tab) -> (World, App) {
    let mut world = busy_host();
    let mut app = app(tab, (100, 40));
    app.update(world.look());
    (world, app)
}

/// The peers' ports of the rows, from the top.
fn ports(app: &App) -> Vec<u16> {
    let Content::Sockets(indices) = &app.content else {
        panic!("{:?}", app.content)
    };
    let rows = indices.iter().filter_map(|index| app.row(*index));
    rows.map(|row| row.socket.peer.port().or(row.socket.local.port()).unwrap())
        .collect()
}

fn chosen_port(app: &App) -> Option<u16> {
    app.chosen.as_ref()?;
    ports(app).get(app.cursor).copied()
}

#[test]
fn tabs_are_walked_both_ways_and_named_by_function_keys() {
    let (_, mut app) = busy(Tab::Conns);
    let mut seen = Vec::new();
    for _ in 0..5 {
        assert_eq!(press(&mut app, Key::Tab), Some(Effect::Order { now: true }));
        seen.push(app.tab.name());
    }
    assert_eq!(seen, ["states", "buildup", "doctor", "listen", "conns"]);
    press(&mut app, Key::BackTab);
    assert_eq!(app.tab, Tab::Listen);
    press(&mut app, Key::Function(4));
    assert_eq!(app.tab, Tab::Buildup);
    assert_eq!(press(&mut app, Key::Function(9)), None);
    assert_eq!(app.tab, Tab::Buildup);
}

#[test]
fn a_wrong_filter_is_told_while_the_last_right_one_holds() {
    let (_, mut app) = busy(Tab::Conns);
    assert_eq!(app.content.len(), 17);
    type_in(&mut app, "/state = close_wait");
    assert_eq!(
        (app.words.as_str(), app.content.len()),
        ("state = close_wait", 12)
    );
    assert!(screen(&app).contains("valid filter"));
    type_in(&mut app, " and lport >");
    assert_eq!(app.content.len(), 12);
    let error = line_with(&app, "a number is missing");
    assert!(error.contains("at character"), "{error}");
    assert!(line_with(&app, "Enter keep").contains("for example"));
    // A wrong one is not kept; the line stays open.
    assert_eq!(press(&mut app, Key::Enter), None);
    assert!(app.typing.is_some());
    type_in(&mut app, " 1\u{8}");
    press(&mut app, Key::Backspace);
    assert_eq!(
        press(&mut app, Key::Enter),
        Some(Effect::Order { now: true })
    );
    assert!(app.typing.is_none());
    assert!(line_with(&app, "filter ").contains("state = close_wait and lport > 1"));
    // Esc while typing brings back what was; Esc later takes it away.
    type_in(&mut app, "/");
    press(&mut app, Key::Clear);
    assert_eq!(app.content.len(), 17);
    press(&mut app, Key::Esc);
    assert_eq!(app.content.len(), 12);
    press(&mut app, Key::Esc);
    assert_eq!((app.words.as_str(), app.content.len()), ("", 17));
    // Keys are text while it is typed.
    type_in(&mut app, "/q?p");
    assert!(app.typing.is_some() && !app.paused);
    assert_eq!(press(&mut app, Key::Interrupt), Some(Effect::Leave));
}

#[test]
fn toggles_show_and_hide() {
    let (_, mut app) = busy(Tab::Conns);
    let mut count = |keys: &str| {
        type_in(&mut app, keys);
        app.content.len()
    };
    assert_eq!(count(""), 17);
    assert_eq!(count("6"), 16);
    assert_eq!(count("6"), 17);
    assert_eq!(count("4"), 1);
    assert_eq!(count("4l"), 20);
    assert_eq!(count("u"), 19);
    assert_eq!(count("ut"), 1);
    assert_eq!(count("tle"), 4);
    assert_eq!(count("e"), 17);
    type_in(&mut app, "tu");
    assert!(screen(&app).contains("nothing: t u 4 6 show more"));
}

#[test]
fn the_choice_sticks_to_its_socket() {
    let (mut world, mut app) = busy(Tab::Conns);
    type_in(&mut app, "s/state = close_wait");
    press(&mut app, Key::Enter);
    for _ in 0..3 {
        press(&mut app, Key::Down);
    }
    assert_eq!((app.cursor, chosen_port(&app)), (2, Some(1042)));
    // Rows come before it and go.
    world.close(40);
    world.tcp(
        60,
        State::CloseWait,
        ["192.0.2.1:80", "10.0.0.9:9"],
        Some(900),
    );
    world.tcp(
        61,
        State::CloseWait,
        ["192.0.2.1:80", "10.0.0.9:10"],
        Some(900),
    );
    app.update(world.look());
    assert_eq!((app.cursor, chosen_port(&app)), (4, Some(1042)));
    // Other orders, both ways.
    for _ in 0..9 {
        press(&mut app, Key::Char('s'));
        assert_eq!(chosen_port(&app), Some(1042), "{}", app.sort().name());
        press(&mut app, Key::Char('S'));
        assert_eq!(chosen_port(&app), Some(1042), "{}", app.sort().name());
        press(&mut app, Key::Char('S'));
    }
    // It goes: first it stays where it is, dim; then its neighbour is chosen.
    world.close(42);
    app.update(world.look());
    assert_eq!(chosen_port(&app), Some(1042));
    assert!(line_with(&app, ":1042").starts_with("- "));
    let cursor = app.cursor;
    app.update(world.look_after(4));
    assert!(!ports(&app).contains(&1042));
    assert_eq!(app.cursor, cursor.min(app.content.len() - 1));
    assert!(app.chosen.is_some());
    press(&mut app, Key::Esc);
    assert_eq!((app.chosen.clone(), app.cursor, app.top), (None, 0, 0));
}

#[test]
fn without_a_choice_the_view_stays_at_its_beginning() {
    let (mut world, mut app) = busy(Tab::Conns);
    for cookie in 100..130 {
        let peer = format!("10.0.0.2:{cookie}");
        world.tcp(
            cookie,
            State::Established,
            ["192.0.2.1:443", &peer],
            Some(812),
        );
    }
    app.update(world.look());
    assert_eq!((app.top, app.cursor, &app.chosen), (0, 0, &None));
    assert!(line_with(&app, "+ ").contains(":100 "));
    // The end, a page back, and a smaller terminal: the choice is always seen.
    press(&mut app, Key::End);
    assert_eq!(app.cursor, app.content.len() - 1);
    app.update(Event::Resize(Size::new(80, 12)));
    let last = format!(":{} ", ports(&app)[app.cursor]);
    assert!(screen(&app).contains(&last));
    press(&mut app, Key::PageUp);
    press(&mut app, Key::Home);
    assert_eq!(app.top, 0);
}

#[test]
fn help_scrolls_and_any_of_its_keys_closes_it() {
    let (_, mut app) = busy(Tab::Conns);
    app.update(Event::Resize(Size::new(60, 12)));
    for close in [Key::Esc, Key::Char('q'), Key::Char('?'), Key::Enter] {
        press(&mut app, Key::Char('?'));
        assert!(screen(&app).contains("Tab, F1-F5"));
        for _ in 0..50 {
            press(&mut app, Key::Down);
        }
        assert!(
            screen(&app).contains(" q            leave"),
            "{}",
            screen(&app)
        );
        press(&mut app, Key::Up);
        assert!(!screen(&app).contains(" q            leave"));
        press(&mut app, close);
        assert!(matches!(app.overlay, Overlay::None));
    }
}

#[test]
fn a_limit_is_told_beside_what_it_hides() {
    let mut setup = setup(Tab::Conns);
    setup.limit = 5;
    let mut app = App::new(setup);
    app.update(busy_host().look());
    assert_eq!(app.content.len(), 5);
    assert!(screen(&app).contains("5 of 17 rows"));
    type_in(&mut app, "gg");
    assert!(screen(&app).contains(" 3 rows"));
}

#[test]
fn leaving_and_stopping_are_asked_for() {
    let (_, mut app) = busy(Tab::Conns);
    assert_eq!(press(&mut app, Key::Char('q')), Some(Effect::Leave));
    assert_eq!(press(&mut app, Key::Interrupt), Some(Effect::Leave));
    assert_eq!(press(&mut app, Key::Suspend), Some(Effect::Suspend));
    press(&mut app, Key::Char('?'));
    assert_eq!(press(&mut app, Key::Interrupt), Some(Effect::Leave));
    assert_eq!(press(&mut app, Key::Suspend), Some(Effect::Suspend));
}

#[test]
fn ids_tell_rows_apart() {
    let (_, mut app) = busy(Tab::Listen);
    for tab in 1..=5 {
        press(&mut app, Key::Function(tab));
        let ids: Vec<ItemId> = (0..app.content.len())
            .filter_map(|index| app.content.id(&app, index))
            .collect();
        assert_eq!(ids.len(), app.content.len());
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(app.content.find(&app, id), Some(index));
        }
    }
}
