//! A query's rows.

use crate::access::{Access, ends, steps};
use crate::evaluate::Row;
use crate::item::Item;
use crate::language::syntax::{Query, Select};
use serde_json::{Map, Value, json};
use twin_graph::TwinGraph;

/// Runs a query over the graph as it is, in no set order.
pub fn run<'q>(query: &'q Query, graph: &'q TwinGraph) -> Rows<'q> {
    let found = Found::all(query, graph);
    let scanned = found.scanned;
    let rows: Vec<Value> = match query.select {
        Select::Count => vec![json!({"COUNT": found.rows.len()})],
        _ => {
            let most = usize::try_from(query.top.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
            found.rows.iter().take(most).map(|row| project(query, graph, row)).collect()
        }
    };
    Rows { rows: rows.into_iter(), scanned, lifetime: std::marker::PhantomData }
}

/// The rows of a query. Made by [`run`].
pub struct Rows<'q> {
    rows: std::vec::IntoIter<Value>,
    scanned: u64,
    lifetime: std::marker::PhantomData<&'q ()>,
}

impl Rows<'_> {
    /// How many documents were looked at.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }
}

impl Iterator for Rows<'_> {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        self.rows.next()
    }
}

/// What fits the condition: for each row a document by variable.
pub(crate) struct Found<'g> {
    pub(crate) rows: Vec<Vec<Item<'g>>>,
    /// How many documents were looked at.
    pub(crate) scanned: u64,
}

impl<'g> Found<'g> {
    pub(crate) fn all(query: &'g Query, graph: &'g TwinGraph) -> Self {
        let mut found = Self { rows: Vec::new(), scanned: 0 };
        if query.condition.is_none() && query.variables.len() == 1 && query.select == Select::Count
        {
            let count = match query.variables[0].kind {
                crate::language::syntax::Kind::Twin => graph.twin_count(),
                crate::language::syntax::Kind::Relationship => graph.relationship_count(),
            };
            found.rows = vec![Vec::new(); count];
            return found;
        }
        let anchor = (0..query.variables.len())
            .find(|&variable| Access::of(query, variable) != Access::Scan)
            .unwrap_or(0);
        let items = Access::of(query, anchor).items(query.variables[anchor].kind, graph);
        for item in items {
            found.scanned += 1;
            let mut row = vec![None; query.variables.len()];
            row[anchor] = Some(item);
            found.bind(query, graph, &mut row);
        }
        found
    }

    /// Binds what is not bound yet over a link that one end of is.
    fn bind(&mut self, query: &'g Query, graph: &'g TwinGraph, row: &mut Vec<Option<Item<'g>>>) {
        self.scanned += u64::from(query.links.len() > 1);
        let open =
            query.links.iter().find(|link| row[link.from].is_none() != row[link.to].is_none());
        let Some(link) = open else {
            return self.verify(query, graph, row);
        };
        let backwards = row[link.from].is_none();
        let (start, end) = if backwards { (link.to, link.from) } else { (link.from, link.to) };
        let Some(Item::Twin(twin)) = row[start] else { return };
        match link.relationship {
            Some(variable) => {
                for (relationship, next) in steps(graph, &twin.id, link, backwards) {
                    let Some(next) = graph.twin(next) else { continue };
                    let before = row[variable];
                    let same = match before {
                        Some(Item::Relationship(bound)) => std::ptr::eq(bound, relationship),
                        _ => true,
                    };
                    if same {
                        row[variable] = Some(Item::Relationship(relationship));
                        row[end] = Some(Item::Twin(next));
                        self.bind(query, graph, row);
                    }
                    row[variable] = before;
                    row[end] = None;
                }
            }
            None => {
                for next in ends(graph, &twin.id, link, backwards) {
                    row[end] = graph.twin(next).map(|twin| Item::Twin(twin));
                    self.bind(query, graph, row);
                    row[end] = None;
                }
            }
        }
    }

    /// Binds what links between bound twins leave open, then asks the condition.
    fn verify(&mut self, query: &'g Query, graph: &'g TwinGraph, row: &mut Vec<Option<Item<'g>>>) {
        for link in &query.links {
            let (Some(Item::Twin(from)), Some(Item::Twin(to))) = (row[link.from], row[link.to])
            else {
                return;
            };
            let Some(variable) = link.relationship else {
                if !ends(graph, &from.id, link, false).contains(&*to.id) {
                    return;
                }
                continue;
            };
            let steps: Vec<_> = steps(graph, &from.id, link, false)
                .into_iter()
                .filter(|(_, next)| **next == *to.id)
                .collect();
            match row[variable] {
                Some(Item::Relationship(bound)) => {
                    if !steps.iter().any(|(relationship, _)| std::ptr::eq(*relationship, bound)) {
                        return;
                    }
                }
                _ => {
                    for (relationship, _) in steps {
                        row[variable] = Some(Item::Relationship(relationship));
                        self.verify(query, graph, row);
                    }
                    row[variable] = None;
                    return;
                }
            }
        }
        let Some(items) = row.iter().copied().collect::<Option<Vec<_>>>() else { return };
        let judged = Row { items: &items, models: graph.models() };
        if query.condition.as_ref().is_none_or(|condition| judged.fits(condition)) {
            self.rows.push(items);
        }
    }
}

/// The row that documents make. A property that is not there is left out.
pub(crate) fn project(query: &Query, graph: &TwinGraph, items: &[Item<'_>]) -> Value {
    let Select::Columns(columns) = &query.select else { return items[0].to_json() };
    let row = Row { items, models: graph.models() };
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
