//! What 2019 would have told of a change.

use super::class::name_of;
use super::{AccessType, Classes, Data2019, Event2019, ObjectClass};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use twin_graph::{AppliedOperation, Cause, Change, ChangeKind, Origin, Timestamp, TwinGraph};

/// A kind of object that TopologyOperation can be about, and when it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectKind {
    /// As it stands in `subject` and `Type`.
    pub name: &'static str,
    /// What makes one; `None` for what never does.
    pub made_of: Option<&'static str>,
}

/// The seed's twenty kinds, by their English names. ARCHITECTURE.md has the same table.
pub const SUBJECT_KINDS: [SubjectKind; 20] = {
    const fn made(name: &'static str, of: &'static str) -> SubjectKind {
        SubjectKind { name, made_of: Some(of) }
    }
    const fn never(name: &'static str) -> SubjectKind {
        SubjectKind { name, made_of: None }
    }
    const WHOLE: &str = "a twin of that class, its model or one of its relationships";
    const PROPERTY: &str = "a property of such a twin that is set other than by telemetry";
    [
        made("Device", WHOLE),
        never("DeviceBlobMetadata"),
        made("DeviceExtendedProperty", PROPERTY),
        never("ExtendedPropertyKey"),
        made("ExtendedType", "a model"),
        never("KeyStore"),
        never("Report"),
        never("RoleDefinition"),
        made("Sensor", WHOLE),
        never("SensorBlobMetadata"),
        made("SensorExtendedProperty", PROPERTY),
        made("Space", WHOLE),
        never("SpaceBlobMetadata"),
        made("SpaceExtendedProperty", PROPERTY),
        never("SpaceResource"),
        never("SpaceRoleAssignment"),
        never("System"),
        never("User"),
        never("UserBlobMetadata"),
        never("UserExtendedProperty"),
    ]
};

/// So many relationships of a twin are looked at for the spaces around it.
const MOST_NEIGHBOURS: usize = 1_000;

impl Event2019 {
    /// The events of a change: none, one, or one for each property. `graph` is the graph as it is
    /// now, in which classes of models and the spaces around a twin are looked up; `id` makes the
    /// id of the event of this number.
    pub fn of(
        change: &Change,
        graph: &TwinGraph,
        classes: &mut Classes,
        id: impl Fn(usize) -> String,
    ) -> Vec<Self> {
        let mut made = Made { change, graph, classes, events: Vec::new() };
        match &change.kind {
            ChangeKind::TwinPut { twin, replaced } => {
                let access = if *replaced { AccessType::Update } else { AccessType::Create };
                made.whole(&twin.id, &twin.model, access);
            }
            ChangeKind::TwinDeleted { twin } => {
                made.whole(&twin.id, &twin.model, AccessType::Delete);
            }
            ChangeKind::TwinPatched { id, model, patch, .. } => made.patched(id, model, patch),
            ChangeKind::RelationshipPut { relationship, .. }
            | ChangeKind::RelationshipDeleted { relationship } => {
                made.relationship_of(&relationship.source);
            }
            ChangeKind::RelationshipPatched { source, .. } => made.relationship_of(source),
            ChangeKind::ModelsPut { models } => {
                models.iter().for_each(|model| made.model(model.id(), AccessType::Create));
            }
            ChangeKind::ModelDecommissioned { id } => made.model(id, AccessType::Update),
            ChangeKind::ModelDeleted { id } => made.model(id, AccessType::Delete),
            ChangeKind::EventRoutePut { .. }
            | ChangeKind::EventRouteDeleted { .. }
            | ChangeKind::Telemetry { .. } => {}
        }
        let mut events = made.events;
        events.iter_mut().enumerate().for_each(|(number, event)| event.id = id(number));
        events
    }

    /// An event that a function sends, and that nothing else makes.
    pub fn of_function(
        id: String,
        object: Arc<str>,
        resource_type: String,
        payload: Value,
        time: Timestamp,
        cause: &Cause,
    ) -> Self {
        let (trace, hops) = (cause.trace, cause.origin.hops());
        let data = Data2019::UdfCustom { resource_type, payload };
        Self { id, trace, hops, object, time, data }
    }
}

