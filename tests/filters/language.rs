//! The filter language on real sockets: what `ss` finds with the same words, what the kernel
//! decides and what the filter decides are one answer, and wrong words are told.

use common::{Namespace, Run, Scene, json, sockets, sockscope};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sockscope::filter::Filter;
use sockscope::host::Host;
use sockscope::look::pipeline;
use sockscope::look::pipeline::Request;
use sockscope::model::Socket;
use sockscope::query::Query;
use std::collections::{BTreeMap, BTreeSet};

/// Sockets of every state, in both families, with chosen ports.
fn scenes() -> Vec<Scene> {
    [
        &["all"][..],
        &["all", "--family", "6"],
        &["established", "--count", "5", "--port", "8080"],
        &[
            "established",
            "--count",
            "3",
            "--port",
            "8443",
            "--family",
            "6",
        ],
        &["mapped", "--count", "2"],
        &["close-wait", "--count", "4", "--port", "9000"],
        &[
            "time-wait",
            "--count",
            "3",
            "--port",
            "9001",
            "--server-first",
        ],
        &["udp-bound"],
        &["udp-connected"],
        &["listen-v6", "--port", "8081"],
        &["listen-v6only", "--port", "8082"],
    ]
    .into_iter()
    .map(Scene::start)
    .collect()
}

/// The ends of each socket that `ss` shows for its own words.
fn by_ss(words: &str) -> BTreeSet<String> {
    let words = words.split_whitespace();
    let answer = Run::of("ss")
        .args(&["-tanH"])
        .args(&words.collect::<Vec<_>>())
        .output();
    assert_eq!(answer.code(), 0, "{answer:?}");
    let lines = answer.stdout.lines();
    // Local and peer stand last; the state is left out where only one is asked for.
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[words.len() - 2..].join(" ")
        })
        .map(|ends| {
            ends.replace("[::ffff:", "")
                .replace("]:", ":")
                .replace('[', "")
                .replace("*:*", ":::*")
                .replace("*:", ":::")
        })
        .collect()
}

/// The same for sockscope.
fn by_us(words: &str) -> BTreeSet<String> {
    let answer = json(&["conns", "-t", "-a", "--json", words]);
    let end = |end: &serde_json::Value| {
        if end.is_null() {
            return None;
        }
        Some(format!(
            "{}:{}",
            end["address"].as_str().unwrap(),
            end["port"]
        ))
    };
    // ss shows no bound-only sockets without being asked.
    let rows = sockets(&answer);
    let rows = rows.iter().filter(|row| row["state"] != "BOUND_INACTIVE");
    rows.map(|row| {
        let local = end(&row["local"]).unwrap();
        let any = if row["family"] == "ipv4" {
            "0.0.0.0:*"
        } else {
            ":::*"
        };
        format!(
            "{local} {}",
            end(&row["peer"]).unwrap_or_else(|| any.to_owned())
        )
    })
    .collect()
}

#[test]
fn the_words_of_ss_find_what_ss_finds() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = scenes();
    for words in [
        "state close-wait",
        "state established",
        "state connected",
        "state synchronized",
        "state bucket",
        "state big",
        "state time-wait state close-wait",
        "exclude time-wait",
        "exclude established exclude listening",
        "sport = :8080",
        "dport = :8080",
        "( dport = :8080 or sport = :9000 )",
        "( sport >= :9000 and sport <= :9001 )",
        // A listener has no peer: its port is not 0, as ss has it, but not known.
        "state connected sport gt :1024 and dport lt :9001",
        "state established ( sport = :8080 or dport = :8443 )",
        "not ( sport = :8080 or dport = :8080 )",
        "src 127.0.0.1",
        "src 127.0.0.0/8",
        "src [::1]",
        "dst 127.0.0.1:8080",
        "state close-wait src 127.0.0.1:9000",
        "dst 10.0.0.0/8",
        "sport = :http-alt",
        "state listening sport = :8443",
    ] {
        let (theirs, ours) = (by_ss(words), try_by_us(words));
        assert_eq!(ours, theirs, "{words}");
    }
}

