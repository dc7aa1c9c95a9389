//! The schema that is shipped, and a strict one made from it: no unknown key, no unknown value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use jsonschema::Validator;
use serde_json::{Map, Value, json as value};

use common::Run;

/// Validates what is written, and remembers which keys of the schema occurred.
#[derive(Debug)]
pub struct Judge {
    shipped: Value,
    strict: Value,
    seen: Mutex<BTreeSet<String>>,
    /// Those made so far, by definition: to make one takes longer than to use it.
    validators: Mutex<BTreeMap<String, Arc<Validator>>>,
    /// The validator that users have, of anything at all.
    anything: Validator,
}

impl Judge {
    /// With the schema as the program prints it.
    pub fn new() -> Self {
        let shipped = Run::new(&["schema"]).json();
        let mut strict = shipped.clone();
        close(&mut strict);
        Self {
            anything: validator(&shipped),
            shipped,
            strict,
            seen: Mutex::default(),
            validators: Mutex::default(),
        }
    }

    /// The answer to these arguments, in both forms: the one of `name`, and lines of `line`.
    pub fn both(&self, name: &str, line: &str, arguments: &[&str]) -> (Value, Vec<Value>) {
        let run = || Run::new(arguments);
        (self.answer(name, run()), self.lines(line, run()))
    }

    /// One answer in JSON: valid as what it is, as any answer, and as anything at all.
    pub fn answer(&self, name: &str, run: Run) -> Value {
        let told = run.args(&["--json"]).output();
        assert!((0..=1).contains(&told.code()), "{told:?}");
        let told = told.json();
        self.check(&[name, "Answer"], &told);
        told
    }

    /// Answers in lines, each valid as what it is, as any line, and as anything at all.
    pub fn lines(&self, name: &str, run: Run) -> Vec<Value> {
        let told = run.args(&["--format=ndjson"]).output();
        assert!((0..=1).contains(&told.code()), "{told:?}");
        let lines = told.stdout.lines().map(serde_json::from_str);
        let lines: Vec<Value> = lines.map(Result::unwrap).collect();
        let (named, any) = (self.strictly(name), self.strictly("Line"));
        for line in &lines {
            for validator in [&named, &any, &self.anything] {
                valid(validator, line, name);
            }
            self.note(&self.strict["$defs"][name], name, line);
        }
        lines
    }

    /// Events, each valid as `name`, or as what else happens to a stream.
    pub fn events(&self, name: &str, events: &[Value]) {
        let names = [name, "BehindEventLine", "ProblemEventLine"];
        let validators = names.map(|name| self.strictly(name));
        let any = self.strictly("Line");
        let mut kinds = BTreeSet::new();
        for event in events {
            let kind = match event["event"].as_str() {
                Some("behind") => 1,
                Some("problem") => 2,
                _ => 0,
            };
            valid(&validators[kind], event, names[kind]);
            // To try all alternatives takes long.
            if kinds.insert(event["event"].to_string()) {
                valid(&any, event, "Line");
            }
            self.note(&self.strict["$defs"][names[kind]], names[kind], event);
        }
    }

    fn check(&self, names: &[&str], told: &Value) {
        for name in names {
            valid(&self.strictly(name), told, name);
        }
        valid(&self.anything, told, "the schema");
        self.note(&self.strict["$defs"][names[0]], names[0], told);
    }

    /// A strict validator of one definition.
    pub fn strictly(&self, name: &str) -> Arc<Validator> {
        assert!(self.strict["$defs"].get(name).is_some(), "no {name}");
        let make = || {
            Arc::new(validator(&value!({
                "$ref": format!("#/$defs/{name}"),
                "$defs": self.strict["$defs"],
            })))
        };
        let mut validators = self.validators.lock().unwrap();
        let known = validators.entry(name.to_owned());
        Arc::clone(known.or_insert_with(make))
    }

    /// The validator that users have, of one definition.
    pub fn loosely(&self, name: &str) -> Validator {
        validator(&value!({
            "$ref": format!("#/$defs/{name}"),
            "$defs": self.shipped["$defs"],
        }))
    }

    /// Walks schema and instance together, and remembers each key with a value or with null.
    fn note(&self, schema: &Value, place: &str, told: &Value) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.trim_start_matches("#/$defs/");
            self.note(&self.strict["$defs"][name], name, told);
        }
        for option in schema["anyOf"].as_array().into_iter().flatten() {
            self.note(option, place, told);
        }
        for item in told.as_array().into_iter().flatten() {
            self.note(&schema["items"], place, item);
        }
        for (key, schema) in properties(schema) {
            if let Some(told) = told.get(key) {
                let what = if told.is_null() { "null" } else { "value" };
                let place = named(place, key);
                let seen = format!("{place}: {what}");
                self.seen.lock().unwrap().insert(seen);
                self.note(schema, &place, told);
            }
        }
    }

    /// The keys of the schema that never had a value, or never null where they may be null.
    pub fn unseen(&self) -> BTreeSet<String> {
        let mut wanted = BTreeSet::new();
        for (name, schema) in self.strict["$defs"].as_object().unwrap() {
            promises(schema, name, &mut wanted);
        }
        wanted
            .difference(&self.seen.lock().unwrap())
            .cloned()
            .collect()
    }
}

/// What a definition says that there is: each key with a value, and with null where that may be.
fn promises(schema: &Value, place: &str, wanted: &mut BTreeSet<String>) {
    for option in schema["anyOf"].as_array().into_iter().flatten() {
        promises(option, place, wanted);
    }
    for (key, schema) in properties(schema) {
        let place = named(place, key);
        wanted.insert(format!("{place}: value"));
        let is_null = |kind: &Value| kind["type"] == "null";
        let options = schema["anyOf"].as_array();
        let types = schema["type"].as_array();
        if options.is_some_and(|options| options.iter().any(is_null))
            || types.is_some_and(|types| types.contains(&value!("null")))
        {
            wanted.insert(format!("{place}: null"));
        }
        promises(schema, &place, wanted);
    }
}

/// A key of a definition; those that every answer has are counted once.
fn named(place: &str, key: &str) -> String {
    let shared = ["collector", "owners_from", "complete", "problems"];
    let place = if shared.contains(&key) {
        "Answer"
    } else {
        place
    };
    format!("{place}.{key}")
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::iter)
}

/// Closes every object that names its keys, and every list of values that may grow.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") && !object.contains_key("additionalProperties") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
            if let Some(known) = object.remove("examples") {
                object.insert("enum".to_owned(), known);
            }
            object.values_mut().for_each(close);
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

fn validator(schema: &Value) -> Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).unwrap()
}

#[track_caller]
fn valid(validator: &Validator, told: &Value, name: &str) {
    let errors = validator.iter_errors(told);
    let errors: Vec<_> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "not a valid {name}: {errors:#?}\n{told}");
}
