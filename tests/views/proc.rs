//! `proc`: what a process has that the list does not show is counted and explained, never "has none".

use common::{
    Answer, NOBODY, Namespace, Run, Scene, codes_here, problem_codes, sockets, sockscope,
};
use serde_json::{Value, json as value};

fn proc_of(target: &str, more: &[&str]) -> Answer {
    Run::new(&["proc", target]).args(more).output()
}

/// The problem with this code.
fn problem<'a>(answer: &'a Value, code: &str) -> &'a Value {
    let problems = answer["problems"].as_array().unwrap();
    problems
        .iter()
        .find(|problem| problem["code"] == code)
        .unwrap_or_else(|| panic!("no {code} in {answer}"))
}

#[test]
fn sockets_of_other_kinds_are_counted() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["many-kinds", "--count", "20"]);
    let pid = scene.pid().to_string();
    let answer = proc_of(&pid, &["--json"]);
    let told = answer.json();
    assert_eq!((answer.code(), sockets(&told).len()), (0, 1), "{answer:?}");
    assert_eq!(told["complete"], true, "{answer:?}");
    let rest = problem(&told, "sockets_not_listed");
    // 20 pairs, netlink, and one of TCP without a port.
    assert_eq!(rest["count"], 42, "{rest}");
    let message = rest["message"].as_str().unwrap();
    for part in ["40 unix", "1 netlink", "1 without a port", pid.as_str()] {
        assert!(message.contains(part), "{message}");
    }
    assert!(rest["hint"].as_str().unwrap().contains("ss "), "{rest}");
    // Of a table that was not asked for the option is named.
    let udp = proc_of(&pid, &["--json", "-u"]);
    let told = udp.json();
    assert_eq!((udp.code(), sockets(&told).len()), (1, 0), "{udp:?}");
    let message = problem(&told, "sockets_not_listed")["message"].to_string();
    for part in ["1 tcp", "1 without a port"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(
        udp.stderr.contains("no socket of the kinds asked for"),
        "{udp:?}"
    );
    // A filter chooses: what it leaves out is not missing.
    let chosen = proc_of(&pid, &["--json", "state=listen"]).json();
    assert_eq!(chosen["problems"], value!([]), "{chosen}");
    let strict = proc_of(&pid, &["--strict"]);
    assert_eq!(strict.code(), 0, "{strict:?}");
}

/// What the same look would list of the other family, or by another collector, is not without a port.
#[test]
fn what_a_narrower_look_leaves_out_is_called_what_it_is() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for (scene, more, part, way) in [
        (&["listen-v6only"][..], "-4", "1 IPv6", "-6 lists"),
        (&["listen"], "-6", "1 IPv4", "-4 lists"),
        (
            &["bound"],
            "--collector=procfs",
            "1 that this collector does not list",
            "--collector netlink lists",
        ),
    ] {
        let scene = Scene::start(scene);
        let answer = proc_of(&scene.pid().to_string(), &["--json", more]).json();
        let rest = problem(&answer, "sockets_not_listed");
        let (message, hint) = (
            rest["message"].as_str().unwrap(),
            rest["hint"].as_str().unwrap(),
        );
        assert!(message.contains(part), "{message}");
        assert!(!message.contains("without a port"), "{message}");
        assert!(hint.starts_with(way), "{hint}");
    }
}

/// A process whose first thread has ended is where its other threads are.
#[test]
fn a_process_whose_leader_has_ended_is_here_and_its_thread_is_named() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["dead-leader"]);
    let pid = scene.extra("pid").to_string();
    let answer = proc_of(&pid, &["--json"]);
    let told = answer.json();
    assert_eq!((answer.code(), sockets(&told).len()), (0, 1), "{answer:?}");
    let codes = problem_codes(&told);
    assert!(!codes.contains(&"sockets_elsewhere"), "{told}");
    let tid = scene.extra("tid").to_string();
    let thread = proc_of(&tid, &[]);
    assert_eq!(thread.code(), 1, "{thread:?}");
    let said = format!("{tid} is a thread of process {pid}");
    assert!(thread.stderr.contains(&said), "{thread:?}");
    assert!(!thread.stderr.contains("without a port"), "{thread:?}");
}

/// What only waits to be reaped is in no namespace, neither here nor elsewhere.
#[test]
fn a_process_that_has_ended_and_was_not_reaped() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let mut child = common::spawn::spawn(&mut Run::of("true").command()).unwrap();
    let pid = child.id().to_string();
    let said = format!("process {pid} has ended");
    common::eventually("a process that ends", common::DEADLINE, || {
        let answer = proc_of(&pid, &[]);
        assert!(!answer.stderr.contains("namespace"), "{answer:?}");
        answer.stderr.contains(&said).then_some(())
    });
    common::spawn::end(&mut child);
}

