//! Which twins are spaces, devices and sensors.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// What 2019's graph was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectClass {
    /// A place.
    Space,
    /// What has sensors.
    Device,
    /// What measures.
    Sensor,
}

/// The last label of a DTMI ends with one of these words, which begins with a capital letter:
/// `ConferenceRoom` is a room, `Mushroom` is none.
const WORDS: [(ObjectClass, &[&str]); 3] = [
    (ObjectClass::Sensor, &["Sensor", "Thermostat", "Thermometer", "Meter", "Detector"]),
    (ObjectClass::Device, &["Device", "Gateway", "Equipment", "Actuator", "Camera", "Controller"]),
    (
        ObjectClass::Space,
        &[
            "Space", "Room", "Floor", "Level", "Storey", "Building", "Zone", "Area", "Region",
            "Site", "Venue", "Campus", "Land", "Facility",
        ],
    ),
];

/// The class of each model, found once: that of the model's own name, or of the nearest model
/// that it extends. A model without such a name has none, and its twins make no events of 2019.
#[derive(Debug, Default)]
pub struct Classes {
    models_version: u64,
    known: HashMap<Arc<str>, Option<ObjectClass>>,
}

impl Classes {
    /// The class of a model's twins.
    pub fn of(&mut self, graph: &TwinGraph, model: &str) -> Option<ObjectClass> {
        if self.models_version != graph.models_version() {
            self.known.clear();
            self.models_version = graph.models_version();
        }
        if let Some(known) = self.known.get(model) {
            return *known;
        }
        let found = find(graph, model);
        self.known.insert(model.into(), found);
        found
    }
}

/// Level by level, so that the nearest decides.
fn find(graph: &TwinGraph, model: &str) -> Option<ObjectClass> {
    let mut seen = HashSet::new();
    let mut next = VecDeque::from([model]);
    while let Some(dtmi) = next.pop_front() {
        if !seen.insert(dtmi) {
            continue;
        }
        if let Some(class) = by_name(dtmi) {
            return Some(class);
        }
        let interface = graph.models().get(dtmi);
        next.extend(
            interface.iter().flat_map(|interface| interface.extends.iter()).map(|id| &**id),
        );
    }
    None
}

/// The name in a DTMI: its last label.
pub(super) fn name_of(dtmi: &str) -> Option<&str> {
    dtmi.split(';').next()?.rsplit(':').next()
}

fn by_name(dtmi: &str) -> Option<ObjectClass> {
    let name = name_of(dtmi)?;
    let is = |word: &str| name.ends_with(word) || name.eq_ignore_ascii_case(word);
    WORDS.iter().find(|(_, words)| words.iter().any(|word| is(word))).map(|(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_class() {
        for (dtmi, class) in [
            ("dtmi:com:contoso:Thermostat;1", Some(ObjectClass::Sensor)),
            ("dtmi:org:TemperatureSensor;2", Some(ObjectClass::Sensor)),
            ("dtmi:com:contoso:Room;1", Some(ObjectClass::Space)),
            ("dtmi:com:contoso:ConferenceRoom;1", Some(ObjectClass::Space)),
            ("dtmi:x:room;1", Some(ObjectClass::Space)),
            ("dtmi:x:Mushroom;1", None),
            ("dtmi:x:EdgeDevice", Some(ObjectClass::Device)),
            ("dtmi:space:Person;1", None),
            ("", None),
        ] {
            assert_eq!(by_name(dtmi), class, "{dtmi}");
        }
    }
}
