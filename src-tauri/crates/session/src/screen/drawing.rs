//! The graph in rows, kept in step with its changes, and what of it the page has not seen.

use super::FloorPlan;
use super::kinds::Kinds;
use super::rows::{EdgeRow, EdgeRows, TwinRow, TwinRows};
use super::touched::{Touch, Touched, Touches};
use super::{millis, name_of};
use crate::wire::{
    GraphHead, GraphMessage, LayoutMethod, NO_ROW, PINNED, RelationshipName, UNPLACED,
};
use adt_service::Changes;
use graph_layout::Point;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use twin_graph::{AppliedOperation, Change, ChangeKind, Relationship, Twin, TwinGraph};
use workspace::Views;

/// Properties that name a twin for people.
const NAMING: [&str; 3] = ["/name", "/displayName", "/$metadata/$model"];

/// The drawing of one version of the graph.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) version: u64,
    pub(super) kinds: Kinds,
    pub(super) names: Names,
    pub(super) twins: TwinRows,
    pub(super) edges: EdgeRows,
    /// Rows of twins with left, top, width, height of their frames.
    pub(super) frames: Vec<(u32, [f32; 4])>,
    pub(super) touches: Touches,
    /// Counts what the layout has to take up.
    pub(super) wanted: u64,
    /// Up to where it did.
    pub(super) arranged: u64,
    /// Counts changes of places, for whoever keeps them.
    pub(super) placed: u64,
    /// How it is laid out.
    pub(super) method: LayoutMethod,
    /// The names of relationships that contain, where a person chose them.
    pub(super) chosen: Option<BTreeSet<String>>,
    /// Counts how often that was chosen anew: a layout under way is given up.
    pub(super) choices: u64,
    pub(super) floor_plan: Arc<FloorPlan>,
    /// How far the layout under way is, from 0 to 1.
    pub(super) progress: f32,
    /// Whether more of the graph is to come, so that places are for the moment.
    pub(super) loading: bool,
    /// Places from an earlier run, of twins that are not here yet.
    kept: HashMap<Arc<str>, Point>,
    kept_pins: HashSet<Arc<str>>,
}

/// The names of relationships. A name keeps its place.
#[derive(Default)]
pub(super) struct Names {
    pub(super) list: Vec<RelationshipName>,
    index: HashMap<Arc<str>, u16>,
}

impl Names {
    fn take(&mut self, name: &Arc<str>) -> u16 {
        if let Some(&index) = self.index.get(name) {
            return index;
        }
        let index = u16::try_from(self.list.len()).unwrap_or(u16::MAX);
        if self.list.len() <= usize::from(u16::MAX) {
            let name = name.to_string();
            self.list.push(RelationshipName { name, count: 0, contains: false });
        }
        self.index.insert(name.clone(), index);
        index
    }

    fn count(&mut self, index: u16, by: i32) {
        if let Some(name) = self.list.get_mut(usize::from(index)) {
            name.count = name.count.saturating_add_signed(by);
        }
    }
}

impl Drawing {
    /// A drawing that begins with kept places.
    pub(super) fn new(views: &Views) -> Self {
        Self {
            kept: views.positions.iter().map(|(id, at)| (id.as_str().into(), *at)).collect(),
            kept_pins: views.pins.iter().map(|id| id.as_str().into()).collect(),
            method: serde_json::from_value(views.layout.as_str().into()).unwrap_or_default(),
            chosen: views.contains.clone(),
            ..Self::default()
        }
    }

    /// Places and pins, to be kept.
    pub(super) fn keep_into(&self, views: &mut Views) {
        let placed = self.twins.iter().filter(|(_, twin)| !twin.loose);
        let method = serde_json::to_value(self.method).unwrap_or_default();
        views.layout = method.as_str().unwrap_or_default().to_owned();
        views.contains.clone_from(&self.chosen);
        views.positions = placed
            .filter_map(|(_, twin)| Some((twin.id.to_string(), twin.place?)))
            .chain(self.kept.iter().map(|(id, at)| (id.to_string(), *at)))
            .collect();
        let pins = self.twins.iter().filter(|(_, twin)| twin.pinned);
        views.pins = pins
            .map(|(_, twin)| twin.id.to_string())
            .chain(self.kept_pins.iter().map(|id| id.to_string()))
            .collect();
    }

    /// Takes over what happened since the version that this is of.
    pub(super) fn follow(&mut self, graph: &TwinGraph, changes: &Changes) {
        match changes {
            Changes::Since(changes) => {
                let from = self.version;
                let new = changes.iter().filter(|change| change.version > from);
                let mut new = new.take_while(|change| change.version <= graph.version()).peekable();
                if new.peek().is_some() {
                    self.touches.begin();
                }
                new.for_each(|change| self.take(graph, change));
            }
            Changes::StartOver => self.rebuild(graph),
        }
        self.version = graph.version();
    }

