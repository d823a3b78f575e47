//! A building of rooms with thermostats, as JSON bodies.

use serde_json::{Value, json};

pub fn models() -> Vec<Value> {
    let property =
        |name: &str, schema: &str| json!({"@type": "Property", "name": name, "schema": schema});
    let interface = |id: &str, contents: Vec<Value>| json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface", "contents": contents});
    let thermostat = interface(
        "dtmi:bench:Thermostat;1",
        vec![
            property("temperature", "double"),
            property("setPoint", "double"),
            property("mode", "string"),
        ],
    );
    let room = interface(
        "dtmi:bench:Room;1",
        vec![
            property("name", "string"),
            property("currentTemp", "double"),
            json!({"@type": "Relationship", "name": "rel_has_thermostat", "target": "dtmi:bench:Thermostat;1"}),
        ],
    );
    vec![thermostat, room]
}

/// Even numbers are rooms, odd ones the thermostats of the room before.
pub fn twin(number: usize) -> (String, Value) {
    if number.is_multiple_of(2) {
        let name = format!("Room {number} on floor {}", number / 64);
        let body = json!({"$metadata": {"$model": "dtmi:bench:Room;1"}, "name": name, "currentTemp": 21.5});
        (format!("room_{number:07}"), body)
    } else {
        (
            thermostat(number / 2),
            json!({"$metadata": {"$model": "dtmi:bench:Thermostat;1"},
                "temperature": 20.5, "setPoint": 21.0, "mode": "heat"}),
        )
    }
}

/// The id of the thermostat of a room.
pub fn thermostat(room: usize) -> String {
    format!("thermo_{:07}", room * 2 + 1)
}

/// From a room to its thermostat.
pub fn relationship(room: usize) -> adt_service::RelationshipWrite {
    adt_service::RelationshipWrite {
        source: format!("room_{:07}", room * 2),
        id: format!("has_{room:07}"),
        body: json!({"$targetId": thermostat(room), "$relationshipName": "rel_has_thermostat"}),
    }
}
