//! Everything about one socket in JSON: the socket of the contract, and more.
//!
//! Names carry their units. What the kernel did not say, or the socket cannot have, is null.

use std::borrow::Cow;
use std::num::NonZeroU64;

use serde::Serialize;

use super::Inspected;
use crate::columns::{Column, Row};
use crate::json::optional;
use crate::json::socket::SocketRow;
use crate::model::foreign::exact;
use crate::model::{Foreign, Memory, Process, SocketOptions, TcpInfo, Ulp};

/// One socket with all that the kernel tells of it. What it did not say, or the socket cannot
/// have, is null.
#[derive(Debug, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "InspectedSocket")
)]
#[expect(
    clippy::option_option,
    reason = "absent, null and there are three things"
)]
pub struct InspectedRow<'a> {
    #[serde(flatten)]
    socket: SocketRow<'a>,
    /// Milliseconds in the state: of TIME_WAIT and CLOSE_WAIT.
    age_ms: Option<u64>,
    /// Whether the age may be more.
    age_is_at_least: Option<bool>,
    /// Milliseconds since data last moved in either direction, or since the connection was
    /// established; null before that.
    idle_ms: Option<u32>,
    /// The protocol between TCP and the program: "mptcp" (the row is a subflow, whose queues
    /// are the MPTCP connection's), "tls"; null where there is none.
    ulp: Option<&'static str>,
    /// Whether the peer's FIN waits to be read behind what `recv_q` counts; null where it has
    /// not come.
    unread_fin: Option<bool>,
    tcp_info: Option<TcpInfoRow>,
    memory: Option<MemoryRow>,
    options: Option<OptionsRow<'a>>,
    /// Whether an IPv6 socket that is not connected refuses IPv4.
    v6_only: Option<bool>,
    /// The number of the cgroup (version 2) that the socket was made in.
    cgroup_id: Option<NonZeroU64>,
    /// Its path, where it was looked for (no owner is known) and found.
    cgroup: Option<Cow<'a, str>>,
    /// The bytes of `cgroup`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    cgroup_base64: Option<String>,
    /// The group of listeners with the same address and port; null where there is but one.
    reuseport: Option<ReuseportRow>,
    /// Each process that holds the socket, once.
    processes: Vec<ProcessRow<'a>>,
    /// The socket at the other end; null where that is not in this network namespace, or has
    /// gone. It has no such key itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<Box<InspectedRow<'static>>>"))]
    other_end: Option<Option<Box<InspectedRow<'a>>>>,
}

