//! Writing an instance back to the folder: only what changed, and so that git shows little.

use crate::problem::Problems;
use crate::source::{MODELS, TWINS, TextFile, VIEWS};
use crate::{FileProblem, Source, Views, models, twins};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use twin_graph::{Contents, Properties, Relationship, Twin};

/// What to write.
#[derive(Clone, Debug, Default)]
pub struct SaveInput {
    /// All models.
    pub models: Vec<Arc<Value>>,
    /// All twins.
    pub twins: Vec<Arc<Twin>>,
    /// All relationships.
    pub relationships: Vec<Arc<Relationship>>,
    /// Positions and pins.
    pub views: Views,
}

/// A file as it should be; `None` where it should not be.
pub(crate) type Wanted = (String, Option<String>);

/// Writes models, twins, relationships and views to the folder, which is made if need be.
///
/// What is in a file already stays where it is, byte for byte where it did not change; what is new
/// comes after it. All files are written beside the old ones and to the disk first, and then
/// renamed, so that no file is ever half-written. The other files of the workspace are not touched.
///
/// Answers the names of the files that were written or deleted.
///
/// # Errors
/// Where a file that is there cannot be read (it may hold somebody's unfinished work), or one
/// cannot be written. Up to the renaming nothing is changed then.
pub fn save(folder: &Path, input: &SaveInput) -> Result<Vec<String>, FileProblem> {
    fs::create_dir_all(folder)
        .map_err(|error| cannot_write(&folder.display().to_string(), &error))?;
    let source = Source::Folder(folder.to_owned());
    let mut problems = Problems::default();
    let files = source.read_models(&mut problems);
    let twins = source.read(TWINS, &mut problems).map(|file| file.text);
    let views = source.read(VIEWS, &mut problems).map(|file| file.text);
    let mut wanted = wanted_models(&files, &input.models, &mut problems);
    wanted.extend(wanted_twins(twins.as_deref().unwrap_or_default(), input, &mut problems));
    let text = input.views.to_text();
    if views.as_ref() != Some(&text) && (views.is_some() || input.views != Views::default()) {
        wanted.push((VIEWS.to_owned(), Some(text)));
    }
    if let Err(found) = problems.into_result()
        && let Some(first) = found.into_iter().next()
    {
        return Err(first);
    }
    write(folder, &wanted)?;
    Ok(wanted.into_iter().map(|(name, _)| name).collect())
}

fn wanted_models(
    files: &[TextFile],
    models: &[Arc<Value>],
    problems: &mut Problems,
) -> Vec<Wanted> {
    let id = |document: &Value| document.get("@id").and_then(Value::as_str).map(str::to_owned);
    let mut left: BTreeMap<String, &Value> =
        models.iter().filter_map(|model| Some((id(model)?, model.as_ref()))).collect();
    let read = files.iter().filter_map(|file| match models::documents(file) {
        Ok(documents) => Some((file, documents)),
        Err((place, message)) => {
            problems.add(&file.name, place, message);
            None
        }
    });
    let read: Vec<(&TextFile, Vec<Value>)> = read.collect();
    let documents: Vec<Value> = read.iter().flat_map(|(_, documents)| documents).cloned().collect();
    let meaning = Meaning::new(&documents, models);
    let mut wanted = Vec::new();
    for (file, documents) in read {
        let after: Vec<Value> = documents
            .iter()
            .filter_map(|document| {
                let id = id(document)?;
                let model = left.remove(&id)?;
                let same = meaning.is_same(&id, document, model);
                Some(if same { document } else { model }.clone())
            })
            .collect();
        if after != documents {
            let is_array = file.text.trim_start().starts_with('[');
            let text = match &after[..] {
                [] => None,
                [model] if !is_array => Some(pretty(model)),
                models => Some(pretty(&json!(models))),
            };
            wanted.push((file.name.clone(), text));
        }
    }
    let mut taken: BTreeSet<String> = files.iter().map(|file| file.name.to_lowercase()).collect();
    for (id, model) in left {
        wanted.push((file_name(&id, &mut taken), Some(pretty(model))));
    }
    wanted
}

