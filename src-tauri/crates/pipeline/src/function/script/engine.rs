//! The sandbox: what scripts can call, and how much they may use.

use super::host::{Host, current, time_left};
use rhai::module_resolvers::DummyModuleResolver;
use rhai::serde::{from_dynamic, to_dynamic};
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use twin_graph::{Operation, OperationKind, Timestamp, parse_patch};

/// How long one call may take, with all that it waits for.
pub(super) const TIME: Duration = Duration::from_secs(5);
/// Operations of Rhai in one call.
const OPERATIONS: u64 = 1_000_000;
/// Functions that call each other.
const LEVELS: usize = 32;
/// How deep statements and expressions are nested: on the top level, and in a function. With
/// [`LEVELS`] it must fit a thread's stack.
const DEPTHS: (usize, usize) = (64, 32);
const VARIABLES: usize = 256;
/// Bytes of one text; members of an array or object, with all in it.
const TEXT_BYTES: usize = 1 << 20;
const MEMBERS: usize = 20_000;
/// How deep JSON is nested: what goes out of here is read and dropped on common stacks.
const JSON_DEPTH: usize = 64;
/// How often the time is looked at.
const LOOK_EVERY: u64 = 256;

type Answer<T> = Result<T, Box<EvalAltResult>>;

/// An engine with nothing but values, texts, numbers, and what a function is for.
pub(super) fn new() -> Engine {
    let mut engine = Engine::new();
    engine
        .set_module_resolver(DummyModuleResolver::new())
        .set_max_modules(0)
        .set_max_operations(OPERATIONS)
        .set_max_call_levels(LEVELS)
        .set_max_expr_depths(DEPTHS.0, DEPTHS.1)
        .set_max_variables(VARIABLES)
        .set_max_string_size(TEXT_BYTES)
        .set_max_array_size(MEMBERS)
        .set_max_map_size(MEMBERS)
        .on_progress(|operations| {
            let out = operations % LOOK_EVERY == 0 && time_left().is_zero();
            out.then(|| {
                format!("it took longer than {} s. Do less in one call.", TIME.as_secs()).into()
            })
        })
        .on_print(said)
        .on_debug(|text, _, _| said(text));
    for symbol in ["eval", "import", "export"] {
        engine.disable_symbol(symbol);
    }
    for_twins(&mut engine);
    for_others(&mut engine);
    for_tests(&mut engine);
    engine
}

pub(super) fn too_many_operations() -> String {
    "it took more than 1,000,000 operations. End the loop, or do less in one call.".to_owned()
}

/// JSON as a value of Rhai.
pub(super) fn dynamic(json: &Value) -> Result<Dynamic, String> {
    to_dynamic(json).map_err(|error| error.to_string())
}

/// A value of Rhai as JSON.
pub(super) fn json(value: &Dynamic) -> Result<Value, String> {
    json_within(value, JSON_DEPTH)
}

fn json_within(value: &Dynamic, depth: usize) -> Result<Value, String> {
    if value.is_shared() {
        return json_within(&value.flatten_clone(), depth);
    }
    let inner = || depth.checked_sub(1).ok_or("A value is nested too deeply for JSON.");
    if let Some(array) = value.read_lock::<Array>() {
        let depth = inner()?;
        return array.iter().map(|value| json_within(value, depth)).collect();
    }
    if let Some(map) = value.read_lock::<Map>() {
        let depth = inner()?;
        let mut members = serde_json::Map::new();
        for (name, value) in map.iter() {
            members.insert(name.to_string(), json_within(value, depth)?);
        }
        return Ok(Value::Object(members));
    }
    if value.as_float().is_ok_and(|number| !number.is_finite()) {
        return Err("A number that is not finite is no JSON.".to_owned());
    }
    from_dynamic(value).map_err(|_| format!("A value of type {} is no JSON.", value.type_name()))
}

fn said(text: &str) {
    if let Some(host) = current() {
        host.log(text);
    }
}

fn ask<T>(question: impl FnOnce(&Arc<dyn Host>) -> Result<T, String>) -> Answer<T> {
    let host = current().ok_or("nothing runs here")?;
    question(&host).map_err(Into::into)
}

