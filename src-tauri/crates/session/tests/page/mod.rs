//! What the page asks, and the graph as it sees it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use session::wire::{
    Answer, GraphMessage, Phase, PropertyMessage, Request, Response, Status, Target,
};
use session::{Explorer, Folders};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub fn explorer(home: &Path) -> Arc<Explorer> {
    Explorer::new(Folders { config: home.join("config"), data: home.join("data") })
}

pub async fn status(explorer: &Arc<Explorer>) -> Status {
    match explorer.handle(Request::Status).await {
        Response::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

/// Asks until the answer is there, for 20 seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    for _ in 0..400 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within 20 s: {what}");
}

pub async fn open(explorer: &Arc<Explorer>, target: Target) -> Status {
    explorer.open(target);
    eventually("open", || async {
        let status = status(explorer).await;
        match &status.phase {
            Phase::Opening { .. } => None,
            _ => Some(status),
        }
    })
    .await
}

pub async fn graph(explorer: &Arc<Explorer>, since: Option<u64>) -> GraphMessage {
    match explorer.answer(Request::Graph { since }).await {
        Answer::Columns(message) => GraphMessage::decode(&message).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub async fn property(explorer: &Arc<Explorer>, name: &str) -> PropertyMessage {
    match explorer.answer(Request::Property { name: name.into() }).await {
        Answer::Columns(message) => PropertyMessage::decode(&message).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Centre, flags and value (its bits: none is not a number) of each twin of a whole graph.
pub fn drawn(message: &GraphMessage) -> BTreeMap<String, ([f32; 2], u8, u64)> {
    assert!(message.twin_row == message.place_row && message.twin_row == message.value_row);
    let (centres, _) = message.place.as_chunks::<2>();
    let values = message.value.iter().map(|value| value.to_bits());
    let rows = centres.iter().zip(&message.place_flags).zip(values);
    let rows = rows.map(|((at, flags), value)| (*at, *flags, value));
    message.twin_id.iter().zip(rows).collect()
}

/// Waits until the layout is done, and answers the graph then.
pub async fn arranged(explorer: &Arc<Explorer>) -> GraphMessage {
    eventually("laid out", || async {
        let whole = graph(explorer, None).await;
        whole.head.arranging.is_none().then_some(whole)
    })
    .await
}

/// Centres by `$dtId`.
pub fn centres(message: &GraphMessage) -> BTreeMap<String, [f32; 2]> {
    drawn(message).into_iter().map(|(id, (at, ..))| (id, at)).collect()
}

/// A file of twins as the import job takes it: a hall with floors of rooms.
pub fn hall(floors: usize, rooms: usize) -> String {
    let mut lines = vec![
        r#"{"Section":"Header"}"#.to_owned(),
        r#"{"fileVersion":"1.0.0","author":"a","organization":"o"}"#.to_owned(),
        r#"{"Section":"Models"}"#.to_owned(),
        model("Hall").to_string(),
        model("Room").to_string(),
        r#"{"Section":"Twins"}"#.to_owned(),
        twin("hall", "Hall"),
    ];
    let mut edges = vec![r#"{"Section":"Relationships"}"#.to_owned()];
    for floor in 0..floors {
        lines.push(twin(&format!("floor{floor}"), "Hall"));
        edges.push(edge("hall", &format!("floor{floor}")));
        for room in 0..rooms {
            lines.push(twin(&format!("room{floor}-{room}"), "Room"));
            edges.push(edge(&format!("floor{floor}"), &format!("room{floor}-{room}")));
        }
    }
    lines.extend(edges);
    lines.join("\n")
}

pub fn model(name: &str) -> serde_json::Value {
    serde_json::json!({
        "@id": format!("dtmi:test:{name};1"), "@type": "Interface",
        "@context": "dtmi:dtdl:context;3", "contents": [
            {"@type": "Property", "name": "temperature", "schema": "double", "writable": true},
            {"@type": "Relationship", "name": "contains"},
            {"@type": "Relationship", "name": "feeds"},
        ],
    })
}

pub fn twin(id: &str, model: &str) -> String {
    let model = format!("dtmi:test:{model};1");
    let body = serde_json::json!({"$dtId": id, "$metadata": {"$model": model}, "temperature": 20});
    body.to_string()
}

pub fn edge(source: &str, target: &str) -> String {
    named_edge(source, &format!("to {target}"), "contains", target)
}

pub fn named_edge(source: &str, id: &str, name: &str, target: &str) -> String {
    let body = serde_json::json!({"$dtId": source, "$relationshipId": id, "$targetId": target,
        "$relationshipName": name});
    body.to_string()
}

/// Copies the sample's files.
pub fn sample(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/contoso-building");
    copy(&from, to);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
