//! What each key and each look does to the state.

use std::time::Duration;

use proptest::prelude::*;

use super::Tab;
use super::app::App;
use super::content::{Content, ItemId};
use super::event::{Effect, Event, Overlay};
use super::keys::Key;
use super::testing::{
    World, app, busy_host, drawn, line_with, pass, press, screen, setup, type_in,
};
use crate::analyze::states::By;
use crate::model::State;

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
    let Content::Sockets(places) = &app.content else {
        panic!("{:?}", app.content)
    };
    let rows = places.iter().filter_map(|place| app.row(*place));
    rows.map(|row| row.socket.peer.map_or(row.socket.local.port, |p| p.port))
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
    assert!(screen(&app).contains("holds as it stands"));
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
    app.update(Event::Resize(80, 12));
    let last = format!(":{} ", ports(&app)[app.cursor]);
    assert!(screen(&app).contains(&last));
    press(&mut app, Key::PageUp);
    press(&mut app, Key::Home);
    assert_eq!(app.top, 0);
}

#[test]
fn marks_come_and_go_with_time() {
    let (mut world, mut app) = busy(Tab::Conns);
    assert!(!app.is_moving());
    pass(&mut world);
    app.update(world.look());
    assert!(app.is_moving());
    assert!(line_with(&app, "203.0.113.8:6").starts_with("+ tcp    SYN_RECV"));
    assert!(line_with(&app, "198.51.100.9:40000").starts_with("- tcp    ESTABLISHED"));
    let turned = line_with(&app, "203.0.113.7:50002");
    assert!(turned.starts_with("~ tcp    ESTAB→TIME_WAIT"), "{turned}");
    assert!(turned.ends_with("was nginx 812"), "{turned}");
    let now = seconds(101);
    app.update(Event::Tick(now + seconds(3)));
    assert!(line_with(&app, "203.0.113.8:6").starts_with("+ "));
    app.update(Event::Tick(now + seconds(4)));
    assert!(line_with(&app, "203.0.113.8:6").starts_with("  tcp    SYN_RECV"));
    assert!(!screen(&app).contains("198.51.100.9"));
    let turned = line_with(&app, "203.0.113.7:50002");
    assert!(turned.starts_with("  tcp    TIME_WAIT "), "{turned}");
    assert!(!app.is_moving());
    // Who held it is known as long as it stays.
    for _ in 0..20 {
        app.update(world.look());
    }
    assert!(line_with(&app, "203.0.113.7:50002").ends_with("was nginx 812"));
    assert!(line_with(&app, "192.0.2.9:80").ends_with("(time wait)"));
}

#[test]
fn both_states_are_told_in_full_where_there_is_room() {
    let (mut world, mut app) = busy(Tab::Conns);
    pass(&mut world);
    app.update(world.look());
    app.update(Event::Resize(110, 40));
    assert!(screen(&app).contains("ESTABLISHED → TIME_WAIT "));
    app.update(Event::Resize(60, 40));
    assert!(screen(&app).contains("~ →TIME_WAIT"));
}

#[test]
fn only_what_changed_is_shown_for_longer() {
    let (mut world, mut app) = busy(Tab::Conns);
    press(&mut app, Key::Char('d'));
    assert!(screen(&app).contains("nothing changed in the last seconds"));
    pass(&mut world);
    app.update(world.look());
    let mut changed = ports(&app);
    changed.sort_unstable();
    assert_eq!(changed, [6, 80, 40000, 50002]);
    app.update(Event::Tick(seconds(101 + 9)));
    assert_eq!(ports(&app).len(), 4);
    app.update(Event::Tick(seconds(101 + 11)));
    assert_eq!(ports(&app).len(), 0);
    press(&mut app, Key::Char('d'));
    assert_eq!(ports(&app).len(), 17);
}

#[test]
fn bytes_a_second_are_told_of_connections_and_processes() {
    let (mut world, mut app) = busy(Tab::Conns);
    world.moved(10, 151_000, 2_501_000);
    world.moved(11, 51_000, 1000);
    app.update(world.look_after(2));
    let line = line_with(&app, ":50001");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert!(
        words.windows(2).any(|pair| pair == ["75k", "1.2M"]),
        "{line}"
    );
    press(&mut app, Key::Char('g'));
    let line = line_with(&app, "nginx 812");
    assert!(line.contains("100k") && line.contains("1.2M"), "{line}");
    // Nothing moved since.
    app.update(world.look());
    let line = line_with(&app, "nginx 812");
    assert!(!line.contains('k'), "{line}");
}

