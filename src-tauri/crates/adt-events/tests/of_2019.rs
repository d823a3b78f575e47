//! Events of 2019 beside the samples of the seed `egress-and-endpoints.2019.fr.md`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use adt_events::{AccessType, Classes, Data2019, Event2019, EventType2019, SUBJECT_KINDS};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use twin_graph::{
    AppliedOperation, Cause, Change, ChangeKind, Contents, Operation, OperationKind, Origin,
    Relationship, StoredModel, Timestamp, TraceContext, Twin, TwinGraph,
};

const SEED: &str = "../../../../shared/seeds/egress-and-endpoints.2019.fr.md";

/// The samples of events in the seed, as JSON text; none where it is not there.
fn samples() -> Vec<Value> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(SEED);
    let file = std::fs::read_to_string(file)
        .or_else(|_| std::fs::read_to_string("/work/shared/seeds/egress-and-endpoints.2019.fr.md"));
    let Ok(text) = file else {
        eprintln!("skipped the samples: {SEED} is not there");
        return Vec::new();
    };
    let blocks = text.split("```JSON").skip(1).filter_map(|part| part.split("```").next());
    let parsed = blocks.filter_map(|block| serde_json::from_str::<Value>(block).ok());
    parsed.filter(|sample| sample.get("eventType").is_some()).collect()
}

fn trace() -> TraceContext {
    TraceContext::new(7, 9)
}

fn event(id: &str, object: &str, time: &str, data: Data2019) -> Event2019 {
    Event2019 {
        id: id.into(),
        trace: trace(),
        hops: 0,
        object: object.into(),
        time: time.parse().unwrap(),
        data,
    }
}

/// The event that a sample shows, made anew of its parts.
fn like(sample: &Value) -> Event2019 {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let data = &sample["data"];
    let own = match sample["eventType"].as_str().unwrap() {
        "TopologyOperation" => Data2019::Topology {
            kind: "ExtendedPropertyKey",
            access: AccessType::Create,
            spaces: vec![data["SpacesToNotify"][0].as_str().unwrap().into()],
        },
        "UdfCustom" => Data2019::UdfCustom {
            resource_type: text(&data["ResourceType"]).unwrap(),
            payload: json!("Room is not available or air quality is poor"),
        },
        "SensorChange" => Data2019::Sensor {
            of_type: text(&data["Type"]),
            data_type: text(&data["DataType"]).unwrap(),
            value: Some(json!(false)),
            previous: Some(json!(true)),
        },
        "SpaceChange" => Data2019::Space {
            data_type: text(&data["DataType"]).unwrap(),
            value: Some(data["Value"].clone()),
            previous: None,
        },
        other => panic!("{other}"),
    };
    let object = data.get("Id").or(data.get("TopologyObjectId")).unwrap();
    let time = sample["eventTime"].as_str().unwrap();
    event(sample["id"].as_str().unwrap(), object.as_str().unwrap(), time, own)
}

#[test]
fn the_seeds_samples_have_the_same_members_in_the_same_order_and_the_same_values() {
    let samples = samples();
    for sample in &samples {
        let made = json!(like(sample).in_schema("/subscriptions/YOUR_TOPIC_NAME"));
        let mut expected = sample.clone();
        // Times have seven decimals here, always; what names a request is the trace.
        expected["eventTime"] = made["eventTime"].clone();
        if made["eventType"] == "SensorChange" {
            expected["data"]["EventTimestamp"] = made["eventTime"].clone();
            expected["data"]["Properties"] = json!({
                "ms-client-request-id": "00000000-0000-0000-0000-000000000007",
                "ms-activity-id": "0000000000000009",
            });
        }
        assert_eq!(made.to_string(), expected.to_string());
    }
    let types: BTreeSet<_> = samples.iter().map(|sample| sample["eventType"].to_string()).collect();
    assert!(samples.is_empty() || types.len() == 4, "{types:?}");
}

