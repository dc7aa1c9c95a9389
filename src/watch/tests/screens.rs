//! Whole screens, character by character, at several sizes.
//!
//! `UPDATE_SCREENS=1 cargo test --lib watch` writes them anew: look at what changed.

use std::fmt::Write;
use std::path::Path;

use ratatui::style::{Color, Modifier};

use crate::model::{FamilySet, Identity, Problem};
use crate::text::frame::Size;
use crate::text::theme::Theme;
use crate::watch::Tab;
use crate::watch::state::App;
use crate::watch::state::event::Event;
use crate::watch::state::key::Key;
use crate::watch::testing::{
    World, app, busy_host, drawn, line_with, pass, press, screen, setup, type_in,
};

const SIZES: [(u16, u16); 4] = [(80, 24), (200, 50), (60, 15), (40, 10)];

/// The busy host after two looks.
fn busy(tab: Tab, size: (u16, u16)) -> App {
    let mut world = busy_host();
    let mut app = app(tab, size);
    app.update(world.look());
    pass(&mut world);
    app.update(world.look());
    app
}

/// Compares with the file, or writes it.
pub(super) fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join(format!("src/watch/tests/screens/{name}.txt"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{name} is now\n{text}\nand was\n{expected}"
    );
}

#[test]
fn every_tab_at_every_size() {
    for tab in Tab::ALL {
        let mut all = String::new();
        for size in SIZES {
            let _ = writeln!(all, "-- {}x{}", size.0, size.1);
            all.push_str(&screen(&busy(tab, size)));
        }
        compare(tab.name(), &all);
    }
}

#[test]
fn an_empty_host_says_so_in_every_tab() {
    let mut all = String::new();
    for tab in Tab::ALL {
        let mut app = app(tab, (80, 12));
        assert!(screen(&app).contains("looking ..."));
        app.update(World::new().look());
        let _ = writeln!(all, "-- {}", tab.name());
        all.push_str(&screen(&app));
    }
    compare("empty", &all);
}

#[test]
fn what_lies_over_the_body() {
    let mut all = String::new();
    let mut app = busy(Tab::Conns, (80, 24));
    press(&mut app, Key::Char('?'));
    all.push_str(&screen(&app));
    press(&mut app, Key::Esc);
    press(&mut app, Key::Char('g'));
    all.push_str(&screen(&app));
    type_in(&mut app, "gg/state = ");
    all.push_str(&screen(&app));
    compare("over", &all);
}

#[test]
fn a_small_terminal_gets_a_notice() {
    for size in [(39, 9), (39, 50), (200, 9), (1, 1), (12, 3)] {
        let text = screen(&busy(Tab::Conns, size));
        assert!(!text.contains("sockscope"), "{text}");
        let words: String = text.split_whitespace().collect();
        let whole = format!("{}x{}istoosmall:40x10ormore;qleaves", size.0, size.1);
        assert!(whole.starts_with(&words), "{text}");
    }
    let text = screen(&busy(Tab::Conns, (39, 9)));
    assert!(
        text.starts_with("39x9 is too small: 40x10 or more; q\nleaves\n"),
        "{text}"
    );
    // Without any room nothing is drawn, and nothing panics.
    assert_eq!(screen(&busy(Tab::Conns, (0, 0))), "");
}

/// What the styles of a line are, a letter a column: colour, B bold, d dim, R reversed.
fn styles(app: &App, line: u16) -> String {
    let terminal = drawn(app);
    let buffer = terminal.backend().buffer();
    let letter = |column| {
        let cell = &buffer[(column, line)];
        let modifier = cell.modifier;
        match cell.fg {
            _ if modifier.contains(Modifier::REVERSED) => 'R',
            Color::Red => 'r',
            Color::Yellow => 'y',
            Color::Green => 'g',
            _ if modifier.contains(Modifier::BOLD | Modifier::DIM) => 'h',
            _ if modifier.contains(Modifier::BOLD) => 'B',
            _ if modifier.contains(Modifier::DIM) => 'd',
            _ => '.',
        }
    };
    (0..app.size.columns).map(letter).collect()
}

