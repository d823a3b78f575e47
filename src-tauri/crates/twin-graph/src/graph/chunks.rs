//! Copy-on-write vectors: a version of one is a few pointers, and writing to one copies only the
//! leaf that it touches, and only while another version still shares it.

use std::sync::Arc;

/// Places of one leaf. Small, because a leaf that is shared with an older version is copied whole.
pub(crate) const LEAF: usize = 64;
/// Leaves of one branch.
const BRANCH: usize = 64;

#[derive(Clone)]
pub(crate) struct Leaf<T> {
    /// The newest version at which one of its places changed.
    pub(crate) newest: u64,
    pub(crate) places: [T; LEAF],
}

#[derive(Clone)]
struct Branch<T> {
    newest: u64,
    leaves: [Arc<Leaf<T>>; BRANCH],
}

/// A vector in leaves of [`LEAF`] places, whose clone shares all of them.
#[derive(Clone)]
pub(crate) struct Chunks<T> {
    branches: Vec<Arc<Branch<T>>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { branches: Vec::new(), len: 0 }
    }
}

impl<T> Chunks<T> {
    /// How many places there are, empty ones too.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        let leaf = self.branches.get(index / LEAF / BRANCH)?.leaves.get(index / LEAF % BRANCH)?;
        leaf.places.get(index % LEAF).filter(|_| index < self.len)
    }

    /// The leaves that changed after a version (all for `None`), each with the index of its first
    /// place. Branches that did not change are passed over as a whole.
    pub(crate) fn leaves(&self, after: Option<u64>) -> impl Iterator<Item = (usize, &Leaf<T>)> {
        let changed = move |newest: u64| after.is_none_or(|after| newest > after);
        let branches = self.branches.iter().enumerate();
        let branches = branches.filter(move |(_, branch)| changed(branch.newest));
        let leaves = branches.flat_map(|(at, branch)| {
            branch.leaves.iter().enumerate().map(move |(leaf, leaves)| (at * BRANCH + leaf, leaves))
        });
        leaves
            .map(|(at, leaf)| (at * LEAF, &**leaf))
            .take_while(|(first, _)| *first < self.len)
            .filter(move |(_, leaf)| changed(leaf.newest))
    }
}

impl<T: Clone + Default> Chunks<T> {
    /// Adds an empty place at the end, and answers its index.
    pub(crate) fn push(&mut self) -> usize {
        if self.len == self.branches.len() * BRANCH * LEAF {
            // One empty leaf stands for all that are not written yet.
            let leaf = Arc::new(Leaf { newest: 0, places: std::array::from_fn(|_| T::default()) });
            let leaves = std::array::from_fn(|_| leaf.clone());
            self.branches.push(Arc::new(Branch { newest: 0, leaves }));
        }
        self.len += 1;
        self.len - 1
    }

    /// A place to write to, which counts as changed at `version`; `None` beyond the end.
    pub(crate) fn change(&mut self, index: usize, version: u64) -> Option<&mut T> {
        if index >= self.len {
            return None;
        }
        let branch = Arc::make_mut(self.branches.get_mut(index / LEAF / BRANCH)?);
        branch.newest = branch.newest.max(version);
        let leaf = Arc::make_mut(branch.leaves.get_mut(index / LEAF % BRANCH)?);
        leaf.newest = leaf.newest.max(version);
        leaf.places.get_mut(index % LEAF)
    }
}
