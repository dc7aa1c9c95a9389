//! Something fails while owners are looked for: the answer is right, or says that it may not be whole.
#![allow(unsafe_code, reason = "they set limits")]

use common::{Answer, Fault, Namespace, Run, Scene, checked, problem_codes, row, sockets};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;

/// Errors of a sick host, and those that look like a process that has ended.
const ERRORS: [i32; 6] = [
    libc::EMFILE,
    libc::ENFILE,
    libc::EIO,
    libc::ENOMEM,
    libc::ENOENT,
    libc::ESRCH,
];

fn listen(source: &str) -> Run {
    Run::new(&["listen", "--json"]).env("SOCKSCOPE_OWNERS", source)
}

/// Where a call fails, of the process `pid`.
type Place = Box<dyn Fn() -> Fault>;

/// The places of /proc that owners are read from.
fn places(pid: u32, errno: i32) -> Vec<(&'static str, Place)> {
    let opened = move |name: &'static str| -> Place {
        Box::new(move || {
            let (path, directory) = (format!("{pid}/{name}"), format!("/proc/{pid}"));
            Fault::new(libc::SYS_openat, errno).when(move |call| {
                let opened = call.text(1);
                opened == path || (opened == name && call.file(0) == directory)
            })
        })
    };
    let on_file = move |number, name: &'static str| -> Place {
        Box::new(move || {
            let wanted = format!("/proc/{pid}/{name}");
            Fault::new(number, errno).when(move |call| call.file(0) == wanted)
        })
    };
    vec![
        ("opening the table", opened("fd")),
        ("listing the table", on_file(libc::SYS_getdents64, "fd")),
        ("reading a link", on_file(libc::SYS_readlinkat, "fd")),
        ("opening its facts", opened("stat")),
        ("reading its facts", on_file(libc::SYS_read, "stat")),
    ]
}

fn has_raced(told: &Value) -> bool {
    problem_codes(told).contains(&"owners_raced")
}

/// No owner is missing but where that is said.
fn assert_honest(what: &str, scene: &Scene, answer: &Answer) {
    match answer.code() {
        2 => {
            // What happened, and a hint.
            let lines = answer.stderr.lines().count();
            assert!((1..=2).contains(&lines), "{what}: {answer:?}");
            return;
        }
        // The loader, before the program has begun.
        127 => return,
        _ => {}
    }
    let told = answer.json();
    let truth = scene.labelled("listener").row;
    let rows: Vec<_> = sockets(&told).iter().map(row).collect();
    if told["complete"] == true {
        assert_eq!(rows, [truth], "{what}: {answer:?}");
        return;
    }
    assert_ne!(told["problems"], value!([]), "{what}: {answer:?}");
    for socket in sockets(&told) {
        if row(socket).owners != truth.owners && !has_raced(&told) {
            assert_eq!(socket["owner_status"], "denied", "{what}: {answer:?}");
        }
    }
}

/// A fault that stays is told, and one that passes does not change the answer.
#[test]
fn a_process_that_cannot_be_read() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    for errno in ERRORS {
        for (place, fault) in places(scene.pid(), errno) {
            let what = format!("{place}: {}", std::io::Error::from_raw_os_error(errno));
            let fault_once = fault().times(1);
            let hits = fault_once.hits();
            let once = listen("proc").fault(fault_once).output();
            assert_eq!(hits.count(), 1, "{what}");
            assert_honest(&what, &scene, &once);
            let told = once.json();
            assert!(
                told["complete"] == true || has_raced(&told),
                "{what}: {once:?}"
            );
            // A link that is never there is one of a descriptor that was closed.
            if place == "reading a link" && errno == libc::ENOENT {
                continue;
            }
            let answer = listen("proc").fault(fault()).output();
            let told = answer.json();
            let socket = &sockets(&told)[0];
            assert_eq!(
                (&socket["owner_status"], &told["complete"]),
                (&value!("denied"), &value!(false)),
                "{what}: {answer:?}"
            );
            assert_eq!(
                problem_codes(&told),
                ["owners_unread"],
                "{what}: {answer:?}"
            );
            assert_eq!(told["problems"][0]["count"], 1, "{what}: {answer:?}");
            let strict = listen("proc").fault(fault()).args(&["--strict"]).output();
            assert_eq!(strict.code(), 3, "{what}: {strict:?}");
            // The kernel's list has the owner whatever /proc says.
            assert_honest(&what, &scene, &listen("bpf").fault(fault()).output());
        }
    }
}

