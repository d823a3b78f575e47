//! A naive evaluation: queries as their author means them, over the service's documents. It shares
//! nothing with the engine but the text of the query.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use twin_graph::{Timestamp, TwinGraph};

/// What a query is about.
#[derive(Clone, Debug)]
pub enum From {
    Twins,
    Relationships,
    /// Of each JOIN: the index of the alias that it starts from, and its relationship name.
    Join(Vec<(usize, &'static str)>),
    /// The twins that are the same as an earlier one (by index), and what stands between twins.
    Match(Vec<Option<usize>>, Vec<Hop>),
}

#[derive(Clone, Debug)]
pub struct Hop {
    named: bool,
    names: Vec<&'static str>,
    /// Out, in, either.
    direction: u8,
    /// Exclusive and inclusive limit; one hop where absent.
    hops: Option<(u32, u32)>,
}

#[derive(Clone, Debug)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(usize, &'static str, &'static str, Value),
    Same(usize, &'static str, &'static str, usize, &'static str),
    In(usize, &'static str, bool, Vec<Value>),
    Is(usize, &'static str, &'static str),
    Text(usize, &'static str, &'static str, &'static str),
    OfModel(usize, &'static str, bool),
    Contains(usize, Value),
}

#[derive(Clone, Debug)]
pub struct Query {
    pub from: From,
    pub condition: Condition,
}

/// A twin or a relationship of a row, by alias.
#[derive(Clone)]
struct Bound {
    alias: Option<String>,
    document: Value,
}

impl Query {
    fn twin(index: usize) -> String {
        format!("t{index}")
    }

    /// The aliases that conditions may be about, the twins first.
    fn aliases(from: &From) -> Vec<String> {
        match from {
            From::Twins => vec!["t0".into()],
            From::Relationships => vec!["r0".into()],
            From::Join(joins) => {
                let twins = (0..=joins.len()).map(Self::twin);
                twins.chain((0..joins.len()).map(|join| format!("r{join}"))).collect()
            }
            From::Match(twins, hops) => {
                let own = twins.iter().enumerate().filter(|(_, same)| same.is_none());
                let named = hops.iter().enumerate().filter(|(_, hop)| hop.named);
                let twins = own.map(|(index, _)| Self::twin(index));
                twins.chain(named.map(|(index, _)| format!("r{index}"))).collect()
            }
        }
    }

    pub fn text(&self) -> String {
        let aliases = Self::aliases(&self.from);
        let from = match &self.from {
            From::Twins => "DIGITALTWINS t0".to_owned(),
            From::Relationships => "RELATIONSHIPS r0".to_owned(),
            From::Join(joins) => {
                let joins = joins.iter().enumerate().map(|(index, (from, name))| {
                    format!(" JOIN t{} RELATED t{from}.{name} r{index}", index + 1)
                });
                format!("DIGITALTWINS t0{}", joins.collect::<String>())
            }
            From::Match(twins, hops) => {
                let name = |index: usize| Self::twin(twins[index].unwrap_or(index));
                let mut text = format!("DIGITALTWINS MATCH ({})", name(0));
                for (index, hop) in hops.iter().enumerate() {
                    let variable = if hop.named { format!("r{index}") } else { String::new() };
                    let names = match hop.names.is_empty() {
                        true => String::new(),
                        false => format!(":{}", hop.names.join("|")),
                    };
                    let hops = match hop.hops {
                        None => String::new(),
                        Some((0, most)) if most % 2 == 0 => format!("*..{most}"),
                        Some((least, most)) if least + 1 == most => format!("*{most}"),
                        Some((least, most)) => format!("*{least}..{most}"),
                    };
                    let (left, right) = match hop.direction {
                        0 => ("-", "->"),
                        1 => ("<-", "-"),
                        _ => ("-", "-"),
                    };
                    let twin = name(index + 1);
                    text += &format!("{left}[{variable}{names}{hops}]{right}({twin})");
                }
                text
            }
        };
        let condition = condition_text(&self.condition, &aliases);
        format!("SELECT {} FROM {from} WHERE {condition}", aliases.join(", "))
    }

    /// The same, asked of twins of a model only.
    pub fn of_model(self, model: &'static str, exact: bool) -> Self {
        let condition = match self.from {
            From::Relationships => self.condition,
            _ => Condition::All(vec![Condition::OfModel(0, model, exact), self.condition]),
        };
        Self { condition, ..self }
    }

    /// Its rows, in no set order.
    pub fn rows(&self, graph: &TwinGraph) -> Vec<Value> {
        let graph = &Documents::of(graph);
        let mut found = Vec::new();
        match &self.from {
            From::Twins => found.extend(graph.twins.iter().map(|twin| vec![bound("t0", twin)])),
            From::Relationships => {
                found.extend(graph.relationships.iter().map(|it| vec![bound("r0", it)]));
            }
            From::Join(joins) => {
                for twin in &graph.twins {
                    join(graph, joins, 0, &mut vec![bound("t0", twin)], &mut found);
                }
            }
            From::Match(twins, hops) => {
                for twin in &graph.twins {
                    walk(graph, twins, hops, 0, twin, &mut vec![bound("t0", twin)], &mut found);
                }
            }
        }
        let aliases = Self::aliases(&self.from);
        let fits = |row: &Vec<Bound>| holds(graph, &self.condition, &aliases, row) == Some(true);
        found.retain(fits);
        let object = |row: Vec<Bound>| {
            let value = |alias: &String| {
                let bound = row.iter().find(|bound| bound.alias.as_ref() == Some(alias)).unwrap();
                (alias.clone(), bound.document.clone())
            };
            Value::Object(aliases.iter().map(value).collect::<Map<_, _>>())
        };
        found.into_iter().map(object).collect()
    }
}

fn bound(alias: &str, document: &Value) -> Bound {
    Bound { alias: Some(alias.to_owned()), document: document.clone() }
}

struct Documents<'g> {
    twins: Vec<Value>,
    relationships: Vec<Value>,
    graph: &'g TwinGraph,
}

impl<'g> Documents<'g> {
    fn of(graph: &'g TwinGraph) -> Self {
        let twins = graph.twins().map(|twin| twin.to_json()).collect();
        let relationships = graph.relationships().map(|it| it.to_json()).collect();
        Self { twins, relationships, graph }
    }

    fn twin(&self, id: &Value) -> &Value {
        self.twins.iter().find(|twin| twin["$dtId"] == *id).unwrap()
    }
}

fn join(
    graph: &Documents<'_>,
    joins: &[(usize, &str)],
    index: usize,
    row: &mut Vec<Bound>,
    found: &mut Vec<Vec<Bound>>,
) {
    let Some((from, name)) = joins.get(index) else {
        found.push(row.clone());
        return;
    };
    let alias = Some(Query::twin(*from));
    let source = row.iter().find(|bound| bound.alias == alias).unwrap().document["$dtId"].clone();
    for it in &graph.relationships {
        if it["$sourceId"] == source && it["$relationshipName"] == **name {
            row.push(bound(&Query::twin(index + 1), graph.twin(&it["$targetId"])));
            row.push(bound(&format!("r{index}"), it));
            join(graph, joins, index + 1, row, found);
            row.truncate(row.len() - 2);
        }
    }
}

fn walk(
    graph: &Documents<'_>,
    twins: &[Option<usize>],
    hops: &[Hop],
    index: usize,
    at: &Value,
    row: &mut Vec<Bound>,
    found: &mut Vec<Vec<Bound>>,
) {
    let Some(hop) = hops.get(index) else {
        found.push(row.clone());
        return;
    };
    let mut go = |next: &Value, relationship: Option<&Value>| {
        let before = row.len();
        match twins[index + 1] {
            Some(same) => {
                let alias = Some(Query::twin(same));
                let known = row.iter().find(|bound| bound.alias == alias).unwrap();
                if known.document["$dtId"] != next["$dtId"] {
                    return;
                }
            }
            None => row.push(bound(&Query::twin(index + 1), next)),
        }
        if let Some(it) = relationship {
            let alias = hop.named.then(|| format!("r{index}"));
            row.push(Bound { alias, document: it.clone() });
        }
        walk(graph, twins, hops, index + 1, next, row, found);
        row.truncate(before);
    };
    match hop.hops {
        // `*1` is one hop, too: a row for each relationship.
        None | Some((0, 1)) => {
            for (it, next) in steps(graph, hop, &at["$dtId"]) {
                go(graph.twin(&next), Some(it));
            }
        }
        Some((least, most)) => {
            let mut ends = BTreeSet::new();
            trails(graph, hop, &at["$dtId"], least, most, &mut Vec::new(), &mut ends);
            for end in ends {
                go(graph.twin(&json!(end)), None);
            }
        }
    }
}

/// The relationships that a hop can take from a twin, each once, and where they lead.
fn steps<'d>(graph: &'d Documents<'_>, hop: &Hop, at: &Value) -> Vec<(&'d Value, Value)> {
    let named = graph.relationships.iter().filter(|it| {
        hop.names.is_empty() || hop.names.iter().any(|name| it["$relationshipName"] == **name)
    });
    named
        .filter_map(|it| match (it["$sourceId"] == *at, it["$targetId"] == *at, hop.direction) {
            (true, _, 0 | 2) => Some((it, it["$targetId"].clone())),
            (_, true, 1 | 2) => Some((it, it["$sourceId"].clone())),
            _ => None,
        })
        .collect()
}

fn trails(
    graph: &Documents<'_>,
    hop: &Hop,
    at: &Value,
    least: u32,
    most: u32,
    gone: &mut Vec<(Value, Value)>,
    ends: &mut BTreeSet<String>,
) {
    let made = gone.len() as u32;
    if made > least && made <= most {
        ends.insert(at.as_str().unwrap().to_owned());
    }
    if made == most {
        return;
    }
    for (it, next) in steps(graph, hop, at) {
        let key = (it["$sourceId"].clone(), it["$relationshipId"].clone());
        if !gone.contains(&key) {
            gone.push(key);
            trails(graph, hop, &next, least, most, gone, ends);
            gone.pop();
        }
    }
}

fn holds(
    graph: &Documents<'_>,
    condition: &Condition,
    aliases: &[String],
    row: &[Bound],
) -> Option<bool> {
    let document = |alias: &usize| {
        let alias = &aliases[alias % aliases.len()];
        &row.iter().find(|bound| bound.alias.as_ref() == Some(alias)).unwrap().document
    };
    let value = |alias: &usize, path: &str| {
        path.split('.').try_fold(document(alias), |value, name| value.as_object()?.get(name))
    };
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            let decides = Some(matches!(condition, Condition::Any(_)));
            let known: Vec<_> = parts.iter().map(|part| holds(graph, part, aliases, row)).collect();
            match (known.contains(&decides), known.contains(&None)) {
                (true, _) => decides,
                (_, true) => None,
                _ => decides.map(|decides| !decides),
            }
        }
        Condition::Not(inner) => holds(graph, inner, aliases, row).map(|holds| !holds),
        Condition::Compare(alias, path, operator, with) => {
            compare(value(alias, path)?, operator, with)
        }
        Condition::Same(left, path, operator, right, other) => {
            compare(value(left, path)?, operator, value(right, other)?)
        }
        Condition::In(alias, path, negated, list) => {
            let value = value(alias, path)?;
            Some(list.iter().any(|item| equal(value, item)) != *negated)
        }
        Condition::Is(alias, function, path) => Some(match (*function, value(alias, path)) {
            (_, None) => false,
            ("IS_DEFINED", _) => true,
            ("IS_NULL", Some(value)) => value.is_null(),
            ("IS_BOOL", Some(value)) => value.is_boolean(),
            ("IS_NUMBER", Some(value)) => value.is_number(),
            ("IS_STRING", Some(value)) => value.is_string(),
            ("IS_OBJECT", Some(value)) => value.is_object(),
            (_, Some(value)) => !value.is_object() && !value.is_array(),
        }),
        Condition::Text(alias, function, path, part) => {
            let value = value(alias, path)?;
            Some(value.as_str().is_some_and(|text| match *function {
                "STARTSWITH" => text.starts_with(part),
                "ENDSWITH" => text.ends_with(part),
                _ => text.contains(part),
            }))
        }
        Condition::OfModel(alias, model, exact) => {
            let own = document(alias)["$metadata"]["$model"].as_str().unwrap();
            Some(own == *model || (!exact && graph.graph.models().is_a(own, model)))
        }
        Condition::Contains(alias, element) => {
            let list = value(alias, "list")?.as_array().cloned().unwrap_or_default();
            Some(list.iter().any(|item| equal(item, element)))
        }
    }
}

fn compare(left: &Value, operator: &str, right: &Value) -> Option<bool> {
    match operator {
        "=" => Some(equal(left, right)),
        "!=" => Some(!equal(left, right)),
        "<" => order(left, right).map(Ordering::is_lt),
        "<=" => order(left, right).map(Ordering::is_le),
        ">" => order(left, right).map(Ordering::is_gt),
        _ => order(left, right).map(Ordering::is_ge),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    order(left, right).map_or(left == right, Ordering::is_eq)
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
        },
        (Value::String(a), Value::String(b)) => match (a.parse(), b.parse()) {
            (Ok(a), Ok(b)) => Some(Timestamp::cmp(&a, &b)),
            _ => Some(a.cmp(b)),
        },
        _ => None,
    }
}

