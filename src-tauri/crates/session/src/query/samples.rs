//! Queries that have something to show, made from the models and twins that are there.

use crate::screen::model_name;
use crate::wire::SampleQuery;
use twin_graph::{PropertyValue, TwinGraph};

/// Twins looked at for a typical value.
const LOOKED_AT: usize = 1_000;

/// At most three: all of a model, those above a value, and what is related.
pub(super) fn samples(graph: &TwinGraph) -> Vec<SampleQuery> {
    let mut models: Vec<_> = graph.models_in_use().collect();
    models.sort_by(|(_, one, a), (_, other, b)| b.cmp(a).then_with(|| one.cmp(other)));
    let of_model = models.iter().rev().find(|(_, _, count)| *count > 1).or(models.first());
    let of_model = of_model.map(|(_, model, _)| SampleQuery {
        title: format!("Every {}", model_name(graph.models(), model)),
        text: format!("SELECT * FROM DIGITALTWINS T\nWHERE IS_OF_MODEL(T, '{model}')"),
    });
    let above = models.iter().find_map(|(kind, model, _)| {
        let (property, value) = typical(graph, *kind, model)?;
        Some(SampleQuery {
            title: format!("{} above {value}, by {property}", model_name(graph.models(), model)),
            text: format!(
                "SELECT T.$dtId, T.{property} FROM DIGITALTWINS T\nWHERE IS_OF_MODEL(T, '{model}') AND T.{property} > {value}"
            ),
        })
    });
    of_model.into_iter().chain(above).chain(related(graph)).collect()
}

/// A property of a model that is a number, and its middle value.
fn typical(graph: &TwinGraph, kind: twin_graph::Kind, model: &str) -> Option<(String, f64)> {
    let model = graph.models().get(model)?;
    let numeric = model.contents.values().filter(|content| {
        content.as_property().is_some_and(|property| property.schema.is_numeric())
    });
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    numeric.filter(|content| plain(&content.name)).find_map(|content| {
        let twins = graph.nodes_of(kind).take(LOOKED_AT).filter_map(|node| graph.twin_at(node));
        let values =
            twins.filter_map(|twin| twin.property(&content.name).and_then(PropertyValue::as_f64));
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (first, last) = (values.first()?, values.last()?);
        let middle = values.get(values.len() / 2)?;
        (first < last).then(|| (content.name.to_string(), (middle * 10.0).round() / 10.0))
    })
}

/// What one twin is related to: the service wants a `$dtId` where relationships are followed.
fn related(graph: &TwinGraph) -> Option<SampleQuery> {
    let mut names: Vec<_> = graph.names_in_use().collect();
    names.sort_by(|(_, one, a), (_, other, b)| b.cmp(a).then_with(|| one.cmp(other)));
    let (_, name, _) = names.first()?;
    let relationship = graph.relationships().find(|each| each.name == **name)?;
    let source = &relationship.source;
    Some(SampleQuery {
        title: format!("What {source} has by {name}"),
        text: format!(
            "SELECT A, B FROM DIGITALTWINS\nMATCH (A)-[R:{name}]->(B)\nWHERE A.$dtId = '{}'",
            source.replace('\\', "\\\\").replace('\'', "\\'")
        ),
    })
}
