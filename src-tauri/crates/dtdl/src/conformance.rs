//! The conformance cases of the reference parser, read from the file that `DTDL_CASES` names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io::Write,
    path::PathBuf,
};

use serde_json::{Map, Value as Json, json};

use crate::{
    Dtmi,
    check::{check, unresolved},
    context::ContextPolicy,
    graph::{Element, Graph, Value},
    lower::Lowering,
    metamodel::metamodel,
    parse::{Parsed, Parser, Policy},
    read::read,
};

/// How many of the cases must agree.
const FLOOR: f64 = 0.97;

#[test]
fn the_cases_of_the_reference_parser_agree() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let file = std::env::var_os("DTDL_CASES")
        .map_or_else(|| PathBuf::from("../shared/data/dtdl-parser-cases.jsonl"), PathBuf::from);
    let file = root.join(file);
    let Ok(text) = std::fs::read_to_string(&file) else {
        say(&format!("skipped: there is no file of cases at {}", file.display()));
        return;
    };
    let cases: Vec<Json> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).expect("each line is a case"))
        .collect();
    let differing: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            attempt(case).err().map(|why| (case["name"].as_str().unwrap_or("?"), why))
        })
        .collect();
    for (name, why) in &differing {
        say(&format!("{name}: {why}"));
    }
    let agreeing = cases.len() - differing.len();
    say(&format!("{agreeing} of {} cases agree", cases.len()));
    assert!(!cases.is_empty(), "the file of cases is empty");
    assert!(agreeing as f64 >= FLOOR * cases.len() as f64, "too few cases agree");
}

