//! Closed doors: no standard streams, no room, no /dev, no signals. Each ends in a right answer, or in one line and
//! exit code 2; never by a signal, and never as if all were well.
#![allow(
    unsafe_code,
    reason = "children lose streams and signals by system calls"
)]

use common::{Answer, Fault, Namespace, Run, Scene, checked, sandbox};
use std::ffi::CStr;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

/// What is said where standard output is closed.
const CLOSED: &str = "cannot write to standard output: it is closed";

/// Everything that writes to standard output, with each of its formats.
fn all_that_write() -> Vec<Vec<&'static str>> {
    let formats = ["table", "plain", "csv", "json", "ndjson"];
    let looks: [&[&str]; 14] = [
        &[],
        &["listen"],
        &["conns", "-a"],
        &["port", "1-65535"],
        &["states"],
        &["states", "--by=process"],
        &["buildup", "--for=0"],
        &["doctor", "--list"],
        &["proc", "scene"],
        &["inspect", "lport>0"],
        &["explain", "close-wait"],
        &["--columns=help"],
        &["listen", "--watch=100ms"],
        &["wait", "9", "--free"],
    ];
    let mut all: Vec<Vec<&str>> = Vec::new();
    for look in looks {
        for format in formats {
            // A stream of events, and waiting, have formats of their own.
            let is_json = format.ends_with("json");
            if look.contains(&"wait") && !is_json {
                continue;
            }
            all.push([look, &["--format", format]].concat());
        }
    }
    let of_the_program: [&[&str]; 8] = [
        &["--help"],
        &["-h"],
        &["listen", "--help"],
        &["--version"],
        &["man"],
        &["completions", "bash"],
        &["schema"],
        &["listen", "--pids"],
    ];
    all.extend(of_the_program.map(<[&str]>::to_vec));
    all
}

fn close(stream: i32) -> impl FnMut() -> io::Result<()> + Send + Sync {
    // SAFETY: a descriptor of the child's own.
    move || checked(unsafe { libc::close(stream) })
}

/// Standard output is this file, opened so.
fn into(path: &'static CStr, flags: i32) -> impl FnMut() -> io::Result<()> + Send + Sync {
    move || {
        // SAFETY: the path is a literal; both descriptors are the child's own.
        unsafe {
            let file = libc::open(path.as_ptr(), flags);
            checked(file)?;
            checked(libc::dup2(file, 1))
        }
    }
}

#[track_caller]
fn is_one_line(what: &[&str], answer: &Answer, why: &str) {
    let told = (answer.code(), answer.stderr.lines().count());
    assert_eq!(told, (2, 1), "{what:?}: {answer:?}");
    assert!(answer.stderr.contains(why), "{what:?}: {answer:?}");
}

#[test]
fn what_cannot_be_written_is_said() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [&["established"][..], &["close-wait", "--count=2"]].map(Scene::start);
    for command in all_that_write() {
        let run = || Run::new(&command);
        is_one_line(&command, &run().before(close(1)).output(), CLOSED);
        let full = run().before(into(c"/dev/full", libc::O_WRONLY)).output();
        is_one_line(&command, &full, "No space left on device");
    }
    // A closed standard error cannot be told, but the exit code can.
    let silent = Run::new(&["states"]).before(close(1)).before(close(2));
    assert_eq!(silent.output().code(), 2);
    let read_only = Run::new(&["listen"])
        .before(into(c"/dev/null", libc::O_RDONLY))
        .output();
    is_one_line(&["read-only"], &read_only, CLOSED);
}

#[test]
fn streams_that_are_not_needed_may_be_closed() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let usual = Run::new(&["listen", "--format=plain"]).output();
    assert_eq!(usual.code(), 0);
    for streams in [&[0][..], &[2], &[0, 2]] {
        let mut run = Run::new(&["listen", "--format=plain"]);
        for stream in streams {
            run = run.before(close(*stream));
        }
        let answer = run.output();
        assert_eq!(
            (answer.code(), &answer.stdout),
            (0, &usual.stdout),
            "{streams:?} {answer:?}"
        );
    }
    let quiet = Run::new(&["listen", "-q"]).before(close(1)).output();
    assert_eq!((quiet.code(), quiet.stderr.as_str()), (0, ""));
    let compared = Run::new(&["diff", "-", "/dev/null"])
        .before(close(0))
        .output();
    assert_eq!(compared.code(), 2, "{compared:?}");
}

#[test]
fn without_dev_it_answers_as_ever() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let run = || Run::new(&["listen", "--format=plain"]).before(sandbox::empty_dev);
    let usual = Run::new(&["listen", "--format=plain"]).output();
    for streams in [&[][..], &[0], &[2], &[0, 2]] {
        let answer = streams
            .iter()
            .fold(run(), |run, stream| run.before(close(*stream)))
            .output();
        assert_eq!(
            (answer.code(), &answer.stdout),
            (0, &usual.stdout),
            "{streams:?} {answer:?}"
        );
    }
    is_one_line(
        &["no /dev"],
        &run().before(close(0)).before(close(1)).output(),
        CLOSED,
    );
}

