//! What `port` tells of those who hold it: whose it is, where they run, what keeps them.

use common::frozen::Frozen;
use common::{
    Answer, DEADLINE, NOBODY, Namespace, Run, Scene, eventually, json, sockets, sockscope, spawn,
};
use serde_json::Value;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Command;

/// The one line of a story with this label.
fn line<'a>(story: &'a str, label: &str) -> &'a str {
    let mut lines = story
        .lines()
        .filter(|line| line.trim_start().starts_with(label));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no {label} in {story}"));
    assert!(lines.next().is_none(), "{label} twice in {story}");
    line.trim()
}

/// Whose a socket is, the kernel tells everyone.
#[test]
fn who_may_not_look_hears_whose_it_is_and_how_it_is_named() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["other-user", "--uid=4242", "--port=4600"]);
    let answer = Run::new(&["port", "4600", "-t"]).user(NOBODY).output();
    let held = line(&answer.stdout, "held by");
    let wanted = "held by     a process of uid 4242; sudo sockscope port 4600 names it";
    assert_eq!(held, wanted, "{answer:?}");
    let root = sockscope(&["port", "4600", "-t"]).stdout;
    assert!(line(&root, "held by").contains("uid 4242"), "{root}");
    assert!(!root.contains("sudo"), "{root}");
}

/// The seconds are those of the kernel's timers.
#[test]
fn it_is_told_when_time_wait_ends() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--server-first", "--port=4600"]);
    let seconds = |text: &str| -> u64 {
        let story = sockscope(&["port", "4600", "-t"]).stdout;
        let (_, rest) = story.split_once(text).unwrap_or_else(|| panic!("{story}"));
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let first = seconds("TIME_WAIT ends in ");
    assert!((1..=60).contains(&first), "{first}");
    drop(scene);
    // Now it is what stands in the way of a bind().
    let second = seconds("gone within ");
    assert!((1..=first).contains(&second), "{second} after {first}");
}

/// The owners of the listener of a port, as JSON has them.
fn owners(port: u16) -> Vec<Value> {
    let told = json(&["port", &port.to_string(), "-t", "--json"]);
    let mut listeners = sockets(&told).iter().filter(|s| s["state"] == "LISTEN");
    let listener = listeners.next().unwrap();
    listener["owners"].as_array().unwrap().clone()
}

fn story(port: u16) -> Answer {
    sockscope(&["port", &port.to_string(), "-t"])
}

/// Stopped as by Ctrl-Z, and once it goes on nothing is said of it.
#[test]
fn a_server_that_is_stopped() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen", "--port=4600"]);
    let pid = scene.pid();
    let state = || owners(4600)[0]["state"].clone();
    assert_ne!(state(), "stopped");
    assert!(!story(4600).stdout.contains("state"));
    spawn::signal(pid, libc::SIGSTOP);
    eventually("stopped", DEADLINE, || (state() == "stopped").then_some(()));
    let told = story(4600).stdout;
    let wanted = format!("stopped (Ctrl-Z or SIGSTOP); kill -CONT {pid} lets it go on");
    assert_eq!(
        line(&told, "state"),
        format!("state       {wanted}"),
        "{told}"
    );
    // Of a range, too, and of a list.
    for ports in ["1-65535", "4599,4600"] {
        let told = sockscope(&["port", ports]).stdout;
        assert!(told.contains(&wanted), "{told}");
    }
    spawn::signal(pid, libc::SIGCONT);
    eventually("going on", DEADLINE, || {
        (state() != "stopped").then_some(())
    });
    assert!(!story(4600).stdout.contains("kill -CONT"));
}

