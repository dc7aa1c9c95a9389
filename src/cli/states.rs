//! `sockscope states`: counts by state, in total or by group.

use std::io::Write;

use serde_json::{Map, Value as Json, json};

use super::args::ByKey;
use super::session::{Session, Usage};
use super::{Exit, Failure};
use crate::analyze::states::{By, Counts, Group, Key, StatesView, Tally};
use crate::columns::Align;
use crate::filter::Filter;
use crate::model::{Report, State, StateSet};
use crate::pipeline;
use crate::query::ProcessDetail;
use crate::render::csv::starts_a_formula;
use crate::render::grid::{self, Cell, GridColumn};
use crate::render::json::{Envelope, Lines, process_key};
use crate::render::sanitize::escape;
use crate::render::text::reason;
use crate::render::theme::{Tone, state_tone};
use crate::render::{Format, RowWriter};

pub(super) fn run(session: &Session, by: Option<ByKey>, words: &[String]) -> Result<Exit, Failure> {
    let by = by.map(meaning);
    let filter = Filter::parse(words).map_err(Usage::from)?;
    let mut request = session.request(StateSet::ALL, filter)?;
    request.query.users = by == Some(By::User);
    request.query.owners = owners_for(session, by)?.max(request.filter.process_detail());
    request.resolve = false;
    let mut tally = Tally::new(by);
    let report = pipeline::stream(&request, &mut |sockets, facts| {
        for socket in &sockets {
            tally.add(socket, facts);
        }
        Ok(())
    })?;
    let mut view = tally.finish();
    arrange(session, &mut view)?;
    write(session, by, &view, &report)?;
    session.notes(&report);
    Ok(session.exit(&report, true))
}

fn meaning(key: ByKey) -> By {
    match key {
        ByKey::Process => By::Process,
        ByKey::User => By::User,
        ByKey::Port => By::Port,
        ByKey::Peer => By::Peer,
        ByKey::State => By::State,
        ByKey::Netns => By::Netns,
        ByKey::Unit => By::Unit,
        ByKey::Container => By::Container,
    }
}

/// Owners are looked for only where a group is made of them.
fn owners_for(session: &Session, by: Option<By>) -> Result<ProcessDetail, Usage> {
    let detail = match by {
        Some(By::Process) => ProcessDetail::Name,
        Some(By::Unit | By::Container) => ProcessDetail::Full,
        _ => ProcessDetail::None,
    };
    if session.options.no_owners && detail != ProcessDetail::None {
        let usage = Usage::new("groups by process, unit or container need owners");
        return Err(usage.hint("leave --no-owners out, or group by port, peer or user"));
    }
    Ok(detail)
}

/// `--sort` and `--limit`, for groups: by the key, by `total`, or by a state.
fn arrange(session: &Session, view: &mut StatesView) -> Result<(), Usage> {
    if let Some(text) = &session.options.sort {
        let (name, reverse) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        match (name, State::parse(name)) {
            ("key", _) => view.groups.sort_by(|a, b| a.key.cmp(&b.key)),
            ("total", _) => view.groups.sort_by_key(|group| group.counts.total()),
            (_, Some(state)) => view.groups.sort_by_key(|group| group.counts.of(state)),
            _ => {
                return Err(
                    Usage::new(format!("states cannot be sorted by '{name}'")).hint(
                        "sort by key, total, or a state such as close_wait; -total for the reverse",
                    ),
                );
            }
        }
        if reverse {
            view.groups.reverse();
        }
    }
    view.groups
        .truncate(session.options.limit.unwrap_or(usize::MAX));
    Ok(())
}

fn write(
    session: &Session,
    by: Option<By>,
    view: &StatesView,
    report: &Report,
) -> Result<(), Failure> {
    match session.format {
        Format::Table => table(session, by, view),
        Format::Plain | Format::Csv => program(session, by, view),
        Format::Json => {
            let mut envelope = Envelope::new(session.out(), session.head("states"), false);
            add_counts(&mut envelope, view);
            let groups = view
                .groups
                .iter()
                .map(|group| Json::Object(group_json(group)));
            envelope.add("groups", groups.collect());
            envelope.begin()?;
            Ok(envelope.end(report)?)
        }
        Format::Ndjson => lines(session, by, view, report),
    }
}

/// The counts in JSON: total, every state, and UDP apart.
pub(super) fn add_counts<W: Write>(envelope: &mut Envelope<W>, view: &StatesView) {
    envelope.add("total", view.total.total().into());
    envelope.add("states", states_json(&view.total));
    envelope.add("udp", udp_json(view));
}

fn udp_json(view: &StatesView) -> Json {
    json!({"connected": view.udp.connected, "unconnected": view.udp.unconnected})
}

