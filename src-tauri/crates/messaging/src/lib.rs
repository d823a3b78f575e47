//! Event Hubs, Service Bus, Event Grid and IoT Hub: the embedded servers, which official clients
//! use unchanged, and clients for the same four that serve the embedded ones and Azure alike.
//!
//! It knows nothing of twins. What a server keeps is a stream of the crate `journal`: accepted
//! means fsynced.

pub mod client;
mod clock;
pub mod event_grid;
pub mod event_hubs;
pub mod http;
pub mod iot_hub;
pub mod namespace;
pub mod sas;
pub mod service_bus;
pub mod traffic;
mod websocket;