fn for_twins(engine: &mut Engine) {
    engine.register_fn("twin", |id: &str| -> Answer<Dynamic> {
        ask(|host| host.twin(id)?.map_or(Ok(Dynamic::UNIT), |twin| dynamic(&twin)))
    });
    engine.register_fn("query", |text: &str| -> Answer<Array> {
        ask(|host| host.query(text)?.iter().map(dynamic).collect())
    });
    engine.register_fn("patch", |id: &str, operations: Array| -> Answer<()> {
        let patch = ask(|_| json(&operations.into()))?;
        let patch = parse_patch(&patch).map_err(|error| error.to_string())?;
        ask(|host| host.patch(id, patch))
    });
    // The short form: these properties get these values.
    engine.register_fn("patch", |id: &str, values: Map| -> Answer<()> {
        let set = |(name, value): (&_, &Dynamic)| {
            let path = format!("/{}", escaped(name));
            Ok(Operation { op: OperationKind::Add, path, value: Some(json(value)?) })
        };
        let named = values.iter().map(|(name, value)| (name.as_str(), value));
        ask(|host| {
            let patch =
                named.map(|(name, value)| set((name, value))).collect::<Result<_, String>>()?;
            host.patch(id, patch)
        })
    });
    engine.register_fn("telemetry", |id: &str, body: Dynamic| -> Answer<()> {
        ask(|host| host.telemetry(id, None, json(&body)?))
    });
    engine.register_fn("telemetry", |id: &str, component: &str, body: Dynamic| -> Answer<()> {
        ask(|host| host.telemetry(id, Some(component), json(&body)?))
    });
}

fn for_others(engine: &mut Engine) {
    engine.register_fn("publish", |sink: &str, body: Dynamic| -> Answer<()> {
        ask(|host| host.publish(sink, json(&body)?, None))
    });
    engine.register_fn("publish", |sink: &str, body: Dynamic, key: &str| -> Answer<()> {
        ask(|host| host.publish(sink, json(&body)?, Some(key)))
    });
    engine.register_fn(
        "send_udf_custom",
        |twin: &str, resource_type: &str, payload: Dynamic| -> Answer<()> {
            ask(|host| host.send_udf_custom(twin, resource_type, json(&payload)?))
        },
    );
    engine.register_fn("log", |text: Dynamic| said(&text.to_string()));
    engine.register_fn("now", || -> ImmutableString {
        Timestamp::from(SystemTime::now()).to_string().into()
    });
    // Rhai's own would keep a thread beyond the call's time.
    let no_sleep = || -> Answer<()> { Err("a function cannot sleep".into()) };
    engine.register_fn("sleep", move |_: i64| no_sleep());
    engine.register_fn("sleep", move |_: f64| no_sleep());
}

fn for_tests(engine: &mut Engine) {
    const ONLY: &str = "this is for functions «test_…» that `twinscope check` runs";
    engine.register_fn("give_twin", |twin: Map| -> Answer<()> {
        ask(|host| host.rehearsal().ok_or(ONLY)?.give_twin(json(&twin.into())?))
    });
    engine.register_fn("give_rows", |rows: Array| -> Answer<()> {
        ask(|host| {
            let rows = rows.iter().map(json).collect::<Result<_, _>>()?;
            host.rehearsal().ok_or(ONLY)?.give_rows(rows);
            Ok(())
        })
    });
    engine.register_fn("done", || -> Answer<Array> {
        ask(|host| host.rehearsal().ok_or(ONLY)?.take_done().iter().map(dynamic).collect())
    });
    engine.register_fn("assert", |holds: bool| -> Answer<()> {
        if holds { Ok(()) } else { Err("this does not hold".into()) }
    });
    engine.register_fn("assert_eq", |is: Dynamic, expected: Dynamic| -> Answer<()> {
        ask(|_| {
            let (is, expected) = (json(&is)?, json(&expected)?);
            if same(&is, &expected) { Ok(()) } else { Err(format!("it is {is}, not {expected}")) }
        })
    });
}

/// Numbers by their value: 21 is 21.0. Objects whatever the order of their members.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
