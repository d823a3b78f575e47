//! Kinds of twins: their shapes and the value that stands on them.

use super::{model_name, unit_sign};
use crate::wire::{Kind, Shape};
use dtdl::{Interface, Models};
use std::collections::HashMap;
use std::sync::Arc;
use twin_graph::TwinGraph;

/// The kinds of a graph, with the place of each model among them.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Kinds {
    pub(super) list: Vec<Kind>,
    index: HashMap<Arc<str>, u32>,
}

impl Kinds {
    /// Kinds by how far they are from the leaves of what contains what. `height_of` says so for a
    /// twin: 0 for one that contains nothing.
    pub(super) fn of(graph: &TwinGraph, height_of: impl Fn(&str) -> u32) -> Self {
        let mut models: HashMap<Arc<str>, (u32, u32)> = HashMap::new();
        for twin in graph.twins() {
            let (count, height) = models.entry(twin.model.clone()).or_default();
            *count += 1;
            *height = (*height).max(height_of(&twin.id));
        }
        let mut models: Vec<_> = models.into_iter().collect();
        // What contains most stands first; names decide between equals.
        models.sort_by(|(one, (_, a)), (other, (_, b))| b.cmp(a).then_with(|| one.cmp(other)));
        let index = models.iter().zip(0..).map(|((model, _), at)| (model.clone(), at)).collect();
        let kind = |(model, (count, height)): (Arc<str>, (u32, u32))| {
            kind(graph.models(), &model, count, height)
        };
        Self { list: models.into_iter().map(kind).collect(), index }
    }

    pub(super) fn index_of(&self, model: &str) -> u32 {
        self.index.get(model).copied().unwrap_or(0)
    }

    pub(super) fn of_model(&self, model: &str) -> Option<&Kind> {
        self.list.get(self.index_of(model) as usize).filter(|kind| kind.model == model)
    }
}

fn kind(models: &Models, model: &str, count: u32, height: u32) -> Kind {
    let value = models.get(model).and_then(|interface| value_property(interface));
    let (value_property, unit) = value.unzip();
    Kind {
        model: model.to_owned(),
        name: model_name(models, model),
        shape: match height {
            0 => Shape::Circle,
            1 => Shape::Rectangle,
            _ => Shape::Hexagon,
        },
        count,
        value_property,
        unit: unit.unwrap_or_default(),
    }
}

/// The property whose value says most: a temperature, else the first number with a unit.
fn value_property(model: &Interface) -> Option<(String, String)> {
    let numbers = model.contents.values().filter_map(|content| {
        let property = content.as_property()?;
        property.schema.is_numeric().then_some(content)
    });
    let numbers: Vec<_> = numbers.collect();
    let is_temperature = |content: &&&Arc<dtdl::Content>| {
        content.semantic_types.iter().any(|kind| &**kind == "Temperature")
            || content.name.to_lowercase().contains("temp")
    };
    let chosen = numbers
        .iter()
        .find(is_temperature)
        .or_else(|| numbers.iter().find(|content| content.unit.is_some()))?;
    let unit = chosen.unit.as_deref().map(unit_sign).unwrap_or_default();
    Some((chosen.name.to_string(), unit.to_owned()))
}