fn states_json(counts: &Counts) -> Json {
    let all = counts.all();
    Json::Object(
        all.map(|(state, n)| (state.to_string(), n.into()))
            .collect(),
    )
}

fn group_json(group: &Group) -> Map<String, Json> {
    let mut object = Map::new();
    object.insert("key".to_owned(), key_json(&group.key));
    object.insert("total".to_owned(), group.counts.total().into());
    object.insert("states".to_owned(), states_json(&group.counts));
    object
}

fn key_json(key: &Key) -> Json {
    match key {
        Key::Process { pid, comm } => process_key(*pid, comm),
        Key::NoOwner(status) => json!({"owner_status": status.name()}),
        Key::User { uid, name } => json!({"uid": uid, "user": name}),
        Key::Port(port) => json!({"port": port}),
        Key::Peer(address) => json!({"peer": address}),
        Key::State(state) => json!({"state": state.to_string()}),
        Key::Netns(netns) => json!({"netns": netns}),
        Key::Unit(unit) => json!({"unit": unit}),
        Key::Container(container) => json!({"container": container}),
    }
}

/// One line a group; without groups, one line with the totals.
fn lines(
    session: &Session,
    by: Option<By>,
    view: &StatesView,
    report: &Report,
) -> Result<(), Failure> {
    let mut lines = Lines::new(session.out(), session.head("states"));
    if by.is_none() {
        lines.object(&[
            ("total", view.total.total().into()),
            ("states", states_json(&view.total)),
            ("udp", udp_json(view)),
        ])?;
    }
    for group in &view.groups {
        lines.object(&[
            ("key", key_json(&group.key)),
            ("total", group.counts.total().into()),
            ("states", states_json(&group.counts)),
        ])?;
    }
    Ok(lines.end(report)?)
}

/// The key for people.
fn key_text(key: &Key) -> String {
    let or_none =
        |text: Option<&str>| text.map_or_else(|| "-".to_owned(), |t| escape(t.as_bytes()));
    match key {
        Key::Process { pid, comm } => format!("{} {pid}", escape(comm)),
        Key::NoOwner(status) => reason(*status).to_owned(),
        Key::User { uid, name } => match (name, uid) {
            (Some(name), _) => escape(name.as_bytes()),
            (None, Some(uid)) => uid.to_string(),
            (None, None) => "(none recorded)".to_owned(),
        },
        Key::Port(port) => port.to_string(),
        Key::Peer(Some(address)) => address.to_string(),
        Key::Peer(None) => "(not connected)".to_owned(),
        Key::State(state) => state.to_string(),
        Key::Netns(netns) => netns.map_or_else(|| "-".to_owned(), |netns| netns.to_string()),
        Key::Unit(name) | Key::Container(name) => or_none(name.as_deref()),
    }
}

/// The column ids and cells of a key, for programs.
fn key_cells(by: By, key: &Key) -> Vec<(&'static str, String)> {
    let text = |text: &Option<String>| {
        text.as_ref()
            .map_or_else(String::new, |t| escape(t.as_bytes()))
    };
    let number = |n: Option<String>| n.unwrap_or_default();
    match (by, key) {
        (By::Process, Key::Process { pid, comm }) => vec![
            ("owner_status", "found".to_owned()),
            ("pid", pid.to_string()),
            ("comm", escape(comm)),
        ],
        (By::Process, Key::NoOwner(status)) => vec![
            ("owner_status", status.name().to_owned()),
            ("pid", String::new()),
            ("comm", String::new()),
        ],
        (_, Key::User { uid, name }) => vec![
            ("uid", number(uid.map(|uid| uid.to_string()))),
            ("user", text(name)),
        ],
        (_, Key::Port(port)) => vec![("port", port.to_string())],
        (_, Key::Peer(address)) => vec![("peer", number(address.map(|a| a.to_string())))],
        (_, Key::State(state)) => vec![("state", state.to_string())],
        (_, Key::Netns(netns)) => vec![("netns", number(netns.map(|n| n.to_string())))],
        (By::Unit, Key::Unit(name)) => {
            vec![("owner_status", "found".to_owned()), ("unit", text(name))]
        }
        (_, Key::Container(name)) => vec![
            ("owner_status", "found".to_owned()),
            ("container", text(name)),
        ],
        (By::Unit, _) => vec![
            ("owner_status", key_text_status(key)),
            ("unit", String::new()),
        ],
        (_, _) => vec![
            ("owner_status", key_text_status(key)),
            ("container", String::new()),
        ],
    }
}

fn key_text_status(key: &Key) -> String {
    match key {
        Key::NoOwner(status) => status.name().to_owned(),
        _ => String::new(),
    }
}