#[test]
fn colours_mean_something_and_change_no_character() {
    for tab in Tab::ALL {
        for size in SIZES {
            let mut app = busy(tab, size);
            let plain = screen(&app);
            app.setup.theme = Theme::COLOURED;
            assert_eq!(screen(&app), plain);
            app.setup.theme = Theme::PLAIN;
            for line in 0..size.1 {
                let styles = styles(&app, line);
                assert!(!styles.contains(['r', 'g', 'y']), "{tab:?} {line} {styles}");
            }
        }
    }
    let mut app = busy(Tab::Conns, (80, 24));
    app.setup.theme = Theme::COLOURED;
    let text = screen(&app);
    let place = |what: &str| {
        let line = text.lines().position(|line| line.contains(what));
        u16::try_from(line.unwrap_or_else(|| panic!("{what} in {text}"))).unwrap()
    };
    // A connection that has come, one that is gone, and one in a state that hurts.
    let new = styles(&app, place("+ SYN_RECV"));
    assert!(new.starts_with("gg"), "{new}");
    let gone = styles(&app, place("- ESTABLISHED"));
    assert!(gone.starts_with("rrddd"), "{gone}");
    let leak = styles(&app, place("  CLOSE_WAIT"));
    assert!(leak.contains("rrrrrrrrrr"), "{leak}");
    let heading = styles(&app, place("  STATE  "));
    assert!(heading.starts_with("hhhhhhh"), "{heading}");
    press(&mut app, Key::Down);
    let first = screen(&app).lines().position(|line| line.starts_with("+ "));
    let chosen = styles(&app, u16::try_from(first.unwrap()).unwrap());
    assert_eq!(chosen, "R".repeat(80));
}

#[test]
fn names_of_others_are_made_harmless() {
    let mut setup = setup(Tab::Listen);
    setup.host = "h\u{1b}[31m\u{202e}ost\n".into();
    let mut app = App::new(setup);
    let mut world = busy_host();
    app.update(world.look());
    for tab in Tab::ALL {
        app.update(Event::Key(Key::Function(tab as u8 + 1)));
        for keys in ["", "g", "gg"] {
            type_in(&mut app, keys);
            let text = screen(&app);
            let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(is_bad), "{text:?}");
        }
    }
    app.update(Event::Key(Key::Function(1)));
    assert!(line_with(&app, ":22").contains(r"evil\x1b[2J\u{202e}\n 77"));
    assert!(line_with(&app, "sockscope").contains(r"h\x1b[31m\u{202e}ost\n"));
}

#[test]
fn no_line_is_wider_than_the_screen_and_a_pid_is_never_cut() {
    for width in (50..210).step_by(7) {
        let app = busy(Tab::Conns, (width, 40));
        let text = screen(&app);
        for line in text.lines().filter(|line| line.contains("leaky")) {
            assert!(line.ends_with(" 900"), "{width} {line}");
        }
        let leaks: Vec<&str> = text
            .lines()
            .filter(|l| l.contains("CLOSE_WAIT ") && l.ends_with(" 900"))
            .collect();
        assert_eq!(leaks.len(), 12);
        for (line, port) in leaks.iter().zip(1040..) {
            assert!(line.contains(&format!(":{port} ")), "{width} {line}");
        }
    }
}

#[test]
fn what_the_filter_compares_and_nobody_tells_is_told_in_the_last_line() {
    let mut world = busy_host();
    let mut app = app(Tab::Conns, (120, 24));
    app.setup.marks_hint = Some("run as root");
    app.update(world.look());
    for (poorest, filter, note) in [
        (None, "rtt > 1", None),
        (
            None,
            "mark = 3",
            Some("note: the kernel shows socket marks"),
        ),
        (Some("procfs"), "lport = 80", None),
        (
            Some("procfs"),
            "rtt > 1",
            Some("note: /proc/net does not report"),
        ),
    ] {
        world.poorest = poorest;
        app.set_filter(filter).unwrap();
        app.update(world.look());
        let text = screen(&app);
        match note {
            Some(note) => assert!(text.contains(note), "{filter}: {text}"),
            None => assert!(!text.contains("note: "), "{filter}: {text}"),
        }
    }
}

