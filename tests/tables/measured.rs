//! A number that is shown was measured: times that never were, and queues that are another's, are null.

use common::{Namespace, Run, Scene, json, problem_codes, sockets, sockscope};
use serde_json::{Value, json as value};

/// `inspect` of a socket of the scene.
fn inspected(scene: &Scene, label: &str) -> Value {
    let inode = scene.labelled(label).row.inode.unwrap();
    let told = json(&["inspect", "--json", &format!("inode={inode}")]);
    sockets(&told)[0].clone()
}

/// The only socket of `conns` in this state.
fn only(collector: &str, more: &[&str]) -> Value {
    let arguments = [&["conns", "--json", "--collector", collector], more].concat();
    let told = json(&arguments);
    assert_eq!(sockets(&told).len(), 1, "{told}");
    sockets(&told)[0].clone()
}

/// Scenes are seconds old; a stamp that was never set tells the age of the machine, which is more.
const RECENT_MS: u64 = 120_000;

fn is_recent(ms: &Value) -> bool {
    ms.as_u64().is_some_and(|ms| ms < RECENT_MS)
}

#[test]
fn a_handshake_that_waits_for_its_answer_has_no_times() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["syn-sent"]);
    let client = inspected(&scene, "client");
    assert_eq!(client["state"], "SYN_SENT");
    assert_eq!(client["idle_ms"], Value::Null);
    for name in [
        "last_data_sent_ms",
        "last_data_received_ms",
        "last_ack_received_ms",
    ] {
        assert_eq!(client["tcp_info"][name], Value::Null, "{name}");
    }
    for filter in [
        "idle > 0s",
        "idle < 1000d",
        "not idle = null and idle >= 0s",
    ] {
        let answer = sockscope(&["conns", "state = syn_sent", "and", filter]);
        assert_ne!(answer.code(), 0, "{answer:?}");
    }
    let plain = sockscope(&[
        "conns",
        "--format",
        "plain",
        "-H",
        "--columns",
        "state,idle",
    ]);
    let cells: Vec<_> = plain.stdout.split_ascii_whitespace().collect();
    assert_eq!(cells, ["SYN_SENT", "-"]);
    // Its SYN is no data that waits.
    assert_eq!(
        (&client["send_q"], &client["recv_q"]),
        (&value!(0), &value!(0))
    );
    let inode = scene.labelled("client").row.inode.unwrap();
    let text = sockscope(&["inspect", &format!("inode={inode}")]).stdout;
    assert!(
        !text.contains("last sent") && !text.contains(" acked "),
        "{text}"
    );
}

#[test]
fn a_fast_open_connection_was_not_acknowledged_yet() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["fast-open"]);
    let server = inspected(&scene, "server");
    let info = &server["tcp_info"];
    assert_eq!(server["state"], "SYN_RECV");
    assert_eq!(info["last_ack_received_ms"], Value::Null, "{info}");
    assert_eq!(info["last_data_sent_ms"], Value::Null, "{info}");
    assert!(is_recent(&info["last_data_received_ms"]), "{info}");
    assert_eq!(
        (&server["recv_q"], &info["bytes_received"]),
        (&value!(5), &value!(5))
    );
    let client = inspected(&scene, "client");
    let info = &client["tcp_info"];
    assert_eq!(client["state"], "SYN_SENT");
    assert_eq!(info["last_ack_received_ms"], Value::Null, "{info}");
    assert_eq!(info["last_data_received_ms"], Value::Null, "{info}");
    assert!(
        !info["last_data_sent_ms"].is_u64() || is_recent(&info["last_data_sent_ms"]),
        "{info}"
    );
    let idle = &client["idle_ms"];
    assert!(idle.is_null() || is_recent(idle), "{client}");
}

/// No state tells it here: only that the stamp is as old as the machine's clock.
#[test]
fn a_fast_open_connection_that_was_closed_was_not_acknowledged_either() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["fast-open", "--orphan"]);
    let told = json(&["inspect", "--json", "state = fin_wait1"]);
    let socket = &sockets(&told)[0];
    let info = &socket["tcp_info"];
    assert_eq!(info["last_ack_received_ms"], Value::Null, "{info}");
    assert!(is_recent(&info["last_data_received_ms"]), "{info}");
    assert_eq!(
        (&socket["recv_q"], &socket["send_q"]),
        (&value!(0), &value!(0))
    );
}

/// Nothing was sent and nothing came, so neither has a time; it is idle since it began.
#[test]
fn a_connection_in_which_nothing_moved_is_idle_since_it_began() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["established"]);
    for label in ["client", "server"] {
        let socket = inspected(&scene, label);
        let info = &socket["tcp_info"];
        assert_eq!(info["last_data_sent_ms"], Value::Null, "{info}");
        assert_eq!(info["last_data_received_ms"], Value::Null, "{info}");
        assert!(is_recent(&info["last_ack_received_ms"]), "{info}");
        assert!(is_recent(&socket["idle_ms"]), "{socket}");
    }
}

