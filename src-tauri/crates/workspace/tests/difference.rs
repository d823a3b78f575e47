//! Old files, new files: what is to be done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

mod folder;

use folder::{LIGHT, change, folder, loaded, put};
use serde_json::json;
use std::fs;
use std::path::Path;
use workspace::{Applied, Difference, Source, difference, load};

/// What is to be done after `edit`.
fn after(edit: impl Fn(&Path)) -> Difference {
    let folder = folder();
    let applied = loaded(folder.path()).applied();
    // As it comes back from the journal.
    let applied: Applied = serde_json::from_value(serde_json::to_value(applied).unwrap()).unwrap();
    edit(folder.path());
    difference(&applied, &loaded(folder.path()))
}

fn patch(operations: serde_json::Value) -> Vec<twin_graph::Operation> {
    twin_graph::parse_patch(&operations).unwrap()
}

#[test]
fn nothing_comes_of_nothing() {
    assert!(after(|_| ()).is_empty());
    // Nor of what means the same.
    let same = after(|folder| {
        put(folder, "topology.json", "{}");
        change(folder, "twins.ndjson", "\"area\": 10.5, ", "\"area\":10.5,");
        change(
            folder,
            "twins.ndjson",
            "\"$metadata\":{},\"level\":3",
            "\"level\":3,\"$metadata\":{\"x\":1}",
        );
        let room = fs::read_to_string(folder.join("models/Room.json")).unwrap();
        put(folder, "models/Other.json", room);
        fs::remove_file(folder.join("models/Room.json")).unwrap();
    });
    assert!(same.is_empty(), "{same:#?}");
}

#[test]
fn the_first_time_is_everything_in_order() {
    let steps = difference(&Applied::default(), &load(&Source::Embedded).unwrap());
    assert_eq!(
        (steps.models_put.len(), steps.twins_put.len(), steps.relationships_put.len()),
        (4, 52, 51)
    );
    assert_eq!(steps.twins_put[0].id, "Building_1", "in the file's order");
    assert!(steps.topology.is_some());
    let folder = folder();
    let steps = difference(&Applied::default(), &loaded(folder.path()));
    assert_eq!(steps.models_put[0]["@id"], "dtmi:t:Light;1", "what Room needs comes first");
    assert!(steps.topology.is_none(), "none was there, none is");
}

#[test]
fn only_what_the_file_changed_is_patched() {
    let steps = after(|folder| {
        change(folder, "twins.ndjson", "\"area\":12.0", "\"area\":13.0,\"seats\":2");
        change(folder, "twins.ndjson", "\"level\":3", "\"level\":4");
        change(folder, "twins.ndjson", "\"seats\":4,", "");
    });
    let b = patch(json!([
        {"op": "add", "path": "/area", "value": 13.0},
        {"op": "add", "path": "/seats", "value": 2},
        {"op": "add", "path": "/light/level", "value": 4}
    ]));
    let a = patch(json!([{"op": "remove", "path": "/seats"}]));
    let twins_patched = vec![("b".into(), b), ("a".into(), a)];
    assert_eq!(steps, Difference { twins_patched, ..Difference::default() });
}

#[test]
fn twins_come_and_go() {
    let steps = after(|folder| {
        change(folder, "twins.ndjson", "\"$dtId\":\"a\"", "\"$dtId\":\"c\"");
        change(folder, "twins.ndjson", "\"$targetId\":\"a\"", "\"$targetId\":\"c\"");
    });
    let ids: Vec<&str> = steps.twins_put.iter().map(|twin| twin.id.as_str()).collect();
    assert_eq!((ids, &steps.twins_removed[..]), (vec!["c"], &["a".to_owned()][..]));
    assert_eq!(steps.relationships_put.len(), 1, "another target is another relationship");
    assert!(steps.relationships_removed.is_empty() && steps.twins_patched.is_empty());
}

#[test]
fn another_model_is_another_twin() {
    let steps = after(|folder| {
        put(folder, "models/Room2.json", folder::ROOM.replace("Room;1", "Room;2"));
        change(folder, "twins.ndjson", "Room;1", "Room;2");
        change(
            folder,
            "twins.ndjson",
            "\n{\"$dtId\":\"b\",\"$relationshipId\":\"r1\"",
            "\n{\"$dtId\":\"a\",\"$relationshipId\":\"r1\"",
        );
    });
    assert_eq!(steps.twins_put.iter().map(|twin| twin.id.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(steps.relationships_removed, [("b".to_owned(), "r1".to_owned())]);
    assert_eq!(steps.relationships_put[0].source, "a");
}

#[test]
fn a_new_component_is_no_patch() {
    let steps = after(|folder| {
        change(
            folder,
            "models/Room.json",
            "{ \"@type\": \"Component\"",
            "{ \"@type\": \"Component\", \"name\": \"lamp\", \"schema\": \"dtmi:t:Light;1\" },\n    { \"@type\": \"Component\"",
        );
        // Every twin of the model needs it.
        for before in ["\"area\":12.0", "\"area\": 10.5"] {
            change(
                folder,
                "twins.ndjson",
                before,
                &format!("\"lamp\":{{\"$metadata\":{{}}}},{before}"),
            );
        }
    });
    assert_eq!(steps.models_put.len(), 1);
    assert_eq!((steps.twins_put.len(), steps.twins_patched.len()), (2, 0));
}

#[test]
fn relationships_are_patched_too() {
    let steps = after(|folder| change(folder, "twins.ndjson", "\"door\":true", "\"door\":false"));
    let door = patch(json!([{"op": "add", "path": "/door", "value": false}]));
    let relationships_patched = vec![(("b".into(), "r1".into()), door)];
    assert_eq!(steps, Difference { relationships_patched, ..Difference::default() });
}

#[test]
fn models_and_topology() {
    let steps = after(|folder| {
        put(folder, "topology.json", r#"{"endpoints": {"eg": {"kind": "eventGrid"}}}"#);
        put(folder, "models/Lamp.json", LIGHT.replace("Light", "Lamp"));
        change(folder, "models/Light.json", "\"integer\"", "\"long\"");
    });
    let ids: Vec<_> = steps.models_put.iter().map(|model| model["@id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["dtmi:t:Lamp;1", "dtmi:t:Light;1"]);
    assert!(steps.topology.unwrap().endpoints.contains_key("eg"));
    assert!(steps.scripts.is_none());
    let steps = after(|folder| {
        fs::create_dir(folder.join("functions")).unwrap();
        put(folder, "functions/mine.rhai", "fn on_event(event) {}");
    });
    assert!(steps.topology.is_none());
    assert_eq!(steps.scripts.unwrap()["functions/mine.rhai"], "fn on_event(event) {}");

    let gone = after(|folder| {
        fs::remove_dir_all(folder.join("models")).unwrap();
        fs::remove_file(folder.join("twins.ndjson")).unwrap();
    });
    assert_eq!(gone.models_removed, ["dtmi:t:Room;1", "dtmi:t:Light;1"], "Room needs Light");
    assert_eq!((gone.twins_removed.len(), gone.relationships_removed.len()), (2, 1));
}
