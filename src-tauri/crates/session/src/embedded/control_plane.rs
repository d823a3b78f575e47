//! The control plane of an embedded instance: its endpoints, made and changed over REST.

mod of_2019;
mod today;

use super::Embedded;
use crate::failure::OpenError;
use crate::secrets::SecretError;
use adt_service::management::{
    ControlPlane, Endpoint2019Patch, EndpointType, ManagedEndpoint, ManagedEndpoint2019,
    ManagedInstance, ManagementError, NewEndpoint, NewSecret,
};
use async_trait::async_trait;
use pipeline::{EndpointKind, EndpointSpec, SecretRef, Topology};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

/// Names of instances have at most so many characters.
const LONGEST_NAME: usize = 63;

/// Manages an open instance.
pub(super) struct Management {
    embedded: Weak<Embedded>,
    /// Held while an endpoint is made or changed, so that two do not decide on the same state.
    changing: tokio::sync::Mutex<()>,
}

/// Secrets that are to be kept under their names, and names that nothing needs any more.
#[derive(Default)]
struct SecretChange {
    keep: BTreeMap<String, String>,
    forget: BTreeSet<String>,
}

impl Management {
    pub(super) fn of(embedded: &Arc<Embedded>) -> Arc<Self> {
        Arc::new(Self { embedded: Arc::downgrade(embedded), changing: Default::default() })
    }

    fn embedded(&self) -> Result<Arc<Embedded>, ManagementError> {
        let ending = || ManagementError::unavailable("The instance is ending.");
        self.embedded.upgrade().ok_or_else(ending)
    }
}

#[async_trait]
impl ControlPlane for Management {
    fn instance(&self) -> ManagedInstance {
        let Some(embedded) = self.embedded.upgrade() else { return unknown() };
        let (created, tags) = embedded.endpoints.instance();
        ManagedInstance {
            name: embedded.resource_name(),
            host_name: embedded.endpoint.trim_start_matches("https://").to_owned(),
            created,
            updated: tags.given.unwrap_or(created),
            tags: tags.tags,
        }
    }

    async fn set_tags(&self, tags: BTreeMap<String, String>) -> Result<(), ManagementError> {
        self.embedded()?.endpoints.set_tags(tags).await.map_err(|error| not_kept(&error))
    }

    fn endpoints(&self) -> Vec<ManagedEndpoint> {
        let Some(embedded) = self.embedded.upgrade() else { return Vec::new() };
        let topology = embedded.endpoints.merged(&embedded.topology());
        let managed = |(name, spec): (&String, &EndpointSpec)| {
            today::managed(name, spec, embedded.endpoints.times(name))
        };
        topology.endpoints.iter().map(managed).collect()
    }

    fn check_endpoint(&self, name: &str, new: &NewEndpoint) -> Result<(), ManagementError> {
        let embedded = self.embedded()?;
        today::plan(&embedded, name, new).map(drop)
    }

    async fn put_endpoint(&self, name: &str, new: NewEndpoint) -> Result<(), ManagementError> {
        let embedded = self.embedded()?;
        let _changing = self.changing.lock().await;
        let (spec, secrets) = today::plan(&embedded, name, &new)?;
        embedded.keep_secrets(&secrets)?;
        let file = embedded.topology();
        let put = embedded.endpoints.put(&file, name, Some(spec)).await;
        put.map_err(|error| not_kept(&error))?;
        embedded.deploy_again().await;
        embedded.forget_secrets(secrets);
        Ok(())
    }

    async fn delete_endpoint(&self, name: &str) -> Result<bool, ManagementError> {
        let embedded = self.embedded()?;
        let _changing = self.changing.lock().await;
        let file = embedded.topology();
        let before = embedded.endpoints.merged(&file);
        let Some(spec) = before.endpoints.get(name) else { return Ok(false) };
        let put = embedded.endpoints.put(&file, name, None).await;
        put.map_err(|error| not_kept(&error))?;
        embedded.deploy_again().await;
        embedded.forget_secrets(SecretChange {
            forget: today::own_secrets(name, spec),
            ..Default::default()
        });
        Ok(true)
    }

    fn endpoints_2019(&self) -> Vec<ManagedEndpoint2019> {
        let Some(embedded) = self.embedded.upgrade() else { return Vec::new() };
        let topology = embedded.endpoints.merged(&embedded.topology());
        topology.endpoints2019.iter().map(|(id, spec)| of_2019::managed(id, spec)).collect()
    }

    async fn create_endpoint_2019(
        &self,
        new: Endpoint2019Patch,
    ) -> Result<String, ManagementError> {
        let embedded = self.embedded()?;
        let _changing = self.changing.lock().await;
        let id = uuid::Uuid::new_v4().to_string();
        self.put_2019(&embedded, &id, None, new).await?;
        Ok(id)
    }

    async fn update_endpoint_2019(
        &self,
        id: &str,
        patch: Endpoint2019Patch,
    ) -> Result<(), ManagementError> {
        let embedded = self.embedded()?;
        let _changing = self.changing.lock().await;
        let topology = embedded.endpoints.merged(&embedded.topology());
        let found = topology.endpoints2019.iter().find(|(own, _)| own.eq_ignore_ascii_case(id));
        let (id, before) = found.ok_or_else(|| no_endpoint(id))?;
        self.put_2019(&embedded, id, Some(before), patch).await
    }

    fn resume_endpoint_2019(&self, id: &str) -> Result<(), ManagementError> {
        let embedded = self.embedded()?;
        let topology = embedded.endpoints.merged(&embedded.topology());
        let mut ids = topology.endpoints2019.keys();
        let id = ids.find(|own| own.eq_ignore_ascii_case(id)).ok_or_else(|| no_endpoint(id))?;
        let node = pipeline::node_id("endpoints2019", id);
        embedded.pipeline().parts().flow.nudge(&node);
        Ok(())
    }

