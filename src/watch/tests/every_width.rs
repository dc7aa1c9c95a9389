//! Every screen at every width, over rows with long names, long addresses and large numbers:
//! no number is cut, no word is half.

use std::fmt::Write;

use crate::model::{Problem, State};
use crate::text::faults::Words;
use crate::text::frame::Size;
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::details::Details;
use crate::watch::state::event::{Event, Overlay};
use crate::watch::state::key::Key;
use crate::watch::testing::{World, busy_host, pass, press, screen, setup, type_in};

/// Lines of the screen: as many as keep a word from going on where it is not seen.
const LINES: u16 = 150;
/// A screen on which everything is whole.
const WHOLE: (u16, u16) = (400, 150);
const LONG: &str = "[2001:db8:1234:5678:9abc:def0:1234:5678]:65535";

/// A host of which everything is long, and what happens on it.
fn world() -> World {
    let mut world = busy_host();
    world.process(4_194_303, b"systemd-resolve");
    world.process(1113, b"redis-server");
    world.process(900_001, "日本語の長い名前".as_bytes());
    world.listener(100, LONG, 4_194_303);
    world.wait(100, 4_294_967_295);
    world.tcp(
        101,
        State::Established,
        ["127.0.0.1:6379", "127.0.0.1:40072"],
        Some(1113),
    );
    world.moved(101, 1_000_000_000, 99_999_999_999);
    world.tcp(
        102,
        State::Established,
        ["127.0.0.1:6379", "127.0.0.1:40074"],
        None,
    );
    for cookie in 110..118 {
        let peer = format!("[2001:db8:1234:5678:9abc:def0:1234:{cookie}]:65535");
        world.tcp(
            cookie,
            State::CloseWait,
            ["[fe80::1234:5678:9abc:def0]:443", &peer],
            Some(900_001),
        );
    }
    world
}

/// The view after two looks, and what is typed.
fn view(tab: Tab, size: (u16, u16), keys: &str, is_troubled: bool) -> App {
    let mut world = world();
    let mut setup = setup(tab);
    setup.size = Size::new(size.0, size.1);
    setup.host = "a-host-with-a-long-name-12345.example.org".into();
    let mut app = App::new(setup);
    app.update(world.look());
    pass(&mut world);
    world.moved(101, 9_000_000_000, 999_999_999_999);
    if is_troubled {
        let text = "the owners of 1234567 sockets are hidden (run as root)";
        world.problems.push(Problem::new("owners_hidden", text));
    }
    app.update(world.look());
    for key in keys.chars() {
        match key {
            '>' => drop(press(&mut app, Key::Enter)),
            'v' => drop(press(&mut app, Key::Down)),
            '$' => drop(press(&mut app, Key::End)),
            key => drop(type_in(&mut app, &key.to_string())),
        }
        tell_details(&mut app);
    }
    app
}

/// Answers where all about a socket was asked for.
fn tell_details(app: &mut App) {
    let Overlay::Details(identity, None) = app.overlay else {
        return;
    };
    let snapshot = app.round.as_ref().unwrap().look.sample.snapshot.clone();
    let ancestry = [900_001, 4_194_303, 812];
    let ancestry = ancestry
        .iter()
        .map(|pid| snapshot.facts.processes[pid].clone());
    app.update(Event::Details(Box::new(Details {
        identity,
        ancestry: ancestry.collect(),
        snapshot,
        now: Some(1_000_000),
    })));
}

/// The screen without what frames it.
fn bare(app: &App) -> String {
    screen(app).replace(['│', '→'], " ")
}

/// What is said only where there is little room, or where there is much.
fn others() -> String {
    let mut text =
        "left out: out lines: in the last looks looks: columns column 1 row rows of … more lines line: Down, PgDn; Enter \
        tells the finding in full its sockets; Esc closes and more below - PROTO RECV SEND USER \
        LOCAL PEER IO/s IN/s OUT/s QUEUE LIMIT IN OLDEST HISTORY, WHATEVER THE FILTER keys \
        ESTAB SYN_S SYN_R FIN_1 FIN_2 TIME_W CLOSE_W L_ACK BOUND + ~ q leave ? help Tab view / \
        filter s order g group Enter more d changes p pause +- interval tu46le which pause \
        Enter keep Esc as before in full socket finding"
            .to_owned();
    for state in State::TCP {
        let _ = write!(text, " {state} {state}, UDP, UDP");
    }
    for number in 0..400 {
        let _ = write!(text, " {number}");
    }
    text
}

#[test]
fn every_screen() {
    let others = others();
    for (tab, keys) in [
        (Tab::Listen, ""),
        (Tab::Listen, "g"),
        (Tab::Listen, "v>"),
        (Tab::Conns, ""),
        (Tab::Conns, "$"),
        (Tab::Conns, "d"),
        (Tab::Conns, "?"),
        (Tab::Conns, "g"),
        (Tab::Conns, "gv>"),
        (Tab::Conns, "ggg"),
        (Tab::Conns, "/pport = 65535"),
        (Tab::Conns, "/pport = x"),
        (Tab::Conns, "/pport = 65535>vv"),
        (Tab::States, ""),
        (Tab::Buildup, ""),
        (Tab::Buildup, "g"),
        (Tab::Buildup, "v>"),
        (Tab::Doctor, ""),
        (Tab::Doctor, "v>"),
    ] {
        for is_troubled in [false, true] {
            let mut app = view(tab, WHOLE, keys, is_troubled);
            let whole = bare(&app);
            let mut sized = |width| {
                app.update(Event::Resize(Size::new(width, LINES)));
                bare(&app)
            };
            let words = Words::of(&[&whole, &sized(100), &sized(80), &others]);
            // The lists at every width, the rest at some of them.
            let step = if keys.is_empty() && !is_troubled {
                1
            } else {
                23
            };
            for width in (20..=220).step_by(step) {
                let lines = if width < 80 && step > 1 { LINES } else { 48 };
                app.update(Event::Resize(Size::new(width, lines)));
                let text = bare(&app);
                if width < 40 {
                    assert!(text.contains("small"), "{text}");
                    continue;
                }
                let faults = words.faults(&text, width.into());
                assert!(
                    faults.is_empty(),
                    "{tab:?} {keys:?} at {width}: {faults:#?}\n{text}"
                );
            }
        }
    }
}
