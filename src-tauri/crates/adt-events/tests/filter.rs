//! The route filter language: what matches, why not, what is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use adt_events::{Filter, Notification, NotificationType, Verdict};
use proptest::prelude::*;
use serde_json::{Value, json};
use twin_graph::{Timestamp, TraceContext};

fn update() -> Notification {
    Notification {
        id: "1".into(),
        kind: NotificationType::TwinUpdate,
        source: "contoso.api.weu.digitaltwins.azure.net".into(),
        subject: Some("thermo_0001".into()),
        time: Some(Timestamp::from_ticks(1)),
        dataschema: None,
        trace: TraceContext::new(1, 1),
        hops: 0,
        data: json!({
            "modelId": "dtmi:example:Thermostat;1",
            "patch": [{"value": 21.5, "path": "/temperature", "op": "replace"}],
            "$metadata": {"$model": "dtmi:example:Thermostat;1"},
            "errorCode": 201,
            "temperature": 5.5,
            "poweredOn": true,
            "nothing": null,
            "nested": {"deep": {"count": 3}},
            "quote": "it's"
        }),
    }
}

fn telemetry() -> Notification {
    Notification {
        id: "m-1".into(),
        kind: NotificationType::Telemetry,
        source: "contoso.api.weu.digitaltwins.azure.net/digitaltwins/thermo_0001".into(),
        subject: None,
        time: None,
        dataschema: Some("dtmi:example:Thermostat;1".into()),
        trace: TraceContext::new(1, 1),
        hops: 0,
        data: json!({"temperatureReading": 21.5}),
    }
}

/// Filter, whether it takes [`update`], whether it takes [`telemetry`].
const CASES: &[(&str, bool, bool)] = &[
    ("true", true, true),
    ("false", false, false),
    ("(true)", true, true),
    ("type = 'Microsoft.DigitalTwins.Twin.Update'", true, false),
    ("type != 'Microsoft.DigitalTwins.Twin.Update'", false, true),
    ("type = 'microsoft.digitaltwins.twin.update'", false, false),
    ("'microsoft.iot.telemetry' = type", false, true),
    ("source = 'contoso.api.weu.digitaltwins.azure.net'", true, false),
    ("subject = 'thermo_0001'", true, false),
    ("subject = null", false, true),
    ("subject != null", true, false),
    ("subject != 'x'", true, false),
    ("dataschema = 'dtmi:example:Thermostat;1'", false, true),
    ("datacontenttype = 'application/json'", true, true),
    ("specversion = '1.0'", true, true),
    ("specversion = 1.0", false, false),
    ("$body.modelId = 'dtmi:example:Thermostat;1'", true, false),
    ("STARTS_WITH($body.$metadata.$model, 'dtmi:example:')", true, false),
    ("ENDS_WITH($body.$metadata.$model, 'Thermostat;1')", true, false),
    ("CONTAINS(subject, '_00')", true, false),
    ("CONTAINS(subject, 'thermo_0002')", false, false),
    ("STARTS_WITH($body.errorCode, '2')", false, false),
    ("$body.errorCode > 200", true, false),
    ("$body.errorCode >= 201", true, false),
    ("$body.errorCode < 201", false, false),
    ("$body.errorCode = 201.0", true, false),
    ("$body.errorCode > '200'", false, false),
    ("$body.errorCode != '201'", true, false),
    ("$body.temperature <= 5.5", true, false),
    ("$body.temperature > -3", true, false),
    ("$body.poweredOn = true", true, false),
    ("$body.poweredOn > false", false, false),
    ("$body.nothing = null", true, true),
    ("$body.nothing != null", false, false),
    ("$body.nested.deep.count = 3", true, false),
    ("$body.nested.deep = 3", false, false),
    ("$body.quote = 'it\\'s'", true, false),
    ("$body.temperatureReading > 20", false, true),
    // Fields within an array cannot be filtered on.
    ("$body.patch.0.path = '/temperature'", false, false),
    ("type = 'a' OR type = 'b' OR $body.poweredOn = true", true, false),
    ("true OR false AND false", true, true),
    ("(true OR false) AND false", false, false),
    ("type = 'microsoft.iot.telemetry' AND $body.temperatureReading < 30", false, true),
    (
        "(type != 'microsoft.iot.telemetry' OR datacontenttype = 'application/json') OR (specversion != '1.0')",
        true,
        true,
    ),
    // The preview's form, as the SDKs' tests write it.
    (
        "$eventType = 'DigitalTwinTelemetryMessages' or $eventType = 'DigitalTwinLifecycleNotification'",
        false,
        true,
    ),
    ("$eventType = 'DigitalTwinChangeNotification'", true, false),
    ("\n  type\n = 'microsoft.iot.telemetry'\t", false, true),
];

