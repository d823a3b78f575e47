//! What changed on the drawing, and at which revision.

use std::collections::VecDeque;

/// Touches remembered for pages that are behind; with more, starting over is cheaper.
const MOST: usize = 1 << 18;

/// Something that the page must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// Id, kind, name or parent of the twin in a row.
    Twin(u32),
    /// Its place.
    Place(u32),
    /// Its value.
    Value(u32),
    /// A row of twins was freed.
    TwinGone(u32),
    /// A relationship.
    Edge(u32),
    /// A row of relationships was freed.
    EdgeGone(u32),
    /// The places of all twins.
    Places,
    /// The values of all twins.
    Values,
    Kinds,
    Names,
    Frames,
}

/// The touches in order. A revision is a group of touches that are told together.
#[derive(Default)]
pub(super) struct Touches {
    log: VecDeque<(u64, Touch)>,
    revision: u64,
    /// Pages with a revision before this one start over.
    oldest: u64,
}

/// All touches since a revision, each once, ascending.
#[derive(Default)]
pub(super) struct Touched {
    pub(super) twins: Vec<u32>,
    pub(super) places: Vec<u32>,
    pub(super) values: Vec<u32>,
    pub(super) twins_gone: Vec<u32>,
    pub(super) edges: Vec<u32>,
    pub(super) edges_gone: Vec<u32>,
    pub(super) all_places: bool,
    pub(super) all_values: bool,
    pub(super) kinds: bool,
    pub(super) names: bool,
    pub(super) frames: bool,
}

impl Touches {
    /// The latest revision.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Begins a revision; what is added belongs to it.
    pub(super) fn begin(&mut self) {
        self.revision += 1;
    }

    pub(super) fn add(&mut self, touch: Touch) {
        if self.log.back() == Some(&(self.revision, touch)) {
            return;
        }
        if self.log.len() == MOST
            && let Some((revision, _)) = self.log.pop_front()
        {
            self.oldest = revision;
        }
        self.log.push_back((self.revision, touch));
    }

    /// Everybody starts over.
    pub(super) fn forget(&mut self) {
        self.begin();
        self.log.clear();
        self.oldest = self.revision;
    }

    /// `None` where the page has to start over.
    pub(super) fn since(&self, revision: u64) -> Option<Touched> {
        if revision < self.oldest || revision > self.revision {
            return None;
        }
        let from = self.log.partition_point(|(of, _)| *of <= revision);
        let mut touched = Touched::default();
        for (_, touch) in self.log.range(from..) {
            match *touch {
                Touch::Twin(row) => touched.twins.push(row),
                Touch::Place(row) => touched.places.push(row),
                Touch::Value(row) => touched.values.push(row),
                Touch::TwinGone(row) => touched.twins_gone.push(row),
                Touch::Edge(row) => touched.edges.push(row),
                Touch::EdgeGone(row) => touched.edges_gone.push(row),
                Touch::Places => touched.all_places = true,
                Touch::Values => touched.all_values = true,
                Touch::Kinds => touched.kinds = true,
                Touch::Names => touched.names = true,
                Touch::Frames => touched.frames = true,
            }
        }
        let lists = [
            &mut touched.twins,
            &mut touched.places,
            &mut touched.values,
            &mut touched.twins_gone,
            &mut touched.edges,
            &mut touched.edges_gone,
        ];
        for list in lists {
            list.sort_unstable();
            list.dedup();
        }
        Some(touched)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_is_told_what_came_after_its_revision() {
        let mut touches = Touches::default();
        touches.begin();
        touches.add(Touch::Twin(3));
        touches.begin();
        for row in [7, 3, 7] {
            touches.add(Touch::Value(row));
        }
        touches.add(Touch::Kinds);
        let told = touches.since(1).unwrap();
        assert_eq!((told.twins, told.values, told.kinds), (vec![], vec![3, 7], true));
        assert_eq!(touches.since(0).unwrap().twins, [3]);
        assert!(touches.since(2).unwrap().values.is_empty());
        assert!(touches.since(3).is_none(), "a revision that never was");
    }

    #[test]
    fn a_page_too_far_behind_starts_over() {
        let mut touches = Touches::default();
        for row in 0..MOST as u32 + 2 {
            touches.begin();
            touches.add(Touch::Value(row));
        }
        assert!(touches.since(1).is_none());
        assert_eq!(touches.since(2).unwrap().values.len(), MOST);
        touches.forget();
        assert!(touches.since(touches.revision() - 1).is_none());
        assert!(touches.since(touches.revision()).unwrap().values.is_empty());
    }
}
