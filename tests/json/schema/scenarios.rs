//! What fills the keys of the answers, the rare ones too.

use std::ffi::OsStr;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json as value};

use super::judge::Judge;
use common::quiet::quiet_scenes;
use common::sandbox::{empty_proc, no_netlink};
use common::{NOBODY, Run, Scene, Stream, checked, problem_codes, sockets, spawn};

/// A scenario, in a fresh namespace.
type Scenario = fn(&Judge);

/// All of them, by name.
pub const ALL: &[(&str, Scenario)] = &[
    ("lists", lists),
    ("counts", counts),
    ("piles", piles),
    ("leaks", leaks),
    ("findings", findings),
    ("port range", port_range),
    ("pages", pages),
    ("owners", owners),
    ("foreign text", foreign_text),
    ("collectors", collectors),
    ("unprivileged", unprivileged),
    ("names", names),
    ("options", options),
    ("inspection", inspection),
    ("events", events),
    ("problems of events", problems_of_events),
    ("waits", waits),
    ("differences", differences),
];

/// Every list, every option of which sockets.
fn lists(judge: &Judge) {
    let mut scenes = quiet_scenes();
    scenes.push(Scene::start(&["raw"]));
    let port = scenes[0].labelled("listener").port().to_string();
    // First of all: TIME_WAIT lasts a minute, and the rest may take longer.
    let told = judge.answer("ConnsAnswer", Run::new(&["conns", "-a"]));
    for timer in ["retransmit", "timewait"] {
        assert!(
            has(sockets(&told), "/timer/kind", &value!(timer)),
            "{timer}"
        );
    }
    let asked = format!("{port},9,20000-65535");
    for more in [
        &[][..],
        &["-t", "-u", "-w"],
        &["--no-owners"],
        &["--columns=drops,rtt,unit"],
    ] {
        for (name, arguments) in [
            ("OverviewAnswer", &[][..]),
            ("ListenAnswer", &["listen"]),
            ("ConnsAnswer", &["conns"]),
            ("ConnsAnswer", &["conns", "--all"]),
            ("PortAnswer", &["port", &asked]),
            ("PortAnswer", &["port", "9"]),
            ("ProcAnswer", &["proc", "scene"]),
        ] {
            if name == "ProcAnswer" && more == ["--no-owners"] {
                continue;
            }
            let (told, lines) = judge.both(name, "SocketLine", &[arguments, more].concat());
            let of_lines = lines.iter().filter(|line| lasts(line)).count();
            let of_all = sockets(&told).iter().filter(|socket| lasts(socket)).count();
            assert_eq!(of_all, of_lines, "{arguments:?}");
        }
    }
    let mapped = |socket: &Value| {
        let address = socket["local"]["address"].as_str().unwrap();
        socket["family"] == "ipv6" && !address.contains(':')
    };
    assert!(sockets(&told).iter().any(mapped));
}

/// Whether a socket is there at every look: what no process holds is gone when the kernel's time
/// for it has passed, and so is what waits for an answer.
fn lasts(socket: &Value) -> bool {
    !socket["inode"].is_null() && socket["state"] != "SYN_SENT"
}

/// `states`, by everything.
fn counts(judge: &Judge) {
    let _scenes = quiet_scenes();
    judge.both("StatesAnswer", "TotalsLine", &["states"]);
    for by in [
        "process",
        "name",
        "command",
        "user",
        "port",
        "peer",
        "state",
        "netns",
        "unit",
        "container",
    ] {
        let (told, lines) = judge.both("StatesAnswer", "GroupLine", &["states", "--by", by]);
        assert_eq!(
            told["groups"].as_array().unwrap().len(),
            lines.len(),
            "{by}"
        );
        assert!(!lines.is_empty(), "{by}");
    }
}

