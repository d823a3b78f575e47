//! Who may connect as which device.

use super::device::Device;
use super::{IotHub, Policy, Which};
use crate::sas::{Key, Token, encode_component, path_of};
use std::sync::Arc;

/// A device that proved who it is.
pub(super) struct Authenticated {
    pub(super) device: Arc<Device>,
    /// When its token expires, in seconds since 1970.
    pub(super) expires: u64,
}

impl IotHub {
    //= client: A wrong or expired token is CONNACK 5, which the device SDK turns into
    //  CredentialError.
    /// Checks what a client says in CONNECT. The error is why it is refused, for the counters;
    /// the client only learns that it is not authorized. `now` in seconds since 1970.
    pub(super) fn authenticate(
        &self,
        client_id: &str,
        username: &str,
        password: &[u8],
        now: u64,
    ) -> Result<Authenticated, &'static str> {
        // `{hub}/{device}/?api-version=…`, or without what is behind the device.
        let mut parts = username.splitn(3, '/');
        let (Some(host), Some(name)) = (parts.next(), parts.next()) else {
            return Err("user name that names no hub and device");
        };
        if name != client_id {
            return Err("client id that is not the user name's device");
        }
        let token = std::str::from_utf8(password).ok().and_then(|text| Token::parse(text).ok());
        let token = token.ok_or("password that is no shared access signature")?;
        let device = self.registry.device(client_id).ok_or("unknown device")?;
        let (enabled, generation) = {
            let state = device.state.lock();
            (state.kept.enabled, state.kept.generation)
        };
        if !is_for(&token.resource, host, client_id) {
            return Err("token of another hub or device");
        }
        let keys = match token.policy.as_deref() {
            None => [Which::Primary, Which::Secondary]
                .map(|which| self.secret.device_key(client_id, generation, which))
                .to_vec(),
            Some(name) => match Policy::named(name) {
                Some(policy) if policy.includes(Policy::Device) => vec![self.policy_key(policy)],
                _ => return Err("token of a policy that lets no device in"),
            },
        };
        let keys = keys.iter().filter_map(|key| Key::base64(key).ok());
        match keys.map(|key| token.check(&key, now)).find(|checked| !is_wrong(checked)) {
            Some(Ok(())) if enabled => Ok(Authenticated { device, expires: token.expires }),
            Some(Ok(())) => Err("disabled device"),
            Some(Err(_)) => Err("expired token"),
            None => Err("wrong key"),
        }
    }
}

fn is_wrong(checked: &Result<(), crate::sas::SasError>) -> bool {
    matches!(checked, Err(crate::sas::SasError::WrongSignature))
}

/// Whether a token's resource is the hub's or this device's. Device ids are told apart by case;
/// some clients encode them twice.
fn is_for(resource: &str, host: &str, device: &str) -> bool {
    let own = resource.split('/').next().unwrap_or_default();
    if !own.eq_ignore_ascii_case(host) {
        return false;
    }
    let path = path_of(resource);
    let of_device = path.strip_prefix("devices/");
    path.is_empty() || of_device == Some(device) || of_device == Some(&encode_component(device))
}
