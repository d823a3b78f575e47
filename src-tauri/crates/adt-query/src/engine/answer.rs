//! The rows of an answer, read where the graph holds them.

use super::columns::{Column, Key, places};
use super::{Binding, Engine, Position, Report};
use crate::item::Item;
use crate::language::syntax::{Path, Query, Select};
use crate::value::Seen;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// What a query answers at one version of the graph. Rows are made as they are asked for.
pub struct Answer<'q> {
    query: &'q Query,
    graph: Arc<TwinGraph>,
    /// Places by variable, row after row.
    bound: Vec<u32>,
    count: Option<u64>,
    /// By projected part: its column, where there is one.
    columns: Vec<Option<Arc<Column>>>,
    next: Option<Position>,
    report: Report,
}

/// A projected value of a row.
pub type Cell<'a> = Option<std::borrow::Cow<'a, str>>;

/// With fewer rows than this share of the collection, a column is not worth a scan of it.
const WORTH: usize = 64;

impl<'q> Answer<'q> {
    pub(super) fn of_count(
        query: &'q Query,
        graph: Arc<TwinGraph>,
        count: u64,
        report: Report,
    ) -> Self {
        let (bound, columns) = (Vec::new(), Vec::new());
        Self { query, graph, bound, count: Some(count), columns, next: None, report }
    }

    pub(super) fn of_rows(
        engine: &Engine,
        query: &'q Query,
        graph: Arc<TwinGraph>,
        bound: Vec<u32>,
        next: Option<Position>,
        report: Report,
    ) -> Self {
        let rows = bound.len() / query.variables.len().max(1);
        let columns = match &query.select {
            Select::Columns(columns) => columns
                .iter()
                .map(|column| column_of(engine, query, &graph, &column.path, rows))
                .collect(),
            _ => Vec::new(),
        };
        Self { query, graph, bound, count: None, columns, next, report }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        match self.count {
            Some(_) => 1,
            None => self.bound.len() / self.query.variables.len().max(1),
        }
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the next page begins; `None` at the end.
    pub fn next(&self) -> Option<&Position> {
        self.next.as_ref()
    }

    /// What it was found by.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// A row as the service answers it; null beyond the last one.
    pub fn row(&self, index: usize) -> Value {
        if let Some(count) = self.count {
            return if index == 0 { json!({ "COUNT": count }) } else { Value::Null };
        }
        let width = self.query.variables.len();
        let Some(bound) = self.bound.get(index * width..(index + 1) * width) else {
            return Value::Null;
        };
        project(self.query, &self.graph, bound, |column, path| self.cell_at(column, bound, path))
    }

    /// What a row binds, in the order in which the query names it; nothing for a COUNT.
    pub fn bound(&self, index: usize) -> impl Iterator<Item = Binding> {
        let width = self.query.variables.len();
        let bound = self.bound.get(index * width..(index + 1) * width).unwrap_or_default();
        Binding::of_row(self.query, bound)
    }

    /// All rows as the service answers them.
    pub fn rows(&self) -> impl Iterator<Item = Value> {
        (0..self.len()).map(|index| self.row(index))
    }

    /// A projected text without a copy: the value in that row and column where it is a text, as
    /// ids and names are.
    pub fn text(&self, index: usize, column: usize) -> Cell<'_> {
        let Select::Columns(columns) = &self.query.select else { return None };
        let width = self.query.variables.len();
        let bound = self.bound.get(index * width..(index + 1) * width)?;
        let path = &columns.get(column)?.path;
        let seen = self.cell_at(column, bound, path).unwrap_or_else(|| {
            Item::at(&self.graph, self.query.variables[path.variable].kind, bound[path.variable])
                .map_or(Seen::Absent, |item| item.look_up(&path.names))
        });
        match seen {
            Seen::Text(text) | Seen::TimeText(text, _) => Some(text.into()),
            Seen::Time(time) => Some(time.to_string().into()),
            _ => None,
        }
    }

    /// What the columns have of a value.
    fn cell_at(&self, column: usize, bound: &[u32], path: &Path) -> Option<Seen<'_>> {
        self.columns.get(column)?.as_ref()?.seen(bound[path.variable] as usize)
    }
}

/// The row that places make. A property that is not there is left out.
pub(super) fn project<'g>(
    query: &Query,
    graph: &'g TwinGraph,
    bound: &[u32],
    at_hand: impl Fn(usize, &Path) -> Option<Seen<'g>>,
) -> Value {
    let item = |variable: usize| Item::at(graph, query.variables[variable].kind, bound[variable]);
    let Select::Columns(columns) = &query.select else {
        return item(0).map_or(Value::Null, Item::to_json);
    };
    let mut object = Map::new();
    for (at, column) in columns.iter().enumerate() {
        let look_up = || item(column.path.variable).map(|item| item.look_up(&column.path.names));
        let seen = at_hand(at, &column.path).or_else(look_up);
        if let Some(value) = seen.and_then(Seen::into_json) {
            object.insert(column.name.clone(), value);
        }
    }
    Value::Object(object)
}

fn column_of(
    engine: &Engine,
    query: &Query,
    graph: &TwinGraph,
    path: &Path,
    rows: usize,
) -> Option<Arc<Column>> {
    if path.names.is_empty() {
        return None;
    }
    let kind = query.variables[path.variable].kind;
    let key = Key { kind, path: path.names.clone() };
    match rows * WORTH > places(kind, graph) {
        true => engine.columns.for_scan(&key, graph).map(|(column, _)| column),
        false => engine.columns.at_hand(&key, graph),
    }
}
