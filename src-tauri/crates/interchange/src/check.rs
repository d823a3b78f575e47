//! What is wrong with a graph before anything is written, row by row.

use crate::csv::typed;
use crate::{Graph, ModelRecord, Place, Problems, RelationshipRecord, TwinRecord};
use dtdl::{Interface, Models, ParseOptions, Schema};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::mem;
use twin_graph::{Fault, Relationship, Twin, check_relationship, check_twin};

/// Rows that are checked between two words of it.
const TOLD_EVERY: u64 = 1_000;

/// What an instance has already, as far as a graph's rows speak of it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The documents of all its models.
    pub models: Vec<Value>,
    /// Id and model of those of the graph's [outside twins](Graph::outside_twins) that it has.
    pub twins: HashMap<String, String>,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// All that is wrong.
    pub problems: Problems,
    /// How many of the files' models the instance has already, word for word.
    pub models_present: usize,
}

/// Checks a graph as a whole against its own models and those of the instance, and makes it ready to be written:
/// models that the instance has are taken out, the others put in the order in which they can be added, and cells of
/// tables get the types that the models say.
pub fn check(graph: &mut Graph, known: &Known) -> Checked {
    check_watched(graph, known, &|_| true).unwrap_or_default()
}

/// As [`check`]; `go_on` is told how many twins and relationships are checked so far, and says
/// whether to go on. `None` where it did not.
pub fn check_watched(
    graph: &mut Graph,
    known: &Known,
    go_on: &dyn Fn(u64) -> bool,
) -> Option<Checked> {
    let mut done = 0_u64;
    let mut next = || {
        done += 1;
        !done.is_multiple_of(TOLD_EVERY) || go_on(done)
    };
    let mut problems = Problems::default();
    let models_present = drop_known_models(graph, known, &mut problems);
    let parsed = parse_models(graph, known, &mut problems);
    let models = parsed.as_ref().unwrap_or(&EMPTY);
    sort_models(graph, models);
    settle(graph, models);
    let twins = Twins::new(graph, known, &mut problems);
    // Where a model is broken, what its twins may be is not known.
    let complete = parsed.is_some();
    for twin in &graph.twins {
        if !next() {
            return None;
        }
        if models.get(&twin.model).is_some() {
            tell(&mut problems, &twin.place, check_record(models, twin));
        } else if complete {
            let message =
                format!("There is no model {}. Import it too, or name another one.", twin.model);
            problems.add(&twin.place, "/$metadata/$model", message);
        }
    }
    let mut seen = HashMap::new();
    for edge in &graph.relationships {
        if !next() {
            return None;
        }
        check_ends(edge, &twins, models, &mut problems);
        if let Some(first) = seen.insert((&edge.source, &edge.id), &edge.place) {
            let message = format!(
                "The relationship «{}» of «{}» is at {first} already. Keep one of them.",
                edge.id, edge.source
            );
            problems.add(&edge.place, "", message);
        }
    }
    Some(Checked { problems, models_present })
}

static EMPTY: std::sync::LazyLock<Models> = std::sync::LazyLock::new(Models::new);

/// Takes out what need not be added; answers how many the instance has.
fn drop_known_models(graph: &mut Graph, known: &Known, problems: &mut Problems) -> usize {
    let id = |document: &Value| document.get("@id").and_then(Value::as_str).map(str::to_owned);
    let there: HashMap<_, _> =
        known.models.iter().filter_map(|model| Some((id(model)?, model))).collect();
    let mut kept: Vec<ModelRecord> = Vec::new();
    let mut index = HashMap::new();
    let mut present = 0;
    for model in mem::take(&mut graph.models) {
        if model.id.is_empty() {
            let message = "A model is an object with an @id. Give it a DTMI, for example \"@id\": \"dtmi:com:example:Room;1\".";
            problems.add(&model.place, "/@id", message);
            continue;
        }
        let first = index.get(&model.id).and_then(|at: &usize| kept.get(*at));
        match (there.get(&model.id), first) {
            (Some(document), _) if **document == model.document => present += 1,
            (Some(_), _) => problems.add(
                &model.place,
                "/@id",
                format!("The instance has another model under {}, and models cannot be changed. Give this one a new version.", model.id),
            ),
            (None, Some(first)) if first.document == model.document => {}
            (None, Some(first)) => problems.add(
                &model.place,
                "/@id",
                format!("Another model {} is at {} already. Keep one of them.", model.id, first.place),
            ),
            (None, None) => {
                index.insert(model.id.clone(), kept.len());
                kept.push(model);
            }
        }
    }
    graph.models = kept;
    present
}