struct Made<'a> {
    change: &'a Change,
    graph: &'a TwinGraph,
    classes: &'a mut Classes,
    events: Vec<Event2019>,
}

impl Made<'_> {
    fn push(&mut self, object: &str, data: Data2019) {
        self.events.push(Event2019 {
            id: String::new(),
            trace: self.change.cause.trace,
            hops: self.change.cause.origin.hops(),
            object: object.into(),
            time: self.change.time,
            data,
        });
    }

    fn whole(&mut self, id: &str, model: &str, access: AccessType) {
        let Some(class) = self.classes.of(self.graph, model) else { return };
        let spaces = self.spaces_around(id, class);
        self.push(id, Data2019::Topology { kind: whole_name(class), access, spaces });
    }

    /// A relationship belongs to the twin that it leaves.
    fn relationship_of(&mut self, source: &str) {
        if let Some(twin) = self.graph.twin(source).cloned() {
            self.whole(source, &twin.model, AccessType::Update);
        }
    }

    fn model(&mut self, dtmi: &str, access: AccessType) {
        let data = Data2019::Topology { kind: "ExtendedType", access, spaces: Vec::new() };
        self.push(dtmi, data);
    }

    fn patched(&mut self, id: &str, model: &str, patch: &[AppliedOperation]) {
        let Some(class) = self.classes.of(self.graph, model) else { return };
        // What functions write comes from telemetry; what others write changes the topology.
        let telemetry = matches!(self.change.cause.origin, Origin::Function { .. });
        for applied in patch {
            let path = applied.operation.path.trim_start_matches('/');
            let (value, previous) = (&applied.operation.value, &applied.previous);
            if path.starts_with('$') {
                self.whole(id, model, AccessType::Update);
            } else if !telemetry || class == ObjectClass::Device {
                let access = match (value, previous) {
                    (None, _) => AccessType::Delete,
                    (Some(_), None) => AccessType::Create,
                    (Some(_), Some(_)) => AccessType::Update,
                };
                let spaces = self.spaces_around(id, class);
                self.push(id, Data2019::Topology { kind: property_name(class), access, spaces });
            } else if value != previous {
                let data_type = path.to_owned();
                let (value, previous) = (value.clone(), previous.clone());
                self.push(
                    id,
                    match class {
                        ObjectClass::Space => Data2019::Space { data_type, value, previous },
                        _ => Data2019::Sensor {
                            of_type: name_of(model).map(str::to_owned),
                            data_type,
                            value,
                            previous,
                        },
                    },
                );
            }
        }
    }

    /// A space itself; of others the spaces that they have a relationship with.
    fn spaces_around(&mut self, id: &str, class: ObjectClass) -> Vec<Arc<str>> {
        if class == ObjectClass::Space {
            return vec![id.into()];
        }
        let graph = self.graph;
        let incoming = graph.incoming(id).take(MOST_NEIGHBOURS).map(|each| &each.source);
        let outgoing = graph.outgoing(id).take(MOST_NEIGHBOURS).map(|each| &each.target);
        let near: BTreeSet<&Arc<str>> = incoming.chain(outgoing).collect();
        let mut is_space = |twin: &Arc<str>| {
            let model = graph.twin(twin).map(|twin| twin.model.clone())?;
            (self.classes.of(graph, &model)? == ObjectClass::Space).then(|| twin.clone())
        };
        near.into_iter().filter_map(&mut is_space).collect()
    }
}

fn whole_name(class: ObjectClass) -> &'static str {
    match class {
        ObjectClass::Space => "Space",
        ObjectClass::Device => "Device",
        ObjectClass::Sensor => "Sensor",
    }
}

fn property_name(class: ObjectClass) -> &'static str {
    match class {
        ObjectClass::Space => "SpaceExtendedProperty",
        ObjectClass::Device => "DeviceExtendedProperty",
        ObjectClass::Sensor => "SensorExtendedProperty",
    }
}