fn condition_text(condition: &Condition, aliases: &[String]) -> String {
    let list = |parts: &[Condition], word: &str| {
        let parts: Vec<_> = parts.iter().map(|part| condition_text(part, aliases)).collect();
        format!("({})", parts.join(word))
    };
    let path = |alias: &usize, path: &str| format!("{}.{path}", aliases[alias % aliases.len()]);
    match condition {
        Condition::All(parts) => list(parts, " AND "),
        Condition::Any(parts) => list(parts, " OR "),
        Condition::Not(inner) => format!("NOT {}", condition_text(inner, aliases)),
        Condition::Compare(alias, of, operator, with) => {
            format!("{} {operator} {}", path(alias, of), literal(with))
        }
        Condition::Same(left, of, operator, right, other) => {
            format!("{} {operator} {}", path(left, of), path(right, other))
        }
        Condition::In(alias, of, negated, list) => {
            let list: Vec<_> = list.iter().map(literal).collect();
            let word = if *negated { "NIN" } else { "IN" };
            format!("{} {word} [{}]", path(alias, of), list.join(", "))
        }
        Condition::Is(alias, function, of) => format!("{function}({})", path(alias, of)),
        Condition::Text(alias, function, of, part) => {
            format!("{function}({}, '{part}')", path(alias, of))
        }
        Condition::OfModel(alias, model, exact) => {
            let exact = if *exact { ", exact" } else { "" };
            format!("IS_OF_MODEL({}, '{model}'{exact})", aliases[alias % aliases.len()])
        }
        Condition::Contains(alias, element) => {
            format!("ARRAY_CONTAINS({}, {})", path(alias, "list"), literal(element))
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{}'", text.replace('\'', "\\'")),
        value => value.to_string(),
    }
}

