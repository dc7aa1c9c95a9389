//! Every kind of scene: what `listen` and `conns` show is exactly what the scene made, and what ss and /proc show.

use common::witness::{proc_owner_map, proc_rows, ss_rows};
use common::{Namespace, Row, Scene, everything, row};
use std::collections::BTreeSet;

/// A test of each kind, with IPv4 and (where the line says `both`) with IPv6.
macro_rules! scenes {
    (both: $($name:ident: $($argument:literal)+;)+) => {
        mod ipv4 {
            $(#[test] fn $name() { super::shows_the_truth(&[$($argument),+], "4"); })+
        }
        mod ipv6 {
            $(#[test] fn $name() { super::shows_the_truth(&[$($argument),+], "6"); })+
        }
    };
    (once: $($name:ident: $($argument:literal)+;)+) => {
        mod once {
            $(#[test] fn $name() { super::shows_the_truth(&[$($argument),+], "4"); })+
        }
    };
}

scenes! { both:
    listen: "listen" "--count" "3";
    reuseport: "reuseport" "--count" "20";
    established: "established" "--count" "5";
    unaccepted: "unaccepted" "--count" "4";
    unaccepted_closed: "unaccepted" "--count" "4" "--close-clients";
    accept_full: "accept-full" "--count" "2";
    syn_sent: "syn-sent" "--count" "2";
    syn_recv: "syn-recv" "--count" "2";
    fin_wait1: "fin-wait1" "--count" "2";
    fin_wait1_orphan: "fin-wait1" "--count" "2" "--orphan";
    fin_wait2: "fin-wait2" "--count" "2";
    fin_wait2_orphan: "fin-wait2" "--count" "2" "--orphan";
    closing: "closing" "--count" "2";
    closing_orphan: "closing" "--count" "2" "--orphan";
    syn_recv_excess: "syn-recv" "--count" "5" "--backlog" "4" "--excess" "2";
    close_wait: "close-wait" "--count" "3";
    close_wait_mixed: "close-wait" "--count" "6" "--eof-read" "2" "--unread" "3";
    half_close: "half-close" "--count" "3";
    last_ack: "last-ack" "--count" "2";
    last_ack_held: "last-ack" "--count" "2" "--held";
    time_wait: "time-wait" "--count" "5";
    time_wait_server_first: "time-wait" "--count" "5" "--server-first";
    time_wait_overflow: "time-wait-overflow" "--count" "30" "--buckets" "10";
    port_range: "port-range" "--range" "20" "--reserved" "4" "--count" "16";
    fd_limit: "fd-limit" "--count" "2" "--open" "20";
    peer_not_reading: "peer-not-reading" "--count" "2";
    peer_reading: "peer-not-reading" "--count" "2" "--reading" "--client-writes";
    deaf_peer: "deaf-peer" "--count" "2";
    bound: "bound" "--count" "3";
    udp_bound: "udp-bound" "--count" "3";
    udp_connected: "udp-connected" "--count" "3";
    udp_many: "udp-many" "--count" "40";
    udp_many_one_port: "udp-many" "--count" "40" "--same-port";
    udp_full: "udp-full";
    udp_dropping: "udp-dropping";
    raw: "raw";
    forked: "forked" "--count" "3";
    dup: "dup";
    thread_files: "thread-files";
    dead_leader: "dead-leader";
    scm: "scm";
    io_uring: "io-uring";
    other_user: "other-user";
    comm: "comm";
    all: "all";
}

scenes! { once:
    listen_everywhere: "listen" "--address" "0.0.0.0";
    udp_everywhere: "udp-bound" "--address" "0.0.0.0";
    listen_v6: "listen-v6";
    listen_v6only: "listen-v6only";
    udp_everywhere_v6: "udp-bound" "--address" "::";
    mapped: "mapped" "--count" "3";
    two_namespaces: "two-namespaces";
}

/// Plays the scene and compares: first with what it told, then the scene with the two witnesses.
fn shows_the_truth(arguments: &[&str], family: &str) {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&[arguments, &["--family", family]].concat());
    let truth = truth_here(&scene);
    let shown = everything(&[]);
    let mut rows: Vec<Row> = shown.iter().map(row).collect();
    rows.sort();
    assert_eq!(rows, truth);
    for socket in &shown {
        let status = expected_status(&row(socket));
        assert_eq!(socket["owner_status"], status, "{socket}");
    }
    // Where the kernel has no raw_diag, /proc gives the raw sockets, and it has no cookies.
    let with_cookies: Vec<_> = shown.iter().filter(|s| s["protocol"] != "raw").collect();
    let cookies: BTreeSet<_> = with_cookies
        .iter()
        .filter_map(|s| s["cookie"].as_str())
        .collect();
    assert_eq!(
        cookies.len(),
        with_cookies.len(),
        "one cookie each, none twice"
    );
    witnesses_agree(&truth);
}

/// What sockscope should show of this namespace.
fn truth_here(scene: &Scene) -> Vec<Row> {
    let mut truth = scene.rows();
    match scene.story["kind"].as_str().unwrap() {
        // Its listener is in the other namespace.
        "two-namespaces" => truth.clear(),
        // The ring holds the socket, and no fd does.
        "io-uring" => truth[0].owners = BTreeSet::from([(scene.pid(), None)]),
        _ => {}
    }
    truth
}

/// Why this socket has no owner, by the contract.
fn expected_status(row: &Row) -> &'static str {
    match (row.state.as_str(), row.inode) {
        _ if !row.owners.is_empty() => "found",
        ("TIME_WAIT", _) => "timewait",
        ("SYN_RECV", _) => "handshake",
        ("FIN_WAIT1" | "FIN_WAIT2" | "CLOSING" | "LAST_ACK", None) => "orphaned",
        ("ESTABLISHED" | "CLOSE_WAIT", None) => "unaccepted",
        _ => "kernel_or_hidden",
    }
}

/// ss and /proc show the same sockets, but for the bound-only ones, which neither lists.
fn witnesses_agree(truth: &[Row]) {
    let listed = |row: &&Row| row.state != "BOUND_INACTIVE";
    let truth: Vec<Row> = truth.iter().filter(listed).cloned().collect();
    // ss does not look for owners in threads and rings; the slow scan does not look into rings.
    let without_owners = |rows: &[Row]| -> Vec<Row> {
        let strip = |row: &Row| Row {
            owners: BTreeSet::new(),
            ..row.clone()
        };
        rows.iter().map(strip).collect()
    };
    let ss: Option<Vec<Row>> = ["tcp", "udp"]
        .iter()
        .map(|p| ss_rows(p))
        .collect::<Option<Vec<_>>>()
        .map(|tables| tables.concat());
    if let Some(mut ss) = ss {
        ss.sort();
        // Without raw_diag ss shows neither the inodes nor the ports of raw sockets.
        let truth: Vec<Row> = truth
            .iter()
            .filter(|row| row.protocol != "raw")
            .cloned()
            .collect();
        assert_eq!(without_owners(&ss), without_owners(&truth), "ss");
        for (ss, truth) in ss.iter().zip(&truth) {
            assert!(ss.owners.is_subset(&truth.owners), "ss: {ss:?} {truth:?}");
        }
    }
    let holders = proc_owner_map();
    let mut from_proc = proc_rows();
    for row in &mut from_proc {
        let found = row.inode.and_then(|inode| holders.get(&inode));
        row.owners = found.cloned().unwrap_or_default();
    }
    from_proc.sort();
    let by_fd = |row: &Row| Row {
        owners: row
            .owners
            .iter()
            .copied()
            .filter(|owner| owner.1.is_some())
            .collect(),
        ..row.clone()
    };
    let tables: Vec<Row> = truth.iter().map(by_fd).collect();
    assert_eq!(from_proc, tables, "/proc");
}

/// The procfs crate, a third parser, counts the same (state, inode) pairs.
#[test]
fn the_procfs_crate_agrees() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["all"]);
    let process = procfs::process::Process::new(i32::try_from(scene.pid()).unwrap()).unwrap();
    let mut theirs: Vec<(u8, u64, String)> = [process.tcp().unwrap(), process.tcp6().unwrap()]
        .concat()
        .into_iter()
        .map(|entry| {
            (
                entry.state.to_u8(),
                entry.inode,
                entry.local_address.to_string(),
            )
        })
        .collect();
    let numbers = [
        "",
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING",
    ];
    let number = |state: &str| {
        u8::try_from(numbers.iter().position(|name| *name == state).unwrap()).unwrap()
    };
    let mut ours: Vec<(u8, u64, String)> = everything(&[])
        .iter()
        .map(row)
        .filter(|row| row.state != "BOUND_INACTIVE")
        .map(|row| (number(&row.state), row.inode.unwrap_or(0), row.local))
        .collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
}

/// Thousands of sockets of several processes; the scene tells their number only, the witnesses tell the rest.
#[test]
fn load() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let options = [
        "--count",
        "2000",
        "--processes",
        "3",
        "--files",
        "50",
        "--v6-share",
        "30",
    ];
    let scene = Scene::start(&[&["load"], &options[..]].concat());
    let mut rows: Vec<Row> = everything(&[]).iter().map(row).collect();
    rows.sort();
    let in_state = |state: &str| rows.iter().filter(|row| row.state == state).count() as u64;
    assert_eq!(Some(in_state("ESTABLISHED")), scene.extra("count").as_u64());
    assert_eq!(Some(in_state("LISTEN")), scene.extra("listeners").as_u64());
    witnesses_agree(&rows);
}
