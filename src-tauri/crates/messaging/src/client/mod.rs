//! Clients of Event Hubs, Service Bus, Event Grid and IoT Hub: the embedded ones, Azure's, and
//! where there is one protocol, other brokers.
//!
//! An [`Endpoint`] says where a namespace is and with what one comes in. [`EventHubClient`] and
//! [`ServiceBusClient`] share how they connect, authorize and try again; what is theirs alone is
//! in a file each. All four fail with a [`ClientError`].

mod checkpoint;
mod connection;
mod endpoint;
mod error;
mod event_grid;
mod event_hub;
mod iot_hub;
mod message;
mod mqtt;
mod request;
mod retry;
mod service_bus;
mod transport;
mod trust;

pub use amqp::Value;
pub use checkpoint::{Checkpoint, CheckpointStore, FileCheckpoints};
pub use endpoint::{Access, Endpoint, WebSockets};
pub use error::{ClientError, Code};
pub use event_grid::{EventGridClient, TopicAccess};
pub use event_hub::{
    EventBatch, EventData, EventHubClient, HubProperties, Owner, PartitionProperties,
    PartitionReceiver, ReceiveOptions, ReceivedEvent, StartPosition, Target,
};
pub use iot_hub::DeviceClient;
pub use message::{Body, Properties};
pub use mqtt::{MqttClient, MqttError, MqttMessage, MqttOptions};
pub use retry::Retry;
pub use service_bus::{
    MessageBatch, MessageReceiver, MessageSender, MessageState, ReceiveMode, ReceivedMessage,
    ServiceBusClient, ServiceBusMessage, Session, Settlement, SubQueue,
};
pub use trust::Trust;
