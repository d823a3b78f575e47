//! A query's answer page by page.

use crate::item::Item;
use crate::limits::MAX_PAGE;
use crate::run::{Candidates, project, run};
use crate::syntax::{Query, Select};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use twin_graph::TwinGraph;

/// Where a page ended: the last row of it, and what was answered until there.
///
/// It holds for the query that it came from; who hands it out sees to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKey {
    /// The source twin of the last relationship; empty for a twin.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The id of the last twin or relationship.
    pub id: String,
    /// How many rows were answered until there: `TOP(n)` holds over all pages.
    pub returned: u64,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The rows, ordered by twin id, or by source twin and relationship id.
    pub rows: Vec<Value>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<RowKey>,
    /// How many documents were looked at.
    pub scanned: u64,
}

/// Answers the rows behind `after`, at most `limit` (1 to [`MAX_PAGE`]).
///
/// Rows come in the order of their ids, so a row that stays in the graph is answered exactly once
/// however the graph changes between the pages. A page keeps only its own rows in memory and
/// looks at a document only where its id can still be on the page.
pub fn run_page(query: &Query, graph: &TwinGraph, after: Option<RowKey>, limit: usize) -> Page {
    if query.select == Select::Count {
        let mut rows = run(query, graph);
        let page = rows.by_ref().collect();
        return Page { rows: page, next: None, scanned: rows.scanned() };
    }
    let limit = limit.clamp(1, MAX_PAGE);
    let returned = after.as_ref().map_or(0, |key| key.returned);
    let top = query.top.map_or(u64::MAX, |top| top.saturating_sub(returned));
    let wanted = limit.min(usize::try_from(top).unwrap_or(usize::MAX));
    let mut candidates = Candidates::new(query, graph);
    // One more than wanted tells whether there is a next page.
    let mut items = smallest(&mut candidates, after.as_ref(), wanted + 1);
    let more = items.len() > wanted && (wanted as u64) < top;
    items.truncate(wanted);
    let next = items.last().filter(|_| more).map(|last| {
        let (source, id) = last.key();
        let returned = returned + wanted as u64;
        RowKey { source: source.to_owned(), id: id.to_owned(), returned }
    });
    let rows = items.into_iter().map(|item| project(query, graph, item)).collect();
    Page { rows, next, scanned: candidates.scanned }
}

/// The first `count` candidates behind `after`, in order.
fn smallest<'q>(
    candidates: &mut Candidates<'q>,
    after: Option<&RowKey>,
    count: usize,
) -> Vec<Item<'q>> {
    let after = after.map(|key| (key.source.as_str(), key.id.as_str()));
    let mut heap: BinaryHeap<ByKey<'q>> = BinaryHeap::with_capacity(count + 1);
    loop {
        let last = heap.peek().filter(|_| heap.len() == count).map(|last| last.0.key());
        let can_be_here = |item: Item<'q>| {
            let key = item.key();
            after.is_none_or(|after| key > after) && last.is_none_or(|last| key < last)
        };
        let Some(item) = candidates.next_of(can_be_here) else { break };
        heap.push(ByKey(item));
        if heap.len() > count {
            heap.pop();
        }
    }
    heap.into_sorted_vec().into_iter().map(|by_key| by_key.0).collect()
}

struct ByKey<'q>(Item<'q>);

impl Ord for ByKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key().cmp(&other.0.key())
    }
}

impl PartialOrd for ByKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByKey<'_> {}
