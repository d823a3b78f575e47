//! Smaller graphs of a graph: each node of the smaller one stands for a few of the larger.

use super::dice::Dice;
use super::links::Links;

/// Graphs of up to so many nodes are laid out as they are.
const SMALL: usize = 24;
/// A graph that shrinks by less than this is not coarsened further.
const LEAST_SHRINKING: f32 = 0.9;
/// A node takes in at most so many others at once, so that a hub does not swallow the whole.
const MOST_TAKEN: usize = 3;

/// One size of the graph.
pub(crate) struct Level {
    pub(crate) links: Links,
    /// How many nodes of the finest graph each stands for.
    pub(crate) mass: Vec<f32>,
    /// The node of the next smaller graph that each belongs to; empty for the smallest.
    pub(crate) group: Vec<u32>,
}

/// All sizes, the finest first.
pub(crate) fn levels(links: Links, dice: &mut Dice) -> Vec<Level> {
    let mass = vec![1.0; links.len()];
    let mut levels = vec![Level { links, mass, group: Vec::new() }];
    while let Some(finest) = levels.last_mut()
        && finest.links.len() > SMALL
    {
        let count = finest.links.len();
        let (group, groups) = group(finest, dice);
        if groups as f32 > count as f32 * LEAST_SHRINKING {
            break;
        }
        let smaller = smaller(finest, &group, groups);
        finest.group = group;
        levels.push(smaller);
    }
    levels
}

/// Each node takes in the neighbours that it is linked to most, light ones first. What has no free
/// neighbour joins others of the same neighbour: the leaves of a hub, say.
fn group(level: &Level, dice: &mut Dice) -> (Vec<u32>, usize) {
    const NONE: u32 = u32::MAX;
    let count = level.links.len();
    let mut order: Vec<u32> = (0..count as u32).collect();
    dice.shuffle(&mut order);
    order.sort_by_key(|&node| level.links.degree(node));
    let mut group = vec![NONE; count];
    let mut groups = 0;
    // By node: the group of those that have only it, and how many more that takes.
    let mut siblings = vec![(NONE, 0usize); count];
    let mut candidates: Vec<(f32, u32)> = Vec::new();
    for &node in &order {
        if group[node as usize] != NONE {
            continue;
        }
        candidates.clear();
        let links = level.links.neighbours(node).iter().zip(level.links.weights(node));
        let free = links.filter(|(other, _)| group[**other as usize] == NONE);
        candidates.extend(free.map(|(&other, &weight)| {
            // Of equal links the one to the lighter node: groups stay of one size.
            (weight / level.mass[other as usize], other)
        }));
        if candidates.is_empty() && level.links.degree(node) > 0 {
            let at = dice.below(level.links.degree(node) as usize);
            let known = level.links.neighbours(node)[at] as usize;
            let (siblings, joined) = &mut siblings[known];
            if *joined == 0 {
                (*siblings, *joined) = (groups, MOST_TAKEN);
                groups += 1;
            } else {
                *joined -= 1;
            }
            group[node as usize] = *siblings;
            continue;
        }
        if candidates.len() > MOST_TAKEN {
            candidates.select_nth_unstable_by(MOST_TAKEN - 1, |a, b| {
                b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
            });
            candidates.truncate(MOST_TAKEN);
        }
        group[node as usize] = groups;
        for (_, other) in &candidates {
            group[*other as usize] = groups;
        }
        groups += 1;
    }
    (group, groups as usize)
}

fn smaller(level: &Level, group: &[u32], groups: usize) -> Level {
    let mut mass = vec![0.0; groups];
    for (node, &of) in group.iter().enumerate() {
        mass[of as usize] += level.mass[node];
    }
    let mut pairs: Vec<(u32, u32, f32)> = Vec::new();
    for node in 0..level.links.len() as u32 {
        let from = group[node as usize];
        for (&other, &weight) in level.links.neighbours(node).iter().zip(level.links.weights(node))
        {
            let to = group[other as usize];
            if from < to {
                pairs.push((from, to, weight));
            }
        }
    }
    pairs.sort_unstable_by_key(|&(from, to, _)| (from, to));
    pairs.dedup_by(|next, first| {
        let same = (next.0, next.1) == (first.0, first.1);
        if same {
            first.2 += next.2;
        }
        same
    });
    let links = Links::from_pairs(groups, pairs.iter().copied());
    Level { links, mass, group: Vec::new() }
}
