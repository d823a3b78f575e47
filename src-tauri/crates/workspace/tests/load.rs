//! Loading: the sample, and everything that may be wrong with a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

mod folder;

use folder::{change, folder, loaded, problems, put};
use std::fs::{self, File};
use std::path::Path;
use workspace::{Source, load};

#[test]
fn the_sample_is_right() {
    let sample = load(&Source::Embedded).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(sample.models.len(), 4);
    assert_eq!((sample.twins.len(), sample.relationships.len()), (1 + 3 + 24 + 24, 3 + 24 + 24));
    let at = |id: &str| sample.load_order.iter().position(|model| model == id).unwrap();
    assert!(at("dtmi:com:contoso:Thermostat;1") < sample.load_order.len());
    for (_, device) in
        sample.topology.devices().map(|(id, _)| (id, sample.topology.twin_of_device(id)))
    {
        assert_eq!(sample.twins[device].model, "dtmi:com:contoso:Thermostat;1");
    }
    for feature in sample.floor_plan.unwrap()["features"].as_array().unwrap() {
        let twin = feature["properties"]["twin"].as_str().unwrap();
        assert_eq!(sample.twins[twin].model, "dtmi:com:contoso:Room;1");
        let floor = feature["properties"]["floor"].as_str().unwrap();
        assert!(sample.relationships.contains_key(&(floor.into(), format!("contains_{twin}"))));
    }
    for room in 1..=24 {
        let temperature =
            |twin: String, name: &str| sample.twins[&twin].body[name].as_f64().unwrap();
        let of_room = temperature(format!("Room_{room:02}"), "currentTemp");
        assert_eq!(of_room, temperature(format!("thermo_{room:04}"), "temperature"));
        assert!((19.0..=25.0).contains(&of_room));
    }
}

#[test]
fn the_embedded_sample_is_the_folder() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/contoso-building");
    let (embedded, folder) = (load(&Source::Embedded).unwrap(), loaded(&assets));
    assert!(workspace::difference(&embedded.applied(), &folder).is_empty());
    assert_eq!(embedded.floor_plan, folder.floor_plan);
}

#[test]
fn a_good_folder() {
    let folder = folder();
    // As exported from an instance.
    change(
        folder.path(),
        "twins.ndjson",
        "{\"$metadata\":{},\"level\":3}",
        "{\"level\":3,\"$metadata\":{\"level\":{}}}",
    );
    change(
        folder.path(),
        "twins.ndjson",
        "\"$metadata\":{\"$model\"",
        "\"$etag\":\"1\",\"$metadata\":{\"area\":{},\"$model\"",
    );
    let loaded = loaded(folder.path());
    let b = serde_json::json!({
        "$dtId": "b", "$metadata": {"$model": "dtmi:t:Room;1"}, "area": 12.0, "light": {"level": 3, "$metadata": {}}
    });
    assert_eq!(loaded.twins["b"].body, b, "nothing that belongs to the instance");
    assert_eq!(loaded.load_order, ["dtmi:t:Light;1", "dtmi:t:Room;1"]);
    assert_eq!(loaded.models["dtmi:t:Room;1"].file, "models/Room.json");
    assert_eq!(loaded.twins["a"].line, 5);
    assert_eq!(loaded.relationships[&("b".into(), "r1".into())].target, "a");
}

#[test]
fn files_that_are_not_there_wish_nothing() {
    let empty = tempfile::tempdir().unwrap();
    let loaded = loaded(empty.path());
    assert!(loaded.models.is_empty() && loaded.twins.is_empty() && loaded.floor_plan.is_none());
}

#[test]
fn what_editors_do_is_taken() {
    let folder = folder();
    let twins = format!("\u{feff}{}", folder::TWINS.replace('\n', "\r\n\r\n"));
    put(folder.path(), "twins.ndjson", twins);
    put(folder.path(), "models/Room.json", format!("\u{feff}[{}]", folder::ROOM));
    put(folder.path(), "models/.Room.json.swp", "rubbish");
    put(folder.path(), "models/notes.txt", "rubbish");
    fs::create_dir(folder.path().join("models/parts")).unwrap();
    fs::rename(folder.path().join("models/Light.json"), folder.path().join("models/parts/L.JSON"))
        .unwrap();
    let loaded = loaded(folder.path());
    assert_eq!((loaded.models.len(), loaded.twins.len(), loaded.relationships.len()), (2, 2, 1));
    assert_eq!(loaded.models["dtmi:t:Light;1"].file, "models/parts/L.JSON");
}