/// `buildup`, by everything and over time.
fn piles(judge: &Judge) {
    let (told, _) = judge.both("BuildupAnswer", "PileLine", &["buildup"]);
    let ports = &told["limits"]["ip_local_port_range"];
    assert!(ports["destination"].is_null(), "nothing goes out: {told}");
    let mut scenes = quiet_scenes();
    // One port at two addresses.
    for family in ["4", "6"] {
        let server = ["time-wait", "--server-first", "--port=7000", "--family"];
        scenes.push(Scene::start(&[&server[..], &[family]].concat()));
    }
    for more in [&[][..], &["--for", "300ms"], &["--no-owners"]] {
        judge.both("BuildupAnswer", "PileLine", &[&["buildup"], more].concat());
    }
    for by in [
        "process",
        "user",
        "port",
        "peer",
        "state",
        "netns",
        "unit",
        "container",
    ] {
        let (_, lines) = judge.both("BuildupAnswer", "PileLine", &["buildup", "--by", by]);
        assert!(lines.iter().all(|line| line.get("key").is_some()), "{by}");
    }
}

/// CLOSE_WAIT of each kind, and a growing one.
fn leaks(judge: &Judge) {
    let _scenes = [
        Scene::start(&[
            "close-wait",
            "--count",
            "30",
            "--eof-read",
            "10",
            "--unread",
            "10",
        ]),
        Scene::start(&["close-wait-growing"]),
    ];
    let (told, _) = judge.both("BuildupAnswer", "PileLine", &["buildup", "--for", "300ms"]);
    let piles = told["buildup"].as_array().unwrap();
    assert!(
        piles
            .iter()
            .any(|pile| pile["verdicts"]["stopped_reading"] == 10)
    );
    judge.both("DoctorAnswer", "FindingLine", &["doctor", "--for", "300ms"]);
}

