//! The cgroup of a socket, and the unit and container that its path names, where no process is known to hold it.
#![allow(clippy::print_stderr, reason = "they say when they could not run")]

use common::{Namespace, Run, Scene};
use std::path::PathBuf;

/// A cgroup of version 2 that this process is in until it is dropped; `None` where none can be made.
struct OwnCgroup {
    path: PathBuf,
    before: PathBuf,
}

impl OwnCgroup {
    fn enter(name: &str) -> Option<Self> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
        let line = mounts.lines().find(|line| line.contains(" - cgroup2 "))?;
        let root = PathBuf::from(line.split(' ').nth(4)?);
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let path = root.join(name);
        std::fs::create_dir_all(&path).ok()?;
        let cgroup = Self {
            path,
            before: root.join(own),
        };
        std::fs::write(cgroup.path.join("cgroup.procs"), "0").ok()?;
        Some(cgroup)
    }

    fn leave(&self) {
        let _ = std::fs::write(self.before.join("cgroup.procs"), "0");
    }
}

impl Drop for OwnCgroup {
    fn drop(&mut self) {
        self.leave();
        // Only when its last process has gone; its parent was made for it, too.
        common::eventually("the cgroup is empty", common::DEADLINE, || {
            std::fs::remove_dir(&self.path).ok()
        });
        let _ = std::fs::remove_dir(self.path.parent().unwrap());
    }
}

#[test]
fn a_socket_without_an_owner_still_has_its_cgroup() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let id = "0123456789abcdef".repeat(4);
    let parent = format!("sockscope-{}.service", std::process::id());
    let Some(cgroup) = OwnCgroup::enter(&format!("{parent}/docker-{id}.scope")) else {
        common::skipped("no cgroup of version 2 can be made");
        return;
    };
    let scene = Scene::start(&["unaccepted"]);
    cgroup.leave();
    let columns = "owner_status,cgroup,unit,container";
    let path = format!("/{parent}/docker-{id}.scope");
    let unit = format!("docker-{id}.scope");
    for owners in [&[][..], &["--no-owners"]] {
        let arguments = ["conns", "-aH", "--format=plain", "--columns", columns];
        let answer = Run::new(&[&arguments[..], owners].concat()).output();
        let row = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        let rows: Vec<Vec<String>> = answer.stdout.lines().map(row).collect();
        assert_eq!(rows.len(), 3, "a listener and both ends: {answer:?}");
        for row in &rows {
            assert_eq!(
                row[1..],
                [path.as_str(), &unit, "docker:0123456789ab"],
                "{row:?}"
            );
        }
    }
    let told = Run::new(&["inspect", "--json", "role=inbound"]).json();
    let socket = &told["sockets"][0];
    assert_eq!(socket["owner_status"], "unaccepted");
    assert_eq!(socket["cgroup"], path);
    drop(scene);
}

/// ss takes the directory of a cgroup, and compares the cgroup that a socket was made in.
#[test]
fn a_cgroup_is_compared_by_its_directory_as_ss_does() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let parent = format!("sockscope-ss-{}.service", std::process::id());
    let Some(cgroup) = OwnCgroup::enter(&format!("{parent}/inner")) else {
        eprintln!("skipped: no cgroup of version 2 can be made");
        return;
    };
    let scene = Scene::start(&["listen", "--count=2"]);
    cgroup.leave();
    let other = Scene::start(&["listen", "--count=3"]);
    let path = cgroup.path.to_str().unwrap();
    let ss = Run::of("ss").args(&["-tanH", "cgroup", "=", path]).output();
    assert_eq!(ss.stdout.lines().count(), 2, "{ss:?}");
    let count = |words: &str| {
        let answer = Run::new(&["listen", "-t", "-H", "--format=plain", words]).output();
        assert!(answer.code() < 2, "{answer:?}");
        answer.stdout.lines().count()
    };
    for sign in ["", "=", "eq"] {
        assert_eq!(count(&format!("cgroup {sign} {path}")), 2);
    }
    assert_eq!(count(&format!("cgroup != {path}")), 3);
    // As the column shows it, it is that of an owner.
    assert_eq!(count(&format!("cgroup = /{parent}/inner")), 2);
    let answer = Run::new(&["listen", &format!("cgroup = {path}/none")]).output();
    assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""));
    assert!(answer.stderr.contains("there is no cgroup"), "{answer:?}");
    // Where the source does not tell it, that is said.
    let blind = ["listen", "--json", "--collector=procfs", "--strict"];
    let answer = Run::new(&blind)
        .args(&[&format!("cgroup = {path}")])
        .output();
    assert_eq!(answer.code(), 3, "{answer:?}");
    drop((scene, other));
}
