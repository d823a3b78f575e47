//! Names that many twins share are kept once.

use parking_lot::RwLock;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

/// Names kept at the most: whatever beyond is kept by each who uses it, so that names made up
/// without end do not fill the memory.
const MOST: usize = 65_536;
/// The longest name worth keeping; a DTMI has at most 2,048 characters, mostly far fewer.
const LONGEST: usize = 256;

/// A shared copy of a property's name, a relationship's name or a model's DTMI.
pub(crate) fn shared(name: &str) -> Arc<str> {
    static NAMES: LazyLock<RwLock<HashSet<Arc<str>>>> = LazyLock::new(RwLock::default);
    if let Some(known) = NAMES.read().get(name) {
        return known.clone();
    }
    if name.len() > LONGEST {
        return name.into();
    }
    let mut names = NAMES.write();
    match names.get(name) {
        Some(known) => known.clone(),
        None if names.len() >= MOST => name.into(),
        None => {
            let new: Arc<str> = name.into();
            names.insert(new.clone());
            new
        }
    }
}
