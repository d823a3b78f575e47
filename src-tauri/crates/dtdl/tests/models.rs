//! The collection of models as others use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtdl::{ContentKind, Models, ParseOptions, ProblemKind, Schema};
use serde_json::{Value, json};

fn interface(id: &str, more: Value) -> Value {
    let mut document = json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface"});
    let map = document.as_object_mut().unwrap();
    map.extend(more.as_object().unwrap().clone());
    document
}

fn add(models: &mut Models, documents: &[Value]) -> Result<(), dtdl::Problems> {
    models.add(documents, &ParseOptions::default()).map(drop)
}

fn building() -> Models {
    let mut models = Models::new();
    add(
        &mut models,
        &[
            interface("dtmi:x:Room;1", json!({
                "extends": "dtmi:x:Space;1",
                "displayName": {"en": "Room", "de": "Raum"},
                "contents": [
                    {"@type": "Property", "name": "temperature", "schema": "double", "writable": true},
                    {"@type": "Telemetry", "name": "motion", "schema": "boolean"},
                    {"@type": "Component", "name": "thermostat", "schema": "dtmi:x:Thermostat;1"},
                    {"@type": "Relationship", "name": "next", "target": "dtmi:x:Room;1", "maxMultiplicity": 4,
                     "properties": [{"@type": "Property", "name": "door", "schema": "string"}]}
                ]
            })),
            interface("dtmi:x:Thermostat;1", json!({
                "contents": [{"@type": "Property", "name": "mode", "schema": {
                    "@type": "Enum", "valueSchema": "integer",
                    "enumValues": [{"name": "off", "enumValue": 0}, {"name": "heat", "enumValue": 1}]
                }}]
            })),
            interface("dtmi:x:Space;1", json!({
                "contents": [{"@type": "Property", "name": "area", "schema": "double"}],
                "schemas": []
            })),
        ],
    )
    .unwrap();
    models
}

#[test]
fn contents_are_inherited_with_their_origin() {
    let models = building();
    let room = models.get("dtmi:x:Room;1").unwrap();
    assert_eq!(room.contents.len(), 5);
    assert_eq!(&*room.contents["area"].origin, "dtmi:x:Space;1");
    assert_eq!(&*room.contents["temperature"].origin, "dtmi:x:Room;1");
    assert!(room.property("temperature").unwrap().writable);
    assert!(room.property("motion").is_none());
    assert_eq!(**room.telemetry("motion").unwrap().schema, Schema::Boolean);
    assert_eq!(&**room.component("thermostat").unwrap(), "dtmi:x:Thermostat;1");
    let next = room.relationship("next").unwrap();
    assert_eq!(next.target.as_deref(), Some("dtmi:x:Room;1"));
    assert_eq!(next.max_multiplicity, Some(4));
    assert!(matches!(next.properties["door"].kind, ContentKind::Property { .. }));
    assert_eq!(room.display_name.get("de-AT"), Some("Raum"));
    assert_eq!(room.display_name.get("fr"), Some("Room"));
}

#[test]
fn inheritance_and_dependencies() {
    let models = building();
    assert!(models.is_a("dtmi:x:Room;1", "dtmi:x:Space;1"));
    assert!(models.is_a("dtmi:x:Room;1", "dtmi:x:Room;1"));
    assert!(!models.is_a("dtmi:x:Space;1", "dtmi:x:Room;1"));
    assert!(!models.is_a("dtmi:x:Nothing;1", "dtmi:x:Nothing;1"));
    let order = models.dependencies("dtmi:x:Room;1");
    assert_eq!(order.len(), 3);
    assert_eq!(&**order.last().unwrap(), "dtmi:x:Room;1");
    let ids: Vec<_> = models.iter().map(|model| model.id.to_string()).collect();
    assert_eq!(ids, ["dtmi:x:Room;1", "dtmi:x:Space;1", "dtmi:x:Thermostat;1"]);
}

