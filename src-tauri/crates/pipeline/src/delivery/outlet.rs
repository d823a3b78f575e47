//! The way to one endpoint: where it is, which of its keys is used, and the client that there is.

use super::event_grid::GridSender;
use super::event_hub::EventHubSender;
use super::numbers::Times;
use super::outgoing::Outgoing;
use super::sender::{Lot, Sender, Trouble, trouble};
use super::service_bus::TopicSender;
use crate::{
    Authentication, Endpoint2019Spec, EndpointKind, EndpointSpec, SecretRef, Surroundings, TopicKey,
};
use messaging::client::{ClientError, Code, Endpoint, Retry};
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;

/// Where an endpoint is and with what it is opened, of either generation.
pub(super) struct Place {
    kind: EndpointKind,
    /// The event hub, topic, or Event Grid topic. `None` where the connection string says it.
    entity: Option<String>,
    /// Its own name, where nothing else names it.
    name: String,
    access: Access,
}

enum Access {
    Embedded,
    Identity { address: String },
    Keys { address: Option<String>, primary: SecretRef, secondary: Option<SecretRef> },
}

impl Place {
    pub(super) fn of(name: &str, spec: &EndpointSpec) -> Self {
        let access = match (spec.authentication, &spec.primary, &spec.address) {
            (Authentication::IdentityBased, _, Some(address)) => {
                Access::Identity { address: address.clone() }
            }
            (_, Some(primary), address) => Access::Keys {
                address: address.clone(),
                primary: primary.clone(),
                secondary: spec.secondary.clone(),
            },
            _ => Access::Embedded,
        };
        Self { kind: spec.kind, entity: spec.entity.clone(), name: name.to_owned(), access }
    }

    pub(super) fn of_2019(spec: &Endpoint2019Spec) -> Self {
        let host = spec.path.as_str();
        let address = if host.contains("://") {
            host.to_owned()
        } else {
            format!("https://{host}/api/events")
        };
        let keys = |primary: &SecretRef| Access::Keys {
            address: Some(address),
            primary: primary.clone(),
            secondary: spec.secondary.clone(),
        };
        Self {
            kind: spec.kind,
            entity: Some(spec.path.clone()),
            name: spec.path.clone(),
            access: spec.primary.as_ref().map_or(Access::Embedded, keys),
        }
    }

    fn has_secondary(&self) -> bool {
        matches!(self.access, Access::Keys { secondary: Some(_), .. })
    }

    async fn open(
        &self,
        key: Key,
        surroundings: &dyn Surroundings,
        retry: Retry,
    ) -> Result<Arc<dyn Sender>, ClientError> {
        let entity = self.entity.as_deref().unwrap_or(&self.name);
        let settings = |text: String| trouble(Code::Settings, &self.name, text);
        let secret = |named: &SecretRef| {
            let SecretRef { secret } = named;
            let missing = || settings(crate::no_secret(secret));
            surroundings.secret(secret).ok_or_else(missing)
        };
        let trust = surroundings.trust();
        if self.kind == EndpointKind::EventGrid {
            let TopicKey { endpoint, key } = match &self.access {
                Access::Embedded => surroundings.event_grid(entity).await.map_err(settings)?,
                Access::Identity { .. } => {
                    return Err(settings("Event Grid is opened with keys only".into()));
                }
                Access::Keys { address, primary, secondary } => TopicKey {
                    endpoint: address.clone().unwrap_or_default(),
                    key: secret(key.of(primary, secondary.as_ref()))?,
                },
            };
            return Ok(Arc::new(GridSender::new(&endpoint, key, &trust, retry)?));
        }
        let endpoint = match &self.access {
            Access::Embedded => {
                let made = match self.kind {
                    EndpointKind::EventHub => surroundings.event_hub(entity).await,
                    _ => surroundings.topic(entity, &[]).await,
                };
                Endpoint::parse(&made.map_err(settings)?)?
            }
            Access::Identity { address } => {
                let identity = surroundings.identity().map_err(settings)?;
                let (host, port) = host_of(address).ok_or_else(|| {
                    settings(format!("«{address}» is no address: write sb://NAMESPACE/"))
                })?;
                Endpoint { port, ..Endpoint::with_identity(&host, identity) }
            }
            Access::Keys { primary, secondary, .. } => {
                Endpoint::parse(&secret(key.of(primary, secondary.as_ref()))?)?
            }
        };
        let endpoint = endpoint.trusting(trust);
        // What the topology says goes before what the connection string says.
        let entity = match (&self.entity, &endpoint.entity) {
            (None, Some(_)) => None,
            _ => Some(entity),
        };
        Ok(match self.kind {
            EndpointKind::EventHub => Arc::new(EventHubSender::new(endpoint, entity, retry)?),
            _ => Arc::new(TopicSender::new(endpoint, entity, retry)?),
        })
    }
}

