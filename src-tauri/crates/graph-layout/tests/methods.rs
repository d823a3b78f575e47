//! What holds for every way to lay a graph out, and for every graph.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use graph_layout::{Area, Edge, Input, Layout, Method, Node, Point, Positions, Run};
use proptest::prelude::*;

const METHODS: [Method; 6] = [
    Method::Auto,
    Method::Force,
    Method::Layered,
    Method::Radial,
    Method::ByModel,
    Method::FloorPlan,
];

fn edges(of: impl IntoIterator<Item = (u32, u32)>) -> Vec<Edge> {
    of.into_iter().map(|(source, target)| Edge { source, target, name: 0 }).collect()
}

struct Graph {
    keys: Vec<String>,
    edges: Vec<Edge>,
    areas: Vec<Option<Area>>,
}

impl Graph {
    fn new(count: u32, edges: Vec<Edge>) -> Self {
        let keys = (0..count).map(|number| format!("n_{number}")).collect();
        Self { keys, edges, areas: Vec::new() }
    }

    fn lay_out(&self, method: Method, pinned: &[Option<Point>], previous: &Positions) -> Layout {
        self.run(method, pinned, previous, |run| run.finish())
    }

    fn run<T>(
        &self,
        method: Method,
        pinned: &[Option<Point>],
        previous: &Positions,
        with: impl FnOnce(Run<'_>) -> T,
    ) -> T {
        let node = |(at, key): (usize, &'_ String)| (key.clone(), at as u32 % 3);
        let keyed: Vec<_> = self.keys.iter().enumerate().map(node).collect();
        let nodes: Vec<Node<'_>> = keyed
            .iter()
            .map(|(key, kind)| Node { key, kind: *kind, width: 36.0, height: 36.0 })
            .collect();
        let edges = &self.edges;
        let areas = &self.areas;
        let input =
            Input { nodes: &nodes, edges, pinned, method, seed: 4, areas, ..Input::default() };
        with(Run::new(&input, previous))
    }
}

fn sane(layout: &Layout, count: usize) {
    assert_eq!(layout.centres.len(), count);
    for at in &layout.centres {
        assert!(at.iter().all(|length| length.abs() < 1e7), "{at:?}");
    }
}

proptest! {
    #[test]
    fn deterministic_finite_pins_fixed_and_the_rest_stays(
        count in 1u32..60,
        ends in prop::collection::vec((0u32..64, 0u32..64), 0..120),
        pin in (0usize..60, -500.0f32..500.0, -500.0f32..500.0),
        method in prop::sample::select(&METHODS[..]),
    ) {
        let graph = Graph::new(count, edges(ends.clone()));
        let mut pinned = vec![None; count as usize];
        pinned[pin.0 % count as usize] = Some([pin.1, pin.2]);
        let first = graph.lay_out(method, &pinned, &Positions::new());
        sane(&first, count as usize);
        prop_assert_eq!(first.centres[pin.0 % count as usize], [pin.1, pin.2]);
        prop_assert_eq!(&graph.lay_out(method, &pinned, &Positions::new()), &first);

        // One more twin, related to the first.
        let previous: Positions = first.centres.iter().copied().map(Some).collect();
        let mut ends = ends;
        ends.push((0, count));
        let larger = Graph::new(count + 1, edges(ends));
        let after = larger.lay_out(method, &pinned, &previous);
        sane(&after, count as usize + 1);
        prop_assert_eq!(&after.centres[..count as usize], &first.centres[..]);
    }
}

/// Each graph that could hang a layout, or make it unreadable, with how many nodes it has.
fn awkward() -> Vec<(&'static str, u32, Vec<Edge>)> {
    let hub = edges((1..50_000).map(|leaf| (0, leaf)));
    let parallel = edges((0..5_000).map(|_| (0, 1)));
    let circle = edges((0..3_000).map(|n| (n, (n + 1) % 3_000)));
    let chain = edges((0..20_000).map(|n| (n, n + 1)));
    let pairs = edges((0..20_000).map(|n| (2 * n, 2 * n + 1)));
    let loops = edges((0..50).flat_map(|n| [(n, n), (n, 49 - n), (49 - n, n)]));
    vec![
        ("nothing", 0, vec![]),
        ("one", 1, edges([(0, 0)])),
        ("a hub", 50_000, hub),
        ("parallel", 2, parallel),
        ("a circle of containment", 3_000, circle),
        ("a chain", 20_001, chain),
        ("many pairs", 40_000, pairs),
        ("loops and both ways", 50, loops),
        ("ends that are nobody", 3, edges([(0, 9), (9, 9), (1, 2)])),
        ("isolated", 200_000, vec![]),
    ]
}

#[test]
fn no_graph_hangs_it() {
    for (what, count, edges) in awkward() {
        let graph = Graph::new(count, edges);
        for method in METHODS {
            let layout = graph.lay_out(method, &[], &Positions::new());
            sane(&layout, count as usize);
            // Readable: few share a place.
            let mut places: Vec<[i32; 2]> =
                layout.centres.iter().map(|at| at.map(|length| length as i32 / 8)).collect();
            places.sort_unstable();
            places.dedup();
            assert!(places.len() * 10 >= count as usize * 9, "{what} {method:?}: {}", places.len());
        }
    }
}

#[test]
fn force_streams_what_it_has_and_says_how_far_it_is() {
    let graph = Graph::new(500, edges((0..500).flat_map(|n| [(n, (n + 1) % 500), (n, n / 2)])));
    graph.run(Method::Force, &[], &Positions::new(), |mut run| {
        let (mut last, mut shown, mut steps) = (0.0, 0, 0);
        while run.step() {
            assert!(run.progress() >= last && run.progress() <= 1.0);
            last = run.progress();
            shown += usize::from(run.places().iter().all(Option::is_some));
            steps += 1;
        }
        assert!(run.progress() == 1.0 && steps > 20 && shown > 20, "{steps} {shown}");
    });
}

#[test]
fn layers_go_downwards() {
    // 4 closes a circle; all else goes down.
    let graph = Graph::new(5, edges([(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 1)]));
    let layout = graph.lay_out(Method::Layered, &[], &Positions::new());
    let y = |node: usize| layout.centres[node][1];
    assert!(y(0) < y(1) && y(1) == y(2) && y(2) < y(3) && y(3) < y(4), "{:?}", layout.centres);
}

#[test]
fn rings_are_around_what_contains_most() {
    let graph = Graph::new(
        10,
        edges([(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6), (3, 7), (4, 8), (5, 9)]),
    );
    let layout = graph.lay_out(Method::Radial, &[], &Positions::new());
    let centre = layout.centres[0];
    let ring = |node: usize| {
        let [x, y] = layout.centres[node];
        ((x - centre[0]).hypot(y - centre[1]) / 120.0).round()
    };
    assert_eq!((0..10).map(ring).collect::<Vec<_>>(), [0., 1., 1., 2., 2., 2., 2., 3., 3., 3.]);
}

#[test]
fn kinds_stand_in_blocks() {
    let graph = Graph::new(30, vec![]);
    let layout = graph.lay_out(Method::ByModel, &[], &Positions::new());
    let bounds = |kind: usize| {
        let of = layout.centres.iter().skip(kind).step_by(3);
        of.fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |[a, b, c, d], &[x, y]| {
            [a.min(x), b.min(y), c.max(x), d.max(y)]
        })
    };
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let (a, b) = (bounds(a), bounds(b));
        assert!(a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1], "{a:?} {b:?}");
    }
}

