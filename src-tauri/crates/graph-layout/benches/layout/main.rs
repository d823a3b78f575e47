//! `make bench-layout`: our layouts beside those of others, on the same graphs, by CPU time of one
//! core. Arguments choose sizes and graphs; `ours` leaves the others out.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

mod graphs;
mod peers;
mod quality;

use graph_layout::{Edge, Input, Method, Node, Point, Positions, layout_with};
use graphs::{Dice, Graph};
use quality::{median_move, quality};

/// The others get so many CPU seconds for a graph.
const BOUND: u64 = 120;

/// Makes a graph of so many twins.
type Maker = fn(usize) -> Graph;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|each| each != "--bench").collect();
    let is_chosen = |what: &str, all: &[&str]| {
        !all.iter().any(|each| chosen.iter().any(|one| one == each))
            || chosen.iter().any(|one| one == what)
    };
    let makers: [(&str, Maker); 3] = [
        ("building", graphs::building),
        ("small-world", graphs::small_world),
        ("scale-free", graphs::scale_free),
    ];
    let names = makers.map(|(name, _)| name);
    println!(
        "{:<12} {:>7}  {:<18} {:>9} {:>6} {:>7} {:>7} {:>15}",
        "graph", "nodes", "layout", "CPU s", "NP", "purity", "spread", "moved by 1 %"
    );
    for (size, count) in [("1000", 1_000), ("10000", 10_000), ("100000", 100_000)] {
        for (name, make) in makers {
            if is_chosen(size, &["1000", "10000", "100000"]) && is_chosen(name, &names) {
                measure(&make(count), !chosen.iter().any(|one| one == "ours"));
            }
        }
    }
}

fn measure(graph: &Graph, with_peers: bool) {
    for (name, method) in [("ours", Method::Auto), ("ours, by force", Method::Force)] {
        if method == Method::Force && graph.floors.iter().all(|floor| *floor < 0) {
            continue; // it was by force already
        }
        let (cpu, at) = lay_out(graph, method, &Positions::new());
        tell(graph, name, cpu, &at, Some(moved(graph, method, &at)));
    }
    for peer in peers::PEERS.into_iter().filter(|_| with_peers) {
        match peers::run(peer, graph, BOUND) {
            Ok((cpu, at)) => tell(graph, peer, cpu, &at, None),
            Err(why) => println!("{:<12} {:>7}  {peer:<18} {why}", graph.name, graph.ids.len()),
        }
    }
}

fn tell(graph: &Graph, layout: &str, cpu: f64, at: &[Point], moved: Option<(f64, f64)>) {
    let found = quality(graph, at);
    let purity = found.purity.map_or("-".to_owned(), |purity| format!("{purity:.3}"));
    // Others begin anew: what is new changes everything.
    let moved = moved.map_or("-".to_owned(), |(cpu, far)| format!("{far:.2} w, {cpu:.3} s"));
    println!(
        "{:<12} {:>7}  {layout:<18} {cpu:>9.3} {:>6.3} {purity:>7} {:>7.2} {moved:>15}",
        graph.name,
        graph.ids.len(),
        found.np,
        found.spread,
    );
}

/// CPU seconds of one thread, and places.
fn lay_out(graph: &Graph, method: Method, previous: &Positions) -> (f64, Vec<Point>) {
    let nodes = nodes(graph);
    let input = Input { nodes: &nodes, edges: &graph.edges, method, ..Input::default() };
    let begun = cpu_seconds();
    let layout = layout_with(&input, previous);
    (cpu_seconds() - begun, layout.centres)
}

/// Adds one twin in a hundred, each beside one that is there: CPU seconds, and the median move of
/// the others in widths of a node.
fn moved(graph: &Graph, method: Method, before: &[Point]) -> (f64, f64) {
    let count = graph.ids.len();
    let mut dice = Dice::new(17);
    let mut larger = Graph {
        name: graph.name,
        ids: graph.ids.clone(),
        kinds: graph.kinds.clone(),
        edges: graph.edges.clone(),
        floors: graph.floors.clone(),
    };
    for number in 0..count / 100 {
        let known = graph.edges[dice.below(graph.edges.len() as u32) as usize];
        larger.ids.push(format!("new_{number}"));
        larger.kinds.push(graph.kinds[known.target as usize]);
        larger.floors.push(-1);
        larger.edges.push(Edge { target: (count + number) as u32, ..known });
    }
    let previous: Positions = before.iter().copied().map(Some).collect();
    let (cpu, after) = lay_out(&larger, method, &previous);
    (cpu, median_move(before, &after[..count]))
}

fn nodes(graph: &Graph) -> Vec<Node<'_>> {
    let size = |kind| match (graph.name, kind) {
        ("building", 3) => (72.0, 32.0),
        ("building", 0..=2) => (40.0, 34.0),
        _ => (36.0, 36.0),
    };
    graph
        .ids
        .iter()
        .zip(&graph.kinds)
        .map(|(key, &kind)| Node { key, kind, width: size(kind).0, height: size(kind).1 })
        .collect()
}

/// CPU time of this thread so far.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