#[test]
fn matches() {
    for (text, of_update, of_telemetry) in CASES {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for (notification, expected) in [(update(), of_update), (telemetry(), of_telemetry)] {
            assert_eq!(filter.matches(&notification), *expected, "{text}, {}", notification.kind);
            let verdict = filter.check(&notification);
            assert_eq!(verdict == Verdict::Matched, *expected, "{text}: {verdict:?}");
        }
        let written = filter.to_string();
        assert_eq!(Filter::parse(&written).unwrap(), filter, "{text} was written as {written}");
    }
}

#[test]
fn says_which_part_decided_and_what_it_saw() {
    let cases = [
        ("false", "false", "nothing of the notification"),
        (
            "type = 'microsoft.iot.telemetry' AND $body.x = 1",
            "type = 'microsoft.iot.telemetry'",
            "'Microsoft.DigitalTwins.Twin.Update'",
        ),
        ("$body.poweredOn = true AND ($body.errorCode > 300)", "$body.errorCode > 300", "201"),
        ("$body.nested.missing = 3", "$body.nested.missing = 3", "not there"),
        ("$body.nothing != null", "$body.nothing != null", "null"),
        ("CONTAINS(subject, 'Room')", "CONTAINS(subject, 'Room')", "'thermo_0001'"),
        // No part of an OR alone decides.
        (
            "true AND (subject = 'a' OR subject = 'b')",
            "subject = 'a' OR subject = 'b'",
            "'thermo_0001'",
        ),
        (
            "subject = 'a' OR $body.poweredOn = false AND true",
            "subject = 'a' OR $body.poweredOn = false AND true",
            "subject: 'thermo_0001', $body.poweredOn: true",
        ),
    ];
    for (text, part, saw) in cases {
        let expected = Verdict::NotMatched { part: part.into(), saw: saw.into() };
        assert_eq!(Filter::parse(text).unwrap().check(&update()), expected, "{text}");
    }
}

#[test]
fn refuses_with_the_place() {
    let deep = format!("{}true{}", "(".repeat(200), ")".repeat(200));
    let long = "true OR ".repeat(10_000);
    let cases = [
        ("this is not a filter", 1, 6, "Unexpected input 'is'"),
        ("", 1, 1, "Unexpected input '<EOF>'"),
        ("type = ", 1, 8, "Unexpected input '<EOF>'"),
        ("type", 1, 5, "Unexpected input '<EOF>'"),
        ("type =\n= 'x'", 2, 1, "Unexpected input '='"),
        ("type = 'x", 1, 8, "Unexpected input ''x'"),
        ("type = \"x\"", 1, 8, "Unexpected input '\"'"),
        ("NOT type = 'x'", 1, 5, "Unexpected input 'type'"),
        ("type IN ['a']", 1, 6, "Unexpected input 'IN'"),
        ("$body.patch[0].path = 'x'", 1, 12, "Unexpected input '['"),
        ("$body..x = 1", 1, 1, "Unexpected input '$body..x'"),
        ("STARTSWITH(subject, 'a')", 1, 11, "Unexpected input '('"),
        ("STARTS_WITH(subject 'a')", 1, 21, "Unexpected input ''a''"),
        ("starts_with(subject, 'a')", 1, 12, "Unexpected input '('"),
        ("(true", 1, 6, "Unexpected input '<EOF>'"),
        ("true)", 1, 5, "Unexpected input ')'"),
        ("true AND", 1, 9, "Unexpected input '<EOF>'"),
        ("AND", 1, 1, "Unexpected input 'AND'"),
        ("null", 1, 5, "Unexpected input '<EOF>'"),
        ("$body.x = 1e5", 1, 11, "Unexpected input '1e5'"),
        ("$body.x = 99999999999999999999", 1, 11, "Unexpected input '99999999999999999999'"),
        ("body.x = 1 AND type = 'a'", 1, 1, "Unknown reference 'body.x'"),
        (deep.as_str(), 1, 65, "Parentheses are nested more than 64 deep"),
        (long.as_str(), 1, 1, "The filter has 80000 bytes; at most 32768 are taken"),
    ];
    for (text, line, position, message) in cases {
        let error = Filter::parse(text).unwrap_err();
        assert_eq!((error.line, error.position), (line, position), "{text}: {error}");
        assert!(error.message.starts_with(message), "{text}: {error}");
    }
    assert_eq!(
        Filter::parse("this is not a filter").unwrap_err().to_string(),
        "Parsing error, Line=1, Position=6, Message=Unexpected input 'is'"
    );
}