impl<'a> InspectedRow<'a> {
    /// A socket and its other end; each tells `columns` beside its keys.
    #[must_use]
    pub fn new(inspected: Inspected<'a>, columns: &'a [&'static Column]) -> Self {
        let of = |row| Self::of(row, columns);
        let other = inspected.other.map(|other| Box::new(of(other)));
        Self {
            other_end: Some(other),
            ..of(inspected.row)
        }
    }

    fn of(row: Row<'a>, columns: &'a [&'static Column]) -> Self {
        let Row { socket, facts } = row;
        let info = socket.tcp.as_deref();
        let age = socket.age();
        let size = facts.groups.size(socket);
        let group = facts.groups.of(socket).zip(size);
        let cgroup = facts.cgroup(socket).map(|cgroup| cgroup.path.bytes());
        let (cgroup, cgroup_base64) = optional(cgroup);
        Self {
            // The key is told here whatever it is.
            socket: SocketRow::new(socket, facts, columns).without_ulp(),
            age_ms: age.map(|age| age.ms),
            age_is_at_least: age.map(|age| age.at_least),
            idle_ms: info.and_then(TcpInfo::idle_ms),
            ulp: socket.ulp.map(Ulp::name),
            unread_fin: socket.has_peers_fin().then_some(socket.unread_fin),
            tcp_info: info.map(TcpInfoRow::of),
            memory: socket.memory.as_deref().map(MemoryRow::of),
            options: socket.options.as_deref().map(OptionsRow::of),
            v6_only: socket.v6_only,
            cgroup_id: socket.cgroup,
            cgroup,
            cgroup_base64,
            reuseport: group.map(|(group, size)| ReuseportRow { group, size }),
            processes: facts.owner_processes(socket).map(ProcessRow::of).collect(),
            other_end: None,
        }
    }
}

/// Listeners that share one address.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Reuseport"))]
struct ReuseportRow {
    /// Its number, in the order of protocol, address and port.
    group: u32,
    /// How many there are.
    size: u32,
}

/// What is known of a process beside what `owners` tells.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ProcessDetail"))]
struct ProcessRow<'a> {
    /// The pid, in the reader's pid namespace.
    pid: u32,
    /// The parent's pid.
    parent: Option<u32>,
    /// When it started: RFC 3339, UTC.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    started_at: Option<String>,
    /// The cgroup path.
    cgroup: Option<Cow<'a, str>>,
    /// The bytes of `cgroup`; only where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "crate::json::base64::Base64"))]
    cgroup_base64: Option<String>,
    /// The systemd unit that the path names.
    unit: Option<Cow<'a, str>>,
    /// The container that the path names: `engine:id`.
    container: Option<String>,
}

impl<'a> ProcessRow<'a> {
    fn of(process: &'a Process) -> Self {
        let started = process
            .started
            .and_then(|s| jiff::Timestamp::from_second(s).ok());
        let container = process.container();
        let (cgroup, cgroup_base64) = optional(process.cgroup.as_ref().map(Foreign::bytes));
        Self {
            pid: process.pid,
            parent: process.parent,
            started_at: started.map(|started| started.to_string()),
            cgroup,
            cgroup_base64,
            unit: process.unit().map(exact),
            container: container.map(|c| c.label().exact().into_owned()),
        }
    }
}

/// The memory of a socket.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Memory"))]
#[expect(clippy::struct_field_names, reason = "names carry their units")]
struct MemoryRow {
    /// Held by what was received and not read (SK_MEMINFO_RMEM_ALLOC).
    received_bytes: u32,
    /// The most that may be held (SK_MEMINFO_RCVBUF): twice SO_RCVBUF.
    receive_limit_bytes: u32,
    /// Held by what is on its way out (SK_MEMINFO_WMEM_QUEUED).
    sending_bytes: u32,
    /// The most that may be on its way out (SK_MEMINFO_SNDBUF): twice SO_SNDBUF.
    send_limit_bytes: u32,
    /// Of that, handed to the network (SK_MEMINFO_WMEM_ALLOC).
    in_network_bytes: u32,
    /// Reserved for what will come (SK_MEMINFO_FWD_ALLOC).
    reserved_bytes: u32,
    /// Held by options and filters (SK_MEMINFO_OPTMEM).
    options_bytes: u32,
    /// Received while the program held the socket (SK_MEMINFO_BACKLOG).
    backlog_bytes: u32,
}

impl MemoryRow {
    const fn of(memory: &Memory) -> Self {
        Self {
            received_bytes: memory.received,
            receive_limit_bytes: memory.receive_limit,
            sending_bytes: memory.sending,
            send_limit_bytes: memory.send_limit,
            in_network_bytes: memory.in_network,
            reserved_bytes: memory.reserved,
            options_bytes: memory.options,
            backlog_bytes: memory.backlog,
        }
    }
}

/// What was set on a socket.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SocketOptions"))]
struct OptionsRow<'a> {
    /// The congestion control; of TCP only.
    congestion: Option<Cow<'a, str>>,
    /// Type of service of IPv4 packets.
    tos: Option<u8>,
    /// Traffic class of IPv6 packets.
    traffic_class: Option<u8>,
    /// The mark of its packets (SO_MARK); null without CAP_NET_ADMIN.
    mark: Option<u32>,
    /// The network class of its cgroup, or else its priority.
    class: Option<u32>,
    /// Whether the receive side is shut down: by the program, or by the peer's FIN.
    shut_down_receiving: Option<bool>,
    /// Whether it is shut down for sending.
    shut_down_sending: Option<bool>,
    /// The options that are set, by the names of setsockopt().
    flags: Option<Vec<&'static str>>,
}

impl<'a> OptionsRow<'a> {
    fn of(options: &'a SocketOptions) -> Self {
        Self {
            congestion: options.congestion.as_ref().map(Foreign::exact),
            tos: options.tos,
            traffic_class: options.traffic_class,
            mark: options.mark,
            class: options.class,
            shut_down_receiving: options.shut_down.map(|(receiving, _)| receiving),
            shut_down_sending: options.shut_down.map(|(_, sending)| sending),
            flags: options.flags.map(|_| options.flag_names().collect()),
        }
    }
}

