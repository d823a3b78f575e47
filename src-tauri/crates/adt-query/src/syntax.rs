//! The parsed form of a query.

use serde_json::Value;
use twin_graph::Timestamp;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub(crate) select: Select,
    /// `TOP(n)`.
    pub(crate) top: Option<u64>,
    pub(crate) collection: Collection,
    /// `WHERE …`.
    pub(crate) condition: Option<Condition>,
}

/// What a row of the answer is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Select {
    /// `*`: the document as it is.
    Document,
    /// `COUNT()`.
    Count,
    /// Named parts of it.
    Columns(Vec<Column>),
}

/// One projected part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    /// Its name in the row.
    pub(crate) name: String,
    pub(crate) path: Path,
}

/// What rows are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    Twins,
    Relationships,
}

/// A property of a row's document, by names from the outside in; the document itself where empty.
///
/// JOIN and MATCH will give a row several documents, which `variable` tells apart.
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

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
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

impl Comparison {
    pub(crate) fn of_symbol(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
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
