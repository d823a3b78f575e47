//! What must have happened between what is known and what the service has now.

use crate::copy::now;
use std::sync::Arc;
use twin_graph::{
    AppliedOperation, ChangeKind, Contents, Operation, OperationKind, Relationship, Timestamp, Twin,
};

/// One thing that happened, and when.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) time: Timestamp,
    pub(crate) kind: ChangeKind,
}

impl Step {
    /// Seen now; when it happened is not known.
    pub(crate) fn now(kind: ChangeKind) -> Self {
        Self { time: now(), kind }
    }
}

/// What happened to a twin: property by property where that explains all of it, else as a whole.
pub(crate) fn twin(local: Option<&Arc<Twin>>, remote: Twin) -> Vec<Step> {
    let time = if remote.updated() == Timestamp::default() { now() } else { remote.updated() };
    match local {
        // The query index is behind what was read directly.
        Some(local) if local.etag == remote.etag || remote.updated() < local.updated() => {
            Vec::new()
        }
        Some(local) => patches(local, &remote).unwrap_or_else(|| {
            vec![Step {
                time,
                kind: ChangeKind::TwinPut { twin: Arc::new(remote), replaced: true },
            }]
        }),
        None => {
            vec![Step {
                time,
                kind: ChangeKind::TwinPut { twin: Arc::new(remote), replaced: false },
            }]
        }
    }
}

/// The patches that make `local` what `remote` is, each at the time that the service gives its
/// properties; `None` where patches do not get there (another model, a component come or gone).
fn patches(local: &Twin, remote: &Twin) -> Option<Vec<Step>> {
    if local.model != remote.model || !local.components.keys().eq(remote.components.keys()) {
        return None;
    }
    let mut operations = operations("", &local.contents, &remote.contents);
    for (name, component) in &remote.components {
        let at = format!("/{}", escape(name));
        operations.extend(self::operations(&at, local.components.get(name)?, component));
    }
    operations.sort_by_key(|(time, _)| *time);
    let mut steps = Vec::new();
    let mut twin = local.clone();
    for group in operations.chunk_by(|(a, _), (b, _)| a == b) {
        let time = group[0].0;
        let patch: Vec<_> = group.iter().map(|(_, operation)| operation.clone()).collect();
        let (patched, applied) = twin.patched(patch, time).ok()?;
        twin = patched;
        let source_times = source_times(remote, &applied);
        for (name, source) in &source_times {
            twin.contents.times(name)?;
            twin.contents.set_source_time(name, *source);
        }
        twin.etag = remote.etag.clone();
        let (id, model, etag) = (remote.id.clone(), remote.model.clone(), remote.etag.clone());
        let kind = ChangeKind::TwinPatched { id, model, patch: applied, source_times, etag };
        steps.push(Step { time, kind });
    }
    (twin == *remote).then_some(steps)
}

/// What was written in `remote` since `local`, with its times. A value that was written anew and
/// is the same counts: it has another time.
fn operations(at: &str, local: &Contents, remote: &Contents) -> Vec<(Timestamp, Operation)> {
    let path = |name: &str| format!("{at}/{}", escape(name));
    let updated = |contents: &Contents, name: &str| contents.times(name).map(|times| times.updated);
    let mut operations = Vec::new();
    for (name, value) in remote.values() {
        let known = local.get(name);
        let time = updated(remote, name);
        if known == Some(value) && time == updated(local, name) {
            continue;
        }
        let op = if known.is_some() { OperationKind::Replace } else { OperationKind::Add };
        let operation = Operation { op, path: path(name), value: Some(value.to_json()) };
        operations.push((time.unwrap_or(remote.updated), operation));
    }
    for (name, _) in local.values().filter(|(name, _)| remote.get(name).is_none()) {
        let operation = Operation { op: OperationKind::Remove, path: path(name), value: None };
        operations.push((remote.updated, operation));
    }
    operations
}

/// `sourceTime` of the twin's own properties in `patch`.
fn source_times(remote: &Twin, patch: &[AppliedOperation]) -> Vec<(String, Timestamp)> {
    let written =
        |name: &str| patch.iter().any(|done| done.operation.path == format!("/{}", escape(name)));
    let times = remote.contents.all_times().into_iter();
    let sources = times.filter_map(|(name, times)| Some((name.to_string(), times.source?)));
    sources.filter(|(name, _)| written(name)).collect()
}

