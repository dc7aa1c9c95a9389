//! What looks and the time between them do: marks, rates, growth, pauses.

use super::*;
use crate::text::frame::Size;

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
    app.update(Event::Resize(Size::new(110, 40)));
    assert!(screen(&app).contains("ESTABLISHED → TIME_WAIT "));
    app.update(Event::Resize(Size::new(60, 40)));
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
    app.update(Event::Resize(Size::new(120, 40)));
    let line = line_with(&app, "CLOSE_WAIT       2");
    // Two a second; the process has 24 of 1024 descriptors open: 500 s are left.
    assert!(line.contains("+120") && line.contains("~8 min"), "{line}");
    assert!(screen(&app).contains("in ~8 min the limit of descriptors is reached"));
    // A filter and a toggle that hide some of it are no shrinking: the pile stays all along.
    let pile = |world: &mut World, app: &mut App| {
        for _ in 0..4 {
            app.update(world.look());
        }
        let text = screen(app);
        let line = text.lines().find(|line| line.starts_with("  CLOSE_WAIT "));
        let words: Vec<_> = line.unwrap().split_whitespace().take(3).collect();
        words.join(" ")
    };
    let v6 = ["[2001:db8::1]:8080", "[2001:db8::2]:3000"];
    world.tcp(300, State::CloseWait, v6, Some(900));
    app.update(world.look());
    type_in(&mut app, "/pport>1045");
    press(&mut app, Key::Enter);
    assert_eq!(pile(&mut world, &mut app), "CLOSE_WAIT 17 0");
    type_in(&mut app, "6");
    assert_eq!(pile(&mut world, &mut app), "CLOSE_WAIT 16 0");
}