#[test]
fn signals_that_cannot_be_set_are_no_end() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established"]);
    let refused = || Fault::new(libc::SYS_rt_sigaction, libc::EPERM);
    for command in [
        &["listen"][..],
        &["conns", "--json"],
        &["states"],
        &["--version"],
        &[],
    ] {
        let usual = Run::new(command).output();
        let answer = Run::new(command).fault(refused()).output();
        assert_eq!(answer.code(), usual.code(), "{command:?} {answer:?}");
        let lines = |text: &str| text.lines().count();
        assert_eq!(
            lines(&answer.stdout),
            lines(&usual.stdout),
            "{command:?} {answer:?}"
        );
    }
    let answer = Run::new(&["listen", "--watch=100ms"])
        .fault(refused())
        .output();
    is_one_line(&["--watch"], &answer, "signals");
}

/// A directory of the test's own.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place =
            std::env::temp_dir().join(format!("sockscope-doors-{name}-{}", std::process::id()));
        std::fs::create_dir(&place).unwrap();
        Self(place)
    }

    fn names(&self) -> Vec<std::ffi::OsString> {
        let all = std::fs::read_dir(&self.0).unwrap();
        all.map(|one| one.unwrap().file_name()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_limit_on_files_ends_nothing_by_a_signal_and_tears_no_file() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=50"]);
    let place = Place::new("limit");
    let file = place.0.join("a.json");
    let limit = || {
        let limit = libc::rlimit {
            rlim_cur: 4096,
            rlim_max: 4096,
        };
        // SAFETY: the limit is live.
        checked(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) })
    };
    let save = || Run::new(&["conns", "--save"]).args(&[&file]);
    is_one_line(
        &["--save"],
        &save().before(limit).output(),
        "cannot save to",
    );
    assert_eq!(place.names(), [] as [std::ffi::OsString; 0]);
    assert_eq!(save().output().code(), 0);
    let before = std::fs::read(&file).unwrap();
    is_one_line(
        &["--save"],
        &save().before(limit).output(),
        "File too large",
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(place.names(), ["a.json"]);
}

#[test]
fn what_is_saved_over_stays_whose_it_is_and_as_private() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let place = Place::new("private");
    let file = place.0.join("a.json");
    std::fs::write(&file, "another's").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(&file, Some(common::NOBODY), Some(54321)).unwrap();
    let save = || Run::new(&["states", "--save"]).args(&[&file]);
    assert_eq!(save().output().code(), 0);
    let is = file.metadata().unwrap();
    assert_eq!(
        (is.uid(), is.gid(), is.mode() & 0o7777),
        (common::NOBODY, 54321, 0o640)
    );
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("}\n"));
    // Who cannot leave it to its owner leaves it alone.
    std::fs::set_permissions(&place.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    let before = std::fs::read(&file).unwrap();
    let answer = save().user(12345).output();
    is_one_line(
        &["another's"],
        &answer,
        "its owner (user 65534, group 54321)",
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(place.names(), ["a.json"]);
}

#[test]
fn a_part_that_was_saved_is_not_taken_for_the_whole() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count=5"]);
    let place = Place::new("part");
    let save = |name: &str, more: &[&str]| {
        let file = place.0.join(name);
        let run = Run::new(&["conns", "-q", "--save"])
            .args(&[&file])
            .args(more);
        assert!(run.output().code() <= 1);
        file
    };
    let (whole, part) = (save("whole", &[]), save("part", &["--limit=3"]));
    let more = save("more", &["--limit=1000"]);
    let told = |file: &PathBuf| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    };
    assert_eq!(
        (&told(&part)["limit"], &told(&part)["complete"]),
        (&3.into(), &true.into())
    );
    assert!(told(&whole)["limit"].is_null());
    let diff = |a: &PathBuf, b: &PathBuf| Run::new(&["diff", "--json"]).args(&[a, b]).json();
    for (a, b, kept) in [(&whole, &part, "opened"), (&part, &whole, "closed")] {
        let told = diff(a, b);
        let codes = common::problem_codes(&told);
        assert!(codes.contains(&"answer_limited"), "{told}");
        assert_eq!(told["complete"], false);
        for key in ["opened", "closed"] {
            assert_eq!(told[key].as_array().unwrap().len(), 0, "{kept}: {told}");
        }
        let strict = Run::new(&["diff", "--strict"]).args(&[a, b]).output();
        assert_eq!(strict.code(), 3);
        assert!(strict.stderr.contains("may be cut (--limit)"), "{strict:?}");
    }
    assert_eq!(
        diff(&whole, &more)["complete"],
        true,
        "fewer rows than asked for are all"
    );
    // Of other sockets than those that the other answer was asked for, nothing opened or closed.
    let one = save("one", &["-4", "state=established"]);
    let v6 = save("v6", &["-6"]);
    assert_eq!(told(&one)["asked"], "-4 state=established");
    assert!(told(&whole)["asked"].is_null());
    for (a, b, [opened, closed]) in [
        (&one, &whole, [false, true]),
        (&whole, &one, [true, false]),
        (&one, &v6, [false; 2]),
    ] {
        let told = diff(a, b);
        let codes = common::problem_codes(&told);
        assert!(codes.contains(&"answers_to_others"), "{told}");
        for (key, may_be) in [("opened", opened), ("closed", closed)] {
            let count = told[key].as_array().unwrap().len();
            assert!(may_be || count == 0, "{key}: {told}");
        }
    }
    let text = Run::new(&["diff"]).args(&[&one, &whole]).output();
    assert!(text.stdout.contains("nothing differs"), "{text:?}");
}
