//! Buildings, floors, rooms and thermostats by chance, the same for the same seed.

use interchange::{At, GraphWriter, Place, RelationshipRecord, TwinRecord, WriteError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

const ROOMS_OF_A_FLOOR: (u32, u32) = (8, 40);
const FLOORS_OF_A_BUILDING: (u32, u32) = (3, 12);
const CITIES: [(&str, &str); 6] = [
    ("Redmond", "98052"),
    ("Rotterdam", "3011"),
    ("Lyon", "69002"),
    ("Osaka", "530-0001"),
    ("Porto Alegre", "90010"),
    ("Wellington", "6011"),
];
const USAGES: [&str; 4] = ["office", "meeting", "common", "technical"];

/// What was made.
pub struct Building {
    /// How many buildings.
    pub buildings: u32,
    /// How many floors.
    pub floors: u32,
    /// The thermostats' ids, which are their devices' too.
    pub thermostats: Vec<String>,
}

/// Writes the twins and relationships of so many rooms.
pub fn write(rooms: u32, seed: u64, writer: &mut dyn GraphWriter) -> Result<Building, WriteError> {
    let rng = ChaCha8Rng::seed_from_u64(seed);
    let width = rooms.to_string().len().max(2);
    let made = Building { buildings: 0, floors: 0, thermostats: Vec::new() };
    let place = Place { file: "twins.ndjson".into(), at: At::File };
    let mut maker = Maker { rng, width, place, left: rooms, made, edges: Vec::new(), writer };
    while maker.left > 0 {
        maker.building()?;
    }
    let Maker { made, edges, writer, .. } = maker;
    for edge in &edges {
        writer.relationship(edge)?;
    }
    Ok(made)
}

struct Maker<'a> {
    rng: ChaCha8Rng,
    width: usize,
    place: Place,
    left: u32,
    made: Building,
    edges: Vec<RelationshipRecord>,
    writer: &'a mut dyn GraphWriter,
}

