//! A user without rights: the same sockets as root's, and a word on every owner that is hidden.

use common::{
    Answer, NOBODY, Namespace, Row, Run, Scene, problem_codes, row, rows, sockets, sockscope,
};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;

fn as_nobody(arguments: &[&str]) -> Answer {
    Run::new(arguments).user(NOBODY).output()
}

/// Sockets of root, of the user, and of nobody at all.
fn scenes() -> [Scene; 3] {
    [
        Scene::start(&["all"]),
        Scene::start(&["udp-connected"]),
        Scene::start(&["other-user", "--uid", "65534"]),
    ]
}

/// The rows without their owners.
fn bare(answer: &Value) -> Vec<Row> {
    let strip = |row: Row| Row {
        owners: BTreeSet::new(),
        ..row
    };
    rows(answer).into_iter().map(strip).collect()
}

#[test]
fn the_rows_are_the_same_and_hidden_owners_are_said() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = scenes();
    let own = scenes[2].rows();
    for command in ["listen", "conns"] {
        let answer = as_nobody(&[command, "--json"]);
        let (theirs, ours) = (answer.json(), sockscope(&[command, "--json"]).json());
        assert_eq!(answer.code(), 0, "{answer:?}");
        assert_eq!(bare(&theirs), bare(&ours), "{command}");
        assert_eq!(theirs["complete"], false);
        assert_eq!(problem_codes(&theirs), ["owners_denied"]);
        assert_eq!(answer.stderr.lines().count(), 1, "{answer:?}");
        for socket in sockets(&theirs) {
            check_owner(socket, &own, &ours);
        }
    }
}

/// One's own have owners, root's are denied, and what has no file is told as to root.
fn check_owner(socket: &Value, own: &[Row], ours: &Value) {
    let shown = row(socket);
    if own.contains(&shown) {
        assert_eq!(socket["owner_status"], "found", "{socket}");
    } else if shown.inode.is_some() {
        assert_eq!(
            (&socket["owner_status"], &socket["owners"]),
            (&value!("denied"), &value!([])),
            "{socket}"
        );
    } else {
        let same = |other: &&Value| other["cookie"] == socket["cookie"];
        let root = sockets(ours).iter().find(same).unwrap();
        assert_eq!(root["owner_status"], socket["owner_status"], "{socket}");
    }
    // The kernel tells the uid of a socket to everybody.
    assert_eq!(socket["uid"].is_null(), shown.inode.is_none(), "{socket}");
}

#[test]
fn strict_makes_hidden_owners_an_exit_code() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = scenes();
    for command in ["listen", "conns"] {
        assert_eq!(as_nobody(&[command, "--json"]).code(), 0, "{command}");
        let strict = as_nobody(&[command, "--json", "--strict"]);
        assert_eq!(strict.code(), 3, "{strict:?}");
        assert_eq!(strict.json()["complete"], false);
    }
}

#[test]
fn counts_need_no_rights() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = scenes();
    for arguments in [
        &["states", "--json", "--strict"][..],
        &[
            "states",
            "--json",
            "--strict",
            "--no-owners",
            "--by",
            "port",
        ],
        &["states", "--json", "--strict", "--by", "user"],
        &["listen", "--json", "--strict", "--no-owners"],
        &["conns", "--json", "--strict", "--no-owners"],
    ] {
        let answer = as_nobody(arguments);
        let told = answer.json();
        assert_eq!(
            (answer.code(), &told["complete"]),
            (0, &value!(true)),
            "{arguments:?}: {answer:?}"
        );
        let ours = sockscope(arguments).json();
        for key in ["states", "groups", "total"] {
            assert_eq!(told[key], ours[key], "{arguments:?}");
        }
    }
}

/// Nothing but one's own sockets is left by the filter: nothing is hidden then.
#[test]
fn what_is_not_asked_for_is_not_missing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scenes = scenes();
    let port = scenes[2].labelled("listener").port();
    let answer = as_nobody(&["listen", "--json", "--strict", &format!("lport={port}")]);
    assert_eq!(
        (answer.code(), &answer.json()["complete"]),
        (0, &value!(true)),
        "{answer:?}"
    );
    assert_eq!(answer.stderr, "");
}

#[test]
fn a_port_of_another_user() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let port = scene.labelled("listener").port().to_string();
    let answer = as_nobody(&["port", &port, "--json"]);
    let told = answer.json();
    assert_eq!(
        (answer.code(), &told["complete"]),
        (0, &value!(false)),
        "{answer:?}"
    );
    assert_eq!(sockets(&told)[0]["owner_status"], "denied");
    assert_eq!(
        (&sockets(&told)[0]["uid"], &sockets(&told)[0]["user"]),
        (&value!(0), &value!("root"))
    );
}

/// Another user's process: its fds are closed to us, so nothing can be said, and that is said.
#[test]
fn a_process_of_another_user() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let answer = as_nobody(&["proc", &scene.pid().to_string(), "--json"]);
    let told = answer.json();
    assert_eq!((answer.code(), sockets(&told).len()), (1, 0), "{answer:?}");
    assert_eq!(told["complete"], false, "{answer:?}");
    let strict = as_nobody(&["proc", &scene.pid().to_string(), "--json", "--strict"]);
    assert_eq!(strict.code(), 3, "{strict:?}");
}
