//! From a row to its sockets, and back.

use super::*;
use crate::text::frame::Size;

/// Enters every row of what is shown, and says what became of it.
fn enter_all(app: &mut App) -> Vec<(Tab, String, usize)> {
    let (tab, by) = (app.tab, app.by);
    let mut seen = Vec::new();
    for index in 0..app.content.len() {
        press(app, Key::Home);
        for _ in 0..=index {
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
        assert_eq!((&app.chosen, app.cursor), (&chosen, index));
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
        let totals: Vec<_> = groups
            .iter()
            .map(crate::watch::state::content::Group::total)
            .collect();
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
    app.update(Event::Resize(Size::new(60, 15)));
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
