use crate::around::{Around, Scripted, TRACE, of_message, topology};
use adt_service::ChangeHistory;
use pipeline::Event;
use serde_json::json;
use twin_graph::{ChangeKind, Origin};

fn map() -> pipeline::Topology {
    topology(json!({"functions": {"in": {
        "kind": "ingest",
        "twins": {"d1": "thermo", "lost": "nowhere"},
        "map": [
            {"from": "/t", "property": "/temperature", "convert": {"from": "degreeFahrenheit", "to": "degreeCelsius"}},
            {"from": "/battery/left", "property": "/level", "component": "battery"},
            {"from": "/h", "telemetry": "humidity", "convert": {"from": "percent", "to": "unity"}},
            {"from": "/h", "telemetry": "humidity", "component": "battery"},
        ],
    }}}))
}

#[tokio::test]
async fn a_message_becomes_one_patch_and_telemetry_in_its_trace() {
    let around = Around::new().await;
    let function = around.function(&map(), "in", None);
    let before = around.instance.view().read().version();
    function
        .call(of_message("d1", json!({"t": 212, "battery": {"left": 80}, "h": 45.5})))
        .await
        .unwrap();
    let twin = around.twin("thermo");
    assert_eq!((&twin["temperature"], &twin["battery"]["level"]), (&json!(100.0), &json!(80)));
    let changes = around.instance.changes_after(before, 10).await;
    assert_eq!(changes.len(), 3, "one patch, and telemetry of twin and component");
    for change in &changes {
        assert_eq!(change.cause.trace.trace_id(), TRACE.trace_id());
        let by = Origin::Function { name: "in".into(), after: "d1".into(), hops: 1 };
        assert_eq!(change.cause.origin, by);
    }
    let telemetry: Vec<_> = changes
        .iter()
        .filter_map(|change| match &change.kind {
            ChangeKind::Telemetry { component, body, .. } => {
                Some((component.as_deref().map(str::to_owned), body.clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(telemetry[0], (None, json!({"humidity": 0.455})));
    assert_eq!(telemetry[1], (Some("battery".to_owned()), json!({"humidity": 45.5})));
    let counts = around.counts("functions/in");
    assert_eq!((counts.taken, counts.done, counts.failures), (1, 1, 0));
    assert!(counts.busy_nanos > 0);
    assert_eq!(around.parts.flow.wire("functions/in", "instance").events.get(), 3);
}

#[tokio::test]
async fn what_cannot_be_used_has_a_sentence_with_its_place_and_the_rest_flows_on() {
    let around = Around::new().await;
    let function = around.function(&map(), "in", None);
    let cases = [
        ("lost", json!({"t": 1}), "/functions/in/twins", "no twin «nowhere» for the device «lost»"),
        ("stranger", json!({"t": 1}), "/functions/in/twins", "no twin «stranger»"),
        ("d1", json!({"t": "warm"}), "/functions/in/map/0/convert", "is \"warm\""),
        ("d1", json!({"battery": {"left": "full"}}), "/functions/in/map/1", "refused"),
        ("d1", json!({"x": 1}), "/functions/in/map", "none of /t, /battery/left, /h"),
        ("d1", json!("text"), "/functions/in", "no JSON object"),
    ];
    for (device, body, place, words) in &cases {
        let error = function.call(of_message(device, body.clone())).await.unwrap_err();
        assert_eq!(error.place, *place, "{error}");
        assert!(error.message.contains(words) && !error.is_transient, "{error}");
        assert!(around.failure("functions/in").contains(words));
        function.call(of_message("d1", json!({"t": 32}))).await.unwrap();
        assert_eq!(around.failure("functions/in"), "");
    }
    let counts = around.counts("functions/in");
    assert_eq!((counts.taken, counts.done, counts.failures), (12, 6, 6));
    assert_eq!(around.twin("thermo")["temperature"], 0.0);
}

#[tokio::test]
async fn an_event_is_no_message() {
    let around = Around::new().await;
    let function = around.function(&map(), "in", None);
    let event = crate::around::update("thermo", 1, 2.0);
    let error = function.call(Event::Notification(event.into())).await.unwrap_err();
    assert!(
        error.to_string().starts_with("/functions/in: it takes messages of devices"),
        "{error}"
    );
    assert!(Scripted::new(|_, _| Ok(())).ids().is_empty());
}
