//! A machine whose every name was chosen to deceive: the host, an interface, a cgroup, the configuration, the words
//! that are typed. None reaches a terminal as it is, and JSON has each exactly.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::{Answer, Namespace, Run, Scene, checked, json, sockets, sockscope};
use data_encoding::BASE64;
use std::ffi::OsStr;
use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The host's name: a colour, a title, and text from right to left.
const HOST: &[u8] = b"h\x1b[31m\x1b]0;x\x07\xe2\x80\xae\xff";
/// The interface's name, at most 15 bytes.
const INTERFACE: &[u8] = b"e\x1b[31m\xff;=1";

/// Controls, what changes the order of others, and what is not seen.
#[track_caller]
fn is_harmless(what: &[&str], answer: &Answer) {
    for text in [&answer.stdout, &answer.stderr] {
        let is_dangerous = |c: char| c != '\n' && sockscope::model::foreign::is_hidden(c);
        let found = text.chars().find(|&c| is_dangerous(c));
        assert_eq!(found, None, "{what:?}: {text:?}");
    }
    assert!(answer.stderr.lines().count() <= 3, "{what:?}: {answer:?}");
}

/// A host of that name, for the run alone.
fn on_odd_host(run: Run) -> Run {
    run.before(|| {
        // SAFETY: the name is live; a namespace of the child's own is changed.
        unsafe {
            checked(libc::unshare(libc::CLONE_NEWUTS))?;
            checked(libc::sethostname(HOST.as_ptr().cast(), HOST.len()))
        }
    })
}

/// Gives the loopback of this namespace another name.
fn rename_loopback(name: &[u8]) {
    let request = |name: &[u8]| {
        // SAFETY: plain data, for which zero is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name) {
            *to = libc::c_char::from_ne_bytes([*from]);
        }
        request
    };
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ask = |call: libc::Ioctl, mut request: libc::ifreq| {
        // SAFETY: the kernel reads this structure, which outlives the call.
        checked(unsafe { libc::ioctl(socket.as_raw_fd(), call, &raw mut request) })
    };
    let flags = |name, flags: i32| {
        let mut request = request(name);
        request.ifr_ifru.ifru_flags = i16::try_from(flags).unwrap();
        ask(libc::SIOCSIFFLAGS, request).unwrap();
    };
    flags(b"lo", 0);
    let mut rename = request(b"lo");
    rename.ifr_ifru.ifru_newname = request(name).ifr_name;
    ask(libc::SIOCSIFNAME, rename).unwrap();
    flags(name, libc::IFF_UP);
}

fn bind_to(socket: &UdpSocket, interface: &[u8]) {
    // SAFETY: the name is live.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            interface.as_ptr().cast(),
            libc::socklen_t::try_from(interface.len()).unwrap(),
        )
    };
    checked(outcome).unwrap();
}

