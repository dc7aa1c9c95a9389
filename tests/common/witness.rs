//! Others who look at the same sockets: ss, /proc/net, and a slow scan of every fd table.
//!
//! Nothing here shares code with the program: two that agree should agree because the kernel says so.

use super::{Row, Run, written};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Every holder of each socket inode, as (pid, fd).
pub type Owners = BTreeMap<u64, BTreeSet<(u32, Option<u32>)>>;

/// What `ss -H -O -n -a -e -p` shows of `protocol` ("tcp", "udp", "raw"), IPv4 and IPv6, sorted.
///
/// `None` where there is no ss. ss 6.1 knows no bound-only sockets.
pub fn ss_rows(protocol: &str) -> Option<Vec<Row>> {
    if !Path::new("/usr/bin/ss").exists()
        && !Path::new("/bin/ss").exists()
        && !Path::new("/sbin/ss").exists()
    {
        super::skipped("what ss shows: there is no ss here");
        return None;
    }
    let mut rows = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let flags = if family == "ipv4" { "-4" } else { "-6" };
        let protocol_flag = format!("--{protocol}");
        let answer = Run::of("ss")
            .args(&["-H", "-O", "-n", "-a", "-e", "-p", flags, &protocol_flag])
            .output();
        assert_eq!(answer.code(), 0, "{answer:?}");
        rows.extend(
            answer
                .stdout
                .lines()
                .map(|line| ss_row(protocol, family, line)),
        );
    }
    rows.sort();
    Some(rows)
}

/// One line: state, two queues, local, peer, then details as `name:value`.
fn ss_row(protocol: &str, family: &str, line: &str) -> Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    let state = match words[0] {
        "ESTAB" => "ESTABLISHED".to_owned(),
        "FIN-WAIT-1" => "FIN_WAIT1".to_owned(),
        "FIN-WAIT-2" => "FIN_WAIT2".to_owned(),
        other => other.replace('-', "_"),
    };
    let inode = words
        .iter()
        .find_map(|word| word.strip_prefix("ino:"))
        .map(|ino| ino.parse::<u64>().unwrap());
    let peer = ss_endpoint(family, words[4]);
    Row {
        protocol: protocol.to_owned(),
        family: family.to_owned(),
        state,
        local: ss_endpoint(family, words[3]).unwrap_or_else(|| panic!("no local port: {line}")),
        peer,
        inode: inode.filter(|inode| *inode != 0),
        owners: ss_owners(line),
    }
}

/// `*:80`, `[::ffff:127.0.0.1]:80`, `127.0.0.1%lo:80`; `None` for a port `*`, which is no peer.
fn ss_endpoint(family: &str, text: &str) -> Option<String> {
    let (address, port) = text.rsplit_once(':').unwrap();
    let address = address
        .trim_start_matches('[')
        .trim_end_matches(']')
        .split('%')
        .next()
        .unwrap();
    let address = match (address, family) {
        ("*", "ipv6") => "::".to_owned(),
        ("*", _) => "0.0.0.0".to_owned(),
        (other, "ipv6") => other
            .parse::<Ipv6Addr>()
            .unwrap()
            .to_canonical()
            .to_string(),
        (other, _) => other.to_owned(),
    };
    (port != "*").then(|| written(&address, port.parse().unwrap()))
}

/// Every `pid=N,fd=M` of `users:((...))`; a name cannot look like one, since it stands in quotes before them.
fn ss_owners(line: &str) -> BTreeSet<(u32, Option<u32>)> {
    let Some((_, users)) = line.split_once(" users:(") else {
        return BTreeSet::new();
    };
    let number = |text: &str| {
        text.split(|c: char| !c.is_ascii_digit())
            .next()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    users
        .split("\",pid=")
        .skip(1)
        .map(|part| {
            (
                number(part),
                Some(number(part.split_once(",fd=").unwrap().1)),
            )
        })
        .collect()
}

/// The tables /proc/thread-self/net/{tcp,tcp6,udp,udp6,raw,raw6} of this thread's namespace, sorted, without owners.
pub fn proc_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let Ok(text) = std::fs::read_to_string(format!("/proc/thread-self/net/{table}")) else {
            continue;
        };
        let protocol = table.trim_end_matches('6');
        rows.extend(
            text.lines()
                .skip(1)
                .map(|line| proc_row(protocol, table.ends_with('6'), line)),
        );
    }
    rows.sort();
    rows
}

