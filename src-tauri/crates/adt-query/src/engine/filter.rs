//! Conditions over columns: the truth of 64 places at a time.

use super::chunk::{Chunk, Type, WIDTH, WORD, float_of};
use super::columns::{Column, Key};
use super::models::ModelMemo;
use crate::evaluate::{Tested, judge};
use crate::item::Item;
use crate::language::syntax::{Comparison, Condition, Kind, Operand, Path};
use crate::value::Seen;
use petgraph::graph::{EdgeIndex, NodeIndex};
use serde_json::{Map, Value};
use std::sync::Arc;
use twin_graph::TwinGraph;

/// A condition on one variable that columns can answer.
pub(super) enum Filter<'q> {
    All(Vec<Filter<'q>>),
    Any(Vec<Filter<'q>>),
    Not(Box<Filter<'q>>),
    Model { model: &'q str, exact: bool },
    Leaf(Leaf<'q>),
}

/// A test of one property.
pub(super) struct Leaf<'q> {
    /// Its place among the keys.
    column: usize,
    path: &'q [String],
    tested: Tested<'q>,
    /// By type: the types whose places all pass, and those whose places all fail.
    passing: u16,
    failing: u16,
    numbers: Numbers,
}

/// What the test is of a number.
enum Numbers {
    Compare(Comparison, f64),
    OneOf(Vec<f64>),
    NoneOf(Vec<f64>),
    /// The same for each: in `passing` and `failing`.
    Same,
    /// Only the document tells.
    Document,
}

/// What a filter reads.
pub(super) struct Source<'s> {
    pub(super) graph: &'s TwinGraph,
    pub(super) kind: Kind,
    /// By the place of their keys.
    pub(super) columns: &'s [Arc<Column>],
    pub(super) memo: &'s ModelMemo,
}

impl<'q> Filter<'q> {
    /// The filter of a condition about the one variable that it has; `None` where it compares one
    /// property with another, or looks into an array. `keys` takes the columns that it reads.
    pub(super) fn of(condition: &'q Condition, kind: Kind, keys: &mut Vec<Key>) -> Option<Self> {
        let parts = |parts: &'q [Condition], keys: &mut Vec<Key>| {
            parts.iter().map(|part| Self::of(part, kind, keys)).collect::<Option<Vec<_>>>()
        };
        Some(match condition {
            Condition::And(list) => Self::All(parts(list, keys)?),
            Condition::Or(list) => Self::Any(parts(list, keys)?),
            Condition::Not(inner) => Self::Not(Box::new(Self::of(inner, kind, keys)?)),
            Condition::OfModel { model, exact, .. } => Self::Model { model, exact: *exact },
            Condition::ArrayContains { .. } => return None,
            Condition::Compare { left, operator, right } => match (left, right) {
                (Operand::Path(path), Operand::Literal(literal)) => {
                    leaf(path, Tested::Compare(*operator, literal), kind, keys)?
                }
                (Operand::Literal(literal), Operand::Path(path)) => {
                    leaf(path, Tested::Compare(operator.flipped(), literal), kind, keys)?
                }
                _ => return None,
            },
            Condition::In { operand: Operand::Path(path), list, negated } => {
                leaf(path, Tested::In(list, *negated), kind, keys)?
            }
            Condition::Is { test, operand: Operand::Path(path) } => {
                leaf(path, Tested::Is(*test), kind, keys)?
            }
            Condition::Text { test, text: Operand::Path(path), part: Operand::Literal(part) } => {
                leaf(path, Tested::Text(*test, part), kind, keys)?
            }
            _ => return None,
        })
    }

    /// Of the places in `mask`, those where the condition is true (or false, for `!want`).
    pub(super) fn places(&self, source: &Source<'_>, word: usize, mask: u64, want: bool) -> u64 {
        match self {
            Self::All(parts) if want => every(parts, source, word, mask, true),
            Self::All(parts) => some(parts, source, word, mask, false),
            Self::Any(parts) if want => some(parts, source, word, mask, true),
            Self::Any(parts) => every(parts, source, word, mask, false),
            Self::Not(inner) => inner.places(source, word, mask, !want),
            Self::Model { model, exact } => bits(mask, |bit| {
                let kind = source.graph.kind_of(NodeIndex::new(word * WORD + bit));
                kind.is_some_and(|kind| source.memo.is(source.graph, kind, model, *exact) == want)
            }),
            Self::Leaf(leaf) => leaf.places(source, word, mask, want),
        }
    }
}

fn every(parts: &[Filter<'_>], source: &Source<'_>, word: usize, mask: u64, want: bool) -> u64 {
    parts.iter().fold(mask, |mask, part| match mask {
        0 => 0,
        mask => part.places(source, word, mask, want),
    })
}

fn some(parts: &[Filter<'_>], source: &Source<'_>, word: usize, mask: u64, want: bool) -> u64 {
    parts.iter().fold(0, |found, part| match mask & !found {
        0 => found,
        rest => found | part.places(source, word, rest, want),
    })
}

fn leaf<'q>(
    path: &'q Path,
    tested: Tested<'q>,
    kind: Kind,
    keys: &mut Vec<Key>,
) -> Option<Filter<'q>> {
    // A whole document has no column.
    if path.names.is_empty() {
        return None;
    }
    let key = Key { kind, path: path.names.clone() };
    let column = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
        keys.push(key);
        keys.len() - 1
    });
    let (empty, nothing) = (Value::Array(Vec::new()), Value::Object(Map::new()));
    let representatives = [
        (Type::Absent, Seen::Absent),
        (Type::Null, Seen::Json(&Value::Null)),
        (Type::False, Seen::Json(&Value::Bool(false))),
        (Type::True, Seen::Json(&Value::Bool(true))),
        (Type::Array, Seen::Json(&empty)),
        (Type::Object, Seen::Json(&nothing)),
    ];
    let (mut passing, mut failing) = (0, 0);
    let mut note = |of: Type, seen: &Seen<'_>| match judge(seen, &tested) {
        Some(true) => passing |= 1 << of as u16,
        Some(false) => failing |= 1 << of as u16,
        None => {}
    };
    representatives.iter().for_each(|(of, seen)| note(*of, seen));
    let numbers = Numbers::of(&tested);
    if matches!(numbers, Numbers::Same) {
        note(Type::Number, &Seen::Json(&Value::from(0)));
    }
    Some(Filter::Leaf(Leaf { column, path: &path.names, tested, passing, failing, numbers }))
}

