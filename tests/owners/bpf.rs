//! Owners from the kernel's own list of open files: the same as those of /proc, where both can be had, and no less
//! than before where it cannot.
#![allow(unsafe_code, reason = "one makes odd descriptors")]

use common::{
    Answer, DEADLINE, NOBODY, Namespace, Run, Scene, eventually, problem_codes, row, rows, sandbox,
    sockets,
};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::fs::MetadataExt;

/// A run that reads owners so.
fn run(source: &str, arguments: &[&str]) -> Run {
    Run::new(arguments).env("SOCKSCOPE_OWNERS", source)
}

/// The answer by one way; an empty list is as good as another.
fn told(source: &str, arguments: &[&str]) -> Value {
    let answer = run(source, arguments).output();
    assert!(answer.code() <= 1, "{answer:?}");
    answer.json()
}

/// Whether the kernel lists open files for us here; says so where it does not.
fn bpf_is_there() -> bool {
    let from = told("bpf", &["listen", "--json"])["owners_from"].clone();
    if from != "bpf" {
        common::skipped("bpf cannot be used here");
    }
    from == "bpf"
}

/// Owners, and why there is none, of every socket that has a file (others end by themselves); by what tells sockets
/// apart.
fn owners(answer: &Value) -> BTreeMap<String, (Value, Value)> {
    let of = |socket: &Value| {
        let key: Vec<String> = ["protocol", "local", "peer", "cookie", "inode"]
            .iter()
            .map(|key| socket[key].to_string())
            .collect();
        let owners = socket["owners"].clone();
        (key.join(" "), (owners, socket["owner_status"].clone()))
    };
    let with_file = |socket: &&Value| !socket["inode"].is_null();
    sockets(answer).iter().filter(with_file).map(of).collect()
}

/// Both ways give the same owners of all sockets of this namespace, in all they tell.
fn assert_same(what: &str) {
    for command in ["listen", "conns"] {
        let arguments = [command, "--json", "-t", "-u", "-w"];
        let [bpf, proc] = ["bpf", "proc"].map(|source| told(source, &arguments));
        assert_eq!(bpf["owners_from"], "bpf", "{what}");
        assert_eq!(proc["owners_from"], "proc", "{what}");
        assert_eq!(owners(&bpf), owners(&proc), "{what}: {command}");
        // A socket without an owner may be looked for while other processes of the host end.
        let complete = [&bpf, &proc].map(common::is_complete_here);
        assert_eq!(complete[0], complete[1], "{what}: {command}");
        let problems = [&bpf, &proc].map(common::problems_here);
        assert_eq!(problems[0], problems[1], "{what}: {command}");
    }
}

#[test]
fn every_scene_has_the_same_owners_both_ways() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    for arguments in [
        &["all"][..],
        &["listen", "--count", "5"],
        &["listen-v6"],
        &["reuseport", "--count", "40"],
        &["established", "--count", "50"],
        &["unaccepted", "--count", "3"],
        &["bound", "--count", "3"],
        &["udp-bound", "--count", "3"],
        &["udp-connected", "--count", "3"],
        &["raw"],
        &["forked", "--count", "5"],
        &["dup"],
        &["scm"],
        &["io-uring"],
        &["thread-files"],
        &["dead-leader"],
        &["threads-beside"],
        &["thread-ring"],
        &["other-user"],
        &["comm", "--name", r"x)\n("],
        &["comm", "--name", r"\xff\xfe\xc3"],
        &["comm", "--name", "fifteen-letters"],
        &["two-namespaces"],
        &[
            "load",
            "--count",
            "400",
            "--processes",
            "7",
            "--files",
            "300",
        ],
    ] {
        let scene = Scene::start(arguments);
        assert_same(&arguments.join(" "));
        drop(scene);
        // What a ring or a message holds, the kernel lets go of some time after its process has ended.
        let inodes =
            |table| std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap();
        eventually("no sockets of the scene", DEADLINE, || {
            let left = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"].map(inodes);
            let mut rows = left.iter().flat_map(|text| text.lines().skip(1));
            // One without a file ends by itself.
            let has_file = |row: &str| row.split_whitespace().nth(9) != Some("0");
            (!rows.any(has_file)).then_some(())
        });
    }
}

