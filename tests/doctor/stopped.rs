//! `stopped-holder`: clients, or data, wait for a process that is stopped; its healthy twin, and what is close to it.

use common::doctor::{Diagnosis, number, remedy};
use common::frozen::Frozen;
use common::{DEADLINE, NOBODY, Namespace, Run, Scene, eventually, sockscope, spawn};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

const ID: &str = "stopped-holder";

/// Stops or continues a process, and waits until it has.
fn signal(pid: u32, signal: i32) {
    spawn::signal(pid, signal);
    eventually("another state", DEADLINE, || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        (rest.starts_with('T') == (signal == libc::SIGSTOP)).then_some(())
    });
}

/// A server that is stopped: first nobody waits, then somebody does; and its twin that goes on.
#[test]
fn a_server_that_was_stopped_with_ctrl_z() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen", "--port=4600"]);
    let pid = scene.pid();
    Diagnosis::short().silent(ID);
    signal(pid, libc::SIGSTOP);
    let alone = Diagnosis::short();
    let finding = alone.one(ID);
    assert_eq!(finding["severity"], "warning", "{finding}");
    assert_eq!(number(finding, "waiting"), 0, "{finding}");
    let _clients = [(); 2].map(|()| TcpStream::connect("127.0.0.1:4600").unwrap());
    let waited = Diagnosis::short();
    let finding = waited.one(ID);
    assert_eq!(finding["severity"], "critical", "{finding}");
    assert_eq!(number(finding, "waiting"), 2, "{finding}");
    assert_eq!(finding["subject"]["pid"], pid, "{finding}");
    assert_eq!(finding["subject"]["port"], 4600, "{finding}");
    assert_eq!(finding["holders"][0]["state"], "stopped", "{finding}");
    assert!(
        remedy(finding).contains(&format!("kill -CONT {pid}")),
        "{finding}"
    );
    assert_eq!(waited.findings().len(), 1, "{}", waited.told);
    // One look tells it, too: the overview has it.
    let first = sockscope(&[]).stdout;
    assert!(
        first.contains(ID) || first.contains("nobody accepts on port 4600"),
        "{first}"
    );
    signal(pid, libc::SIGCONT);
    Diagnosis::short().silent(ID);
}

/// The full queue of the same process follows from it.
#[test]
fn it_leads_where_the_queue_is_full() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["workers", "--count=1", "--hinder=stopped"]);
    let worker = scene.extra("workers")[0].clone();
    let diagnosis = Diagnosis::short();
    let finding = diagnosis.one(ID);
    assert_eq!(finding["severity"], "critical", "{finding}");
    assert_eq!(finding["subject"]["pid"], worker, "{finding}");
    assert_eq!(number(finding, "waiting"), 5, "{finding}");
    let queue = diagnosis.one("accept-queue-full");
    assert_eq!(queue["severity"], "info", "{queue}");
    assert_eq!(diagnosis.findings()[0]["id"], ID, "{}", diagnosis.told);
    // Asked alone, it is as bad as ever.
    let alone = Diagnosis::of(&["--for=300ms", "--only=accept-queue-full"]);
    assert_eq!(alone.one("accept-queue-full")["severity"], "critical");
}

/// Another worker runs: the queue has its own reason.
#[test]
fn a_worker_that_runs_is_enough() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["workers", "--count=2", "--hinder=stopped"]);
    Diagnosis::short().silent(ID);
}

/// A process that has no listener and nothing to read holds nobody up.
#[test]
fn data_waits_for_a_stopped_reader() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut command = Command::new("cat");
    spawn::as_usual(&mut command);
    command.stdin(OwnedFd::from(client)).stdout(Stdio::null());
    let mut reader = spawn::spawn(&mut command).unwrap();
    drop(command);
    signal(reader.id(), libc::SIGSTOP);
    Diagnosis::short().silent(ID);
    server.write_all(b"hello").unwrap();
    let finding = eventually("data that waits", DEADLINE, || {
        Diagnosis::short()
            .of_rule(ID)
            .first()
            .map(|one| (*one).clone())
    });
    // It is a client of its own will.
    assert_eq!(finding["severity"], "warning", "{finding}");
    assert_eq!(number(&finding, "unread_bytes"), 5, "{finding}");
    spawn::stop(&mut reader);
}

#[test]
fn a_server_that_is_frozen() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen", "--port=4600"]);
    let Some(frozen) = Frozen::of(scene.pid().into()) else {
        return common::skipped("no cgroup of version 2 can be made here");
    };
    let _client = TcpStream::connect("127.0.0.1:4600").unwrap();
    let finding = eventually("a frozen server", DEADLINE, || {
        Diagnosis::short()
            .of_rule(ID)
            .first()
            .map(|one| (*one).clone())
    });
    assert_eq!(finding["severity"], "critical", "{finding}");
    let thaw = format!("echo 0 > {}", frozen.0.join("cgroup.freeze").display());
    assert!(remedy(&finding).contains(&thaw), "{finding}");
    drop(scene);
}

/// Whoever may not look at the holders hears why nothing was said.
#[test]
fn who_may_not_look_hears_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["other-user", "--uid=4242", "--port=4600"]);
    let run = Run::new(&["doctor", "--json", "--for=0"]).user(NOBODY);
    let diagnosis = Diagnosis::by(run);
    let why = diagnosis.reason(ID).unwrap();
    assert!(why.contains("CAP_SYS_PTRACE"), "{why}");
    let none = Diagnosis::of(&["--for=0", "--no-owners"]);
    assert!(none.reason(ID).unwrap().contains("not looked for"));
}