#[test]
fn what_could_not_be_seen_is_told_in_the_last_line() {
    let mut world = busy_host();
    let mut app = app(Tab::Conns, (80, 24));
    let problem = Problem::new("owners_hidden", "owners of 3 sockets are hidden");
    world.problems.push(problem);
    app.update(world.look());
    assert!(line_with(&app, "q leave").contains("note: owners of 3 sockets are hidden"));
    app.update(Event::Failed("the table could not be read".to_owned()));
    assert!(screen(&app).ends_with("the table could not be read\n"));
    app.update(world.look());
    assert!(!screen(&app).contains("could not be read"));
}

#[test]
fn what_is_left_out_for_want_of_room_is_not_what_it_is_sorted_by() {
    let mut app = busy(Tab::Conns, (80, 24));
    assert!(!screen(&app).contains(" RECV "));
    while app.sort().name() != "recv_q" {
        press(&mut app, Key::Char('s'));
    }
    assert!(screen(&app).contains(" RECV "));
    while app.sort().name() != "in/s" {
        press(&mut app, Key::Char('s'));
    }
    assert!(screen(&app).contains("IN/s"), "{}", screen(&app));
}

#[test]
fn details_are_told_and_kept_when_the_socket_goes() {
    let mut world = busy_host();
    let mut app = app(Tab::Conns, (80, 24));
    app.update(world.look());
    type_in(&mut app, "/pport = 50001");
    press(&mut app, Key::Enter);
    let order = press(&mut app, Key::Enter);
    assert!(order.is_some());
    assert!(screen(&app).contains("looking ..."));
    let round = app.round.clone().unwrap();
    let (snapshot, look) = (&round.look.sample.snapshot, &round.look);
    let socket = look.sockets().iter().find(|s| s.peer.port() == Some(50001));
    let identity = Identity::of(socket.unwrap());
    let details = |snapshot: &crate::model::Snapshot| {
        Event::Details(Box::new(crate::watch::state::details::Details {
            identity,
            snapshot: snapshot.clone(),
            ancestry: snapshot
                .facts
                .processes
                .get(&812)
                .cloned()
                .into_iter()
                .collect(),
            now: Some(1_000_000),
        }))
    };
    app.update(details(snapshot));
    let text = screen(&app);
    for part in [
        "192.0.2.1:443 <- 203.0.113.7:50001",
        "nginx, pid 812",
        "more lines",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    press(&mut app, Key::End);
    let text = screen(&app);
    for part in [
        "processes",
        "nginx 812",
        "its other sockets: 4",
        "Esc closes",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // It goes: what is known of it stays, and it is said that it is gone.
    world.close(10);
    app.update(world.look());
    app.update(details(&crate::model::Snapshot::default()));
    press(&mut app, Key::Home);
    let text = screen(&app);
    assert!(
        text.contains("gone since; this is how it was seen last:"),
        "{text}"
    );
    assert!(text.contains("nginx, pid 812"), "{text}");
    // A larger terminal shows the beginning, not an empty page.
    press(&mut app, Key::End);
    app.update(Event::Resize(Size::new(200, 60)));
    assert!(screen(&app).contains("gone since"));
    press(&mut app, Key::Char('q'));
    assert!(screen(&app).contains("filter pport = 50001"));
    // The row that is gone is told as it was seen last, without asking anybody.
    app.update(world.look());
    press(&mut app, Key::Enter);
    assert!(screen(&app).contains("gone since"), "{}", screen(&app));
    assert!(screen(&app).contains("203.0.113.7:50001"));
    assert!(app.toggles.families == FamilySet::BOTH);
}
