//! The sample building, as the picture has it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use graph_layout::{
    Edge, Frame, Input, Layout, Method, Node, Point, Positions, layout, layout_with,
};

const HEXAGON: (f32, f32) = (40.0, 34.0);
const RECTANGLE: (f32, f32) = (72.0, 32.0);
const CIRCLE: (f32, f32) = (36.0, 36.0);

/// Buildings of three floors of eight rooms with a thermostat each.
#[derive(Default)]
struct Graph {
    nodes: Vec<(String, u32, (f32, f32))>,
    edges: Vec<Edge>,
}

impl Graph {
    fn building() -> Self {
        let mut graph = Self::default();
        let building = graph.node("Building_1", 0, HEXAGON);
        for floor in 1..=3 {
            let floor_node = graph.node(&format!("Floor_{floor}"), 1, HEXAGON);
            graph.edge(building, floor_node, 0);
            for room in 1..=8 {
                graph.room(floor_node, (floor - 1) * 8 + room);
            }
        }
        graph
    }

    fn node(&mut self, id: &str, kind: u32, size: (f32, f32)) -> u32 {
        self.nodes.push((id.to_owned(), kind, size));
        self.nodes.len() as u32 - 1
    }

    fn edge(&mut self, source: u32, target: u32, name: u32) {
        self.edges.push(Edge { source, target, name });
    }

    fn room(&mut self, floor: u32, number: usize) -> u32 {
        let room = self.node(&format!("Room_{number:02}"), 2, RECTANGLE);
        let thermostat = self.node(&format!("thermo_{number:04}"), 3, CIRCLE);
        self.edge(floor, room, 0);
        self.edge(room, thermostat, 1);
        room
    }

    fn lay_out(&self, pinned: &[Option<Point>], previous: &Positions) -> Layout {
        let nodes: Vec<Node<'_>> = self
            .nodes
            .iter()
            .map(|(key, kind, (width, height))| Node {
                key,
                kind: *kind,
                width: *width,
                height: *height,
            })
            .collect();
        let method = Method::Hierarchy;
        let input = Input { nodes: &nodes, edges: &self.edges, pinned, method, ..Input::default() };
        let first = layout_with(&input, previous);
        assert_eq!(layout_with(&input, previous), first, "deterministic");
        first
    }

    fn index(&self, id: &str) -> usize {
        self.nodes.iter().position(|(key, ..)| key == id).unwrap()
    }

    fn at(&self, layout: &Layout, id: &str) -> Point {
        layout.centres[self.index(id)]
    }

    fn frame(&self, layout: &Layout, id: &str) -> Frame {
        let node = self.index(id) as u32;
        *layout.frames.iter().find(|frame| frame.node == node).unwrap()
    }

    fn assert_tidy(&self, layout: &Layout) {
        let overlap = |a: usize, b: usize| {
            let ((aw, ah), (bw, bh)) = (self.nodes[a].2, self.nodes[b].2);
            let (a, b) = (layout.centres[a], layout.centres[b]);
            (a[0] - b[0]).abs() * 2.0 < aw + bw && (a[1] - b[1]).abs() * 2.0 < ah + bh
        };
        for b in 0..self.nodes.len() {
            for a in 0..b {
                assert!(!overlap(a, b), "{} on {}", self.nodes[a].0, self.nodes[b].0);
            }
        }
    }
}

fn kept(layout: &Layout) -> Positions {
    layout.centres.iter().copied().map(Some).collect()
}

fn overlap(a: Frame, b: Frame) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

#[test]
fn is_drawn_like_a_section() {
    let graph = Graph::building();
    let layout = graph.lay_out(&[], &Positions::new());
    graph.assert_tidy(&layout);
    assert_eq!(layout.contains, [0, 1]);
    assert_eq!(layout.frames.len(), 4, "building and floors, not rooms");

    let at = |id: &str| graph.at(&layout, id);
    for room in 1..=24 {
        let (room, thermostat) = (at(&format!("Room_{room:02}")), at(&format!("thermo_{room:04}")));
        assert_eq!([thermostat[0] - room[0], thermostat[1] - room[1]], [0.0, 64.0]);
    }
    for room in 2..=8 {
        let (left, right) = (at(&format!("Room_{:02}", room - 1)), at(&format!("Room_{room:02}")));
        assert_eq!([right[0] - left[0], right[1] - left[1]], [96.0, 0.0]);
    }
    let floors = [1, 2, 3].map(|floor| graph.frame(&layout, &format!("Floor_{floor}")));
    assert!(floors.windows(2).all(|pair| pair[1].y + pair[1].height < pair[0].y), "{floors:?}");
    assert!(floors.iter().all(|floor| (floor.x, floor.width) == (floors[0].x, floors[0].width)));
    let building = graph.frame(&layout, "Building_1");
    assert_eq!(layout.frames[0], building, "outer frames first");
    for floor in floors {
        assert!(at("Building_1")[0] + 20.0 < floor.x && overlap(floor, building));
        assert_eq!(building.x + building.width, floor.x + floor.width + 12.0);
    }
    assert!(at("Floor_1")[0] < at("Room_01")[0]);
}

#[test]
fn a_new_room_stands_beside_the_last_one_and_moves_nobody() {
    let mut graph = Graph::building();
    let before = graph.lay_out(&[], &Positions::new());
    for (floor, last, number) in [("Floor_3", "Room_24", 25), ("Floor_1", "Room_08", 99)] {
        let floor_node = graph.index(floor) as u32;
        graph.room(floor_node, number);
        let after = graph.lay_out(&[], &kept(&before));
        graph.assert_tidy(&after);
        assert_eq!(after.centres[..before.centres.len()], before.centres);
        let (room, last) = (graph.at(&after, &format!("Room_{number}")), graph.at(&after, last));
        assert_eq!([room[0] - last[0], room[1] - last[1]], [96.0, 0.0]);
        let thermostat = graph.at(&after, &format!("thermo_{number:04}"));
        assert_eq!([thermostat[0] - room[0], thermostat[1] - room[1]], [0.0, 64.0]);
    }
}