#[test]
fn event_grid_fills_in_topic_and_metadata_version_itself() {
    let data = Data2019::Topology { kind: "Space", access: AccessType::Create, spaces: vec![] };
    let event = Event2019 { hops: 3, ..event("i", "r", "2026-01-01T00:00:00Z", data) };
    let made = json!(event.for_event_grid(5));
    assert!(made.get("topic").is_none() && made.get("metadataVersion").is_none(), "{made}");
    assert_eq!(made["data"]["traceparent"], json!(trace().child(5)));
    assert_eq!(made["data"]["tracestate"], "twinscope=3");
}

fn graph() -> TwinGraph {
    let mut graph = TwinGraph::new();
    let model = |name: &str, extends: Option<&str>| StoredModel {
        document: Arc::new(json!({
            "@id": format!("dtmi:x:{name};1"), "@type": "Interface", "@context": "dtmi:dtdl:context;2",
            "extends": extends.map_or(json!([]), |base| json!(format!("dtmi:x:{base};1"))),
            "contents": [{"@type": "Relationship", "name": format!("of{name}")}],
        })),
        uploaded: Timestamp::default(),
        decommissioned: false,
    };
    let models = [
        model("Room", None),
        model("Studio", Some("Room")),
        model("Thermostat", None),
        model("Gateway", None),
        model("Person", None),
    ];
    graph.restore_models(&models).unwrap();
    for (id, model) in [
        ("room", "Room"),
        ("studio", "Studio"),
        ("thermo", "Thermostat"),
        ("gate", "Gateway"),
        ("me", "Person"),
    ] {
        graph.restore_twin(twin(id, model));
    }
    let has = |source: &str, target: &str| {
        Arc::new(Relationship {
            id: format!("{source}-{target}").into(),
            source: source.into(),
            target: target.into(),
            name: "ofRoom".into(),
            etag: "W/\"1\"".into(),
            properties: Default::default(),
        })
    };
    for relationship in [has("room", "thermo"), has("me", "thermo"), has("thermo", "studio")] {
        graph.restore_relationship(relationship).unwrap();
    }
    graph
}

fn twin(id: &str, model: &str) -> Arc<Twin> {
    Arc::new(Twin {
        id: id.into(),
        model: format!("dtmi:x:{model};1").into(),
        etag: "W/\"1\"".into(),
        contents: Contents::new(Vec::<(String, Value)>::new(), Timestamp::default()),
        components: Default::default(),
    })
}

fn patched(
    id: &str,
    model: &str,
    operations: &[(&str, Option<Value>, Option<Value>)],
) -> ChangeKind {
    let operation = |(path, value, previous): &(&str, Option<Value>, Option<Value>)| {
        let op = if value.is_some() { OperationKind::Add } else { OperationKind::Remove };
        let operation = Operation { op, path: (*path).into(), value: value.clone() };
        AppliedOperation { operation, previous: previous.clone() }
    };
    ChangeKind::TwinPatched {
        id: id.into(),
        model: format!("dtmi:x:{model};1").into(),
        patch: operations.iter().map(operation).collect(),
        source_times: vec![],
        etag: "W/\"2\"".into(),
    }
}

/// Type, subject, object, what was done or which value, spaces.
fn told(kind: ChangeKind, origin: Origin) -> Vec<Value> {
    let change = Change {
        version: 1,
        time: Timestamp::default(),
        cause: Cause { trace: trace(), origin },
        kind,
    };
    let events = Event2019::of(&change, &graph(), &mut Classes::default(), |n| format!("id{n}"));
    let told = |(number, event): (usize, Event2019)| {
        assert_eq!(event.id, format!("id{number}"));
        let json = json!(event.in_schema("/t"));
        let data = &json["data"];
        let what = if json["eventType"] == "TopologyOperation" {
            json!([data["AccessType"], data["SpacesToNotify"]])
        } else {
            json!([data["DataType"], data["Value"], data["PreviousValue"]])
        };
        json!([json["eventType"], json["subject"], data["Id"], what])
    };
    events.into_iter().enumerate().map(told).collect()
}

fn function() -> Origin {
    Origin::Function { name: "f".into(), after: "d".into(), hops: 1 }
}