    /// Takes the whole graph over. What had a place keeps it; for the moment, where it had it so.
    fn rebuild(&mut self, graph: &TwinGraph) {
        let mut loose = Vec::new();
        for (_, twin) in std::mem::take(&mut self.twins).iter() {
            match twin.place {
                Some(at) if twin.loose => loose.push((twin.id.clone(), at)),
                Some(at) => {
                    self.kept.insert(twin.id.clone(), at);
                }
                None => {}
            }
            if twin.pinned {
                self.kept_pins.insert(twin.id.clone());
            }
        }
        (self.edges, self.names) = (EdgeRows::default(), Names::default());
        self.kinds = Kinds::default();
        self.frames.clear();
        self.touches.forget();
        graph.twins().for_each(|twin| self.put_twin(graph, twin));
        graph.relationships().for_each(|each| self.put_edge(each));
        for (id, at) in loose {
            let row = self.twins.row_of(&id).and_then(|row| self.twins.get_mut(row));
            if let Some(twin) = row.filter(|twin| twin.place.is_none()) {
                (twin.place, twin.loose) = (Some(at), true);
            }
        }
        // Who starts over is told everything; these were of nobody's use.
        self.touches.forget();
    }

    fn take(&mut self, graph: &TwinGraph, change: &Change) {
        match &change.kind {
            ChangeKind::TwinPut { twin, .. } => self.put_twin(graph, twin),
            ChangeKind::TwinPatched { id, model, patch, .. } => {
                self.patch_twin(graph, id, model, patch);
            }
            ChangeKind::TwinDeleted { twin } => self.free_twin(&twin.id),
            ChangeKind::RelationshipPut { relationship, .. } => self.put_edge(relationship),
            ChangeKind::RelationshipDeleted { relationship } => self.free_edge(relationship),
            ChangeKind::ModelsPut { .. } | ChangeKind::ModelDeleted { .. } => {
                self.kinds.describe(graph.models());
                self.touches.add(Touch::Kinds);
                self.touches.add(Touch::Values);
            }
            ChangeKind::ModelDecommissioned { .. }
            | ChangeKind::EventRoutePut { .. }
            | ChangeKind::EventRouteDeleted { .. }
            | ChangeKind::RelationshipPatched { .. }
            | ChangeKind::Telemetry { .. } => {}
        }
    }

    fn put_twin(&mut self, graph: &TwinGraph, twin: &Twin) {
        let kind = self.kinds.take(graph.models(), &twin.model);
        let before = self.twins.row_of(&twin.id).and_then(|row| self.twins.get(row));
        let before = before.map(|before| before.kind);
        let (row, new) = self.twins.take(&twin.id, kind);
        if before != Some(kind) {
            if let Some(before) = before {
                self.kinds.count(before, -1);
            }
            self.kinds.count(kind, 1);
            self.touches.add(Touch::Kinds);
            self.wanted += 1;
        }
        if new {
            let (place, pinned) = (self.kept.remove(&twin.id), self.kept_pins.remove(&twin.id));
            if let Some(twin) = self.twins.get_mut(row) {
                (twin.place, twin.pinned) = (place, pinned && place.is_some());
            }
            self.touches.add(Touch::Place(row));
        }
        self.touches.add(Touch::Twin(row));
        self.touches.add(Touch::Value(row));
    }

    fn patch_twin(
        &mut self,
        graph: &TwinGraph,
        id: &Arc<str>,
        model: &Arc<str>,
        patch: &[AppliedOperation],
    ) {
        let Some(row) = self.twins.row_of(id) else { return };
        let names = |applied: &AppliedOperation| NAMING.contains(&applied.operation.path.as_str());
        let kind = self.kinds.take(graph.models(), model);
        if self.twins.get(row).is_some_and(|twin| twin.kind != kind) {
            if let Some(twin) = graph.twin(id) {
                self.put_twin(graph, twin);
            }
        } else if patch.iter().any(names) {
            self.touches.add(Touch::Twin(row));
        }
        self.touches.add(Touch::Value(row));
    }

    fn free_twin(&mut self, id: &str) {
        let Some((row, twin)) = self.twins.free(id) else { return };
        self.kinds.count(twin.kind, -1);
        self.touches.add(Touch::Kinds);
        self.touches.add(Touch::TwinGone(row));
        self.wanted += 1;
    }