impl Numbers {
    fn of(tested: &Tested<'_>) -> Self {
        let exactly = |value: &Value| match value {
            Value::Number(number) => Some(float_of(number)),
            _ => None,
        };
        match tested {
            Tested::Is(_) | Tested::Text(..) => Self::Same,
            Tested::Compare(operator, literal) => match exactly(&literal.value) {
                Some((float, true)) => Self::Compare(*operator, float),
                Some(_) => Self::Document,
                None => Self::Same,
            },
            Tested::In(list, negated) => {
                let numbers = list.iter().filter_map(|literal| exactly(&literal.value));
                let (floats, exact): (Vec<f64>, Vec<bool>) = numbers.unzip();
                match (exact.iter().all(|exact| *exact), negated) {
                    (false, _) => Self::Document,
                    (true, false) => Self::OneOf(floats),
                    (true, true) => Self::NoneOf(floats),
                }
            }
        }
    }

    /// The numbers for which the test is `want`. Meaningless where there is no number.
    fn places(&self, numbers: &[f64], want: bool) -> u64 {
        match self {
            Self::Compare(operator, with) => {
                let with = *with;
                match (operator, want) {
                    (Comparison::Equal, true) | (Comparison::NotEqual, false) => {
                        pack(numbers, |number| number == with)
                    }
                    (Comparison::Equal, false) | (Comparison::NotEqual, true) => {
                        pack(numbers, |number| number != with)
                    }
                    (Comparison::Less, true) | (Comparison::GreaterOrEqual, false) => {
                        pack(numbers, |number| number < with)
                    }
                    (Comparison::LessOrEqual, true) | (Comparison::Greater, false) => {
                        pack(numbers, |number| number <= with)
                    }
                    (Comparison::Greater, true) | (Comparison::LessOrEqual, false) => {
                        pack(numbers, |number| number > with)
                    }
                    (Comparison::GreaterOrEqual, true) | (Comparison::Less, false) => {
                        pack(numbers, |number| number >= with)
                    }
                }
            }
            Self::OneOf(list) => pack(numbers, |number| list.contains(&number) == want),
            Self::NoneOf(list) => pack(numbers, |number| list.contains(&number) != want),
            Self::Same | Self::Document => 0,
        }
    }

