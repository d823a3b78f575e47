//! The embedded namespace of event hubs, queues and topics: opened, declared, listening.

use super::{EmbeddedOptions, blocking, iot_hub};
use crate::failure::OpenError;
use crate::tls::LocalCa;
use journal::Journal;
use messaging::namespace::{ListenOptions, Listening, Namespace};
use std::collections::BTreeMap;
use tokio::net::TcpListener;

/// A namespace that listens.
pub(super) struct Messaging {
    namespace: Namespace,
    listening: Listening,
    host: String,
    port: u16,
}

impl Messaging {
    /// Opens what the journal keeps, creates what is declared and not there yet, and serves what
    /// comes to `listener`.
    pub(super) async fn open(
        journal: &Journal,
        secret: &str,
        options: &EmbeddedOptions,
        ca: &LocalCa,
        listener: TcpListener,
    ) -> Result<Self, OpenError> {
        let (journal, secret) = (journal.clone(), secret.to_owned());
        let declared = options.entities.clone();
        let opened = blocking(move || {
            let namespace = Namespace::open(&journal, &secret)?;
            // Before what is declared, so that its name is not to be had.
            namespace.create_built_in_endpoint(iot_hub::NAME, iot_hub::PARTITIONS)?;
            namespace.declare(&declared)?;
            Ok::<_, OpenError>(namespace)
        });
        let namespace = opened.await??;
        let tls = iot_hub::tls(&*ca.server_config(&options.certificate_names())?);
        let host_names = options.certificate_names();
        let listen = ListenOptions { tls: Some(tls), host_names, ..Default::default() };
        let listening = namespace.listen(listener, listen).map_err(OpenError::Listen)?;
        let port = listening.port;
        let host = iot_hub::host_of(options.listen);
        Ok(Self { namespace, listening, host, port })
    }

    /// The namespace itself.
    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Host and port of AMQP.
    pub(super) fn address(&self) -> (String, u16) {
        (self.host.clone(), self.port)
    }

    /// What clients need to reach each event hub.
    pub(super) fn event_hubs(&self) -> BTreeMap<String, String> {
        let hubs = self.namespace.event_hubs();
        hubs.iter().map(|hub| self.entry(&hub.name)).collect()
    }

    /// What clients need to reach each queue and topic.
    pub(super) fn service_bus(&self) -> BTreeMap<String, String> {
        self.namespace.service_bus().0.iter().map(|name| self.entry(name)).collect()
    }

    fn entry(&self, name: &str) -> (String, String) {
        (name.to_owned(), self.namespace.connection_string(name, &self.host, self.port))
    }

    /// Answers what is under way, tells the clients, and ends.
    pub(super) async fn stop(self) {
        self.listening.stop().await;
    }
}
