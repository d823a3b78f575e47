//! Bodies of Azure Resource Manager: instances and endpoints, as they are sent and shown.

use super::address::{Scope, instance_type};
use crate::management::{
    AuthenticationType, EndpointType, ManagedDeadLetter, ManagedEndpoint, ManagedInstance,
    ManagementError, NewEndpoint, NewSecret,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::SystemTime;
use twin_graph::Timestamp;

/// Where all instances of this program are.
const LOCATION: &str = "local";
//= documented: Connection strings and keys are obscured when an endpoint is read, in the form of the
//  API definition's examples. That what was shown may be sent back and leaves the secret as it is,
//  is ours.
/// How connection strings are shown.
const HIDDEN: &str =
    "Endpoint=sb://***/;SharedAccessKeyName=***;SharedAccessKey=***;EntityPath=***";
const HIDDEN_KEY: &str = "***";

/// An instance as it is shown.
pub(super) fn instance(scope: Scope, instance: &ManagedInstance) -> Value {
    json!({
        "id": scope.id_of(&instance.name),
        "name": instance.name,
        "type": instance_type(),
        "location": LOCATION,
        "tags": instance.tags,
        "systemData": {
            "createdAt": instance.created.to_string(),
            "lastModifiedAt": instance.updated.to_string(),
        },
        "properties": {
            "createdTime": instance.created.to_string(),
            "lastUpdatedTime": instance.updated.to_string(),
            "provisioningState": "Succeeded",
            "hostName": instance.host_name,
            "publicNetworkAccess": "Enabled",
        },
    })
}

/// An endpoint as it is shown: with its secrets obscured.
pub(super) fn endpoint(scope: Scope, instance: &str, endpoint: &ManagedEndpoint) -> Value {
    let with_keys = endpoint.authentication == AuthenticationType::KeyBased;
    let mut properties = json!({
        "endpointType": endpoint.kind,
        "authenticationType": endpoint.authentication,
        "provisioningState": "Succeeded",
        "createdTime": endpoint.created.to_string(),
    });
    let [primary, secondary] = keys(endpoint.kind);
    let hidden = if endpoint.kind == EndpointType::EventGrid { HIDDEN_KEY } else { HIDDEN };
    properties[primary] = json!(with_keys.then_some(hidden));
    properties[secondary] = json!((with_keys && endpoint.has_secondary).then_some(hidden));
    if endpoint.kind == EndpointType::EventGrid {
        properties["TopicEndpoint"] = json!(endpoint.address);
    } else {
        properties["endpointUri"] = json!(endpoint.address);
        properties["entityPath"] = json!(endpoint.entity_path);
    }
    if !with_keys {
        properties["identity"] = json!({"type": "SystemAssigned"});
    }
    properties["deadLetterSecret"] =
        json!((endpoint.dead_letter == ManagedDeadLetter::Secret).then_some(HIDDEN_KEY));
    properties["deadLetterUri"] = match &endpoint.dead_letter {
        ManagedDeadLetter::Uri(uri) => json!(uri),
        ManagedDeadLetter::None | ManagedDeadLetter::Secret => Value::Null,
    };
    json!({
        "id": format!("{}/endpoints/{}", scope.id_of(instance), endpoint.name),
        "name": endpoint.name,
        "type": format!("{}/endpoints", instance_type()),
        "systemData": {
            "createdAt": endpoint.created.to_string(),
            "lastModifiedAt": endpoint.updated.to_string(),
        },
        "properties": properties,
    })
}

/// An endpoint that is being made, as it is shown meanwhile.
pub(super) fn begun(scope: Scope, instance: &str, name: &str, new: &NewEndpoint) -> Value {
    let now = Timestamp::from(SystemTime::now());
    let shown = ManagedEndpoint {
        name: name.to_owned(),
        kind: new.kind,
        authentication: new.authentication,
        address: new.address.clone(),
        entity_path: new.entity_path.clone(),
        has_secondary: new.secondary.is_some(),
        dead_letter: match (&new.dead_letter_uri, &new.dead_letter_secret) {
            (Some(uri), _) => ManagedDeadLetter::Uri(uri.clone()),
            (None, Some(_)) => ManagedDeadLetter::Secret,
            (None, None) => ManagedDeadLetter::None,
        },
        created: now,
        updated: now,
    };
    endpoint(scope, instance, &shown)
}

fn keys(kind: EndpointType) -> [&'static str; 2] {
    match kind {
        EndpointType::EventHub => ["connectionStringPrimaryKey", "connectionStringSecondaryKey"],
        EndpointType::ServiceBus => ["primaryConnectionString", "secondaryConnectionString"],
        EndpointType::EventGrid => ["accessKey1", "accessKey2"],
    }
}

/// All that a client may send of an endpoint, whatever its type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    endpoint_type: EndpointType,
    #[serde(default)]
    authentication_type: Option<AuthenticationType>,
    endpoint_uri: Option<String>,
    entity_path: Option<String>,
    #[serde(rename = "TopicEndpoint", alias = "topicEndpoint")]
    topic_endpoint: Option<String>,
    dead_letter_secret: Option<String>,
    dead_letter_uri: Option<String>,
    identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Reads an endpoint that a client sent.
pub(super) fn new_endpoint(body: &Value) -> Result<NewEndpoint, ManagementError> {
    let properties = body.get("properties").filter(|properties| properties.is_object());
    let properties = properties.ok_or_else(|| {
        ManagementError::bad_request("«properties» is missing: send the endpoint's properties.")
    })?;
    let sent: Sent = serde_json::from_value(properties.clone()).map_err(|error| {
        ManagementError::bad_request(format!(
            "The endpoint's properties are not readable: {error}."
        ))
    })?;
    let with_own = |identity: &Identity| {
        identity.kind.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case("SystemAssigned"))
    };
    if !sent.identity.as_ref().is_none_or(with_own) {
        return Err(ManagementError::not_supported(
            "Identities assigned by users are not known here: events are delivered as whoever is signed in on this machine. Send identity.type SystemAssigned.",
        ));
    }
    let [primary, secondary] = keys(sent.endpoint_type);
    let secret = |name: &str| text(properties.get(name)).map(|text| NewSecret::of(&text));
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(NewEndpoint {
        kind: sent.endpoint_type,
        authentication: sent.authentication_type.unwrap_or_default(),
        address: filled(match sent.endpoint_type {
            EndpointType::EventGrid => sent.topic_endpoint,
            EndpointType::EventHub | EndpointType::ServiceBus => sent.endpoint_uri,
        }),
        entity_path: filled(sent.entity_path),
        primary: secret(primary),
        secondary: secret(secondary),
        dead_letter_secret: filled(sent.dead_letter_secret).map(|text| NewSecret::of(&text)),
        dead_letter_uri: filled(sent.dead_letter_uri),
    })
}

