//! Kinds of twins: their shapes and the value that stands on them.

use super::{model_name, unit_sign};
use crate::wire::{Kind, Shape};
use dtdl::{Interface, Models, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// The kinds of a graph. A kind keeps its place; one without twins stays.
#[derive(Default)]
pub(super) struct Kinds {
    pub(super) list: Vec<Kind>,
    index: HashMap<Arc<str>, u16>,
}

impl Kinds {
    /// The place of a model among the kinds, which it gets where it has none. Beyond 65,535
    /// models all are drawn as the last one.
    pub(super) fn take(&mut self, models: &Models, model: &Arc<str>) -> u16 {
        if let Some(&kind) = self.index.get(model) {
            return kind;
        }
        let kind = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        if self.list.len() <= usize::from(u16::MAX) {
            self.list.push(described(models, model));
        }
        self.index.insert(model.clone(), kind);
        kind
    }

    /// Counts a twin that came or went.
    pub(super) fn count(&mut self, kind: u16, by: i32) {
        if let Some(kind) = self.list.get_mut(usize::from(kind)) {
            kind.count = kind.count.saturating_add_signed(by);
        }
    }

    pub(super) fn get(&self, kind: u16) -> Option<&Kind> {
        self.list.get(usize::from(kind))
    }

    /// Reads names and value properties anew, after models changed.
    pub(super) fn describe(&mut self, models: &Models) {
        for kind in &mut self.list {
            let new = described(models, &kind.model);
            let level = (kind.count, kind.level, kind.shape);
            *kind = new;
            (kind.count, kind.level, kind.shape) = level;
        }
    }

    /// Sets how many levels the twins of each kind contain; whether that changed anything.
    pub(super) fn set_levels(&mut self, levels: &[u32]) -> bool {
        let mut changed = false;
        for (kind, &level) in self.list.iter_mut().zip(levels) {
            changed |= kind.level != level;
            (kind.level, kind.shape) = (level, Shape::of_level(level));
        }
        changed
    }
}

fn described(models: &Models, model: &str) -> Kind {
    let value = models.get(model).and_then(|interface| value_property(interface));
    let (value_property, unit) = value.unzip();
    Kind {
        model: model.to_owned(),
        name: model_name(models, model),
        shape: Shape::of_level(0),
        count: 0,
        level: 0,
        value_property,
        unit: unit.unwrap_or_default(),
        properties: models.get(model).map(|interface| tellable(interface)).unwrap_or_default(),
    }
}

/// The properties whose values are numbers or short words, so that a colour can stand for them.
fn tellable(model: &Interface) -> Vec<String> {
    let properties = model.contents.values().filter(|content| {
        content.as_property().is_some_and(|property| {
            let schema = &**property.schema;
            schema.is_numeric()
                || matches!(schema, Schema::Boolean | Schema::String | Schema::Enum(_))
        })
    });
    properties.map(|content| content.name.to_string()).collect()
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