/// Findings about processes, ports, destinations, namespaces, hosts.
fn findings(judge: &Judge) {
    let _scenes = [
        Scene::start(&["accept-full", "--count", "20"]),
        Scene::start(&["time-wait-overflow", "--count", "30"]),
        Scene::start(&["fd-limit"]),
        Scene::start(&["listen", "--address", "0.0.0.0", "--port", "6379"]),
        Scene::start(&["udp-dropping"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["deaf-peer"]),
    ];
    let (told, _) = judge.both("DoctorAnswer", "FindingLine", &["doctor"]);
    let found = told["findings"].as_array().unwrap();
    let ids: Vec<_> = found.iter().map(|finding| &finding["id"]).collect();
    for id in [
        "accept-queue-full",
        "time-wait-table",
        "fd-limit",
        "udp-drops",
    ] {
        assert!(ids.contains(&&value!(id)), "{id} in {ids:?}");
    }
    judge.both("OverviewAnswer", "SocketLine", &[]);
    judge.both(
        "DoctorAnswer",
        "FindingLine",
        &["doctor", "--for", "0", "--limit", "1", "-t"],
    );
    judge.both("RulesAnswer", "RuleLine", &["doctor", "--list"]);
}

/// A destination that has used the ephemeral range.
fn port_range(judge: &Judge) {
    let _scene = Scene::start(&["port-range", "--count", "85"]);
    let (told, _) = judge.both("DoctorAnswer", "FindingLine", &["doctor"]);
    let found = told["findings"].as_array().unwrap();
    assert!(has(found, "/id", &value!("ephemeral-ports")), "{told}");
    judge.both("BuildupAnswer", "PileLine", &["buildup"]);
}

/// Every page of `explain`.
fn pages(judge: &Judge) {
    let (told, lines) = judge.both("TopicsAnswer", "TopicLine", &["explain"]);
    assert_eq!(told["topics"].as_array().unwrap().len(), lines.len());
    for line in &lines {
        judge.both(
            "ExplainAnswer",
            "PageLine",
            &["explain", line["topic"].as_str().unwrap()],
        );
    }
}

/// Owners without a descriptor, several of them, and of another user.
fn owners(judge: &Judge) {
    let _scenes = [
        Scene::start(&["io-uring"]),
        Scene::start(&["forked", "--count", "3"]),
        Scene::start(&["other-user", "--uid", "54321"]),
        Scene::start(&["scm"]),
        Scene::start(&["dead-leader"]),
    ];
    let (told, _) = judge.both("ListenAnswer", "SocketLine", &["listen"]);
    assert!(has(sockets(&told), "/owners/0/via", &value!("io_uring")));
    assert!(
        has(sockets(&told), "/owners/0/user", &value!(null)),
        "no such user"
    );
}

/// Names and command lines that are not UTF-8.
fn foreign_text(judge: &Judge) {
    let _scenes = [
        Scene::start(&["comm", "--name", r"\xff\xfe"]),
        Scene::start(&[
            "comm",
            "--name",
            r"\xff",
            "--address=0.0.0.0",
            "--port=6379",
        ]),
    ];
    let mut odd = Command::new("sh");
    odd.args(["-c", "read line"])
        .arg(OsStr::from_bytes(b"\xff"));
    let mut nameless = Command::new("cat");
    nameless.arg0("");
    let mut place = std::env::temp_dir().into_os_string();
    place.push(format!("/sockscope-schema-{}-", std::process::id()));
    place.push(OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&place).unwrap();
    nameless.current_dir(&place);
    let holders = [holder(odd), holder(nameless)];
    std::fs::remove_dir(&place).unwrap();
    let (told, _) = judge.both("PortAnswer", "SocketLine", &["port", "1-65535"]);
    let mut owners = sockets(&told)
        .iter()
        .flat_map(|s| s["owners"].as_array().unwrap());
    assert!(owners.any(|owner| owner.get("cwd_base64").is_some()));
    let (told, _) = judge.both("ListenAnswer", "SocketLine", &["listen"]);
    for key in ["comm_base64", "command_base64"] {
        let mut owners = sockets(&told)
            .iter()
            .flat_map(|s| s["owners"].as_array().unwrap());
        assert!(owners.any(|owner| owner.get(key).is_some()), "{key}");
    }
    for by in ["process", "name", "command"] {
        judge.both("StatesAnswer", "GroupLine", &["states", "--by", by]);
    }
    judge.both("DoctorAnswer", "FindingLine", &["doctor", "--for=0"]);
    for mut holder in holders {
        drop(holder.stdin.take());
        spawn::end(&mut holder);
    }
}

/// A process that alone holds a listener, until its standard input ends.
fn holder(mut command: Command) -> std::process::Child {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let fd = listener.as_raw_fd();
    spawn::as_usual(&mut command);
    // SAFETY: fcntl with F_SETFD takes no pointer; the descriptor is open in the child too.
    unsafe {
        command.pre_exec(move || checked(libc::fcntl(fd, libc::F_SETFD, 0)));
    }
    spawn::spawn(command.stdin(Stdio::piped())).unwrap()
}

/// Each source: what it does not know is null.
fn collectors(judge: &Judge) {
    let _scenes = quiet_scenes();
    let bound = bound_to_lo();
    for collector in ["netlink", "procfs", "netstat2"] {
        let option = format!("--collector={collector}");
        for (name, command) in [("ListenAnswer", "listen"), ("ConnsAnswer", "conns")] {
            let (told, _) = judge.both(name, "SocketLine", &[command, &option]);
            assert_eq!(told["collector"], collector);
            if command == "listen" {
                let place = match collector {
                    "netstat2" => "/accept_queue",
                    _ => "/accept_queue/limit",
                };
                let known = collector == "netlink";
                let limit = if known { value!(128) } else { value!(null) };
                assert!(has(sockets(&told), place, &limit), "{collector}");
                let lo = has(sockets(&told), "/interface", &value!("lo"));
                assert_eq!(lo, known, "{collector}");
            }
        }
        judge.both("BuildupAnswer", "PileLine", &["buildup", &option]);
        judge.both(
            "DoctorAnswer",
            "FindingLine",
            &["doctor", "--for=0", &option],
        );
        judge.both("OverviewAnswer", "SocketLine", &[&option]);
    }
    drop(bound);
}

/// A UDP socket that takes only what comes by `lo`.
fn bound_to_lo() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let name = c"lo".to_bytes_with_nul();
    // SAFETY: the name is live and its length is given.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            name.as_ptr().cast(),
            libc::socklen_t::try_from(name.len()).unwrap(),
        )
    })
    .unwrap();
    socket
}

