//! Bad files: every problem with its row.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use interchange::{Graph, Known, check, check_watched, read};
use rust_xlsxwriter::{Format, Formula, Workbook};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ROOM: &str = "dtmi:com:example:Room;1";

fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    (folder, path)
}

/// The problems of the files, each as `line or row …: sentence`, without the folder.
fn told(paths: &[&Path]) -> Vec<String> {
    let (mut graph, mut problems) =
        read(&paths.iter().map(|path| path.to_path_buf()).collect::<Vec<_>>());
    problems.extend(check(&mut graph, &known()).problems);
    let folder = format!("{}/", paths[0].parent().unwrap().display());
    problems.found.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
}

fn known() -> Known {
    let model = json!({"@context": "dtmi:dtdl:context;3", "@id": ROOM, "@type": "Interface", "contents": [
        {"@type": "Property", "name": "temperature", "schema": "double"},
        {"@type": "Property", "name": "code", "schema": "string"},
        {"@type": "Relationship", "name": "next", "target": ROOM}
    ]});
    Known { models: vec![model], twins: [("There".to_owned(), ROOM.to_owned())].into() }
}

fn each_is_told(told: &[String], expected: &[&str]) {
    for words in expected {
        assert!(told.iter().any(|told| told.contains(words)), "{words}\nis not in {told:#?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn ndjson_by_line() {
    let twin = |id: &str, more: &str| {
        format!("{{\"$dtId\":{id},\"$metadata\":{{\"$model\":\"{ROOM}\"}}{more}}}")
    };
    let edge = |id: &str, to: &str| {
        format!(
            "{{\"$dtId\":\"a\",\"$relationshipId\":\"{id}\",\"$targetId\":\"{to}\",\"$relationshipName\":\"next\"}}"
        )
    };
    let lines = [
        "{\"Section\":\"Header\"}".to_owned(),
        "{\"fileVersion\":\"2.0.0\"}".into(),
        "{\"Section\":\"Twins\"}".into(),
        twin("\"a\"", ""),
        twin("17", ",\"temperature\":21.5"),
        twin("\"a\"", ""),
        twin("\"b/c\"", ""),
        twin("\"d\"", ",\"temperature\":\"warm\""),
        twin("\"e\"", ",\"code\":\"1\",\"code\":\"2\""),
        "{\"$dtId\":\"f\"}".into(),
        "[1]".into(),
        "{not json".into(),
        twin("\"g\"", ",\"size\":1"),
        "{\"Section\":\"Relationships\"}".into(),
        edge("r1", "17"),
        edge("r1", "There"),
        edge("r2", "Nowhere"),
        "{\"Section\":\"Others\"}".into(),
    ];
    let (_folder, path) = file("bad.ndjson", lines.join("\n").as_bytes());
    each_is_told(
        &told(&[&path]),
        &[
            "bad.ndjson, line 2, /fileVersion: ",
            "bad.ndjson, line 6, /$dtId: The twin «a» is at",
            "bad.ndjson, line 7, /$dtId: The id «b/c» is invalid",
            "bad.ndjson, line 8, /temperature: ",
            "The key «code» is there twice; keep one of them.",
            "bad.ndjson, line 10, /$metadata/$model: ",
            "bad.ndjson, line 11: A row is a JSON object.",
            "bad.ndjson, line 12, column 2: This is not JSON",
            "bad.ndjson, line 13, /size: ",
            "bad.ndjson, line 16: The relationship «r1» of «a» is at bad.ndjson, line 15 already",
            "bad.ndjson, line 17, /$targetId: There is no twin «Nowhere»",
            "bad.ndjson, line 18, /Section: \"Others\" is not a section",
        ],
    );
}

#[test]
fn lines_that_are_no_text_or_too_long() {
    let mut content = b"{\"Section\":\"Twins\"}\n\xff\xfe\n".to_vec();
    content.extend(vec![b'x'; 5 * 1024 * 1024]);
    content.extend(b"\n{\"$dtId\":\"a\",\"$metadata\":{\"$model\":\"dtmi:com:example:Room;1\"}}\n");
    let (_folder, path) = file("bad.ndjson", &content);
    each_is_told(
        &told(&[&path]),
        &["line 2: The line is not UTF-8", "line 3: The line is longer than 4 MiB"],
    );
    assert_eq!(read(&[path]).0.twins.len(), 1);
}

#[test]
fn json_by_item() {
    let document = json!({
        "digitalTwinsGraph": {
            "digitalTwins": [
                {"$dtId": "a", "$etag": "W/\"1\"", "$metadata": {"$model": ROOM, "temperature": {"lastUpdateTime": "x"}}, "temperature": 1.0},
                {"$dtId": "", "$metadata": {"$model": ROOM}},
                7,
            ],
            "relationships": [{"$relationshipId": "r", "$sourceId": "a", "$targetId": "a", "$relationshipName": "likes"}],
        },
        "digitalTwinsModels": [
            {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:com:example:Door;1", "@type": "Interface", "contents": [{"@type": "Property", "name": "open", "schema": "bool"}]},
            {"@context": "dtmi:dtdl:context;3", "@id": ROOM, "@type": "Interface"},
            {"@type": "Interface"},
        ],
    });
    let (_folder, path) = file("bad.json", document.to_string().as_bytes());
    each_is_told(
        &told(&[&path]),
        &[
            "bad.json, /digitalTwinsGraph/digitalTwins/1, /$dtId: ",
            "bad.json, /digitalTwinsGraph/digitalTwins/2: Each item is a JSON object",
            "bad.json, /digitalTwinsModels/0, schema: \"bool\"",
            "bad.json, /digitalTwinsModels/0, schema: \"schema\"",
            "bad.json, /digitalTwinsModels/1, /@id: The instance has another model",
            "bad.json, /digitalTwinsModels/2, /@id: ",
        ],
    );
    for (content, words) in [
        ("", "This is not JSON"),
        ("{\"digitalTwinsGraph\": [", "nvalid type"),
        (
            "{\"digitalTwinsGraph\": {\"digitalTwins\": [\n{\"a\": 1, \"a\": 2}]}}",
            "bad.json, line 2, column 13: The key «a»",
        ),
        ("{\"other\": 1}", "neither a digitalTwinsGraph nor a model"),
        ("{\"@id\": \"x\", \"contents\": \u{5b}", "This is not JSON"),
    ] {
        let (_folder, path) = file("bad.json", content.as_bytes());
        let told = told(&[&path]);
        assert!(told.len() == 1 && told[0].contains(words), "{content}: {told:#?}");
    }
    let deep = "[".repeat(100_000);
    let (_folder, path) = file("deep.json", deep.as_bytes());
    let told = told(&[&path]);
    assert!(told[0].contains("deep"), "{told:#?}");
}

#[test]
fn csv_by_row() {
    let content = format!(
        "$dtId,$model,temperature,code\n101,{ROOM},21.5,98052\n102,{ROOM},warm,\n,{ROOM},,\n103,,,\n104,{ROOM},1,2,3\n105,{ROOM},,\"\"\"98052\"\"\"\n"
    );
    let (_folder, path) = file("bad.csv", content.as_bytes());
    each_is_told(
        &told(&[&path]),
        &[
            "bad.csv, row 3, /temperature: ",
            "bad.csv, row 4, $dtId: $dtId is missing",
            "bad.csv, row 5, $model: $model is missing",
            "bad.csv, row 6: The row has 5 cells and the header 4",
        ],
    );
    let (mut graph, _) = read(&[path]);
    let _ = check(&mut graph, &known());
    assert_eq!(
        graph.twins[0].to_json(),
        json!({"$dtId": "101", "$metadata": {"$model": ROOM}, "temperature": 21.5, "code": "98052"})
    );
    assert_eq!(graph.twins[2].contents["code"], json!("98052"));

    let semicolons = "$sourceId;$relationshipId;$relationshipName;$targetId\r\n7;r;next;There\r\nThere;r;next;\r\nx";
    let (_folder, path) = file("bad.csv", semicolons.as_bytes());
    each_is_told(
        &told(&[&path]),
        &[
            "row 2, /$sourceId: There is no twin «7»",
            "row 3, $targetId: $targetId is missing",
            "row 4, $relationshipId",
            "row 4, $relationshipName",
            "row 4, $targetId",
        ],
    );
    for content in ["", "a,b\n1,2\n", "$dtId,$model,x,x\n", "$dtId\n"] {
        let (_folder, path) = file("bad.csv", content.as_bytes());
        assert_eq!(told(&[&path]).len(), 1, "{content}");
    }
}

fn workbook(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.xlsx");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in (0..).zip([
        "ModelID",
        "ID (must be unique)",
        "Relationship (From)",
        "Relationship Name",
        "Init Data",
        "Relationship Init Data",
    ]) {
        sheet.write_string(0, column, name).unwrap();
    }
    fill(sheet);
    book.save(&path).unwrap();
    (folder, path)
}

#[test]
fn xlsx_by_row() {
    let (_folder, path) = workbook(|sheet| {
        let mut row = |number: u32, cells: [&str; 5]| {
            for (column, cell) in (0..).zip(cells).filter(|(_, cell)| !cell.is_empty()) {
                sheet.write_string(number - 1, column, cell).unwrap();
            }
        };
        row(2, [ROOM, "a", "", "", "{\"temperature\": 20}"]);
        row(3, [ROOM, "b", "a", "", ""]);
        row(4, [ROOM, "c", "a", "next", "{temperature: 20}"]);
        row(5, [ROOM, "a", "", "", ""]);
        row(6, ["", "d", "", "", ""]);
        row(7, [ROOM, "", "a", "next", ""]);
        row(9, [ROOM, "e", "gone", "next", "[]"]);
        row(10, ["", "There", "a", "next", ""]);
        row(11, [ROOM, "f", "", "", "{\"temperature\": \"hot\"}"]);
    });
    each_is_told(
        &told(&[&path]),
        &[
            "bad.xlsx, row 3, Relationship Name: ",
            "bad.xlsx, row 4, Init Data: This is not JSON",
            "bad.xlsx, row 5, ID: The twin «a» is on row 2 already",
            "bad.xlsx, row 6, ModelID: ",
            "bad.xlsx, row 7, ID: ",
            "bad.xlsx, row 9, Init Data: The cell holds a JSON object",
            "bad.xlsx, row 11, /temperature: ",
        ],
    );
}

fn twins(graph: &Graph) -> Vec<(&str, &Value)> {
    graph
        .twins
        .iter()
        .map(|twin| (twin.id.as_str(), twin.contents.get("temperature").unwrap_or(&Value::Null)))
        .collect()
}

#[test]
fn xlsx_formulas_numbers_and_merged_cells() {
    let (_folder, path) = workbook(|sheet| {
        let format = Format::new();
        sheet.merge_range(1, 0, 5, 0, ROOM, &format).unwrap();
        sheet.write_number(1, 1, 1).unwrap();
        sheet.write_formula(2, 1, Formula::new("=B2+1").set_result("2")).unwrap();
        sheet
            .write_formula(2, 4, Formula::new("=\"{}\"").set_result("{\"temperature\": 4}"))
            .unwrap();
        sheet.write_number(3, 1, 1.5).unwrap();
        sheet.write_formula(4, 1, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        sheet.write_number(5, 1, 12_345_678_901_234_567_890.0).unwrap();
        // One twin, two relationships: the ID is merged over both rows.
        sheet.merge_range(6, 1, 7, 1, "x", &format).unwrap();
        sheet.write_string(6, 0, ROOM).unwrap();
        for row in [6, 7] {
            sheet.write_number(row, 2, row - 5).unwrap();
            sheet.write_string(row, 3, "next").unwrap();
        }
    });
    let (mut graph, problems) = read(&[path]);
    assert!(check(&mut graph, &known()).problems.is_empty());
    assert_eq!(
        twins(&graph),
        [("1", &Value::Null), ("2", &json!(4)), ("1.5", &Value::Null), ("x", &Value::Null)]
    );
    let told: Vec<_> = problems.found.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("row 5, ID (must be unique): The cell shows the error"), "{told:#?}");
    assert!(
        told[1].contains("row 6, ID (must be unique): The number has more digits"),
        "{told:#?}"
    );
    let ends: Vec<_> = graph
        .relationships
        .iter()
        .map(|edge| (edge.source.as_str(), edge.target.as_str()))
        .collect();
    assert_eq!(ends, [("1", "x"), ("2", "x")]);
}

#[test]
fn no_workbook() {
    for (content, words) in
        [(&b"PK\x03\x04 no"[..], "not a readable .xlsx"), (b"", "not a readable .xlsx")]
    {
        let (_folder, path) = file("bad.xlsx", content);
        let told = told(&[&path]);
        assert!(told.len() == 1 && told[0].contains(words), "{told:#?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.xlsx");
    let mut book = Workbook::new();
    book.add_worksheet().write_string(0, 0, "Title").unwrap();
    book.save(&path).unwrap();
    assert!(told(&[&path])[0].contains("no header row"));
}

#[test]
fn files_of_no_form() {
    let (_folder, path) = file("twins.parquet", b"");
    assert!(told(&[&path])[0].contains("its name should end in"));
    assert!(told(&[&path.with_extension("json")])[0].contains("cannot be read"));
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("x.json");
    std::fs::create_dir(&inner).unwrap();
    assert!(told(&[&inner])[0].contains("not a file"));
}

/// A hopeless file fills neither memory nor screen.
#[test]
fn a_hundred_thousand_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.xlsx");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet_with_constant_memory().unwrap();
    for (column, name) in (0..).zip(["ModelID", "ID", "Relationship (From)", "Relationship Name"]) {
        sheet.write_string(0, column, name).unwrap();
    }
    for row in 1..=100_000 {
        sheet.write_string(row, 0, ROOM).unwrap();
        sheet.write_number(row, 1, row).unwrap();
        sheet.write_number(row, 2, 1.max(row - 1)).unwrap();
        sheet.write_string(row, 3, if row % 2 == 0 { "next" } else { "likes" }).unwrap();
    }
    book.save(&path).unwrap();
    let (mut graph, problems) = read(&[path]);
    assert!(problems.is_empty());
    assert_eq!((graph.twins.len(), graph.relationships.len()), (100_000, 100_000));
    let found = check(&mut graph, &known()).problems;
    assert_eq!((found.found.len(), found.len()), (1_000, 50_000));
}

#[test]
fn a_check_tells_how_far_it_is_and_can_be_given_up() {
    let twins = (0..3_500).map(|number| {
        format!("{{\"$dtId\":\"t{number}\",\"$metadata\":{{\"$model\":\"{ROOM}\"}}}}\n")
    });
    let header = "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n";
    let text = header.to_owned() + &twins.collect::<String>();
    let (_folder, path) = file("twins.ndjson", text.as_bytes());
    let (mut graph, _) = read(&[path]);
    for (last, whole) in [(3_000, true), (2_000, false)] {
        let told = std::cell::RefCell::new(Vec::new());
        let checked = check_watched(&mut graph, &known(), &|done| {
            told.borrow_mut().push(done);
            whole || done < last
        });
        assert_eq!(checked.is_some_and(|checked| checked.problems.is_empty()), whole);
        assert_eq!(told.into_inner().last(), Some(&last));
    }
}
