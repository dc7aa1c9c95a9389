//! The expressions of ss(8), one by one, against ss itself: the same words find the same sockets,
//! and are shown alike.
#![allow(unsafe_code, reason = "they call the kernel directly")]

use common::{Namespace, Run, Scene, sockscope};
use std::os::fd::AsRawFd;

/// Local and peer of each TCP socket that `ss` shows for its own words.
fn by_ss(words: &str) -> Vec<String> {
    let answer = Run::of("ss")
        .args(&["-tanH"])
        .args(&words.split_whitespace().collect::<Vec<_>>())
        .output();
    assert_eq!(answer.code(), 0, "{words}: {answer:?}");
    let ends = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let end = |end: &str| match end.strip_prefix("[::ffff:") {
            // Here a mapped address is the IPv4 address it is.
            Some(mapped) => mapped.replacen(']', "", 1),
            None if end.ends_with(":*") => "-".to_owned(),
            None => end.to_owned(),
        };
        format!(
            "{} {}",
            end(words[words.len() - 2]),
            end(words[words.len() - 1])
        )
    };
    sorted(answer.stdout.lines().map(ends))
}

/// The same for sockscope, of whose rows ss does not show those that are only bound.
fn by_us(words: &str) -> Vec<String> {
    let columns = [
        "--format=plain",
        "--columns=local,peer",
        "-H",
        "--no-owners",
    ];
    let words = format!("state != bound_inactive and ({words})");
    let answer = Run::new(&["conns", "-t", "-a"])
        .args(&columns)
        .args(&[&words])
        .output();
    assert!(answer.code() < 2, "{words}: {answer:?}");
    let ends = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    sorted(answer.stdout.lines().map(ends))
}

fn sorted(rows: impl Iterator<Item = String>) -> Vec<String> {
    let mut rows: Vec<String> = rows.collect();
    rows.sort_unstable();
    rows
}

/// A listener on an interface, whose packets have a mark.
fn marked_listener(port: u16, device: &str, mark: u32) -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let set = |option, value: *const libc::c_void, length: usize| {
        let length = u32::try_from(length).unwrap();
        // SAFETY: the descriptor is ours, and `length` bytes at `value` are alive.
        let answer = unsafe {
            libc::setsockopt(
                listener.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                value,
                length,
            )
        };
        assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    };
    set(libc::SO_BINDTODEVICE, device.as_ptr().cast(), device.len());
    set(libc::SO_MARK, (&raw const mark).cast(), size_of::<u32>());
    listener
}

fn scenes() -> Vec<Scene> {
    [
        &["established", "--count", "3", "--port", "8080"][..],
        &[
            "established",
            "--count",
            "2",
            "--port",
            "8443",
            "--family",
            "6",
        ],
        &["mapped", "--count", "2"],
        &["close-wait", "--count", "2", "--port", "9000"],
        &[
            "time-wait",
            "--count",
            "2",
            "--port",
            "9001",
            "--server-first",
        ],
        &["listen", "--address", "0.0.0.0", "--port", "80"],
        &["listen-v6only", "--port", "81"],
        &["listen-v6", "--port", "82"],
    ]
    .into_iter()
    .map(Scene::start)
    .collect()
}

/// Each predicate of ss(8) with each of its operators, hosts with all their parts.
const EXPRESSIONS: &str = "
    state established | state listening | state time-wait | state close-wait | state syn-sent
    state all | state connected | state synchronized | state bucket | state big | state fin-wait-1
    exclude established | exclude bucket | state established state listening
    state connected exclude time-wait | exclude established state established
    state established exclude established state listening | exclude listening exclude time-wait
    src 127.0.0.1 | src = 127.0.0.1 | src == 127.0.0.1 | src eq 127.0.0.1 | dst 127.0.0.1
    src 127.0.0.1:8080 | src 127.0.0.1:* | src *:8080 | src * | dst * | dst *:* | src :8080
    src any:80 | src 0.0.0.0 | src 0.0.0.0:80 | src [::] | src [::]:82 | src 0.0.0.0/0 | src ::/0
    dst 0.0.0.0/0 | dst ::/0 | dst 0.0.0.0 | dst [::] | src 127.0.0.0/8 | src 127/8 | src 127/8:8080
    src [::1] | src [::1]:8443 | src ::1:8443 | src [::ffff:127.0.0.1] | dst [::ffff:127.0.0.1]
    src inet:* | src inet6:* | src inet6:*:8443 | dst inet:*:8080 | src inet6:[::1]
    src localhost:8080 | src 127.0.0.1:http-alt | dst [::1]:8443 | src 10.0.0.0/8
    sport = :8080 | sport == :8080 | sport eq :8080 | sport :8080 | sport = 8080 | dport = :8080
    sport != :8080 | sport ne :8080 | sport neq :8080 | dport != :8443 | dport neq :8080
    sport > :8443 | sport gt :8443 | sport < :8443 | sport lt :8443 | dport < :8443 | dport > :0
    sport >= :9000 | sport ge :9000 | sport geq :9000 | sport <= :82 | sport le :82 | dport leq :8443
    sport = :0x1f90 | sport = :017620 | sport = :http-alt | dport = :0 | sport = :* | dport = inet6::8443
    sport = inet:8080 | sport = inet6::82
    dev lo | dev = lo | dev == lo | dev eq lo | dev != lo | dev ne lo | dev = 1 | dev != 1 | dev = 0
    fwmark = 0x21 | fwmark 33 | fwmark = 041 | fwmark != 0x21 | fwmark = 0x01/0x03 | fwmark = 0/1
    fwmark = 0 | fwmark ne 0
    not sport = :8080 | ! sport = :8080 | ! ( sport = :8080 or dport = :8080 ) | not not sport = :82
    sport = :8080 or dport = :8443 | sport = :8080 || dport = :8443
    sport = :8080 and dst 127.0.0.1 | sport = :8080 && dst 127.0.0.1 | sport = :8080 & dst 127.0.0.1
    sport = :8080 dst 127.0.0.1 | ( sport = :8080 or sport = :80 ) and src 0.0.0.0
    state established ( dport = :8080 or sport = :8443 ) dst 127.0.0.1
";

#[test]
fn every_expression_of_ss_finds_what_ss_finds() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = scenes();
    let _marked = marked_listener(83, "lo", 0x21);
    let mut found = 0;
    for words in EXPRESSIONS.lines().flat_map(|line| line.split(" | ")) {
        let words = words.trim();
        if words.is_empty() {
            continue;
        }
        let theirs = by_ss(words);
        found += usize::from(!theirs.is_empty());
        assert_eq!(by_us(words), theirs, "{words}");
    }
    assert!(found > 90, "most find something: {found}");
}

/// What is not meant here as there is an error that says so, and never an empty answer.
#[test]
fn what_cannot_be_meant_is_told() {
    for (words, told) in [
        ("autobound", "autobound"),
        ("src unix:/run/x", "unix:"),
        ("dst example.org", "not looked up"),
        ("sport = :no-such", "no service"),
        ("src 127.0.0.1:80x", "80^x"),
        ("cgroup = nginx", "not a cgroup path"),
        ("fwmark = red", "not a number"),
    ] {
        let answer = sockscope(&["conns", words]);
        assert_eq!((answer.code(), answer.stdout.as_str()), (2, ""), "{words}");
        assert!(answer.stderr.contains(told), "{words}: {answer:?}");
    }
}