#[test]
fn a_later_call_builds_on_what_is_there() {
    let mut models = building();
    add(
        &mut models,
        &[interface(
            "dtmi:x:Office;1",
            json!({
                "extends": "dtmi:x:Room;1",
                "contents": [{"@type": "Property", "name": "desks", "schema": "integer"}]
            }),
        )],
    )
    .unwrap();
    let office = models.get("dtmi:x:Office;1").unwrap();
    assert_eq!(office.contents.len(), 6);
    assert!(models.is_a("dtmi:x:Office;1", "dtmi:x:Space;1"));
    let clash = interface(
        "dtmi:x:Lab;1",
        json!({
            "extends": "dtmi:x:Office;1",
            "contents": [{"@type": "Property", "name": "area", "schema": "double"}]
        }),
    );
    let problems = add(&mut models, &[clash]).unwrap_err();
    assert_eq!(problems.0[0].rule(), "nonUniqueImportedPropertyValue");
}

#[test]
fn all_or_nothing_and_all_problems_at_once() {
    let mut models = building();
    let before = models.clone();
    let problems = add(
        &mut models,
        &[
            interface("dtmi:x:Good;1", json!({})),
            interface("dtmi:x:Room;1", json!({})),
            interface(
                "dtmi:x:Bad;1",
                json!({
                    "contents": [
                        {"@type": "Property", "name": "9lives", "schema": "double"},
                        {"@type": "Property", "name": "other", "schema": "doubl"},
                        {"@type": "Component", "name": "part", "schema": "dtmi:x:Missing;1"}
                    ]
                }),
            ),
        ],
    )
    .unwrap_err();
    let kinds: Vec<_> = problems.iter().map(|problem| problem.kind).collect();
    assert!(kinds.contains(&ProblemKind::AlreadyExists), "{problems}");
    assert!(kinds.contains(&ProblemKind::Unresolved), "{problems}");
    assert!(problems.iter().any(|problem| problem.rule() == "stringInvalid"), "{problems}");
    assert!(problems.iter().any(|problem| problem.rule() == "badDtmiOrTerm"), "{problems}");
    assert_eq!(models.len(), before.len());
    assert!(models.get("dtmi:x:Good;1").is_none());
}

#[test]
fn removal_is_refused_while_others_need_it() {
    let mut models = building();
    let problems = models.remove("dtmi:x:Space;1").unwrap_err();
    assert_eq!(problems.0[0].kind, ProblemKind::InUse);
    let problems = models.remove("dtmi:x:Thermostat;1").unwrap_err();
    assert_eq!(problems.0[0].kind, ProblemKind::InUse);
    assert_eq!(models.remove("dtmi:x:None;1").unwrap_err().0[0].kind, ProblemKind::NotFound);
    models.remove("dtmi:x:Room;1").unwrap();
    models.remove("dtmi:x:Space;1").unwrap();
    assert_eq!(models.len(), 1);
}

#[test]
fn replacing_resolves_dependants_again() {
    let mut models = building();
    let wider = interface(
        "dtmi:x:Space;1",
        json!({
            "contents": [{"@type": "Property", "name": "volume", "schema": "double"}]
        }),
    );
    let replaced = models.replace(&[wider], &ParseOptions::default()).unwrap();
    assert_eq!(replaced.len(), 1);
    let room = models.get("dtmi:x:Room;1").unwrap();
    assert!(room.property("volume").is_some());
    assert!(room.property("area").is_none());
    let clash = interface(
        "dtmi:x:Space;1",
        json!({
            "contents": [{"@type": "Property", "name": "temperature", "schema": "string"}]
        }),
    );
    let problems = models.replace(&[clash], &ParseOptions::default()).unwrap_err();
    assert!(problems.to_string().contains("temperature"), "{problems}");
    assert!(models.get("dtmi:x:Room;1").unwrap().property("volume").is_some());
}

