//! A query's rows.

use crate::access::Access;
use crate::evaluate::Row;
use crate::item::Item;
use crate::syntax::{Collection, Query, Select};
use serde_json::{Map, Value, json};
use twin_graph::TwinGraph;

/// Runs a query over the graph as it is; rows are made as they are asked for, in no set order.
pub fn run<'q>(query: &'q Query, graph: &'q TwinGraph) -> Rows<'q> {
    Rows {
        query,
        candidates: Candidates::new(query, graph),
        remaining: query.top.unwrap_or(u64::MAX),
        graph,
    }
}

/// The rows of a query. Made by [`run`].
pub struct Rows<'q> {
    query: &'q Query,
    graph: &'q TwinGraph,
    candidates: Candidates<'q>,
    /// How many rows may still come.
    remaining: u64,
}

impl Rows<'_> {
    /// How many documents were looked at until now.
    pub fn scanned(&self) -> u64 {
        self.candidates.scanned
    }

    fn count(&mut self) -> Value {
        self.remaining = 0;
        match (&self.query.condition, self.query.collection) {
            (None, Collection::Twins) => json!({"COUNT": self.graph.twin_count()}),
            (None, Collection::Relationships) => json!({"COUNT": self.graph.relationship_count()}),
            _ => json!({"COUNT": self.candidates.by_ref().count()}),
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        if self.remaining == 0 {
            return None;
        }
        if self.query.select == Select::Count {
            return Some(self.count());
        }
        self.remaining -= 1;
        self.candidates.next().map(|item| project(self.query, self.graph, item))
    }
}

/// The documents that fit the condition.
pub(crate) struct Candidates<'q> {
    query: &'q Query,
    graph: &'q TwinGraph,
    items: Box<dyn Iterator<Item = Item<'q>> + 'q>,
    /// How many documents were looked at.
    pub(crate) scanned: u64,
}

impl<'q> Candidates<'q> {
    pub(crate) fn new(query: &'q Query, graph: &'q TwinGraph) -> Self {
        let items = Access::of(query).items(query.collection, graph);
        Self { query, graph, items, scanned: 0 }
    }

    /// The next one that `wanted` takes and that fits the condition.
    pub(crate) fn next_of(&mut self, wanted: impl Fn(Item<'q>) -> bool) -> Option<Item<'q>> {
        for item in self.items.by_ref() {
            if !wanted(item) {
                continue;
            }
            self.scanned += 1;
            let row = Row { items: &[item], models: self.graph.models() };
            if self.query.condition.as_ref().is_none_or(|condition| row.fits(condition)) {
                return Some(item);
            }
        }
        None
    }
}

impl<'q> Iterator for Candidates<'q> {
    type Item = Item<'q>;

    fn next(&mut self) -> Option<Item<'q>> {
        self.next_of(|_| true)
    }
}

/// The row that a document makes. A property that is not there is left out.
pub(crate) fn project(query: &Query, graph: &TwinGraph, item: Item<'_>) -> Value {
    let Select::Columns(columns) = &query.select else { return item.to_json() };
    let row = Row { items: &[item], models: graph.models() };
    let mut object = Map::new();
    for column in columns {
        if let Some(value) = row.look_up(&column.path).into_json() {
            object.insert(column.name.clone(), value);
        }
    }
    Value::Object(object)
}

/// What a query costs, in query units: the header `query-charge`.
///
/// The service publishes no formula. Recorded charges of small answers are 3.22 and 5.66; this
/// one starts below them and grows with what was looked at and with what was answered.
pub fn charge(scanned: u64, returned: u64) -> f64 {
    let units = 2.9 + 0.001 * scanned as f64 + 0.04 * returned as f64;
    (units * 100.0).round() / 100.0
}
