//! `$management` of Event Hubs: what hubs and partitions are.

use super::hub::Hub;
use super::partition::PartitionProperties;
use crate::namespace::request::{Request, Response};
use amqp::Value;

//= client: $management answers READ of hubs and partitions in the form that the clients read.
/// Answers a READ; `None` where the type is not ours.
pub(crate) fn answer(request: &Request, hub: Option<&Hub>) -> Option<Response> {
    let kind = request.property("type").and_then(Value::as_text)?;
    let partition = match kind {
        "com.microsoft:eventhub" => None,
        "com.microsoft:partition" => Some(request.property("partition").and_then(Value::as_text)),
        _ => return None,
    };
    if request.operation() != Some("READ") {
        return Some(Response::not_implemented());
    }
    let Some(hub) = hub else {
        let name = request.property("name").and_then(Value::as_text).unwrap_or_default();
        return Some(Response::not_found(name));
    };
    let Some(id) = partition else { return Some(Response::ok(hub_properties(hub))) };
    let found = id.and_then(|id| Some((id, hub.partition(id)?.properties())));
    Some(match found {
        Some((id, properties)) => Response::ok(partition_properties(hub, id, &properties)),
        None => Response::not_found(&format!("{}/Partitions/{}", hub.name, id.unwrap_or_default())),
    })
}

fn hub_properties(hub: &Hub) -> Value {
    let ids = 0..hub.partitions.len();
    let count = i32::try_from(ids.len()).unwrap_or(i32::MAX);
    map([
        ("name", Value::String(hub.name.clone())),
        ("type", Value::String("com.microsoft:eventhub".into())),
        ("created_at", Value::Timestamp(hub.created)),
        ("partition_count", Value::Int(count)),
        ("partition_ids", Value::Array(ids.map(|id| Value::String(id.to_string())).collect())),
    ])
}

fn partition_properties(hub: &Hub, id: &str, properties: &PartitionProperties) -> Value {
    map([
        ("name", Value::String(hub.name.clone())),
        ("type", Value::String("com.microsoft:partition".into())),
        ("partition", Value::String(id.to_owned())),
        ("begin_sequence_number", Value::Long(properties.begin_sequence_number)),
        ("last_enqueued_sequence_number", Value::Long(properties.last_sequence_number)),
        ("last_enqueued_offset", Value::String(properties.last_offset.to_string())),
        ("last_enqueued_time_utc", Value::Timestamp(properties.last_enqueued)),
        ("is_partition_empty", Value::Bool(properties.is_empty)),
    ])
}

fn map<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    Value::Map(pairs.map(|(key, value)| (Value::String(key.to_owned()), value)).into())
}
