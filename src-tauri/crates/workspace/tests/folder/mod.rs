//! A workspace folder for tests.

use std::fs;
use std::path::Path;
use tempfile::TempDir;
use workspace::{FileProblem, Loaded, Source, load};

pub const ROOM: &str = r#"{
  "@context": "dtmi:dtdl:context;3",
  "@id": "dtmi:t:Room;1",
  "@type": "Interface",
  "contents": [
    { "@type": "Property", "name": "area", "schema": "double" },
    { "@type": "Property", "name": "seats", "schema": "integer" },
    { "@type": "Component", "name": "light", "schema": "dtmi:t:Light;1" },
    {
      "@type": "Relationship", "name": "beside", "target": "dtmi:t:Room;1",
      "properties": [{ "@type": "Property", "name": "door", "schema": "boolean" }]
    }
  ]
}
"#;

pub const LIGHT: &str = r#"{
  "@context": "dtmi:dtdl:context;3",
  "@id": "dtmi:t:Light;1",
  "@type": "Interface",
  "contents": [{ "@type": "Property", "name": "level", "schema": "integer" }]
}
"#;

pub const TWINS: &str = r#"{"Section":"Header"}
{"fileVersion":"1.0.0","author":"me","organization":"us"}
{"Section":"Twins"}
{"$dtId":"b","$metadata":{"$model":"dtmi:t:Room;1"},"area":12.0,"light":{"$metadata":{},"level":3}}
{"$dtId":"a","$metadata":{"$model":"dtmi:t:Room;1"},"area": 10.5, "seats":4,"light":{"$metadata":{}}}
{"Section":"Relationships"}
{"$dtId":"b","$relationshipId":"r1","$targetId":"a","$relationshipName":"beside","door":true}
"#;

/// A valid workspace.
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("models")).unwrap();
    put(folder.path(), "models/Room.json", ROOM);
    put(folder.path(), "models/Light.json", LIGHT);
    put(folder.path(), "twins.ndjson", TWINS);
    folder
}

pub fn put(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.join(name), text).unwrap();
}

/// Replaces a text that must be there.
pub fn change(folder: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(from), "{name} has no «{from}»");
    put(folder, name, text.replacen(from, to, 1));
}

pub fn loaded(folder: &Path) -> Loaded {
    load(&Source::Folder(folder.to_owned())).unwrap()
}

pub fn problems(folder: &Path) -> Vec<FileProblem> {
    load(&Source::Folder(folder.to_owned())).expect_err("something is wrong")
}
