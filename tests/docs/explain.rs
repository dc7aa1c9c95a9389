//! `explain`: every word leads to its page, and the live values are those of this namespace.

use common::doctor::rules;
use common::{Namespace, Run, Scene, json, sockscope};
use serde_json::Value;

fn topic(words: &[&str]) -> Value {
    let arguments = [&["explain", "--json"], words].concat();
    json(&arguments)["topic"].clone()
}

#[test]
fn every_word_leads_to_its_page() {
    for (words, name) in [
        (&["SYN_RCV"][..], "SYN_RECV"),
        (&["syn-received"], "SYN_RECV"),
        (&["LAST_WAIT"], "LAST_ACK"),
        (&["TIME_OUT"], "TIME_WAIT"),
        (&["time", "wait"], "TIME_WAIT"),
        (&["time-wait"], "TIME_WAIT"),
        (&["ESTAB"], "ESTABLISHED"),
        (&["FIN-WAIT-2"], "FIN_WAIT2"),
        (&["closewait"], "CLOSE_WAIT"),
        (&["Handshake"], "handshake"),
        (&["backlog"], "backlog"),
        (&["ephemeral_ports"], "ephemeral-ports"),
        (&["socket"], "socket"),
        (&["bind"], "bind"),
        (&["BOUND_INACTIVE"], "bind"),
        (&["LISTEN"], "listen"),
        (&["accept"], "accept"),
        (&["UNCONN"], "udp"),
        (&["CLOSED"], "close"),
    ] {
        assert_eq!(topic(words), name, "{words:?}");
    }
    for id in rules() {
        assert_eq!(topic(&[id]), id);
    }
}

#[test]
fn a_finding_has_the_thresholds_of_its_rule() {
    let rules = json(&["doctor", "--list", "--json"]);
    let rules = rules["rules"].as_array().unwrap();
    for rule in rules {
        let page = json(&["explain", "--json", rule["id"].as_str().unwrap()]);
        assert_eq!(page["thresholds"], rule["thresholds"], "{rule}");
    }
}

#[test]
fn the_live_values_are_those_of_the_namespace() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["close-wait", "--count", "7"]);
    let page = json(&["explain", "close-wait", "--json"]);
    let live = |page: &Value, name: &str| {
        let live = page["live"].as_array().unwrap();
        let found = live.iter().find(|live| live["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}: {page}"))["value"].clone()
    };
    assert_eq!(live(&page, "sockets in CLOSE_WAIT"), 7);
    std::fs::write("/proc/sys/net/ipv4/tcp_fin_timeout", "17").unwrap();
    let page = json(&["explain", "FIN_WAIT2", "--json"]);
    assert_eq!(live(&page, "net.ipv4.tcp_fin_timeout"), 17);
    let text = sockscope(&["explain", "FIN_WAIT2"]).stdout;
    assert!(
        text.contains("[FIN_WAIT2]") && text.contains("17 s"),
        "{text}"
    );
}

#[test]
fn without_a_topic_there_is_the_list() {
    let list = json(&["explain", "--json"]);
    let names: Vec<_> = list["topics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|topic| topic["topic"].as_str().unwrap().to_owned())
        .collect();
    for id in rules() {
        assert!(names.iter().any(|name| name == id), "{id}");
    }
    let text = sockscope(&["explain"]).stdout;
    assert!(names.iter().all(|name| text.contains(name.as_str())));
}

#[test]
fn a_word_that_is_no_topic_is_wrong_usage() {
    let answer = sockscope(&["explain", "close-wait-leek"]);
    assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""));
    assert!(answer.stderr.contains("close-wait-leak"), "{answer:?}");
    assert_eq!(answer.stderr.lines().count(), 2);
}

#[test]
fn every_format_has_the_page() {
    for format in ["plain", "csv", "ndjson", "table"] {
        let answer = Run::new(&["explain", "backlog", "--format", format]).output();
        assert_eq!((answer.code(), answer.stderr.as_str()), (0, ""), "{format}");
        assert!(answer.stdout.contains("somaxconn"), "{format}");
        assert!(!answer.stdout.contains('\u{1b}'));
    }
    let csv = sockscope(&["explain", "backlog", "--format", "csv"]).stdout;
    assert!(csv.starts_with("part,name,value\ntopic,backlog,"), "{csv}");
}

/// A page is worth reading where no table can be.
#[test]
fn without_any_table_the_page_is_there_still() {
    let run = Run::new(&["explain", "close-wait", "--collector", "netlink"]);
    let answer = run
        .before(common::sandbox::no_netlink(libc::EPERM))
        .output();
    assert_eq!(answer.code(), 0, "{answer:?}");
    assert!(answer.stdout.contains("not known here"), "{answer:?}");
    assert!(answer.stderr.contains("sock_diag"), "{answer:?}");
}
