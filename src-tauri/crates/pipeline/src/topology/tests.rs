//! Good topologies, bad ones, and what a deploy touches.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use adt_limits::Limit;

const GOOD: &str = r#"{
    "sources": {"thermostats": {"kind": "simulatedThermostats", "devices": ["d1", "d2"], "everySeconds": 2, "function": "ingest"}},
    "functions": {
        "ingest": {"kind": "ingest", "twins": {"d1": "t1"}, "map": [{"from": "/t", "property": "/temperature"}]},
        "up": {"kind": "propagateToParent", "property": "temperature", "relationship": "has", "parentProperty": "currentTemp"}
    },
    "endpoints": {"eg": {"kind": "eventGrid"}},
    "routes": {"r1": {"endpoint": "eg", "filter": "true"}},
    "subscriptions": {"s1": {"endpoint": "eg", "function": "up"}}
}"#;

#[test]
fn reads_a_good_one() {
    let topology = Topology::parse(GOOD).unwrap();
    assert_eq!(topology.twin_of_device("d1"), "t1");
    assert_eq!(topology.twin_of_device("d2"), "d2");
}

#[test]
fn is_within_the_limits_that_hold() {
    let more = |count: usize| {
        let endpoints: Vec<_> =
            (0..count).map(|at| format!(r#""more-{at}": {{"kind": "eventGrid"}}"#)).collect();
        GOOD.replace(
            r#""eg": {"kind": "eventGrid"}"#,
            &format!(r#""eg": {{"kind": "eventGrid"}}, {}"#, endpoints.join(", ")),
        )
    };
    assert!(Topology::parse(&more(5)).is_ok());
    let refused = Topology::parse(&more(6)).unwrap_err();
    assert_eq!((refused.len(), refused[0].path.as_str()), (1, "/endpoints"));
    assert!(Topology::parse_within(&more(6), &Limits::none()).is_ok());
    let none = Limits::service().with(Limit::EventRoutes, 0);
    assert_eq!(Topology::parse_within(GOOD, &none).unwrap_err()[0].path, "/routes");
}

#[test]
fn says_what_is_wrong_and_where() {
    let cases = [
        (
            r#""endpoint": "eg", "filter""#,
            r#""endpoint": "no", "filter""#,
            "/routes/r1/endpoint",
            "no endpoint «no»",
        ),
        (r#""filter": "true""#, r#""filter": "type is 1""#, "/routes/r1/filter", "Position"),
        (
            r#""function": "up""#,
            r#""function": "ingest""#,
            "/subscriptions/s1/function",
            "takes device messages",
        ),
        (
            r#""function": "ingest""#,
            r#""function": "up""#,
            "/sources/thermostats/function",
            "takes notifications",
        ),
        (r#""d1", "d2""#, r#""d1", "d1""#, "/sources/thermostats/devices/1", "twice"),
        (
            r#""everySeconds": 2"#,
            r#""everySeconds": 0"#,
            "/sources/thermostats/everySeconds",
            "between",
        ),
        (r#""from": "/t""#, r#""from": "t""#, "/functions/ingest/map/0/from", "JSON Pointer"),
        (
            r#""property": "/temperature"}"#,
            r#""property": "/temperature", "telemetry": "x"}"#,
            "/functions/ingest/map/0",
            "either",
        ),
        (r#""r1": {"#, r#""r": {"#, "/routes/r", "2 to 50"),
        (r#""kind": "eventGrid""#, r#""kind": "fax""#, "/endpoints/eg", "«fax» is not known"),
    ];
    for (good, bad, path, message) in cases {
        assert!(GOOD.contains(good), "{good}");
        let problems = Topology::parse(&GOOD.replace(good, bad)).unwrap_err();
        let found =
            problems.iter().any(|p| p.path.starts_with(path) && p.message.contains(message));
        assert!(found, "{bad}: {problems:?}");
    }
}

/// Every part, each in its longest form.
const WHOLE: &str = r#"{
    "sources": {
        "thermostats": {"kind": "simulatedThermostats", "devices": ["d1"], "everySeconds": 2, "function": "ingest"},
        "hub": {"kind": "iotHub", "devices": ["real"], "function": "ingest"},
        "door": {"kind": "http", "device": "/id", "function": "mine"},
        "broker": {"kind": "mqtt", "url": "mqtts://broker:8883", "credentials": {"secret": "broker"}, "topics": ["a/#"], "device": {"topicLevel": 1}, "function": "ingest"},
        "azure": {"kind": "eventHub", "connection": {"secret": "hub"}, "function": "ingest"}
    },
    "functions": {
        "ingest": {"kind": "ingest", "map": [{"from": "/f", "property": "/temperature", "component": "c", "convert": {"from": "degreeFahrenheit", "to": "degreeCelsius"}}]},
        "series": {"kind": "toTimeSeries", "values": ["temperature"], "sink": "series"},
        "mine": {"kind": "rhai", "sinks": ["series"]},
        "hook": {"kind": "webhook", "url": "http://localhost:7071/runtime/webhooks/EventGrid?functionName=f", "query": {"secret": "code"}}
    },
    "endpoints": {
        "grid": {"kind": "eventGrid"},
        "hub-out": {"kind": "eventHub", "primary": {"secret": "p"}, "secondary": {"secret": "s"}, "deadLetter": {"sas": {"secret": "blobs"}}},
        "bus": {"kind": "serviceBus", "authentication": "identityBased", "address": "sb://n.servicebus.windows.net/", "entity": "topic"}
    },
    "endpoints2019": {"spaces": {"kind": "serviceBus", "eventTypes": ["SpaceChange", "UdfCustom"], "path": "spaces"}},
    "routes": {"all": {"endpoint": "hub-out", "filter": "true"}, "grid": {"endpoint": "grid", "filter": "true"}, "bus": {"endpoint": "bus", "filter": "false"}},
    "subscriptions": {
        "to-series": {"endpoint": "hub-out", "function": "series", "consumerGroup": "series"},
        "to-hook": {"endpoint": "grid", "function": "hook"},
        "to-mine": {"endpoint": "bus", "function": "mine", "filter": "type = 'x'"}
    },
    "sinks": {"series": {"kind": "eventHub"}}
}"#;

#[test]
fn every_part_is_read_and_written_as_it_was() {
    let topology = Topology::parse(WHOLE).unwrap();
    let again: Topology = serde_json::from_value(topology.to_json()).unwrap();
    assert_eq!(again, topology);
    assert_eq!(topology.warnings(), [], "its routes choose");
    let open = Topology::parse(&WHOLE.replace(r#""filter": "false""#, r#""filter": "true""#));
    let told: Vec<_> = open.unwrap().warnings().into_iter().map(|warning| warning.path).collect();
    assert_eq!(told, ["/functions/mine"], "it writes, and its own events come back to it");
}

#[test]
fn the_schema_names_every_part() {
    let schema = Topology::json_schema().to_string();
    for word in
        ["simulatedThermostats", "toTimeSeries", "endpoints2019", "DeviceMessage", "serviceBus"]
    {
        assert!(schema.contains(word), "{word}");
    }
}

#[test]
fn rules_of_every_part() {
    let cases = [
        (r#""devices": ["real"]"#, r#""devices": ["d1"]"#, "/sources/", "twice"),
        (r#""mqtts://broker:8883""#, r#""broker""#, "/sources/broker/url", "mqtt"),
        (
            r#""mqtts://broker:8883""#,
            r#""mqtts://u:secret@broker""#,
            "/sources/broker/url",
            "secret",
        ),
        (r#""topics": ["a/#"]"#, r#""topics": []"#, "/sources/broker/topics", "at least one"),
        (
            r#"{"secret": "hub"}"#,
            r#"{"secret": "Endpoint=sb://x/;SharedAccessKey=y"}"#,
            "/sources/azure/connection",
            "not the secret",
        ),
        ("degreeFahrenheit", "warm", "/functions/ingest/map/0/convert", "warm"),
        (r#""sink": "series""#, r#""sink": "no""#, "/functions/series/sink", "no sink «no»"),
        (
            r#""kind": "rhai", "#,
            r#""kind": "rhai", "file": "../x.rhai", "#,
            "/functions/mine/file",
            "within",
        ),
        ("functionName=f\"", "code=f\"", "/functions/hook/url", "secret"),
        (r#""primary": {"secret": "p"}, "#, "", "/endpoints/hub-out/secondary", "stands in"),
        (
            r#""address": "sb://n.servicebus.windows.net/", "#,
            "",
            "/endpoints/bus/address",
            "address is needed",
        ),
        (
            r#""kind": "serviceBus", "authentication""#,
            r#""kind": "eventGrid", "authentication""#,
            "/endpoints/bus/authentication",
            "keys only",
        ),
        (
            r#"["SpaceChange", "UdfCustom"]"#,
            "[]",
            "/endpoints2019/spaces/eventTypes",
            "at least one",
        ),
        (
            r#"["SpaceChange", "UdfCustom"]"#,
            r#"["DeviceMessage"]"#,
            "/endpoints2019/spaces/kind",
            "event hub",
        ),
        (
            r#"["SpaceChange", "UdfCustom"]"#,
            r#"["SpaceChange", "DeviceMessage"]"#,
            "/endpoints2019/spaces/eventTypes",
            "alone",
        ),
        (
            r#""path": "spaces""#,
            r#""path": "spaces", "pauseMinutes": 31"#,
            "/endpoints2019/spaces/pauseMinutes",
            "at most 30",
        ),
        (
            r#""path": "spaces""#,
            r#""path": "spaces", "firstEventsAfterMinutes": 11"#,
            "/endpoints2019/spaces/firstEventsAfterMinutes",
            "at most 10",
        ),
        (
            r#""endpoint": "bus", "filter": "false""#,
            r#""endpoint": "spaces", "filter": "false""#,
            "/routes/bus/endpoint",
            "2019",
        ),
        (
            r#""endpoint": "grid", "function": "hook""#,
            r#""endpoint": "bus", "function": "hook""#,
            "/subscriptions/to-hook/function",
            "Event Grid",
        ),
        (
            r#""consumerGroup": "series""#,
            r#""filter": "1=1""#,
            "/subscriptions/to-series/filter",
            "SQL",
        ),
    ];
    for (good, bad, path, message) in cases {
        assert!(WHOLE.contains(good), "{good}");
        let problems = Topology::parse(&WHOLE.replacen(good, bad, 1)).unwrap_err();
        let found =
            problems.iter().any(|p| p.path.starts_with(path) && p.message.contains(message));
        assert!(found, "{bad}: {problems:?}");
    }
}

#[test]
fn two_readers_of_one_group_are_told() {
    let both = WHOLE.replace(
        r#""to-hook": {"endpoint": "grid", "function": "hook"}"#,
        r#""to-more": {"endpoint": "hub-out", "function": "mine", "consumerGroup": "series"}"#,
    );
    let problems = Topology::parse(&both).unwrap_err();
    assert!(problems[0].path.ends_with("/consumerGroup"), "{problems:?}");
}

#[test]
fn a_deploy_touches_what_changed_and_what_hangs_on_it() {
    let before = Topology::parse(WHOLE).unwrap();
    let nothing = Difference::of(&before, &before, &Default::default());
    assert!(nothing.is_empty());
    let mut after = before.clone();
    after.routes.get_mut("all").unwrap().filter = "false".into();
    after.sinks.clear();
    after.sinks.insert("other".into(), SinkSpec::EventHub { entity: None, connection: None });
    let difference = Difference::of(&before, &after, &["functions/mine.rhai".to_owned()].into());
    let text = |ids: &std::collections::BTreeSet<String>| {
        ids.iter().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(text(&difference.gone), "sinks/series");
    assert_eq!(
        text(&difference.fresh),
        "functions/mine functions/series routes/all sinks/other sources/door subscriptions/to-mine subscriptions/to-series"
    );
}

#[test]
fn a_circle_through_a_function_is_told_and_a_function_without_callers() {
    let lonely = GOOD.replace(
        r#""subscriptions": {"s1": {"endpoint": "eg", "function": "up"}}"#,
        r#""subscriptions": {}"#,
    );
    let of = |text: &str| Topology::parse(text).unwrap().warnings();
    let told = of(&lonely);
    assert_eq!((told.len(), told[0].path.as_str()), (1, "/functions/up"));
    let told = of(GOOD);
    assert!(told[0].message.contains("the route «r1»"), "{told:?}");
}