/// A user without rights, and a program from which more was taken away: every problem is valid.
fn unprivileged(judge: &Judge) {
    let _scenes = [Scene::start(&["all"]), Scene::start(&["udp-connected"])];
    let run = |arguments: &[&str]| Run::new(arguments).user(NOBODY);
    let told = judge.answer("ListenAnswer", run(&["listen"]));
    assert_eq!(problem_codes(&told), ["owners_denied"]);
    judge.lines("SocketLine", run(&["conns"]));
    judge.answer("BuildupAnswer", run(&["buildup"]));
    judge.answer("DoctorAnswer", run(&["doctor", "--for=0"]));
    judge.answer("StatesAnswer", run(&["states", "--by", "process"]));
    judge.answer("OverviewAnswer", run(&[]));
    let told = judge.answer(
        "ConnsAnswer",
        Run::new(&["conns"]).before(no_netlink(libc::EPERM)),
    );
    assert_eq!(told["collector"], "procfs");
    for (name, arguments) in [
        ("ListenAnswer", &["listen"][..]),
        ("BuildupAnswer", &["buildup"]),
        ("DoctorAnswer", &["doctor", "--for=0"]),
        ("ExplainAnswer", &["explain", "ephemeral-ports"]),
    ] {
        // The kernel's own list of open files needs no /proc.
        let run = Run::new(arguments).env("SOCKSCOPE_OWNERS", "proc");
        let told = judge.answer(name, run.before(empty_proc));
        assert_eq!(told["owners_from"], "none", "{name}");
    }
    judge.lines("SocketLine", Run::new(&["conns"]).before(empty_proc));
    let by_netns = Run::new(&["states", "--by", "netns"]);
    judge.answer("StatesAnswer", by_netns.before(empty_proc));
}

/// Names of addresses and ports.
fn names(judge: &Judge) {
    let services = std::fs::read_to_string("/etc/services").unwrap_or_default();
    let port = services.lines().find_map(|line| {
        let (_, port) = line.split_once(char::is_whitespace)?;
        port.trim().strip_suffix("/tcp")?.parse::<u16>().ok()
    });
    let port = port.unwrap_or(0).to_string();
    let _scene = Scene::start(&["listen", "--port", &port]);
    let (told, _) = judge.both("ListenAnswer", "SocketLine", &["listen", "-r"]);
    let local = &sockets(&told)[0]["local"];
    assert_eq!(local["name"], "localhost", "{local}");
    assert_eq!(local.get("service").is_some(), port != "0", "{local}");
}

/// What else changes an answer; and a port that is held in another namespace.
fn options(judge: &Judge) {
    let scene = Scene::start(&["two-namespaces"]);
    judge.both("ListenAnswer", "SocketLine", &["listen", "--limit", "0"]);
    judge.both(
        "ConnsAnswer",
        "SocketLine",
        &["conns", "--sort=-lport", "--limit", "1", "-6"],
    );
    for truth in scene.truths() {
        let port = truth.port().to_string();
        judge.both("PortAnswer", "SocketLine", &["port", &port]);
    }
}

/// Everything about single sockets, from every source, and the table of columns.
fn inspection(judge: &Judge) {
    // Under bbr nothing ever sets a slow-start threshold.
    std::fs::write("/proc/sys/net/ipv4/tcp_congestion_control", "reno").unwrap();
    let mut scenes = quiet_scenes();
    scenes.extend([
        Scene::start(&["all"]),
        Scene::start(&["reuseport", "--count", "2"]),
        Scene::start(&["peer-not-reading"]),
        Scene::start(&["deaf-peer"]),
        Scene::start(&["other-user", "--uid", "54321"]),
    ]);
    let bound = bound_to_lo();
    let any = "port >= 0";
    for more in [
        &[][..],
        &["--no-owners"],
        &["-r"],
        &["--collector=procfs"],
        &["--collector=netstat2"],
        &["--columns=rtt,unit"],
    ] {
        let arguments = [&["inspect", any], more].concat();
        judge.both("InspectAnswer", "InspectedLine", &arguments);
    }
    let run = || Run::new(&["inspect", any]).user(NOBODY);
    judge.answer("InspectAnswer", run());
    judge.lines("InspectedLine", run());
    let run = || Run::new(&["inspect", any]).before(empty_proc);
    judge.answer("InspectAnswer", run());
    judge.lines("InspectedLine", run());
    let (told, lines) = judge.both("ColumnsAnswer", "ColumnLine", &["--columns=help"]);
    assert_eq!(told["columns"].as_array().unwrap().len(), lines.len());
    drop(bound);
}

