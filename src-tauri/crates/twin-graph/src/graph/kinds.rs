//! Models and relationship names as small numbers, and how often each is used.

use std::collections::HashMap;
use std::sync::Arc;

/// The model of a twin, or the name of a relationship, as a small number: the same one in all
/// versions of a graph. Another graph (a remote instance's that was loaded anew) has others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub(crate) u32);

impl Kind {
    /// The number: dense, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Default)]
struct Known {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

/// The kinds that were ever used, how many there are of each, and one place of it.
#[derive(Clone, Default)]
pub(crate) struct Kinds {
    known: Arc<Known>,
    used: Arc<Vec<Used>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) count: u32,
    /// The first place in the chain of this kind.
    pub(crate) first: u32,
}

impl Kinds {
    pub(crate) fn number(&self, name: &str) -> Option<Kind> {
        self.known.numbers.get(name).map(|&number| Kind(number))
    }

    pub(crate) fn name(&self, kind: Kind) -> Option<&Arc<str>> {
        self.known.names.get(kind.index())
    }

    /// The number of a name, a new one where it was never used.
    pub(crate) fn intern(&mut self, name: &Arc<str>) -> Kind {
        if let Some(known) = self.number(name) {
            return known;
        }
        let number = u32::try_from(self.known.names.len()).unwrap_or(u32::MAX);
        let known = Arc::make_mut(&mut self.known);
        known.numbers.insert(name.clone(), number);
        known.names.push(name.clone());
        Arc::make_mut(&mut self.used).push(Used { count: 0, first: u32::MAX });
        Kind(number)
    }

    pub(crate) fn used(&self, kind: Kind) -> Option<Used> {
        self.used.get(kind.index()).copied()
    }

    pub(crate) fn change(&mut self, kind: Kind) -> Option<&mut Used> {
        Arc::make_mut(&mut self.used).get_mut(kind.index())
    }

    /// Those in use, in the order of their numbers, with how many there are of each.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = (Kind, &Arc<str>, usize)> {
        let numbered = (0..).map(Kind).zip(&self.known.names).zip(&*self.used);
        numbered
            .filter(|(_, used)| used.count > 0)
            .map(|((kind, name), used)| (kind, name, used.count as usize))
    }
}
