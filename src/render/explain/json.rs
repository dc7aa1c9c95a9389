//! A page of `explain` in JSON.

use serde_json::{Value as Json, json};

use crate::analyze::states::Counts;
use crate::explain::Topic;
use crate::explain::live::Value;
use crate::model::Kernel;

/// The members of a page in JSON: title, marked states, points, thresholds and live values.
#[must_use]
pub fn members(
    topic: &Topic,
    kernel: &Kernel,
    counts: Option<&Counts>,
    thresholds: &[String],
) -> [(&'static str, Json); 6] {
    let states = topic.drawing.states().into_iter();
    let points = topic
        .points
        .iter()
        .map(|point| json!({"heading": point.heading, "text": point.text}));
    let live = topic.live.iter().map(|live| {
        json!({
            "name": live.name(),
            "value": match live.value(kernel, counts) {
                None => Json::Null,
                Some(Value::Number(number)) => number.into(),
                Some(Value::Text(text)) => text.into(),
            },
            "unit": Some(live.unit()).filter(|unit| !unit.is_empty()),
            "meaning": live.meaning(),
        })
    });
    [
        ("topic", topic.name.into()),
        ("title", topic.title.into()),
        ("states", states.map(|state| state.to_string()).collect()),
        ("points", points.collect()),
        ("thresholds", thresholds.into()),
        ("live", live.collect()),
    ]
}

/// The list of topics in JSON.
#[must_use]
pub fn topics() -> Json {
    let objects =
        crate::explain::topics().map(|topic| json!({"topic": topic.name, "title": topic.title}));
    objects.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::find;

    fn to_json(
        topic: &Topic,
        kernel: &Kernel,
        counts: Option<&Counts>,
        thresholds: &[String],
    ) -> Json {
        let members = members(topic, kernel, counts, thresholds).into_iter();
        Json::Object(
            members
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
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
