//! The graph as the page draws it: all of it, or what changed since a revision.

use super::layout::Drawing;
use super::{millis, name_of};
use crate::wire::{GraphDelta, Place, RelationshipEdge, RelationshipName, TwinNode};
use adt_service::{Changes, GraphView};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use twin_graph::{Change, ChangeKind, Relationship, Twin, TwinGraph};
use workspace::Views;

/// Changes told in one delta; with more, starting over is cheaper.
const MOST_CHANGES: usize = 20_000;
/// Moves remembered for pages that are behind.
const MOVES: usize = 64;

/// The drawing with its revisions. A revision counts the graph's changes and the drawing's own
/// moves together, so that the page needs only one number.
pub(crate) struct GraphScreen {
    drawing: Drawing,
    /// The graph's version that `drawing` is of.
    version: u64,
    moves: VecDeque<Move>,
    moved_times: u64,
}

/// Twins that a person moved: after which revision, at which version of the graph.
struct Move {
    revision: u64,
    version: u64,
    twins: Vec<Arc<str>>,
}

/// What of the graph changed, by id.
#[derive(Default)]
struct Touched {
    twins: BTreeSet<Arc<str>>,
    relationships: BTreeSet<(Arc<str>, Arc<str>)>,
    structure: bool,
}

impl GraphScreen {
    /// A drawing that begins with kept positions.
    pub(crate) fn new(views: &Views, graph: &TwinGraph) -> Self {
        let mut drawing = Drawing::new(views);
        drawing.update(graph);
        Self { drawing, version: graph.version(), moves: VecDeque::new(), moved_times: 0 }
    }

    /// Positions and pins, to be kept.
    pub(crate) fn views(&self) -> Views {
        self.drawing.views()
    }

    /// Pins twins, or has them laid out again.
    pub(crate) fn place(&mut self, places: &[Place], view: &GraphView) {
        let graph = view.read();
        for place in places.iter().filter(|place| graph.twin(&place.id).is_some()) {
            let finite = place.at.filter(|at| at.iter().all(|value| value.is_finite()));
            self.drawing.place(&place.id, finite);
        }
        let mut twins: Vec<Arc<str>> =
            places.iter().map(|place| place.id.as_str().into()).collect();
        twins.extend(self.drawing.update(&graph));
        self.remember_move(graph.version(), twins);
    }

    fn remember_move(&mut self, version: u64, twins: Vec<Arc<str>>) {
        self.version = version;
        self.moved_times += 1;
        if self.moves.len() == MOVES {
            self.moves.pop_front();
        }
        self.moves.push_back(Move { revision: version + self.moved_times, version, twins });
    }

    /// What changed since the page's revision, or everything.
    pub(crate) fn delta(
        &mut self,
        session: u32,
        view: &GraphView,
        since: Option<u64>,
    ) -> GraphDelta {
        let graph = view.read();
        let touched = since.and_then(|since| self.touched_since(view, since));
        let ahead = graph.version() > self.version;
        let structure = match &touched {
            Some(touched) => touched.structure,
            None => true,
        };
        let mut laid_out = Vec::new();
        if ahead && (structure || self.structure_changed(view)) {
            laid_out = self.drawing.update(&graph);
        }
        self.version = graph.version();
        let revision = graph.version() + self.moved_times;
        match touched {
            Some(mut touched) => {
                touched.twins.extend(laid_out);
                self.part(session, revision, &graph, &touched)
            }
            None => self.whole(session, revision, &graph),
        }
    }

    /// Whether twins or relationships came or went since the drawing was made.
    fn structure_changed(&self, view: &GraphView) -> bool {
        match view.changes_since(self.version, MOST_CHANGES) {
            Changes::Since(changes) => changes.iter().any(|change| is_structural(&change.kind)),
            Changes::StartOver => true,
        }
    }

    /// `None` where the page has to start over.
    fn touched_since(&self, view: &GraphView, since: u64) -> Option<Touched> {
        let later: Vec<_> = self.moves.iter().filter(|each| each.revision > since).collect();
        let missed = self.moved_times - later.len() as u64;
        if later.len() == self.moves.len() && self.moves.len() == MOVES {
            return None;
        }
        let version = since.checked_sub(missed)?;
        let Changes::Since(changes) = view.changes_since(version, MOST_CHANGES) else {
            return None;
        };
        if changes.len() == MOST_CHANGES {
            return None;
        }
        let mut touched = Touched::default();
        for change in &changes {
            touch(&mut touched, change);
        }
        for each in later {
            debug_assert!(each.version >= version);
            touched.twins.extend(each.twins.iter().cloned());
            touched.structure = true;
        }
        Some(touched)
    }

