//! Finding twins by id, name or model.

use super::{model_name, name_of};
use crate::wire::SearchHit;
use std::collections::HashSet;
use std::sync::Arc;
use twin_graph::{Twin, TwinGraph};

/// Twins whose id, name or model's name contains `text`, the best first, and how many in all.
pub(crate) fn search(graph: &TwinGraph, text: &str, limit: usize) -> (Vec<SearchHit>, usize) {
    let wanted = text.trim().to_lowercase();
    if wanted.is_empty() {
        return (Vec::new(), 0);
    }
    let mut found: Vec<(u8, SearchHit)> = graph
        .twins()
        .filter_map(|twin| {
            let model = model_name(graph.models(), &twin.model);
            let name = name_of(twin);
            let rank = rank(&wanted, &twin.id, name, &model)?;
            Some((
                rank,
                SearchHit { id: twin.id.to_string(), name: name.map(str::to_owned), model },
            ))
        })
        .collect();
    found.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.id.cmp(&other.id)));
    let total = found.len();
    (found.into_iter().take(limit).map(|(_, hit)| hit).collect(), total)
}

/// Twins whose id, name or model's name contains `text`, in no order.
pub(crate) fn search_matches<'g>(
    graph: &'g TwinGraph,
    text: &str,
) -> impl Iterator<Item = &'g Arc<Twin>> {
    let wanted = text.trim().to_lowercase();
    let contains = move |text: &str| text.to_lowercase().contains(&wanted);
    let models = graph.models_in_use().map(|(_, model, _)| model);
    let models = models.filter(|model| contains(&model_name(graph.models(), model)));
    let models: HashSet<&str> = models.map(|model| &**model).collect();
    graph.twins().filter(move |twin| {
        models.contains(&*twin.model) || contains(&twin.id) || name_of(twin).is_some_and(&contains)
    })
}

fn rank(wanted: &str, id: &str, name: Option<&str>, model: &str) -> Option<u8> {
    let id = id.to_lowercase();
    let name = name.unwrap_or_default().to_lowercase();
    let ranks = [
        id == wanted,
        id.starts_with(wanted),
        name.starts_with(wanted),
        id.contains(wanted) || name.contains(wanted),
        model.to_lowercase().contains(wanted),
    ];
    ranks.iter().zip(0..).find_map(|(&holds, rank)| holds.then_some(rank))
}