/// What models mean, however they are written: the instance may hold their canonical form.
struct Meaning {
    files: dtdl::Models,
    instance: dtdl::Models,
}

impl Meaning {
    fn new(files: &[Value], models: &[Arc<Value>]) -> Self {
        let models: Vec<Value> = models.iter().map(|model| Value::clone(model)).collect();
        let parse = |documents: &[Value]| {
            let mut parsed = dtdl::Models::new();
            // Where they do not parse, they are compared by their text alone.
            let _ = parsed.add(documents, &dtdl::ParseOptions::default());
            parsed
        };
        Self { files: parse(files), instance: parse(&models) }
    }

    fn is_same(&self, id: &str, file: &Value, model: &Value) -> bool {
        let both = self.files.get(id).zip(self.instance.get(id));
        file == model || both.is_some_and(|(file, model)| file.document == model.document)
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A free name for a new model's file, from the last label of its DTMI.
fn file_name(dtmi: &str, taken: &mut BTreeSet<String>) -> String {
    let label = dtmi.split(';').next().and_then(|path| path.rsplit(':').next()).unwrap_or_default();
    let safe = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let label: String = label.chars().filter(safe).take(100).collect();
    let label = if label.is_empty() { "Model" } else { &label };
    let mut name = format!("{MODELS}/{label}.json");
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        name = format!("{MODELS}/{label}-{number}.json");
        number += 1;
    }
    name
}

fn wanted_twins(old: &str, input: &SaveInput, problems: &mut Problems) -> Option<Wanted> {
    let (twins, relationships) = twins::read(old, problems);
    let lines: Vec<&str> = old.lines().collect();
    let line = |number: usize| lines.get(number - 1).copied().unwrap_or_default();

    let mut twin_lines: Vec<Ordered> = Vec::with_capacity(input.twins.len());
    for twin in &input.twins {
        let body = twin_body(twin);
        let before = twins.get(twin.id.as_ref());
        let kept = before.filter(|before| before.body == body).map(|before| line(before.line));
        let text = kept.map_or_else(|| body.to_string(), str::to_owned);
        let place = before.map_or(usize::MAX, |before| before.line);
        twin_lines.push((place, (twin.id.to_string(), String::new()), text));
    }
    let mut edge_lines: Vec<Ordered> = Vec::with_capacity(input.relationships.len());
    for edge in &input.relationships {
        let key = (edge.source.to_string(), edge.id.to_string());
        let before = relationships.get(&key);
        let kept = before
            .filter(|before| *before.target == *edge.target && *before.name == *edge.name)
            .filter(|before| Properties::from(before.properties.clone()) == edge.properties)
            .map(|before| line(before.line));
        let text = kept.map_or_else(|| edge_body(edge).to_string(), str::to_owned);
        edge_lines.push((before.map_or(usize::MAX, |before| before.line), key, text));
    }

    let begin = twins.values().map(|twin| twin.line).chain(relationships.values().map(|e| e.line));
    let begin = begin.min().unwrap_or(usize::MAX);
    let mut text = vec![r#"{"Section":"Header"}"#.to_owned(), header(&lines, begin)];
    text.push(r#"{"Section":"Twins"}"#.into());
    text.extend(in_order(twin_lines));
    text.push(r#"{"Section":"Relationships"}"#.into());
    text.extend(in_order(edge_lines));

    let is_same = lines.iter().filter(|line| !line.trim().is_empty()).eq(text.iter());
    let is_nothing = old.is_empty() && input.twins.is_empty();
    (!is_same && !is_nothing).then(|| (TWINS.to_owned(), Some(text.join("\n") + "\n")))
}

/// Old line, key and text of a line.
type Ordered = (usize, (String, String), String);

/// First those of the old file in its order, then the new ones by key.
fn in_order(mut lines: Vec<Ordered>) -> impl Iterator<Item = String> {
    lines.sort_unstable();
    lines.into_iter().map(|(_, _, text)| text)
}

fn header(lines: &[&str], begin: usize) -> String {
    let is_header = |line: &&&str| {
        serde_json::from_str::<Value>(line).is_ok_and(|value| value.get("fileVersion").is_some())
    };
    let found = lines.iter().take(begin).find(is_header).map(|line| (*line).to_owned());
    let new = || r#"{"fileVersion":"1.0.0","author":"Twinscope","organization":""}"#.to_owned();
    found.unwrap_or_else(new)
}

/// The twin without what belongs to the instance alone: ETag and times.
fn twin_body(twin: &Twin) -> Value {
    let mut body = Map::new();
    body.insert("$dtId".into(), json!(twin.id));
    body.insert("$metadata".into(), json!({"$model": twin.model}));
    body.extend(twin.contents.to_map());
    for (name, component) in &twin.components {
        body.insert(name.to_string(), component_body(component));
    }
    Value::Object(body)
}

fn component_body(component: &Contents) -> Value {
    let mut body = Map::new();
    body.insert("$metadata".into(), json!({}));
    body.extend(component.to_map());
    Value::Object(body)
}

fn edge_body(edge: &Relationship) -> Value {
    let mut body = Map::new();
    body.insert("$dtId".into(), json!(edge.source));
    body.insert("$relationshipId".into(), json!(edge.id));
    body.insert("$targetId".into(), json!(edge.target));
    body.insert("$relationshipName".into(), json!(edge.name));
    body.extend(edge.properties.to_map());
    Value::Object(body)
}

fn cannot_write(name: &str, error: &std::io::Error) -> FileProblem {
    FileProblem {
        file: name.to_owned(),
        place: String::new(),
        message: format!(
            "This cannot be written ({error}). Make the folder writable and the disk less full, \
             or save to another folder."
        ),
    }
}

/// All to the disk under other names, then all renamed.
pub(crate) fn write(folder: &Path, wanted: &[Wanted]) -> Result<(), FileProblem> {
    let mut staged: Vec<(PathBuf, PathBuf)> = Vec::new();
    let done = wanted
        .iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?)))
        .try_for_each(|(name, text)| {
            let target = folder.join(name);
            let temporary = temporary_name(&target);
            staged.push((temporary.clone(), target));
            stage(&temporary, text).map_err(|error| cannot_write(name, &error))
        })
        .and_then(|()| {
            staged.iter().try_for_each(|(temporary, target)| {
                let name = target.strip_prefix(folder).unwrap_or(target).display().to_string();
                fs::rename(temporary, target).map_err(|error| cannot_write(&name, &error))
            })
        });
    for (temporary, _) in &staged {
        // Those that were renamed are not there any more.
        let _ = fs::remove_file(temporary);
    }
    done?;
    for (name, _) in wanted.iter().filter(|(_, text)| text.is_none()) {
        fs::remove_file(folder.join(name)).map_err(|error| cannot_write(name, &error))?;
    }
    sync_folders(folder, wanted);
    Ok(())
}

/// Hidden, so that no watcher takes it for a file of the workspace.
fn temporary_name(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

fn stage(temporary: &Path, text: &str) -> std::io::Result<()> {
    if let Some(parent) = temporary.parent() {
        fs::create_dir_all(parent)?;
    }
    // What an earlier process of this number left there.
    let _ = fs::remove_file(temporary);
    let mut file = File::create_new(temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes the renaming itself durable, where the system can.
fn sync_folders(folder: &Path, wanted: &[Wanted]) {
    let parents: BTreeSet<PathBuf> = wanted
        .iter()
        .filter_map(|(name, _)| Some(folder.join(name).parent()?.to_owned()))
        .collect();
    for parent in parents {
        let _ = File::open(parent).and_then(|folder| folder.sync_all());
    }
}