/// File, what is replaced in it (nothing: all), by what; then place and words of the problem.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: &[Case] = &[
    // Models
    ("models/Room.json", "", "{\n  \"@id\": nope\n}", "line 2, column", "JSON"),
    ("models/Room.json", "", "", "line 1, column 0", "JSON"),
    ("models/Room.json", "\"@id\": \"dtmi:t:Room;1\",", "", "/@id", "Give it a DTMI"),
    ("models/Room.json", "", "5", "/@id", "an object"),
    ("models/Room.json", "dtmi:t:Room;1", "dtmi:t:Light;1", "/@id", "in models/Light.json already"),
    ("models/Room.json", "dtmi:t:Room;1", "Room", "", "dtmi:<labels>"),
    ("models/Room.json", "\"double\"", "\"dooble\"", "/contents/area/schema", "dooble"),
    ("models/Room.json", "\"seats\"", "\"area\"", "", "area"),
    ("models/Room.json", "dtmi:t:Light;1", "dtmi:t:Lamp;1", "/contents/light", "dtmi:t:Lamp;1"),
    // Twins
    ("twins.ndjson", "\"area\":12.0", "\"area\":", "line 4, column", "JSON"),
    ("twins.ndjson", "{\"Section\":\"Twins\"}", "[1]", "line 3", "JSON object"),
    ("twins.ndjson", "{\"Section\":\"Header\"}\n", "", "line 1", "no section"),
    ("twins.ndjson", "\"Header\"", "\"Models\"", "line 2", "folder «models»"),
    ("twins.ndjson", "\"Header\"", "7", "line 1, /Section", "7 is not a section"),
    ("twins.ndjson", "1.0.0", "9", "line 2, /fileVersion", "1.0.0"),
    ("twins.ndjson", "\"$dtId\":\"b\",", "", "line 4, /$dtId", "missing"),
    ("twins.ndjson", "\"$dtId\":\"b\"", "\"$dtId\":\"\"", "line 4, /$dtId", "1 to 128"),
    ("twins.ndjson", "{\"$model\":\"dtmi:t:Room;1\"}", "4", "line 4, /$metadata/$model", "missing"),
    (
        "twins.ndjson",
        "dtmi:t:Room;1",
        "dtmi:t:Hall;1",
        "line 4, /$metadata/$model",
        "no model dtmi:t:Hall;1",
    ),
    ("twins.ndjson", "12.0", "\"big\"", "line 4, /area", "double"),
    ("twins.ndjson", "\"level\":3", "\"level\":3.5", "line 4, /light/level", "integer"),
    (
        "twins.ndjson",
        "\"area\":12.0",
        "\"colour\":1",
        "line 4, /colour",
        "colour does not appear on the DTDL for Twin",
    ),
    (
        "twins.ndjson",
        "{\"$metadata\":{},\"level\":3}",
        "{\"level\":3}",
        "line 4, /light",
        "component",
    ),
    ("twins.ndjson", "\"$dtId\":\"a\"", "\"$dtId\":\"b\"", "line 5", "on line 4 already"),
    // Relationships
    (
        "twins.ndjson",
        "\"$targetId\":\"a\"",
        "\"$targetId\":\"z\"",
        "line 7, /$targetId",
        "no twin «z»",
    ),
    (
        "twins.ndjson",
        "\"$dtId\":\"b\",\"$rel",
        "\"$dtId\":\"z\",\"$rel",
        "line 7, /$dtId",
        "no twin «z»",
    ),
    (
        "twins.ndjson",
        "\"beside\"",
        "\"above\"",
        "line 7, /$relationshipName",
        "no relationship «above»",
    ),
    ("twins.ndjson", "true", "\"wide\"", "line 7, /door", "boolean"),
    (
        "twins.ndjson",
        "\"$relationshipName\":\"beside\",",
        "",
        "line 7, /$relationshipName",
        "missing",
    ),
    // The others
    (
        "topology.json",
        "",
        "{\"routes\": {\"r1\": {\"endpoint\": \"no\", \"filter\": \"true\"}}}",
        "/routes/r1/endpoint",
        "no endpoint",
    ),
    ("topology.json", "", "{\n  \"routes\": {", "line 2, column", "EOF"),
    ("floorplan.geojson", "", "{\"type\": \"Feature\"}", "/type", "FeatureCollection"),
    (
        "floorplan.geojson",
        "",
        "{\"type\": \"FeatureCollection\"}",
        "/features",
        "FeatureCollection",
    ),
    ("floorplan.geojson", "", "<kml>", "line 1, column 1", "not JSON"),
    ("views.json", "", "{\"positions\": {\"a\": [1]}}", "line 1, column", "length 1"),
    ("views.json", "", "{\"pins\": 4}", "line 1, column", "sequence"),
];

#[test]
fn says_what_is_wrong_where_and_what_to_do() {
    for (file, from, to, place, words) in CASES {
        let folder = folder();
        match *from {
            "" => put(folder.path(), file, to),
            from => change(folder.path(), file, from, to),
        }
        let found = problems(folder.path());
        let is_it = |p: &&workspace::FileProblem| {
            p.file == *file && p.place.starts_with(place) && p.message.contains(words)
        };
        let hit = found.iter().find(is_it);
        let hit = hit.unwrap_or_else(|| panic!("{file}: {from} -> {to}: {found:#?}"));
        assert!(hit.message.ends_with('.'), "a sentence: {hit}");
        assert!(!hit.message.contains(" at line "), "the place is told apart: {hit}");
        let text = hit.to_string();
        assert!(text.starts_with(file) && text.contains(&hit.place), "{text}");
    }
}