/// All models together; `None` where those of the files are wrong.
fn parse_models(graph: &Graph, known: &Known, problems: &mut Problems) -> Option<Models> {
    let mut models = Models::new();
    let options = ParseOptions::default();
    // An instance may hold models that this program does not understand: then it alone judges.
    models.add(&known.models, &options).ok()?;
    let documents: Vec<Value> = graph.models.iter().map(|model| model.document.clone()).collect();
    let Err(found) = models.add(&documents, &options) else { return Some(models) };
    let places: HashMap<&str, &Place> =
        graph.models.iter().map(|model| (model.id.as_str(), &model.place)).collect();
    for problem in found.0 {
        let place = problem.model.as_deref().and_then(|id| places.get(id).copied());
        if let Some(place) = place.or_else(|| graph.models.first().map(|model| &model.place)) {
            problems.add(place, problem.property.unwrap_or_default(), problem.message);
        }
    }
    None
}

/// Each model after those that it needs.
fn sort_models(graph: &mut Graph, models: &Models) {
    let order = graph.models.iter().flat_map(|model| models.dependencies(&model.id));
    let mut rank = HashMap::new();
    for id in order {
        let next = rank.len();
        rank.entry(id).or_insert(next);
    }
    graph.models.sort_by_key(|model| rank.get(model.id.as_str()).copied());
}

/// Gives the cells of tables their types.
fn settle(graph: &mut Graph, models: &Models) {
    let model_of: HashMap<&str, &str> =
        graph.twins.iter().map(|twin| (twin.id.as_str(), twin.model.as_str())).collect();
    for edge in graph.relationships.iter_mut().filter(|edge| edge.as_text) {
        let model = model_of.get(edge.source.as_str()).and_then(|model| models.get(model));
        let declared = model.and_then(|model| model.relationship(&edge.name));
        settle_values(&mut edge.properties, |name| {
            let content = declared?.properties.get(name)?;
            Some(content.as_property()?.schema)
        });
        edge.as_text = false;
    }
    for twin in graph.twins.iter_mut().filter(|twin| twin.as_text) {
        let model = models.get(&twin.model);
        settle_values(&mut twin.contents, |name| property(model?, name));
        twin.as_text = false;
    }
}

fn property<'a>(model: &'a Interface, name: &str) -> Option<&'a Schema> {
    Some(model.property(name)?.schema)
}

fn settle_values<'a>(values: &mut Map<String, Value>, schema: impl Fn(&str) -> Option<&'a Schema>) {
    for (name, value) in values.iter_mut() {
        if let Value::String(cell) = value {
            *value = typed(cell, schema(name));
        }
    }
}

fn check_record(models: &Models, twin: &TwinRecord) -> Vec<Fault> {
    let mut body = twin.to_json();
    if let Value::Object(object) = &mut body {
        object.insert("$etag".into(), "".into());
    }
    Twin::from_json(&body).map(|twin| check_twin(models, &twin)).unwrap_or_default()
}

fn tell(problems: &mut Problems, place: &Place, faults: Vec<Fault>) {
    for fault in faults {
        problems.add(place, fault.path, fault.message);
    }
}

/// The model of every twin, whether in the files or in the instance.
struct Twins<'a>(HashMap<&'a str, &'a str>);

impl<'a> Twins<'a> {
    fn new(graph: &'a Graph, known: &'a Known, problems: &mut Problems) -> Self {
        let there = known.twins.iter().map(|(id, model)| (id.as_str(), model.as_str()));
        let mut twins: HashMap<&str, &str> = there.collect();
        let mut seen: HashMap<&str, &Place> = HashMap::new();
        for twin in &graph.twins {
            twins.insert(&twin.id, &twin.model);
            if let Some(first) = seen.insert(&twin.id, &twin.place) {
                let message =
                    format!("The twin «{}» is at {first} already. Keep one of them.", twin.id);
                problems.add(&twin.place, "/$dtId", message);
            }
        }
        Self(twins)
    }
}

fn check_ends(
    edge: &RelationshipRecord,
    twins: &Twins<'_>,
    models: &Models,
    problems: &mut Problems,
) {
    let mut end = |id: &str, column: &str| {
        let model = twins.0.get(id).copied();
        if model.is_none() {
            let message = format!(
                "There is no twin «{id}», neither in the files nor in the instance. Add it, or name another one."
            );
            problems.add(&edge.place, column, message);
        }
        model.filter(|model| models.get(model).is_some())
    };
    let (source, target) = (end(&edge.source, "/$sourceId"), end(&edge.target, "/$targetId"));
    let (Some(source), Some(target)) = (source, target) else { return };
    let relationship = Relationship {
        id: edge.id.as_str().into(),
        source: edge.source.as_str().into(),
        target: edge.target.as_str().into(),
        name: edge.name.as_str().into(),
        etag: "".into(),
        properties: edge.properties.clone().into(),
    };
    tell(problems, &edge.place, check_relationship(models, source, target, &relationship));
}