// What is made up.

pub const IDS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
pub const NAMES: [&str; 3] = ["x", "y", "z"];
pub const MODELS: [&str; 3] = ["dtmi:t:Space;1", "dtmi:t:Room;1", "dtmi:t:Lab;1"];

/// A value of a property; also literals, as far as they can be written.
pub fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (-2_i64..4).prop_map(Value::from),
        2 => (-2_i64..8).prop_map(|half| json!(half as f64 / 2.0)),
        2 => select(vec![json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), json!(u64::MAX)]),
        3 => select(vec!["", "a", "ab", "b'c", "2026-11-21T09:00:00Z", "2026-11-21T10:00:00.0000000+01:00", "2026-11-21T09:30:00Z"]).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

/// The properties of a twin.
pub fn properties() -> impl Strategy<Value = Map<String, Value>> {
    let own = || proptest::option::weighted(0.8, value());
    let list = proptest::option::weighted(0.3, prop::collection::vec(value(), 0..3));
    let map = proptest::option::weighted(0.4, value());
    (own(), own(), list, map, own()).prop_map(|(p, q, list, map, component)| {
        let mut properties = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            value.into_iter().for_each(|value| drop(properties.insert(name.into(), value)));
        };
        put("p", p);
        put("q", q);
        put("list", list.map(Value::from));
        put("map", map.map(|value| json!({ "k": value })));
        put("part", component.map(|value| json!({"v": value, "$metadata": {"$lastUpdateTime": "2026-11-21T09:05:00.0000000Z"}})));
        properties
    })
}

