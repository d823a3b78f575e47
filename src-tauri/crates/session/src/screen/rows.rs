//! Twins and relationships in rows that they keep while they are there.

use graph_layout::Point;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Which row each key has. A freed row is taken again.
#[derive(Default)]
struct Slots<K> {
    rows: HashMap<K, u32>,
    free: Vec<u32>,
    count: u32,
}

impl<K: Eq + Hash> Slots<K> {
    /// The row of a key, and whether it was taken just now.
    fn take(&mut self, key: K) -> (u32, bool) {
        if let Some(&row) = self.rows.get(&key) {
            return (row, false);
        }
        let row = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.rows.insert(key, row);
        (row, true)
    }
}

/// The rows of twins.
#[derive(Default)]
pub(super) struct TwinRows {
    slots: Slots<Arc<str>>,
    twins: Vec<Option<TwinRow>>,
}

/// A twin as it is drawn, beside what the graph itself says.
#[derive(Clone)]
pub(super) struct TwinRow {
    pub(super) id: Arc<str>,
    pub(super) kind: u16,
    pub(super) parent: Option<u32>,
    pub(super) place: Option<Point>,
    pub(super) pinned: bool,
    /// The layout may put it elsewhere.
    pub(super) loose: bool,
}

impl TwinRows {
    /// The row of a twin, and whether it is new. Its kind is set.
    pub(super) fn take(&mut self, id: &Arc<str>, kind: u16) -> (u32, bool) {
        let (row, new) = self.slots.take(id.clone());
        let twin = TwinRow {
            id: id.clone(),
            kind,
            parent: None,
            place: None,
            pinned: false,
            loose: false,
        };
        if row as usize == self.twins.len() {
            self.twins.push(Some(twin));
        } else if let Some(known) = self.twins.get_mut(row as usize) {
            match known {
                Some(known) => known.kind = kind,
                None => *known = Some(twin),
            }
        }
        (row, new)
    }

    pub(super) fn free(&mut self, id: &str) -> Option<(u32, TwinRow)> {
        let row = self.slots.rows.remove(id)?;
        self.slots.free.push(row);
        Some((row, self.twins.get_mut(row as usize)?.take()?))
    }

    pub(super) fn row_of(&self, id: &str) -> Option<u32> {
        self.slots.rows.get(id).copied()
    }

    pub(super) fn get(&self, row: u32) -> Option<&TwinRow> {
        self.twins.get(row as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, row: u32) -> Option<&mut TwinRow> {
        self.twins.get_mut(row as usize)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &TwinRow)> {
        (0..).zip(&self.twins).filter_map(|(row, twin)| Some((row, twin.as_ref()?)))
    }

    /// How many twins there are.
    pub(super) fn len(&self) -> usize {
        self.slots.rows.len()
    }

    /// How many rows there are, free ones among them.
    pub(super) fn capacity(&self) -> usize {
        self.twins.len()
    }
}

/// The rows of relationships.
#[derive(Default)]
pub(super) struct EdgeRows {
    slots: Slots<(Arc<str>, Arc<str>)>,
    edges: Vec<Option<EdgeRow>>,
}

/// A relationship as it is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct EdgeRow {
    pub(super) source: u32,
    pub(super) target: u32,
    pub(super) name: u16,
}

impl EdgeRows {
    /// Sets a relationship by source twin and id; answers its row and what it was before.
    pub(super) fn put(
        &mut self,
        source: &Arc<str>,
        id: &Arc<str>,
        edge: EdgeRow,
    ) -> (u32, Option<EdgeRow>) {
        let (row, _) = self.slots.take((source.clone(), id.clone()));
        if row as usize == self.edges.len() {
            self.edges.push(Some(edge));
            return (row, None);
        }
        (row, self.edges.get_mut(row as usize).and_then(|place| place.replace(edge)))
    }

    pub(super) fn free(&mut self, source: &Arc<str>, id: &Arc<str>) -> Option<(u32, EdgeRow)> {
        let row = self.slots.rows.remove(&(source.clone(), id.clone()))?;
        self.slots.free.push(row);
        Some((row, self.edges.get_mut(row as usize)?.take()?))
    }

    pub(super) fn row_of(&self, source: &Arc<str>, id: &Arc<str>) -> Option<u32> {
        self.slots.rows.get(&(source.clone(), id.clone())).copied()
    }

    pub(super) fn get(&self, row: u32) -> Option<EdgeRow> {
        self.edges.get(row as usize).copied().flatten()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, EdgeRow)> {
        (0..).zip(&self.edges).filter_map(|(row, edge)| Some((row, (*edge)?)))
    }

    /// How many rows there are, free ones among them.
    pub(super) fn capacity(&self) -> usize {
        self.edges.len()
    }
}