/// Both ways have the tables of single threads from the first look.
#[test]
fn threads_with_tables_of_their_own() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    for kind in ["thread-files", "dead-leader"] {
        let scene = Scene::start(&[kind]);
        assert_same(kind);
        for source in ["bpf", "proc"] {
            let answer = told(source, &["listen", "--json"]);
            let owner = &sockets(&answer)[0]["owners"][0];
            assert_eq!(&owner["pid"], scene.extra("pid"), "{kind}: {answer}");
            let traced = run(source, &["listen", "-v"]).output();
            assert!(!traced.stderr.contains("looked for again"), "{traced:?}");
        }
    }
}

/// A table of some size, mostly of files that are no sockets: more than one buffer, more than one part.
#[test]
fn a_process_with_many_descriptors() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    let scene = Scene::start(&[
        "load",
        "--count",
        "5000",
        "--processes",
        "1",
        "--files",
        "9000",
    ]);
    assert_same("many descriptors");
    let answer = told("bpf", &["conns", "--json", "-t"]);
    assert_eq!(sockets(&answer).len(), 5000);
    let pids: BTreeSet<u64> = sockets(&answer)
        .iter()
        .map(|socket| socket["owners"][0]["pid"].as_u64().unwrap())
        .collect();
    let made = scene.extra("pids").as_array().unwrap();
    assert_eq!(pids, made.iter().map(|pid| pid.as_u64().unwrap()).collect());
}

#[test]
fn stable_sockets_among_churn() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    let scene = Scene::start(&["churn", "--workers", "2", "--count", "60"]);
    for round in 0..10 {
        let mut shown = Vec::new();
        for command in ["listen", "conns"] {
            let answer = told("bpf", &[command, "--json"]);
            assert_eq!(answer["owners_from"], "bpf");
            shown.extend(rows(&answer));
        }
        for stable in scene.rows() {
            let same = shown.iter().filter(|row| **row == stable).count();
            assert_eq!(same, 1, "round {round}: {stable:?}");
        }
    }
}

/// A socket of a process that ends while it is looked at has no owner, or another, but never a dead one.
#[test]
fn the_dead_own_nothing() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    let scene = Scene::start(&["forked", "--count", "20"]);
    let pid = scene.pid();
    drop(scene);
    eventually("the listener is closed", common::DEADLINE, || {
        let answer = told("bpf", &["listen", "--json"]);
        assert!(!answer.to_string().contains(&format!("\"pid\":{pid}")));
        sockets(&answer).is_empty().then_some(())
    });
}

/// What the program in the kernel lists: sockets of this process under all their descriptors, and no file that only
/// looks like one.
#[test]
fn only_real_sockets_are_listed() {
    use sockscope::host::{Host, TaskFiles};
    use sockscope::wire::task_file::{Chosen, OpenFile};
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("/tmp/sockscope-test-{}", std::process::id());
    let unix = std::os::unix::net::UnixListener::bind(&name).unwrap();
    // The file of a unix socket in the file system is of the kind socket, and no socket.
    let path = open_path(&name);
    std::fs::remove_file(&name).unwrap();
    // A path to a socket proper is one, as /proc has it, too.
    let other = open_path(&format!("/proc/self/fd/{}", held.as_raw_fd()));
    let inode = |fd: &dyn AsRawFd| {
        let link = format!("/proc/self/fd/{}", fd.as_raw_fd());
        u32::try_from(std::fs::metadata(link).unwrap().st_ino()).unwrap()
    };
    let fd = |fd: &dyn AsRawFd| fd.as_raw_fd().unsigned_abs();
    let (tcp, unix_inode) = (inode(&held), inode(&unix));
    let list = |chosen: &Chosen| {
        let mut found = BTreeSet::new();
        let files = TaskFiles::load(&Host::live()).unwrap();
        let listed = files.list(chosen, |record| {
            if let OpenFile::Socket(holder) = record.file
                && record.pid == std::process::id()
            {
                let sockscope::model::Via::Fd(fd) = holder.via else {
                    panic!("{record:?}");
                };
                found.insert((fd, holder.inode.get()));
            }
            true
        });
        listed.unwrap();
        found
    };
    let all = list(&Chosen::all());
    for wanted in [(fd(&held), tcp), (fd(&other), tcp), (fd(&unix), unix_inode)] {
        assert!(all.contains(&wanted), "{wanted:?} in {all:?}");
    }
    let fds: BTreeSet<u32> = all.iter().map(|(fd, _)| *fd).collect();
    assert!(!fds.contains(&fd(&path)), "{all:?}");
    // The same for chosen ones only: nothing of what is wanted is passed over.
    let chosen = list(&Chosen::of(std::num::NonZeroU32::new(tcp)));
    assert!(chosen.contains(&(fd(&held), tcp)) && chosen.contains(&(fd(&other), tcp)));
    assert!(
        chosen.is_subset(&all) && chosen.len() < all.len(),
        "{chosen:?}"
    );
    assert_same("paths");
}

