//! Endpoints by today's rules, between Resource Manager's form and the topology's.

use super::{Embedded, SecretChange, kind_of, type_of};
use adt_service::management::{
    AuthenticationType, EndpointType, ManagedDeadLetter, ManagedEndpoint, ManagementError,
    NewEndpoint, NewSecret,
};
use messaging::client::Endpoint;
use pipeline::{Authentication, DeadLetterSpec, EndpointSpec, SecretRef};
use std::collections::BTreeSet;
use twin_graph::Timestamp;

/// An endpoint as it is shown.
pub(super) fn managed(
    name: &str,
    spec: &EndpointSpec,
    (created, updated): (Timestamp, Timestamp),
) -> ManagedEndpoint {
    let authentication = match spec.authentication {
        Authentication::KeyBased => AuthenticationType::KeyBased,
        Authentication::IdentityBased => AuthenticationType::IdentityBased,
    };
    ManagedEndpoint {
        name: name.to_owned(),
        kind: type_of(spec.kind),
        authentication,
        address: spec.address.clone(),
        entity_path: spec.entity.clone(),
        has_secondary: spec.secondary.is_some(),
        dead_letter: match &spec.dead_letter {
            None => ManagedDeadLetter::None,
            Some(DeadLetterSpec::Sas(_)) => ManagedDeadLetter::Secret,
            Some(DeadLetterSpec::Uri(uri)) => ManagedDeadLetter::Uri(uri.clone()),
        },
        created,
        updated,
    }
}

/// What an endpoint is to become, with its secrets.
pub(super) fn plan(
    embedded: &Embedded,
    name: &str,
    new: &NewEndpoint,
) -> Result<(EndpointSpec, SecretChange), ManagementError> {
    let topology = embedded.endpoints.merged(&embedded.topology());
    let before = topology.endpoints.get(name);
    let (spec, secrets) = spec(name, new, before)?;
    let mut after = topology.clone();
    after.endpoints.insert(name.to_owned(), spec.clone());
    match embedded.new_problem(&topology, &after, &format!("/endpoints/{name}")) {
        Some(problem) => Err(ManagementError::bad_request(problem)),
        None => Ok((spec, secrets)),
    }
}

fn spec(
    name: &str,
    new: &NewEndpoint,
    before: Option<&EndpointSpec>,
) -> Result<(EndpointSpec, SecretChange), ManagementError> {
    let kind = kind_of(new.kind);
    // What is kept of an endpoint of another kind is of no use to this one.
    let before = before.filter(|before| before.kind == kind);
    let mut secrets = SecretChange {
        forget: before.map(|before| own_secrets(name, before)).unwrap_or_default(),
        ..SecretChange::default()
    };
    // Another name at each change: what delivers sees by it that the secret is another.
    let change = format!("{:08x}", uuid::Uuid::new_v4().as_fields().0);
    let named = |what: &str| format!("endpoint.{name}.{what}-{change}");
    let mut spec = EndpointSpec::embedded(kind);
    let dead = new.dead_letter_secret.as_ref();
    let dead_before = before.and_then(|before| match &before.dead_letter {
        Some(DeadLetterSpec::Sas(secret)) => Some(secret),
        _ => None,
    });
    let dead = secrets.secret(named("deadLetter"), dead, dead_before).map(DeadLetterSpec::Sas);
    spec.dead_letter = dead.or_else(|| new.dead_letter_uri.clone().map(DeadLetterSpec::Uri));
    if new.authentication == AuthenticationType::IdentityBased {
        with_identity(&mut spec, new)?;
    } else if new.primary == Some(NewSecret::Kept) && before.is_some_and(EndpointSpec::is_embedded)
    {
        spec.entity = before.and_then(|before| before.entity.clone());
    } else {
        let before_primary = before.and_then(|before| before.primary.as_ref());
        let before_secondary = before.and_then(|before| before.secondary.as_ref());
        spec.primary = secrets.secret(named("primary"), new.primary.as_ref(), before_primary);
        spec.secondary =
            secrets.secret(named("secondary"), new.secondary.as_ref(), before_secondary);
        with_keys(&mut spec, new, before)?;
    }
    let used = own_secrets(name, &spec);
    secrets.forget.retain(|name| !used.contains(name));
    Ok((spec, secrets))
}

