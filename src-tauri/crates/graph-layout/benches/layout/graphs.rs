//! The graphs that layouts are measured on.

use graph_layout::Edge;

/// A graph with what a layout may know of it.
pub struct Graph {
    pub name: &'static str,
    pub ids: Vec<String>,
    pub kinds: Vec<u32>,
    pub edges: Vec<Edge>,
    /// The floor that a room or a thermostat is on, by which purity is counted; -1 for none.
    pub floors: Vec<i64>,
}

impl Graph {
    fn new(name: &'static str) -> Self {
        Self { name, ids: vec![], kinds: vec![], edges: vec![], floors: vec![] }
    }

    fn node(&mut self, id: String, kind: u32, floor: i64) -> u32 {
        self.ids.push(id);
        self.kinds.push(kind);
        self.floors.push(floor);
        self.ids.len() as u32 - 1
    }

    fn edge(&mut self, source: u32, target: u32, name: u32) {
        self.edges.push(Edge { source, target, name });
    }
}

/// Numbers that look random and are the same every time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        ((u128::from(mixed) * u128::from(limit)) >> 64) as u32
    }
}

const ROOMS: usize = 40;
const FLOORS: usize = 10;

/// A campus of buildings of ten floors of forty rooms with one or two thermostats each, and the
/// rooms of a floor in a ring of neighbours: about 1.4 relationships a twin.
pub fn building(count: usize) -> Graph {
    let mut graph = Graph::new("building");
    let mut dice = Dice::new(count as u64);
    let campus = graph.node("Campus_1".to_owned(), 0, -1);
    let per_room = 2.5 + 1.0 / ROOMS as f64 + 1.0 / (ROOMS * FLOORS) as f64;
    let rooms = ((count - 1) as f64 / per_room).round() as usize;
    let (mut building, mut floor, mut first_room) = (campus, campus, campus);
    let mut thermostats = 0;
    for number in 0..rooms {
        if number % (ROOMS * FLOORS) == 0 {
            let name = format!("Building_{:03}", number / (ROOMS * FLOORS) + 1);
            building = graph.node(name, 1, -1);
            graph.edge(campus, building, 0);
        }
        if number % ROOMS == 0 {
            floor = graph.node(format!("Floor_{:04}", number / ROOMS + 1), 2, -1);
            graph.floors[floor as usize] = i64::from(floor);
            graph.edge(building, floor, 1);
        }
        let room = graph.node(format!("Room_{:05}", number + 1), 3, i64::from(floor));
        graph.edge(floor, room, 2);
        match number % ROOMS {
            0 => first_room = room,
            _ => {
                // The room before, with its own thermostats between.
                let before = (first_room..room).rev().find(|&n| graph.kinds[n as usize] == 3);
                graph.edge(before.unwrap_or(first_room), room, 3);
            }
        }
        if number % ROOMS == ROOMS - 1 {
            graph.edge(room, first_room, 3);
        }
        for _ in 0..1 + dice.below(2) {
            thermostats += 1;
            let thermostat = graph.node(format!("thermo_{thermostats:06}"), 4, i64::from(floor));
            graph.edge(room, thermostat, 4);
        }
    }
    graph
}

/// A ring in which each node knows the two on either side; one edge in twenty goes anywhere.
pub fn small_world(count: usize) -> Graph {
    let mut graph = Graph::new("small world");
    let mut dice = Dice::new(7);
    // The order of the nodes says nothing of the ring.
    let mut ring: Vec<u32> = (0..count as u32).collect();
    for last in (1..count).rev() {
        ring.swap(last, dice.below(last as u32 + 1) as usize);
    }
    for node in 0..count {
        graph.node(format!("n{node}"), 0, -1);
    }
    for place in 0..count {
        for step in 1..=2 {
            let far = dice.below(20) == 0;
            let near = ring[(place + step) % count];
            let known = if far { dice.below(count as u32) } else { near };
            graph.edge(ring[place], known, 0);
        }
    }
    graph
}

/// Each new node knows two of those before it, the more the better known they are (Barabási and
/// Albert).
pub fn scale_free(count: usize) -> Graph {
    let mut graph = Graph::new("scale free");
    let mut dice = Dice::new(11);
    graph.node("n0".to_owned(), 0, -1);
    let mut ends = vec![0];
    for node in 1..count as u32 {
        graph.node(format!("n{node}"), 0, -1);
        for _ in 0..2.min(node) {
            let known = ends[dice.below(ends.len() as u32) as usize];
            graph.edge(node, known, 0);
            ends.push(known);
        }
        ends.push(node);
    }
    graph
}
