//! The files that users of the existing explorer start with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use interchange::{Known, check, read};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Not in this repository; `BUILDING_SCENARIO` names another place.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("BUILDING_SCENARIO").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/building-scenario"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: «{}» is not there (BUILDING_SCENARIO names the folder)", folder.display());
    None
}

#[test]
fn the_building_scenario() {
    let Some(folder) = folder() else { return };
    let files = ["buildingScenario.xlsx", "Room.json", "Floor.json", "Building.json"];
    let (mut graph, problems) = read(&files.map(|name| folder.join(name)));
    assert!(problems.is_empty(), "{:?}", problems.found);
    let checked = check(&mut graph, &Known::default());
    assert!(checked.problems.is_empty(), "{:?}", checked.problems.found);
    assert_eq!((graph.models.len(), graph.twins.len(), graph.relationships.len()), (3, 5, 4));
    let twins: Vec<_> =
        graph.twins.iter().map(|twin| (twin.id.as_str(), json!(twin.contents))).collect();
    assert_eq!(twins[0], ("BuildingA", json!({"Date": 2001})));
    assert_eq!(twins[3], ("Room1", json!({"Temperature": 80, "Humidity": 60})));
    let ends: Vec<_> = graph
        .relationships
        .iter()
        .map(|edge| format!("{} {} {}", edge.source, edge.name, edge.target))
        .collect();
    assert_eq!(
        ends,
        [
            "BuildingA contains Floor1",
            "BuildingA contains Floor0",
            "Floor1 contains Room1",
            "Floor0 contains Room0"
        ]
    );
}
