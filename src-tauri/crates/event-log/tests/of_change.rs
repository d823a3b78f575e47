//! Each change of the graph as an entry.
#![allow(clippy::unwrap_used)]

use event_log::{Entry, EntryKind, FieldChange};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{
    AppliedOperation, Cause, Change, ChangeKind, Contents, Operation, OperationKind, Origin,
    Relationship, StoredModel, Timestamp, TraceContext, Twin,
};

fn contents(values: Value) -> Contents {
    Contents::new(values.as_object().unwrap().clone(), Timestamp::from_ticks(5))
}

fn twin() -> Arc<Twin> {
    Arc::new(Twin {
        id: "thermo_1".into(),
        model: "dtmi:t:Thermostat;1".into(),
        etag: "e".into(),
        contents: contents(json!({"temperature": 21})),
        components: [("battery", contents(json!({"level": 80})))].into_iter().collect(),
    })
}

fn relationship() -> Arc<Relationship> {
    Arc::new(Relationship {
        id: "r1".into(),
        source: "room_1".into(),
        target: "thermo_1".into(),
        name: "rel_has_thermostat".into(),
        etag: "e".into(),
        properties: json!({"since": 2019}).as_object().unwrap().clone().into(),
    })
}

fn patch() -> Vec<AppliedOperation> {
    let replace = Operation {
        op: OperationKind::Replace,
        path: "/battery/level".into(),
        value: Some(json!(79)),
    };
    let remove = Operation { op: OperationKind::Remove, path: "/note".into(), value: None };
    vec![
        AppliedOperation { operation: replace, previous: Some(json!(80)) },
        AppliedOperation { operation: remove, previous: Some(Value::Null) },
    ]
}

fn model(id: &str) -> StoredModel {
    StoredModel {
        document: Arc::new(json!({"@id": id, "comment": "x".repeat(1_000)})),
        uploaded: Timestamp::from_ticks(5),
        decommissioned: false,
    }
}

#[test]
fn of_each_change() {
    use EntryKind::*;
    let field = |path: &str, before: Value, after: Value| {
        // In this table «not there» is the text "-".
        let there = |value: Value| (value != "-").then_some(value);
        FieldChange { path: path.into(), before: there(before), after: there(after) }
    };
    let patched = || {
        vec![field("battery/level", json!(80), json!(79)), field("note", Value::Null, json!("-"))]
    };
    let etag: Arc<str> = "e2".into();
    let thermostat = Some("dtmi:t:Thermostat;1");
    let room = Some("dtmi:t:Room;1");
    let on_relationship = "room_1/relationships/r1";
    let cases = [
        (
            ChangeKind::TwinPut { twin: twin(), replaced: false },
            (TwinCreate, "Twin create", "thermo_1", thermostat, ""),
            vec![
                field("temperature", json!("-"), json!(21)),
                field("battery/level", json!("-"), json!(80)),
            ],
        ),
        (
            ChangeKind::TwinPut { twin: twin(), replaced: true },
            (TwinCreate, "Twin create", "thermo_1", thermostat, "replaced"),
            vec![
                field("temperature", json!("-"), json!(21)),
                field("battery/level", json!("-"), json!(80)),
            ],
        ),
        (
            ChangeKind::TwinPatched {
                id: "thermo_1".into(),
                model: "dtmi:t:Thermostat;1".into(),
                patch: patch(),
                source_times: vec![],
                etag: etag.clone(),
            },
            (TwinUpdate, "Twin update", "thermo_1", thermostat, ""),
            patched(),
        ),
        (
            ChangeKind::TwinDeleted { twin: twin() },
            (TwinDelete, "Twin delete", "thermo_1", thermostat, ""),
            vec![
                field("temperature", json!(21), json!("-")),
                field("battery/level", json!(80), json!("-")),
            ],
        ),
        (
            ChangeKind::RelationshipPut { relationship: relationship(), replaced: false },
            (RelationshipCreate, "Relationship create", on_relationship, room, ""),
            vec![
                field("rel_has_thermostat", json!("-"), json!("thermo_1")),
                field("since", json!("-"), json!(2019)),
            ],
        ),
        (
            ChangeKind::RelationshipPatched {
                source: "room_1".into(),
                id: "r1".into(),
                patch: patch(),
                etag,
            },
            (RelationshipUpdate, "Relationship update", on_relationship, room, ""),
            patched(),
        ),
        (
            ChangeKind::RelationshipDeleted { relationship: relationship() },
            (RelationshipDelete, "Relationship delete", on_relationship, room, ""),
            vec![
                field("rel_has_thermostat", json!("thermo_1"), json!("-")),
                field("since", json!(2019), json!("-")),
            ],
        ),
        (
            ChangeKind::Telemetry {
                twin: "thermo_1".into(),
                model: "dtmi:t:Thermostat;1".into(),
                component: Some("battery".into()),
                message_id: "m-1".into(),
                source_time: None,
                body: json!({"voltage": 3.1}),
            },
            (Telemetry, "Telemetry", "thermo_1", thermostat, "message m-1"),
            vec![field("battery/voltage", json!("-"), json!(3.1))],
        ),
        (
            ChangeKind::ModelsPut { models: vec![model("dtmi:t:A;1")] },
            (Model, "Model", "dtmi:t:A;1", None, "stored"),
            vec![],
        ),
        (
            ChangeKind::ModelsPut { models: vec![model("dtmi:t:A;1"), model("dtmi:t:B;1")] },
            (Model, "Model", "2 models", None, "stored: dtmi:t:A;1, dtmi:t:B;1"),
            vec![],
        ),
        (
            ChangeKind::ModelDeleted { id: "dtmi:t:A;1".into() },
            (Model, "Model", "dtmi:t:A;1", None, "deleted"),
            vec![],
        ),
    ];
    for (kind, (expected, label, subject, model, note), changes) in cases {
        let change = Change {
            version: 7,
            time: Timestamp::from_ticks(9),
            cause: Cause {
                trace: TraceContext::new(3, 4),
                origin: Origin::Function {
                    name: "ingest".into(),
                    after: "thermo_1".into(),
                    hops: 1,
                },
            },
            kind,
        };
        let entry =
            Entry::of_change(&change, |id| (id == "room_1").then(|| "dtmi:t:Room;1".into()));
        assert_eq!(entry.kind, expected, "{subject}");
        assert_eq!(entry.kind.label(), label);
        assert_eq!(entry.subject, subject);
        assert_eq!(entry.model.as_deref(), model, "{subject}");
        assert_eq!(entry.note, note);
        assert_eq!(entry.changes, changes, "{subject}");
        assert_eq!(entry.cause, "ingest, after thermo_1");
        assert_eq!(entry.trace, change.cause.trace);
        assert_eq!(entry.time, change.time);
        let body = entry.body.to_json();
        assert_eq!(body, change.to_json());
        assert_eq!(body["version"], 7);
        // Documents of models stay where they are.
        assert!(body.to_string().len() < 1_000);
    }
}