fn path() -> impl Strategy<Value = &'static str> {
    select(vec![
        "p",
        "p",
        "p",
        "q",
        "q",
        "missing",
        "list",
        "map",
        "map.k",
        "part.v",
        "part",
        "$dtId",
        "$etag",
        "$metadata.$model",
        "$metadata.$lastUpdateTime",
        "$sourceId",
        "$relationshipName",
    ])
}

fn operator() -> impl Strategy<Value = &'static str> {
    select(vec!["=", "!=", "<", "<=", ">", ">="])
}

fn leaf(relationships: bool, twins: usize) -> impl Strategy<Value = Condition> {
    let alias = 0..5_usize;
    let compare =
        (alias.clone(), path(), operator(), value()).prop_map(|(alias, path, operator, value)| {
            Condition::Compare(alias, path, operator, value)
        });
    let ids = (alias.clone(), prop::collection::vec(select(&IDS[..]), 1..4)).prop_map(
        move |(alias, ids)| {
            let path = if relationships { "$sourceId" } else { "$dtId" };
            let alias = if relationships { 0 } else { alias % twins };
            Condition::In(alias, path, false, ids.into_iter().map(Value::from).collect())
        },
    );
    let same = (alias.clone(), path(), operator(), alias.clone(), path()).prop_map(
        |(left, path, operator, right, other)| Condition::Same(left, path, operator, right, other),
    );
    let list = (alias.clone(), path(), any::<bool>(), prop::collection::vec(value(), 1..4))
        .prop_map(|(alias, path, negated, list)| Condition::In(alias, path, negated, list));
    let functions = vec![
        "IS_DEFINED",
        "IS_NULL",
        "IS_BOOL",
        "IS_NUMBER",
        "IS_STRING",
        "IS_OBJECT",
        "IS_PRIMITIVE",
    ];
    let is = (alias.clone(), select(functions), path())
        .prop_map(|(alias, function, path)| Condition::Is(alias, function, path));
    let text = (
        alias.clone(),
        select(vec!["STARTSWITH", "ENDSWITH", "CONTAINS"]),
        path(),
        select(vec!["", "a", "b", "2026", "dtmi:t:L"]),
    )
        .prop_map(|(alias, function, path, part)| Condition::Text(alias, function, path, part));
    let names = (alias.clone(), any::<bool>(), prop::collection::vec(select(&NAMES[..]), 1..3))
        .prop_map(|(alias, negated, names)| {
            let names = names.into_iter().map(Value::from).collect();
            Condition::In(alias, "$relationshipName", negated, names)
        });
    let model = (0..twins.max(1), select(&MODELS[..]), any::<bool>()).prop_map(
        move |(alias, model, exact)| match relationships {
            true => Condition::Is(alias, "IS_DEFINED", "p"),
            false => Condition::OfModel(alias, model, exact),
        },
    );
    let contains = (0..twins.max(1), value()).prop_map(move |(alias, value)| match relationships {
        true => Condition::Compare(alias, "p", "=", value),
        false => Condition::Contains(alias, value),
    });
    prop_oneof![6 => compare, 2 => ids, 2 => same, 2 => list, 2 => is, 2 => text, 1 => names, 2 => model, 1 => contains]
}