    fn put_edge(&mut self, relationship: &Relationship) {
        let rows =
            self.twins.row_of(&relationship.source).zip(self.twins.row_of(&relationship.target));
        let Some((source, target)) = rows else { return };
        let name = self.names.take(&relationship.name);
        let edge = EdgeRow { source, target, name };
        let (row, before) = self.edges.put(&relationship.source, &relationship.id, edge);
        if before == Some(edge) {
            return;
        }
        if let Some(before) = before {
            self.names.count(before.name, -1);
            self.part(before);
        }
        self.names.count(name, 1);
        self.touches.add(Touch::Names);
        self.touches.add(Touch::Edge(row));
        self.wanted += 1;
    }

    fn free_edge(&mut self, relationship: &Relationship) {
        let freed = self.edges.free(&relationship.source, &relationship.id);
        let Some((row, edge)) = freed else { return };
        self.names.count(edge.name, -1);
        self.touches.add(Touch::Names);
        self.touches.add(Touch::EdgeGone(row));
        self.part(edge);
        self.wanted += 1;
    }

    /// What a relationship that is gone contained is contained no more, until the layout finds
    /// another that does.
    fn part(&mut self, edge: EdgeRow) {
        let parent = self.twins.get_mut(edge.target).map(|twin| &mut twin.parent);
        if let Some(parent) = parent.filter(|parent| **parent == Some(edge.source)) {
            *parent = None;
            self.touches.add(Touch::Twin(edge.target));
        }
    }

    /// Lays everything out in another way, but for what is pinned.
    pub(super) fn choose(&mut self, method: LayoutMethod, contains: Option<BTreeSet<String>>) {
        (self.method, self.chosen) = (method, contains);
        for row in 0..self.twins.capacity() as u32 {
            if let Some(twin) = self.twins.get_mut(row) {
                twin.loose = !twin.pinned;
            }
        }
        self.kept.clear();
        self.choices += 1;
        self.wanted += 1;
        self.placed += 1;
    }

    /// Begins to be laid out for the moment, or is laid out for good: again, where anything was for
    /// the moment.
    pub(super) fn set_loading(&mut self, loading: bool) {
        self.loading = loading;
        if !loading && self.twins.iter().any(|(_, twin)| twin.loose || twin.place.is_none()) {
            self.choices += 1;
            self.wanted += 1;
        }
    }

    /// Goes on with another floor plan.
    pub(super) fn take_floor_plan(&mut self, plan: Arc<FloorPlan>) {
        if Arc::ptr_eq(&self.floor_plan, &plan) {
            return;
        }
        let changed = self.floor_plan != plan;
        self.floor_plan = plan;
        if changed && self.method == LayoutMethod::FloorPlan {
            self.choose(self.method, self.chosen.clone());
        }
    }

    /// Pins a twin at a place, or gives it back to the layout.
    pub(super) fn place(&mut self, id: &str, at: Option<Point>) {
        let Some(row) = self.twins.row_of(id) else { return };
        let Some(twin) = self.twins.get_mut(row) else { return };
        twin.place = at.or(twin.place);
        (twin.pinned, twin.loose) = (at.is_some(), at.is_none());
        self.touches.add(Touch::Place(row));
        self.wanted += 1;
        self.placed += 1;
    }

    /// What changed since the page's revision, or everything.
    pub(super) fn message(
        &self,
        session: u32,
        graph: &TwinGraph,
        since: Option<u64>,
    ) -> GraphMessage {
        let touched = since.and_then(|since| self.touches.since(since));
        let head = GraphHead {
            session,
            revision: self.touches.revision(),
            start_over: touched.is_none(),
            arranging: (self.arranged < self.wanted).then_some(self.progress),
            ..GraphHead::default()
        };
        let mut message = GraphMessage { head, ..GraphMessage::default() };
        match touched {
            Some(touched) => self.part_of(&mut message, graph, touched),
            None => self.whole(&mut message, graph),
        }
        message
    }

    fn whole(&self, message: &mut GraphMessage, graph: &TwinGraph) {
        message.reserve(self.twins.len(), self.edges.capacity());
        self.add_lists(message, true, true, true);
        for (row, twin) in self.twins.iter() {
            let of = graph.twin(&twin.id);
            message.add_twin(row, twin, of.map(|twin| &**twin));
            message.add_place(row, twin);
            self.add_value(message, row, twin, of.map(|twin| &**twin));
        }
        self.edges.iter().for_each(|(row, edge)| message.add_edge(row, edge));
    }

