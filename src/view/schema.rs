//! The JSON Schema, made from the types that are serialized.
//!
//! Objects may get more keys within v1, so none is closed. `examples` are all the values that
//! this version writes where more may come.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::buildup::{BuildupAnswer, PileRow};
use super::counts::{GroupRow, StatesAnswer, Totals};
use super::diff::{DiffLine, DiffPart, DiffSocket, NoState, PreviousState};
use super::doctor::{DoctorAnswer, FindingRow, Findings, RuleRow, RulesAnswer};
use super::explain::{LiveValue, Page, TopicRow, TopicsAnswer};
use super::inspect::json::InspectedRow;
use super::ports::PortsPart;
use super::wait::{WaitLine, WaitPart};
use crate::json::columns::{ColumnRow, ColumnsAnswer};
use crate::json::events::{BehindEvent, ProblemEvent, RecordEvent, SocketEvent};
use crate::json::socket::SocketRow;
use crate::json::{Closing, JSON_SCHEMA, Origin};

/// One answer in `--format json`: an object.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "the writer streams these parts one after the other"
)]
struct Answer<P> {
    #[schemars(flatten)]
    origin: Origin<'static>,
    /// The command that was asked.
    command: String,
    #[schemars(flatten)]
    part: P,
    #[schemars(flatten)]
    closing: Closing<'static>,
}

/// One line in `--format ndjson`: an object.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "the writer streams these parts one after the other"
)]
struct Line<P> {
    #[schemars(flatten)]
    origin: Origin<'static>,
    #[schemars(flatten)]
    part: P,
}

/// What every list of sockets has.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "rows are written as they come")]
struct Sockets {
    /// One row for each socket.
    sockets: Vec<SocketRow<'static>>,
}

/// The answer of `port`.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "the writer streams these parts one after the other"
)]
struct PortAnswer {
    #[schemars(flatten)]
    rows: Sockets,
    #[schemars(flatten)]
    part: PortsPart<'static>,
}

/// The answer of `inspect`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "rows are written as they come")]
struct InspectAnswer {
    /// One row for each socket.
    sockets: Vec<InspectedRow<'static>>,
}

/// The answer of `sockscope` alone.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "the writer streams these parts one after the other"
)]
struct OverviewAnswer {
    #[schemars(flatten)]
    listeners: Sockets,
    #[schemars(flatten)]
    totals: Totals<'static>,
    #[schemars(flatten)]
    findings: Findings<'static>,
}

/// What an event of `--watch` is about, under its name.
macro_rules! records {
    ($($record:ident { $name:ident: $row:ty })*) => {$(
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "rows are remembered as they were written")]
        struct $record {
            $name: $row,
        }
    )*};
}

/// The answer of `wait`.
#[derive(JsonSchema)]
#[expect(
    dead_code,
    reason = "the writer streams these parts one after the other"
)]
struct WaitAnswer {
    /// The listeners that were found, or what holds the port still.
    sockets: Vec<SocketRow<'static>>,
    #[schemars(flatten)]
    part: WaitPart,
}

/// A row of a line of `diff` that is no socket: as it stands in the file, the later one where
/// it is in both.
macro_rules! events {
    ($($name:ident $key:ident $row:ty;)*) => {$(
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "rows are written as they stand in a file")]
        struct $name {
            /// As it stands in the file: the later one where it is in both.
            $key: $row,
        }
    )*};
}