/// No match is exit code 1, and an empty answer all the same.
fn try_by_us(words: &str) -> BTreeSet<String> {
    let quiet = sockscope(&["conns", "-t", "-a", "-q", words]).code();
    match quiet {
        1 => BTreeSet::new(),
        _ => by_us(words),
    }
}

#[test]
fn both_spellings_are_one_language() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = scenes();
    for (ss, ours) in [
        ("state close-wait", "state = close_wait"),
        ("sport = :8080", "lport = 8080"),
        (
            "( dport = :8080 or sport = :9000 )",
            "pport = 8080 or lport = 9000",
        ),
        ("src 127.0.0.0/8", "local in 127.0.0.0/8"),
        ("dst 127.0.0.1:8080", "peer = 127.0.0.1:8080"),
        ("exclude time-wait", "state != time_wait"),
        ("state bucket", "state in time_wait, syn_recv"),
        ("sport >= :9000 and sport <= :9001", "lport in 9000-9001"),
        ("not dport = :8080", "not (pport = 8080)"),
        ("sport = :http-alt", "lport = 8080"),
    ] {
        assert_eq!(try_by_us(ss), try_by_us(ours), "{ss} | {ours}");
        assert!(!try_by_us(ours).is_empty(), "{ours}");
    }
}

#[test]
fn owners_and_text_are_compared() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established", "--count", "2", "--port", "8080"]);
    let named = Scene::start(&["comm", "--name", "java"]);
    let count = |words: &str| {
        let answer = Run::new(&["conns", "-a", "--json", words]).output();
        sockets(&answer.json()).len()
    };
    let pid = scene.pid();
    assert_eq!(count(&format!("pid = {pid}")), 5);
    assert_eq!(
        count(&format!("process = {pid} and state = established")),
        4
    );
    assert_eq!(count(&format!("pid != {pid}")), 1);
    assert_eq!(count("process = java"), 1);
    assert_eq!(count("process ~ ^ja"), 1);
    assert_eq!(count("process !~ ^ja"), 5);
    assert_eq!(count("comm in java,scene"), 6);
    assert_eq!(count(&format!("pid in {}", named.extra("pid"))), 1);
    assert_eq!(count("role = inbound"), 2);
    assert_eq!(count("user = root and lport = 8080"), 3);
    assert_eq!(count("command ~ 'established.*8080'"), 5);
    assert_eq!(count("inode > 0 and not role = listener"), 4);
}

#[test]
fn the_port_command_takes_a_filter_behind_its_ports() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count", "2", "--port", "8080"]);
    let rows = |arguments: &[&str]| {
        let arguments = [&["port", "--json"], arguments].concat();
        sockets(&json(&arguments)).len()
    };
    assert_eq!(rows(&["8080"]), 5);
    assert_eq!(rows(&["8080", "state", "established"]), 4);
    assert_eq!(rows(&["8080", "9000", "role=inbound"]), 2);
    assert_eq!(
        rows(&["8080", "not (role = inbound or role = outbound)"]),
        1
    );
}

#[test]
fn wrong_filters_are_wrong_usage_with_their_place() {
    for (words, place) in [
        ("close_wai", "character 1"),
        ("established 70000", "character 13"),
        ("stat = listen", "character 1"),
        ("state = listn", "character 9"),
        ("state = listen and", "character 19"),
        ("lport = 99999", "character 9"),
        ("lport = 1 pid", "character 14"),
        ("(lport = 1", "character 11"),
        ("lport = 1)", "character 10"),
        ("peer = 300.0.0.1", "character 8"),
        ("process ~ (", "character 11"),
        ("process = \"java", "character 11"),
        ("recv_q > lots", "character 10"),
        ("lport ~ 80", "character 1"),
        ("role = client", "character 8"),
        ("= 80", "character 1"),
    ] {
        let answer = sockscope(&["conns", words]);
        assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""), "{words}");
        assert!(answer.stderr.contains(place), "{words}: {answer:?}");
        assert!(answer.stderr.contains('^'), "{words}: {answer:?}");
        assert_eq!(answer.stderr.lines().count(), 2, "{words}: {answer:?}");
    }
}

