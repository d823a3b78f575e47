//! The files of models.

use crate::ModelFile;
use crate::problem::{Problems, split_position};
use crate::source::{MODELS, TextFile};
use dtdl::{Models, ParseOptions, Problem};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// The models of a workspace, as far as they can be read.
pub(crate) struct Read {
    pub(crate) models: BTreeMap<String, ModelFile>,
    /// Whether these are all; otherwise there may be others in files that cannot be read.
    pub(crate) complete: bool,
    /// Parsed together, where nothing is wrong with them.
    pub(crate) parsed: Option<Models>,
}

pub(crate) fn read(files: &[TextFile], problems: &mut Problems) -> Read {
    let mut models = BTreeMap::new();
    let mut complete = true;
    for file in files {
        complete &= read_file(file, &mut models, problems);
    }
    let documents: Vec<Value> = models.values().map(|model| model.document.clone()).collect();
    let mut parsed = Models::new();
    let result = parsed.add(&documents, &ParseOptions::default());
    let known = |problem: &&Problem| {
        // What is missing may be in a file that cannot be read, which is told already.
        complete || problem.kind != dtdl::ProblemKind::Unresolved
    };
    if let Err(found) = &result {
        for problem in found.iter().filter(known) {
            let model = problem.model.as_ref().and_then(|id| models.get(id));
            let file = model.map_or(MODELS, |model| &model.file);
            problems.add(file, place(problem), &problem.message);
        }
    }
    Read { models, complete, parsed: (complete && result.is_ok()).then_some(parsed) }
}

/// The interfaces of a file: one, or an array of them.
pub(crate) fn documents(file: &TextFile) -> Result<Vec<Value>, (String, String)> {
    match dtdl::read(file.text.as_bytes()) {
        Ok(Value::Array(documents)) => Ok(documents),
        Ok(document) => Ok(vec![document]),
        Err(found) => {
            let text = found.iter().map(|problem| problem.message.as_str()).collect::<String>();
            Err(split_position(&text).unwrap_or((String::new(), text)))
        }
    }
}

/// Whether all of the file could be read.
fn read_file(
    file: &TextFile,
    models: &mut BTreeMap<String, ModelFile>,
    problems: &mut Problems,
) -> bool {
    let documents = match documents(file) {
        Ok(documents) => documents,
        Err((place, message)) => {
            problems.add(&file.name, place, message);
            return false;
        }
    };
    let mut complete = true;
    let several = documents.len() > 1;
    for (index, document) in documents.into_iter().enumerate() {
        let at =
            |member: &str| if several { format!("/{index}{member}") } else { member.to_owned() };
        let Some(id) = document.get("@id").and_then(Value::as_str).map(str::to_owned) else {
            let message = "A model is an object with an @id. Give it a DTMI, for example \
                           \"@id\": \"dtmi:com:example:Room;1\".";
            problems.add(&file.name, at("/@id"), message);
            complete = false;
            continue;
        };
        match models.get(&id) {
            Some(other) => {
                let message =
                    format!("The model {id} is in {} already. Keep one of them.", other.file);
                problems.add(&file.name, at("/@id"), message);
                complete = false;
            }
            None => {
                models.insert(id, ModelFile { file: file.name.clone(), document });
            }
        }
    }
    complete
}

/// A JSON Pointer by names: `dtmi:com:example:Room:_contents:__area;1` of `dtmi:com:example:Room;1`
/// is `/contents/area`.
fn place(problem: &Problem) -> String {
    let element = problem.element.as_deref().unwrap_or_default();
    let without_version = |id: &str| id.split(';').next().unwrap_or(id).to_owned();
    let model = without_version(problem.model.as_deref().unwrap_or_default());
    let element = without_version(element);
    let within = element.strip_prefix(&model).unwrap_or(&element).to_owned();
    let mut place = match within.strip_prefix(':') {
        Some(labels) => {
            labels.split(':').map(|label| format!("/{}", label.trim_start_matches('_'))).collect()
        }
        None => within,
    };
    if let Some(property) = &problem.property {
        place = format!("{place}/{property}");
    }
    place
}

/// The DTMIs so that each comes after those that it needs.
pub(crate) fn load_order(models: &Models) -> Vec<String> {
    let mut seen = HashSet::new();
    let all = models.iter().flat_map(|model| models.dependencies(&model.id));
    all.filter(|id| seen.insert(id.clone())).map(|id| id.to_string()).collect()
}
