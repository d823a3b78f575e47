//! What is written to disk is read as it was, and what is not of that form is refused.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use twin_graph::{
    AppliedOperation, Cause, Change, ChangeKind, Contents, EventRoute, Operation, OperationKind,
    Origin, Relationship, StoredModel, Timestamp, TraceContext, Twin,
};

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,5}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn text() -> impl Strategy<Value = Arc<str>> {
    ".{0,30}".prop_map(Arc::from)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..200_000_000_000_000_000_i64).prop_map(Timestamp::from_ticks)
}

fn contents() -> impl Strategy<Value = Contents> {
    let values = prop::collection::hash_map("[a-z]{1,9}", json_value(), 0..6);
    (values, time(), time(), ".*").prop_map(|(values, first, last, other)| {
        let mut contents = Contents::new(values.clone(), first);
        for (index, (name, value)) in values.into_iter().enumerate() {
            if index % 2 == 0 {
                contents.set(&name, value.into(), last);
            }
            if index % 3 == 0 {
                contents.set_source_time(&name, first);
            }
        }
        contents.set(&other, json!(1).into(), last);
        contents.updated = last;
        contents
    })
}

fn twin() -> impl Strategy<Value = Arc<Twin>> {
    let components = prop::collection::btree_map("[a-z]{1,9}", contents(), 0..3);
    (text(), text(), text(), contents(), components).prop_map(
        |(id, model, etag, contents, components)| {
            let components = components.into_iter().collect();
            Arc::new(Twin { id, model, etag, contents, components })
        },
    )
}

fn relationship() -> impl Strategy<Value = Arc<Relationship>> {
    let properties = prop::collection::hash_map("[a-z]{1,9}", json_value(), 0..4);
    (text(), text(), text(), text(), properties).prop_map(|(id, source, target, name, values)| {
        let properties = values.into_iter().map(|(name, value)| (name, value.into())).collect();
        let etag = id.clone();
        Arc::new(Relationship { id, source, target, name, etag, properties })
    })
}

fn patch() -> impl Strategy<Value = Vec<AppliedOperation>> {
    let op = prop_oneof![
        Just(OperationKind::Add),
        Just(OperationKind::Replace),
        Just(OperationKind::Remove),
    ];
    let value = || prop::option::of(json_value());
    let operation = (op, ".*", value(), value()).prop_map(|(op, path, value, previous)| {
        AppliedOperation { operation: Operation { op, path, value }, previous }
    });
    prop::collection::vec(operation, 0..4)
}

fn kind() -> impl Strategy<Value = ChangeKind> {
    let model = (json_value(), time(), any::<bool>()).prop_map(|(document, uploaded, off)| {
        StoredModel { document: Arc::new(document), uploaded, decommissioned: off }
    });
    let route = || {
        (text(), text(), text())
            .prop_map(|(id, endpoint, filter)| Arc::new(EventRoute { id, endpoint, filter }))
    };
    prop_oneof![
        prop::collection::vec(model, 0..3).prop_map(|models| ChangeKind::ModelsPut { models }),
        text().prop_map(|id| ChangeKind::ModelDecommissioned { id }),
        text().prop_map(|id| ChangeKind::ModelDeleted { id }),
        (twin(), any::<bool>()).prop_map(|(twin, replaced)| ChangeKind::TwinPut { twin, replaced }),
        (text(), text(), patch(), prop::collection::vec((".*", time()), 0..3), text()).prop_map(
            |(id, model, patch, source_times, etag)| ChangeKind::TwinPatched {
                id,
                model,
                patch,
                source_times,
                etag
            }
        ),
        twin().prop_map(|twin| ChangeKind::TwinDeleted { twin }),
        (relationship(), any::<bool>()).prop_map(|(relationship, replaced)| {
            ChangeKind::RelationshipPut { relationship, replaced }
        }),
        (text(), text(), patch(), text()).prop_map(|(source, id, patch, etag)| {
            ChangeKind::RelationshipPatched { source, id, patch, etag }
        }),
        relationship().prop_map(|relationship| ChangeKind::RelationshipDeleted { relationship }),
        (route(), any::<bool>())
            .prop_map(|(route, replaced)| ChangeKind::EventRoutePut { route, replaced }),
        route().prop_map(|route| ChangeKind::EventRouteDeleted { route }),
        (text(), prop::option::of(text()), text(), prop::option::of(time()), json_value())
            .prop_map(|(twin, component, message_id, source_time, body)| ChangeKind::Telemetry {
                model: twin.clone(),
                twin,
                component,
                message_id,
                source_time,
                body
            }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let origin = prop_oneof![
        Just(Origin::Rest),
        Just(Origin::App),
        Just(Origin::Workspace),
        Just(Origin::Remote),
        (text(), text(), any::<u64>()).prop_map(|(name, after, hops)| Origin::Function {
            name,
            after,
            hops
        }),
    ];
    (any::<u64>(), time(), (any::<u128>(), any::<u64>()), origin, kind()).prop_map(
        |(version, time, (trace, span), origin, kind)| {
            let cause = Cause { trace: TraceContext::new(trace, span), origin };
            Change { version, time, cause, kind }
        },
    )
}

proptest! {
    #[test]
    fn is_read_as_it_was_written(change in change()) {
        let record = change.to_record();
        prop_assert_eq!(&Change::from_record(&record).unwrap(), &change);
        // The order of members is kept, which equality does not look at.
        let again = Change::from_record(&record).unwrap();
        prop_assert_eq!(again.to_json().to_string(), change.to_json().to_string());
        for end in 0..record.len() {
            prop_assert!(Change::from_record(&record[..end]).is_err(), "cut at {}", end);
        }
        let mut longer = record;
        longer.push(0);
        prop_assert!(Change::from_record(&longer).is_err());
    }

    #[test]
    fn other_bytes_are_refused_or_read_but_never_panic(
        mut record in change().prop_map(|change| change.to_record()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let at = at.index(record.len());
        record[at] = byte;
        drop(Change::from_record(&record));
        drop(Change::from_record(&record[at..]));
    }
}

/// A record of the first form, as it was written: if this fails, records on disk are not read any
/// more, and the number of the form must be another one.
#[test]
fn the_form_stays() {
    let patch = vec![AppliedOperation {
        operation: Operation {
            op: OperationKind::Replace,
            path: "/temperature".into(),
            value: Some(json!(21.5)),
        },
        previous: Some(json!(20)),
    }];
    let change = Change {
        version: 300,
        time: Timestamp::from_ticks(17_000_000_000_000_000),
        cause: Cause { trace: TraceContext::new(7, 9), origin: Origin::Rest },
        kind: ChangeKind::TwinPatched {
            id: "thermo_0001".into(),
            model: "dtmi:t:T;1".into(),
            patch,
            source_times: Vec::new(),
            etag: "W/\"1\"".into(),
        },
    };
    let hex: String = change.to_record().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "02ac0200802ef168653c0007000000000000000000000000000000090000000000000001050b746865726d6f5f30",
        "3030310a64746d693a743a543b3101020c2f74656d70657261747572650105000000000080354001032800055",
        "72f223122",
    );
    assert_eq!(hex, expected);
}
