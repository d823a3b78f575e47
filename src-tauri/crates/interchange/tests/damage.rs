//! Damaged files: problems, never a panic that gets out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use interchange::{Known, check, read};
use proptest::prelude::*;
use proptest::sample::Index;
use rust_xlsxwriter::Workbook;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::sync::LazyLock;

/// The parts of a good workbook, by name.
static PARTS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, name) in
        (0..).zip(["ModelID", "ID", "Relationship (From)", "Relationship Name", "Init Data"])
    {
        sheet.write_string(0, column, name).unwrap();
        sheet.write_string(1, column, "{\"a\": 1}").unwrap();
        sheet.write_number(2, column, 1.5).unwrap();
        sheet.write_formula(3, column, "=A1&\"x\"").unwrap();
    }
    sheet.merge_range(5, 0, 8, 1, "dtmi:x;1", &rust_xlsxwriter::Format::new()).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(book.save_to_buffer().unwrap())).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        })
        .collect()
});

fn read_bytes(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let (mut graph, _) = read(&[path]);
    let _ = check(&mut graph, &Known::default());
}

/// What a fuzzer would try: other bytes, lost bytes, doubled pieces, large numbers.
fn damage(bytes: &mut Vec<u8>, at: Index, kind: u8, other: u8) {
    if bytes.is_empty() {
        return;
    }
    let at = at.index(bytes.len());
    let end = (at + usize::from(other)).min(bytes.len());
    match kind % 5 {
        0 => bytes[at] = other,
        1 => drop(bytes.drain(at..end)),
        2 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        3 => drop(bytes.splice(at..at, b"4294967296".iter().copied())),
        _ => bytes.truncate(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn workbooks(part in any::<Index>(), changes in prop::collection::vec((any::<Index>(), any::<u8>(), any::<u8>()), 1..4)) {
        let mut parts = PARTS.clone();
        let part = part.index(parts.len());
        for (at, kind, other) in changes {
            damage(&mut parts[part].1, at, kind, other);
        }
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in parts {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(&bytes).unwrap();
        }
        read_bytes("bad.xlsx", &archive.finish().unwrap().into_inner());
    }

    #[test]
    fn texts(changes in prop::collection::vec((any::<Index>(), any::<u8>(), any::<u8>()), 1..6)) {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../assets/contoso-building/twins.ndjson");
        let text = std::fs::read(sample).unwrap();
        let json = br#"{"digitalTwinsGraph":{"digitalTwins":[{"$dtId":"a","$metadata":{"$model":"dtmi:x;1"}}],"relationships":[]},"digitalTwinsModels":[{"@id":"dtmi:x;1","@type":"Interface","@context":"dtmi:dtdl:context;3"}]}"#;
        let csv = b"$dtId,$model,a\n1,dtmi:x;1,\"2\"\n2,dtmi:x;1,\"{\"\"a\"\": 1}\"\n";
        for (name, bytes) in [("bad.ndjson", &text[..4_000]), ("bad.json", json), ("bad.csv", csv)] {
            let mut bytes = bytes.to_vec();
            for (at, kind, other) in &changes {
                damage(&mut bytes, *at, *kind, *other);
            }
            read_bytes(name, &bytes);
        }
    }
}

fn with(part: &str, from: &str, to: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut changed = false;
    for (name, bytes) in PARTS.iter() {
        let text = String::from_utf8_lossy(bytes);
        let other = if name.contains(part) { text.replace(from, to) } else { text.to_string() };
        changed |= other != text;
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(other.as_bytes()).unwrap();
    }
    assert!(changed, "{from} is in no {part}");
    archive.finish().unwrap().into_inner()
}

/// A reference that overflows the numbers of the library that reads workbooks.
#[test]
fn a_cell_that_no_spreadsheet_has() {
    read_bytes("bad.xlsx", &with("sheet", "r=\"A2\"", "r=\"A99999999999\""));
}

/// A number of texts for which no machine has the memory.
#[test]
fn more_texts_than_there_are() {
    for number in ["1", "42949672965", "99999999999999999999999999"] {
        let attribute = format!("uniqueCount = \"{number}");
        read_bytes("bad.xlsx", &with("sharedStrings", "uniqueCount=\"", &attribute));
    }
}
