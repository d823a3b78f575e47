//! Writing back: what git would show.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

mod folder;

use folder::{folder, loaded, put};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use twin_graph::{Contents, Relationship, Timestamp, Twin};
use workspace::{Loaded, SaveInput, Source, difference, load, save};

/// The instance right after the workspace was applied.
fn instance(loaded: &Loaded) -> SaveInput {
    let twin = |body: &Value| {
        let mut body = body.clone();
        body["$etag"] = json!("W/\"1\"");
        let mut twin = Twin::from_json(&body).unwrap();
        // As an instance has them: with times.
        twin.contents = Contents::new(twin.contents.to_map(), Timestamp::from_ticks(9));
        Arc::new(twin)
    };
    let edge = |seed: &workspace::RelationshipSeed| {
        Arc::new(Relationship {
            id: seed.id.as_str().into(),
            source: seed.source.as_str().into(),
            target: seed.target.as_str().into(),
            name: seed.name.as_str().into(),
            etag: "W/\"1\"".into(),
            properties: seed.properties.clone().into(),
        })
    };
    SaveInput {
        models: loaded.models.values().map(|model| Arc::new(model.document.clone())).collect(),
        twins: loaded.twins.values().map(|seed| twin(&seed.body)).collect(),
        relationships: loaded.relationships.values().map(edge).collect(),
        views: loaded.views.clone(),
    }
}