/// The same of threads, rings, and of the list of all processes.
#[test]
fn what_else_owners_are_read_from() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let threads = Scene::start(&["thread-files"]);
    let whose = threads.pid();
    for errno in ERRORS {
        let what = std::io::Error::from_raw_os_error(errno).to_string();
        let task = move || {
            let wanted = format!("{whose}/task");
            Fault::new(libc::SYS_openat, errno).when(move |call| call.text(1) == wanted)
        };
        let answer = listen("proc").fault(task()).output();
        let told = answer.json();
        assert_eq!(
            sockets(&told)[0]["owner_status"],
            "denied",
            "{what}: {answer:?}"
        );
        assert_eq!(
            problem_codes(&told),
            ["owners_unread"],
            "{what}: {answer:?}"
        );
        assert_honest(
            &what,
            &threads,
            &listen("proc").fault(task().times(1)).output(),
        );
    }
    drop(threads);
    let ring = Scene::start(&["io-uring"]);
    let name = format!("{}/fdinfo/{}", ring.pid(), ring.extra("ring_fd"));
    for errno in [libc::EMFILE, libc::EIO] {
        for source in ["proc", "bpf"] {
            // The list says by a thread whose ring it is.
            let end = name.rsplit_once('/').unwrap().1.to_owned();
            let start = format!("{}/", ring.pid());
            let fault = Fault::new(libc::SYS_openat, errno).when(move |call| {
                let path = call.text(1);
                path.starts_with(&start) && path.ends_with(&format!("fdinfo/{end}"))
            });
            let answer = listen(source).fault(fault).output();
            let told = answer.json();
            let socket = &sockets(&told)[0];
            assert_eq!(socket["owner_status"], "denied", "{source}: {answer:?}");
            assert_eq!(
                problem_codes(&told),
                ["owners_unread"],
                "{source}: {answer:?}"
            );
        }
    }
    drop(ring);
    let scene = Scene::start(&["listen"]);
    for errno in ERRORS {
        let list = || Fault::new(libc::SYS_getdents64, errno).when(|call| call.file(0) == "/proc");
        let answer = listen("proc").fault(list()).output();
        let told = answer.json();
        assert_eq!(problem_codes(&told), ["proc_unreadable"], "{answer:?}");
        assert_eq!(sockets(&told)[0]["owner_status"], "denied", "{answer:?}");
        assert_eq!(told["complete"], false, "{answer:?}");
        // In the middle of the list, and only once.
        let once = listen("proc").fault(list().after(1).times(1)).output();
        assert_honest("the list of processes", &scene, &once);
        assert!(
            once.json()["complete"] == true || has_raced(&once.json()),
            "{once:?}"
        );
    }
}

/// Whatever fails, and whenever it does: the first, the second, the hundredth call.
#[test]
fn any_call_may_fail() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let calls = [
        libc::SYS_openat,
        libc::SYS_getdents64,
        libc::SYS_readlinkat,
        libc::SYS_newfstatat,
        libc::SYS_kcmp,
    ];
    for call in calls {
        let nths = (0..8).chain((8..300).step_by(41));
        for (nth, errno) in nths.zip(ERRORS.iter().cycle()) {
            // Not what every program does before it begins.
            let is_ours = |call: &common::Call| {
                let path = call.text(1);
                path == "/proc" || !path.starts_with('/')
            };
            let fault = Fault::new(call, *errno).when(is_ours).after(nth).times(1);
            let what = format!("call {call}, the {nth}th, {errno}");
            assert_honest(&what, &scene, &listen("proc").fault(fault).output());
        }
    }
}

/// From none that can be opened to more than enough.
#[test]
fn few_descriptors_are_allowed() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let mut whole = BTreeSet::new();
    for source in ["proc", "bpf", "auto"] {
        for limit in 3..=20 {
            let answer = listen(source)
                .before(move || {
                    let limit = libc::rlimit {
                        rlim_cur: limit,
                        rlim_max: limit,
                    };
                    // SAFETY: one live rlimit is read.
                    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })
                })
                .output();
            let what = format!("{source}, {limit} files");
            assert_honest(&what, &scene, &answer);
            if answer.code() == 0 && answer.json()["complete"] == true {
                whole.insert((source, limit));
            }
        }
    }
    // A dozen is enough for all that is open at once.
    assert!(whole.contains(&("proc", 20)), "{whole:?}");
}

/// No thread can be made: one after the other, and no panic.
#[test]
fn no_threads_are_allowed() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    // A user of its own: the limit counts all processes of a user.
    let user = 60_000 + std::process::id() % 5_000;
    let scene = Scene::start(&["other-user", "--uid", &user.to_string()]);
    for arguments in [
        &["listen", "--json"][..],
        &["conns", "--json"],
        &["doctor", "--json"],
    ] {
        let answer = Run::new(arguments)
            .user(user)
            .before(|| {
                let limit = libc::rlimit {
                    rlim_cur: 1,
                    rlim_max: 1,
                };
                // SAFETY: one live rlimit is read.
                checked(unsafe { libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit) })
            })
            .output();
        assert!(answer.code() <= 2, "{answer:?}");
        assert!(!answer.stderr.contains("panicked"), "{answer:?}");
        if arguments[0] == "listen" && answer.code() == 0 {
            let told = answer.json();
            assert_eq!(
                row(&sockets(&told)[0]),
                scene.labelled("listener").row,
                "{answer:?}"
            );
        }
    }
}