/// `sl local rem st tx:rx tr:when retr uid timeout inode ...`, all numbers but the inode hexadecimal.
fn proc_row(protocol: &str, six: bool, line: &str) -> Row {
    let words: Vec<&str> = line.split_whitespace().collect();
    let state = match (protocol, words[3]) {
        (_, "01") => "ESTABLISHED",
        ("udp" | "raw", "07") => "UNCONN",
        (_, "02") => "SYN_SENT",
        (_, "03") => "SYN_RECV",
        (_, "04") => "FIN_WAIT1",
        (_, "05") => "FIN_WAIT2",
        (_, "06") => "TIME_WAIT",
        (_, "07") => "CLOSE",
        (_, "08") => "CLOSE_WAIT",
        (_, "09") => "LAST_ACK",
        (_, "0A") => "LISTEN",
        (_, "0B") => "CLOSING",
        (_, other) => panic!("state {other} in {line}"),
    };
    let (local, _) = proc_endpoint(words[1], six);
    let (peer, connected) = proc_endpoint(words[2], six);
    Row {
        protocol: protocol.to_owned(),
        family: if six { "ipv6" } else { "ipv4" }.to_owned(),
        state: state.to_owned(),
        local,
        peer: connected.then_some(peer),
        inode: words[9].parse::<u64>().ok().filter(|inode| *inode != 0),
        owners: BTreeSet::new(),
    }
}

/// Words of 32 bits in the host's byte order, and the port; the flag is false for nowhere (address and port 0).
fn proc_endpoint(text: &str, six: bool) -> (String, bool) {
    let (address, port) = text.split_once(':').unwrap();
    let port = u64::from_str_radix(port, 16).unwrap();
    let mut octets = Vec::new();
    for at in (0..address.len()).step_by(8) {
        octets.extend(
            u32::from_str_radix(&address[at..at + 8], 16)
                .unwrap()
                .to_ne_bytes(),
        );
    }
    let somewhere = port != 0 || octets.iter().any(|octet| *octet != 0);
    let address = if six {
        let octets: [u8; 16] = octets.try_into().unwrap();
        Ipv6Addr::from(octets).to_canonical().to_string()
    } else {
        let octets: [u8; 4] = octets.try_into().unwrap();
        Ipv4Addr::from(octets).to_string()
    };
    (written(&address, port), somewhere)
}

/// Every holder of every socket, from /proc/*/task/*/fd (which holds the leader's own table too): slow and simple.
pub fn proc_owner_map() -> Owners {
    let mut owners = Owners::new();
    for (pid, process) in numbered("/proc".as_ref()) {
        for (_, task) in numbered(&process.join("task")) {
            for (fd, link) in numbered(&task.join("fd")) {
                let target = std::fs::read_link(link).unwrap_or_default();
                let inode = target
                    .to_str()
                    .and_then(|text| text.strip_prefix("socket:["))
                    .and_then(|text| text.trim_end_matches(']').parse().ok());
                if let Some(inode) = inode {
                    owners.entry(inode).or_default().insert((pid, Some(fd)));
                }
            }
        }
    }
    owners
}

/// The holders of one socket.
pub fn proc_owners(inode: u64) -> BTreeSet<(u32, Option<u32>)> {
    proc_owner_map().remove(&inode).unwrap_or_default()
}

/// The entries of a directory whose names are numbers; none where it is gone or closed to us.
fn numbered(directory: &Path) -> Vec<(u32, std::path::PathBuf)> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let entry =
        |entry: std::fs::DirEntry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()));
    entries.flatten().filter_map(entry).collect()
}

/// How many TCP sockets of each state `ss` shows, LISTEN included, under the names of the contract.
pub fn ss_states() -> Option<BTreeMap<String, u64>> {
    let mut states = BTreeMap::new();
    for row in ss_rows("tcp")? {
        *states.entry(row.state).or_insert(0) += 1;
    }
    Some(states)
}

/// How many descriptors a process has.
pub fn open_files(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count() as u64
}

/// The soft limit on descriptors of a process.
pub fn file_limit(pid: u32) -> u64 {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let words = line.unwrap().trim_start_matches("Max open files");
    words.split_whitespace().next().unwrap().parse().unwrap()
}

/// The numbers of a setting under /proc/sys/net, of this thread's namespace.
pub fn setting(name: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(format!("/proc/sys/net/{name}")).unwrap();
    text.split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

/// Changes a setting of this thread's namespace, which must be a private one.
pub fn set(_private: &super::Namespace, name: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{name}"), value).unwrap();
}

/// What `ss` says a bound UDP socket has dropped; `None` where there is no ss.
pub fn ss_drops(port: u16) -> Option<u64> {
    ss_rows("udp")?;
    let filter = format!("sport = :{port}");
    let arguments = ["-H", "-O", "-n", "-a", "-u", "-m", filter.as_str()];
    let answer = Run::of("ss").args(&arguments).output();
    let (_, after) = answer.stdout.rsplit_once(",d")?;
    after.trim_end().trim_end_matches(')').parse().ok()
}
