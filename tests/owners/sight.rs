//! What /proc does not show is said: owners are never called the kernel's because nobody could see them.
#![allow(
    unsafe_code,
    clippy::print_stderr,
    reason = "they make mounts and namespaces"
)]

use common::{
    Answer, NOBODY, Namespace, Run, Scene, checked, problem_codes, row, sandbox, sockets,
};
use serde_json::{Value, json as value};
use std::ffi::CStr;
use std::io;

/// `CAP_SYS_PTRACE`.
const SYS_PTRACE: &[libc::c_ulong] = &[19];

fn listen() -> Run {
    Run::new(&["listen", "--json"]).env("SOCKSCOPE_OWNERS", "proc")
}

/// The owner is hidden, that is said with this code, and with `--strict` it is an exit code.
fn assert_hidden(what: &str, code: &str, run: impl Fn() -> Run) -> Answer {
    let answer = run().output();
    let told = answer.json();
    assert_eq!(answer.code(), 0, "{what}: {answer:?}");
    assert_eq!(problem_codes(&told), [code], "{what}");
    assert_eq!(told["complete"], false, "{what}");
    assert!(!told["problems"][0]["hint"].is_null(), "{what}: {told}");
    for socket in sockets(&told) {
        assert_eq!(
            (&socket["owner_status"], &socket["owners"]),
            (&value!("denied"), &value!([])),
            "{what}: {socket}"
        );
    }
    let strict = run().args(&["--strict"]).output();
    assert_eq!(strict.code(), 3, "{what}: {strict:?}");
    answer
}

fn assert_shown(what: &str, truth: &common::Row, run: Run) {
    let told = run.json();
    assert_eq!(told["complete"], true, "{what}: {told}");
    assert_eq!(row(&sockets(&told)[0]), *truth, "{what}");
}

/// No group but `gid`, and no user but root.
fn in_group(gid: u32) -> impl FnMut() -> io::Result<()> + Send + Sync {
    move || {
        // SAFETY: no pointer is passed but null with length 0.
        unsafe {
            checked(libc::setgroups(0, std::ptr::null()))?;
            checked(libc::setresgid(gid, gid, gid))
        }
    }
}

/// Root without `CAP_SYS_PTRACE` sees no more than others; to be in the group of the mount is enough, but for
/// `ptraceable`.
#[test]
fn root_without_the_capability() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["other-user", "--uid", "65533"]);
    let truth = scene.labelled("listener").row;
    let run = |options: &'static CStr, group| {
        listen()
            .before(sandbox::hidden_processes(options))
            .before(in_group(group))
            .before(sandbox::without_capabilities(SYS_PTRACE))
    };
    for options in [
        c"hidepid=2",
        c"hidepid=invisible",
        c"hidepid=4",
        c"hidepid=ptraceable",
        c"hidepid=2,gid=4711",
    ] {
        assert_hidden("another group", "owners_hidden", || run(options, 4712));
    }
    assert_hidden("ptraceable", "owners_hidden", || {
        run(c"hidepid=4,gid=4711", 4711)
    });
    // What may not be looked into is listed here; that is another matter.
    assert_hidden("in the group", "owners_denied", || {
        run(c"hidepid=2,gid=4711", 4711)
    });
    // With the capability nothing is hidden by any of it.
    for options in [c"hidepid=2", c"hidepid=4"] {
        let whole = listen()
            .before(sandbox::hidden_processes(options))
            .before(in_group(4712));
        assert_shown("with the capability", &truth, whole);
    }
}

/// The mount table has a name that is no UTF-8, or cannot be read at all.
#[test]
fn a_mount_table_that_is_not_text() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let odd = |options: &'static CStr| {
        listen()
            .before(sandbox::hidden_processes(options))
            .before(sandbox::mount_with_odd_name)
            .user(NOBODY)
    };
    assert_hidden("not UTF-8", "owners_hidden", || odd(c"hidepid=2"));
    assert_hidden("not UTF-8, nothing hidden", "owners_denied", || {
        odd(c"hidepid=0")
    });
    let unread = || {
        let fault = common::Fault::new(libc::SYS_openat, libc::EIO)
            .when(|call| call.text(1).ends_with("self/mountinfo"));
        listen()
            .before(sandbox::hidden_processes(c"hidepid=2"))
            .user(NOBODY)
            .fault(fault)
    };
    assert_hidden("unreadable", "owners_hidden", unread);
    drop(scene);
}

/// What stands over the files of a process is not its own: it is as if it let nobody look.
#[test]
fn a_process_that_is_covered() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let other = Scene::start(&["listen", "--family", "6"]);
    let (pid, truth) = (scene.pid(), other.labelled("listener").row);
    for (path, with) in [
        (format!("/proc/{pid}/fd"), None),
        (
            format!("/proc/{pid}"),
            Some(format!("/proc/{}", other.pid())),
        ),
    ] {
        let told = listen()
            .before(sandbox::covered(&path, with.as_deref()))
            .json();
        assert_eq!(problem_codes(&told), ["owners_denied"], "{path}");
        let (ours, others): (Vec<_>, Vec<_>) = sockets(&told)
            .iter()
            .partition(|socket| socket["local"]["address"] == "127.0.0.1");
        assert_eq!(ours[0]["owner_status"], "denied", "{path}: {told}");
        assert_eq!(row(others[0]), truth, "{path}");
    }
}

/// In a user namespace of one's own euid 0 is not root.
#[test]
fn root_of_a_user_namespace() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    for (options, code) in [
        (c"hidepid=2", "owners_hidden"),
        (c"hidepid=4", "owners_hidden"),
        (c"hidepid=0", "owners_denied"),
    ] {
        assert_hidden("user namespace", code, || {
            listen()
                .before(sandbox::hidden_processes(options))
                .user(NOBODY)
                .before(sandbox::root_of_a_user_namespace)
        });
    }
}

/// The mount namespace of a container was entered, and nothing else of it: its /proc has other processes.
#[test]
fn the_proc_of_another_pid_namespace() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen"]);
    let truth = scene.labelled("listener").row;
    let inner = || listen().before(sandbox::proc_of_a_container);
    let answer = assert_hidden("a container's", "proc_foreign", inner);
    assert!(
        answer.stderr.contains("another pid namespace"),
        "{answer:?}"
    );
    // The outer one: this process has another number in it.
    let outer = || listen().before(sandbox::pid_namespace_without_proc);
    assert_hidden("the host's", "proc_foreign", outer);
    // The kernel's own list needs no /proc, and is turned to.
    let answer = Run::new(&["listen", "--json"])
        .env("SOCKSCOPE_OWNERS", "bpf")
        .before(sandbox::proc_of_a_container)
        .json();
    if answer["owners_from"] == "bpf" {
        // But for what is in an io_uring of any process of the host: that only /proc tells.
        let rings = problem_codes(&answer).contains(&"owners_unread");
        assert_eq!(answer["complete"], !rings, "{answer}");
        let socket = &sockets(&answer)[0];
        assert_eq!(row(socket), truth);
        let owner = &socket["owners"][0];
        assert_eq!(
            (&owner["comm"], &owner["command"]),
            (&value!("scene"), &Value::Null),
            "{answer}"
        );
    } else {
        eprintln!("skipped: bpf cannot be used here");
    }
}
