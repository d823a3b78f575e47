//! Deletes everything: relationships, twins, models, in this order.

use super::import::apply_all;
use crate::{Instance, Mutation};
use adt_service::{Call, ServiceError};
use std::collections::HashSet;

const BATCH: usize = 512;

/// What comes in meanwhile may stay.
pub(super) async fn everything(instance: &Instance, call: &Call) -> Result<(), ServiceError> {
    let relationships: Vec<_> = {
        let graph = instance.view().read();
        graph.relationships().map(|each| (each.source.clone(), each.id.clone())).collect()
    };
    for batch in relationships.chunks(BATCH) {
        let delete = batch.iter().map(|(source, id)| Mutation::DeleteRelationship {
            source: source.to_string(),
            id: id.to_string(),
            if_match: None,
        });
        first_error(apply_all(instance, call, delete.collect()).await)?;
    }
    let twins: Vec<_> = instance.view().read().twins().map(|twin| twin.id.clone()).collect();
    for batch in twins.chunks(BATCH) {
        let delete =
            batch.iter().map(|id| Mutation::DeleteTwin { id: id.to_string(), if_match: None });
        first_error(apply_all(instance, call, delete.collect()).await)?;
    }
    for id in models_from_the_top(instance) {
        instance.apply(call, vec![Mutation::DeleteModel { id }]).await?;
    }
    Ok(())
}

fn first_error(done: Vec<Result<(), ServiceError>>) -> Result<(), ServiceError> {
    done.into_iter().collect()
}

/// All models, each before those that it needs.
fn models_from_the_top(instance: &Instance) -> Vec<String> {
    let graph = instance.view().read();
    let models = graph.models();
    let mut seen = HashSet::new();
    let mut order: Vec<String> = models
        .iter()
        .flat_map(|model| models.dependencies(&model.id))
        .filter(|id| seen.insert(id.clone()))
        .map(|id| id.to_string())
        .collect();
    order.reverse();
    order
}