fn operand() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("type".to_owned()),
        Just("subject".to_owned()),
        Just("dataschema".to_owned()),
        "\\$body(\\.[a-z$][a-z0-9_]{0,3}){1,3}",
        "[a-zé'\\\\ ]{0,6}"
            .prop_map(|text| { format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")) }),
        any::<i64>().prop_map(|number| number.to_string()),
        (-1e9..1e9f64).prop_map(|number| format!("{number:.3}")),
        Just("null".to_owned()),
        Just("true".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let compare =
        (operand(), prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]), operand())
            .prop_map(|(left, operator, right)| format!("{left} {operator} {right}"));
    let function =
        (prop::sample::select(vec!["STARTS_WITH", "ENDS_WITH", "CONTAINS"]), operand(), operand())
            .prop_map(|(name, text, part)| format!("{name}({text}, {part})"));
    let leaf = prop_oneof![compare, function, Just("true".to_owned()), Just("false".to_owned())];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.join(" AND ")),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.join(" OR ")),
            inner.prop_map(|part| format!("({part})")),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn never_panics_on_pieces_of_the_language(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "(", ")", ",", "=", "!=", "<", "AND", "or", "type", "$body.a", "$body.", "$eventType",
            "'a'", "'", "\\'", "1", "-", "1.5", "true", "null", "CONTAINS", "é", "\n",
        ]), 0..24)
    ) {
        let _ = Filter::parse(&pieces.join(" "));
        let _ = Filter::parse(&pieces.concat());
    }

    #[test]
    fn reads_what_it_writes(text in condition()) {
        let filter = Filter::parse(&text).unwrap();
        let again = Filter::parse(&filter.to_string()).unwrap();
        prop_assert_eq!(&again, &filter, "{} was written as {}", text, filter);
        let notification = update();
        prop_assert_eq!(filter.matches(&notification), filter.check(&notification) == Verdict::Matched);
    }

    #[test]
    fn a_part_that_decided_is_a_filter_that_does_not_match(text in condition()) {
        let notification = telemetry();
        if let Verdict::NotMatched { part, .. } = Filter::parse(&text).unwrap().check(&notification) {
            prop_assert!(!Filter::parse(&part).unwrap().matches(&notification), "{}", part);
        }
    }
}

#[test]
fn a_number_beyond_a_double_keeps_its_value() {
    let mut notification = telemetry();
    notification.data = json!({"big": i64::MAX, "huge": u64::MAX});
    let holds = |text: &str| Filter::parse(text).unwrap().matches(&notification);
    assert!(holds("$body.big = 9223372036854775807"));
    assert!(!holds("$body.big = 9223372036854775806"));
    assert!(holds("$body.huge > 9223372036854775807"));
    notification.data = Value::from(3);
    assert!(!Filter::parse("$body.x = 3").unwrap().matches(&notification));
}