#[test]
fn changes_tell_what_2019_told() {
    let topology = |kind: &str, id: &str, access: &str, spaces: &[&str]| {
        json!(["TopologyOperation", kind, id, [access, spaces]])
    };
    let set = |path: &'static str, value: Value| [(path, Some(value), Some(json!(1)))];
    let relationship = graph().relationship("room", "room-thermo").unwrap().clone();
    let cases: Vec<(&str, ChangeKind, Origin, Vec<Value>)> = vec![
        (
            "a space that is new",
            ChangeKind::TwinPut { twin: twin("room", "Room"), replaced: false },
            Origin::Rest,
            vec![topology("Space", "room", "Create", &["room"])],
        ),
        (
            "a sensor that is replaced, with the spaces on either side of it, and no others",
            ChangeKind::TwinPut { twin: twin("thermo", "Thermostat"), replaced: true },
            Origin::Rest,
            vec![topology("Sensor", "thermo", "Update", &["room", "studio"])],
        ),
        (
            "a device that goes",
            ChangeKind::TwinDeleted { twin: twin("gate", "Gateway") },
            Origin::Rest,
            vec![topology("Device", "gate", "Delete", &[])],
        ),
        (
            "what extends a space is one",
            ChangeKind::TwinDeleted { twin: twin("studio", "Studio") },
            Origin::Rest,
            vec![topology("Space", "studio", "Delete", &["studio"])],
        ),
        (
            "what is none of them",
            ChangeKind::TwinDeleted { twin: twin("me", "Person") },
            Origin::Rest,
            vec![],
        ),
        (
            "properties that somebody sets, makes and takes away",
            patched(
                "room",
                "Room",
                &[
                    ("/a", Some(json!(2)), Some(json!(1))),
                    ("/b", Some(json!(2)), None),
                    ("/c", None, Some(json!(1))),
                ],
            ),
            Origin::App,
            ["Update", "Create", "Delete"]
                .map(|access| topology("SpaceExtendedProperty", "room", access, &["room"]))
                .into(),
        ),
        (
            "another model",
            patched("room", "Room", &set("/$metadata/$model", json!("dtmi:x:Room;1"))),
            Origin::Rest,
            vec![topology("Space", "room", "Update", &["room"])],
        ),
        (
            "a sensor's telemetry",
            patched("thermo", "Thermostat", &set("/motion", json!(true))),
            function(),
            vec![json!(["SensorChange", "SensorChange", "thermo", ["motion", "True", "1"]])],
        ),
        (
            "telemetry that changes nothing",
            patched("thermo", "Thermostat", &set("/motion", json!(1))),
            function(),
            vec![],
        ),
        (
            "a space's value that comes from telemetry",
            patched("room", "Room", &set("/currentTemp", json!(21.5))),
            function(),
            vec![json!(["SpaceChange", "SpaceChange", "room", ["currentTemp", "21.5", "1"]])],
        ),
        (
            "a device has no value of its own",
            patched("gate", "Gateway", &set("/load", json!(2))),
            function(),
            vec![topology("DeviceExtendedProperty", "gate", "Update", &[])],
        ),
        (
            "a relationship is the twin's that it leaves",
            ChangeKind::RelationshipDeleted { relationship },
            Origin::Rest,
            vec![topology("Space", "room", "Update", &["room"])],
        ),
        (
            "a model",
            ChangeKind::ModelDeleted { id: "dtmi:x:Old;1".into() },
            Origin::Rest,
            vec![topology("ExtendedType", "dtmi:x:Old;1", "Delete", &[])],
        ),
    ];
    for (what, kind, origin, expected) in cases {
        assert_eq!(told(kind, origin), expected, "{what}");
    }
}

#[test]
fn the_kinds_of_topology_operation_are_the_seeds_twenty() {
    assert_eq!(SUBJECT_KINDS.iter().map(|kind| kind.name).collect::<BTreeSet<_>>().len(), 20);
    let made: Vec<_> =
        SUBJECT_KINDS.iter().filter(|kind| kind.made_of.is_some()).map(|kind| kind.name).collect();
    let expected = [
        "Device",
        "DeviceExtendedProperty",
        "ExtendedType",
        "Sensor",
        "SensorExtendedProperty",
        "Space",
        "SpaceExtendedProperty",
    ];
    assert_eq!(made, expected);
    assert!(EventType2019::TopologyOperation.is_of_changes());
    assert!(!EventType2019::UdfCustom.is_of_changes());
}
