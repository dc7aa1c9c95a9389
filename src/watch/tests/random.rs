//! Whatever happens, in whichever order, is taken in and can be drawn.

use proptest::prelude::*;

use super::*;
use crate::text::frame::Size;

/// Something that can happen.
#[derive(Clone, Copy, Debug)]
enum Step {
    Key(Key),
    Resize(u16, u16),
    Look(u64),
    Tick(u64),
    Open(u64, bool),
    Close(u64),
    Turn(u64, usize),
    Move(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let character = prop_oneof![
        proptest::sample::select("tu46ledsSgpp+-?/hjk =<>()1".chars().collect::<Vec<_>>()),
        any::<char>(),
    ];
    let key = prop_oneof![
        6 => character.prop_map(Key::Char),
        6 => proptest::sample::select(vec![
            Key::Enter, Key::Esc, Key::Backspace, Key::Clear, Key::Up, Key::Down, Key::PageUp,
            Key::PageDown, Key::Home, Key::End, Key::Tab, Key::BackTab,
        ]),
        1 => any::<u8>().prop_map(Key::Function),
    ];
    let cookie = 1..80_u64;
    prop_oneof![
        12 => key.prop_map(Step::Key),
        3 => (0..500_u16, 0..200_u16).prop_map(|(w, h)| Step::Resize(w, h)),
        3 => (36..90_u16, 8..30_u16).prop_map(|(w, h)| Step::Resize(w, h)),
        4 => (0..9_u64).prop_map(Step::Look),
        1 => (90..400_u64).prop_map(Step::Tick),
        3 => (cookie.clone(), any::<bool>()).prop_map(|(c, v6)| Step::Open(c, v6)),
        2 => cookie.clone().prop_map(Step::Close),
        2 => (cookie.clone(), 0..12_usize).prop_map(|(c, s)| Step::Turn(c, s)),
        1 => (cookie, any::<u64>()).prop_map(|(c, b)| Step::Move(c, b)),
    ]
}

/// Does what happens to the host; what concerns the view is returned.
fn happen(world: &mut World, step: Step) -> Option<Event> {
    let has = |world: &World, cookie| world.has(cookie);
    match step {
        Step::Key(key) => return Some(Event::Key(key)),
        Step::Resize(width, height) => return Some(Event::Resize(Size::new(width, height))),
        Step::Look(after) => return Some(world.look_after(after)),
        Step::Tick(at) => return Some(Event::Tick(seconds(at))),
        Step::Open(cookie, false) if !has(world, cookie) => {
            let peer = format!("198.51.100.7:{}", 1000 + cookie);
            world.tcp(
                cookie,
                State::Established,
                ["192.0.2.1:443", &peer],
                Some(812),
            );
        }
        Step::Open(cookie, true) if !has(world, cookie) => {
            let ends = [
                "[2001:db8::1]:443",
                "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535",
            ];
            world.tcp(cookie, State::SynSent, ends, None);
        }
        Step::Close(cookie) => world.close(cookie),
        Step::Turn(cookie, state) if has(world, cookie) => {
            world.turn(cookie, State::TCP[state % State::TCP.len()]);
        }
        Step::Move(cookie, bytes) if has(world, cookie) => world.moved(cookie, bytes, bytes / 3),
        _ => {}
    }
    None
}

fn check(app: &App) {
    let count = app.content.len();
    assert!(
        app.cursor == 0 || app.cursor < count,
        "{} of {count}",
        app.cursor
    );
    assert!(
        app.top == 0 || app.top < count,
        "top {} of {count}",
        app.top
    );
    if let Some(chosen) = &app.chosen {
        assert_eq!(app.content.id(app, app.cursor).as_ref(), Some(chosen));
        // Findings are told with the chosen one in full, wherever the list begins.
        let page = crate::watch::geometry::page(app);
        assert!(page == 0 || (app.top..app.top + page).contains(&app.cursor));
    }
    let lines = crate::watch::parts::overlay::lines(app);
    assert_eq!(app.overlay_length, lines.len());
    let terminal = drawn(app);
    let buffer = terminal.backend().buffer();
    assert_eq!(Size::new(buffer.area.width, buffer.area.height), app.size);
    let is_bad = |symbol: &str| symbol.chars().any(char::is_control);
    assert!(!buffer.content().iter().any(|cell| is_bad(cell.symbol())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_happens_is_taken_in_and_drawn(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = busy_host();
        let mut app = app(Tab::Conns, (80, 24));
        app.update(world.look());
        for step in steps {
            if let Some(event) = happen(&mut world, step) {
                app.update(event);
                check(&app);
            }
        }
    }
}
