//! A short list of named things, in the room that it needs and no more.

use crate::PropertyValue;
use crate::names::shared;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Things by name, in the order in which they were put. Two lists are equal whatever that order.
#[derive(Clone, Debug)]
pub struct Named<T>(Box<[(Arc<str>, T)]>);

/// The properties of a relationship.
pub type Properties = Named<PropertyValue>;

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Named<T> {
    /// A list whose names are shared already.
    pub(crate) fn of(list: impl IntoIterator<Item = (Arc<str>, T)>) -> Self {
        Self(list.into_iter().collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// All of them, in order, to be changed.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&Arc<str>, &mut T)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    /// Their names, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.0.iter().map(|(name, _)| name)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| **known == *name)
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.get(self.position(name)?).map(|(_, value)| value)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let at = self.position(name)?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is one of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Puts one in the place of that of its name, or at the end; answers what was there.
    pub fn insert(&mut self, name: &str, value: T) -> Option<T> {
        if let Some(known) = self.get_mut(name) {
            return Some(std::mem::replace(known, value));
        }
        self.change(|list| list.push((shared(name), value)));
        None
    }

    /// Takes one away; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        let at = self.position(name)?;
        Some(self.change(|list| list.remove(at)).1)
    }

    /// Orders them by name.
    pub(crate) fn sort(&mut self) {
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut Vec<(Arc<str>, T)>) -> R) -> R {
        let mut list = std::mem::take(&mut self.0).into_vec();
        list.reserve_exact(1);
        let done = change(&mut list);
        self.0 = list.into_boxed_slice();
        done
    }
}

impl<T: PartialEq> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, value): (&Arc<str>, &T)| other.get(name) == Some(value);
        self.len() == other.len() && self.iter().all(same)
    }
}

/// The names must differ, as those of a JSON object do.
impl<N: AsRef<str>, T> FromIterator<(N, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(list: I) -> Self {
        Self(list.into_iter().map(|(name, value)| (shared(name.as_ref()), value)).collect())
    }
}

impl<'a, T> IntoIterator for &'a Named<T> {
    type Item = (&'a Arc<str>, &'a T);
    type IntoIter = std::iter::Map<
        std::slice::Iter<'a, (Arc<str>, T)>,
        fn(&'a (Arc<str>, T)) -> (&'a Arc<str>, &'a T),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl Properties {
    /// As members of a JSON object.
    pub fn to_map(&self) -> Map<String, Value> {
        self.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect()
    }
}

impl From<Map<String, Value>> for Properties {
    fn from(map: Map<String, Value>) -> Self {
        map.into_iter().map(|(name, value)| (name, value.into())).collect()
    }
}