fn condition(relationships: bool, twins: usize) -> impl Strategy<Value = Condition> {
    leaf(relationships, twins).prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::Any),
            1 => inner.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

fn hop() -> impl Strategy<Value = Hop> {
    let hops = proptest::option::weighted(0.4, (0_u32..4, 1_u32..4));
    (any::<bool>(), prop::collection::vec(select(&NAMES[..]), 0..3), 0_u8..3, hops).prop_map(
        |(named, names, direction, hops)| {
            let hops = hops.map(|(least, more)| (least, (least + more).min(5)));
            Hop { named: named && hops.is_none(), names, direction, hops }
        },
    )
}

fn from() -> impl Strategy<Value = (From, usize)> {
    let join = prop::collection::vec((0_usize..3, select(&NAMES[..])), 1..4).prop_map(|joins| {
        let joins: Vec<_> = joins
            .into_iter()
            .enumerate()
            .map(|(index, (from, name))| (from.min(index), name))
            .collect();
        let twins = joins.len() + 1;
        (From::Join(joins), twins)
    });
    let same = proptest::option::weighted(0.2, 0_usize..3);
    let walk = prop::collection::vec((hop(), same), 0..3).prop_map(|parts| {
        let mut twins = vec![None];
        for (index, (_, same)) in parts.iter().enumerate() {
            let same = same.map(|same| same.min(index));
            twins.push(same.map(|same| twins[same].unwrap_or(same)));
        }
        let own = twins.iter().filter(|same| same.is_none()).count();
        (From::Match(twins, parts.into_iter().map(|(hop, _)| hop).collect()), own)
    });
    prop_oneof![
        2 => Just((From::Twins, 1)),
        1 => Just((From::Relationships, 0)),
        3 => join,
        4 => walk,
    ]
}