#[test]
fn a_floor_plan_is_where_the_areas_are() {
    let mut graph = Graph::new(6, edges([(0, 1), (0, 2), (1, 3), (1, 4)]));
    let area = |x: f32| Some(Area { min: [x, 0.0], max: [x + 200.0, 150.0] });
    graph.areas = vec![None, area(0.0), area(200.0), None, None, None];
    let layout = graph.lay_out(Method::FloorPlan, &[], &Positions::new());
    let within = |node: usize, x: f32| {
        let [at, down] = layout.centres[node];
        x < at && at < x + 200.0 && 0.0 < down && down < 150.0
    };
    assert!(within(1, 0.0) && within(3, 0.0) && within(4, 0.0) && within(2, 200.0));
    assert!(layout.centres[0][0] < 0.0, "the floor beside its rooms");
    assert!(layout.centres[5][1] > 150.0, "what is nowhere on the plan below it");
    assert_eq!(layout.frames.len(), 3, "both rooms and the floor around them");
}

#[test]
fn one_more_in_a_hundred_moves_the_others_by_less_than_a_width() {
    let ends = |count: u32| (0..count).flat_map(move |n| [(n, (n * 7 + 1) % count), (n, n / 3)]);
    let graph = Graph::new(1_000, edges(ends(1_000)));
    let before = graph.lay_out(Method::Auto, &[], &Positions::new());
    let previous: Positions = before.centres.iter().copied().map(Some).collect();
    let more = ends(1_000).chain((1_000..1_010).map(|n| (n, n - 900)));
    let after = Graph::new(1_010, edges(more)).lay_out(Method::Auto, &[], &previous);
    let mut moves: Vec<f32> = before
        .centres
        .iter()
        .zip(&after.centres)
        .map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]))
        .collect();
    moves.sort_unstable_by(f32::total_cmp);
    assert!(moves[500] < 36.0, "{}", moves[500]);
}
