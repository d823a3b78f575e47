//! What is to be done to an instance when its workspace's files changed.

use crate::loaded::in_file_order;
use crate::{Applied, Loaded, RelationshipSeed, TwinSeed};
use pipeline::Topology;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use twin_graph::{Operation, OperationKind};

/// The steps from one version of the files to the next; what the files did not touch is in none.
///
/// To be carried out in this order: `models_put`, `relationships_removed`, `twins_removed`,
/// `twins_put`, `twins_patched`, `relationships_put`, `relationships_patched`, `models_removed`.
///
/// The instance may have changed by itself meanwhile. A patch that removes a property which is not
/// there any more, or is for a twin that is not there any more, has nothing left to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// New and changed models, each after those that it needs.
    pub models_put: Vec<Value>,
    /// DTMIs, each before those that it needs.
    pub models_removed: Vec<String>,
    /// New twins; and those that changed as a whole, in their model or in which components they
    /// have, which no patch can do.
    pub twins_put: Vec<TwinSeed>,
    /// By `$dtId`, the properties that the file changed: `add` with the new value, or `remove`.
    pub twins_patched: Vec<(String, Vec<Operation>)>,
    /// `$dtId`s.
    pub twins_removed: Vec<String>,
    /// New relationships; and those with another target or name, to be put over the old ones.
    pub relationships_put: Vec<RelationshipSeed>,
    /// By source twin and `$relationshipId`, the properties that the file changed.
    pub relationships_patched: Vec<((String, String), Vec<Operation>)>,
    /// Source twin and `$relationshipId`.
    pub relationships_removed: Vec<(String, String)>,
    /// The new topology, where it is another one.
    pub topology: Option<Topology>,
    /// The users' own functions, all of them, where any is another one.
    pub scripts: Option<BTreeMap<String, String>>,
}

impl Difference {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The steps that lead from what was applied to what is there now.
pub fn difference(old: &Applied, new: &Loaded) -> Difference {
    let mut steps = Difference::default();
    compare_models(old, new, &mut steps);
    compare_twins(old, new, &mut steps);
    compare_relationships(old, new, &mut steps);
    let was = match &old.topology {
        Value::Null => Topology::default().to_json(),
        topology => topology.clone(),
    };
    steps.topology = (was != new.topology.to_json()).then(|| new.topology.clone());
    steps.scripts = (old.scripts != new.scripts).then(|| new.scripts.clone());
    steps
}

fn compare_models(old: &Applied, new: &Loaded, steps: &mut Difference) {
    let id = |document: &Value| document.get("@id").and_then(Value::as_str).map(str::to_owned);
    let before: BTreeMap<String, &Value> =
        old.models.iter().filter_map(|document| Some((id(document)?, document))).collect();
    let is_new =
        |document: &&Value| id(document).is_some_and(|id| before.get(&id) != Some(document));
    steps.models_put = new.models_in_order().filter(is_new).cloned().collect();
    let ids = old.models.iter().rev().filter_map(id);
    steps.models_removed = ids.filter(|id| !new.models.contains_key(id)).collect();
}

fn compare_twins(old: &Applied, new: &Loaded, steps: &mut Difference) {
    let before: HashMap<&str, &TwinSeed> =
        old.twins.iter().map(|twin| (twin.id.as_str(), twin)).collect();
    for twin in in_file_order(new.twins.values()) {
        match before.get(twin.id.as_str()).map(|before| twin_patch(before, twin)) {
            None | Some(None) => steps.twins_put.push(twin.clone()),
            Some(Some(patch)) if patch.is_empty() => {}
            Some(Some(patch)) => steps.twins_patched.push((twin.id.clone(), patch)),
        }
    }
    let ids = old.twins.iter().map(|twin| &twin.id);
    steps.twins_removed = ids.filter(|id| !new.twins.contains_key(*id)).cloned().collect();
}

/// The patch from one form of a twin to the next; `None` where only a put can do it.
fn twin_patch(before: &TwinSeed, now: &TwinSeed) -> Option<Vec<Operation>> {
    let (was, is) = (before.body.as_object()?, now.body.as_object()?);
    let component = |value: &Value| value.get("$metadata").is_some();
    let components = |body: &Map<String, Value>| {
        let components =
            body.iter().filter(|(name, value)| *name != "$metadata" && component(value));
        let mut names: Vec<String> = components.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    };
    let names = components(is);
    if before.model != now.model || components(was) != names {
        return None;
    }
    let mut patch = Vec::new();
    compare_properties("", was, is, &names, &mut patch);
    for name in &names {
        let (was, is) = (was.get(name)?.as_object()?, is.get(name)?.as_object()?);
        compare_properties(&format!("/{}", escape(name)), was, is, &[], &mut patch);
    }
    Some(patch)
}

/// Property by property: `add` sets a value whether or not the instance still has one.
fn compare_properties(
    path: &str,
    was: &Map<String, Value>,
    is: &Map<String, Value>,
    but: &[String],
    patch: &mut Vec<Operation>,
) {
    let own = |name: &String| !name.starts_with('$') && !but.contains(name);
    let at = |name: &str| format!("{path}/{}", escape(name));
    for (name, value) in
        is.iter().filter(|(name, value)| own(name) && was.get(*name) != Some(value))
    {
        let (op, value) = (OperationKind::Add, Some(value.clone()));
        patch.push(Operation { op, path: at(name), value });
    }
    for name in was.keys().filter(|name| own(name) && !is.contains_key(*name)) {
        patch.push(Operation { op: OperationKind::Remove, path: at(name), value: None });
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn compare_relationships(old: &Applied, new: &Loaded, steps: &mut Difference) {
    let key = |edge: &RelationshipSeed| (edge.source.clone(), edge.id.clone());
    let before: BTreeMap<_, _> = old.relationships.iter().map(|edge| (key(edge), edge)).collect();
    for edge in in_file_order(new.relationships.values()) {
        match before.get(&key(edge)) {
            Some(before) if before.target == edge.target && before.name == edge.name => {
                let mut patch = Vec::new();
                compare_properties("", &before.properties, &edge.properties, &[], &mut patch);
                if !patch.is_empty() {
                    steps.relationships_patched.push((key(edge), patch));
                }
            }
            _ => steps.relationships_put.push(edge.clone()),
        }
    }
    let keys = old.relationships.iter().map(key);
    steps.relationships_removed = keys.filter(|key| !new.relationships.contains_key(key)).collect();
}