/// A directory of the test's own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place =
            std::env::temp_dir().join(format!("sockscope-odd-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        Self(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A cgroup with an odd name, which this process is in to its end; empty ones are removed by the test.
fn enter_odd_cgroup() -> Option<(PathBuf, PathBuf)> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
    let root = PathBuf::from(line.split(' ').nth(4)?);
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let pid = std::process::id().to_string();
    let name = [b"odd\x1b[31m\xff".as_slice(), pid.as_bytes(), b".service"];
    let path = root.join(OsStr::from_bytes(&name.concat()));
    std::fs::create_dir(&path).ok()?;
    std::fs::write(path.join("cgroup.procs"), "0").ok()?;
    Some((path, root.join(own)))
}

#[test]
fn no_name_of_the_machine_reaches_a_terminal() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    rename_loopback(INTERFACE);
    let bound = UdpSocket::bind("127.0.0.1:0").unwrap();
    bind_to(&bound, INTERFACE);
    let port = bound.local_addr().unwrap().port().to_string();
    let cgroup = enter_odd_cgroup();
    let scene = Scene::start(&["established"]);
    let pid = scene.pid().to_string();
    let place = Place::new("machine");
    let saved = place.0.join("a.json");
    let saved = saved.to_str().unwrap();
    let answer = on_odd_host(Run::new(&["conns", "-a", "-q", "--save", saved])).output();
    assert_eq!(answer.code(), 0, "{answer:?}");
    let all = "--columns=local,peer,interface,process,command,unit,cgroup,user,congestion";
    let commands: [&[&str]; 19] = [
        &[],
        &["listen"],
        &["listen", all],
        &["conns", "-a", all],
        &["listen", "-rv"],
        &["port", &port],
        &["port", "1-65535"],
        &["states"],
        &["states", "--by=unit"],
        &["states", "--by=user"],
        &["states", "--by=command"],
        &["buildup", "--by=unit"],
        &["doctor", "--for=0"],
        &["proc", &pid],
        &["inspect", "lport>0"],
        &["explain", "close-wait"],
        &["diff", saved, saved],
        &["wait", &port, "--free", "--timeout=0"],
        &["conns", "-a", "interface!=x"],
    ];
    for command in commands {
        for format in ["table", "plain", "csv", "json", "ndjson"] {
            let format = format!("--format={format}");
            let run = Run::new(&[command, &[&format]].concat());
            let answer = on_odd_host(run).output();
            is_harmless(&[command, &[&format]].concat(), &answer);
            assert!((0..=2).contains(&answer.code()), "{answer:?}");
        }
    }
    let table = sockscope(&["listen", "--columns=local,interface", "-H"]).stdout;
    let shown = r"e\x1b[31m\xff;=1";
    assert!(
        table.contains(&format!("127.0.0.1%{shown}:{port}")),
        "{table}"
    );
    let csv = sockscope(&["listen", "--columns=interface", "-H", "--format=csv"]).stdout;
    assert!(csv.contains(r"e\x1b[31m\xff;'=1"), "{csv}");
    let told = on_odd_host(Run::new(&["listen", "--json"])).json();
    assert_eq!(told["host"], "h\u{1b}[31m\u{1b}]0;x\u{7}\u{202e}\u{fffd}");
    let row = sockets(&told)
        .iter()
        .find(|row| row["local"]["port"] == bound.local_addr().unwrap().port());
    let row = row.unwrap();
    assert_eq!(row["interface"], "e\u{1b}[31m\u{fffd};=1");
    assert_eq!(row["interface_base64"], BASE64.encode(INTERFACE));
    if let Some((path, before)) = cgroup {
        let told = json(&["inspect", "--json", &format!("pid={pid}")]);
        let process = &sockets(&told)[0]["processes"][0];
        let name = path.file_name().unwrap().as_bytes();
        let exact = [b"/", name].concat();
        assert_eq!(process["cgroup_base64"], BASE64.encode(&exact), "{process}");
        drop(scene);
        std::fs::write(before.join("cgroup.procs"), "0").unwrap();
        common::eventually("the cgroup is empty", common::DEADLINE, || {
            std::fs::remove_dir(&path).ok()
        });
    }
}