#[test]
fn says_everything_at_once() {
    let folder = folder();
    change(folder.path(), "models/Light.json", "\"integer\"", "\"intiger\"");
    change(folder.path(), "twins.ndjson", "\"$targetId\":\"a\"", "\"$targetId\":\"z\"");
    put(folder.path(), "topology.json", "{");
    put(folder.path(), "floorplan.geojson", "{");
    put(folder.path(), "views.json", [0xff, 0xfe, b'{']);
    let found = problems(folder.path());
    let files: std::collections::BTreeSet<&str> = found.iter().map(|p| p.file.as_str()).collect();
    let all =
        ["floorplan.geojson", "models/Light.json", "topology.json", "twins.ndjson", "views.json"];
    assert_eq!(files.into_iter().collect::<Vec<_>>(), all);
    let views = found.iter().find(|p| p.file == "views.json").unwrap();
    assert_eq!((views.place.as_str(), views.message.contains("UTF-8")), ("line 1, column 1", true));
}

#[test]
fn a_file_that_cannot_be_read_brings_no_others_down() {
    let folder = folder();
    put(folder.path(), "models/Light.json", "{");
    let found = problems(folder.path());
    assert_eq!(found.len(), 1, "what Room needs may be in there: {found:#?}");
}

#[test]
fn folders_and_files_that_are_not_what_they_should_be() {
    let folder = folder();
    let missing = problems(&folder.path().join("nowhere"));
    assert!(
        missing[0].file.ends_with("nowhere") && missing[0].message.contains("cannot be opened")
    );
    let file = problems(&folder.path().join("twins.ndjson"));
    assert!(file[0].message.contains("not a folder"));

    let models = folder.path().join("models");
    let part = &problems(&models)[0].message;
    assert!(part.contains(&format!("a part of the workspace {}.", folder.path().display())));
    fs::rename(folder.path().join("twins.ndjson"), models.join("twins.ndjson")).unwrap();
    let of_itself = problems(&models);
    assert!(of_itself.iter().all(|problem| !problem.message.contains("a part of")));

    fs::create_dir(folder.path().join("topology.json")).unwrap();
    assert!(problems(folder.path())[0].message.contains("not a file"));
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = folder();
    let twins = File::options().write(true).open(folder.path().join("twins.ndjson")).unwrap();
    twins.set_len(workspace::MOST_BYTES + 1).unwrap();
    let found = problems(folder.path());
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("64 MiB"), "{}", found[0]);
}

#[test]
fn problems_without_end_are_cut() {
    let folder = folder();
    put(folder.path(), "twins.ndjson", "nonsense\n".repeat(5_000));
    let found = problems(folder.path());
    assert_eq!(found.len(), 1_001);
    assert!(found[1_000].message.contains("4000 more"), "{}", found[1_000]);
}

#[test]
fn deep_nesting_does_no_harm() {
    for file in
        ["twins.ndjson", "topology.json", "floorplan.geojson", "views.json", "models/Deep.json"]
    {
        let folder = folder();
        put(folder.path(), file, "[".repeat(1_000_000));
        assert_eq!(problems(folder.path())[0].file, file);
    }
}

#[test]
fn problems_come_in_the_files_order() {
    let folder = folder();
    put(folder.path(), "twins.ndjson", folder::TWINS.replace("dtmi:t:Room;1", "dtmi:t:Hall;1"));
    let places: Vec<String> = problems(folder.path()).into_iter().map(|p| p.place).collect();
    assert_eq!(places, ["line 4, /$metadata/$model", "line 5, /$metadata/$model"]);
}

#[test]
fn functions_are_read_and_checked_with_the_topology() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir_all(path.join("functions/more")).unwrap();
    put(path, "functions/mine.rhai", "fn on_event(event) { log(event.id) }");
    put(path, "functions/more/deep.rhai", "fn on_message(message) {}");
    put(path, "functions/notes.txt", "not a function");
    put(
        path,
        "topology.json",
        r#"{"functions": {"mine": {"kind": "rhai"}, "deep": {"kind": "rhai", "file": "functions/more/deep.rhai"}}}"#,
    );
    let files: Vec<_> = loaded(path).scripts.into_keys().collect();
    assert_eq!(files, ["functions/mine.rhai", "functions/more/deep.rhai"]);

    put(path, "functions/mine.rhai", "fn on_event(event) {\n  let x = ;\n}");
    put(
        path,
        "topology.json",
        r#"{"functions": {"mine": {"kind": "rhai"}, "none": {"kind": "rhai"}, "deep": {"kind": "rhai", "file": "functions/more/deep.rhai"}},
            "endpoints": {"eg": {"kind": "eventGrid"}},
            "subscriptions": {"s1": {"endpoint": "eg", "function": "deep"}}}"#,
    );
    let found: Vec<String> = problems(path).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].starts_with("functions/mine.rhai, line 2, column 11: "), "{found:#?}");
    assert!(found[1].contains("/functions/deep: ") && found[1].contains("on_event"), "{found:#?}");
    assert!(found[2].contains("no file «functions/none.rhai»"), "{found:#?}");
}