records! {
    TotalsRecord { totals: Totals<'static> }
    GroupRecord { group: GroupRow<'static> }
    PileRecord { pile: PileRow<'static> }
    FindingRecord { finding: FindingRow<'static> }
    PageRecord { page: Page<'static> }
}

events! {
    GroupEvent group GroupRow<'static>;
    PileEvent pile PileRow<'static>;
    FindingEvent finding FindingRow<'static>;
    ValueEvent value LiveValue;
}

/// The schema in the making.
struct Maker {
    generator: SchemaGenerator,
    answers: Map<String, Json>,
    lines: Map<String, Json>,
}

impl Maker {
    fn answer<P: JsonSchema>(&mut self, name: &str, command: &str, description: &str) {
        let mut schema = Answer::<P>::json_schema(&mut self.generator);
        if let Some(known) = schema.pointer_mut("/properties/command") {
            known["const"] = command.into();
        }
        schema.insert("description".to_owned(), description.into());
        self.answers.insert(name.to_owned(), schema.into());
    }

    fn line<P: JsonSchema>(&mut self, name: &str, description: &str) {
        let mut schema = Line::<P>::json_schema(&mut self.generator);
        schema.insert("description".to_owned(), description.into());
        self.lines.insert(name.to_owned(), schema.into());
    }

    /// The whole, with a name for each answer and each line.
    fn finish(mut self) -> Json {
        let any = |description: &str, parts: &Map<String, Json>| {
            let parts = parts
                .keys()
                .map(|name| json!({"$ref": format!("#/$defs/{name}")}));
            json!({"description": description, "anyOf": parts.collect::<Vec<_>>()})
        };
        let answer = any("What a command writes with --format json.", &self.answers);
        let line = any(
            "A line that a command writes with --format ndjson.",
            &self.lines,
        );
        let mut definitions = self.generator.take_definitions(true);
        for (name, schema) in self.answers.into_iter().chain(self.lines) {
            assert!(definitions.insert(name, schema).is_none(), "a name twice");
        }
        definitions.extend([("Answer".to_owned(), answer), ("Line".to_owned(), line)]);
        for definition in definitions.values_mut() {
            let mut schema = Schema::try_from(definition.take()).unwrap();
            RecursiveTransform(plain).transform(&mut schema);
            *definition = schema.into();
        }
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:sockscope:v1",
            "title": crate::json::SCHEMA,
            "description": "What sockscope writes as JSON: with --format json one Answer, with \
                --format ndjson one Line after the other. Within v1 keys are only ever added. \
                What the source could not say is null, never 0 or \"\". `examples` are all the \
                values that this version writes where more may come.",
            "anyOf": [{"$ref": "#/$defs/Answer"}, {"$ref": "#/$defs/Line"}],
            "$defs": definitions,
        })
    }
}

/// Makes one line of a description, and leaves only formats that JSON Schema knows: a validator
/// may refuse others.
fn plain(schema: &mut Schema) {
    if let Some(Json::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
    match schema.get("format").and_then(Json::as_str) {
        Some("date-time" | "ipv4" | "ipv6") | None => {}
        Some("ip") => {
            schema.remove("format");
            let formats = json!([{"format": "ipv4"}, {"format": "ipv6"}]);
            schema.insert("anyOf".to_owned(), formats);
        }
        Some(_) => {
            schema.remove("format");
        }
    }
}

/// Every answer and every line.
fn schema() -> Json {
    let mut maker = Maker {
        generator: SchemaSettings::draft2020_12()
            .for_serialize()
            .into_generator(),
        answers: Map::new(),
        lines: Map::new(),
    };
    maker.answer::<OverviewAnswer>(
        "OverviewAnswer",
        "overview",
        "sockscope alone: the host at a glance. The sockets are the listeners.",
    );
    for (name, command, description) in [
        ("ListenAnswer", "listen", "Who is listening."),
        ("ConnsAnswer", "conns", "Every socket that does not listen."),
        (
            "ProcAnswer",
            "proc",
            "Everything one process has open on the network.",
        ),
    ] {
        maker.answer::<Sockets>(name, command, description);
    }
    maker.answer::<PortAnswer>("PortAnswer", "port", "The story of one port or several.");
    maker.answer::<InspectAnswer>(
        "InspectAnswer",
        "inspect",
        "Everything about the sockets that match.",
    );
    maker.answer::<ColumnsAnswer>(
        "ColumnsAnswer",
        "columns",
        "--columns help: the table of columns.",
    );
    maker.answer::<StatesAnswer>("StatesAnswer", "states", "Counts by state.");
    maker.answer::<BuildupAnswer>(
        "BuildupAnswer",
        "buildup",
        "What piles up in states that should pass.",
    );
    maker.answer::<DoctorAnswer>("DoctorAnswer", "doctor", "What is wrong.");
    maker.answer::<RulesAnswer>("RulesAnswer", "doctor", "doctor --list: the rules.");
    maker.answer::<Page>(
        "ExplainAnswer",
        "explain",
        "A state, a call or a finding explained.",
    );
    maker.answer::<TopicsAnswer>(
        "TopicsAnswer",
        "explain",
        "explain without a topic: the list of them.",
    );
    maker.answer::<WaitAnswer>("WaitAnswer", "wait", "Whether what was waited for came.");
    differences(&mut maker);
    maker.line::<WaitLine>("WaitLine", "The end of a wait.");
    maker.line::<SocketRow>(
        "SocketLine",
        "A socket: of the overview, listen, port, conns and proc.",
    );
    maker.line::<InspectedRow>("InspectedLine", "A socket of inspect.");
    maker.line::<ColumnRow>("ColumnLine", "A column of --columns help.");
    maker.line::<Totals>("TotalsLine", "The counts of states.");
    maker.line::<GroupRow>("GroupLine", "A group of states --by.");
    maker.line::<PileRow>("PileLine", "A row of buildup.");
    maker.line::<FindingRow>("FindingLine", "A finding of doctor.");
    maker.line::<RuleRow>("RuleLine", "A rule of doctor --list.");
    maker.line::<Page>("PageLine", "The page of explain TOPIC.");
    maker.line::<TopicRow>("TopicLine", "A topic of explain.");
    events(&mut maker);
    maker.finish()
}

/// The lines of `--watch --format ndjson`.
fn events(maker: &mut Maker) {
    maker.line::<SocketEvent<'_, SocketRow>>(
        "SocketEventLine",
        "--watch: what happened to a socket of the overview, listen, port, conns and proc.",
    );
    maker.line::<SocketEvent<'_, InspectedRow>>(
        "InspectedEventLine",
        "--watch: what happened to a socket of inspect.",
    );
    maker.line::<RecordEvent<TotalsRecord>>(
        "TotalsEventLine",
        "--watch: what happened to the counts of states.",
    );
    maker.line::<RecordEvent<GroupRecord>>(
        "GroupEventLine",
        "--watch: what happened to a group of states --by.",
    );
    maker.line::<RecordEvent<PileRecord>>(
        "PileEventLine",
        "--watch: what happened to a row of buildup.",
    );
    maker.line::<RecordEvent<FindingRecord>>(
        "FindingEventLine",
        "--watch: what happened to a finding of doctor.",
    );
    maker.line::<RecordEvent<PageRecord>>(
        "PageEventLine",
        "--watch: what happened to a page of explain.",
    );
    maker.line::<ProblemEvent>("ProblemEventLine", "--watch: something could not be seen.");
    maker.line::<BehindEvent>("BehindEventLine", "--watch: looks were left out.");
}

/// What `diff` writes, by what was compared.
fn differences(maker: &mut Maker) {
    type Of<R, S> = DiffPart<'static, R, S>;
    let of = |what: &str| format!("What differs between two answers of {what}.");
    let sockets = of("listen, conns, port, proc, or the overview");
    maker.answer::<Of<SocketRow, PreviousState>>("DiffAnswer", "diff", &sockets);
    maker.answer::<Of<InspectedRow, PreviousState>>("InspectDiffAnswer", "diff", &of("inspect"));
    maker.answer::<Of<GroupRow, NoState>>("StatesDiffAnswer", "diff", &of("states"));
    maker.answer::<Of<PileRow, NoState>>("BuildupDiffAnswer", "diff", &of("buildup"));
    maker.answer::<Of<FindingRow, NoState>>("DoctorDiffAnswer", "diff", &of("doctor"));
    maker.answer::<Of<LiveValue, NoState>>("ExplainDiffAnswer", "diff", &of("explain"));
    let of = |what: &str| format!("{what} of diff.");
    maker.line::<DiffLine<DiffSocket<SocketRow>>>("DiffLine", &of("A socket"));
    maker.line::<DiffLine<DiffSocket<InspectedRow>>>("InspectDiffLine", &of("A socket of inspect"));
    maker.line::<DiffLine<GroupEvent>>("StatesDiffLine", &of("A group"));
    maker.line::<DiffLine<PileEvent>>("BuildupDiffLine", &of("A row of buildup"));
    maker.line::<DiffLine<FindingEvent>>("DoctorDiffLine", &of("A finding"));
    maker.line::<DiffLine<ValueEvent>>("ExplainDiffLine", &of("A value of explain"));
}

#[test]
fn the_schema_that_is_shipped_is_that_of_the_types() {
    let made = schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let file =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema/sockscope-v1.schema.json");
        std::fs::write(file, format!("{made:#}\n")).unwrap();
        return;
    }
    let shipped: Json = serde_json::from_str(JSON_SCHEMA).unwrap();
    assert!(
        made == shipped,
        "schema/sockscope-v1.schema.json is stale: UPDATE_SCHEMA=1 cargo test --lib schema"
    );
}