/// A filter of a few terms over what the scenes have.
fn filter_text() -> impl Strategy<Value = String> {
    let port = prop_oneof![
        Just(8080_u16),
        Just(8443),
        Just(9000),
        Just(9001),
        any::<u16>()
    ];
    let range =
        (port.clone(), port.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let address = prop_oneof![
        Just("127.0.0.1"),
        Just("127.0.0.0/8"),
        Just("::1"),
        Just("::/0"),
        Just("0.0.0.0/0"),
        Just("10.0.0.0/8"),
        Just("::ffff:127.0.0.1"),
        Just(":8080"),
        Just("127.0.0.1:8080"),
        Just("[::1]:8443"),
    ];
    let of_ss = prop_oneof![
        Just("*:8080"),
        Just("inet6:*"),
        Just("0.0.0.0/0"),
        Just("[::]"),
        Just("::/0"),
        Just("[::ffff:127.0.0.1]:8080"),
        Just("127.0.0.0/8:8080"),
        Just("[::1]:8443"),
    ];
    let wildcard = prop_oneof![
        Just("*"),
        Just("[::]"),
        Just("::"),
        Just("0.0.0.0"),
        Just("127.0.0.1%lo")
    ];
    let sign_of_ss = prop_oneof![
        Just("= :8080"),
        Just("!= :8443"),
        Just("< :9000"),
        Just(">= :8443"),
        Just("= inet6::8443"),
        Just("le inet:8080"),
        Just("= :*")
    ];
    let state = prop_oneof![
        Just("established"),
        Just("listen"),
        Just("time_wait"),
        Just("close_wait"),
        Just("bucket"),
        Just("connected"),
        Just("bound_inactive"),
        Just("unconn"),
    ];
    let sign = prop_oneof![
        Just("="),
        Just("!="),
        Just("<"),
        Just(">="),
        Just(">"),
        Just("<=")
    ];
    let term = prop_oneof![
        (
            prop_oneof![Just("lport"), Just("pport"), Just("port")],
            sign,
            port
        )
            .prop_map(|(name, sign, port)| format!("{name} {sign} {port}")),
        (
            prop_oneof![Just("lport"), Just("pport"), Just("port")],
            range
        )
            .prop_map(|(name, range)| format!("{name} in {range}")),
        (
            prop_oneof![Just("local"), Just("peer"), Just("address")],
            address.clone()
        )
            .prop_map(|(name, address)| format!("{name} = {address}")),
        (prop_oneof![Just("local"), Just("peer")], address)
            .prop_map(|(name, address)| format!("{name} != {address}")),
        (prop_oneof![Just("src"), Just("dst")], of_ss)
            .prop_map(|(name, end)| format!("{name} {end}")),
        (prop_oneof![Just("local"), Just("laddr")], wildcard)
            .prop_map(|(name, end)| format!("{name} = {end}")),
        (prop_oneof![Just("sport"), Just("dport")], sign_of_ss)
            .prop_map(|(name, compared)| format!("{name} {compared}")),
        state.clone().prop_map(|state| format!("state = {state}")),
        state.prop_map(|state| format!("state != {state}")),
        Just("family = ipv6".to_owned()),
        Just("inode > 0".to_owned()),
        Just("protocol = udp".to_owned()),
    ];
    term.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
            inner.prop_map(|inner| format!("not ({inner})")),
        ]
    })
}

/// Everything in this namespace that the filter holds for, with its help and without.
fn found(filter: &Filter, pushed_down: bool) -> BTreeMap<u64, String> {
    let mut query = Query::everything();
    query.needs = sockscope::query::Needs::NOTHING;
    let request = Request {
        query,
        filter: if pushed_down {
            filter.clone()
        } else {
            Filter::default()
        },
        resolve: false,
        listeners_too: false,
    };
    let snapshot = pipeline::snapshot(&Host::live(), &request).unwrap();
    let matching = |socket: &&Socket| filter.matches(socket, &snapshot.facts);
    let matching = snapshot.sockets.iter().filter(matching);
    let told = |socket: &Socket| format!("{:?} {:?} {:?}", socket.state, socket.local, socket.peer);
    matching
        .map(|socket| (socket.cookie.unwrap().get(), told(socket)))
        .collect()
}