#[test]
fn an_inline_interface_is_refused_unless_allowed_and_then_taken_out() {
    let nested = interface(
        "dtmi:x:Car;1",
        json!({
            "contents": [{"@type": "Component", "name": "engine", "schema": {
                "@id": "dtmi:x:Engine;1", "@type": "Interface",
                "contents": [{"@type": "Property", "name": "power", "schema": "integer"}]
            }}]
        }),
    );
    let mut models = Models::new();
    let problems = add(&mut models, std::slice::from_ref(&nested)).unwrap_err();
    assert_eq!(problems.0[0].kind, ProblemKind::Unsupported);
    let options = ParseOptions { allow_inline_interfaces: true, ..ParseOptions::default() };
    models.add(&[nested], &options).unwrap();
    let car = models.get("dtmi:x:Car;1").unwrap();
    assert_eq!(car.document["contents"][0]["schema"], "dtmi:x:Engine;1");
    let engine = models.get("dtmi:x:Engine;1").unwrap();
    assert_eq!(engine.document["@context"], "dtmi:dtdl:context;3");
    assert!(engine.property("power").is_some());
}

#[test]
fn values_are_checked_with_their_path() {
    let mut models = Models::new();
    add(
        &mut models,
        &[interface(
            "dtmi:x:Person;1",
            json!({
                "contents": [{"@type": "Property", "name": "home", "schema": {
                    "@type": "Object", "fields": [
                        {"name": "city", "schema": "string"},
                        {"name": "since", "schema": "date"},
                        {"name": "position", "schema": "point"},
                        {"name": "rooms", "schema": {"@type": "Array", "elementSchema": "integer"}},
                        {"name": "prices", "schema": {"@type": "Map",
                            "mapKey": {"name": "year", "schema": "string"},
                            "mapValue": {"name": "price", "schema": "float"}}}
                    ]
                }}]
            }),
        )],
    )
    .unwrap();
    let person = models.get("dtmi:x:Person;1").unwrap();
    let home = person.property("home").unwrap().schema;
    assert_eq!(home.name(), "Object");
    assert!(home.check(&json!({
        "city": "Ulm", "since": "2024-02-29", "rooms": [1, 2], "prices": {"2020": 1, "2021": 2.5},
        "position": {"type": "Point", "coordinates": [1.0, 2]}
    })).is_ok());
    let problems = home
        .check(&json!({
            "city": 3, "since": "2023-02-29", "rooms": [1, 2.5], "prices": {"a/b": "x"}, "pets": 1,
            "position": {"type": "LineString", "coordinates": [[1]]}
        }))
        .unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/city",
            "/since",
            "/rooms/1",
            "/prices/a~1b",
            "/pets",
            "/position/type",
            "/position/coordinates/0"
        ]
    );
}

#[test]
fn what_is_taken_out_keeps_the_context_that_held_there() {
    let nested = json!({
        "@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:quantitativeTypes;1"],
        "@id": "dtmi:x:Car;1", "@type": "Interface",
        "contents": [{"@type": "Component", "name": "engine", "schema": {
            "@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:annotation;1"],
            "@id": "dtmi:x:Engine;1", "@type": "Interface",
            "contents": [
                {"@type": ["Property", "Temperature"], "name": "oil", "schema": "double", "unit": "degreeCelsius"},
                {"@type": ["Property", "ValueAnnotation"], "name": "note", "annotates": "oil", "schema": "string"}
            ]
        }}]
    });
    let options = ParseOptions { allow_inline_interfaces: true, ..ParseOptions::default() };
    let mut models = Models::new();
    models.add(&[nested], &options).unwrap();
    let engine = models.get("dtmi:x:Engine;1").unwrap();
    assert_eq!(
        engine.document["@context"],
        json!([
            "dtmi:dtdl:context;3",
            "dtmi:dtdl:extension:quantitativeTypes;1",
            "dtmi:dtdl:extension:annotation;1"
        ])
    );
    let oil = engine.property("oil").unwrap().content;
    assert_eq!(oil.unit.as_deref(), Some("degreeCelsius"));
    assert_eq!(oil.semantic_types.len(), 1);
    // What is stored can be added by itself.
    let mut again = Models::new();
    add(&mut again, &[Value::clone(&engine.document)]).unwrap();
    assert_eq!(again.get("dtmi:x:Engine;1"), Some(engine));
}