/// `--watch`: sockets and everything else that comes, changes and goes.
fn events(judge: &Judge) {
    let _growing = Scene::start(&["close-wait-growing", "--count=120", "--rate=4"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let streams: Vec<_> = [
        ("SocketEventLine", &["conns", "-a"][..]),
        ("InspectedEventLine", &["inspect", "port>=0"]),
        ("TotalsEventLine", &["states"]),
        ("GroupEventLine", &["states", "--by=state"]),
        ("PileEventLine", &["buildup"]),
        ("FindingEventLine", &["doctor", "--for=200ms"]),
        ("PageEventLine", &["explain", "close-wait"]),
    ]
    .into_iter()
    .map(|(name, command)| {
        let watch = ["--watch=100ms", "--format=ndjson"];
        (name, Stream::start(&[command, &watch].concat()))
    })
    .collect();
    let (rows, others) = streams.split_at(2);
    for (name, stream) in rows {
        stream.event(name, |event| event["event"] == "present");
    }
    for (name, stream) in others {
        stream.event(name, |event| event["event"] == "changed");
    }
    // Sockets that never have an owner: the connections of one that nobody accepts.
    let client = TcpStream::connect(local).unwrap();
    let port = client.local_addr().unwrap().port();
    let unaccepted = |event: &Value, kind: &str| {
        event["event"] == kind && event["socket"]["peer"]["port"] == port
    };
    for (name, stream) in rows {
        stream.event(name, |event| unaccepted(event, "opened"));
    }
    drop(client);
    for (name, stream) in rows {
        let changed = stream.event(name, |event| unaccepted(event, "changed"));
        assert_eq!(changed["last_owner"], Value::Null);
    }
    drop(listener);
    for (name, stream) in rows {
        stream.event(name, |event| unaccepted(event, "closed"));
        // What only waits for more is in the same state.
        stream.event(name, |event| {
            event["event"] == "changed" && event["previous_state"].is_null()
        });
    }
    // A look that lasts two rounds.
    others[3]
        .1
        .event("behind", |event| event["event"] == "behind");
    for (name, stream) in &streams {
        judge.events(name, &stream.events());
    }
}

/// `--watch` as a user without rights.
fn problems_of_events(judge: &Judge) {
    let _scene = Scene::start(&["listen"]);
    let run = Run::new(&["listen", "--watch=100ms", "--format=ndjson"]).user(NOBODY);
    let stream = Stream::of(run);
    stream.event("a problem", |event| event["event"] == "problem");
    judge.events("SocketEventLine", &stream.events());
}

/// `wait`: what came, what did not, and what holds the port still.
fn waits(judge: &Judge) {
    let _listener = TcpListener::bind("127.0.0.1:4000").unwrap();
    for (port, condition) in [
        ("4000", "-l"),
        ("4000", "--free"),
        ("4001", "-l"),
        ("4001", "--free"),
    ] {
        let now = ["wait", port, condition, "--timeout=0"];
        let (told, lines) = judge.both("WaitAnswer", "WaitLine", &now);
        assert_eq!(
            told["sockets"].as_array().unwrap().is_empty(),
            port == "4001"
        );
        assert_eq!(lines[0]["reached"], told["reached"]);
    }
}

/// `diff` of all that can be compared: rows that are left out, changed and added by hand.
fn differences(judge: &Judge) {
    let _scenes = [
        Scene::start(&["established", "--count", "3"]),
        Scene::start(&["close-wait", "--count", "30"]),
        Scene::start(&["listen", "--address", "0.0.0.0", "--port", "6379"]),
    ];
    for (name, line, rows, figure, command) in [
        (
            "DiffAnswer",
            "DiffLine",
            "sockets",
            "/state",
            &["conns"][..],
        ),
        (
            "InspectDiffAnswer",
            "InspectDiffLine",
            "sockets",
            "/state",
            &["inspect", "port>=0"],
        ),
        (
            "StatesDiffAnswer",
            "StatesDiffLine",
            "groups",
            "/total",
            &["states", "--by=state"],
        ),
        (
            "BuildupDiffAnswer",
            "BuildupDiffLine",
            "buildup",
            "/count",
            &["buildup", "--by=port"],
        ),
        (
            "DoctorDiffAnswer",
            "DoctorDiffLine",
            "findings",
            "/severity",
            &["doctor", "--for=0"],
        ),
        (
            "ExplainDiffAnswer",
            "ExplainDiffLine",
            "live",
            "/value",
            &["explain", "CLOSE_WAIT"],
        ),
    ] {
        let run = Run::new(&[command, &["--json"]].concat()).output();
        let whole: Value = run.json();
        let count = whole[rows].as_array().unwrap().len();
        assert!(count > 0, "{command:?}: {whole}");
        let mut less = whole.clone();
        let first = less[rows].as_array_mut().unwrap().remove(0);
        let mut other = whole.clone();
        let changed = other[rows][0].pointer_mut(figure).unwrap();
        *changed = match (&*changed, figure) {
            (_, "/state") => value!("LAST_ACK"),
            (_, "/severity") => value!("info"),
            (number, _) => value!(number.as_u64().map_or(1, |number| number + 1)),
        };
        if other == whole {
            other[rows][0][&figure[1..]] = value!("warning");
        }
        let mut longer = whole.clone();
        if rows == "sockets" {
            longer[rows][0]["accept_queue"] = value!(null);
            let waiting = longer[rows].as_array_mut().unwrap().iter_mut();
            waiting
                .filter(|socket| socket["recv_q"].is_number())
                .for_each(|socket| socket["recv_q"] = value!(99_999));
        }
        let directory = std::env::temp_dir();
        let file = |which: &str, answer: &Value| {
            let file = format!("sockscope-{name}-{which}-{}", std::process::id());
            let path = directory.join(file);
            std::fs::write(&path, answer.to_string()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let files = [
            file("whole", &whole),
            file("less", &less),
            file("other", &other),
            file("longer", &longer),
        ];
        let [whole, less, other, longer] = &files;
        let (told, lines) = judge.both(name, line, &["diff", whole, less]);
        assert_eq!(told["closed"], value!([first]), "{name}");
        assert_eq!(lines[0]["event"], "closed");
        let (told, _) = judge.both(name, line, &["diff", less, whole]);
        assert_eq!(told["opened"], value!([first]), "{name}");
        let (told, lines) = judge.both(name, line, &["diff", whole, other]);
        assert_eq!(
            told["changed"].as_array().unwrap().len(),
            1,
            "{name}: {told}"
        );
        assert_eq!(lines[0]["event"], "changed");
        judge.both(name, line, &["diff", whole, longer]);
        for file in &files {
            std::fs::remove_file(file).unwrap();
        }
    }
    // Lines do not tell the command.
    let lines = Run::new(&["conns", "--format=ndjson"]).output().stdout;
    let path = std::env::temp_dir().join(format!("sockscope-lines-{}", std::process::id()));
    std::fs::write(&path, lines).unwrap();
    let path = path.to_str().unwrap();
    let (told, _) = judge.both("DiffAnswer", "DiffLine", &["diff", path, path]);
    assert_eq!(told["before"]["command"], value!(null));
    std::fs::remove_file(path).unwrap();
}

/// Whether one of them has this value there.
fn has(all: &[Value], place: &str, value: &Value) -> bool {
    all.iter().any(|one| one.pointer(place) == Some(value))
}