#[test]
fn no_word_that_is_typed_reaches_a_terminal() {
    let long = "x".repeat(100_000);
    for word in [
        "a\u{1b}[31m",
        "\u{202e}a",
        "a\nb",
        "\u{2800}",
        "\u{110bd}",
        &long,
    ] {
        for arguments in [
            &[word][..],
            &["listen", word],
            &["listen", "--columns", word],
            &["listen", "--sort", word],
            &["listen", "--format", word],
            &["listen", &format!("--{word}")],
            &["listen", "--color", word],
            &["listen", "--save", "/dev/null/a", word],
            &["listen", "--save", &format!("/dev/null/{word}")],
            &["listen", "--collector", word],
            &["listen", "--watch", &format!("state={word}")],
            &["port", word],
            &["proc", word],
            &["explain", word],
            &["doctor", "--only", word],
            &["doctor", "--for", word],
            &["states", "--by", word],
            &["wait", word, "--free"],
            &["wait", "1", "--free", "--address", word],
            &["wait", "1", "--free", "--process", word],
            &["diff", word, word],
            &["man", word],
            &["completions", word],
            &["watch", word],
            &["inspect", &format!("lport = {word}")],
            &["inspect", &format!("state = {word}")],
            &["inspect", &format!("process ~ '({word}'")],
        ] {
            let answer = sockscope(arguments);
            is_harmless(arguments, &answer);
            let codes = if arguments.contains(&"--process") {
                0..=2
            } else {
                1..=2
            };
            assert!(codes.contains(&answer.code()), "{arguments:?}: {answer:?}");
            // Notes are about processes of the host: other tests' too, which may be called just so.
            let said = answer.stderr.lines();
            let said = said.filter(|line| !line.contains("note: "));
            assert!(said.count() <= 2, "{answer:?}");
            let longest = answer.stderr.lines().map(str::len).max().unwrap_or(0);
            assert!(longest < 3000, "{longest}: {:?}", &arguments[0]);
        }
    }
    let bytes = OsStr::from_bytes(b"\xff\x1b[31m");
    for words in [
        vec![bytes],
        vec![OsStr::new("listen"), bytes],
        vec![OsStr::new("proc"), bytes],
    ] {
        is_harmless(&["bytes"], &Run::new(&words).output());
    }
}

#[test]
fn a_filter_error_keeps_its_caret_however_long_the_filter() {
    let before = "lport = 1 or ".repeat(5000);
    let filter = format!("{before}state = nope or {before}lport = 2");
    let answer = sockscope(&["listen", &filter]);
    assert_eq!(answer.code(), 2);
    let line = answer.stderr.lines().next().unwrap();
    let at = before.len() + "state = ".len() + 1;
    assert!(line.contains(&format!("at character {at}: …")), "{line}");
    assert!(line.contains("or state = ^nope or lport"), "{line}");
    assert!(line.len() < 500, "{line}");
}

#[test]
fn no_configuration_reaches_a_terminal() {
    let place = Place::new("config");
    let directory = place.0.join("sockscope");
    std::fs::create_dir(&directory).unwrap();
    for text in [
        "a\u{1b}[31m = 1".to_owned(),
        "color = 'x\u{202e}'".to_owned(),
        "color = '\u{7f}'".to_owned(),
        "[columns]\nlisten = '\u{85}\u{200b}'".to_owned(),
        format!("color = '{}", "x".repeat(60_000)),
        format!("# \u{2800}\ncolor = {}", "y".repeat(60_000)),
        format!("{} = 1", "z".repeat(60_000)),
    ] {
        std::fs::write(directory.join("config.toml"), &text).unwrap();
        let run = Run::new(&["listen"]).env("XDG_CONFIG_HOME", place.0.to_str().unwrap());
        let answer = run.output();
        assert_eq!(answer.code(), 2, "{answer:?}");
        is_harmless(&[&text], &answer);
        assert!(answer.stderr.lines().count() <= 2, "{answer:?}");
        assert!(answer.stderr.len() < 3000, "{}", answer.stderr.len());
    }
    let odd = place.0.join(OsStr::from_bytes(b"\x1b[31m\xff"));
    std::fs::create_dir_all(odd.join("sockscope/config.toml")).unwrap();
    let mut command = Run::new(&["listen"]).command();
    command.env("XDG_CONFIG_HOME", &odd);
    let answer = output_of(command).unwrap();
    assert!(
        answer.contains(r"\x1b[31m\xff/sockscope/config.toml"),
        "{answer}"
    );
}

/// What a command says on standard error.
fn output_of(mut command: std::process::Command) -> io::Result<String> {
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::piped());
    let mut child = common::spawn::spawn(&mut command)?;
    let said = io::read_to_string(child.stderr.take().unwrap())?;
    common::spawn::end(&mut child);
    Ok(said)
}
