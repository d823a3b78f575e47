//! Queries that are behind, as the service's are: its query index follows writes by seconds.

use adt_service::GraphView;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use twin_graph::TwinGraph;

/// The least time between two versions that are kept.
const STEP: Duration = Duration::from_millis(250);
/// The most versions that are kept.
const MOST: u32 = 100;

/// The last versions of a graph, each with when it was taken. A version shares with the others all
/// that did not change between them.
pub(crate) struct QueryLag {
    behind: Duration,
    versions: Mutex<VecDeque<(Instant, Arc<TwinGraph>)>>,
}

impl QueryLag {
    fn new(behind: Duration, now: Instant, graph: Arc<TwinGraph>) -> Self {
        Self { behind, versions: Mutex::new(VecDeque::from([(now, graph)])) }
    }

    /// Keeps versions of a graph from now on, by a thread that ends when nobody has the answer or the view any more.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(crate) fn follow(view: &Arc<GraphView>, behind: Duration) -> std::io::Result<Arc<Self>> {
        let lag = Arc::new(Self::new(behind, Instant::now(), view.read()));
        let (weak_lag, weak_view): (Weak<Self>, Weak<GraphView>) =
            (Arc::downgrade(&lag), Arc::downgrade(view));
        let step = STEP.max(behind / MOST);
        std::thread::Builder::new().name("query-lag".into()).spawn(move || {
            loop {
                std::thread::sleep(step);
                let (Some(lag), Some(view)) = (weak_lag.upgrade(), weak_view.upgrade()) else {
                    return;
                };
                lag.keep(Instant::now(), view.read());
            }
        })?;
        Ok(lag)
    }

    pub(crate) fn behind(&self) -> Duration {
        self.behind
    }

    fn keep(&self, now: Instant, graph: Arc<TwinGraph>) {
        let mut versions = self.versions.lock();
        if versions.back().is_none_or(|(_, last)| last.version() != graph.version()) {
            versions.push_back((now, graph));
        }
        self.let_go(&mut versions, now);
    }

    /// All but the newest that is old enough, and those after it.
    fn let_go(&self, versions: &mut VecDeque<(Instant, Arc<TwinGraph>)>, now: Instant) {
        let old_enough = |when: Instant| now.saturating_duration_since(when) >= self.behind;
        while versions.get(1).is_some_and(|(when, _)| old_enough(*when)) {
            versions.pop_front();
        }
    }

    /// The newest version that is as old as that; the oldest there is, soon after the start.
    pub(crate) fn graph(&self, now: Instant) -> Arc<TwinGraph> {
        let mut versions = self.versions.lock();
        self.let_go(&mut versions, now);
        versions.front().map(|(_, graph)| graph.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_as_old_as_was_asked_and_the_past_is_let_go_of() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let version =
            |version| Arc::new(TwinGraph::restore(version, &[], [], []).unwrap_or_default());
        let lag = QueryLag::new(Duration::from_secs(2), start, version(1));
        let mut seen = Vec::new();
        for step in 1..=40 {
            let now = at(step * 250);
            // It changes in the first five seconds.
            lag.keep(now, version(1 + step.min(20)));
            seen.push(lag.graph(now).version());
            assert!(lag.versions.lock().len() <= 9, "{}", lag.versions.lock().len());
        }
        assert_eq!(seen[..8], [1; 8]);
        assert_eq!(seen[8..28], (2..=21).collect::<Vec<_>>());
        assert_eq!(seen[28..], [21; 12]);
        assert_eq!(lag.versions.lock().len(), 1);
    }
}
