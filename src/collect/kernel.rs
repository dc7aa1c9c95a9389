//! Counters and settings: the one place where they are read.

use std::io;
use std::net::IpAddr;

use crate::host::Host;
use crate::model::Kernel;
use crate::wire::kernel_text;

/// Settings of a network namespace, and those of the machine that every namespace shows.
const OF_NAMESPACE: &[&str] = &[
    "fs.nr_open",
    "net.core.rmem_default",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_orphan_retries",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_rto_max_ms",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_wmem",
];

/// Settings of the machine, which only the initial network namespace has.
const OF_MACHINE: &[&str] = &[
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_mem",
    "net.ipv4.udp_mem",
];

/// Reads a text into the counters.
type Reads = fn(&str, &mut Kernel);

/// The files of counters, and what reads each.
const COUNTERS: &[(&str, Reads)] = &[
    ("snmp", kernel_text::pairs),
    ("netstat", kernel_text::pairs),
    ("snmp6", kernel_text::snmp6),
    ("sockstat", kernel_text::sockstat),
    ("sockstat6", kernel_text::sockstat),
];

/// Reads the counters and settings of the network namespace of a host; what cannot be
/// read is not known, with the reason where it was refused.
#[must_use]
pub fn kernel(host: &Host) -> Kernel {
    let mut kernel = Kernel::default();
    for (name, read) in COUNTERS {
        match host.net_text(name) {
            Ok(text) => read(&text, &mut kernel),
            Err(error) => refuse(host, &mut kernel, &format!("/proc/net/{name}"), &error),
        }
    }
    match host.setting("fs.file-nr") {
        Ok(text) => kernel_text::file_nr(&text, &mut kernel),
        Err(error) => refuse(host, &mut kernel, "fs.file-nr", &error),
    }
    set_all(
        host,
        &mut kernel,
        OF_NAMESPACE,
        &read_all(host, OF_NAMESPACE),
    );
    of_machine(host, &mut kernel);
    for address in addresses(host) {
        kernel.has_address(address);
    }
    kernel
}

/// Reads only these settings of the network namespace of a host.
#[must_use]
pub fn settings(host: &Host, names: &[&str]) -> Kernel {
    let mut kernel = Kernel::default();
    set_all(host, &mut kernel, names, &read_all(host, names));
    kernel
}

/// Reads the machine's own limits: here, or else in the namespace of the first process. That
/// they exist there proves that it is the initial one.
fn of_machine(host: &Host, kernel: &mut Kernel) {
    let here = read_all(host, OF_MACHINE);
    if here.iter().all(Result::is_ok) {
        set_all(host, kernel, OF_MACHINE, &here);
        return;
    }
    match in_initial_namespace(host) {
        Ok(there) => set_all(host, kernel, OF_MACHINE, &read_all(&there, OF_MACHINE)),
        Err(_) if !host.has_proc() => set_all(host, kernel, OF_MACHINE, &here),
        Err(error) => {
            for name in OF_MACHINE {
                let why = format!(
                    "{name} exists only in the initial network namespace, which cannot be entered: {error}"
                );
                kernel.refuse(name, why);
            }
        }
    }
}

/// The host as it is seen from the network namespace of process 1, through any process that is in
/// it: the first itself may refuse.
fn in_initial_namespace(host: &Host) -> io::Result<Host> {
    let refused = host.inside(1);
    let Some(first) = host.mark_of(1).filter(|_| refused.is_err()) else {
        return refused;
    };
    let neighbours = host.namespaces().remove(&first).unwrap_or_default();
    let mut attempts = neighbours.into_iter().map(|pid| host.inside(pid));
    attempts.find(Result::is_ok).unwrap_or(refused)
}

/// The addresses of the network namespace of a host.
#[must_use]
pub fn addresses(host: &Host) -> Vec<IpAddr> {
    let text = |name| host.net_text(name).unwrap_or_default();
    let v4 = kernel_text::fib_addresses(&text("fib_trie"));
    let v6 = kernel_text::if_inet6_addresses(&text("if_inet6"));
    v4.into_iter().chain(v6).collect()
}

fn read_all(host: &Host, names: &[&str]) -> Vec<io::Result<String>> {
    names.iter().map(|name| host.setting(name)).collect()
}

fn set_all(host: &Host, kernel: &mut Kernel, names: &[&str], texts: &[io::Result<String>]) {
    for (name, text) in names.iter().zip(texts) {
        match text {
            Ok(text) => kernel.set(name, text),
            Err(error) => refuse(host, kernel, name, error),
        }
    }
}

/// Notes why something is not known; where it does not exist in a /proc, the kernel does not have
/// it.
fn refuse(host: &Host, kernel: &mut Kernel, name: &str, error: &io::Error) {
    if error.kind() != io::ErrorKind::NotFound {
        kernel.refuse(name, format!("cannot read {name}: {error}"));
    } else if !host.has_proc() {
        kernel.refuse(name, "/proc is not mounted here".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_its_limits() {
        let host = Host::live();
        let kernel = kernel(&host);
        assert!(kernel.number("net.core.somaxconn").is_some());
        assert!(kernel.ephemeral_range().is_some());
        assert!(kernel.counter("TcpExt", "ListenOverflows").is_some());
        assert!(kernel.counter("sockstat.TCP", "tw").is_some());
        assert!(kernel.counter("file-nr", "open").is_some());
        assert!(settings(&host, &["net.ipv4.no_such_setting"]) == Kernel::default());
    }
}