#[test]
fn pausing_stops_the_looks_and_the_time_of_marks() {
    let (mut world, mut app) = busy(Tab::Conns);
    pass(&mut world);
    app.update(world.look());
    assert_eq!(
        press(&mut app, Key::Char('p')),
        Some(Effect::Order { now: false })
    );
    assert!(screen(&app).contains(" PAUSED "));
    app.update(Event::Tick(seconds(1000)));
    assert!(line_with(&app, "203.0.113.8:6").starts_with("+ "));
    assert!(!app.is_moving());
    assert_eq!(
        press(&mut app, Key::Char('p')),
        Some(Effect::Order { now: true })
    );
    app.update(Event::Tick(seconds(1000)));
    assert!(line_with(&app, "203.0.113.8:6").starts_with("  "));
}

#[test]
fn the_interval_goes_by_steps_and_stops_at_both_ends() {
    let (_, mut app) = busy(Tab::Conns);
    type_in(&mut app, "+");
    assert_eq!(app.interval, seconds(2));
    assert!(screen(&app).contains("every 2 s"));
    type_in(&mut app, "++++++++++");
    assert_eq!(app.interval, seconds(60));
    type_in(&mut app, "--------------------");
    assert_eq!(app.interval, Duration::from_millis(100));
    // A time that is none of the steps goes to the nearest one.
    app.interval = Duration::from_millis(1234);
    type_in(&mut app, "-");
    assert_eq!(app.interval, seconds(1));
}

/// Enters every row of what is shown, and says what became of it.
fn enter_all(app: &mut App) -> Vec<(Tab, String, usize)> {
    let (tab, by) = (app.tab, app.by);
    let mut seen = Vec::new();
    for place in 0..app.content.len() {
        press(app, Key::Home);
        for _ in 0..=place {
            press(app, Key::Down);
        }
        let chosen = app.chosen.clone();
        if press(app, Key::Enter).is_none() {
            continue;
        }
        seen.push((app.tab, app.words.clone(), app.content.len()));
        // Back again: where it was, on the same row.
        press(app, Key::Esc);
        assert_eq!((app.tab, app.by, app.words.as_str()), (tab, by, ""));
        assert_eq!((&app.chosen, app.cursor), (&chosen, place));
    }
    seen
}

#[test]
fn groups_are_entered_and_left_again() {
    let (_, mut app) = busy(Tab::Conns);
    type_in(&mut app, "g");
    assert_eq!(app.by, Some(By::Process));
    let entered = |tab, words: &str, count| (tab, words.to_owned(), count);
    assert_eq!(
        enter_all(&mut app),
        [
            entered(Tab::Conns, "pid = 900", 12),
            entered(Tab::Conns, "pid = 812", 4),
            entered(Tab::Conns, "owner_status = orphaned", 1),
        ]
    );
    press(&mut app, Key::Esc);
    type_in(&mut app, "g");
    assert_eq!(
        enter_all(&mut app),
        [
            entered(Tab::Conns, "lport = 8080", 12),
            entered(Tab::Conns, "lport = 443", 4),
            entered(Tab::Conns, "lport = 40000", 1),
        ]
    );
    press(&mut app, Key::Esc);
    type_in(&mut app, "g");
    assert_eq!(app.by, Some(By::Peer));
    let counts: Vec<usize> = enter_all(&mut app).iter().map(|seen| seen.2).collect();
    assert_eq!(counts, [12, 2, 1, 1, 1]);
    press(&mut app, Key::Esc);
    type_in(&mut app, "g");
    assert_eq!(app.by, None);
    // Groups of listeners lead to listeners.
    press(&mut app, Key::Function(1));
    type_in(&mut app, "g");
    assert_eq!(
        enter_all(&mut app),
        [
            entered(Tab::Listen, "pid = 77", 2),
            entered(Tab::Listen, "pid = 812", 1),
        ]
    );
}

#[test]
fn what_a_row_counts_is_what_entering_it_shows() {
    let (mut world, mut app) = busy(Tab::States);
    pass(&mut world);
    app.update(world.look());
    app.update(Event::Tick(seconds(200)));
    // Toggles of the lists do not hide what a count of all sockets leads to.
    app.toggles.established = true;
    app.toggles.changed_only = true;
    let Content::States(states) = &app.content else {
        panic!()
    };
    let counts: Vec<usize> = states
        .iter()
        .map(|(_, n)| usize::try_from(*n).unwrap())
        .collect();
    let entered: Vec<usize> = enter_all(&mut app).iter().map(|seen| seen.2).collect();
    assert_eq!(entered, counts);
    for by in ["g", "g", "g"] {
        press(&mut app, Key::Esc);
        type_in(&mut app, by);
        let Content::Groups(groups) = &app.content else {
            panic!()
        };
        let totals: Vec<_> = groups.iter().map(super::content::Group::total).collect();
        let known: Vec<_> = enter_all(&mut app)
            .iter()
            .map(|seen| seen.2 as u64)
            .collect();
        // Those that are not connected have no peer to be found by.
        let totals = totals.iter().take(known.len());
        assert!(totals.copied().eq(known.iter().copied()) || app.by == Some(By::Peer));
    }
    press(&mut app, Key::Function(4));
    let Content::Piles(view, _) = &app.content else {
        panic!()
    };
    let piles: Vec<usize> = view
        .piles
        .iter()
        .map(|p| usize::try_from(p.count).unwrap())
        .collect();
    app.by = None;
    app.refresh();
    let entered: Vec<usize> = enter_all(&mut app).iter().map(|seen| seen.2).collect();
    assert_eq!(entered, piles);
}

