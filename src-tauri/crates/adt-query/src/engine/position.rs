//! Where a page ended.

use serde::{Deserialize, Serialize};

/// Where a page ended, for the next one to go on. It holds for its query and its graph while the
/// program runs (and `GraphView::replace` was not called); who hands it out sees to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The variable that rows are found from: the order of rows depends on it.
    #[serde(rename = "v")]
    pub(super) anchor: usize,
    /// The place of the last row in the order of each level.
    #[serde(rename = "a")]
    pub(super) at: Vec<u32>,
    /// The graph's version of the first page.
    #[serde(rename = "s")]
    pub(super) since: u64,
    /// How many rows were answered until there: `TOP(n)` holds over all pages.
    #[serde(rename = "r")]
    pub(super) returned: u64,
}