/// Says it past the test harness, which keeps the words of a test that passes to itself.
fn say(line: &str) {
    // Nobody can be told where standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A case that we cannot even run differs; the others still count.
fn attempt(case: &Json) -> Result<(), String> {
    std::panic::catch_unwind(|| run(case)).unwrap_or_else(|_| Err("the run panicked".to_owned()))
}

fn run(case: &Json) -> Result<(), String> {
    match case.get("idText") {
        Some(text) => dtmi(case, text.as_str().unwrap()),
        None => models(case),
    }
}

fn dtmi(case: &Json, text: &str) -> Result<(), String> {
    let parsed = Dtmi::parse(text);
    if parsed.is_some() != case["valid"] {
        return Err(format!("{text} is taken: {}", parsed.is_some()));
    }
    let Some(dtmi) = parsed else { return Ok(()) };
    let ours = json!({
        "MajorVersion": dtmi.major(),
        "MinorVersion": dtmi.minor(),
        "CompleteVersion": f64::from(dtmi.major()) + f64::from(dtmi.minor()) / 1e6,
        "Versionless": dtmi.versionless(),
        "Labels": dtmi.labels().collect::<Vec<_>>(),
        "IsReserved": dtmi.is_implicit(),
        "Fragment": dtmi.fragment().map(|fragment| format!("#{fragment}")).unwrap_or_default(),
    });
    differ("the DTMI", &case["expect"], &ours)
}

fn differ(what: &str, expected: &Json, ours: &Json) -> Result<(), String> {
    if expected == ours {
        return Ok(());
    }
    Err(format!("{what} is {ours}, expected {expected}"))
}

fn models(case: &Json) -> Result<(), String> {
    let parsed = parse(case);
    let rules: BTreeSet<&str> = parsed.problems.iter().map(|problem| problem.rule()).collect();
    if case["valid"] == true {
        if !rules.is_empty() {
            return Err(format!("valid, and we say {}", parsed.problems));
        }
        elements(case, &parsed)?;
        return instances(case, &parsed);
    }
    if rules.is_empty() {
        return Err(format!("invalid, and we find nothing; expected {}", case["expect"]));
    }
    let expected: Vec<&str> = case["expect"]["parsingErrors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|error| error["ValidationID"].as_str().unwrap().rsplit(':').next().unwrap())
        .collect();
    let missing = case["expect"].get("unresolvedIdentifiers").is_some();
    let found = expected.iter().any(|rule| rules.contains(rule))
        || (missing && rules.contains("unresolvedReference"))
        || (expected.is_empty() && !missing);
    if !found {
        return Err(format!("expected {expected:?}, and we say {}", parsed.problems));
    }
    for error in parsed.problems.iter() {
        if error.message.is_empty() || error.validation_id.is_empty() {
            return Err("a problem without words".to_owned());
        }
    }
    Ok(())
}

fn parse(case: &Json) -> Parsed {
    let has = |list: &str, item: &str| {
        case[list].as_array().into_iter().flatten().any(|given| given == item)
    };
    let mut policy = Policy::new(ContextPolicy {
        undefined_extensions: match () {
            () if has("options", "AllowUndefinedExtensions") => Some(true),
            () if has("options", "DisallowUndefinedExtensions") => Some(false),
            () => None,
        },
        newest: case["maxDtdlVersion"].as_u64().unwrap_or(3).try_into().unwrap(),
    });
    policy.tolerate_solecisms = has("quirks", "TolerateSolecismsInParse");
    let mut parser = Parser::new(policy);
    for document in case["input"].as_array().unwrap() {
        parser.document(document);
    }
    policy.tolerate_solecisms = has("quirks", "TolerateSolecismsInResolve");
    parser.set_policy(policy);
    for step in case["resolution"].as_array().into_iter().flatten() {
        let asked: BTreeSet<String> =
            unresolved(parser.parsed()).iter().map(|id| id.to_string()).collect();
        let request = step["request"].as_array().unwrap();
        let answered = request.iter().any(|id| asked.contains(id.as_str().unwrap()));
        for document in step["response"].as_array().into_iter().flatten().filter(|_| answered) {
            parser.document(document);
        }
    }
    let mut parsed = parser.finish();
    check(&mut parsed);
    parsed
}

fn elements(case: &Json, parsed: &Parsed) -> Result<(), String> {
    let expect = &case["expect"];
    let extended_by = extended_by(&parsed.graph);
    for wanted in expect["elements"].as_array().into_iter().flatten() {
        let id = wanted["id"].as_str().unwrap();
        let Some(element) = parsed.graph.get(id) else {
            return Err(format!("there is no {id}"));
        };
        let shown = Shown { element, graph: &parsed.graph, extended_by: &extended_by };
        for (key, value) in wanted.as_object().unwrap() {
            let what = format!("{key} of {id}");
            match key.as_str() {
                "id" => {}
                "type" => differ(&what, value, &element.class.name.as_str().into())?,
                "properties" => {
                    for (name, value) in value.as_object().unwrap() {
                        differ(&format!("{name} of {id}"), value, &shown.property(name))?;
                    }
                }
                "supplementalTypes" => differ(&what, &sorted(value), &shown.cotypes())?,
                "supplementalProperties" => differ(&what, value, &shown.cotype_properties())?,
                "undefinedTypes" => {
                    differ(&what, &sorted(value), &sorted(&json!(element.undefined_types)))?
                }
                "undefinedProperties" => {
                    let ours: Map<_, _> = element.undefined_properties.iter().cloned().collect();
                    differ(&what, value, &ours.into())?;
                }
                // Some cases give interfaces a name, which no version of the language has.
                name if !element.class.properties.iter().any(|own| own.name == name) => {}
                name => differ(&what, value, &shown.property(name))?,
            }
        }
    }
    match expect.get("elementCount") {
        Some(count) => differ("the count of elements", count, &count_all(&parsed.graph).into()),
        None => Ok(()),
    }
}

fn sorted(list: &Json) -> Json {
    let mut list: Vec<_> =
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    list.sort_unstable();
    list.into()
}

/// Own elements, and those of the language that they refer to, directly or not.
fn count_all(graph: &Graph) -> usize {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut rest: Vec<&Element> = graph.elements().collect();
    while let Some(element) = rest.pop() {
        if seen.insert(&element.id) {
            let references = element.all_values().flat_map(|(_, values)| values);
            rest.extend(references.filter_map(Value::as_reference).filter_map(|id| graph.get(id)));
        }
    }
    seen.len()
}

fn extended_by(graph: &Graph) -> BTreeMap<&str, Vec<&str>> {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for interface in graph.interfaces() {
        for base in interface.references("extends") {
            users.entry(base).or_default().push(&interface.id);
        }
    }
    users
}

struct Shown<'a> {
    element: &'a Element,
    graph: &'a Graph,
    extended_by: &'a BTreeMap<&'a str, Vec<&'a str>>,
}

impl Shown<'_> {
    fn property(&self, name: &str) -> Json {
        let element = self.element;
        match name {
            "languageMajorVersion" => element.version.into(),
            "definedIn" => json!(element.defined_in),
            "extendedBy" => json!(self.extended_by.get(&*element.id).cloned().unwrap_or_default()),
            "extends" | "schemas" | "fields" | "enumValues" => json!(self.ids(name)),
            "writable" => element.boolean("writable").into(),
            "contents" => self.contents(""),
            "commands" => self.contents("Command"),
            "components" => self.contents("Component"),
            "relationships" => self.contents("Relationship"),
            "telemetries" => self.contents("Telemetry"),
            "properties" if element.is("Interface") => self.contents("Property"),
            "properties" => json!(self.ids(name)),
            "displayName" | "description" if element.value(name).is_none() => json!({}),
            _ => element.value(name).map_or(Json::Null, shown),
        }
    }

    fn ids(&self, property: &str) -> Vec<&str> {
        self.element.references(property).map(|id| &**id).collect()
    }

    /// Contents with the inherited ones, by name.
    fn contents(&self, class: &str) -> Json {
        let mut found = Map::new();
        let mut rest = vec![self.element];
        while let Some(interface) = rest.pop() {
            for content in self.graph.children(interface, "contents") {
                if class.is_empty() || content.is(class) {
                    found.insert(content.string("name").unwrap().to_string(), json!(content.id));
                }
            }
            rest.extend(self.graph.children(interface, "extends"));
        }
        found.into()
    }

    fn cotypes(&self) -> Json {
        let ids: Vec<_> = self.element.cotypes.iter().map(|cotype| cotype.id.as_str()).collect();
        sorted(&json!(ids))
    }

    fn cotype_properties(&self) -> Json {
        let of_class =
            |name: &str| self.element.class.properties.iter().any(|own| own.name == name);
        let properties = self.element.all_values().filter(|(name, _)| !of_class(name));
        properties
            .map(|(name, values)| {
                let value = shown(&values[0]);
                // The reference parser holds durations as spans of time.
                let value = if name.ends_with(":ttl") {
                    span(value.as_str().unwrap()).into()
                } else {
                    value
                };
                (name.to_owned(), value)
            })
            .collect::<Map<_, _>>()
            .into()
    }
}

