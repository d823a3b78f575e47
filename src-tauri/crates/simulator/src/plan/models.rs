//! Models: create, replace from a workspace, delete.

use super::{Stamp, invalid};
use adt_limits::{Limit, Limiter};
use adt_service::{Code, ServiceError};
use dtdl::{ContentKind, Interface, Models, ParseOptions, Problems};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use twin_graph::{ChangeKind, StoredModel, TwinGraph, check_relationship, check_twin};

/// How many models an error names.
const SHOWN: usize = 20;

pub(super) fn create(
    graph: &TwinGraph,
    documents: &[Value],
    stamp: &Stamp,
    limiter: &Limiter,
) -> Result<ChangeKind, ServiceError> {
    check_sizes(documents, limiter)?;
    documents.iter().try_for_each(check_version)?;
    let known = |id: &&str| graph.models().get(id).is_some();
    let known: Vec<_> = documents.iter().filter_map(id_of).filter(known).take(SHOWN).collect();
    if !known.is_empty() {
        return Err(ServiceError::new(
            Code::ModelIdAlreadyExists,
            format!(
                "Some of the model ids already exist: {}. Use Model_List API to view models that already exist. See the Swagger example (https://aka.ms/ModelListSwSmpl).",
                known.join(", ")
            ),
        ));
    }
    let mut models = graph.models().clone();
    models.add(documents, &ParseOptions::default()).map_err(|problems| parser_error(&problems))?;
    limiter.check(Limit::Models, models.len() as u64)?;
    Ok(put(documents, stamp))
}

fn check_sizes(documents: &[Value], limiter: &Limiter) -> Result<(), ServiceError> {
    let check = |document: &Value| limiter.check(Limit::Model, document.to_string().len() as u64);
    match documents.iter().find_map(|document| Some((document, check(document).err()?))) {
        None => Ok(()),
        Some((document, exceeded)) => {
            let error = ServiceError::from(exceeded);
            let detail = format!("It is {}.", id_of(document).unwrap_or("without an @id"));
            let code = error.code;
            Err(error.with_detail(code, detail))
        }
    }
}

/// The service takes DTDL 2 and 3.
fn check_version(document: &Value) -> Result<(), ServiceError> {
    let contexts = match document.get("@context") {
        Some(Value::Array(contexts)) => contexts.as_slice(),
        Some(context) => std::slice::from_ref(context),
        None => &[],
    };
    let mut versions = contexts.iter().filter_map(|context| {
        Value::as_str(context)?.strip_prefix("dtmi:dtdl:context;")?.parse::<u32>().ok()
    });
    match versions.find(|version| !(2..=3).contains(version)) {
        None => Ok(()),
        Some(version) => Err(ServiceError::new(
            Code::ModelVersionNotSupported,
            format!(
                "The model {} is written in DTDL {version}, which is not supported. Supported version(s): 2, 3.",
                id_of(document).unwrap_or_default()
            ),
        )),
    }
}

pub(super) fn replace(
    graph: &TwinGraph,
    documents: &[Value],
    stamp: &Stamp,
    limiter: &Limiter,
) -> Result<ChangeKind, ServiceError> {
    let mut models = graph.models().clone();
    let done = models.replace(documents, &ParseOptions::default());
    done.map_err(|problems| parser_error(&problems))?;
    check_sizes(documents, limiter)?;
    limiter.check(Limit::Models, models.len() as u64)?;
    let faults: Vec<_> = still_valid(graph, &models);
    if faults.is_empty() {
        return Ok(put(documents, stamp));
    }
    Err(invalid("Twins that are there would no longer fit the changed models.", &faults))
}

/// What of the graph would not fit `models`, the first few of it.
fn still_valid(graph: &TwinGraph, models: &Models) -> Vec<twin_graph::Fault> {
    let of_twins = graph.twins().flat_map(|twin| {
        check_twin(models, twin).into_iter().map(move |mut fault| {
            fault.path = format!("{}{}", twin.id, fault.path);
            fault
        })
    });
    let model_of = |id: &str| graph.twin(id).map(|twin| twin.model.clone()).unwrap_or_default();
    let of_relationships = graph.relationships().flat_map(|relationship| {
        let (source, target) = (model_of(&relationship.source), model_of(&relationship.target));
        check_relationship(models, &source, &target, relationship).into_iter()
    });
    of_twins.chain(of_relationships).take(20).collect()
}

/// The service's documentation names the error, not what refers to what: as with deletion, it is
/// the models that need this one which must go first.
pub(super) fn decommission(graph: &TwinGraph, id: &str) -> Result<ChangeKind, ServiceError> {
    let model = graph.models().get(id).ok_or_else(|| ServiceError::model_not_found(id))?;
    let in_use =
        |other: &str| graph.stored_model(other).is_some_and(|stored| !stored.decommissioned);
    let users = users(graph, id, in_use);
    if !users.is_empty() {
        return Err(ServiceError::new(
            Code::ModelReferencesNotDecommissioned,
            format!(
                "The model {id} cannot be decommissioned while models that refer to it are not: {}. Decommission those first.",
                users.join(", ")
            ),
        ));
    }
    Ok(ChangeKind::ModelDecommissioned { id: model.id.clone() })
}

/// The first few of the models that refer to the one of that id and are `wanted`.
fn users(graph: &TwinGraph, id: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let others = graph.models().iter().filter(|other| *other.id != *id);
    let users = others.filter(|other| refers_to(other, id) && wanted(&other.id));
    users.take(SHOWN).map(|other| other.id.to_string()).collect()
}

/// Whether a model extends the one of that id, or has it as a component.
fn refers_to(model: &Interface, id: &str) -> bool {
    let extends = model.extends.iter().any(|base| **base == *id);
    extends
        || model.contents.values().any(|content| match &content.kind {
            ContentKind::Component { interface } => **interface == *id,
            _ => false,
        })
}

pub(super) fn delete(graph: &TwinGraph, id: &str) -> Result<ChangeKind, ServiceError> {
    if graph.models().get(id).is_none() {
        return Err(ServiceError::model_not_found(id));
    }
    let users = users(graph, id, |_| true);
    if !users.is_empty() {
        // The doubled full stop is the service's.
        return Err(ServiceError::new(
            Code::ModelReferencesNotDeleted,
            format!(
                "This model is currently being referenced by {}. You must delete these references before deleting the Model.. To delete references, do Delete Model on Ids provided above.",
                users.join(", ")
            ),
        ));
    }
    Ok(ChangeKind::ModelDeleted { id: id.into() })
}

fn put(documents: &[Value], stamp: &Stamp) -> ChangeKind {
    let stored = |document: &Value| StoredModel {
        document: Arc::new(document.clone()),
        uploaded: stamp.now,
        decommissioned: false,
    };
    // A document may be an array of interfaces; each is stored by itself.
    let interfaces = documents.iter().flat_map(|document| match document {
        Value::Array(interfaces) => interfaces.iter().collect(),
        other => vec![other],
    });
    let mut seen = BTreeSet::new();
    let interfaces = interfaces.filter(|document| seen.insert(id_of(document).unwrap_or_default()));
    ChangeKind::ModelsPut { models: interfaces.map(stored).collect() }
}

fn id_of(document: &Value) -> Option<&str> {
    document.get("@id").and_then(Value::as_str)
}

fn parser_error(problems: &Problems) -> ServiceError {
    ServiceError::new(
        Code::DTDLParserError,
        format!(
            "None of the models in this request could be created due to a problem with one or more models: {problems}. See model documentation(https://aka.ms/ADTv2Models) for supported format."
        ),
    )
}