fn open_path(name: &str) -> OwnedFd {
    let name = std::ffi::CString::new(name).unwrap();
    // SAFETY: `name` is a live string that ends in NUL; the descriptor is new and ours.
    unsafe {
        let fd = libc::open(name.as_ptr(), libc::O_PATH | libc::O_CLOEXEC);
        assert!(fd >= 0, "{name:?}: {}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd)
    }
}

/// So many files that the quick way for small hosts is not taken.
fn many_files() -> Vec<File> {
    (0..900).map(|_| File::open("/dev/null").unwrap()).collect()
}

/// Bare, with `-v`: what was done is told there and only there.
fn traced(answer: &Answer) -> &str {
    assert!(answer.code() <= 1, "{answer:?}");
    &answer.stderr
}

#[test]
fn it_is_chosen_where_there_is_much_to_list() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    let _files = many_files();
    let _scene = Scene::start(&["listen"]);
    assert_eq!(told("auto", &["listen", "--json"])["owners_from"], "bpf");
    assert_eq!(told("", &["listen", "--json"])["owners_from"], "bpf");
    let answer = run("auto", &["listen", "-v"]).output();
    assert!(traced(&answer).contains("by bpf"), "{answer:?}");
    let answer = run("auto", &["listen"]).output();
    assert_eq!(traced(&answer), "", "{answer:?}");
}

/// Capabilities that bpf(2) asks for: `CAP_SYS_ADMIN`, `CAP_PERFMON`, `CAP_BPF`.
const FOR_BPF: &[libc::c_ulong] = &[21, 38, 39];

/// Puts something in the way of a run.
type Hindrance = Box<dyn Fn(Run) -> Run>;

/// What stands in the way of bpf, one thing at a time.
fn obstacles() -> Vec<(&'static str, Hindrance)> {
    let before = |run: Run, step: fn() -> std::io::Result<()>| run.before(step);
    vec![
        ("a user", Box::new(|run: Run| run.user(NOBODY))),
        (
            "no capability",
            Box::new(|run: Run| run.before(sandbox::without_capabilities(FOR_BPF))),
        ),
        (
            "seccomp",
            Box::new(|run: Run| run.before(sandbox::no_bpf(libc::EPERM))),
        ),
        (
            "no bpf in the kernel",
            Box::new(|run: Run| run.before(sandbox::no_bpf(libc::ENOSYS))),
        ),
        (
            "no /sys",
            Box::new(move |run: Run| before(run, sandbox::empty_sys)),
        ),
    ]
}

#[test]
fn without_it_the_answer_is_that_of_proc() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _files = many_files();
    let _scenes = [
        Scene::start(&["all"]),
        Scene::start(&["forked"]),
        Scene::start(&["other-user"]),
        Scene::start(&["io-uring"]),
    ];
    for (what, hinder) in obstacles() {
        for command in ["listen", "conns"] {
            let answer = |source, more: &[&str]| {
                hinder(run(source, &[command, "--json"]).args(more)).output()
            };
            let (auto, proc) = (answer("auto", &[]), answer("proc", &[]));
            assert_eq!(auto.json()["owners_from"], "proc", "{what}");
            // Silently: no line more. (The lines count processes, which come and go.)
            let lines = |answer: &Answer| answer.stderr.lines().count();
            assert_eq!(lines(&auto), lines(&proc), "{what}: {auto:?}");
            assert_eq!(auto.code(), proc.code(), "{what}");
            let (auto, proc) = (auto.json(), proc.json());
            assert_eq!(owners(&auto), owners(&proc), "{what}");
            assert_eq!(auto["complete"], proc["complete"], "{what}");
            assert_eq!(problem_codes(&auto), problem_codes(&proc), "{what}");
            // But not to who asks.
            let told = answer("auto", &["-v"]);
            let line = "bpf cannot list open files";
            let count = told.stderr.lines().filter(|l| l.contains(line)).count();
            assert_eq!(count, 1, "{what}: {told:?}");
            let forced = answer("bpf", &[]).json();
            assert_eq!(forced["owners_from"], "proc", "{what}");
            assert_eq!(owners(&forced), owners(&auto), "{what}");
        }
    }
}

