//! IoT Hub: a device that sends telemetry and takes messages, and connects again by itself.

use super::mqtt::{MqttClient, MqttError, MqttMessage, MqttOptions};
use super::retry::{Attempts, Retry};
use super::{ClientError, Code, Trust};
use crate::iot_hub::Properties;
use bytes::Bytes;
use rustls::ClientConfig;
use std::sync::Arc;

/// The port of MQTT over TLS, which Azure has.
const PORT: u16 = 8_883;

/// A device of an IoT hub. Each connection has a token of its own, signed when it is made.
pub struct DeviceClient {
    connection_string: String,
    port: u16,
    tls: Arc<ClientConfig>,
    device: String,
    place: String,
    retry: Retry,
    client: Option<MqttClient>,
}

impl DeviceClient {
    /// A device by its connection string; it connects when it is used. `port` where it is not
    /// 8883.
    ///
    /// # Errors
    /// [`Code::Settings`].
    pub fn new(
        connection_string: &str,
        port: Option<u16>,
        trust: &Trust,
        retry: Retry,
    ) -> Result<Self, ClientError> {
        let (port, tls) = (port.unwrap_or(PORT), trust.tls()?);
        let options = MqttOptions::device(connection_string, port, tls.clone())
            .map_err(|error| ClientError::settings("The connection string", error.to_string()))?;
        Ok(Self {
            connection_string: connection_string.to_owned(),
            port,
            tls,
            place: format!("{}:{port}/devices/{}", options.host, options.client_id),
            device: options.client_id,
            retry,
            client: None,
        })
    }

    /// Sends telemetry; it returns when the hub has it. Where the connection breaks it is sent
    /// again: the hub may then have it twice.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(
        &mut self,
        body: impl Into<Bytes>,
        properties: &Properties,
    ) -> Result<(), ClientError> {
        let (body, device) = (body.into(), self.device.clone());
        let mut attempts = self.retry.attempts();
        loop {
            let sent = match self.connected().await {
                Ok(client) => client.send_telemetry(&device, properties, body.clone()).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(()) => return Ok(()),
                Err(error) => self.lost(error, &mut attempts).await?,
            }
        }
    }

    /// The next message to the device; connects again while it waits. It is acknowledged when it
    /// is taken. It can be used in `select!`: nothing is lost when it is dropped.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn next_message(&mut self) -> Result<MqttMessage, ClientError> {
        let mut attempts = self.retry.attempts();
        loop {
            let came = match self.connected().await {
                Ok(client) => {
                    let ended = || MqttError::Ended("the hub ended it".into());
                    client.next_message().await.ok_or_else(ended)
                }
                Err(error) => Err(error),
            };
            match came {
                Ok(message) => return Ok(message),
                Err(error) => self.lost(error, &mut attempts).await?,
            }
        }
    }

    async fn lost(&mut self, error: MqttError, again: &mut Attempts) -> Result<(), ClientError> {
        self.client = None;
        again.pause(self.error(&error)).await
    }

    async fn connected(&mut self) -> Result<&mut MqttClient, MqttError> {
        let connected = match self.client.take() {
            Some(connected) => connected,
            None => {
                let tls = self.tls.clone();
                let options = MqttOptions::device(&self.connection_string, self.port, tls)?;
                let connected = MqttClient::connect(&options).await?;
                connected.subscribe_device_bound(&self.device).await?;
                connected
            }
        };
        Ok(self.client.insert(connected))
    }

    fn error(&self, error: &MqttError) -> ClientError {
        let code = match error {
            MqttError::ConnectionString(_) => Code::Settings,
            MqttError::Unreachable { .. } | MqttError::Ended(_) => Code::Unreachable,
            MqttError::Refused(_) | MqttError::NotSubscribed(_) => Code::Unauthorized,
        };
        ClientError::new(code, self.place.as_str(), error.to_string())
    }

    /// Says DISCONNECT.
    pub async fn disconnect(self) {
        if let Some(client) = self.client {
            client.disconnect().await;
        }
    }
}
