//! The columns that an engine keeps: which there are, and how they follow the graph.

use super::chunk::{Chunk, WIDTH};
use crate::item::Item;
use crate::language::syntax::Kind;
use crate::value::Seen;
use parking_lot::Mutex;
use petgraph::visit::{EdgeIndexable, NodeIndexable};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use twin_graph::TwinGraph;

/// One property of all twins or of all relationships, at one version of the graph.
pub(super) struct Column {
    version: u64,
    pub(super) chunks: Vec<Arc<Chunk>>,
}

/// A column that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnUse {
    /// Of relationships, not of twins.
    pub of_relationships: bool,
    /// The property, dots between its parts.
    pub path: String,
    /// What it takes.
    pub bytes: usize,
}

/// What a column is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) path: Vec<String>,
}

/// Versions that are kept of a column, for queries that began a little earlier.
const VERSIONS: usize = 4;
/// Scans from which on a property has a column.
const SCANS: u64 = 2;
/// A column that this many scans passed by is let go of.
const UNUSED: u64 = 10_000;
/// Below this many places a column is no quicker than a look at the documents.
const SMALL: usize = 1_024;

#[derive(Default)]
struct Kept {
    scans: AtomicU64,
    last: AtomicU64,
    bytes: AtomicU64,
    /// The newest last.
    versions: Mutex<VecDeque<Arc<Column>>>,
}

pub(super) struct Columns {
    kept: Mutex<HashMap<Key, Arc<Kept>>>,
    clock: AtomicU64,
    memory: usize,
    /// Below so many places there are no columns.
    pub(super) least: usize,
}

impl Columns {
    pub(super) fn new(memory: usize) -> Self {
        Self { kept: Mutex::default(), clock: AtomicU64::new(0), memory, least: SMALL }
    }

    /// The column for a scan of all its places, where there is one or it is worth making one.
    /// `true` where it was made now.
    pub(super) fn for_scan(&self, key: &Key, graph: &TwinGraph) -> Option<(Arc<Column>, bool)> {
        if places(key.kind, graph) < self.least || self.memory == 0 {
            return None;
        }
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let kept = {
            let mut all = self.kept.lock();
            let entry = all.entry(key.clone()).or_default();
            let enough = entry.scans.fetch_add(1, Ordering::Relaxed) + 1 >= SCANS;
            entry.last.store(now, Ordering::Relaxed);
            enough.then(|| entry.clone())
        }?;
        let (column, made) = kept.at(key, graph);
        if made {
            self.let_go(now);
        }
        Some((column, made))
    }

    /// The column of exactly this version, where it is there.
    pub(super) fn at_hand(&self, key: &Key, graph: &TwinGraph) -> Option<Arc<Column>> {
        let kept = self.kept.lock().get(key).cloned()?;
        let versions = kept.versions.lock();
        versions.iter().find(|column| column.version == graph.version()).cloned()
    }

    /// Lets go of columns that are long unused, then of those used longest ago until the others
    /// fit the memory.
    fn let_go(&self, now: u64) {
        let mut all = self.kept.lock();
        all.retain(|_, kept| now - kept.last.load(Ordering::Relaxed).min(now) < UNUSED);
        let mut total: u64 = all.values().map(|kept| kept.bytes.load(Ordering::Relaxed)).sum();
        while total > self.memory as u64 {
            let filled = all.iter().filter(|(_, kept)| kept.bytes.load(Ordering::Relaxed) > 0);
            let Some((key, bytes)) = filled
                .min_by_key(|(_, kept)| kept.last.load(Ordering::Relaxed))
                .map(|(key, kept)| (key.clone(), kept.bytes.load(Ordering::Relaxed)))
            else {
                return;
            };
            all.remove(&key);
            total -= bytes;
        }
    }

    pub(super) fn in_use(&self) -> Vec<ColumnUse> {
        let all = self.kept.lock();
        let mut columns: Vec<_> = all
            .iter()
            .map(|(key, kept)| ColumnUse {
                of_relationships: key.kind == Kind::Relationship,
                path: key.path.join("."),
                bytes: usize::try_from(kept.bytes.load(Ordering::Relaxed)).unwrap_or(usize::MAX),
            })
            .filter(|column| column.bytes > 0)
            .collect();
        columns.sort_by(|left, right| left.path.cmp(&right.path));
        columns
    }
}

