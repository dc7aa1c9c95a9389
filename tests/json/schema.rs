//! Everything that is written as JSON is what the schema says, and the schema promises nothing that is not written.
#![allow(unsafe_code, reason = "they call the kernel directly")]

mod judge;
mod scenarios;

use common::{Namespace, Run, Scene};
use judge::Judge;
use serde_json::json as value;

#[test]
fn the_schema_is_a_schema() {
    let schema = Run::new(&["schema"]).json();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["$id"], "urn:sockscope:v1");
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/schema/sockscope-v1.schema.json"
    );
    let shipped = std::fs::read_to_string(file).unwrap();
    assert_eq!(Run::new(&["schema"]).output().stdout, shipped);
}

/// Keys may be added within v1, so that no object is closed to its reader; else nothing is open.
#[test]
fn the_schema_refuses_what_is_wrong() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["listen"]);
    let judge = Judge::new();
    let told = judge.answer("ListenAnswer", Run::new(&["listen"]));
    let with = |place: &str, value: serde_json::Value| {
        let mut told = told.clone();
        *told.pointer_mut(place).unwrap() = value;
        told
    };
    let loose = judge.loosely("ListenAnswer");
    assert!(loose.is_valid(&told));
    for (place, wrong) in [
        ("/schema", value!("sockscope/v2")),
        ("/command", value!("conns")),
        ("/collected_at", value!("yesterday")),
        ("/complete", value!(null)),
        ("/sockets", value!(null)),
        ("/sockets/0", value!({})),
        ("/sockets/0/state", value!("LISTENING")),
        ("/sockets/0/local", value!(null)),
        ("/sockets/0/local/address", value!("*")),
        ("/sockets/0/local/port", value!("80")),
        ("/sockets/0/local/port", value!(65536)),
        ("/sockets/0/inode", value!(0)),
        ("/sockets/0/cookie", value!("1")),
        ("/sockets/0/accept_queue", value!({"length": 0})),
        ("/sockets/0/owners", value!(null)),
        ("/sockets/0/owners/0/fd", value!(-1)),
        ("/sockets/0/owner_status", value!("lost")),
    ] {
        assert!(
            !loose.is_valid(&with(place, wrong.clone())),
            "{place}: {wrong}"
        );
    }
    let strict = judge.strictly("ListenAnswer");
    for place in ["", "/sockets/0", "/sockets/0/local", "/sockets/0/owners/0"] {
        let mut object = told.pointer(place).unwrap().clone();
        object["added"] = value!(1);
        let more = with(place, object);
        assert!(loose.is_valid(&more), "{place}");
        assert!(!strict.is_valid(&more), "{place}");
    }
}

/// Why a fact of `tcp_info` is always there: `struct tcp_info` grows.
const ODD: &str = "tests/output/odd_names.rs makes one";
const OLDER: &str = "older kernels have it not";

const PARTLY: &str = "of rows that one source tells and another does not: tests/doctor/sources.rs";

/// What no scenario makes for certain, and why not.
const NOT_MADE: &[(&str, &str)] = &[
    ("GroupKey.unit: value", "there need not be a systemd"),
    ("GroupKey.container: value", "there need not be an engine"),
    (
        "Pile.fd_limit: null",
        "Linux has no unlimited RLIMIT_NOFILE",
    ),
    (
        "PileLine.fd_limit: null",
        "Linux has no unlimited RLIMIT_NOFILE",
    ),
    (
        "Subject.scope: value",
        "limits of the machine are left alone",
    ),
    ("ProcessDetail.unit: value", "there need not be a systemd"),
    (
        "ProcessDetail.container: value",
        "there need not be an engine",
    ),
    ("ProcessDetail.cgroup: null", "the kernel may lack cgroups"),
    ("ProcessDetail.cgroup_base64: value", ODD),
    ("InspectedLine.cgroup_base64: value", ODD),
    ("InspectedLine.interface_base64: value", ODD),
    ("SocketLine.interface_base64: value", ODD),
    ("InspectedSocket.cgroup_base64: value", ODD),
    ("InspectedSocket.interface_base64: value", ODD),
    ("Socket.interface_base64: value", ODD),
    ("ProcessDetail.parent: null", "only init has none"),
    (
        "Holder.comm_base64: value",
        "of a full queue: a name as any",
    ),
    ("Holder.state: null", "/proc tells it of every process"),
    ("Owner.state: null", "/proc tells it of every process"),
    ("Owner.parent: null", "/proc tells it of every process"),
    ("Owner.parent_comm: null", "only init has none"),
    ("Owner.parent_comm_base64: value", "a name as any"),
    (
        "Owner.cwd: null",
        "whoever sees the owner sees this, but for the kernel's own list",
    ),
    (
        "InspectedLine.ulp: value",
        "tests/tables/measured.rs asks for it",
    ),
    ("Socket.ulp: value", "tests/tables/measured.rs asks for it"),
    (
        "SocketLine.ulp: value",
        "tests/tables/measured.rs asks for it",
    ),
    (
        "InspectedSocket.ulp: value",
        "tests/tables/measured.rs asks for it",
    ),
    ("PartlyChecked.count: value", PARTLY),
    ("PartlyChecked.id: value", PARTLY),
    ("PartlyChecked.reason: value", PARTLY),
    (
        "ProcessDetail.started_at: null",
        "/proc tells it of every process",
    ),
    ("TcpInfo.busy_us: null", OLDER),
    ("TcpInfo.bytes_acked: null", OLDER),
    ("TcpInfo.bytes_received: null", OLDER),
    ("TcpInfo.bytes_retrans: null", OLDER),
    ("TcpInfo.bytes_sent: null", OLDER),
    ("TcpInfo.duplicate_segments: null", OLDER),
    ("TcpInfo.not_sent_bytes: null", OLDER),
    ("TcpInfo.out_of_order_segments: null", OLDER),
    ("TcpInfo.receive_window_bytes: null", OLDER),
    ("TcpInfo.reorderings_seen: null", OLDER),
    ("TcpInfo.rwnd_limited_us: null", OLDER),
    ("TcpInfo.segs_in: null", OLDER),
    ("TcpInfo.segs_out: null", OLDER),
    ("TcpInfo.send_window_bytes: null", OLDER),
    ("TcpInfo.sndbuf_limited_us: null", OLDER),
    ("TcpInfo.timeouts: null", OLDER),
];

/// Each scenario in a namespace of its own; all beside each other.
#[test]
fn every_answer_is_valid_and_every_key_occurs() {
    if Namespace::enter().is_none() {
        return;
    }
    let judge = Judge::new();
    std::thread::scope(|scope| {
        for (name, scenario) in scenarios::ALL {
            let thread = std::thread::Builder::new().name((*name).to_owned());
            let judge = &judge;
            let run = move || {
                Namespace::enter().unwrap();
                scenario(judge);
            };
            thread.spawn_scoped(scope, run).unwrap();
        }
    });
    let mut unseen = judge.unseen();
    // What every object may begin with is written in one place: tests/cli/doors.rs asks for it.
    let of_all =
        ["limit", "asked"].map(|key| ["Answer", "Line"].map(|of| format!("{of}.{key}: value")));
    unseen.retain(|place| !of_all.iter().flatten().any(|end| place.ends_with(end)));
    for (place, _why) in NOT_MADE {
        unseen.remove(*place);
    }
    assert!(
        unseen.is_empty(),
        "promised, and never written: {unseen:#?}"
    );
}