#[test]
fn pushing_down_never_changes_the_answer() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = scenes();
    let times = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&filter_text(), |text| {
            let filter = Filter::parse(std::slice::from_ref(&text)).unwrap();
            let (mut with, mut without) = (found(&filter, true), found(&filter, false));
            let any = !with.is_empty();
            let both: Vec<u64> = with
                .keys()
                .copied()
                .filter(|one| without.contains_key(one))
                .collect();
            for one in both {
                with.remove(&one);
                without.remove(&one);
            }
            prop_assert_eq!(with, without, "{}", text);
            times.set(times.get() + usize::from(any));
            Ok(())
        })
        .unwrap();
    let found = times.get();
    assert!(found > 100, "the filters find something: {found} of 400");
}

/// With a port the kernel lists what is asked for and not the whole table.
#[test]
fn the_kernel_leaves_out_what_is_not_wanted() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["established", "--count", "200"]),
        Scene::start(&["established", "--count", "2", "--port", "8080"]),
    ];
    let answer = Run::new(&["conns", "-v", "lport = 8080"]).output();
    let line = answer
        .stderr
        .lines()
        .find(|line| line.contains("tcp table, 2 rows"));
    assert!(line.is_some(), "{answer:?}");
}

/// What needs tcp_info, or an owner's details, is asked for because the filter names it.
#[test]
fn facts_that_are_not_shown_are_asked_for() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "3"]),
        Scene::start(&["time-wait", "--count", "2"]),
        Scene::start(&["established", "--count", "2", "--port", "8080"]),
    ];
    let count = |words: &str| {
        let answer = Run::new(&["conns", "--json", words]).output();
        assert_eq!(answer.code(), i32::from(sockets(&answer.json()).is_empty()));
        sockets(&answer.json()).len()
    };
    assert_eq!(
        count("age >= 0s"),
        5,
        "TIME_WAIT and CLOSE_WAIT have an age"
    );
    assert_eq!(count("age < 5m and state = time_wait"), 2);
    assert_eq!(count("age > 1h"), 0);
    assert_eq!(count("rtt < 10s and state = established"), 4);
    assert_eq!(count("cwnd > 0 and lport = 8080"), 2);
    assert_eq!(count("idle < 1h and lport = 8080"), 2);
    assert_eq!(count("rmem >= 0 and lport = 8080"), 2);
    assert_eq!(count("fwmark = 0x0/0xff and lport = 8080"), 2);
    assert_eq!(count("fwmark = 0x1 and lport = 8080"), 0);
    assert_eq!(count("congestion ~ . and lport = 8080"), 2);
}

/// The manual of ss types its filters behind its letters, without a command.
#[test]
fn letters_of_ss_take_a_filter() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--count", "2", "--port", "8080"]);
    let same = |habit: &[&str], words: &[&str]| {
        let (habit, words) = (sockscope(habit), sockscope(words));
        assert_eq!((habit.code(), habit.stderr.as_str()), (0, ""));
        assert_eq!(habit.stdout, words.stdout);
    };
    same(
        &["-tn", "state", "established"],
        &["conns", "-t", "state=established"],
    );
    same(
        &["-tlnp", "sport", "=", ":8080"],
        &["listen", "-t", "lport=8080"],
    );
    // A filter that names nothing but listeners is a question for them.
    same(
        &["conns", "-t", "state", "listening"],
        &["conns", "-ta", "state=listen"],
    );
    assert_eq!(sockscope(&["lisen"]).code(), 2);
}

/// What the kernel hides is told, and never a plain "no".
#[test]
fn marks_are_hidden_from_users() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["established", "--port", "8080"]);
    let as_nobody = |arguments: &[&str]| Run::new(arguments).user(common::NOBODY).output();
    let answer = as_nobody(&["conns", "-t", "mark = 0", "--json"]);
    let told = answer.json();
    assert_eq!(
        (answer.code(), told["complete"].as_bool()),
        (1, Some(false))
    );
    assert_eq!(told["problems"][0]["code"], "marks_hidden", "{told}");
    assert_eq!(as_nobody(&["conns", "mark = 0", "--strict"]).code(), 3);
    let root = json(&["conns", "-t", "mark = 0", "--json"]);
    assert_eq!((sockets(&root).len(), &root["complete"]), (2, &true.into()));
}