/// The kernel would tell pids of the initial namespace.
#[test]
fn in_a_pid_namespace_of_its_own() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _files = many_files();
    let _scene = Scene::start(&["listen"]);
    let answer = |source| {
        let program = env!("CARGO_BIN_EXE_sockscope");
        let words = [
            "--pid",
            "--fork",
            "--mount-proc",
            program,
            "listen",
            "--json",
        ];
        let run = Run::of("unshare")
            .args(&words)
            .env("SOCKSCOPE_OWNERS", source);
        let answer = run.output();
        assert_eq!(answer.code(), 0, "{answer:?}");
        answer.json()
    };
    let (auto, proc) = (answer("auto"), answer("proc"));
    assert_eq!(auto["owners_from"], "proc");
    assert_eq!(owners(&auto), owners(&proc));
    assert_eq!(problem_codes(&auto), ["owners_outside"]);
    assert_eq!(auto["problems"], proc["problems"]);
    assert_eq!(sockets(&auto)[0]["owners"], value!([]));
}

/// Root without `CAP_SYS_PTRACE`, to whom /proc does not even name the processes of others.
#[test]
fn owners_that_proc_hides_are_named() {
    const SYS_PTRACE: &[libc::c_ulong] = &[19];
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    if !bpf_is_there() {
        return;
    }
    let scene = Scene::start(&["other-user", "--uid", "65534"]);
    let truth = scene.labelled("listener").row;
    for options in [c"hidepid=1", c"hidepid=2", c"hidepid=0"] {
        let answer = |source, arguments: &[&str]| {
            run(source, arguments)
                .before(sandbox::hidden_processes(options))
                .before(sandbox::without_capabilities(SYS_PTRACE))
                .before(|| {
                    // The group of root is let in by hidepid.
                    // SAFETY: no pointer is passed but null with length 0.
                    unsafe {
                        common::checked(libc::setgroups(0, std::ptr::null()))?;
                        common::checked(libc::setresgid(NOBODY, NOBODY, NOBODY))
                    }
                })
                .output()
        };
        let hidden = answer("proc", &["listen", "--json"]).json();
        assert_eq!(sockets(&hidden)[0]["owners"], value!([]), "{options:?}");
        let shown = answer("bpf", &["listen", "--json"]);
        assert_eq!(
            (shown.code(), shown.stderr.as_str()),
            (0, ""),
            "{options:?}"
        );
        let shown = shown.json();
        assert_eq!(shown["owners_from"], "bpf");
        assert_eq!(shown["complete"], true, "{options:?}: {shown}");
        let socket = &sockets(&shown)[0];
        assert_eq!(row(socket), truth, "{options:?}");
        assert_eq!(socket["owner_status"], "found");
        let owner = &socket["owners"][0];
        assert_eq!(
            (&owner["comm"], &owner["uid"], &owner["user"]),
            (&value!("scene"), &value!(65534), &value!("nobody")),
            "{options:?}: {owner}"
        );
        // Only where /proc shows nothing at all is there no command line.
        let is_hidden = options != c"hidepid=0";
        assert_eq!(
            owner["command"].is_null(),
            is_hidden,
            "{options:?}: {owner}"
        );
        // Who compares it is told that it is not known.
        let compared = answer("bpf", &["listen", "--strict", "command~scene"]);
        let code = if is_hidden { 3 } else { 0 };
        assert_eq!(compared.code(), code, "{options:?}: {compared:?}");
        let pid = scene.extra("pid").to_string();
        let table = answer("bpf", &["listen", "--pids"]);
        assert_eq!(table.stdout.trim(), pid, "{options:?}: {table:?}");
    }
}

#[test]
fn a_way_that_is_none_is_wrong_usage() {
    let answer = run("ebpf", &["listen"]).output();
    assert_eq!(
        (answer.code(), answer.stdout.as_str()),
        (2, ""),
        "{answer:?}"
    );
    assert!(answer.stderr.contains("SOCKSCOPE_OWNERS"), "{answer:?}");
}
