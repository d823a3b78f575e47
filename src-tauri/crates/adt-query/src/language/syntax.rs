//! The parsed form of a query.

pub(crate) use super::lexis::Comparison;
use adt_limits::Limit;
use serde_json::Value;
use std::ops::RangeInclusive;
use twin_graph::Timestamp;

/// A parsed query, checked: every name in it is resolved and every limit kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub(crate) select: Select,
    /// `TOP(n)`.
    pub(crate) top: Option<u64>,
    /// What a row binds. At least one.
    pub(crate) variables: Vec<Variable>,
    /// How the variables hang together, by JOIN or MATCH.
    pub(crate) links: Vec<Link>,
    /// `WHERE …`.
    pub(crate) condition: Option<Condition>,
    pub(crate) sizes: Sizes,
}

impl Query {
    /// How much of each limit it takes.
    pub fn sizes(&self) -> [(Limit, u64); 4] {
        let Sizes { characters, operators, list_items, joins } = self.sizes;
        [
            (Limit::QueryText, characters),
            (Limit::QueryOperators, operators),
            (Limit::QueryListItems, list_items),
            (Limit::QueryJoins, joins),
        ]
    }
}

/// What of a query is limited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) characters: u64,
    /// AND and OR.
    pub(crate) operators: u64,
    /// Of the longest list.
    pub(crate) list_items: u64,
    pub(crate) joins: u64,
}

/// What a row of the answer is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Select {
    /// `*` over one collection: the document as it is.
    Document,
    /// `COUNT()`.
    Count,
    /// Named parts of it. `*` of a MATCH is all its named variables.
    Columns(Vec<Column>),
}

/// One projected part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its name in the row.
    pub(crate) name: String,
    pub(crate) path: Path,
}

/// A twin or a relationship that a row binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its alias; an anonymous one has none.
    pub(crate) name: Option<String>,
    pub(crate) kind: Kind,
}

/// What a variable binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Twin,
    Relationship,
}

/// A relationship condition: `JOIN to RELATED from.name relationship`, or
/// `(from)-[relationship:name|…*hops]->(to)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// What the one hop binds; nothing where there may be more hops.
    pub(crate) relationship: Option<usize>,
    /// One of these; any where empty.
    pub(crate) names: Vec<String>,
    pub(crate) direction: Direction,
    /// Both ends inclusive, at least 1. Empty where the text's range is (`*3..3`).
    pub(crate) hops: RangeInclusive<u32>,
}

/// Which way a relationship is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From its source to its target.
    Out,
    /// From its target to its source.
    In,
    Either,
}

/// A property of a row's document, by names from the outside in; the document itself where empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) variable: usize,
    pub(crate) names: Vec<String>,
}

/// A condition on a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    /// All of at least two.
    And(Vec<Condition>),
    /// One of at least two.
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Operand,
        operator: Comparison,
        right: Operand,
    },
    /// `IN`, or `NIN` where negated.
    In {
        operand: Operand,
        list: Vec<Literal>,
        negated: bool,
    },
    OfModel {
        variable: usize,
        model: String,
        exact: bool,
    },
    Is {
        test: Test,
        operand: Operand,
    },
    Text {
        test: TextTest,
        text: Operand,
        part: Operand,
    },
    ArrayContains {
        array: Path,
        element: Literal,
    },
}

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Path(Path),
    Literal(Literal),
}

/// A value in the text of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Literal {
    pub(crate) value: Value,
    /// The value as a time, where it is one: read once, not for each row.
    pub(crate) time: Option<Timestamp>,
}

/// `IS_DEFINED` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Defined,
    Null,
    Bool,
    Number,
    String,
    Object,
    Primitive,
}

/// `STARTSWITH` and the like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Starts,
    Ends,
    Contains,
}

impl Query {
    /// The conditions that all must hold.
    pub(crate) fn conjuncts(&self) -> &[Condition] {
        match &self.condition {
            None => &[],
            Some(Condition::And(parts)) => parts,
            Some(condition) => std::slice::from_ref(condition),
        }
    }
}

impl Condition {
    /// The same with the parts of an AND within an AND, or of an OR within an OR, in one list.
    pub(crate) fn flat(self) -> Self {
        match self {
            Self::And(parts) => Self::And(parts.into_iter().flat_map(Self::and_parts).collect()),
            Self::Or(parts) => Self::Or(parts.into_iter().flat_map(Self::or_parts).collect()),
            other => other,
        }
    }

    fn and_parts(self) -> Vec<Self> {
        if let Self::And(parts) = self { parts } else { vec![self] }
    }

    fn or_parts(self) -> Vec<Self> {
        if let Self::Or(parts) = self { parts } else { vec![self] }
    }

    /// Calls `with` for each variable that the condition reads, and the names of what is read of it.
    pub(crate) fn each_path<'c>(&'c self, with: &mut impl FnMut(usize, &'c [String])) {
        let operand = |operand: &'c Operand, with: &mut dyn FnMut(usize, &'c [String])| {
            if let Operand::Path(path) = operand {
                with(path.variable, &path.names);
            }
        };
        match self {
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().for_each(|part| part.each_path(with));
            }
            Self::Not(inner) => inner.each_path(with),
            Self::Compare { left, right, .. } => {
                operand(left, with);
                operand(right, with);
            }
            Self::In { operand: of, .. } | Self::Is { operand: of, .. } => operand(of, with),
            Self::OfModel { variable, .. } => with(*variable, &[]),
            Self::Text { text, part, .. } => {
                operand(text, with);
                operand(part, with);
            }
            Self::ArrayContains { array, .. } => with(array.variable, &array.names),
        }
    }
}

/// The functions of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    OfModel,
    Is(Test),
    Text(TextTest),
    ArrayContains,
}

impl Function {
    /// The function of that name, in upper case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "IS_OF_MODEL" => Self::OfModel,
            "IS_DEFINED" => Self::Is(Test::Defined),
            "IS_NULL" => Self::Is(Test::Null),
            "IS_BOOL" => Self::Is(Test::Bool),
            "IS_NUMBER" => Self::Is(Test::Number),
            "IS_STRING" => Self::Is(Test::String),
            "IS_OBJECT" => Self::Is(Test::Object),
            "IS_PRIMITIVE" => Self::Is(Test::Primitive),
            "STARTSWITH" => Self::Text(TextTest::Starts),
            "ENDSWITH" => Self::Text(TextTest::Ends),
            "CONTAINS" => Self::Text(TextTest::Contains),
            "ARRAY_CONTAINS" => Self::ArrayContains,
            _ => return None,
        })
    }
}