    /// Whether a comparison for `want` is false of what is no number.
    fn excludes_others(&self, want: bool) -> bool {
        matches!(
            (self, want),
            (Self::Compare(Comparison::Equal, _), true)
                | (Self::Compare(Comparison::NotEqual, _), false)
                | (
                    Self::Compare(
                        Comparison::Less
                            | Comparison::LessOrEqual
                            | Comparison::Greater
                            | Comparison::GreaterOrEqual,
                        _
                    ),
                    _
                )
        )
    }
}

impl Leaf<'_> {
    fn places(&self, source: &Source<'_>, word: usize, mask: u64, want: bool) -> u64 {
        let column = &source.columns[self.column];
        let Some(chunk) = column.chunks.get(word * WORD / WIDTH) else { return 0 };
        let inner = word % (WIDTH / WORD);
        let same = if want { self.passing } else { self.failing };
        // The usual case: a number is compared, and nothing else can fit.
        let only_numbers =
            same == 0 && self.numbers.excludes_others(want) && !self.tested.reads_text();
        if let Some(numbers) = chunk.numbers(inner).filter(|_| only_numbers) {
            return mask & self.numbers.places(numbers, want);
        }
        let types = chunk.types(inner);
        let mut found = match same {
            0 => 0,
            same => pack(types, |of| same >> of as u16 & 1 == 1),
        };
        if chunk.has_numbers() && !matches!(self.numbers, Numbers::Same) {
            let are = pack(types, |of| of == Type::Number);
            found |= match chunk.numbers(inner) {
                Some(numbers) if !matches!(self.numbers, Numbers::Document) => {
                    are & self.numbers.places(numbers, want)
                }
                _ => bits(are & mask, |bit| {
                    let seen = document_value(source, word * WORD + bit, self.path);
                    seen.is_some_and(|seen| judge(&seen, &self.tested) == Some(want))
                }),
            };
        }
        (found & mask) | self.texts(chunk, word, inner, mask, want)
    }

    fn texts(&self, chunk: &Chunk, word: usize, inner: usize, mask: u64, want: bool) -> u64 {
        let types = chunk.types(inner);
        let texts = pack(types, |of| matches!(of, Type::Text | Type::Time));
        bits(texts & mask, |bit| {
            let seen = chunk.seen(word * WORD % WIDTH + bit);
            seen.is_some_and(|seen| judge(&seen, &self.tested) == Some(want))
        })
    }
}

fn document_value<'s>(source: &Source<'s>, place: usize, path: &[String]) -> Option<Seen<'s>> {
    let item = match source.kind {
        Kind::Twin => Item::Twin(source.graph.twin_at(NodeIndex::new(place))?),
        Kind::Relationship => {
            Item::Relationship(source.graph.relationship_at(EdgeIndex::new(place))?)
        }
    };
    Some(item.look_up(path))
}

/// The bits of `mask` for which `holds`.
fn bits(mask: u64, holds: impl Fn(usize) -> bool) -> u64 {
    let (mut rest, mut found) = (mask, 0);
    while rest != 0 {
        let bit = rest.trailing_zeros();
        rest &= rest - 1;
        found |= u64::from(holds(bit as usize)) << bit;
    }
    found
}

/// A bit for each of 64 values. Bytes first, which the compiler does many at a time.
fn pack<T: Copy>(values: &[T], holds: impl Fn(T) -> bool) -> u64 {
    let mut bytes = [0_u8; WORD];
    for (byte, value) in bytes.iter_mut().zip(values) {
        *byte = u8::from(holds(*value));
    }
    bytes.chunks_exact(8).enumerate().fold(0, |word, (at, eight)| {
        let mut eight_bytes = [0; 8];
        eight_bytes.copy_from_slice(eight);
        let packed = u64::from_le_bytes(eight_bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word | packed << (at * 8)
    })
}