/// The inner state of a TCP connection.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TcpInfo"))]
struct TcpInfoRow {
    /// open, disorder, cwr, recovery or loss.
    congestion_state: &'static str,
    /// What both sides agreed on: timestamps, sack, wscale, ecn, ecnseen, fastopen.
    agreed: Vec<&'static str>,
    /// Shift of the peer's window.
    send_wscale: u8,
    /// Shift of this side's window.
    receive_wscale: u8,
    /// Retransmissions in a row without an answer.
    retransmits: u8,
    /// Probes without an answer.
    probes: u8,
    /// How often the time-out was doubled.
    backoff: u8,
    /// The retransmission time-out.
    rto_us: u32,
    /// How long an acknowledgement may be held back.
    ato_us: u32,
    /// The smoothed round-trip time; null before the first measurement.
    rtt_us: Option<u32>,
    /// Its variation.
    rttvar_us: Option<u32>,
    /// The least round-trip time seen lately.
    min_rtt_us: Option<u32>,
    /// The round-trip time as the receiver estimates it.
    receive_rtt_us: Option<u32>,
    /// Largest segment that is sent.
    mss_bytes: u32,
    /// Largest segment that came.
    receive_mss_bytes: u32,
    /// Largest segment that this side told the peer to send.
    advertised_mss_bytes: u32,
    /// Largest packet that the path takes.
    pmtu_bytes: u32,
    /// The congestion window.
    cwnd_segments: u32,
    /// The slow-start threshold; null while nothing has set one.
    ssthresh_segments: Option<u32>,
    /// Sent and not acknowledged.
    unacked_segments: u32,
    /// Acknowledged out of order.
    sacked_segments: u32,
    /// Thought to be lost now.
    lost_segments: u32,
    /// Sent again, and on their way now.
    retransmitting_segments: u32,
    /// Sent again since the connection began.
    retrans_segments: u32,
    /// How far segments may come out of order before they are taken for lost.
    reordering_segments: u32,
    /// Since data was last sent; null where none ever was.
    last_data_sent_ms: Option<u32>,
    /// Since data last came; null where none ever did.
    last_data_received_ms: Option<u32>,
    /// Since an acknowledgement last came; null where none ever did.
    last_ack_received_ms: Option<u32>,
    /// Sent, those sent again included (Linux 4.19).
    bytes_sent: Option<u64>,
    /// Acknowledged by the peer (Linux 4.1).
    bytes_acked: Option<u64>,
    /// Sent again (Linux 4.19).
    bytes_retrans: Option<u64>,
    /// Received in order, without the FIN (Linux 4.1).
    bytes_received: Option<u64>,
    /// Segments sent, including those without data (Linux 4.2).
    segs_out: Option<u32>,
    /// Segments received, including those without data (Linux 4.2).
    segs_in: Option<u32>,
    /// Written and not sent yet (Linux 4.6).
    not_sent_bytes: Option<u32>,
    /// The window that the peer offers (Linux 5.4).
    send_window_bytes: Option<u32>,
    /// The window that this side offers (Linux 6.2).
    receive_window_bytes: Option<u32>,
    /// What the program is thought to need of the receive buffer in a round trip.
    receive_space_bytes: u32,
    /// How fast data last arrived at the peer; null before the first measurement.
    delivery_rate_bytes_per_s: Option<u64>,
    /// Whether the program gave too little to measure how fast the path is.
    delivery_rate_app_limited: bool,
    /// How fast data is let out; null where there is no limit.
    pacing_rate_bytes_per_s: Option<u64>,
    /// With something to send or not acknowledged (Linux 4.9).
    busy_us: Option<u64>,
    /// Of that, held back by the peer's window (Linux 4.9).
    rwnd_limited_us: Option<u64>,
    /// Of that, held back by the send buffer (Linux 4.9).
    sndbuf_limited_us: Option<u64>,
    /// Segments that the peer received twice (Linux 4.19).
    duplicate_segments: Option<u32>,
    /// How often segments came out of order at the peer (Linux 4.19).
    reorderings_seen: Option<u32>,
    /// Segments that came out of order (Linux 5.4).
    out_of_order_segments: Option<u32>,
    /// Retransmission time-outs of the connection (Linux 6.7).
    timeouts: Option<u16>,
}

impl TcpInfoRow {
    #[rustfmt::skip]
    fn of(info: &TcpInfo) -> Self {
        Self {
            congestion_state: info.congestion_state.name(),
            agreed: info.agreed.words().collect(),
            send_wscale: info.window_scale.0, receive_wscale: info.window_scale.1,
            retransmits: info.retransmits, probes: info.probes, backoff: info.backoff,
            rto_us: info.rto_us, ato_us: info.ato_us,
            rtt_us: info.rtt(), rttvar_us: info.rtt().and(Some(info.rtt_var_us)),
            min_rtt_us: info.min_rtt_us,
            receive_rtt_us: Some(info.receive_rtt_us).filter(|us| *us > 0),
            mss_bytes: info.send_mss, receive_mss_bytes: info.receive_mss,
            advertised_mss_bytes: info.advertised_mss, pmtu_bytes: info.path_mtu,
            cwnd_segments: info.congestion_window, ssthresh_segments: info.slow_start_threshold,
            unacked_segments: info.unacked, sacked_segments: info.sacked,
            lost_segments: info.lost, retransmitting_segments: info.retransmitted_now,
            retrans_segments: info.total_retransmits, reordering_segments: info.reordering,
            last_data_sent_ms: info.last_data_sent_ms(),
            last_data_received_ms: info.last_data_received_ms(),
            last_ack_received_ms: info.since_acked_ms,
            bytes_sent: info.bytes_sent, bytes_acked: info.data_acked(),
            bytes_retrans: info.bytes_retransmitted, bytes_received: info.bytes_received,
            segs_out: info.segs_out, segs_in: info.segs_in, not_sent_bytes: info.not_sent,
            send_window_bytes: info.send_window, receive_window_bytes: info.receive_window,
            receive_space_bytes: info.receive_space,
            delivery_rate_bytes_per_s: info.delivery_rate,
            delivery_rate_app_limited: info.delivery_rate_app_limited,
            pacing_rate_bytes_per_s: info.pacing_rate,
            busy_us: info.busy_us, rwnd_limited_us: info.window_limited_us,
            sndbuf_limited_us: info.buffer_limited_us,
            duplicate_segments: info.duplicates, reorderings_seen: info.reorderings_seen,
            out_of_order_segments: info.out_of_order, timeouts: info.timeouts,
        }
    }
}