    fn part_of(&self, message: &mut GraphMessage, graph: &TwinGraph, touched: Touched) {
        self.add_lists(message, touched.kinds, touched.names, touched.frames);
        message.gone_row = touched.twins_gone;
        message.gone_edge_row = touched.edges_gone;
        let here = |row: &u32| Some((*row, self.twins.get(*row)?));
        for (row, twin) in touched.twins.iter().filter_map(here) {
            message.add_twin(row, twin, graph.twin(&twin.id).map(|twin| &**twin));
        }
        let places = |message: &mut GraphMessage,
                      rows: &mut dyn Iterator<Item = (u32, &TwinRow)>| {
            rows.for_each(|(row, twin)| message.add_place(row, twin));
        };
        match touched.all_places {
            true => places(message, &mut self.twins.iter()),
            false => places(message, &mut touched.places.iter().filter_map(here)),
        }
        let values = |message: &mut GraphMessage,
                      rows: &mut dyn Iterator<Item = (u32, &TwinRow)>| {
            for (row, twin) in rows {
                self.add_value(message, row, twin, graph.twin(&twin.id).map(|twin| &**twin));
            }
        };
        match touched.all_values {
            true => values(message, &mut self.twins.iter()),
            false => values(message, &mut touched.values.iter().filter_map(here)),
        }
        for row in touched.edges {
            if let Some(edge) = self.edges.get(row) {
                message.add_edge(row, edge);
            }
        }
    }

    fn add_lists(&self, message: &mut GraphMessage, kinds: bool, names: bool, frames: bool) {
        message.head.kinds = kinds.then(|| self.kinds.list.clone());
        message.head.relationship_names = names.then(|| self.names.list.clone());
        message.head.frames = frames;
        if frames {
            message.frame_row = self.frames.iter().map(|(row, _)| *row).collect();
            message.frame_place = self.frames.iter().flat_map(|(_, place)| *place).collect();
        }
    }

    fn add_value(
        &self,
        message: &mut GraphMessage,
        row: u32,
        drawn: &TwinRow,
        twin: Option<&Twin>,
    ) {
        let property = self.kinds.get(drawn.kind).and_then(|kind| kind.value_property.as_deref());
        let value = property.and_then(|property| twin?.property(property)?.as_f64());
        message.value_row.push(row);
        message.value.push(value.unwrap_or(f64::NAN));
        message.value_updated.push(twin.map_or(0.0, |twin| millis(twin.updated())));
    }
}

impl GraphMessage {
    fn reserve(&mut self, twins: usize, edges: usize) {
        for rows in [&mut self.twin_row, &mut self.place_row, &mut self.value_row] {
            rows.reserve(twins);
        }
        self.place.reserve(2 * twins);
        self.value.reserve(twins);
        self.value_updated.reserve(twins);
        self.edge_row.reserve(edges);
        self.edge_ends.reserve(2 * edges);
    }

    fn add_twin(&mut self, row: u32, drawn: &TwinRow, twin: Option<&Twin>) {
        self.twin_row.push(row);
        self.twin_kind.push(drawn.kind);
        self.twin_parent.push(drawn.parent.unwrap_or(NO_ROW));
        self.twin_id.push(&drawn.id);
        self.twin_name.push(twin.and_then(name_of).unwrap_or_default());
    }

    fn add_place(&mut self, row: u32, twin: &TwinRow) {
        let flags = if twin.pinned { PINNED } else { 0 };
        self.place_row.push(row);
        self.place.extend(twin.place.unwrap_or_default());
        self.place_flags.push(flags | if twin.place.is_none() { UNPLACED } else { 0 });
    }

    fn add_edge(&mut self, row: u32, edge: EdgeRow) {
        self.edge_row.push(row);
        self.edge_ends.extend([edge.source, edge.target]);
        self.edge_name.push(edge.name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_taken_over_whole_keeps_its_places_also_those_for_the_moment() {
        let mut graph = TwinGraph::new();
        for id in ["for good", "for the moment", "nowhere"] {
            let body = json!({"$dtId": id, "$etag": "1", "$metadata": {"$model": "m"}});
            graph.restore_twin(Arc::new(Twin::from_json(&body).unwrap()));
        }
        let mut drawing = Drawing::default();
        drawing.follow(&graph, &Changes::StartOver);
        for (id, loose) in [("for good", false), ("for the moment", true)] {
            let row = drawing.twins.row_of(id).unwrap();
            let twin = drawing.twins.get_mut(row).unwrap();
            (twin.place, twin.loose) = (Some([3.0, 4.0]), loose);
        }
        drawing.follow(&graph, &Changes::StartOver);
        let of = |id: &str| {
            let twin = drawing.twins.get(drawing.twins.row_of(id).unwrap()).unwrap();
            (twin.place, twin.loose)
        };
        assert_eq!(of("for good"), (Some([3.0, 4.0]), false));
        assert_eq!(of("for the moment"), (Some([3.0, 4.0]), true));
        assert_eq!(of("nowhere"), (None, false));
    }
}