fn host_of(address: &str) -> Option<(String, Option<u16>)> {
    let text = if address.contains("://") { address.to_owned() } else { format!("sb://{address}") };
    let url = Url::parse(&text).ok()?;
    Some((url.host_str().filter(|host| !host.is_empty())?.to_owned(), url.port()))
}

/// Which key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Primary,
    Secondary,
}

impl Key {
    fn of<'a>(self, primary: &'a SecretRef, secondary: Option<&'a SecretRef>) -> &'a SecretRef {
        match (self, secondary) {
            (Self::Secondary, Some(secondary)) => secondary,
            _ => primary,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Primary => Self::Secondary,
            Self::Secondary => Self::Primary,
        }
    }
}

/// The way to one endpoint.
pub(super) struct Outlet {
    place: Place,
    surroundings: Arc<dyn Surroundings>,
    times: Times,
    sender: Option<Arc<dyn Sender>>,
    key: Key,
    /// The other key was refused since anything worked.
    other_refused: bool,
    /// When the primary key is to be tried again.
    primary_at: Option<Instant>,
}

impl Outlet {
    pub(super) fn new(place: Place, surroundings: Arc<dyn Surroundings>, times: Times) -> Self {
        Self {
            place,
            surroundings,
            times,
            sender: None,
            key: Key::Primary,
            other_refused: false,
            primary_at: None,
        }
    }

    /// The key that is used now.
    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// Sends events once.
    pub(super) async fn send(&mut self, events: &[&Outgoing]) -> Vec<Lot> {
        if self.primary_at.is_some_and(|at| at <= Instant::now()) {
            self.use_key(Key::Primary);
        }
        let sender = match self.sender().await {
            Ok(sender) => sender,
            Err(error) => {
                self.sender = None;
                return vec![Lot::failed((0..events.len()).collect(), Trouble::Endpoint(error))];
            }
        };
        let lots = sender.send(events).await;
        let mut troubles = lots.iter().filter_map(|lot| lot.result.as_ref().err());
        if troubles.any(|trouble| matches!(trouble, Trouble::Endpoint(_))) {
            // Keys and addresses are read anew, and a connection that hangs is left.
            self.sender = None;
        } else {
            self.other_refused = false;
        }
        lots
    }

    /// After a key was refused: whether there is another to try at once.
    pub(super) fn try_other_key(&mut self) -> bool {
        if !self.place.has_secondary() || self.other_refused {
            self.other_refused = false;
            self.use_key(Key::Primary);
            return false;
        }
        self.use_key(self.key.other());
        self.other_refused = true;
        true
    }

    fn use_key(&mut self, key: Key) {
        self.sender = None;
        self.key = key;
        let again = || Instant::now().checked_add(self.times.primary_again());
        self.primary_at = if key == Key::Secondary { again() } else { None };
    }

    async fn sender(&mut self) -> Result<Arc<dyn Sender>, ClientError> {
        if let Some(sender) = &self.sender {
            return Ok(sender.clone());
        }
        let retry = Retry {
            attempts: 1,
            first: Duration::ZERO,
            longest: Duration::ZERO,
            within: self.times.answer_within(),
        };
        let sender = self.place.open(self.key, &*self.surroundings, retry).await?;
        self.sender = Some(sender.clone());
        Ok(sender)
    }
}