fn change_twin(input: &mut SaveInput, id: &str, name: &str, value: Value) {
    let twin = input.twins.iter_mut().find(|twin| *twin.id == *id).unwrap();
    Arc::make_mut(twin).contents.set(name, value.into(), Timestamp::from_ticks(9));
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

/// All files, hidden ones too.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in
        [folder.to_owned(), folder.join("models")].iter().flat_map(|f| fs::read_dir(f).unwrap())
    {
        let path = entry.unwrap().path();
        if path.is_file() {
            names.push(path.strip_prefix(folder).unwrap().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    names
}

#[test]
fn nothing_changed_nothing_written() {
    let folder = folder();
    let input = instance(&loaded(folder.path()));
    assert_eq!(save(folder.path(), &input).unwrap(), Vec::<String>::new());
    assert_eq!(files(folder.path()), ["models/Light.json", "models/Room.json", "twins.ndjson"]);
}

#[test]
fn one_value_is_one_line() {
    let folder = folder();
    let mut input = instance(&loaded(folder.path()));
    change_twin(&mut input, "b", "area", json!(13.5));
    assert_eq!(save(folder.path(), &input).unwrap(), ["twins.ndjson"]);
    assert_eq!(read(folder.path(), "twins.ndjson"), folder::TWINS.replace("12.0", "13.5"));
    assert_eq!(files(folder.path()).len(), 3, "nothing temporary is left");
}

#[test]
fn new_twins_come_after_the_old_ones_and_removed_ones_go() {
    let folder = folder();
    let mut input = instance(&loaded(folder.path()));
    for id in ["d", "c"] {
        let mut twin = Twin::clone(&input.twins[0]);
        twin.id = id.into();
        input.twins.insert(0, Arc::new(twin));
    }
    input.twins.retain(|twin| *twin.id != *"b");
    input.relationships.clear();
    save(folder.path(), &input).unwrap();
    let text = read(folder.path(), "twins.ndjson");
    let ids: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("{\"$dtId\":\"")?.get(..1)).collect();
    assert_eq!(ids, ["a", "c", "d"]);
    assert!(text.contains("\"author\":\"me\""), "the header stays");
    assert_eq!(loaded(folder.path()).twins.len(), 3);
}

#[test]
fn the_sample_goes_to_an_empty_folder_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/building");
    let sample = load(&Source::Embedded).unwrap();
    let mut input = instance(&sample);
    input.views.positions =
        [("Room_01".to_owned(), [260.0, 80.5]), ("nan".to_owned(), [f32::NAN, 0.0])].into();
    input.views.pins = ["Room_01".to_owned(), "a\"b".to_owned()].into();
    let written = save(&target, &input).unwrap();
    let all = [
        "models/Building.json",
        "models/Floor.json",
        "models/Room.json",
        "models/Thermostat.json",
        "twins.ndjson",
        "views.json",
    ];
    assert_eq!(written, all);
    let again = loaded(&target);
    let mut steps = difference(&sample.applied(), &again);
    assert!(steps.topology.take().is_some(), "that is the canvas' to write");
    assert!(steps.is_empty(), "{steps:#?}");
    assert_eq!(again.views.positions, [("Room_01".to_owned(), [260.0, 80.5])].into());
    assert_eq!(again.views.pins, input.views.pins);
    assert!(read(&target, "views.json").contains("\n    \"Room_01\": [260, 80.5]\n"));
    input.views = again.views;
    assert_eq!(save(&target, &input).unwrap(), Vec::<String>::new(), "and is stable");
}

#[test]
fn only_models_that_changed_are_written() {
    let folder = folder();
    put(folder.path(), "models/Light.json", folder::LIGHT.replace("Light", "Lamp"));
    // Two in one file.
    put(folder.path(), "models/Room.json", format!("[{}, {}]", folder::ROOM, folder::LIGHT));
    let mut input = instance(&loaded(folder.path()));
    let of = |id: &str, model: &Arc<Value>| model["@id"] == id;
    let room = input.models.iter_mut().find(|model| of("dtmi:t:Room;1", model)).unwrap();
    Arc::make_mut(room)["displayName"] = json!("Room");
    input.models.retain(|model| !of("dtmi:t:Lamp;1", model));
    let new: Value = serde_json::from_str(&folder::LIGHT.replace("t:Light", "t:u:Room")).unwrap();
    input.models.push(Arc::new(new));
    let written = save(folder.path(), &input).unwrap();
    assert_eq!(written, ["models/Light.json", "models/Room.json", "models/Room-2.json"]);
    let again = loaded(folder.path());
    assert_eq!(again.models["dtmi:t:Light;1"].file, "models/Room.json");
    assert_eq!(again.models["dtmi:t:u:Room;1"].file, "models/Room-2.json");
    assert_eq!(again.models["dtmi:t:Room;1"].document["displayName"], "Room");
    assert!(
        !again.models.contains_key("dtmi:t:Lamp;1")
            && !folder.path().join("models/Light.json").exists()
    );
}

#[test]
fn the_canonical_form_of_a_model_is_no_change() {
    let folder = folder();
    let mut input = instance(&loaded(folder.path()));
    let documents: Vec<Value> = input.models.iter().map(|model| Value::clone(model)).collect();
    let mut models = dtdl::Models::new();
    models.add(&documents, &dtdl::ParseOptions::default()).unwrap();
    input.models = models.iter().map(|model| model.document.clone()).collect();
    assert_eq!(save(folder.path(), &input).unwrap(), Vec::<String>::new());
}

#[test]
fn unfinished_work_is_not_written_over() {
    for file in ["twins.ndjson", "models/Room.json"] {
        let folder = folder();
        let mut input = instance(&loaded(folder.path()));
        change_twin(&mut input, "a", "area", json!(1.0));
        put(folder.path(), file, "{ \"half");
        let problem = save(folder.path(), &input).unwrap_err();
        assert_eq!((problem.file.as_str(), read(folder.path(), file).as_str()), (file, "{ \"half"));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_a_problem_and_half_of_nothing() {
    let folder = folder();
    let mut input = instance(&loaded(folder.path()));
    change_twin(&mut input, "a", "area", json!(1.0));
    input.views.pins.insert("a".into());
    // A folder in the way of the second file, when the first one is on the disk already.
    let blocked = format!(".views.json.{}.tmp", std::process::id());
    fs::create_dir_all(folder.path().join(blocked)).unwrap();
    let problem = save(folder.path(), &input).unwrap_err();
    assert_eq!(problem.file, "views.json");
    assert!(problem.message.contains("cannot be written"), "{problem}");
    assert_eq!(read(folder.path(), "twins.ndjson"), folder::TWINS);
    assert_eq!(files(folder.path()), ["models/Light.json", "models/Room.json", "twins.ndjson"]);

    let file = folder.path().join("twins.ndjson");
    assert!(save(&file, &input).unwrap_err().message.contains("cannot be written"));
}