/// A text that is there and not empty.
pub(super) fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn endpoints_of_each_type_are_read() {
        let of = |properties: Value| new_endpoint(&json!({ "properties": properties }));
        let hub = of(json!({"endpointType": "EventHub", "connectionStringPrimaryKey": "one",
            "connectionStringSecondaryKey": HIDDEN, "deadLetterSecret": ""}))
        .unwrap();
        assert_eq!(hub.authentication, AuthenticationType::KeyBased);
        assert_eq!(hub.primary, Some(NewSecret::Is("one".into())));
        assert_eq!(hub.secondary, Some(NewSecret::Kept));
        assert_eq!(hub.dead_letter_secret, None);
        let bus = of(json!({"endpointType": "ServiceBus", "authenticationType": "IdentityBased",
            "endpointUri": "sb://x/", "entityPath": "t", "identity": {"type": "SystemAssigned"}}))
        .unwrap();
        assert_eq!(
            (bus.address.as_deref(), bus.entity_path.as_deref()),
            (Some("sb://x/"), Some("t"))
        );
        let grid = of(json!({"endpointType": "EventGrid", "TopicEndpoint": "https://x/",
            "accessKey1": "k1", "accessKey2": "k2"}))
        .unwrap();
        assert_eq!(grid.address.as_deref(), Some("https://x/"));
        assert_eq!(grid.secondary, Some(NewSecret::Is("k2".into())));
        assert!(!format!("{grid:?}").contains("k2"));
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_a_sentence() {
        for body in [
            json!({}),
            json!({"properties": []}),
            json!({"properties": {}}),
            json!({"properties": {"endpointType": "Queue"}}),
            json!({"properties": {"endpointType": "EventHub", "authenticationType": "Sas"}}),
            json!({"properties": {"endpointType": "EventHub", "identity": {"type": "UserAssigned"}}}),
        ] {
            let error = new_endpoint(&body).unwrap_err();
            assert!(error.status == 400 && error.message.ends_with('.'), "{error:?}");
        }
    }
}