fn span(duration: &str) -> String {
    let mut number = 0;
    let mut seconds = 0;
    for char in duration.chars() {
        match char {
            '0'..='9' => number = number * 10 + u64::from(char as u8 - b'0'),
            'D' => seconds += std::mem::take(&mut number) * 86_400,
            'H' => seconds += std::mem::take(&mut number) * 3_600,
            'M' => seconds += std::mem::take(&mut number) * 60,
            'S' => seconds += std::mem::take(&mut number),
            _ => {}
        }
    }
    let days = match seconds / 86_400 {
        0 => String::new(),
        days => format!("{days}."),
    };
    format!("{days}{:02}:{:02}:{:02}", seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60)
}

fn shown(value: &Value) -> Json {
    match value {
        Value::String(text) | Value::Iri(text) | Value::Element(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Number(number) => json!(number),
        Value::Boolean(value) => json!(value),
        Value::Text(texts) => json!(texts),
        Value::Json(value) => value.clone(),
    }
}

fn instances(case: &Json, parsed: &Parsed) -> Result<(), String> {
    let documents = BTreeMap::new();
    let mut lowering = Lowering::new(&parsed.graph, &documents, std::iter::empty());
    for instance in case["instances"].as_array().into_iter().flatten() {
        let subject = instance["subject"].as_str().unwrap();
        let submitted = instance["submit"].as_str().unwrap();
        let schema = lowering.schema(&subject.into());
        if instance["throws"] == true {
            if schema.is_some() {
                return Err(format!("{subject} is taken for a schema"));
            }
            continue;
        }
        let schema = schema.ok_or(format!("{subject} is no schema"))?;
        let conforms = read(submitted.as_bytes()).is_ok_and(|value| schema.check(&value).is_ok());
        if conforms != instance["conforms"] {
            return Err(format!("{submitted} conforms to {subject}: {conforms}"));
        }
    }
    Ok(())
}

#[test]
fn short_names_are_unambiguous_enough_to_show() {
    assert_eq!(metamodel().short_name("dtmi:standard:unit:degreeCelsius;2"), "degreeCelsius");
    assert_eq!(metamodel().short_name("dtmi:x:y;1"), "dtmi:x:y;1");
}
