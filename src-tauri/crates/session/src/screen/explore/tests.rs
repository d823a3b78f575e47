#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use twin_graph::{Relationship, Twin};

/// A graph of relationships as `source name target`; each twin is named by an end.
fn graph(lines: &[&str]) -> TwinGraph {
    let mut graph = TwinGraph::new();
    let words: Vec<Vec<&str>> =
        lines.iter().map(|line| line.split_whitespace().collect()).collect();
    let ids: BTreeSet<&str> =
        words.iter().flat_map(|words| words.iter().step_by(2).copied()).collect();
    for id in ids {
        let body = json!({"$dtId": id, "$etag": "1", "$metadata": {"$model": "m"}});
        graph.restore_twin(Arc::new(Twin::from_json(&body).unwrap()));
    }
    for (number, words) in words.iter().enumerate() {
        let [source, name, target] = words[..] else { continue };
        let body = json!({"$relationshipId": number.to_string(), "$sourceId": source,
            "$relationshipName": name, "$targetId": target, "$etag": "1"});
        let relationship = Relationship::from_json(&body).unwrap();
        graph.restore_relationship(Arc::new(relationship)).unwrap();
    }
    graph
}

fn around(graph: &TwinGraph, asked: &Neighbourhood) -> (Vec<String>, u32) {
    match neighbours(graph, asked) {
        Response::Reached { twins, total } => (twins, total),
        other => panic!("{other:?}"),
    }
}

fn asked(from: &[&str], levels: u32, follow: Follow) -> Neighbourhood {
    let from = from.iter().map(|id| (*id).to_owned()).collect();
    Neighbourhood { from, levels, follow, names: None, limit: 100 }
}

fn all_paths(graph: &TwinGraph, from: &str, to: &str, follow: Follow) -> BTreeSet<String> {
    match paths(graph, from, to, follow, 1_000) {
        Response::Paths { paths, more: false } => paths.iter().map(|path| path.join(" ")).collect(),
        other => panic!("{other:?}"),
    }
}

/// Two floors of rooms with thermostats, a loop, and a way round.
fn building() -> TwinGraph {
    graph(&[
        "house contains floor1",
        "house contains floor2",
        "floor1 contains room1",
        "floor1 contains room2",
        "floor1 contains room10",
        "floor2 contains room3",
        "room1 next_to room2",
        "room2 next_to room1",
        "room1 has thermo1",
        "room3 has thermo3",
        "thermo1 reports_to house",
        "room3 next_to room3",
        "alone",
    ])
}

#[test]
fn neighbours_come_level_by_level_in_natural_order() {
    use Follow::{Both, Incoming, Outgoing};
    let graph = building();
    let cases: [(&[&str], u32, Follow, &str); 10] = [
        (&["house"], 0, Both, ""),
        (&["house"], 1, Outgoing, "floor1 floor2"),
        (&["house"], 1, Incoming, "thermo1"),
        (&["house"], 1, Both, "floor1 floor2 thermo1"),
        (&["house"], 2, Outgoing, "floor1 floor2 room1 room2 room3 room10"),
        (&["floor2", "floor1"], 1, Outgoing, "room1 room2 room3 room10"),
        (&["room1", "room1"], 1, Outgoing, "room2 thermo1"),
        (&["thermo3"], 3, Incoming, "room3 floor2 house"),
        (&["room3"], 1, Both, "floor2 thermo3"),
        (&["alone"], 9, Both, ""),
    ];
    for (from, levels, follow, expected) in cases {
        let (twins, total) = around(&graph, &asked(from, levels, follow));
        assert_eq!(twins.join(" "), expected, "{levels} levels {follow:?} of {from:?}");
        assert_eq!(total as usize, twins.len());
    }
}

#[test]
fn only_relationships_of_the_names_asked_for_are_followed() {
    let graph = building();
    let of = |names: &[&str]| {
        let names = Some(names.iter().map(|name| (*name).to_owned()).collect());
        around(&graph, &Neighbourhood { names, ..asked(&["room1"], 5, Follow::Both) }).0.join(" ")
    };
    assert_eq!(of(&["next_to"]), "room2");
    assert_eq!(of(&["has", "next_to"]), "room2 thermo1");
    assert_eq!(of(&["no such name"]), "");
    assert_eq!(of(&[]), "");
}

#[test]
fn more_than_the_cap_is_counted_and_the_nearest_are_answered() {
    let lines: Vec<String> = (0..5_000)
        .map(|leaf| format!("hub feeds leaf{leaf}"))
        .chain((0..10).map(|far| format!("leaf0 feeds far{far}")))
        .collect();
    let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let of =
        |limit| around(&graph, &Neighbourhood { limit, ..asked(&["hub"], 2, Follow::Outgoing) });
    let (twins, total) = of(3);
    assert_eq!((twins.join(" ").as_str(), total), ("leaf0 leaf1 leaf2", 5_010));
    assert_eq!(of(0), (vec![], 5_010));
    let (twins, total) = of(5_001);
    assert_eq!((twins.len(), total), (5_001, 5_010));
    assert_eq!(twins[5_000], "far0");
}

