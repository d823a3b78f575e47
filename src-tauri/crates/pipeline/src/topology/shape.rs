//! What is wrong with the shape of a `topology.json`: every part is read by itself, so
//! that all of it is told at once, each with its place.

use super::spec::{
    Endpoint2019Spec, EndpointSpec, FunctionSpec, RouteSpec, SinkSpec, SourceSpec, SubscriptionSpec,
};
use super::{TopologyProblem, pointer};
use serde::Deserialize;
use serde_json::{Map, Value};

const SECTIONS: [&str; 7] =
    ["sources", "functions", "endpoints", "endpoints2019", "routes", "subscriptions", "sinks"];

/// All that keeps a text from being read as a topology; `error` is what reading it met first.
pub(super) fn problems(text: &str, error: Option<serde_json::Error>) -> Vec<TopologyProblem> {
    let found = serde_json::from_str(text).map(|document| of_document(&document));
    match (found, error) {
        (Ok(found), _) if !found.is_empty() => found,
        // It is no JSON, or has a name twice.
        (_, Some(error)) => {
            let path = format!("line {}, column {}", error.line(), error.column());
            let message = format!("{}. Mend the file and save it.", sentence(&error.to_string()));
            vec![TopologyProblem { path, message }]
        }
        _ => Vec::new(),
    }
}

fn of_document(document: &Value) -> Vec<TopologyProblem> {
    let Value::Object(whole) = document else {
        return vec![problem(&[], "a topology is a JSON object")];
    };
    let mut found = Vec::new();
    for (name, value) in whole {
        match name.as_str() {
            "$schema" if value.is_string() => {}
            "$schema" => found.push(problem(&[name], "it must be a text")),
            _ if SECTIONS.contains(&name.as_str()) => {}
            _ => {
                let there = SECTIONS.join("», «");
                found.push(problem(&[name], &format!("a topology has «{there}»")));
            }
        }
    }
    section::<SourceSpec>(whole, "sources", &mut found);
    section::<FunctionSpec>(whole, "functions", &mut found);
    section::<EndpointSpec>(whole, "endpoints", &mut found);
    section::<Endpoint2019Spec>(whole, "endpoints2019", &mut found);
    section::<RouteSpec>(whole, "routes", &mut found);
    section::<SubscriptionSpec>(whole, "subscriptions", &mut found);
    section::<SinkSpec>(whole, "sinks", &mut found);
    found
}

fn section<'a, T: Deserialize<'a>>(
    whole: &'a Map<String, Value>,
    name: &str,
    found: &mut Vec<TopologyProblem>,
) {
    match whole.get(name) {
        None => {}
        Some(Value::Object(parts)) => {
            let wrong = |(id, part)| Some((id, T::deserialize(part).err()?));
            found.extend(parts.iter().filter_map(wrong).map(|(id, error): (&String, _)| {
                problem(&[name, id], &sentence(&error.to_string()))
            }));
        }
        Some(_) => found.push(problem(&[name], "it must be an object, with a name for each part")),
    }
}

fn problem(path: &[&str], message: &str) -> TopologyProblem {
    TopologyProblem {
        path: pointer(path),
        message: format!("{message}. Mend the file and save it."),
    }
}

/// A sentence of serde's in words that this program uses.
fn sentence(text: &str) -> String {
    let quoted: String = text.split('`').enumerate().map(quoted).collect();
    if let Some((name, known)) = parted(&quoted, "unknown variant ") {
        return format!("{name} is not known here; write {known}");
    }
    if let Some((name, known)) = parted(&quoted, "unknown field ") {
        return format!(
            "there is no {name} here; there can be {}",
            known.trim_start_matches("one of ")
        );
    }
    if let Some(name) = quoted.strip_prefix("missing field ") {
        return format!("{name} is missing");
    }
    let mismatch =
        quoted.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "));
    match mismatch {
        Some((there, wanted)) => {
            format!("{} stands where {} is wanted", thing(there), kind(wanted))
        }
        None => quoted,
    }
}

/// Every second part stands between backticks.
fn quoted((index, part): (usize, &str)) -> String {
    if index % 2 == 1 { format!("«{part}»") } else { part.to_owned() }
}

/// The name of what is not known, and what there is instead.
fn parted<'a>(text: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let (name, known) = text.strip_prefix(start)?.split_once(", ")?;
    Some((name, known.trim_start_matches("expected ")))
}

/// What stands there. A text is not said again: somebody may have written a connection string where
/// the name of a secret is wanted.
fn thing(there: &str) -> String {
    match there.split_once(' ') {
        Some(("boolean", value)) => value.to_owned(),
        Some(("integer", value)) => format!("the number {value}"),
        Some(("floating", value)) => format!("the number {}", value.trim_start_matches("point ")),
        Some(("string", _)) => "a text".to_owned(),
        _ => kind(there).to_owned(),
    }
}

/// What kind of value.
fn kind(name: &str) -> &str {
    match name {
        "map" | "a map" => "an object",
        "sequence" | "a sequence" => "a list",
        "a string" => "a text",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if name.starts_with("struct ") || name.contains("enum ") => "an object",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Topology;

    #[test]
    fn all_is_told_at_once_with_its_place() {
        let text = r#"{
            "sources": {"hub": {"kind": "iotHub", "devices": "d1", "function": "in"}},
            "functions": {"in": {"kind": "ingest", "map": [{"from": 5}]}, "up": 7, "b/c": {}},
            "endpoints": {"fax": {"kind": "fax"}, "grid": {"kind": "eventGrid", "colour": "red"}},
            "endpoints2019": 7,
            "routes": {"all": {"endpoint": "grid"}},
            "subscriptions": {},
            "sinks": {"s": {"kind": "eventHub", "connection": {"secret": null}}},
            "sinkz": {}
        }"#;
        let problems = Topology::parse(text).unwrap_err();
        for (path, words) in [
            ("/sources/hub", "a text stands where a list is wanted"),
            ("/functions/in", "the number «5» stands where a text is wanted"),
            ("/functions/up", "the number «7» stands where an object is wanted"),
            ("/functions/b~1c", "«kind» is missing"),
            ("/endpoints/fax", "«fax» is not known here; write one of «eventGrid»"),
            ("/endpoints/grid", "there is no «colour» here; there can be «kind»"),
            ("/endpoints2019", "it must be an object"),
            ("/routes/all", "«filter» is missing"),
            ("/sinks/s", "null stands where a text is wanted"),
            ("/sinkz", "a topology has «sources»"),
        ] {
            let told = |problem: &&TopologyProblem| problem.path == path;
            let message = problems.iter().find(told).map(|problem| problem.message.as_str());
            let message = message.unwrap_or_default();
            assert!(message.contains(words), "{path}: {message}\n{problems:#?}");
        }
        assert_eq!(problems.len(), 10, "{problems:#?}");
        assert_eq!(Topology::parse("[]").unwrap_err().len(), 1);
        let secret =
            r#"{"endpoints": {"hub": {"kind": "eventHub", "primary": "SharedAccessKey=abc"}}}"#;
        let told = Topology::parse(secret).unwrap_err()[0].to_string();
        assert_eq!(
            told,
            "/endpoints/hub: a text stands where an object is wanted. Mend the file and save it."
        );
        assert!(Topology::parse("{").unwrap_err()[0].path.starts_with("line 1"));
    }
}
