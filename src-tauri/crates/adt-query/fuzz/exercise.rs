//! What the fuzzer asks of any bytes, and what `cargo test` asks of its corpus.

use adt_query::{Engine, Request, Stopped, complete, diagnose, highlight, parse};
use dtdl::Models;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use twin_graph::{Relationship, Twin, TwinGraph};

/// A query's text, as far as the bytes are one: it is parsed, run in pages over a small graph, and
/// looked at as an editor does. Nothing may panic, and every place that is told is of the text.
pub fn exercise(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let models = Models::default();
    for piece in highlight(text) {
        assert!(text.get(piece.bytes).is_some());
    }
    for diagnostic in diagnose(text, &models) {
        assert!(text.get(diagnostic.bytes).is_some());
    }
    for at in [0, text.len() / 2, text.len()] {
        assert!(text.get(complete(text, at, &models).replace).is_some());
    }
    match parse(text) {
        Ok(query) => run(&query),
        Err(error) => assert!(text.get(error.bytes).is_some(), "{text:?}"),
    }
}

fn run(query: &adt_query::Query) {
    let (graph, engine) = (graph(), Engine::new().columns_from(1));
    for limit in [None, Some(1), Some(3)] {
        let asked = AtomicU64::new(0);
        let stop = || (asked.fetch_add(1, Ordering::Relaxed) > 20).then_some(Stopped::TimedOut);
        let mut after = None;
        for _ in 0..20 {
            let request = Request { after: after.as_ref(), limit, stop: &stop };
            let Ok(answer) = engine.execute(query, &graph, request) else { break };
            assert!(answer.rows().count() == answer.len());
            let Some(next) = answer.next() else { break };
            after = Some(next.clone());
        }
    }
}

fn graph() -> Arc<TwinGraph> {
    let twin = |id: &str, values: &str| {
        let text = format!(
            r#"{{"$dtId": "{id}", "$etag": "", "$metadata": {{"$model": "dtmi:t:Room;1"}}, {values}}}"#
        );
        let document = serde_json::from_str(&text).unwrap_or_default();
        Twin::from_json(&document).map(Arc::new)
    };
    let twins = [
        twin("a", r#""name": "a", "x": 1"#),
        twin("b", r#""x": "2026-11-21T09:00:00Z""#),
        twin("c", r#""x": [1], "y": {"z": null}"#),
    ];
    let relationships = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "b"), ("c", "c")].into_iter();
    let relationships = relationships.enumerate().map(|(id, (source, target))| {
        Arc::new(Relationship {
            id: id.to_string().into(),
            source: source.into(),
            target: target.into(),
            name: "contains".into(),
            etag: "".into(),
            properties: Default::default(),
        })
    });
    let graph = TwinGraph::restore(1, &[], twins.into_iter().flatten(), relationships);
    Arc::new(graph.unwrap_or_default())
}
