use crate::around::{Around, TRACE, next_of, of_message, topology, update};
use adt_events::{Notification, NotificationType};
use pipeline::Event;
use serde_json::{Value, json};

fn telemetry(component: Option<&str>, data: Value) -> Event {
    let notification = Notification {
        kind: NotificationType::Telemetry,
        source: "localhost:8443/digitaltwins/thermo".into(),
        subject: component.map(str::to_owned),
        dataschema: Some("dtmi:t:Thermostat;1".into()),
        data,
        ..update("thermo", 5, 0.0)
    };
    Event::Notification(notification.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_become_events_with_the_twins_id_as_partition_key() {
    let around = Around::new().await;
    let functions = topology(json!({
        "functions": {
            "all": {"kind": "toTimeSeries", "sink": "series"},
            "some": {"kind": "toTimeSeries", "values": ["mode"], "sink": "series"},
        },
        "sinks": {"series": {"kind": "eventHub"}},
    }));
    let all = around.function(&functions, "all", None);
    all.call(telemetry(None, json!({"humidity": 45.5, "mode": "auto"}))).await.unwrap();
    let mut readers = around.reader("series").await;
    let event = next_of(&mut readers).await;
    assert_eq!(event.partition_key.as_deref(), Some("thermo"));
    let body: Value = serde_json::from_slice(event.data.body.data()).unwrap();
    let time = "2023-11-14T22:13:20.0000000Z";
    assert_eq!(body, json!({"$dtId": "thermo", "timestamp": time, "humidity": 45.5}));
    assert_eq!(event.data.content_type.as_deref(), Some("application/json"));
    let trace = event.data.properties["traceparent"].as_text().unwrap().to_owned();
    assert!(trace.contains(&TRACE.trace_id()), "{trace}");
    assert_eq!(event.data.properties["tracestate"].as_text(), Some("twinscope=1"));

    let some = around.function(&functions, "some", None);
    for (function, event, member) in [
        (&all, telemetry(Some("battery"), json!({"level": 7})), json!({"battery.level": 7})),
        (&all, Event::Notification(update("thermo", 1, 3.5).into()), json!({"temperature": 3.5})),
        (&some, telemetry(None, json!({"humidity": 1, "mode": "auto"})), json!({"mode": "auto"})),
    ] {
        function.call(event).await.unwrap();
        let body: Value =
            serde_json::from_slice(next_of(&mut readers).await.data.body.data()).unwrap();
        for (name, value) in member.as_object().unwrap() {
            assert_eq!(body[name], *value, "{body}");
        }
        assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    }
    // Nothing of the series: nothing is published.
    some.call(telemetry(None, json!({"humidity": 1}))).await.unwrap();
    let counts = around.counts("sinks/series");
    assert_eq!((counts.taken, counts.done, counts.failures), (4, 4, 0));
    assert_eq!(around.parts.flow.wire("functions/all", "sinks/series").events.get(), 3);
    assert!(all.call(of_message("d", json!({}))).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_cannot_be_reached_says_so() {
    let around = Around::new().await;
    let functions = |connection: &str| {
        topology(json!({
            "functions": {"all": {"kind": "toTimeSeries", "sink": "away"}},
            "sinks": {"away": {"kind": "eventHub", "connection": {"secret": connection}}},
        }))
    };
    let closed = around.services.connection_string("hub").replace("localhost", "127.0.0.1");
    let port = closed.split(':').nth(2).unwrap().split(';').next().unwrap().to_owned();
    {
        let mut secrets = around.services.secrets.lock();
        secrets.insert("closed".into(), closed.replace(&port, "1"));
        secrets.insert("half".into(), "Endpoint=sb://h/;SharedAccessKey=geheim".into());
        secrets.insert("none".into(), around.services.connection_string("nohub"));
    }
    for (secret, place, words, transient) in [
        ("missing", "/sinks/away/connection", "twinscope secret set missing", false),
        ("half", "/sinks/away", "SharedAccessKeyName is missing", false),
        ("closed", "/sinks/away", "127.0.0.1:1", true),
        ("none", "/sinks/away", "nohub", false),
    ] {
        let function = around.function(&functions(secret), "all", None);
        let error = function.call(telemetry(None, json!({"humidity": 1}))).await.unwrap_err();
        assert_eq!((error.place.as_str(), error.is_transient), (place, transient), "{error}");
        assert!(error.message.contains(words) && !error.message.contains("geheim"), "{error}");
        assert!(around.failure("sinks/away").contains(words));
    }
}
