//! FIDELITY-messaging.md: how each behaviour of the messaging services and of the control plane is
//! known. Written from the comments beside the code that begin with `//=`; `UPDATE_FIDELITY=1`
//! writes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "\
# Fidelity of the messaging services and the control plane

How Twinscope knows what Event Hubs, Service Bus, Event Grid and IoT Hub do, and what manages an instance. Written by `UPDATE_FIDELITY=1 cargo test -p messaging --test fidelity` from comments beside the code (`//= documented: …`); a test fails when it is stale. Where a source is named it was looked up: a page is a file of MicrosoftDocs/azure-docs (below `articles/` where it does not begin with `includes/`), `owner/name#number` an issue on GitHub; what has none is from memory of the same documents. FIDELITY.md is the same for Azure Digital Twins.

- **documented**: said by the services' documentation (Microsoft Learn) or API definitions.
- **recorded**: the service's own words, in logs and issues that others published.
- **client**: what the official clients send and rely on, seen by running them.
- **guess**: neither; what fits the rest best.
- **ours**: the service is otherwise, or has no such thing; this server needs it.
";

/// Folder of crates, folder of sources in it, and title.
const SERVICES: [(&str, &str, &str); 6] = [
    ("messaging/src", "event_hubs", "Event Hubs"),
    ("messaging/src", "service_bus", "Service Bus"),
    ("messaging/src", "namespace", "Namespace: connections and tokens"),
    ("messaging/src", "event_grid", "Event Grid"),
    ("messaging/src", "iot_hub", "IoT Hub"),
    ("adt-service/src/server", "management", "Control plane"),
];
const KNOWN: [&str; 5] = ["documented", "recorded", "client", "guess", "ours"];

#[test]
fn the_page_says_what_the_comments_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = HEAD.to_owned();
    for (sources, folder, name) in SERVICES {
        let rows = rows(&root.join("..").join(sources).join(folder));
        assert!(!rows.is_empty(), "{folder} says nothing");
        write!(
            page,
            "\n## {name}\n\n| behaviour | known by | source | where |\n|---|---|---|---|\n"
        )
        .unwrap();
        for Row { known, text, file } in rows {
            let (text, source) = match text.strip_suffix(']').and_then(|t| t.rsplit_once(" [")) {
                Some((text, source)) => (text, source),
                None => (text.as_str(), ""),
            };
            writeln!(page, "| {text} | {known} | {source} | `{folder}/{file}` |").unwrap();
        }
    }
    let path = root.join("../../../FIDELITY-messaging.md");
    if std::env::var_os("UPDATE_FIDELITY").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "FIDELITY-messaging.md is stale: UPDATE_FIDELITY=1 cargo test -p messaging --test fidelity"
    );
}

struct Row {
    known: String,
    text: String,
    file: String,
}

fn rows(folder: &Path) -> Vec<Row> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().flat_map(|file| rows_of(file)).collect()
}

/// A row begins with `//= KNOWN: `, goes on in the comment lines below it, and may end with its
/// source in brackets.
fn rows_of(file: &Path) -> Vec<Row> {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    for line in fs::read_to_string(file).unwrap().lines().map(str::trim) {
        if let Some(row) = line.strip_prefix("//= ") {
            let (known, text) = row.split_once(": ").expect("//= KNOWN: TEXT");
            assert!(KNOWN.contains(&known), "{name}: {known}");
            rows.push(Row { known: known.into(), text: text.into(), file: name.clone() });
            open = true;
        } else if let Some(more) = line.strip_prefix("//  ").filter(|_| open) {
            let row = rows.last_mut().unwrap();
            row.text += " ";
            row.text += more;
        } else {
            open = false;
        }
    }
    rows
}