/// What a source could say of queues, by both: they mean the same.
#[test]
fn of_datagrams_the_memory_is_told_under_its_name() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["udp-full"]);
    let receiver = scene.labelled("receiver");
    let port = receiver.port().to_string();
    for collector in ["netlink", "procfs"] {
        let listen = [
            "listen",
            "-u",
            "--json",
            "--collector",
            collector,
            "--columns",
            "+rmem",
        ];
        let told = json(&listen);
        let local: Value = receiver.port().into();
        let mut found = sockets(&told).iter();
        let row = found.find(|row| row["local"]["port"] == local).unwrap();
        assert_eq!(
            (&row["recv_q"], &row["send_q"]),
            (&Value::Null, &Value::Null)
        );
        assert!(row["columns"]["rmem"].as_u64().unwrap() > 0, "{row}");
        let none = sockscope(&["listen", "-u", "recv_q >= 0", "--collector", collector]);
        assert_eq!(none.code(), 1, "{none:?}");
    }
    let story = sockscope(&["port", &port]).stdout;
    assert!(!story.contains("bytes not read"), "{story}");
    assert!(story.contains("of memory"), "{story}");
}

#[test]
fn a_fin_is_no_byte_that_waits() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["close-wait"]);
    for collector in ["netlink", "procfs"] {
        let row = only(collector, &["state", "close_wait"]);
        assert_eq!((&row["recv_q"], &row["send_q"]), (&value!(0), &value!(0)));
    }
    let server = scene
        .truths()
        .into_iter()
        .find(|truth| truth.row.state == "CLOSE_WAIT");
    let inode = server.unwrap().row.inode.unwrap();
    let told = json(&["inspect", "--json", &format!("inode={inode}")]);
    let socket = &sockets(&told)[0];
    assert_eq!(socket["unread_fin"], true);
    assert_eq!(socket["tcp_info"]["bytes_received"], 0);
    let built = json(&["buildup", "--json"]);
    assert!(built.to_string().contains("unread FIN only"), "{built}");
}

#[test]
fn what_is_in_no_connection_has_no_queue() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _bound = Scene::start(&["bound"]);
    let row = only("netlink", &["state", "bound_inactive"]);
    assert_eq!(
        (&row["recv_q"], &row["send_q"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_subflow_of_mptcp_says_so_and_has_no_queue() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let Ok("1") = std::fs::read_to_string("/proc/sys/net/mptcp/enabled")
        .as_deref()
        .map(str::trim)
    else {
        common::skipped("this kernel has no MPTCP");
        return;
    };
    let scene = Scene::start(&["mptcp"]);
    let other = Scene::start(&["established"]);
    let ports = [
        scene.labelled("listener").port(),
        other.labelled("listener").port(),
    ];
    for more in [
        &[][..],
        &["--columns", "local,peer"],
        &["--columns", "+ulp,rtt"],
    ] {
        let told = json(&[&["conns", "-t", "--json"], more].concat());
        assert_eq!(sockets(&told).len(), 4, "{told}");
        for row in sockets(&told) {
            let ends = [&row["local"]["port"], &row["peer"]["port"]];
            let is_subflow = ends.contains(&&value!(ports[0]));
            assert_eq!(row["recv_q"].is_null(), is_subflow, "{row}");
            assert_eq!(row["send_q"].is_null(), is_subflow, "{row}");
            assert_eq!(row["ulp"] == "mptcp", is_subflow, "{row}");
            if more.contains(&"+ulp,rtt") {
                let ulp = if is_subflow {
                    value!("mptcp")
                } else {
                    Value::Null
                };
                assert_eq!(row["columns"]["ulp"], ulp, "{row}");
            }
        }
        assert_eq!(told["complete"], true);
    }
    let chosen = json(&["conns", "--json", "ulp = mptcp"]);
    assert_eq!(sockets(&chosen).len(), 2, "{chosen}");
    let told = json(&[
        "inspect",
        "--json",
        "ulp = mptcp",
        "and",
        &format!("lport = {}", ports[0]),
    ]);
    for socket in sockets(&told) {
        assert_eq!(socket["ulp"], "mptcp", "{socket}");
    }
    // What stalls them is not told, and that is no fault of the source.
    let diagnosis = json(&["doctor", "--json", "--for", "0"]);
    for id in ["app-not-reading", "peer-not-reading"] {
        let partly = diagnosis["partly_checked"].as_array().unwrap();
        let partly = partly.iter().find(|rule| rule["id"] == id);
        let partly = partly.unwrap_or_else(|| panic!("{id}: {diagnosis}"));
        assert!(partly.to_string().contains("MPTCP"), "{partly}");
        assert!(!partly.to_string().contains("sock_diag"), "{partly}");
    }
    // Where subflows cannot be told, no queue is.
    let answer = Run::new(&["conns", "-t", "--json", "--collector", "procfs"]).output();
    let told = answer.json();
    assert!(
        sockets(&told).iter().all(|row| row["recv_q"].is_null()),
        "{told}"
    );
    assert!(problem_codes(&told).contains(&"queues_unknown"), "{told}");
}
