//! A run of `doctor`, whose form is checked whatever it says.

use super::{Answer, Run, json};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Every rule, as the program lists them; `docs/readme.rs` holds that list against the README.
pub fn rules() -> BTreeSet<&'static str> {
    static LIST: LazyLock<Value> = LazyLock::new(|| json(&["doctor", "--list", "--json"]));
    let rules = LIST["rules"].as_array().unwrap().iter();
    rules.map(|rule| rule["id"].as_str().unwrap()).collect()
}

/// The severities, the least first.
pub const SEVERITIES: [&str; 3] = ["info", "warning", "critical"];

/// What doctor said.
#[derive(Debug)]
pub struct Diagnosis {
    pub answer: Answer,
    pub told: Value,
}

impl Diagnosis {
    /// `doctor --json` with these arguments.
    pub fn of(arguments: &[&str]) -> Self {
        Self::by(Run::new(&["doctor", "--json"]).args(arguments))
    }

    /// With all rules, over a short time: for what does not need to be a second old.
    pub fn short() -> Self {
        Self::of(&["--for", "300ms"])
    }

    /// A run of `doctor --json` that was made ready elsewhere.
    pub fn by(run: Run) -> Self {
        let answer = run.output();
        assert!((0..=1).contains(&answer.code()), "{answer:?}");
        let told = answer.json();
        let diagnosis = Self { answer, told };
        diagnosis.check();
        diagnosis
    }

    /// The exit code.
    pub fn code(&self) -> i32 {
        self.answer.code()
    }

    /// Every finding.
    pub fn findings(&self) -> &Vec<Value> {
        self.told["findings"].as_array().unwrap()
    }

    /// The findings of one rule.
    pub fn of_rule(&self, id: &str) -> Vec<&Value> {
        let is_it = |finding: &&Value| finding["id"] == id;
        self.findings().iter().filter(is_it).collect()
    }

    /// The one finding of this rule.
    pub fn one(&self, id: &str) -> &Value {
        let found = self.of_rule(id);
        assert_eq!(found.len(), 1, "one {id} wanted: {}", self.told);
        found[0]
    }

    /// The finding of this rule whose subject has `key` with this value, if there is one.
    pub fn about(&self, id: &str, key: &str, value: impl Into<Value>) -> Option<&Value> {
        let value = value.into();
        let is_it = |finding: &&Value| finding["subject"][key] == value;
        let mut found = self.of_rule(id).into_iter().filter(is_it);
        let first = found.next();
        assert!(found.next().is_none(), "{id} twice: {}", self.told);
        first
    }

    /// The severity of [`Self::about`]; `None` where there is no finding.
    pub fn severity(&self, id: &str, key: &str, value: impl Into<Value>) -> Option<&str> {
        self.about(id, key, value)?["severity"].as_str()
    }

    /// Asserts that this rule has run and found nothing.
    pub fn silent(&self, id: &str) {
        assert!(self.has_checked(id), "{id} did not run: {}", self.told);
        assert_eq!(self.of_rule(id), Vec::<&Value>::new());
    }

    /// Whether this rule has run.
    pub fn has_checked(&self, id: &str) -> bool {
        let checked = self.told["checked"].as_array().unwrap();
        checked.iter().any(|checked| checked == id)
    }

    /// Why this rule has not run.
    pub fn reason(&self, id: &str) -> Option<&str> {
        let not = self.told["not_checked"].as_array().unwrap();
        let entry = not.iter().find(|entry| entry["id"] == id)?;
        entry["reason"].as_str()
    }

    /// Every finding that is a warning or worse.
    pub fn alarms(&self) -> Vec<&Value> {
        let loud = |finding: &&Value| finding["severity"] != "info";
        self.findings().iter().filter(loud).collect()
    }

    /// Asserts that nothing at all was found.
    pub fn healthy(&self) {
        assert_eq!(self.findings(), &Vec::<Value>::new());
        assert_eq!(self.code(), 0, "{:?}", self.answer);
    }

    /// What the contract says of every answer.
    fn check(&self) {
        let told = &self.told;
        assert_eq!(told["command"], "doctor", "{told}");
        assert!(told["sampled_ms"].is_u64(), "{told}");
        for finding in self.findings() {
            check_finding(finding);
            let id = finding["id"].as_str().unwrap();
            assert!(self.has_checked(id), "{id} found, not checked: {told}");
        }
        let mut seen = BTreeSet::new();
        for id in told["checked"].as_array().unwrap() {
            assert!(seen.insert(id.as_str().unwrap()), "{id} twice: {told}");
        }
        for entry in told["not_checked"].as_array().unwrap() {
            let id = entry["id"].as_str().unwrap();
            assert!(seen.insert(id), "{id} twice: {told}");
            assert!(!entry["reason"].as_str().unwrap().is_empty(), "{entry}");
        }
    }
}

/// What the contract says of every finding.
fn check_finding(finding: &Value) {
    let text = |name: &str| {
        let text = finding[name].as_str();
        text.unwrap_or_else(|| panic!("no {name} in {finding}"))
    };
    assert!(rules().contains(text("id")), "{finding}");
    assert!(SEVERITIES.contains(&text("severity")), "{finding}");
    for name in ["title", "cause"] {
        assert!(!text(name).is_empty(), "no {name} in {finding}");
    }
    assert!(finding["subject"].is_object(), "{finding}");
    let evidence = finding["evidence"].as_object().unwrap();
    assert!(!evidence.is_empty(), "{finding}");
    assert!(evidence.values().all(Value::is_number), "{finding}");
    let remedy = finding["remedy"].as_array().unwrap();
    let words = |step: &Value| step.as_str().is_some_and(|step| !step.is_empty());
    assert!(!remedy.is_empty() && remedy.iter().all(words), "{finding}");
}

/// One number of a finding's evidence.
pub fn number(finding: &Value, name: &str) -> u64 {
    finding["evidence"][name]
        .as_u64()
        .unwrap_or_else(|| panic!("no count {name} in {finding}"))
}

/// One rate of a finding's evidence.
pub fn rate(finding: &Value, name: &str) -> f64 {
    finding["evidence"][name]
        .as_f64()
        .unwrap_or_else(|| panic!("no rate {name} in {finding}"))
}

/// The remedy as one text.
pub fn remedy(finding: &Value) -> String {
    let steps = finding["remedy"].as_array().unwrap().iter();
    steps
        .map(|step| step.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}