/// One of the workers is held by who is named; the others, and the master, are not.
#[test]
fn a_worker_that_is_traced() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["workers", "--port=4600", "--count=3", "--hinder=traced"]);
    let workers: Vec<u32> = serde_json::from_value(scene.extra("workers").clone()).unwrap();
    let (master, traced) = (scene.pid(), workers[2]);
    let told = story(4600).stdout;
    let wanted = format!(
        "state       pid {traced} held by scene (pid {master}), which traces it: nothing runs until that lets it go on"
    );
    assert_eq!(line(&told, "state"), wanted, "{told}");
    assert!(told.contains(&format!("pid {master} (master) ")), "{told}");
    assert_eq!(told.matches("─ scene").count(), 3, "{told}");
    for owner in owners(4600) {
        let is_traced = owner["pid"] == traced;
        assert_eq!(owner["state"] == "traced", is_traced, "{owner}");
        let parent = if owner["pid"] == master {
            std::process::id()
        } else {
            master
        };
        assert_eq!(owner["parent"], parent, "{owner}");
    }
}

/// The leader has ended, and its directory is told by the thread that lives.
#[test]
fn a_leader_that_has_ended() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["dead-leader", "--port=4600"]);
    let pid = scene.extra("pid").as_u64().unwrap();
    let told = story(4600).stdout;
    let wanted = format!(
        "state       its first thread has ended (zombie), and another thread holds the socket; ls /proc/{pid}/task shows which"
    );
    assert_eq!(line(&told, "state"), wanted, "{told}");
    let owner = &owners(4600)[0];
    assert_eq!(owner["state"], "zombie", "{owner}");
    let here = std::env::current_dir().unwrap();
    assert_eq!(owner["cwd"], here.to_str().unwrap(), "{owner}");
}

#[test]
fn a_server_whose_cgroup_is_frozen() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["listen", "--port=4600"]);
    let Some(frozen) = Frozen::of(scene.pid().into()) else {
        return common::skipped("no cgroup of version 2 can be made here");
    };
    eventually("frozen", DEADLINE, || {
        (owners(4600)[0]["state"] == "frozen").then_some(())
    });
    let told = story(4600).stdout;
    let file = frozen.0.join("cgroup.freeze");
    let wanted = format!(
        "state       frozen with the cgroup; echo 0 > {} thaws it",
        file.display()
    );
    assert_eq!(line(&told, "state"), wanted, "{told}");
    drop(scene);
}

/// Where it runs, and who started it: this test.
#[test]
fn where_a_server_runs_and_who_started_it() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let place = std::env::temp_dir().join(format!("sockscope-story-{}", std::process::id()));
    std::fs::create_dir(&place).unwrap();
    let place = place.canonicalize().unwrap();
    let listener = TcpListener::bind("127.0.0.1:4600").unwrap();
    let mut command = Command::new("sleep");
    spawn::as_usual(&mut command);
    let listener = OwnedFd::from(listener);
    command.arg("60").current_dir(&place).stdin(listener);
    let mut server = spawn::spawn(&mut command).unwrap();
    drop(command);
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    let (comm, pid) = (comm.trim_end(), std::process::id());
    let told = story(4600).stdout;
    let directory = format!("directory   {}", place.display());
    assert_eq!(line(&told, "directory"), directory, "{told}");
    let parent = format!("parent      {comm} (pid {pid})");
    assert_eq!(line(&told, "parent"), parent, "{told}");
    let owner = &owners(4600)[0];
    assert_eq!(owner["cwd"], place.to_str().unwrap(), "{owner}");
    assert_eq!(
        (&owner["parent"], &owner["parent_comm"]),
        (&pid.into(), &comm.into())
    );
    // What was not asked for is not there.
    let listed = json(&["listen", "--json", "lport=4600"]);
    assert_eq!(
        sockets(&listed)[0]["owners"][0].get("cwd"),
        None,
        "{listed}"
    );
    let none = sockscope(&["port", "4600", "--no-owners"]).stdout;
    assert!(
        !none.contains("directory") && !none.contains("held by"),
        "{none}"
    );
    // A recording tells it again.
    let kept = place.join("kept");
    let kept = kept.to_str().unwrap();
    let live = sockscope(&["port", "4600", "-t", "--record-host", kept]).stdout;
    let again = sockscope(&["port", "4600", "-t", "--from-host", kept]).stdout;
    assert_eq!(again, live);
    assert!(again.contains(&directory), "{again}");
    spawn::stop(&mut server);
    std::fs::remove_dir_all(&place).unwrap();
}
