//! Loading: all files, all checks, all problems at once.

use crate::problem::{Problems, split_position};
use crate::source::{FLOOR_PLAN, TOPOLOGY, TWINS, TextFile, VIEWS};
use crate::{FileProblem, Loaded, Source, Views, functions, models, references, twins};
use adt_limits::Limits;
use pipeline::Topology;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a workspace and checks it as a whole, within the service's limits.
///
/// A file that is not there says nothing is wished; a folder that is not there is a problem.
///
/// # Errors
/// Everything that is wrong, in all files, each with its place. At most 1,000 problems are kept.
pub fn load(source: &Source) -> Result<Loaded, Vec<FileProblem>> {
    load_within(source, &Limits::service())
}

/// [`load`] for an instance that has other limits.
///
/// # Errors
/// As [`load`].
pub fn load_within(source: &Source, limits: &Limits) -> Result<Loaded, Vec<FileProblem>> {
    let mut problems = Problems::default();
    if !source.check(&mut problems) {
        return problems.into_result().map(|()| Loaded::default());
    }
    let model_files = source.read_models(&mut problems);
    let models::Read { models, complete, parsed } = models::read(&model_files, &mut problems);
    let load_order = parsed.as_ref().map(models::load_order).unwrap_or_default();
    let mut loaded = Loaded { models, load_order, ..Loaded::default() };
    if let Some(file) = source.read(TWINS, &mut problems) {
        (loaded.twins, loaded.relationships) = twins::read(&file.text, &mut problems);
    }
    if complete {
        references::check_models(&loaded, &mut problems);
    }
    references::check_ends(&loaded, &mut problems);
    if let Some(models) = &parsed {
        references::check_values(&loaded, models, &mut problems);
    }
    if let Some(file) = source.read(TOPOLOGY, &mut problems) {
        loaded.topology = read_topology(&file, limits, &mut problems);
    }
    loaded.scripts = functions::read(source, &loaded.topology, &mut problems);
    loaded.floor_plan = source
        .read(FLOOR_PLAN, &mut problems)
        .and_then(|file| read_floor_plan(&file, &mut problems));
    if let Some(file) = source.read(VIEWS, &mut problems) {
        loaded.views = read_json::<Views>(&file, &mut problems).unwrap_or_default();
    }
    problems.into_result().map(|()| loaded)
}

fn read_topology(file: &TextFile, limits: &Limits, problems: &mut Problems) -> Topology {
    Topology::parse_within(&file.text, limits).unwrap_or_else(|found| {
        found.into_iter().for_each(|problem| {
            let (place, message) =
                split_position(&problem.message).unwrap_or((problem.path, problem.message));
            problems.add(&file.name, place, message);
        });
        Topology::default()
    })
}

fn read_floor_plan(file: &TextFile, problems: &mut Problems) -> Option<Value> {
    let plan: Value = read_json(file, problems)?;
    let is_collection = plan.get("type").and_then(Value::as_str) == Some("FeatureCollection");
    if is_collection && plan.get("features").is_some_and(Value::is_array) {
        return Some(plan);
    }
    let message = "A floor plan is a GeoJSON FeatureCollection: {\"type\": \"FeatureCollection\", \
                   \"features\": […]}. Export it as that.";
    problems.add(&file.name, if is_collection { "/features" } else { "/type" }, message);
    None
}

fn read_json<T: DeserializeOwned>(file: &TextFile, problems: &mut Problems) -> Option<T> {
    serde_json::from_str(&file.text)
        .map_err(|error| {
            let (place, message) = json_error(&error);
            problems.add(&file.name, place, message);
        })
        .ok()
}

/// Place and sentence of a JSON error.
pub(crate) fn json_error(error: &serde_json::Error) -> (String, String) {
    let text = error.to_string();
    let (place, what) = split_position(&text).unwrap_or((String::new(), text));
    let what = what.trim_end_matches('.');
    match error.classify() {
        serde_json::error::Category::Data => (place, format!("{what}. Mend it and save the file.")),
        _ => (place, format!("This is not JSON: {what}. Mend it and save the file.")),
    }
}
