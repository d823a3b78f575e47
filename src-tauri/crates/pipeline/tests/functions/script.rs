use crate::around::{Around, TRACE, next_of, of_message, soon, topology, update};
use adt_service::ChangeHistory;
use pipeline::{Event, EventOf2019, check_scripts};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use twin_graph::Origin;

fn mine() -> pipeline::Topology {
    topology(json!({
        "functions": {"mine": {"kind": "rhai", "sinks": ["series"]}},
        "sinks": {"series": {"kind": "eventHub"}},
    }))
}

const WHOLE: &str = r#"
fn on_event(event) {
    let twin = twin(event.twin);
    let rows = query(`SELECT r FROM DIGITALTWINS r JOIN t RELATED r.contains WHERE t.$dtId = '${event.twin}'`);
    let value = event.data.patch[0].value;
    for row in rows {
        patch(row.r["$dtId"], #{currentTemp: value});
    }
    patch(event.twin, [#{op: "add", path: "/battery/level", value: 7}]);
    telemetry(event.twin, #{humidity: value / 2});
    publish("series", #{of: twin["$dtId"], hop: event["traceparent"]}, event.twin);
    send_udf_custom(event.twin, "Sensor", #{a: 1});
    log(`done with ${event.id}`);
}
fn on_message(message) {
    patch("thermo", #{temperature: message.body.t * 1.0});
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reads_asks_changes_and_publishes_in_the_events_trace() {
    let around = Around::new().await;
    let function = around.function(&mine(), "mine", Some(WHOLE));
    let before = around.instance.view().read().version();
    function.call(Event::Notification(update("thermo", 1, 21.5).into())).await.unwrap();
    assert_eq!(around.twin("room")["currentTemp"], 21.5);
    assert_eq!(around.twin("thermo")["battery"]["level"], 7);
    let changes = around.instance.changes_after(before, 10).await;
    assert_eq!(changes.len(), 3);
    for change in &changes {
        assert_eq!(change.cause.trace.trace_id(), TRACE.trace_id());
        let by = Origin::Function { name: "mine".into(), after: "thermo".into(), hops: 1 };
        assert_eq!(change.cause.origin, by);
    }
    let event = next_of(&mut around.reader("series").await).await;
    assert_eq!(event.partition_key.as_deref(), Some("thermo"));
    let body: Value = serde_json::from_slice(event.data.body.data()).unwrap();
    assert_eq!(body["of"], "thermo");
    function.call(of_message("d", json!({"t": 5}))).await.unwrap();
    assert_eq!(around.twin("thermo")["temperature"], 5.0);
    let heard = around.heard.0.lock().join("\n");
    let expected = format!("mine in {}, mine, after thermo: done with ", TRACE.trace_id());
    assert!(heard.contains(&expected), "{heard}");
    let counts = around.counts("functions/mine");
    assert_eq!((counts.taken, counts.done), (2, 2));
    assert!(counts.busy_nanos > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_has_file_line_and_place() {
    let around = Around::new().await;
    for (body, place, words) in [
        ("patch(\"nobody\", #{a: 1})", "line 2, column 1", "no digital twin instance"),
        ("patch(\"thermo\", #{temperature: \"warm\"})", "line 2, column 1", "temperature"),
        ("query(\"SELEKT\")", "line 2, column 1", "SELEKT"),
        ("publish(\"other\", 1)", "line 2, column 1", "no sink «other»"),
        ("send_udf_custom(\"nobody\", \"Space\", 1)", "line 2, column 1", "no twin «nobody»"),
        ("give_rows([])", "line 2, column 1", "twinscope check"),
        ("let x = twin(\"nobody\"); x.y", "line 2, column", "y"),
    ] {
        let text = format!("fn on_event(event) {{\n{body}\n}}");
        let function = around.function(&mine(), "mine", Some(&text));
        let error = function.call(Event::Notification(update("thermo", 1, 1.0).into())).await;
        let error = error.unwrap_err();
        assert_eq!(error.place, "/functions/mine");
        let expected = format!("functions/mine.rhai, {place}");
        assert!(error.message.starts_with(&expected) && error.message.contains(words), "{error}");
    }
    // It has no function for messages.
    let function = around.function(&mine(), "mine", Some("fn on_event(event) {}"));
    let error = function.call(of_message("d", json!({}))).await.unwrap_err();
    assert!(error.message.contains("on_message(message)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_is_ended_and_others_flow_on_meanwhile() {
    let around = Around::new().await;
    let endless = around.function(
        &mine(),
        "mine",
        Some("fn on_event(event) {\n  loop {\n    let x = 1;\n  }\n}"),
    );
    let calm = topology(json!({"functions": {"calm": {"kind": "rhai"}}}));
    let other = around.function(
        &calm,
        "calm",
        Some("fn on_event(e) { patch(\"room\", #{currentTemp: 1.0}) }"),
    );
    let event = || Event::Notification(update("thermo", 1, 1.0).into());
    let start = Instant::now();
    let (error, _) = tokio::join!(endless.call(event()), async {
        for _ in 0..20 {
            soon(other.call(event())).await.unwrap();
        }
    });
    let error = error.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(error.message.contains("functions/mine.rhai, line ") && !error.is_transient, "{error}");
    assert!(error.message.contains("operations") || error.message.contains("longer"), "{error}");
    assert!(around.failure("functions/mine").contains("/functions/mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_there_or_does_not_compile_is_the_nodes_state() {
    let around = Around::new().await;
    for (text, words) in [
        (None, "no file «functions/mine.rhai»"),
        (Some("fn on_event(event) {\n  let = 1;\n}"), "functions/mine.rhai, line 2"),
    ] {
        let function = around.function(&mine(), "mine", text);
        assert!(around.failure("functions/mine").contains(words));
        let error = function.call(of_message("d", json!({}))).await.unwrap_err();
        assert!(error.message.contains(words), "{error}");
    }
    // Mended, it works.
    let function = around.function(&mine(), "mine", Some("fn on_message(message) {}"));
    assert_eq!(around.failure("functions/mine"), "");
    function.call(of_message("d", json!({}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_2019_reach_it() {
    let around = Around::new().await;
    let text = "fn on_event(event) { patch(\"room\", #{currentTemp: event.data.value}) }";
    let function = around.function(&mine(), "mine", Some(text));
    let json = json!({"eventType": "SensorChange", "subject": "x", "data": {"value": 4.5}});
    function.call(Event::Of2019(EventOf2019 { json, trace: TRACE, hops: 0 }.into())).await.unwrap();
    assert_eq!(around.twin("room")["currentTemp"], 4.5);
}

#[test]
fn scripts_are_checked_with_their_callers() {
    let all = topology(json!({
        "sources": {"door": {"kind": "http", "function": "fa"}},
        "functions": {"fa": {"kind": "rhai"}, "fb": {"kind": "rhai"}, "fc": {"kind": "rhai"}, "fd": {"kind": "rhai"}},
        "endpoints": {"eg": {"kind": "eventGrid"}},
        "subscriptions": {"s1": {"endpoint": "eg", "function": "fb"}},
    }));
    let event = "fn on_event(event) {}".to_owned();
    let scripts = [
        (crate::around::file_of(&all, "fa"), event.clone()),
        (crate::around::file_of(&all, "fb"), event.clone()),
        (crate::around::file_of(&all, "fc"), "fn on_event(".to_owned()),
    ];
    let problems = check_scripts(&all, &scripts.into());
    let told: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(told, ["/functions/fa", "/functions/fc", "/functions/fd"], "{problems:?}");
    assert!(problems[0].message.contains("on_message(message)"), "{problems:?}");
    assert!(problems[1].message.contains("line 1"), "{problems:?}");
}
