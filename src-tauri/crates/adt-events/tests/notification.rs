//! Notifications against the documentation's samples.
#![allow(clippy::unwrap_used)]

use adt_events::{Notification, NotificationType};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{
    AppliedOperation, Cause, Change, ChangeKind, Contents, Operation, OperationKind, Origin,
    Relationship, Timestamp, Twin,
};

const HOST: &str = "contoso-adt.api.wus2.digitaltwins.azure.net";
const TRACE: &str = "00-18f4e34b3e4a784aadf5913917537e7d-691a71e0a220d642-01";
const TIME: &str = "2020-06-23T19:03:48.9700792Z";

fn change(kind: ChangeKind) -> Change {
    Change {
        version: 1,
        time: TIME.parse().unwrap(),
        cause: Cause { trace: TRACE.parse().unwrap(), origin: Origin::Rest },
        kind,
    }
}

fn twin() -> Arc<Twin> {
    let values = json!({"Temperature": 20}).as_object().unwrap().clone();
    Arc::new(Twin {
        id: "floor1".into(),
        model: "dtmi:example:Floor;1".into(),
        etag: "W/\"e398dbf4\"".into(),
        contents: Contents::new(values, TIME.parse::<Timestamp>().unwrap()),
        components: Default::default(),
    })
}

fn relationship() -> Arc<Relationship> {
    Arc::new(Relationship {
        id: "r1".into(),
        source: "floor1".into(),
        target: "room1".into(),
        name: "contains".into(),
        etag: "W/\"7\"".into(),
        properties: json!({"owner": "user1"}).as_object().unwrap().clone().into(),
    })
}

fn patch() -> Vec<AppliedOperation> {
    let operation = |op, path: &str, value| AppliedOperation {
        operation: Operation { op, path: path.into(), value },
        previous: Some(json!(1)),
    };
    vec![
        operation(OperationKind::Replace, "/Temperature", Some(json!(40))),
        operation(OperationKind::Remove, "/comp1/prop1", None),
    ]
}

fn patched_json() -> Value {
    json!([{"value": 40, "path": "/Temperature", "op": "replace"}, {"path": "/comp1/prop1", "op": "remove"}])
}

#[test]
fn each_change_makes_its_notification() {
    use NotificationType::*;
    let (twin, relationship) = (twin(), relationship());
    let (twin_json, relationship_json) = (twin.to_json(), relationship.to_json());
    let on_relationship = "floor1/relationships/r1";
    let etag: Arc<str> = "e".into();
    let cases = [
        (
            ChangeKind::TwinPut { twin: twin.clone(), replaced: false },
            (TwinCreate, "Microsoft.DigitalTwins.Twin.Create", "floor1", twin_json.clone()),
        ),
        (
            ChangeKind::TwinDeleted { twin },
            (TwinDelete, "Microsoft.DigitalTwins.Twin.Delete", "floor1", twin_json),
        ),
        (
            ChangeKind::TwinPatched {
                id: "floor1".into(),
                model: "dtmi:example:Floor;1".into(),
                patch: patch(),
                source_times: vec![],
                etag: etag.clone(),
            },
            (
                TwinUpdate,
                "Microsoft.DigitalTwins.Twin.Update",
                "floor1",
                json!({"modelId": "dtmi:example:Floor;1", "patch": patched_json()}),
            ),
        ),
        (
            ChangeKind::RelationshipPut { relationship: relationship.clone(), replaced: false },
            (
                RelationshipCreate,
                "Microsoft.DigitalTwins.Relationship.Create",
                on_relationship,
                relationship_json.clone(),
            ),
        ),
        (
            ChangeKind::RelationshipPatched {
                source: "floor1".into(),
                id: "r1".into(),
                patch: patch(),
                etag,
            },
            (
                RelationshipUpdate,
                "Microsoft.DigitalTwins.Relationship.Update",
                on_relationship,
                json!({"modelId": "dtmi:example:Floor;1", "patch": patched_json()}),
            ),
        ),
        (
            ChangeKind::RelationshipDeleted { relationship },
            (
                RelationshipDelete,
                "Microsoft.DigitalTwins.Relationship.Delete",
                on_relationship,
                relationship_json,
            ),
        ),
    ];
    for (kind, (expected_kind, type_name, subject, data)) in cases {
        let notification = Notification::of(&change(kind), HOST, "d047e992".into()).unwrap();
        let notification = notification.with_model("dtmi:example:Floor;1");
        assert_eq!(notification.kind, expected_kind);
        // As text, since the order of members counts too.
        let expected = json!({
            "specversion": "1.0",
            "id": "d047e992",
            "type": type_name,
            "source": HOST,
            "data": data,
            "subject": subject,
            "time": TIME,
            "datacontenttype": "application/json",
            "traceparent": TRACE
        });
        assert_eq!(notification.to_cloud_event().to_string(), expected.to_string());
    }
}

#[test]
fn telemetry_is_passed_on_unmodified() {
    for (component, subject) in [(None, None), (Some("comp1"), Some("comp1"))] {
        let kind = ChangeKind::Telemetry {
            twin: "room1".into(),
            model: "dtmi:example:com:floor4;2".into(),
            component: component.map(Arc::from),
            message_id: "df5a5992".into(),
            source_time: Some(Timestamp::from_ticks(5)),
            body: json!({"Temperature": 10}),
        };
        let notification = Notification::of(&change(kind), HOST, "unused".into()).unwrap();
        let event = notification.with_model("unused").to_cloud_event();
        let mut expected = json!({
            "specversion": "1.0",
            "id": "df5a5992",
            "type": "microsoft.iot.telemetry",
            "source": format!("{HOST}/digitaltwins/room1"),
            "data": {"Temperature": 10},
            "dataschema": "dtmi:example:com:floor4;2",
            "datacontenttype": "application/json",
            "traceparent": TRACE
        });
        if let Some(subject) = subject {
            expected["subject"] = json!(subject);
        }
        assert_eq!(event, expected);
    }
}

#[test]
fn models_are_not_notified() {
    let kinds = [
        ChangeKind::ModelDeleted { id: "dtmi:x;1".into() },
        ChangeKind::ModelsPut { models: vec![] },
    ];
    for kind in kinds {
        assert_eq!(Notification::of(&change(kind), HOST, "1".into()), None);
    }
}
