//! The forms of a notification, and back.
#![allow(clippy::unwrap_used)]

use adt_events::{Notification, NotificationError, NotificationType};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

const TRACE: &str = "00-18f4e34b3e4a784aadf5913917537e7d-691a71e0a220d642-01";
const SPAN: u64 = 0x1234;
const OF_DELIVERY: &str = "00-18f4e34b3e4a784aadf5913917537e7d-0000000000001234-01";

fn update(hops: u64) -> Notification {
    Notification {
        id: "e1".into(),
        kind: NotificationType::TwinUpdate,
        source: "h.example".into(),
        subject: Some("room1".into()),
        time: Some("2026-01-02T03:04:05.6780000Z".parse().unwrap()),
        dataschema: None,
        trace: TRACE.parse().unwrap(),
        hops,
        data: json!({"modelId": "dtmi:x:Room;1", "patch": [{"value": 1.5, "path": "/t", "op": "replace"}]}),
    }
}

fn text<'a>(event: &'a Map<String, Value>) -> impl Fn(&str) -> Option<Cow<'a, str>> {
    move |name| event.get(name)?.as_str().map(Cow::Borrowed)
}

fn from_cloud_event(event: &Map<String, Value>) -> Result<Notification, NotificationError> {
    Notification::from_cloud_event(text(event), event.get("data").cloned().unwrap_or_default())
}

fn from_grid_event(event: &Map<String, Value>) -> Result<Notification, NotificationError> {
    Notification::from_grid_event(text(event), event.get("data").cloned().unwrap_or_default())
}

fn telemetry() -> Notification {
    Notification {
        id: "m1".into(),
        kind: NotificationType::Telemetry,
        source: "h.example/digitaltwins/thermo".into(),
        subject: Some("battery".into()),
        time: None,
        dataschema: Some("dtmi:x:Thermostat;1".into()),
        trace: TRACE.parse().unwrap(),
        hops: 2,
        data: json!([1, "two"]),
    }
}

fn object(value: impl serde::Serialize) -> Map<String, Value> {
    serde_json::to_value(value).unwrap().as_object().unwrap().clone()
}

#[test]
fn event_grids_own_schema_has_data_and_trace_under_data() {
    let event = json!(update(0).delivered(SPAN).grid_event());
    let expected = json!({
        "id": "e1", "subject": "room1",
        "data": {"data": update(0).data, "contenttype": "application/json", "traceparent": OF_DELIVERY},
        "eventType": "Microsoft.DigitalTwins.Twin.Update", "dataVersion": "1.0",
        "eventTime": "2026-01-02T03:04:05.6780000Z",
    });
    assert_eq!(event.to_string(), expected.to_string());
    let event = json!(telemetry().delivered(SPAN).grid_event());
    let expected = json!({
        "id": "m1", "subject": "thermo",
        "data": {
            "data": [1, "two"], "contenttype": "application/json", "traceparent": OF_DELIVERY,
            "tracestate": "twinscope=2", "dataschema": "dtmi:x:Thermostat;1",
        },
        "eventType": "microsoft.iot.telemetry", "dataVersion": "1.0",
        "eventTime": "0001-01-01T00:00:00Z",
    });
    assert_eq!(event.to_string(), expected.to_string());
}

#[test]
fn amqp_has_the_attributes_as_application_properties() {
    let properties: BTreeMap<_, _> =
        update(3).delivered(SPAN).amqp_properties().into_iter().collect();
    let expected = [
        ("cloudEvents:specversion", "1.0"),
        ("cloudEvents:id", "e1"),
        ("cloudEvents:type", "Microsoft.DigitalTwins.Twin.Update"),
        ("cloudEvents:source", "h.example"),
        ("cloudEvents:subject", "room1"),
        ("cloudEvents:time", "2026-01-02T03:04:05.6780000Z"),
        ("cloudEvents:traceparent", OF_DELIVERY),
        ("cloudEvents:tracestate", "twinscope=3"),
    ];
    let expected = expected.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(properties, expected.into_iter().collect());
}

#[test]
fn each_form_comes_back() {
    for notification in [update(0), update(16), telemetry()] {
        let delivered = notification.delivered(SPAN);
        let expected = Notification { trace: OF_DELIVERY.parse().unwrap(), ..notification.clone() };
        let cloud = from_cloud_event(&object(delivered.cloud_event())).unwrap();
        assert_eq!(cloud, expected);
        let properties: BTreeMap<_, _> = delivered.amqp_properties().into_iter().collect();
        let body = serde_json::to_vec(&notification.data).unwrap();
        let property = |name: &str| properties.get(name).map(String::as_str);
        assert_eq!(Notification::from_amqp(property, &body).unwrap(), expected);
        let mut grid = object(delivered.grid_event());
        grid.insert("topic".into(), json!("h.example"));
        // A component's name is what this schema does not tell.
        let subject = expected.subject.clone().filter(|_| expected.time.is_some());
        let expected = Notification { subject, ..expected };
        assert_eq!(from_grid_event(&grid).unwrap(), expected);
    }
}

#[test]
fn what_is_no_notification_is_told() {
    let whole = object(update(0).delivered(SPAN).cloud_event());
    for name in ["id", "type", "source", "traceparent"] {
        let mut event = whole.clone();
        event.remove(name);
        assert_eq!(from_cloud_event(&event).unwrap_err(), NotificationError::Missing(name));
    }
    for (name, value) in [("type", "Other"), ("time", "noon"), ("traceparent", "00-0-0-0")] {
        let mut event = whole.clone();
        event.insert(name.into(), json!(value));
        let error = from_cloud_event(&event).unwrap_err();
        assert_eq!(error, NotificationError::Wrong { field: name, value: value.into() });
    }
    let properties: BTreeMap<_, _> =
        update(0).delivered(SPAN).amqp_properties().into_iter().collect();
    let property = |name: &str| properties.get(name).map(String::as_str);
    let error = Notification::from_amqp(property, b"{").unwrap_err();
    assert!(matches!(error, NotificationError::Body(_)), "{error}");
    assert_eq!(
        Notification::from_amqp(|_| None, b"{").unwrap_err(),
        NotificationError::Missing("type")
    );
}

#[test]
fn hops_are_one_member_of_tracestate_among_others() {
    for (state, hops) in
        [("a=1,twinscope=4", 4), ("twinscope=x", 0), ("twinscope=7 , b=2", 7), ("", 0)]
    {
        let mut event = object(update(0).delivered(SPAN).cloud_event());
        event.insert("tracestate".into(), json!(state));
        assert_eq!(from_cloud_event(&event).unwrap().hops, hops, "{state}");
    }
}

#[test]
fn the_twin_of_a_notification() {
    assert_eq!((update(0).twin(), telemetry().twin()), ("room1", "thermo"));
    let of_relationship = Notification {
        kind: NotificationType::RelationshipCreate,
        subject: Some("room1/relationships/r".into()),
        ..update(0)
    };
    assert_eq!(of_relationship.twin(), "room1");
}
