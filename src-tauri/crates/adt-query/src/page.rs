//! A query's answer page by page.

use crate::item::Item;
use crate::language::limits::MAX_PAGE;
use crate::language::syntax::{Query, Select};
use crate::run::{Found, project};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use twin_graph::TwinGraph;

/// Where a page ended: the last row of it, and what was answered until there.
///
/// It holds for the query that it came from; who hands it out sees to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKey {
    /// Source twin (empty for a twin) and id of what the last row binds.
    pub last: Vec<(String, String)>,
    /// How many rows were answered until there: `TOP(n)` holds over all pages.
    pub returned: u64,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The rows, ordered by the ids of what they bind.
    pub rows: Vec<Value>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<RowKey>,
    /// How many documents were looked at.
    pub scanned: u64,
}

/// Answers the rows behind `after`, at most `limit` (1 to [`MAX_PAGE`]).
///
/// Rows come in the order of their ids, so a row that stays in the graph is answered exactly once
/// however the graph changes between the pages.
pub fn run_page(query: &Query, graph: &TwinGraph, after: Option<RowKey>, limit: usize) -> Page {
    let found = Found::all(query, graph);
    if query.select == Select::Count {
        let rows = vec![json!({"COUNT": found.rows.len()})];
        return Page { rows, next: None, scanned: found.scanned };
    }
    let limit = limit.clamp(1, MAX_PAGE);
    let (last, returned) = after.map_or((Vec::new(), 0), |after| (after.last, after.returned));
    let last: Vec<_> = last.iter().map(|(source, id)| (source.as_str(), id.as_str())).collect();
    let top = query.top.map_or(u64::MAX, |top| top.saturating_sub(returned));
    let wanted = limit.min(usize::try_from(top).unwrap_or(usize::MAX));
    let mut rows: Vec<_> = found.rows.iter().map(|row| (key(row), row)).collect();
    rows.retain(|(key, _)| *key > last);
    rows.sort_by(|left, right| left.0.cmp(&right.0));
    let more = rows.len() > wanted && (wanted as u64) < top;
    rows.truncate(wanted);
    let next = rows.last().filter(|_| more).map(|(key, _)| RowKey {
        last: key.iter().map(|(source, id)| ((*source).to_owned(), (*id).to_owned())).collect(),
        returned: returned + wanted as u64,
    });
    let rows = rows.into_iter().map(|(_, row)| project(query, graph, row)).collect();
    Page { rows, next, scanned: found.scanned }
}

fn key<'g>(row: &[Item<'g>]) -> Vec<(&'g str, &'g str)> {
    row.iter().map(|item| item.key()).collect()
}
