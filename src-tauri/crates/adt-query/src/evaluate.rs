//! Whether a row fits a condition. `None` is SQL's unknown: neither true nor false.

use crate::engine::ModelMemo;
use crate::item::Item;
use crate::language::syntax::{
    Comparison, Condition, Literal, Operand, Path, Test, TextTest, Variable,
};
use crate::value::Seen;
use petgraph::graph::NodeIndex;
use serde_json::Value;
use std::cmp::Ordering;
use twin_graph::TwinGraph;

/// A row to be judged: what its variables are bound to. Only bound ones may be read.
#[derive(Clone, Copy)]
pub(crate) struct Row<'r, 'g> {
    pub(crate) graph: &'g TwinGraph,
    pub(crate) variables: &'r [Variable],
    /// By variable: the place of its twin or relationship.
    pub(crate) bound: &'r [u32],
    pub(crate) memo: &'r ModelMemo,
}

impl<'r, 'g: 'r> Row<'r, 'g> {
    /// The document of a variable.
    pub(crate) fn item(self, variable: usize) -> Option<Item<'g>> {
        Item::at(self.graph, self.variables.get(variable)?.kind, *self.bound.get(variable)?)
    }

    /// What stands at a path.
    pub(crate) fn look_up(self, path: &Path) -> Seen<'g> {
        self.item(path.variable).map_or(Seen::Absent, |item| item.look_up(&path.names))
    }

    fn see(self, operand: &'r Operand) -> Seen<'r> {
        match operand {
            Operand::Path(path) => self.look_up(path),
            Operand::Literal(literal) => Seen::of_literal(literal),
        }
    }

    /// Whether the row is one of the answer's: unknown is no.
    pub(crate) fn fits(self, condition: &'r Condition) -> bool {
        self.holds(condition) == Some(true)
    }

    fn holds(self, condition: &'r Condition) -> Option<bool> {
        match condition {
            Condition::And(parts) => self.decided(parts, false),
            Condition::Or(parts) => self.decided(parts, true),
            Condition::Not(inner) => self.holds(inner).map(|value| !value),
            Condition::Compare { left, operator, right } => {
                compare(&self.see(left), *operator, &self.see(right))
            }
            Condition::In { operand, list, negated } => {
                judge(&self.see(operand), &Tested::In(list, *negated))
            }
            Condition::OfModel { variable, model, exact } => {
                Some(self.is_of_model(*variable, model, *exact))
            }
            Condition::Is { test, operand } => Some(is(*test, &self.see(operand))),
            Condition::Text { test, text, part } => {
                test_text(*test, &self.see(text), &self.see(part))
            }
            Condition::ArrayContains { array, element } => {
                let element = Seen::of_literal(element);
                match self.look_up(array) {
                    Seen::Absent => None,
                    Seen::Json(Value::Array(items)) => {
                        Some(items.iter().any(|item| Seen::of_json(item).equals(&element)))
                    }
                    _ => Some(false),
                }
            }
        }
    }

    /// AND is decided by a false, OR by a true; else it is unknown where a part is.
    fn decided(self, parts: &'r [Condition], by: bool) -> Option<bool> {
        let mut known = Some(!by);
        for part in parts {
            match self.holds(part) {
                Some(value) if value == by => return Some(by),
                Some(_) => {}
                None => known = None,
            }
        }
        known
    }

    fn is_of_model(self, variable: usize, model: &str, exact: bool) -> bool {
        let node = self.bound.get(variable).map(|place| NodeIndex::new(*place as usize));
        let kind = node.and_then(|node| self.graph.kind_of(node));
        kind.is_some_and(|kind| self.memo.is(self.graph, kind, model, exact))
    }
}

/// A test of one value.
pub(crate) enum Tested<'q> {
    Compare(Comparison, &'q Literal),
    /// In the list; not in it where `true`.
    In(&'q [Literal], bool),
    Is(Test),
    Text(TextTest, &'q Literal),
}

impl Tested<'_> {
    /// Whether it looks at the characters of a text.
    pub(crate) fn reads_text(&self) -> bool {
        let is_text = |literal: &Literal| literal.value.is_string();
        match self {
            Self::Compare(_, literal) => is_text(literal),
            Self::In(list, _) => list.iter().any(is_text),
            Self::Is(_) => false,
            Self::Text(..) => true,
        }
    }
}

/// Whether a value passes a test; unknown where there is no value.
pub(crate) fn judge(seen: &Seen<'_>, tested: &Tested<'_>) -> Option<bool> {
    match tested {
        Tested::Compare(operator, literal) => compare(seen, *operator, &Seen::of_literal(literal)),
        Tested::In(list, negated) => {
            let found = || list.iter().any(|item| seen.equals(&Seen::of_literal(item)));
            (!seen.is_absent()).then(|| found() != *negated)
        }
        Tested::Is(test) => Some(is(*test, seen)),
        Tested::Text(test, part) => test_text(*test, seen, &Seen::of_literal(part)),
    }
}

fn compare(left: &Seen<'_>, operator: Comparison, right: &Seen<'_>) -> Option<bool> {
    if left.is_absent() || right.is_absent() {
        return None;
    }
    match operator {
        Comparison::Equal => Some(left.equals(right)),
        Comparison::NotEqual => Some(!left.equals(right)),
        Comparison::Less => left.order(right).map(Ordering::is_lt),
        Comparison::LessOrEqual => left.order(right).map(Ordering::is_le),
        Comparison::Greater => left.order(right).map(Ordering::is_gt),
        Comparison::GreaterOrEqual => left.order(right).map(Ordering::is_ge),
    }
}

fn is(test: Test, seen: &Seen<'_>) -> bool {
    let json = seen.json();
    match test {
        Test::Defined => !seen.is_absent(),
        Test::Null => json.is_some_and(Value::is_null),
        Test::Bool => json.is_some_and(Value::is_boolean),
        Test::Number => json.is_some_and(Value::is_number),
        Test::String => seen.is_text(),
        Test::Object => json.is_some_and(Value::is_object),
        // "Boolean, string, number or null", says the documentation.
        Test::Primitive => {
            seen.is_text() || json.is_some_and(|value| !value.is_object() && !value.is_array())
        }
    }
}

fn test_text(test: TextTest, text: &Seen<'_>, part: &Seen<'_>) -> Option<bool> {
    if text.is_absent() || part.is_absent() {
        return None;
    }
    let tested = text.with_text(|text| {
        part.with_text(|part| match test {
            TextTest::Starts => text.starts_with(part),
            TextTest::Ends => text.ends_with(part),
            TextTest::Contains => text.contains(part),
        })
    });
    Some(tested.flatten().unwrap_or(false))
}
