//! The keys of a hub's devices and policies: derived from one secret, so that no list of them is
//! kept anywhere.

use crate::sas::Key;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The secret that every key of a hub is derived from. It never leaves the data folder.
#[derive(Clone)]
pub struct HubSecret(Key);

impl fmt::Debug for HubSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HubSecret(…)")
    }
}

/// Which of the two keys of a device or policy: one serves while the other is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Which {
    /// The primary key.
    Primary,
    /// The secondary key.
    Secondary,
}

/// A shared access policy of the hub, as Azure makes them with every hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// May do everything.
    IotHubOwner,
    /// May send to devices and call their methods.
    Service,
    /// May connect as any device.
    Device,
    /// May create and delete devices.
    RegistryReadWrite,
}

impl Policy {
    /// The policy of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::IotHubOwner, Self::Service, Self::Device, Self::RegistryReadWrite];
        all.into_iter().find(|policy| policy.name() == name)
    }

    /// Its name, as `skn` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IotHubOwner => "iothubowner",
            Self::Service => "service",
            Self::Device => "device",
            Self::RegistryReadWrite => "registryReadWrite",
        }
    }

    /// Whether it opens what `needed` opens.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self == needed || self == Self::IotHubOwner
    }
}

impl HubSecret {
    /// From any text that nobody else knows.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Key::plain(secret))
    }

    /// A device's key, base64. `generation` is another for a device that was deleted and made
    /// again, so that old keys do not open the new one.
    #[must_use]
    pub fn device_key(&self, device: &str, generation: u64, which: Which) -> String {
        self.0.sign(&format!("device\n{which:?}\n{generation}\n{device}"))
    }

    /// A policy's key, base64.
    #[must_use]
    pub fn policy_key(&self, policy: Policy) -> String {
        self.0.sign(&format!("policy\n{}", policy.name()))
    }
}
