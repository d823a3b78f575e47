//! Work on many things at once, in order where the order counts.

use futures::{StreamExt, stream};
use indexmap::IndexMap;
use std::hash::Hash;

/// How many keys are worked on side by side.
const SIDE_BY_SIDE: usize = 64;

/// Works on items in their order for each key; keys side by side, so that what they write shares
/// a commit. Answers what became of each, in the order of the items.
pub(crate) async fn in_order<K, T, R, F, W>(
    items: impl IntoIterator<Item = (K, T)>,
    work: F,
) -> Vec<R>
where
    K: Eq + Hash,
    F: Fn(T) -> W,
    W: Future<Output = R>,
{
    let mut by_key: IndexMap<K, Vec<(usize, T)>> = IndexMap::new();
    for (index, (key, item)) in items.into_iter().enumerate() {
        by_key.entry(key).or_default().push((index, item));
    }
    let work = &work;
    let mut done: Vec<(usize, R)> = stream::iter(by_key.into_values())
        .map(|items| async move {
            let mut done = Vec::with_capacity(items.len());
            for (index, item) in items {
                done.push((index, work(item).await));
            }
            stream::iter(done)
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .flatten()
        .collect()
        .await;
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[tokio::test]
    async fn in_order_for_each_key_and_side_by_side() {
        let seen = Mutex::new(Vec::new());
        let items = [("a", 1), ("b", 2), ("a", 3), ("b", 4)];
        let answers = in_order(items, |number| {
            let seen = &seen;
            async move {
                // The first of «a» waits until the first of «b» was there.
                while number == 1 && !seen.lock().contains(&2) {
                    tokio::task::yield_now().await;
                }
                seen.lock().push(number);
                number * 10
            }
        })
        .await;
        assert_eq!(answers, [10, 20, 30, 40]);
        let seen = seen.into_inner();
        let at = |number| seen.iter().position(|n| *n == number);
        assert!(at(1) < at(3) && at(2) < at(4), "{seen:?}");
    }
}
