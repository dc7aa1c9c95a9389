//! `--watch` on a terminal: redrawn in place, with marks, and the terminal is left as it was found.

use common::pty::{Screen, Seat};
use common::{DEADLINE, Namespace, Scene, eventually};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use unicode_width::UnicodeWidthStr;

const OFTEN: &str = "--watch=100ms";

fn listener(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
}

fn shown(screen: &Screen, text: &str) -> bool {
    screen.is_alternate && screen.has(text)
}

#[test]
fn what_comes_changes_and_goes_is_marked() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let (old, _other) = (listener(20001), listener(20002));
    for colour in ["--color=never", "--color=always"] {
        // Marks last one round.
        let seat = Seat::start(24, 80, &["listen", "--watch=1s", colour]);
        let first = seat.until("the first frame", |s| shown(s, "127.0.0.1:20001"));
        assert!(!first.has_cursor);
        let title = &first.lines[0];
        assert!(
            title.starts_with(&format!("sockscope listen --watch=1s {colour}")),
            "{title}"
        );
        assert!(
            title.contains("every 1 s") && title.ends_with("q quits"),
            "{title}"
        );
        assert!(
            first.line("20001").unwrap().starts_with("  tcp"),
            "{first:#?}"
        );
        let new = listener(20003);
        let with = seat.passes("a new line", |s| {
            s.line("20003").is_some_and(|l| l.starts_with('+'))
        });
        assert!(with.line("20002").unwrap().starts_with("  "), "{with:#?}");
        let client = TcpStream::connect("127.0.0.1:20001").unwrap();
        let with = seat.passes("a changed cell", |s| {
            s.line("20001")
                .is_some_and(|l| l.starts_with('~') && l.contains("1/128"))
        });
        let lit = with
            .coloured
            .iter()
            .any(|line| line.contains("\u{1b}[7m1/128"));
        assert_eq!(lit, colour.ends_with("always"), "{with:#?}");
        drop(new);
        seat.passes("a line that has gone", |s| {
            s.line("20003").is_some_and(|l| l.starts_with('-'))
        });
        seat.passes("no trace of it", |s| shown(s, "20001") && !s.has("20003"));
        // Accepted and closed: as at the start.
        drop(client);
        drop(old.accept().unwrap());
    }
}

#[test]
fn the_frame_fits_and_follows_the_terminal() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=30"]);
    // No round but those that the size asks for.
    let seat = Seat::start(10, 40, &["conns", "--watch=1h"]);
    let fits = |screen: &Screen, rows: usize, columns: usize| {
        screen.lines.len() <= rows && screen.lines.iter().all(|line| line.width() <= columns)
    };
    let small = seat.until("a small frame", |s| shown(s, "more lines"));
    assert!(fits(&small, 10, 40), "{small:#?}");
    assert_eq!(small.lines.len(), 10);
    // 60 rows of two lines each, and 8 of those are seen.
    let more = small.lines[9].strip_prefix("… ");
    let more = more.and_then(|text| text.strip_suffix(" more lines")?.parse().ok());
    assert!(
        more.is_some_and(|more: usize| (112..120).contains(&more)),
        "{small:#?}"
    );
    seat.resize(24, 100);
    let large = seat.until("a large frame", |s| {
        shown(s, " more lines") && s.lines.iter().any(|line| line.width() > 60)
    });
    assert!(fits(&large, 24, 100), "{large:#?}");
    // Another width is no change.
    assert!(
        large.lines[1..]
            .iter()
            .all(|line| line.starts_with([' ', '…'])),
        "{large:#?}"
    );
    seat.resize(3, 20);
    let tiny = seat.until("a tiny frame", |s| s.is_alternate && s.lines.len() == 3);
    assert!(fits(&tiny, 3, 20), "{tiny:#?}");
}

/// How it ends: a name, what is done, and whether the last frame stays.
type Way<'a> = (&'a str, &'a dyn Fn(&mut Seat), bool);

#[test]
fn the_terminal_is_left_as_it_was_found() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _listener = listener(20001);
    let q = |seat: &mut Seat| seat.type_keys(b"q");
    let ctrl_c = |seat: &mut Seat| seat.type_keys(b"\x03");
    let term = |seat: &mut Seat| seat.signal(libc::SIGTERM);
    let hup = |seat: &mut Seat| seat.signal(libc::SIGHUP);
    let int = |seat: &mut Seat| seat.signal(libc::SIGINT);
    let ways: [Way<'_>; 5] = [
        ("q", &q, true),
        ("Ctrl-C", &ctrl_c, true),
        ("SIGINT", &int, true),
        ("SIGTERM", &term, false),
        ("SIGHUP", &hup, false),
    ];
    // The next round is far away, or looks take long: it ends at once all the same.
    for arguments in [&["listen", "--watch=1h"][..], &["listen", OFTEN]] {
        for (name, end, keeps) in &ways {
            let mut seat = Seat::start(24, 80, arguments);
            seat.until("a frame", |s| shown(s, "127.0.0.1:20001"));
            assert!(!seat.is_as_found(), "keys are not shown");
            end(&mut seat);
            assert_eq!(seat.ended().code(), Some(0), "{name}");
            let last = seat.until("the usual screen", |s| !s.is_alternate && s.has_cursor);
            assert!(seat.is_as_found(), "{name}");
            // What was seen last is not lost; whoever ends it from outside does not look.
            let kept = || seat.until("kept", |s| s.has("20001"));
            if *keeps {
                assert!(kept().has("q quits"), "{name}");
            } else {
                assert!(!last.has("20001"), "{name} {last:#?}");
            }
        }
    }
}