impl Kept {
    /// The column at the graph's version; `true` where there was none of any version. Whoever
    /// comes meanwhile waits for it.
    fn at(&self, key: &Key, graph: &TwinGraph) -> (Arc<Column>, bool) {
        let version = graph.version();
        let mut versions = self.versions.lock();
        if let Some(column) = versions.iter().rev().find(|column| column.version == version) {
            return (column.clone(), false);
        }
        let newest = versions.back().map_or(0, |column| column.version);
        let made = versions.is_empty();
        let base = match versions.iter().rposition(|column| column.version < version) {
            // Taken out, so that it is changed in place where nobody else reads it.
            Some(last) if last + 1 == versions.len() => versions.pop_back(),
            Some(other) => versions.get(other).cloned(),
            None => None,
        };
        let column = Arc::new(Column::following(base, key, graph));
        if version > newest {
            versions.push_back(column.clone());
            while versions.len() > VERSIONS {
                versions.pop_front();
            }
            self.bytes.store(column.bytes() as u64, Ordering::Relaxed);
        }
        (column, made)
    }
}

impl Column {
    /// The column at the graph's version, made of an older one where there is one.
    fn following(base: Option<Arc<Self>>, key: &Key, graph: &TwinGraph) -> Self {
        let (after, mut chunks) = match base.map(Arc::try_unwrap) {
            Some(Ok(column)) => (Some(column.version), column.chunks),
            Some(Err(column)) => (Some(column.version), column.chunks.clone()),
            None => (None, Vec::new()),
        };
        let count = places(key.kind, graph).div_ceil(WIDTH);
        chunks.truncate(count);
        while chunks.len() < count {
            chunks.push(Arc::new(Chunk::free()));
        }
        let mut changed = Changed { chunks: &mut chunks, at: 0, values: Vec::new() };
        match key.kind {
            Kind::Twin => {
                let leaves: Box<dyn Iterator<Item = _>> = match after {
                    Some(after) => Box::new(graph.twin_chunks_after(after)),
                    None => Box::new(graph.twin_chunks()),
                };
                for leaf in leaves {
                    for (offset, slot) in leaf.slots().enumerate() {
                        if after.is_none_or(|after| slot.version() > after) {
                            let seen = slot.value().map(|twin| Item::Twin(twin).look_up(&key.path));
                            changed.put(leaf.first() + offset, seen);
                        }
                    }
                }
            }
            Kind::Relationship => {
                let leaves: Box<dyn Iterator<Item = _>> = match after {
                    Some(after) => Box::new(graph.relationship_chunks_after(after)),
                    None => Box::new(graph.relationship_chunks()),
                };
                for leaf in leaves {
                    for (offset, slot) in leaf.slots().enumerate() {
                        if after.is_none_or(|after| slot.version() > after) {
                            let seen = slot
                                .value()
                                .map(|value| Item::Relationship(value).look_up(&key.path));
                            changed.put(leaf.first() + offset, seen);
                        }
                    }
                }
            }
        }
        changed.flush();
        Self { version: graph.version(), chunks }
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes()).sum()
    }

    /// What stands in a place, where the column has it.
    pub(super) fn seen(&self, place: usize) -> Option<Seen<'_>> {
        self.chunks.get(place / WIDTH)?.seen(place % WIDTH)
    }
}

/// Values on their way into the chunk that they belong to.
struct Changed<'c, 'g> {
    chunks: &'c mut [Arc<Chunk>],
    at: usize,
    values: Vec<(usize, Option<Seen<'g>>)>,
}

impl<'g> Changed<'_, 'g> {
    /// Places come in order.
    fn put(&mut self, place: usize, value: Option<Seen<'g>>) {
        if place / WIDTH != self.at {
            self.flush();
            self.at = place / WIDTH;
        }
        self.values.push((place % WIDTH, value));
    }

    fn flush(&mut self) {
        if self.values.is_empty() {
            return;
        }
        if let Some(chunk) = self.chunks.get_mut(self.at) {
            Arc::make_mut(chunk).put(&self.values);
        }
        self.values.clear();
    }
}

/// How many places there are, free ones too.
pub(super) fn places(kind: Kind, graph: &TwinGraph) -> usize {
    match kind {
        Kind::Twin => graph.node_bound(),
        Kind::Relationship => graph.edge_bound(),
    }
}