    fn whole(&self, session: u32, version: u64, graph: &TwinGraph) -> GraphDelta {
        GraphDelta {
            session,
            version,
            start_over: true,
            kinds: Some(self.drawing.kinds.list.clone()),
            relationship_names: Some(self.relationship_names(graph)),
            twins: graph.twins().map(|twin| self.node(twin)).collect(),
            removed_twins: Vec::new(),
            relationships: graph.relationships().map(|each| edge(each)).collect(),
            removed_relationships: Vec::new(),
            frames: Some(self.drawing.frames.clone()),
        }
    }

    fn part(&self, session: u32, version: u64, graph: &TwinGraph, touched: &Touched) -> GraphDelta {
        let mut delta = GraphDelta {
            session,
            version,
            start_over: false,
            kinds: touched.structure.then(|| self.drawing.kinds.list.clone()),
            relationship_names: touched.structure.then(|| self.relationship_names(graph)),
            twins: Vec::new(),
            removed_twins: Vec::new(),
            relationships: Vec::new(),
            removed_relationships: Vec::new(),
            frames: touched.structure.then(|| self.drawing.frames.clone()),
        };
        for id in &touched.twins {
            match graph.twin(id) {
                Some(twin) => delta.twins.push(self.node(twin)),
                None => delta.removed_twins.push(id.to_string()),
            }
        }
        for (source, id) in &touched.relationships {
            match graph.relationship(source, id) {
                Some(relationship) => delta.relationships.push(edge(relationship)),
                None => delta.removed_relationships.push(format!("{source}/{id}")),
            }
        }
        delta
    }

    fn node(&self, twin: &Twin) -> TwinNode {
        let [x, y] = self.drawing.position(&twin.id);
        let kind = self.drawing.kinds.of_model(&twin.model);
        let property = kind.and_then(|kind| kind.value_property.as_deref());
        TwinNode {
            id: twin.id.to_string(),
            kind: self.drawing.kinds.index_of(&twin.model),
            name: name_of(twin),
            x,
            y,
            pinned: self.drawing.is_pinned(&twin.id),
            parent: self.drawing.parent(&twin.id).map(|id| id.to_string()),
            value: property
                .and_then(|property| twin.property(property))
                .and_then(|value| value.as_f64()),
            updated: millis(twin.updated()),
        }
    }

    fn relationship_names(&self, graph: &TwinGraph) -> Vec<RelationshipName> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for relationship in graph.relationships() {
            *counts.entry(&relationship.name).or_default() += 1;
        }
        let name = |(name, count): (&str, u32)| RelationshipName {
            name: name.to_owned(),
            count,
            contains: self.drawing.contains.contains(name),
        };
        counts.into_iter().map(name).collect()
    }
}

fn edge(relationship: &Relationship) -> RelationshipEdge {
    RelationshipEdge {
        key: format!("{}/{}", relationship.source, relationship.id),
        source: relationship.source.to_string(),
        target: relationship.target.to_string(),
        name: relationship.name.to_string(),
    }
}

fn is_structural(kind: &ChangeKind) -> bool {
    !matches!(
        kind,
        ChangeKind::TwinPatched { .. }
            | ChangeKind::RelationshipPatched { .. }
            | ChangeKind::EventRoutePut { .. }
            | ChangeKind::EventRouteDeleted { .. }
            | ChangeKind::Telemetry { .. }
    )
}

fn touch(touched: &mut Touched, change: &Change) {
    touched.structure |= is_structural(&change.kind);
    match &change.kind {
        ChangeKind::TwinPut { twin, .. } | ChangeKind::TwinDeleted { twin } => {
            touched.twins.insert(twin.id.clone());
        }
        ChangeKind::TwinPatched { id, .. } => {
            touched.twins.insert(id.clone());
        }
        ChangeKind::RelationshipPut { relationship, .. }
        | ChangeKind::RelationshipDeleted { relationship } => {
            touched.relationships.insert((relationship.source.clone(), relationship.id.clone()));
            // Which of its ends contains the other may have changed.
            touched.twins.insert(relationship.source.clone());
            touched.twins.insert(relationship.target.clone());
        }
        ChangeKind::ModelsPut { .. }
        | ChangeKind::ModelDecommissioned { .. }
        | ChangeKind::ModelDeleted { .. }
        | ChangeKind::EventRoutePut { .. }
        | ChangeKind::EventRouteDeleted { .. }
        | ChangeKind::RelationshipPatched { .. }
        | ChangeKind::Telemetry { .. } => {}
    }
}
