//! What the rules say of a recorded host, and of one that differs from it in a few answers.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Case, Diagnosis, RULES, diagnose};
use crate::look::past::Past;
use crate::look::recorded;
use crate::query::Query;

/// A recording of its own; it goes with this value.
struct Copy(PathBuf);

impl Copy {
    fn new() -> Self {
        let name = format!("sockscope-doctor-{}", std::process::id());
        let copy = Self(std::env::temp_dir().join(name));
        fill(&recorded::directory(), &copy.0);
        copy
    }

    fn change(&self, answer: &str, was: &str, is: &str) {
        let path = self.0.join(answer);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(was), "{answer} is {text}");
        fs::write(path, text.replace(was, is)).unwrap();
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fill(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fill(&from, &to);
        } else {
            fs::write(to, fs::read(from).unwrap()).unwrap();
        }
    }
}

fn diagnosis(directory: &Path) -> Diagnosis {
    let [first, between, now] = recorded::looks(directory);
    let mut past = Past::of(first);
    past.pass(&between.snapshot.sockets, between.kernel);
    let case = Case::new(&now, Some(&past), Query::everything().protocols);
    diagnose(&case, &RULES.iter().collect::<Vec<_>>())
}

/// Each finding: its rule, how bad it is, of whom, and the numbers that show it.
fn told(diagnosis: &Diagnosis) -> Vec<String> {
    let tell = |finding: &super::Finding| {
        let (severity, who) = (finding.severity.name(), finding.subject.who());
        format!("{} {severity} {who} {:?}", finding.id, finding.evidence.0)
    };
    diagnosis.findings.iter().map(tell).collect()
}

#[test]
fn the_rules_judge_what_a_recorded_kernel_said() {
    let sound = diagnosis(&recorded::directory());
    assert_eq!(told(&sound), [""; 0]);
    assert_eq!(sound.checked.len(), 15);
    let unwell = Copy::new();
    for (pid, limit) in [(8, "15"), (10, "12")] {
        let limits = format!("proc/{pid}/limits.1");
        unwell.change(
            &limits,
            "Max open files            20000",
            &format!("Max open files            {limit}"),
        );
    }
    // Two more by the last look.
    fs::write(unwell.0.join("proc/8/fds-open.2"), "14").unwrap();
    unwell.change("here/setting/net.ipv4.tcp_max_tw_buckets.1", "131072", "4");
    let expected = [
        r#"fd-limit critical server (pid 8) [("open", Count(14)), ("limit", Count(15)), ("sockets", Count(7)), ("growth_per_second", Rate(1.93)), ("seconds_left", Rate(0.52))]"#,
        r#"fd-limit warning server (pid 10) [("open", Count(9)), ("limit", Count(12)), ("sockets", Count(4)), ("growth_per_second", Below(0.96))]"#,
        r#"time-wait-table warning some process [("time_wait", Count(3)), ("limit", Count(4)), ("overflows", Count(0)), ("overflows_per_second", Rate(0.0))]"#,
    ];
    assert_eq!(told(&diagnosis(&unwell.0)), expected);
}