#[test]
fn a_new_floor_stands_on_the_last_one() {
    let mut graph = Graph::building();
    let before = graph.lay_out(&[], &Positions::new());
    let floor = graph.node("Floor_4", 1, HEXAGON);
    graph.edge(0, floor, 0);
    (25..=32).for_each(|number| {
        graph.room(floor, number);
    });
    let after = graph.lay_out(&[], &kept(&before));
    graph.assert_tidy(&after);
    let (third, fourth) = (graph.frame(&after, "Floor_3"), graph.frame(&after, "Floor_4"));
    assert_eq!(fourth.y + fourth.height + 16.0, third.y);
    assert_eq!((fourth.x, fourth.width), (third.x, third.width));
}

#[test]
fn a_new_thermostat_hangs_below_its_room() {
    let mut graph = Graph::building();
    let before = graph.lay_out(&[], &Positions::new());
    let room = graph.index("Room_20") as u32;
    let thermostat = graph.node("thermo_0020b", 3, CIRCLE);
    graph.edge(room, thermostat, 1);
    let after = graph.lay_out(&[], &kept(&before));
    graph.assert_tidy(&after);
    let (room, found) = (graph.at(&after, "Room_20"), graph.at(&after, "thermo_0020b"));
    assert!((room[0] - found[0]).abs() < 200.0 && (room[1] - found[1]).abs() < 200.0, "{found:?}");
}

#[test]
fn what_nothing_contains_joins_its_kind() {
    let mut graph = Graph::building();
    graph.node("thermo_0100", 3, CIRCLE);
    let before = graph.lay_out(&[], &Positions::new());
    graph.node("thermo_0101", 3, CIRCLE);
    let after = graph.lay_out(&[], &kept(&before));
    let (old, new) = (graph.at(&after, "thermo_0100"), graph.at(&after, "thermo_0101"));
    assert_eq!([new[0] - old[0], new[1] - old[1]], [96.0, 0.0]);
}

#[test]
fn what_nothing_contains_stays_out_of_frames() {
    let mut graph = Graph::building();
    let before = graph.lay_out(&[], &Positions::new());
    graph.node("thermo_0100", 3, CIRCLE);
    let room = graph.index("Room_01") as u32;
    let low = graph.node("thermo_0001b", 3, CIRCLE);
    graph.edge(room, low, 1);
    let after = graph.lay_out(&[], &kept(&before));
    let building = graph.frame(&after, "Building_1");
    assert!(graph.at(&after, "thermo_0100")[1] - 18.0 > building.y + building.height);
}

#[test]
fn what_is_pinned_stays_and_others_make_way() {
    let graph = Graph::building();
    let free = graph.lay_out(&[], &Positions::new());
    let mut pinned = vec![None; graph.nodes.len()];
    let room = graph.index("Room_12");
    pinned[room] = Some(graph.at(&free, "Room_05"));
    let layout = graph.lay_out(&pinned, &Positions::new());
    assert_eq!(layout.centres[room], pinned[room].unwrap());
    graph.assert_tidy(&layout);
}

#[test]
fn kinds_without_a_hierarchy_stand_in_rows() {
    let mut graph = Graph::default();
    for number in 0..20 {
        graph.node(&format!("pump_{number}"), number % 2, CIRCLE);
    }
    let layout = graph.lay_out(&[], &Positions::new());
    graph.assert_tidy(&layout);
    let lowest = |kind| {
        let of_kind = (0..20).filter(|n| n % 2 == kind).map(|n| layout.centres[n as usize][1]);
        of_kind.fold((f32::MAX, f32::MIN), |(low, high), y| (low.min(y), high.max(y)))
    };
    assert!(lowest(0).1 < lowest(1).0);
    assert!(layout.frames.is_empty());
}

#[test]
fn a_hundred_thousand_twins_are_quick() {
    let mut graph = Graph::default();
    for campus in 0..4 {
        let campus_node = graph.node(&format!("Campus_{campus}"), 4, HEXAGON);
        for building in 0..25 {
            let building_node = graph.node(&format!("Building_{campus}_{building}"), 0, HEXAGON);
            graph.edge(campus_node, building_node, 0);
            for floor in 0..10 {
                let floor_node =
                    graph.node(&format!("Floor_{campus}_{building}_{floor}"), 1, HEXAGON);
                graph.edge(building_node, floor_node, 0);
                (0..50).for_each(|number| {
                    graph.room(floor_node, number);
                });
            }
        }
    }
    assert!(graph.nodes.len() > 100_000);
    let nodes: Vec<Node<'_>> = graph
        .nodes
        .iter()
        .map(|(key, kind, (width, height))| Node {
            key,
            kind: *kind,
            width: *width,
            height: *height,
        })
        .collect();
    let input = Input { nodes: &nodes, edges: &graph.edges, ..Input::default() };
    let start = std::time::Instant::now();
    let fresh = layout(&input);
    let afresh = start.elapsed();
    // Every third twin is new.
    let previous: Positions =
        fresh.centres.iter().enumerate().map(|(i, at)| (i % 3 > 0).then_some(*at)).collect();
    let start = std::time::Instant::now();
    layout_with(&input, &previous);
    let incremental = start.elapsed();
    let limit = if cfg!(debug_assertions) { 20.0 } else { 1.0 };
    assert!(afresh.as_secs_f64() < limit, "{afresh:?}");
    assert!(incremental.as_secs_f64() < limit, "{incremental:?}");
}
