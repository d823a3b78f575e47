//! Whether twins are of a model, remembered by the number of their model.

use std::cell::RefCell;
use twin_graph::{Kind, TwinGraph};

/// What is known of each model that was asked for: by the number of a twin's model, whether it is one.
#[derive(Default)]
pub(crate) struct ModelMemo(RefCell<Vec<Known>>);

struct Known {
    /// Where the condition's text stands: two conditions never share it.
    asked: *const u8,
    exact: bool,
    is: Vec<Option<bool>>,
}

impl ModelMemo {
    /// Whether twins of `kind` are of `model`, by inheritance unless `exact`.
    pub(crate) fn is(&self, graph: &TwinGraph, kind: Kind, model: &str, exact: bool) -> bool {
        let mut known = self.0.borrow_mut();
        let asked = model.as_ptr();
        let place = known.iter().position(|known| known.asked == asked && known.exact == exact);
        let place = place.unwrap_or_else(|| {
            known.push(Known { asked, exact, is: Vec::new() });
            known.len() - 1
        });
        let is = &mut known[place].is;
        if is.len() <= kind.index() {
            is.resize(kind.index() + 1, None);
        }
        *is[kind.index()].get_or_insert_with(|| is_of_model(graph, kind, model, exact))
    }
}

/// Whether twins of `kind` are of `model`.
pub(crate) fn is_of_model(graph: &TwinGraph, kind: Kind, model: &str, exact: bool) -> bool {
    graph
        .model_of(kind)
        .is_some_and(|dtmi| **dtmi == *model || (!exact && graph.models().is_a(dtmi, model)))
}
