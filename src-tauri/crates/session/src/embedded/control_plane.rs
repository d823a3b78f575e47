//! The control plane of an embedded instance: its endpoints, made and changed over REST.

mod of_2019;
mod today;

use super::Embedded;
use super::endpoints::Undo;
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
        embedded.set_to_work(put, secrets).await
    }

    async fn delete_endpoint(&self, name: &str) -> Result<bool, ManagementError> {
        let embedded = self.embedded()?;
        let _changing = self.changing.lock().await;
        let file = embedded.topology();
        let before = embedded.endpoints.merged(&file);
        let Some(spec) = before.endpoints.get(name) else { return Ok(false) };
        let put = embedded.endpoints.put(&file, name, None).await;
        let secrets = SecretChange::forgetting(today::own_secrets(name, spec));
        embedded.set_to_work(put, secrets).await?;
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
        embedded.set_to_work(put, SecretChange::forgetting(of_2019::own_secrets(id, spec))).await
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
        embedded.set_to_work(put, secrets).await
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

    /// Sets what REST said about an endpoint to work, and forgets the secrets that it needs no
    /// more. Where it cannot be, it is taken back, with its new secrets.
    async fn set_to_work(
        self: &Arc<Self>,
        put: Result<Undo, OpenError>,
        secrets: SecretChange,
    ) -> Result<(), ManagementError> {
        let fresh: BTreeSet<String> = secrets.keep.into_keys().collect();
        let undo = match put {
            Ok(undo) => undo,
            Err(error) => {
                self.forget_secrets(&fresh);
                return Err(not_kept(&error));
            }
        };
        let Err(error) = self.deploy_again().await else {
            self.forget_secrets(&(&secrets.forget - &fresh));
            return Ok(());
        };
        match self.endpoints.undo(undo).await {
            Ok(()) => {
                if let Err(error) = self.deploy_again().await {
                    tracing::error!(%error, "what REST said about an endpoint was taken back in part");
                }
                self.forget_secrets(&fresh);
            }
            Err(error) => {
                tracing::error!(%error, "what REST said about an endpoint cannot be taken back");
            }
        }
        Err(not_at_work(&error))
    }

    /// The secrets that were kept for endpoints by what REST said about them.
    pub(super) fn secrets_of_endpoints(&self) -> BTreeSet<String> {
        let (laid, now) = (self.endpoints.laid(), self.deployed().topology);
        let own = |topology: &Topology| {
            let today =
                topology.endpoints.iter().flat_map(|(name, spec)| today::own_secrets(name, spec));
            let of_2019 =
                topology.endpoints2019.iter().flat_map(|(id, spec)| of_2019::own_secrets(id, spec));
            today.chain(of_2019).collect::<BTreeSet<_>>()
        };
        &own(&laid) | &own(&now)
    }

    /// Forgets those of some secrets that the topology at work does not name.
    pub(super) fn forget_unnamed(&self, mut secrets: BTreeSet<String>) {
        let named = self.deployed().topology.secrets();
        secrets.retain(|secret| !named.contains(secret));
        self.forget_secrets(&secrets);
    }

    /// Once nothing uses them.
    fn forget_secrets(&self, forget: &BTreeSet<String>) {
        if forget.is_empty() {
            return;
        }
        if let Err(error) = self.secrets.keep_all(&BTreeMap::new(), forget) {
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

fn not_at_work(error: &OpenError) -> ManagementError {
    ManagementError::unavailable(format!(
        "It could not be set to work, and all is as it was before: {error}"
    ))
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
    fn forgetting(forget: BTreeSet<String>) -> Self {
        Self { forget, ..Self::default() }
    }

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