/// plain and csv: one line a state, or one line a group with a column for every state.
fn program(session: &Session, by: Option<By>, view: &StatesView) -> Result<(), Failure> {
    let mut header: Vec<String> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    match by {
        None => {
            header.extend(["state".to_owned(), "count".to_owned()]);
            let states = view.total.all();
            rows.extend(states.map(|(state, n)| vec![state.to_string(), n.to_string()]));
        }
        Some(by) => {
            for group in &view.groups {
                let cells = key_cells(by, &group.key);
                if header.is_empty() {
                    header.extend(cells.iter().map(|(id, _)| (*id).to_owned()));
                }
                let mut row: Vec<String> = cells.into_iter().map(|(_, cell)| cell).collect();
                row.push(group.counts.total().to_string());
                row.extend(State::TCP.map(|state| group.counts.of(state).to_string()));
                rows.push(row);
            }
            header.push("total".to_owned());
            header.extend(State::TCP.map(|state| state.to_string().to_lowercase()));
        }
    }
    if session.options.no_header {
        header.clear();
    }
    let mut out = session.out();
    if session.format == Format::Csv {
        write_csv(&mut out, &header, &rows)?;
    } else {
        let lines = std::iter::once(&header)
            .filter(|h| !h.is_empty())
            .chain(&rows);
        for line in lines {
            let cells: Vec<&str> = line
                .iter()
                .map(|c| if c.is_empty() { "-" } else { c })
                .collect();
            writeln!(out, "{}", cells.join(" "))?;
        }
    }
    out.flush()?;
    Ok(())
}

fn write_csv(out: &mut dyn Write, header: &[String], rows: &[Vec<String>]) -> std::io::Result<()> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(out);
    if !header.is_empty() {
        writer.write_record(header)?;
    }
    for row in rows {
        let safe = row.iter().map(|cell| {
            if starts_a_formula(cell) {
                format!("'{cell}")
            } else {
                cell.clone()
            }
        });
        writer.write_record(safe)?;
    }
    writer.flush()
}

/// A table of states, or of groups with a column for each state that occurs.
fn table(session: &Session, by: Option<By>, view: &StatesView) -> Result<(), Failure> {
    let mut out = session.out();
    match by {
        None => totals(session, &mut out, view)?,
        Some(by) => groups(session, &mut out, by, view)?,
    }
    if session.for_person() {
        let udp = view.udp;
        let text = format!(
            "{} TCP sockets; {} UDP sockets: {} bound, {} connected",
            view.total.total(),
            udp.connected + udp.unconnected,
            udp.unconnected,
            udp.connected
        );
        writeln!(out, "{}", session.theme.paint(&text, Tone::Quiet))?;
    }
    out.flush()?;
    Ok(())
}

fn grid_column(header: &str, align: Align) -> GridColumn {
    GridColumn {
        header: header.to_owned(),
        align,
        gives_way: false,
        may_be_idle: false,
    }
}

fn count_cell(state: State, count: u64) -> Cell {
    let tone = if count == 0 {
        Tone::Quiet
    } else {
        state_tone(state)
    };
    Cell::new(count.to_string(), tone)
}

/// Every state, those without a socket too.
fn totals(session: &Session, out: &mut dyn Write, view: &StatesView) -> std::io::Result<()> {
    let columns = [
        grid_column("STATE", Align::Left),
        grid_column("SOCKETS", Align::Right),
    ];
    let rows: Vec<_> = view
        .total
        .all()
        .map(|(state, count)| {
            let count = count_cell(state, count);
            vec![Cell::new(state.to_string(), count.tone), count]
        })
        .collect();
    grid::draw(out, &columns, &rows, &session.frame())
}

fn groups(
    session: &Session,
    out: &mut dyn Write,
    by: By,
    view: &StatesView,
) -> std::io::Result<()> {
    let heading = match by {
        By::Process => "PROCESS",
        By::User => "USER",
        By::Port => "PORT",
        By::Peer => "PEER",
        By::State => "STATE",
        By::Netns => "NETNS",
        By::Unit => "UNIT",
        By::Container => "CONTAINER",
    };
    let states: Vec<State> = view.total.present().map(|(state, _)| state).collect();
    let mut columns = vec![
        grid_column(heading, Align::Left),
        grid_column("TOTAL", Align::Right),
    ];
    columns.extend(
        states
            .iter()
            .map(|state| grid_column(&state.to_string(), Align::Right)),
    );
    if let Some(first) = columns.first_mut() {
        first.gives_way = matches!(by, By::Process | By::Unit | By::Container);
    }
    let rows: Vec<_> = view
        .groups
        .iter()
        .map(|group| {
            let mut row = vec![
                Cell::new(key_text(&group.key), Tone::Normal),
                Cell::new(group.counts.total().to_string(), Tone::Strong),
            ];
            row.extend(
                states
                    .iter()
                    .map(|&state| count_cell(state, group.counts.of(state))),
            );
            row
        })
        .collect();
    grid::draw(out, &columns, &rows, &session.frame())
}