#[test]
fn all_shortest_paths_are_found_each_once() {
    use Follow::{Both, Incoming, Outgoing};
    let diamond = graph(&[
        "a to b1", "a to b2", "a to b2", "b1 to c", "b2 to c", "c to d", "a to x", "x to y",
        "y to c", "d back a", "island",
    ]);
    let cases = [
        ("a", "d", Outgoing, &["a b1 c d", "a b2 c d"][..]),
        ("a", "d", Both, &["a d"]),
        ("a", "d", Incoming, &["a d"]),
        ("d", "a", Incoming, &["d c b1 a", "d c b2 a"]),
        ("b1", "b2", Outgoing, &["b1 c d a b2"]),
        ("b1", "b2", Both, &["b1 a b2", "b1 c b2"]),
        ("a", "a", Both, &["a"]),
        ("a", "island", Both, &[]),
    ];
    for (from, to, follow, expected) in cases {
        let found = all_paths(&diamond, from, to, follow);
        assert_eq!(found, expected.iter().map(|path| (*path).to_owned()).collect(), "{from} {to}");
    }
}

#[test]
fn paths_beyond_the_limit_are_said_to_be_more_and_take_no_time() {
    // 40 diamonds one after another have a million million paths.
    let lines: Vec<String> = (0..40)
        .flat_map(|at| {
            ["a", "b"].into_iter().flat_map(move |side| {
                [format!("n{at} to {side}{at}"), format!("{side}{at} to n{}", at + 1)]
            })
        })
        .collect();
    let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let Response::Paths { paths: found, more } = paths(&graph, "n0", "n40", Follow::Outgoing, 100)
    else {
        panic!()
    };
    assert_eq!((found.len(), more), (100, true));
    assert_eq!(found[0].len(), 81);
    assert_eq!(found[0][..3], ["n0", "a0", "n1"]);
}

#[test]
fn twins_that_are_gone_are_said_to_be() {
    let graph = building();
    let failed = |response| match response {
        Response::Failed(failure) => failure.message,
        other => panic!("{other:?}"),
    };
    assert!(failed(neighbours(&graph, &asked(&["house", "no"], 1, Follow::Both))).contains("«no»"));
    assert!(failed(paths(&graph, "no", "house", Follow::Both, 1)).contains("«no»"));
    assert!(failed(paths(&graph, "house", "none", Follow::Both, 1)).contains("«none»"));
}

/// Levels and paths by sets alone.
struct Naive(BTreeMap<u8, BTreeSet<u8>>);

impl Naive {
    fn new(links: &[(u8, u8)], follow: Follow) -> Self {
        let mut others: BTreeMap<u8, BTreeSet<u8>> = BTreeMap::new();
        for &(source, target) in links {
            if follow != Follow::Incoming {
                others.entry(source).or_default().insert(target);
            }
            if follow != Follow::Outgoing {
                others.entry(target).or_default().insert(source);
            }
        }
        Self(others)
    }

    fn next(&self, of: u8) -> impl Iterator<Item = u8> + '_ {
        self.0.get(&of).into_iter().flatten().copied()
    }

    fn far(&self, from: u8) -> BTreeMap<u8, u32> {
        let mut far = BTreeMap::from([(from, 0)]);
        let mut waiting = VecDeque::from([from]);
        while let Some(at) = waiting.pop_front() {
            for other in self.next(at) {
                if !far.contains_key(&other) {
                    far.insert(other, far[&at] + 1);
                    waiting.push_back(other);
                }
            }
        }
        far
    }

    fn paths(&self, from: u8, to: u8) -> BTreeSet<String> {
        let far = self.far(from);
        let mut whole = BTreeSet::new();
        let mut open = vec![vec![from]];
        while let Some(path) = open.pop() {
            let last = path[path.len() - 1];
            if last == to {
                whole.insert(path.iter().map(u8::to_string).collect::<Vec<_>>().join(" "));
            } else if far.get(&last) < far.get(&to) {
                for other in self.next(last).filter(|other| far[other] == far[&last] + 1) {
                    open.push(path.iter().copied().chain([other]).collect());
                }
            }
        }
        whole
    }
}

proptest! {
    #[test]
    fn levels_and_paths_are_those_of_a_naive_search(
        links in prop::collection::vec((0u8..14, 0u8..14), 1..40),
        follow in prop::sample::select(vec![Follow::Outgoing, Follow::Incoming, Follow::Both]),
        levels in 0u32..5,
        ends in (0u8..14, 0u8..14),
    ) {
        let lines: Vec<String> =
            links.iter().map(|(source, target)| format!("{source} to {target}"))
            .chain([ends.0.to_string(), ends.1.to_string()]).collect();
        let graph = graph(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let naive = Naive::new(&links, follow);
        let (from, to) = (ends.0.to_string(), ends.1.to_string());
        let (reached, _) = around(&graph, &asked(&[&from], levels, follow));
        let far = naive.far(ends.0);
        let expected: BTreeSet<String> = far.iter()
            .filter(|(_, far)| (1..=levels).contains(*far)).map(|(id, _)| id.to_string()).collect();
        let steps: Vec<u32> = reached.iter().map(|id| far[&id.parse::<u8>().unwrap()]).collect();
        prop_assert!(steps.is_sorted(), "the nearest first");
        prop_assert_eq!(reached.into_iter().collect::<BTreeSet<_>>(), expected);
        prop_assert_eq!(all_paths(&graph, &from, &to, follow), naive.paths(ends.0, ends.1));
    }
}