#[test]
fn a_process_in_another_network_namespace() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["two-namespaces", "--port", "8080"]);
    let pid = scene.extra("pid").to_string();
    for more in [&["--json"][..], &["--json", "state=listen"]] {
        let answer = proc_of(&pid, more);
        let told = answer.json();
        assert_eq!((answer.code(), sockets(&told).len()), (1, 0), "{answer:?}");
        let away = problem(&told, "sockets_elsewhere");
        assert_eq!(
            (&away["count"], &told["complete"]),
            (&value!(1), &value!(true))
        );
        let message = away["message"].as_str().unwrap();
        assert!(
            message.contains(&scene.extra("netns_inode").to_string()),
            "{message}"
        );
        let command = format!("nsenter -t {pid} -n sockscope proc {pid}");
        assert_eq!(away["hint"], command, "{away}");
        assert!(
            !answer.stderr.contains("has no network socket"),
            "{answer:?}"
        );
        assert!(
            answer.stderr.contains("in this network namespace"),
            "{answer:?}"
        );
        // The command that is named shows it.
        let mut words = command.split(' ');
        let inside = Run::of(words.next().unwrap())
            .args(&[
                "-t",
                &pid,
                "-n",
                env!("CARGO_BIN_EXE_sockscope"),
                "proc",
                &pid,
                "--json",
            ])
            .json();
        assert_eq!(sockets(&inside).len(), 1, "{inside}");
    }
    let pids = proc_of(&pid, &["--pids"]);
    assert_eq!((pids.code(), pids.stdout.as_str()), (1, ""), "{pids:?}");
    assert!(
        pids.stderr.contains("in this network namespace"),
        "{pids:?}"
    );
}

/// By name: some are here, some are not, and both are counted.
#[test]
fn those_of_a_name_that_are_elsewhere() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let name = format!("odd{}", std::process::id());
    let here = Scene::start(&["comm", "--name", &name]);
    let program = common::example("scene");
    let mut inside = Run::of("unshare")
        .args(&["--net", program.to_str().unwrap(), "comm", "--name", &name])
        .command();
    inside
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut away = common::spawn::spawn(&mut inside).unwrap();
    let mut line = String::new();
    let stdout = away.stdout.take().unwrap();
    // In a namespace with lo down nothing can be listened on; it is there or not.
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    let answer = proc_of(&name, &["--json"]);
    drop(away.stdin.take());
    common::spawn::end(&mut away);
    let told = answer.json();
    assert_eq!((answer.code(), sockets(&told).len()), (0, 1), "{answer:?}");
    assert_eq!(&sockets(&told)[0]["owners"][0]["pid"], here.extra("pid"));
    let message = problem(&told, "sockets_elsewhere")["message"].to_string();
    assert!(message.contains("1 of the 2 processes called"), "{message}");
    let hint = problem(&told, "sockets_elsewhere")["hint"].to_string();
    assert!(
        hint.contains("nsenter -t ") && hint.contains(&name),
        "{hint}"
    );
}

/// Who may not see says that, and not that there is nothing.
#[test]
fn a_user_who_cannot_see() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let name = format!("shy{}", std::process::id());
    let scene = Scene::start(&["comm", "--name", &name]);
    let pid = scene.extra("pid").to_string();
    for target in [&name, &pid] {
        let answer = Run::new(&["proc", target]).user(NOBODY).output();
        assert_eq!(answer.code(), 1, "{answer:?}");
        assert!(answer.stderr.contains("cannot be seen"), "{answer:?}");
        assert!(!answer.stderr.contains("no network socket"), "{answer:?}");
        let told = Run::new(&["proc", target, "--json"])
            .user(NOBODY)
            .output()
            .json();
        assert_eq!(told["complete"], false, "{told}");
        assert_eq!(codes_here(&told), ["owners_denied"], "{told}");
    }
    // What is not there is not there.
    let none = Run::new(&["proc", "4194305"]).user(NOBODY).output();
    assert!(none.stderr.contains("there is no process"), "{none:?}");
    drop(scene);
}

/// What others hold elsewhere is told by the views of the whole host in one line, and is no lack of this answer.
#[test]
fn views_of_a_host_say_that_they_look_into_one_namespace() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["two-namespaces"]);
    for arguments in [&["doctor", "--for", "0", "--json"][..], &["--json"]] {
        let answer = sockscope(arguments);
        let told = answer.json();
        let others = problem(&told, "other_namespaces");
        assert!(others["count"].as_u64() >= Some(1), "{others}");
        assert!(
            others["hint"].as_str().unwrap().starts_with("nsenter -t "),
            "{others}"
        );
        // There may be some that even root may not look into.
        let lines = answer.of_host.iter();
        let known = lines.filter(|line| line.contains("which was not looked into"));
        assert_eq!(known.count(), 1, "{answer:?}");
        let incomplete = problem_codes(&told)
            .iter()
            .any(|code| !matches!(*code, "other_namespaces" | "namespaces_unseen"));
        assert!(incomplete || told["complete"] == true, "{told}");
    }
    // Who may not look at them cannot know whether they have any, and is told that.
    for arguments in [&["doctor", "--for", "0"][..], &[]] {
        let answer = Run::new(arguments).user(NOBODY).output();
        // Whoever else this user has somewhere may be known.
        let mut lines = answer.of_host.iter();
        let is_said = lines.any(|line| line.contains("have sockets cannot be seen"));
        assert!(is_said, "{answer:?}");
    }
    drop(scene);
}