#[test]
fn entering_narrows_the_filter_that_holds() {
    let (_, mut app) = busy(Tab::Conns);
    type_in(&mut app, "/lport = 443 or lport = 8080");
    press(&mut app, Key::Enter);
    type_in(&mut app, "g");
    press(&mut app, Key::Down);
    press(&mut app, Key::Enter);
    assert_eq!(app.words, "(lport = 443 or lport = 8080) and pid = 900");
    assert_eq!(app.content.len(), 12);
    press(&mut app, Key::Esc);
    press(&mut app, Key::Esc);
    assert_eq!(
        (app.words.as_str(), app.by),
        ("lport = 443 or lport = 8080", Some(By::Process))
    );
    press(&mut app, Key::Esc);
    press(&mut app, Key::Esc);
    assert_eq!((app.words.as_str(), app.by), ("", None));
}

#[test]
fn a_finding_is_told_in_full_and_then_its_sockets() {
    let (mut world, mut app) = busy(Tab::Doctor);
    pass(&mut world);
    app.update(world.look());
    app.update(Event::Resize(60, 15));
    assert!(
        screen(&app).contains("more lines: Enter tells"),
        "{}",
        screen(&app)
    );
    assert_eq!(press(&mut app, Key::Enter), None);
    assert!(matches!(app.overlay, Overlay::Finding(_)));
    press(&mut app, Key::End);
    assert!(screen(&app).contains("fills any"), "{}", screen(&app));
    assert!(press(&mut app, Key::Enter).is_some());
    assert_eq!((app.tab, app.words.as_str()), (Tab::Conns, "pid = 812"));
    press(&mut app, Key::Esc);
    press(&mut app, Key::Esc);
    assert_eq!(app.tab, Tab::Doctor);
}

#[test]
fn help_scrolls_and_any_of_its_keys_closes_it() {
    let (_, mut app) = busy(Tab::Conns);
    app.update(Event::Resize(60, 12));
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
fn what_piles_up_is_told_with_its_growth_and_its_limit() {
    let (mut world, mut app) = busy(Tab::Buildup);
    for second in 0..5 {
        for more in 0..2 {
            let cookie = 200 + second * 2 + more;
            let peer = format!("10.0.0.1:{}", 2000 + cookie);
            world.tcp(
                cookie,
                State::CloseWait,
                ["192.0.2.1:8080", &peer],
                Some(900),
            );
        }
        app.update(world.look());
    }
    app.update(Event::Resize(120, 40));
    let line = line_with(&app, "CLOSE_WAIT       2");
    // Two a second; the process has 24 of 1024 descriptors open: 500 s are left.
    assert!(line.contains("+120") && line.contains("~8 min"), "{line}");
    assert!(screen(&app).contains("in ~8 min the limit of descriptors is reached"));
    // A filter that hides half of it is no shrinking.
    type_in(&mut app, "/pport < 1046");
    press(&mut app, Key::Enter);
    for _ in 0..4 {
        app.update(world.look());
    }
    let text = screen(&app);
    let line = text
        .lines()
        .find(|line| line.starts_with("  CLOSE_WAIT "))
        .unwrap();
    assert_eq!(line.split_whitespace().nth(1), Some("6"), "{line}");
    assert!(line.split_whitespace().nth(2) == Some("0"), "{line}");
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

/// Something that can happen.
#[derive(Clone, Debug)]
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
        Step::Resize(width, height) => return Some(Event::Resize(width, height)),
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
        let page = super::ui::page(app);
        assert!(page == 0 || (app.top..app.top + page).contains(&app.cursor));
    }
    let terminal = drawn(app);
    let buffer = terminal.backend().buffer();
    assert_eq!((buffer.area.width, buffer.area.height), app.size);
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

#[test]
fn ids_tell_rows_apart() {
    let (_, mut app) = busy(Tab::Listen);
    for tab in 1..=5 {
        press(&mut app, Key::Function(tab));
        let ids: Vec<ItemId> = (0..app.content.len())
            .filter_map(|place| app.content.id(&app, place))
            .collect();
        assert_eq!(ids.len(), app.content.len());
        for (place, id) in ids.iter().enumerate() {
            assert_eq!(app.content.find(&app, id), Some(place));
        }
    }
}