impl Maker<'_> {
    fn building(&mut self) -> Result<(), WriteError> {
        self.made.buildings += 1;
        let number = self.made.buildings;
        let id = format!("Building_{number}");
        let (city, code) = CITIES[self.rng.random_range(0..CITIES.len())];
        let street = format!("{} Harbour Street", self.rng.random_range(1..200));
        let year = self.rng.random_range(1950..2026);
        let address = json!({"street": street, "postalCode": code, "city": city});
        self.twin(
            "Building",
            &id,
            json!({"name": format!("{city} {number}"), "address": address, "yearBuilt": year}),
        )?;
        let (least, most) = FLOORS_OF_A_BUILDING;
        for level in 1..=self.rng.random_range(least..=most) {
            if self.left == 0 {
                break;
            }
            let floor = format!("Floor_{number}_{level:02}");
            self.edge(&id, "contains", &floor);
            self.floor(&floor, level)?;
        }
        Ok(())
    }

    fn floor(&mut self, id: &str, level: u32) -> Result<(), WriteError> {
        self.made.floors += 1;
        self.twin("Floor", id, json!({"name": format!("Level {level}"), "level": level}))?;
        for door in 1..=self.rooms_of_a_floor() {
            self.left -= 1;
            self.room(id, level, door)?;
        }
        Ok(())
    }

    /// So many that no floor is left with fewer than the least, but for a single one of fewer.
    fn rooms_of_a_floor(&mut self) -> u32 {
        let (least, most) = ROOMS_OF_A_FLOOR;
        let rooms = self.rng.random_range(least..=most).min(self.left);
        match self.left - rooms {
            rest if rest == 0 || rest >= least => rooms,
            _ if self.left <= most => self.left,
            _ => self.left - least,
        }
    }

    fn room(&mut self, floor: &str, level: u32, door: u32) -> Result<(), WriteError> {
        let number = self.made.thermostats.len() + 1;
        let room = format!("Room_{number:0width$}", width = self.width);
        let thermostat = format!("thermo_{number:0width$}", width = self.width.max(4));
        let usage = USAGES[self.rng.random_range(0..USAGES.len())];
        let tenths = |rng: &mut ChaCha8Rng, from: i32, to: i32| {
            f64::from(rng.random_range(from..=to)) / 10.0
        };
        let temperature = tenths(&mut self.rng, 180, 240);
        let area = f64::from(self.rng.random_range(12..=80));
        let seats = self.rng.random_range(1..=24);
        let name = format!("Room {level}.{door:02}");
        self.twin("Room", &room, json!({"name": name, "currentTemp": temperature, "area": area, "usage": usage, "seats": seats}))?;
        let humidity = tenths(&mut self.rng, 350, 550);
        let set_point = f64::from(self.rng.random_range(38..=45)) / 2.0;
        self.twin(
            "Thermostat",
            &thermostat,
            json!({"temperature": temperature, "humidity": humidity, "setPoint": set_point}),
        )?;
        self.edge(floor, "contains", &room);
        self.edge(&room, "rel_has_thermostat", &thermostat);
        self.made.thermostats.push(thermostat);
        Ok(())
    }

    fn twin(&mut self, kind: &str, id: &str, contents: Value) -> Result<(), WriteError> {
        let Value::Object(contents) = contents else { return Ok(()) };
        let (id, model) = (id.to_owned(), format!("dtmi:com:contoso:{kind};1"));
        self.writer.twin(&TwinRecord {
            id,
            model,
            contents,
            as_text: false,
            place: self.place.clone(),
        })
    }

    fn edge(&mut self, source: &str, name: &str, target: &str) {
        let verb = name.strip_prefix("rel_").unwrap_or(name);
        let id =
            if verb == "contains" { format!("contains_{target}") } else { format!("has_{target}") };
        self.edges.push(RelationshipRecord {
            source: source.to_owned(),
            id,
            name: name.to_owned(),
            target: target.to_owned(),
            properties: Map::new(),
            as_text: false,
            place: self.place.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    #[derive(Default)]
    struct Kept {
        twins: Vec<Value>,
        edges: Vec<Value>,
    }

    impl GraphWriter for Kept {
        fn model(&mut self, _: &Value) -> Result<(), WriteError> {
            Ok(())
        }
        fn twin(&mut self, twin: &TwinRecord) -> Result<(), WriteError> {
            self.twins.push(twin.to_json());
            Ok(())
        }
        fn relationship(&mut self, edge: &RelationshipRecord) -> Result<(), WriteError> {
            self.edges.push(edge.to_json());
            Ok(())
        }
        fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, WriteError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn floors_have_8_to_40_rooms() {
        for rooms in (1..130).chain([1_000, 10_000]) {
            let mut kept = Kept::default();
            let made = write(rooms, u64::from(rooms), &mut kept).unwrap();
            assert_eq!(made.thermostats.len(), rooms as usize);
            assert_eq!(kept.twins.len(), (2 * rooms + made.floors + made.buildings) as usize);
            assert_eq!(kept.edges.len(), (2 * rooms + made.floors) as usize);
            let mut on_floor = std::collections::HashMap::new();
            for edge in kept
                .edges
                .iter()
                .filter(|edge| edge["$targetId"].as_str().unwrap().starts_with("Room"))
            {
                *on_floor.entry(edge["$sourceId"].clone()).or_insert(0) += 1;
            }
            let fits = |count: &u32| (8..=40).contains(count) || rooms < 8;
            assert!(
                on_floor.len() == made.floors as usize && on_floor.values().all(fits),
                "{rooms}: {on_floor:?}"
            );
        }
    }

    #[test]
    fn the_seed_decides() {
        let made = |seed| {
            let mut kept = Kept::default();
            write(100, seed, &mut kept).unwrap();
            (kept.twins, kept.edges)
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
    }
}