/// What happened to a relationship. The service gives it no times, so `now` is its time.
pub(crate) fn relationship(
    local: Option<&Arc<Relationship>>,
    remote: Relationship,
    now: Timestamp,
) -> Option<Step> {
    let kind = match local {
        Some(local) if **local == remote => return None,
        Some(local) if local.etag == remote.etag && !remote.etag.is_empty() => return None,
        Some(local) => relationship_patch(local, &remote).unwrap_or_else(|| {
            ChangeKind::RelationshipPut { relationship: Arc::new(remote), replaced: true }
        }),
        None => ChangeKind::RelationshipPut { relationship: Arc::new(remote), replaced: false },
    };
    Some(Step { time: now, kind })
}

fn relationship_patch(local: &Relationship, remote: &Relationship) -> Option<ChangeKind> {
    let contents = |relationship: &Relationship| {
        let values = relationship.properties.iter();
        Contents::new(values.map(|(name, value)| (name, value.clone())), Timestamp::default())
    };
    let operations = operations("", &contents(local), &contents(remote));
    let operations: Vec<_> = operations.into_iter().map(|(_, operation)| operation).collect();
    let (mut patched, patch) = local.patched(operations).ok()?;
    patched.etag = remote.etag.clone();
    let (source, id, etag) = (remote.source.clone(), remote.id.clone(), remote.etag.clone());
    (patched == *remote && !patch.is_empty()).then_some(ChangeKind::RelationshipPatched {
        source,
        id,
        patch,
        etag,
    })
}

