//! A page of `explain` in JSON.

use serde::{Serialize, Serializer};

use crate::analyze::states::Counts;
use crate::explain::live::Reading;
use crate::explain::{LiveFact, Point, Topic};
use crate::json::stream::{EventRow, figure, known_by};
use crate::model::{Kernel, Record, State};

/// A page: also the answer of `explain TOPIC`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Page<'a> {
    /// What it is asked by.
    topic: &'static str,
    /// What it is, in half a line.
    title: &'static str,
    /// The states that its drawing marks.
    states: Vec<State>,
    /// What there is to know.
    points: Vec<PointEntry>,
    /// When doctor speaks of it, one line a severity; empty when the topic is no finding.
    thresholds: &'a [String],
    /// The values of this host that belong to it.
    live: Vec<LiveValue>,
}

impl<'a> Page<'a> {
    /// The page of a topic, with the values of a host.
    #[must_use]
    pub fn new(
        topic: &Topic,
        kernel: &Kernel,
        counts: Option<&Counts>,
        thresholds: &'a [String],
    ) -> Self {
        let live = topic.live.iter();
        Self {
            topic: topic.name,
            title: topic.title,
            states: topic.drawing.states(),
            points: topic.points.iter().map(PointEntry::new).collect(),
            thresholds,
            live: live
                .map(|live| LiveValue::new(live, kernel, counts))
                .collect(),
        }
    }
}

impl EventRow for Page<'_> {
    const NAME: &'static str = "page";

    /// Its texts are always the same.
    fn record(&self) -> Record {
        known_by(&self.topic).with("live", figure(&self.live))
    }
}

/// A heading, and what there is to say under it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Point"))]
struct PointEntry {
    /// A word or two.
    heading: &'static str,
    /// One paragraph.
    text: &'static str,
}

impl PointEntry {
    const fn new(point: &Point) -> Self {
        Self {
            heading: point.heading,
            text: point.text,
        }
    }
}

/// A value of this host.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LiveValue {
    /// The name of the sysctl, of the counter as nstat spells it, of the state.
    name: String,
    /// The number, or the text of what is no single number; null where it is not known.
    value: Option<Reading>,
    /// What is counted: s, bytes, /s; null for a bare number.
    unit: Option<&'static str>,
    /// What the value means.
    meaning: &'static str,
}

impl LiveValue {
    fn new(live: &LiveFact, kernel: &Kernel, counts: Option<&Counts>) -> Self {
        Self {
            name: live.name(),
            value: live.value(kernel, counts),
            unit: Some(live.unit()).filter(|unit| !unit.is_empty()),
            meaning: live.meaning(),
        }
    }
}

impl Serialize for Reading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
impl schemars::JsonSchema for Reading {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Value".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["integer", "string"], "minimum": 0})
    }
}

/// The answer of `explain` without a topic.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TopicsAnswer {
    /// Every topic, in the order in which one would learn them.
    topics: Vec<TopicRow>,
}

impl TopicsAnswer {
    /// All topics.
    #[must_use]
    pub fn all() -> Self {
        Self {
            topics: crate::explain::topics().map(TopicRow::new).collect(),
        }
    }
}

/// A topic of `explain`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Topic"))]
pub struct TopicRow {
    /// What it is asked by.
    topic: &'static str,
    /// What it is, in half a line.
    title: &'static str,
}

impl TopicRow {
    /// One topic.
    #[must_use]
    pub const fn new(topic: &Topic) -> Self {
        Self {
            topic: topic.name,
            title: topic.title,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::explain::find;

    fn to_json(
        topic: &Topic,
        kernel: &Kernel,
        counts: Option<&Counts>,
        thresholds: &[String],
    ) -> Json {
        serde_json::to_value(Page::new(topic, kernel, counts, thresholds)).unwrap()
    }

    #[test]
    fn json_has_numbers_where_they_are() {
        let mut kernel = Kernel::default();
        kernel.set("net.ipv4.ip_local_port_range", "32768\t60999");
        kernel.set("net.ipv4.tcp_tw_reuse", "2");
        let topic = find("ephemeral_ports").unwrap();
        let json = to_json(topic, &kernel, None, &["from 50 %".to_owned()]);
        assert_eq!(json["topic"], "ephemeral-ports");
        assert_eq!(json["states"], json!([]));
        assert_eq!(json["thresholds"], json!(["from 50 %"]));
        assert_eq!(json["points"][0]["heading"], "is");
        assert_eq!(json["live"][0]["value"], "32768 60999");
        assert_eq!(json["live"][1]["value"], 28_232);
        assert_eq!(json["live"][2]["unit"], "/s");
        assert_eq!(json["live"][3]["value"], 2);
        assert_eq!(json["live"][4]["value"], Json::Null);
        let json = to_json(find("TIME_OUT").unwrap(), &kernel, None, &[]);
        assert_eq!(json["states"], json!(["TIME_WAIT"]));
    }

    #[test]
    fn what_is_not_known_is_null() {
        let topic = find("close-wait").unwrap();
        let json = to_json(topic, &Kernel::default(), None, &[]);
        let mut values = json["live"].as_array().unwrap().iter();
        assert!(values.all(|live| live["value"].is_null()));
    }
}