/// A MATCH of one or two links of several hops, whose rows little is asked of.
pub fn walk_query() -> impl Strategy<Value = Query> {
    let limits = (0_u32..3, 1_u32..4);
    let hop = (prop::collection::vec(select(&NAMES[..2]), 0..2), 0_u8..3, limits).prop_map(
        |(names, direction, (least, more))| {
            let hops = Some((least, (least + more).min(4)));
            Hop { named: false, names, direction, hops }
        },
    );
    let ids = prop::collection::vec(select(&IDS[..]), 1..3);
    let more = proptest::option::weighted(0.3, leaf(false, 2));
    (prop::collection::vec(hop, 1..3), 0..2_usize, ids, any::<bool>(), more).prop_map(
        |(hops, alias, ids, narrow, more)| {
            let ids = ids.into_iter().map(Value::from).collect();
            let id = Condition::In(alias, "$dtId", !narrow, ids);
            let twins = vec![None; hops.len() + 1];
            let condition = Condition::All(std::iter::once(id).chain(more).collect());
            Query { from: From::Match(twins, hops), condition }
        },
    )
}

/// Any query. JOIN and MATCH get the filter on a `$dtId` that they must have, sometimes one that
/// leaves everything.
pub fn query() -> impl Strategy<Value = Query> {
    from().prop_flat_map(|(from, twins)| {
        let relationships = matches!(from, From::Relationships);
        let linked = matches!(from, From::Join(_) | From::Match(..));
        let ids = prop::collection::vec(select(&IDS[..]), 1..4);
        let filter = (0..twins.max(1), any::<bool>(), ids);
        (Just(from), condition(relationships, twins), filter).prop_map(
            move |(from, condition, (alias, narrow, ids))| {
                let ids = ids.into_iter().map(Value::from).collect();
                let condition = match linked {
                    true => {
                        Condition::All(vec![Condition::In(alias, "$dtId", !narrow, ids), condition])
                    }
                    false => condition,
                };
                Query { from, condition }
            },
        )
    })
}
