//! `doctor` on who holds a listener: workers before their master, and why one of them cannot run.

use common::doctor::{Diagnosis, remedy};
use common::frozen::Frozen;
use common::{DEADLINE, Namespace, Scene, eventually, sockscope, spawn};
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

/// The pids of the holders, in the order in which they are told.
fn pids(finding: &Value) -> Vec<i64> {
    let holders = finding["holders"].as_array().unwrap().iter();
    holders.map(|h| h["pid"].as_i64().unwrap()).collect()
}

fn workers(scene: &Scene) -> Vec<i64> {
    serde_json::from_value(scene.extra("workers").clone()).unwrap()
}

/// The master has the lowest pid and never accepts: it is named last, and as what it is.
#[test]
fn workers_before_the_master_that_only_passes_the_socket_on() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["workers", "--count", "3"]);
    let diagnosis = Diagnosis::short();
    let finding = diagnosis.one("accept-queue-full");
    let mut wanted = workers(&scene);
    wanted.sort_unstable();
    assert_eq!(finding["subject"]["pid"], wanted[0], "{finding}");
    wanted.push(scene.pid().into());
    assert_eq!(pids(finding), wanted, "{finding}");
    for holder in finding["holders"].as_array().unwrap() {
        let is_master = holder["pid"] == scene.pid();
        assert_eq!(holder["passes_on"], is_master, "{finding}");
        assert_eq!(holder["comm"], "scene", "{finding}");
        assert_ne!(holder["state"], "stopped", "{finding}");
    }
    assert!(!remedy(finding).contains("kill -CONT"), "{finding}");
}

/// Whatever keeps a worker from running is named with the worker, and how to end it comes first.
#[test]
fn a_worker_that_cannot_run() {
    for (how, cure) in [
        ("stopped", "kill -CONT"),
        ("traced", "detach from it"),
        ("zombie", "task"),
        ("uninterruptible", "wchan"),
    ] {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let scene = Scene::start(&["workers", "--count", "2", "--hinder", how]);
        let diagnosis = Diagnosis::short();
        let finding = diagnosis.one("accept-queue-full");
        let workers = workers(&scene);
        let (free, hindered) = (workers[0], workers[1]);
        assert_eq!(finding["subject"]["pid"], hindered, "{how}: {finding}");
        assert_eq!(pids(finding), [hindered, free, scene.pid().into()]);
        assert_eq!(finding["holders"][0]["state"], how, "{finding}");
        assert!(
            finding["title"].as_str().unwrap().contains(how),
            "{finding}"
        );
        let first = finding["remedy"][0].as_str().unwrap();
        assert!(first.contains(cure), "{how}: {finding}");
        assert!(first.contains(&hindered.to_string()), "{how}: {finding}");
        // Where only the first thread has ended, others may accept.
        let cause = finding["cause"].as_str().unwrap();
        assert_eq!(cause.contains("cannot"), how != "zombie", "{finding}");
        let told = sockscope(&["doctor", "--for", "0"]);
        for words in ["held by", "passes it on"] {
            assert!(told.stdout.contains(words), "{words}: {told:?}");
        }
    }
}

/// A helper inherits what is not closed: nothing tells that it should accept, nor that the server does not.
#[test]
fn a_helper_that_inherited_the_listener_is_not_blamed() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let inherited = rustix::io::dup(&listener).unwrap();
    let mut helper = spawn::spawn(Command::new("sleep").arg("20")).unwrap();
    drop(inherited);
    let at = listener.local_addr().unwrap();
    let _clients = [(); 2].map(|()| TcpStream::connect(at).unwrap());
    let finding = Diagnosis::of(&["--for", "0"])
        .one("accept-queue-full")
        .clone();
    assert_eq!(finding["holders"][1]["comm"], "sleep", "{finding}");
    spawn::stop(&mut helper);
    assert_eq!(finding["subject"]["pid"], std::process::id(), "{finding}");
    for holder in finding["holders"].as_array().unwrap() {
        assert_eq!(holder["passes_on"], false, "{finding}");
    }
}

#[test]
fn a_worker_whose_cgroup_is_frozen() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["workers", "--count", "2"]);
    let worker = workers(&scene)[1];
    let Some(frozen) = Frozen::of(worker) else {
        return;
    };
    let finding = eventually("a frozen worker", DEADLINE, || {
        let diagnosis = Diagnosis::of(&["--for", "0"]);
        let finding = diagnosis.one("accept-queue-full").clone();
        (finding["holders"][0]["state"] == "frozen").then_some(finding)
    });
    assert_eq!(finding["subject"]["pid"], worker, "{finding}");
    let file = frozen.0.join("cgroup.freeze");
    let thaw = format!("echo 0 > {}", file.display());
    assert!(remedy(&finding).contains(&thaw), "{finding}");
    drop(scene);
}