    async fn delete_endpoint_2019(&self, id: &str) -> Result<(), ManagementError> {
        let embedded = self.embedded()?;
        let _changing = self.changing.lock().await;
        let file = embedded.topology();
        let topology = embedded.endpoints.merged(&file);
        let found = topology.endpoints2019.iter().find(|(own, _)| own.eq_ignore_ascii_case(id));
        let (id, spec) = found.ok_or_else(|| no_endpoint(id))?;
        let put = embedded.endpoints.put_2019(&file, id, None).await;
        put.map_err(|error| not_kept(&error))?;
        embedded.deploy_again().await;
        embedded.forget_secrets(SecretChange {
            forget: of_2019::own_secrets(id, spec),
            ..Default::default()
        });
        Ok(())
    }
}

impl Management {
    async fn put_2019(
        &self,
        embedded: &Arc<Embedded>,
        id: &str,
        before: Option<&pipeline::Endpoint2019Spec>,
        patch: Endpoint2019Patch,
    ) -> Result<(), ManagementError> {
        let (spec, secrets) = of_2019::plan(embedded, id, before, &patch)?;
        embedded.keep_secrets(&secrets)?;
        let file = embedded.topology();
        let put = embedded.endpoints.put_2019(&file, id, Some(spec)).await;
        put.map_err(|error| not_kept(&error))?;
        embedded.deploy_again().await;
        embedded.forget_secrets(secrets);
        Ok(())
    }
}

impl Embedded {
    /// The instance's name as a resource: the workspace's, as far as it can be one.
    pub(super) fn resource_name(&self) -> String {
        let name = match &self.source {
            Some(workspace::Source::Folder(folder)) => {
                folder.file_name().map(|name| name.to_string_lossy().into_owned())
            }
            Some(workspace::Source::Embedded) => Some("contoso-building".to_owned()),
            None => None,
        };
        resource_name(name.as_deref().unwrap_or_default())
    }

    /// What a change of the endpoint at a place makes wrong in the topology, if anything: there, or
    /// at what hangs on it.
    fn new_problem(&self, before: &Topology, after: &Topology, at: &str) -> Option<String> {
        let limits = self.instance.limiter().limits();
        let known = before.problems(&limits);
        let mut fresh = after.problems(&limits);
        fresh.retain(|problem| !known.contains(problem));
        let own = fresh.iter().position(|problem| problem.path.starts_with(at)).unwrap_or_default();
        fresh.into_iter().nth(own).map(|problem| problem.message)
    }

    fn keep_secrets(&self, change: &SecretChange) -> Result<(), ManagementError> {
        let kept = self.secrets.keep_all(&change.keep, &BTreeSet::new());
        kept.map_err(|error| match error {
            SecretError::Length(_) | SecretError::Name(_) => {
                ManagementError::bad_request(error.to_string())
            }
            SecretError::File { .. } | SecretError::Damaged { .. } => {
                ManagementError::unavailable(error.to_string())
            }
        })
    }

    /// Once nothing uses them.
    fn forget_secrets(&self, change: SecretChange) {
        let forget = &change.forget - &change.keep.into_keys().collect();
        if let Err(error) = self.secrets.keep_all(&BTreeMap::new(), &forget) {
            tracing::warn!(%error, "secrets that nothing needs could not be forgotten");
        }
    }
}

fn resource_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(plain).take(LONGEST_NAME).collect();
    let name = name.trim_matches('-');
    if name.len() < 3 { "twinscope".to_owned() } else { name.to_owned() }
}

fn unknown() -> ManagedInstance {
    let begin = twin_graph::Timestamp::from(std::time::UNIX_EPOCH);
    ManagedInstance {
        name: resource_name(""),
        host_name: String::new(),
        created: begin,
        updated: begin,
        tags: BTreeMap::new(),
    }
}

fn not_kept(error: &OpenError) -> ManagementError {
    ManagementError::unavailable(format!("It could not be kept: {error}"))
}

fn no_endpoint(id: &str) -> ManagementError {
    ManagementError::not_found(format!("There is no endpoint {id}."))
}

fn kind_of(kind: EndpointType) -> EndpointKind {
    match kind {
        EndpointType::EventGrid => EndpointKind::EventGrid,
        EndpointType::EventHub => EndpointKind::EventHub,
        EndpointType::ServiceBus => EndpointKind::ServiceBus,
    }
}

fn type_of(kind: EndpointKind) -> EndpointType {
    match kind {
        EndpointKind::EventGrid => EndpointType::EventGrid,
        EndpointKind::EventHub => EndpointType::EventHub,
        EndpointKind::ServiceBus => EndpointType::ServiceBus,
    }
}

impl SecretChange {
    /// The reference to a secret that was sent; `None` where none was.
    fn secret(
        &mut self,
        name: String,
        new: Option<&NewSecret>,
        before: Option<&SecretRef>,
    ) -> Option<SecretRef> {
        match new? {
            NewSecret::Kept => before.cloned(),
            NewSecret::Is(text) => {
                self.keep.insert(name.clone(), text.clone());
                Some(SecretRef { secret: name })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_names_its_instance() {
        for (name, expected) in [
            ("contoso-building", "contoso-building"),
            ("Büro 7", "B-ro-7"),
            ("-x-", "twinscope"),
            ("", "twinscope"),
            ("..", "twinscope"),
        ] {
            assert_eq!(resource_name(name), expected);
        }
        assert_eq!(resource_name(&"n".repeat(80)).len(), LONGEST_NAME);
    }
}
