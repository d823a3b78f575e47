//! Endpoints by the rules of 2019.

use super::today::entity_of;
use super::{Embedded, SecretChange, kind_of, type_of};
use adt_events::EventType2019;
use adt_service::management::{
    Endpoint2019Patch, EndpointType, ManagedEndpoint2019, ManagementError, NewSecret,
};
use messaging::client::Endpoint;
use pipeline::{Endpoint2019Spec, SecretRef};
use serde_json::json;
use std::collections::BTreeSet;

/// An endpoint as it is shown.
pub(super) fn managed(id: &str, spec: &Endpoint2019Spec) -> ManagedEndpoint2019 {
    ManagedEndpoint2019 {
        id: id.to_owned(),
        kind: type_of(spec.kind),
        event_types: spec.event_types.iter().map(ToString::to_string).collect(),
        path: spec.path.clone(),
    }
}

/// What an endpoint is to become, with its secrets.
pub(super) fn plan(
    embedded: &Embedded,
    id: &str,
    before: Option<&Endpoint2019Spec>,
    patch: &Endpoint2019Patch,
) -> Result<(Endpoint2019Spec, SecretChange), ManagementError> {
    let topology = embedded.endpoints.merged(&embedded.topology());
    let (spec, secrets) = spec(id, before, patch)?;
    let mut after = topology.clone();
    after.endpoints2019.insert(id.to_owned(), spec.clone());
    if let Some(problem) = embedded.new_problem(&topology, &after, &format!("/endpoints2019/{id}"))
    {
        return Err(ManagementError::bad_request(problem));
    }
    if spec.event_types.contains(&EventType2019::DeviceMessage) {
        check_entity_path(embedded, &spec, &secrets)?;
    }
    Ok((spec, secrets))
}

fn spec(
    id: &str,
    before: Option<&Endpoint2019Spec>,
    patch: &Endpoint2019Patch,
) -> Result<(Endpoint2019Spec, SecretChange), ManagementError> {
    let missing = |field: &str| {
        ManagementError::bad_request(format!("«{field}» is missing: a new endpoint needs it."))
    };
    let kind = patch.kind.map(kind_of).or(before.map(|before| before.kind));
    let path = patch.path.clone().or(before.map(|before| before.path.clone()));
    let event_types = match &patch.event_types {
        Some(names) => Some(names.iter().map(|name| event_type(name)).collect::<Result<_, _>>()?),
        None => before.map(|before| before.event_types.clone()),
    };
    let kind = kind.ok_or_else(|| missing("type"))?;
    let mut secrets = SecretChange::default();
    // The same name at each change: new keys take effect when the endpoint looks at them again, as
    // the rules of 2019 say.
    let mut secret = |what: &str, new: Option<&NewSecret>, before: Option<&SecretRef>| {
        let kept = new.is_none().then(|| before.cloned()).flatten();
        kept.or_else(|| secrets.secret(format!("endpoint2019.{id}.{what}"), new, before))
    };
    let primary =
        secret("primary", patch.primary.as_ref(), before.and_then(|b| b.primary.as_ref()));
    let secondary =
        secret("secondary", patch.secondary.as_ref(), before.and_then(|b| b.secondary.as_ref()));
    if before.is_none() && primary.is_none() {
        return Err(missing("connectionString"));
    }
    let of_grid = kind == kind_of(EndpointType::EventGrid);
    for (field, new) in
        [("connectionString", &patch.primary), ("secondaryConnectionString", &patch.secondary)]
    {
        if !of_grid && let Some(text) = new.as_ref().and_then(NewSecret::text) {
            Endpoint::parse(text).map_err(|error| {
                let what = error.message.trim_end_matches('.').to_owned();
                ManagementError::bad_request(format!("«{field}» is no connection string: {what}."))
            })?;
        }
    }
    let spec = Endpoint2019Spec {
        kind,
        event_types: event_types.ok_or_else(|| missing("eventTypes"))?,
        path: path.filter(|path| !path.is_empty()).ok_or_else(|| missing("path"))?,
        primary,
        secondary,
        pause_minutes: before.and_then(|before| before.pause_minutes),
        first_events_after_minutes: before.and_then(|before| before.first_events_after_minutes),
    };
    Ok((spec, secrets))
}

fn event_type(name: &str) -> Result<EventType2019, ManagementError> {
    serde_json::from_value(json!(name)).map_err(|_| {
        ManagementError::bad_request(
            "«eventTypes» has another name than TopologyOperation, UdfCustom, SensorChange, SpaceChange and DeviceMessage.",
        )
    })
}

/// For DeviceMessage, `EntityPath` in the connection string is obligatory.
fn check_entity_path(
    embedded: &Embedded,
    spec: &Endpoint2019Spec,
    secrets: &SecretChange,
) -> Result<(), ManagementError> {
    let fields = [
        ("connectionString", spec.primary.as_ref()),
        ("secondaryConnectionString", spec.secondary.as_ref()),
    ];
    for (field, secret) in fields {
        let Some(SecretRef { secret }) = secret else { continue };
        let kept = || embedded.secrets.get(secret).ok().flatten();
        let Some(text) = secrets.keep.get(secret).cloned().or_else(kept) else { continue };
        let entity = entity_of(field, Some(&NewSecret::Is(text)))?;
        if entity.as_ref().is_some_and(|entity| !entity.eq_ignore_ascii_case(&spec.path)) {
            return Err(ManagementError::bad_request(format!(
                "The EntityPath of «{field}» is another event hub than «path» names."
            )));
        }
    }
    Ok(())
}

/// The secrets of an endpoint that were kept for it and for nothing else.
pub(super) fn own_secrets(id: &str, spec: &Endpoint2019Spec) -> BTreeSet<String> {
    let all = [spec.primary.as_ref(), spec.secondary.as_ref()].into_iter().flatten();
    let prefix = format!("endpoint2019.{id}.");
    let own = all.filter(|SecretRef { secret }| secret.starts_with(&prefix));
    own.map(|SecretRef { secret }| secret.clone()).collect()
}