fn with_identity(spec: &mut EndpointSpec, new: &NewEndpoint) -> Result<(), ManagementError> {
    if new.kind == EndpointType::EventGrid {
        let message =
            "Event Grid endpoints are opened with keys only: send authenticationType KeyBased.";
        return Err(ManagementError::bad_request(message));
    }
    if new.address.is_none() || new.entity_path.is_none() {
        let message = "With authenticationType IdentityBased, endpointUri (sb://NAMESPACE.servicebus.windows.net/) and entityPath are needed.";
        return Err(ManagementError::bad_request(message));
    }
    spec.authentication = Authentication::IdentityBased;
    spec.address.clone_from(&new.address);
    spec.entity.clone_from(&new.entity_path);
    Ok(())
}

fn with_keys(
    spec: &mut EndpointSpec,
    new: &NewEndpoint,
    before: Option<&EndpointSpec>,
) -> Result<(), ManagementError> {
    let (primary, secondary) = match new.kind {
        EndpointType::EventGrid => ("accessKey1", "accessKey2"),
        EndpointType::EventHub => ("connectionStringPrimaryKey", "connectionStringSecondaryKey"),
        EndpointType::ServiceBus => ("primaryConnectionString", "secondaryConnectionString"),
    };
    if spec.primary.is_none() {
        let message =
            format!("«{primary}» is missing: send it, or authenticationType IdentityBased.");
        return Err(ManagementError::bad_request(message));
    }
    if new.kind == EndpointType::EventGrid {
        spec.address.clone_from(&new.address);
        if spec.address.is_none() {
            let message = "«TopicEndpoint» is missing: send the topic's address, as https://TOPIC.westeurope-1.eventgrid.azure.net/api/events.";
            return Err(ManagementError::bad_request(message));
        }
        return Ok(());
    }
    let of_primary = entity_of(primary, new.primary.as_ref())?;
    let of_secondary = entity_of(secondary, new.secondary.as_ref())?;
    if let (Some(one), Some(other)) = (&of_primary, &of_secondary)
        && one != other
    {
        let message =
            format!("«{primary}» and «{secondary}» have different EntityPaths: {one} and {other}.");
        return Err(ManagementError::bad_request(message));
    }
    let kept = before.and_then(|before| before.entity.clone());
    spec.entity = of_primary.or(of_secondary).or(kept);
    Ok(())
}

/// The entity that a connection string names, which it must.
pub(super) fn entity_of(
    field: &str,
    secret: Option<&NewSecret>,
) -> Result<Option<String>, ManagementError> {
    let Some(text) = secret.and_then(NewSecret::text) else { return Ok(None) };
    // What is wrong is said without the text.
    let endpoint = Endpoint::parse(text).map_err(|error| {
        let message =
            format!("«{field}» is no connection string: {}.", error.message.trim_end_matches('.'));
        ManagementError::bad_request(message)
    })?;
    let missing = || {
        let message = format!("«{field}» has no EntityPath: add «;EntityPath=NAME» to it.");
        ManagementError::bad_request(message)
    };
    endpoint.entity.ok_or_else(missing).map(Some)
}

/// The secrets of an endpoint that were kept for it and for nothing else.
pub(super) fn own_secrets(name: &str, spec: &EndpointSpec) -> BTreeSet<String> {
    let dead = match &spec.dead_letter {
        Some(DeadLetterSpec::Sas(secret)) => Some(secret),
        _ => None,
    };
    let all = [spec.primary.as_ref(), spec.secondary.as_ref(), dead].into_iter().flatten();
    let prefix = format!("endpoint.{name}.");
    let own = all.filter(|SecretRef { secret }| secret.starts_with(&prefix));
    own.map(|SecretRef { secret }| secret.clone()).collect()
}
