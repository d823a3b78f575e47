//! The control plane: what Azure Resource Manager manages of an instance, and the endpoints of the
//! management API of 2019.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;
use twin_graph::Timestamp;

/// What can be managed of an instance. The server puts it on the network in the forms of Azure.
#[async_trait]
pub trait ControlPlane: Send + Sync {
    /// The instance.
    fn instance(&self) -> ManagedInstance;

    /// Gives it other tags, in place of those that it has.
    ///
    /// # Errors
    /// Where they cannot be kept.
    async fn set_tags(&self, tags: BTreeMap<String, String>) -> Result<(), ManagementError>;

    /// Its endpoints, by name.
    fn endpoints(&self) -> Vec<ManagedEndpoint>;

    /// Whether an endpoint could be made so, or changed to it, as far as that can be told at once.
    ///
    /// # Errors
    /// All that is wrong, in the first sentence of it.
    fn check_endpoint(&self, name: &str, new: &NewEndpoint) -> Result<(), ManagementError>;

    /// Makes an endpoint, or changes it, and returns when it takes events.
    ///
    /// # Errors
    /// As [`ControlPlane::check_endpoint`]; where what it names cannot be reached or opened.
    async fn put_endpoint(&self, name: &str, new: NewEndpoint) -> Result<(), ManagementError>;

    /// Takes an endpoint away; whether there was one.
    ///
    /// # Errors
    /// Where that cannot be kept.
    async fn delete_endpoint(&self, name: &str) -> Result<bool, ManagementError>;

    /// The endpoints by the rules of 2019, by id.
    fn endpoints_2019(&self) -> Vec<ManagedEndpoint2019>;

    /// Makes an endpoint of 2019; answers its id.
    ///
    /// # Errors
    /// A rule of 2019 that it does not keep, in a sentence.
    async fn create_endpoint_2019(&self, new: Endpoint2019Patch)
    -> Result<String, ManagementError>;

    /// Changes what the patch names of an endpoint of 2019.
    ///
    /// # Errors
    /// As [`ControlPlane::create_endpoint_2019`], and where there is none of that id.
    async fn update_endpoint_2019(
        &self,
        id: &str,
        patch: Endpoint2019Patch,
    ) -> Result<(), ManagementError>;

    /// Ends the pause of an endpoint of 2019 at once, so that new keys take effect; one that makes
    /// no pause goes on.
    ///
    /// # Errors
    /// Where there is none of that id.
    fn resume_endpoint_2019(&self, id: &str) -> Result<(), ManagementError>;

    /// Takes an endpoint of 2019 away.
    ///
    /// # Errors
    /// Where there is none of that id, or where it cannot be kept.
    async fn delete_endpoint_2019(&self, id: &str) -> Result<(), ManagementError>;
}

/// The instance as a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedInstance {
    /// Its name as a resource: 3 to 63 letters, digits and hyphens.
    pub name: String,
    /// Where the data plane listens, with its port.
    pub host_name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed as a resource.
    pub updated: Timestamp,
    /// For people.
    pub tags: BTreeMap<String, String>,
}

/// `endpointType`; of 2019 `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // each is the service's own word
pub enum EndpointType {
    EventGrid,
    EventHub,
    ServiceBus,
}

/// `authenticationType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // each is the service's own word
pub enum AuthenticationType {
    #[default]
    KeyBased,
    IdentityBased,
}

/// An endpoint as it is shown: no secret is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct ManagedEndpoint {
    /// Its name.
    pub name: String,
    /// What kind.
    pub kind: EndpointType,
    /// How it is opened.
    pub authentication: AuthenticationType,
    /// `endpointUri`; of Event Grid `TopicEndpoint`.
    pub address: Option<String>,
    /// `entityPath`.
    pub entity_path: Option<String>,
    /// Whether there is a second key.
    pub has_secondary: bool,
    /// Where dead letters go.
    pub dead_letter: ManagedDeadLetter,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// Where dead letters go, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ManagedDeadLetter {
    /// Nowhere.
    #[default]
    None,
    /// By a SAS URL, which is a secret.
    Secret,
    /// By this URL, with an identity.
    Uri(String),
}

/// An endpoint that is to be made, or what one is to become.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// What kind.
    pub kind: EndpointType,
    /// How it is opened.
    pub authentication: AuthenticationType,
    /// `endpointUri`; of Event Grid `TopicEndpoint`.
    pub address: Option<String>,
    /// `entityPath`.
    pub entity_path: Option<String>,
    /// Connection string; of Event Grid `accessKey1`.
    pub primary: Option<NewSecret>,
    /// Connection string; of Event Grid `accessKey2`.
    pub secondary: Option<NewSecret>,
    /// `deadLetterSecret`.
    pub dead_letter_secret: Option<NewSecret>,
    /// `deadLetterUri`.
    pub dead_letter_uri: Option<String>,
}

/// A secret that a client sends.
#[derive(Clone, PartialEq, Eq)]
pub enum NewSecret {
    /// As it was shown, without the secret: the one that is kept stays.
    Kept,
    /// This one.
    Is(String),
}

impl NewSecret {
    /// From a text that may be one that was shown.
    pub fn of(text: &str) -> Self {
        if text.contains("***") { Self::Kept } else { Self::Is(text.to_owned()) }
    }

    /// The secret, where it is a new one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Kept => None,
            Self::Is(text) => Some(text),
        }
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Kept { "Kept" } else { "Is(hidden)" })
    }
}

/// An endpoint of 2019 as it is shown: no secret is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManagedEndpoint2019 {
    /// Its id.
    pub id: String,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: EndpointType,
    /// Which types of events it takes.
    pub event_types: Vec<String>,
    /// The event hub or topic.
    pub path: String,
}

/// What is to be said of an endpoint of 2019; what is absent stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Endpoint2019Patch {
    /// What kind.
    pub kind: Option<EndpointType>,
    /// Which types of events it takes.
    pub event_types: Option<Vec<String>>,
    /// `connectionString`.
    pub primary: Option<NewSecret>,
    /// `secondaryConnectionString`.
    pub secondary: Option<NewSecret>,
    /// The event hub or topic; of Event Grid the topic's host name.
    pub path: Option<String>,
}

/// Why something could not be managed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ManagementError {
    /// The HTTP status.
    pub status: u16,
    /// `error.code`.
    pub code: &'static str,
    /// A sentence: what happened, and what to do.
    pub message: String,
}

impl ManagementError {
    /// What was asked for cannot be.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: 400, code: "BadRequest", message: message.into() }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: 404, code: "ResourceNotFound", message: message.into() }
    }

    /// Azure does it, and this program does not.
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self { status: 400, code: "NotSupported", message: message.into() }
    }

    /// It cannot be done now: a full disk.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { status: 503, code: "ServiceUnavailable", message: message.into() }
    }
}