#[test]
fn a_core_dump_is_asked_for_on_the_terminal_as_it_was() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let mut seat = Seat::start(24, 80, &["listen", OFTEN]);
    seat.until("a frame", |s| shown(s, "nothing is listening"));
    seat.type_keys(b"\x1c");
    assert_eq!(seat.ended().signal(), Some(libc::SIGQUIT));
    seat.until("the usual screen", |s| !s.is_alternate && s.has_cursor);
    assert!(seat.is_as_found());
}

#[test]
fn a_long_look_does_not_keep_it_alive() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    // The first look is short.
    let mut seat = Seat::start(24, 80, &["doctor", "--for=2s", "--watch=100ms"]);
    seat.until("a frame", |s| shown(s, "found nothing wrong"));
    seat.type_keys(b"q");
    // No timed assertion: a look lasts two seconds, and the frame that stays is the same one.
    assert_eq!(seat.ended().code(), Some(0));
    assert!(seat.is_as_found());
}

#[test]
fn an_error_at_once_is_said_on_the_usual_screen() {
    let mut seat = Seat::start(24, 80, &["conns", "no_such_column=1", "--watch"]);
    assert_eq!(seat.ended().code(), Some(2));
    let screen = seat.until("the error", |s| s.has("sockscope: "));
    assert!(!seat.seen().contains("1049"), "{screen:#?}");
    assert!(seat.is_as_found());
}

#[test]
fn what_has_to_be_said_stands_below() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let seat = Seat::start(24, 80, &["listen", OFTEN]);
    let screen = seat.until("the note", |s| shown(s, "nothing is listening here"));
    assert!(
        screen.lines[1..]
            .iter()
            .any(|line| line == "nothing is listening here")
    );
}

#[test]
fn it_stops_and_goes_on() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _listener = listener(20001);
    let mut seat = Seat::start(24, 80, &["listen", OFTEN]);
    seat.until("a frame", |s| shown(s, "127.0.0.1:20001"));
    seat.type_keys(b"\x1a");
    eventually("stopped", DEADLINE, || (seat.does() == 'T').then_some(()));
    let stopped = seat.until("the usual screen", |s| !s.is_alternate && s.has_cursor);
    assert!(seat.is_as_found(), "{stopped:#?}");
    let _other = listener(20002);
    seat.signal(libc::SIGCONT);
    seat.until("drawn again", |s| shown(s, "20002"));
    assert!(!seat.is_as_found());
    seat.type_keys(b"q");
    assert_eq!(seat.ended().code(), Some(0));
    assert!(seat.is_as_found());
}

#[test]
fn a_lost_terminal_ends_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let mut seat = Seat::start(24, 80, &["listen", OFTEN]);
    seat.until("a frame", |s| shown(s, "nothing is listening"));
    seat.hang_up();
    // With the code of the last look.
    assert_eq!(seat.ended().code(), Some(1));
}

/// Where nothing can be drawn in place, each look is a block; and so is what no person reads.
#[test]
fn other_formats_are_blocks_on_a_terminal_too() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _listener = listener(20001);
    let mut seat = Seat::start(24, 80, &["listen", OFTEN, "--format=plain"]);
    seat.until("two blocks", |s| {
        s.lines.iter().filter(|l| l.contains("20001")).count() >= 2
    });
    assert!(seat.is_as_found());
    seat.type_keys(b"\x03");
    assert_eq!(seat.ended().code(), Some(0));
    assert!(!seat.seen().contains("1049"));
}

#[test]
fn the_last_column_is_drawn() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    // Rows that take every column of the terminal: the pid ends in the last one.
    let scene = Scene::start(&["established", "--count=3"]);
    let pid = format!(" {}", scene.pid());
    for columns in [20, 40, 60, 76, 77, 78, 79, 80, 81, 100] {
        let mut seat = Seat::start(40, columns, &["conns", "--watch=1h"]);
        seat.until("all of the table", |screen| {
            let title = screen
                .lines
                .first()
                .is_some_and(|line| line.ends_with("q quits"));
            let rows = screen.lines.iter().filter(|line| line.ends_with(&pid));
            shown(screen, "ESTABLISHED") && title && rows.count() == 6
        });
        let fits = |line: &String| line.width() <= usize::from(columns);
        let screen = Screen::of(&seat.seen());
        assert!(screen.lines.iter().all(fits), "{screen:#?}");
        seat.type_keys(b"q");
        assert!(seat.ended().success());
    }
}

#[test]
fn a_terminal_of_any_size_is_drawn_on() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _listener = listener(20001);
    for (rows, columns) in [
        (0, 0),
        (u16::MAX, u16::MAX),
        (u16::MAX, 80),
        (24, u16::MAX),
        (1, 1),
    ] {
        for arguments in [&["listen", OFTEN][..], &["watch", "listen"]] {
            let mut seat = Seat::start(rows, columns, arguments);
            let is_small = columns == 1;
            let mark = if is_small {
                "\u{1b}[?1049h"
            } else {
                "127.0.0.1:20001"
            };
            eventually("a frame", DEADLINE, || {
                seat.seen().contains(mark).then_some(())
            });
            seat.type_keys(b"q");
            assert!(seat.ended().success(), "{rows}x{columns} {arguments:?}");
        }
    }
    // What COLUMNS asks for is not wider than the terminal, where it is drawn on.
    for asked in ["0", "-1", "wide", "99999999999999999999", "65535"] {
        let mut seat = Seat::start_with(24, 80, &["listen", OFTEN], &[("COLUMNS", asked)]);
        seat.until("the whole title", |screen| {
            shown(screen, "20001") && screen.lines[0].ends_with("q quits")
        });
        let screen = Screen::of(&seat.seen());
        assert!(
            screen.lines.iter().all(|line| line.width() <= 80),
            "{screen:#?}"
        );
        seat.type_keys(b"q");
        assert!(seat.ended().success(), "{asked}");
    }
}
