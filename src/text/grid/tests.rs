use super::*;
use crate::text::theme::Theme;

fn columns() -> Vec<GridColumn> {
    vec![
        GridColumn::new("PROTO", Align::Left),
        GridColumn::new("QUEUE", Align::Right),
        GridColumn::new("PROCESS", Align::Left).giving(Give::Name),
    ]
}

fn frame(width: Option<usize>, colour: bool) -> Frame {
    Frame {
        theme: if colour {
            Theme::COLOURED
        } else {
            Theme::PLAIN
        },
        width,
        header: true,
        indent: 0,
    }
}

fn rows() -> Vec<Vec<Cell>> {
    let cell = |text: &str| Cell::new(text, Tone::Calm);
    let name = "a-very-long-process-name 12345";
    vec![
        vec![cell("tcp"), cell("0/128"), cell(name).keeping(6)],
        vec![cell("udp"), cell("-"), cell("日本 7").keeping(2)],
    ]
}

fn drawn(frame: &Frame) -> String {
    let mut out = Vec::new();
    draw(&mut out, &columns(), &rows(), frame).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn numbers_stand_right_and_nothing_is_cut_without_a_limit() {
    assert_eq!(
        drawn(&frame(None, false)),
        "PROTO  QUEUE  PROCESS\n\
         tcp    0/128  a-very-long-process-name 12345\n\
         udp        -  日本 7\n"
    );
}

#[test]
fn the_process_gives_way_with_an_ellipsis() {
    let text = drawn(&frame(Some(30), false));
    assert!(text.contains("a-very-lo… 12345\n"), "{text}");
    assert!(text.lines().all(|line| line.width() <= 30));
}

#[test]
fn rows_are_folded_between_their_cells() {
    assert_eq!(
        drawn(&frame(Some(20), false)),
        "PROTO  QUEUE\n  PROCESS\n\
         tcp    0/128\n  a-very-lo… 12345\n\
         udp        -  日本 7\n"
    );
}

#[test]
fn parts_flow_over_lines_and_are_never_broken() {
    let cell = |text: &str| Cell::new(text, Tone::Normal);
    let parts = [
        cell("13 ESTABLISHED"),
        cell("3 SYN_SENT"),
        cell("7 CLOSE_WAIT"),
    ];
    let text = flow(&cell("38 sockets:"), &parts, ", ", &frame(Some(30), false));
    assert_eq!(
        text,
        "38 sockets:  13 ESTABLISHED,\n  3 SYN_SENT, 7 CLOSE_WAIT"
    );
    let text = flow(&cell("38 sockets:"), &parts, ", ", &frame(None, false));
    assert_eq!(
        text,
        "38 sockets:  13 ESTABLISHED, 3 SYN_SENT, 7 CLOSE_WAIT"
    );
}

#[test]
fn colour_changes_no_character() {
    for width in [None, Some(30), Some(20)] {
        let coloured = drawn(&frame(width, true));
        assert!(coloured.contains('\u{1b}'));
        let mut plain = String::new();
        let mut skipping = false;
        for c in coloured.chars() {
            match c {
                '\u{1b}' => skipping = true,
                'm' if skipping => skipping = false,
                c if !skipping => plain.push(c),
                _ => {}
            }
        }
        let lines = plain.lines().map(str::trim_end);
        let bare = drawn(&frame(width, false));
        assert_eq!(lines.collect::<Vec<_>>(), bare.lines().collect::<Vec<_>>());
    }
}

#[test]
fn a_row_alone_has_the_same_lines() {
    for width in [None, Some(30), Some(20)] {
        let frame = frame(width, false);
        let fit = layout(&columns(), &rows(), &frame);
        let lines: Vec<String> = rows()
            .iter()
            .flat_map(|row| row_lines(&columns(), row, &fit, &frame))
            .collect();
        let whole = drawn(&frame);
        assert!(whole.ends_with(&(lines.join("\n") + "\n")), "{lines:?}");
    }
}

#[test]
fn without_a_header_only_rows_remain() {
    let frame = Frame {
        header: false,
        ..frame(None, false)
    };
    assert!(drawn(&frame).starts_with("tcp  0/128  a-very"));
}

#[test]
fn prose_goes_on_below_itself() {
    let columns = [
        GridColumn::new("ID", Align::Left),
        GridColumn::new("WHAT", Align::Left).giving(Give::Prose),
    ];
    let row = vec![
        Cell::new("recv_q", Tone::Normal),
        Cell::new("received and not read yet", Tone::Normal),
    ];
    let text = |width| {
        let mut out = Vec::new();
        draw(
            &mut out,
            &columns,
            std::slice::from_ref(&row),
            &frame(Some(width), false),
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        text(40),
        "ID      WHAT\nrecv_q  received and not read yet\n"
    );
    assert_eq!(
        text(30),
        "ID      WHAT\nrecv_q  received and not read\n        yet\n"
    );
    assert_eq!(
        text(20),
        "ID      WHAT\nrecv_q\n  received and not\n  read yet\n"
    );
}

#[test]
fn a_screen_without_columns_is_drawn() {
    let part = |text: &str| Cell::new(text, Tone::Normal);
    for width in 0..4 {
        let text = flow(
            &part("head"),
            &[part("one"), part("two")],
            ", ",
            &frame(Some(width), false),
        );
        let told: String = text.split_whitespace().collect();
        assert_eq!(told, "headone,two", "{width}");
    }
}