/// A property's name as a segment of a JSON Pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use serde_json::{Value, json};
    use twin_graph::{Cause, Change, Origin, TraceContext, TwinGraph};

    fn twin_of(body: Value) -> Twin {
        Twin::from_json(&body).unwrap()
    }

    /// A twin whose properties were last written at these seconds.
    fn timed(
        etag: &str,
        model: &str,
        properties: &[(&str, Value, u32)],
        battery: Option<(Value, u32)>,
    ) -> Twin {
        let at = |second: u32| format!("2026-11-21T09:00:{second:02}.0000000Z");
        let last = properties.iter().map(|p| p.2).chain(battery.iter().map(|b| b.1)).max();
        let mut body = json!({"$dtId": "t", "$etag": etag, "$metadata": {"$model": model, "$lastUpdateTime": at(last.unwrap_or(0))}});
        for (name, value, second) in properties {
            body[*name] = value.clone();
            body["$metadata"][*name] = json!({"lastUpdateTime": at(*second)});
        }
        if let Some((level, second)) = battery {
            body["battery"] = json!({"level": level, "$metadata": {"$lastUpdateTime": at(second), "level": {"lastUpdateTime": at(second)}}});
        }
        twin_of(body)
    }

    fn apply(local: &Twin, steps: &[Step]) -> Twin {
        let mut graph = TwinGraph::new();
        let first = Step {
            time: local.updated(),
            kind: ChangeKind::TwinPut { twin: Arc::new(local.clone()), replaced: false },
        };
        let cause = Cause { trace: TraceContext::new(1, 1), origin: Origin::Remote };
        for (version, step) in (1..).zip([&first].into_iter().chain(steps)) {
            let (time, kind) = (step.time, step.kind.clone());
            graph.apply(&Change { version, time, cause: cause.clone(), kind }).unwrap();
        }
        Twin::clone(graph.twin("t").unwrap())
    }

    /// How the steps read, for comparison with what is expected.
    fn told(steps: &[Step]) -> Vec<String> {
        let one = |step: &Step| match &step.kind {
            ChangeKind::TwinPatched { patch, .. } => patch
                .iter()
                .map(|p| {
                    let Operation { op, path, value } = &p.operation;
                    format!(
                        "{op} {path} {:?}→{:?}",
                        p.previous.clone().unwrap_or_default(),
                        value.clone().unwrap_or_default()
                    )
                    .replace("Number(", "")
                    .replace(')', "")
                })
                .collect::<Vec<_>>()
                .join(", "),
            ChangeKind::TwinPut { replaced, .. } => format!("put {replaced}"),
            other => panic!("{other:?}"),
        };
        steps.iter().map(one).collect()
    }

    #[test]
    fn twins_are_followed_property_by_property() {
        let before =
            timed("W/\"1\"", "m", &[("a", json!(1), 1), ("b", json!(2), 1)], Some((json!(5), 1)));
        let after =
            |properties: &[(&str, Value, u32)], battery| timed("W/\"2\"", "m", properties, battery);
        let battery = |level: i32, second| Some((json!(level), second));
        let cases = [
            (
                after(&[("a", json!(9), 2), ("b", json!(2), 1)], battery(5, 1)),
                vec!["replace /a 1→9"],
            ),
            // Two writes between two rounds come apart again by their times, in order.
            (
                after(&[("a", json!(9), 3), ("b", json!(8), 2)], battery(5, 1)),
                vec!["replace /b 2→8", "replace /a 1→9"],
            ),
            (
                after(&[("a", json!(9), 2), ("b", json!(8), 2)], battery(5, 1)),
                vec!["replace /a 1→9, replace /b 2→8"],
            ),
            (
                after(&[("a", json!(1), 1), ("b", json!(2), 1)], battery(6, 4)),
                vec!["replace /battery/level 5→6"],
            ),
            (
                after(
                    &[("a", json!(1), 1), ("b", json!(2), 1), ("x/y", json!(3), 2)],
                    battery(5, 1),
                ),
                vec!["add /x~1y Null→3"],
            ),
            // Written with the same value.
            (
                after(&[("a", json!(1), 2), ("b", json!(2), 1)], battery(5, 1)),
                vec!["replace /a 1→1"],
            ),
            (after(&[("a", json!(1), 1), ("b", json!(2), 1)], None), vec!["put true"]),
            (timed("W/\"2\"", "other", &[("a", json!(1), 2)], battery(5, 1)), vec!["put true"]),
            // Only the ETag is new.
            (after(&[("a", json!(1), 1), ("b", json!(2), 1)], battery(5, 1)), vec![]),
        ];
        for (remote, expected) in cases {
            let steps = twin(Some(&Arc::new(before.clone())), remote.clone());
            if expected.is_empty() {
                assert_eq!(told(&steps), ["put true"]);
            } else {
                assert_eq!(told(&steps), expected);
            }
            assert_eq!(apply(&before, &steps), remote, "{expected:?}");
        }
    }

    #[test]
    fn a_removed_property_and_a_source_time_are_followed() {
        let at = "2026-11-21T09:00:05.0000000Z";
        let before = timed("W/\"1\"", "m", &[("a", json!(1), 1), ("b", json!(2), 1)], None);
        let remote = twin_of(json!({
            "$dtId": "t", "$etag": "W/\"2\"", "a": 3,
            "$metadata": {"$model": "m", "$lastUpdateTime": at,
                "a": {"lastUpdateTime": at, "sourceTime": "2026-11-21T08:00:00.0000000Z"}},
        }));
        let steps = twin(Some(&Arc::new(before.clone())), remote.clone());
        assert_eq!(told(&steps), ["replace /a 1→3, remove /b 2→Null"]);
        assert_eq!(apply(&before, &steps), remote);
    }

    #[test]
    fn what_is_older_changes_nothing() {
        let known = Arc::new(timed("W/\"2\"", "m", &[("a", json!(2), 5)], None));
        assert!(twin(Some(&known), timed("W/\"1\"", "m", &[("a", json!(1), 4)], None)).is_empty());
        assert!(twin(Some(&known), Twin::clone(&known)).is_empty());
        assert_eq!(told(&twin(None, Twin::clone(&known))), ["put false"]);
    }

    #[test]
    fn relationships_are_followed() {
        let of = |etag: &str, target: &str, properties: Value| Relationship {
            id: "r".into(),
            source: "a".into(),
            target: target.into(),
            name: "n".into(),
            etag: etag.into(),
            properties: properties.as_object().unwrap().clone().into(),
        };
        let local = Arc::new(of("1", "b", json!({"x": 1, "y": 2})));
        let told = |local, remote| match relationship(local, remote, now()).map(|step| step.kind) {
            None => "nothing".to_owned(),
            Some(ChangeKind::RelationshipPut { replaced, .. }) => format!("put {replaced}"),
            Some(ChangeKind::RelationshipPatched { patch, .. }) => {
                let one = |p: &AppliedOperation| format!("{} {}", p.operation.op, p.operation.path);
                patch.iter().map(one).collect::<Vec<_>>().join(", ")
            }
            other => panic!("{other:?}"),
        };
        for (remote, expected) in [
            (of("1", "b", json!({"x": 1, "y": 2})), "nothing"),
            (of("2", "b", json!({"x": 9, "z": 1})), "replace /x, add /z, remove /y"),
            (of("2", "c", json!({"x": 1, "y": 2})), "put true"),
            (of("2", "b", json!({"x": 1, "y": 2})), "put true"),
        ] {
            assert_eq!(told(Some(&local), remote.clone()), expected, "{remote:?}");
        }
        assert_eq!(told(None, of("1", "b", json!({}))), "put false");
    }
}
