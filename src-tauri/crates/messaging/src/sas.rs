//! Shared access: connection strings, and the tokens that are signed with their keys.
//!
//! Azure's rules, the same for all four services: a token is
//! `SharedAccessSignature sr=RESOURCE&sig=SIGNATURE&se=EXPIRY[&skn=POLICY]`, and the signature is
//! the HMAC-SHA256 of the still percent-encoded `sr`, a line feed, and `se`. Event Hubs, Service
//! Bus use the key's characters as they are; IoT Hub decodes them as base64 first.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt;
use thiserror::Error;

const SCHEME: &str = "SharedAccessSignature ";

/// What `encodeURIComponent` leaves alone, which is what the official clients sign with.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A secret key. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl Key {
    /// The characters as they are: Event Hubs and Service Bus.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// What the base64 text stands for: IoT Hub and Event Grid.
    ///
    /// # Errors
    /// [`SasError::NotBase64`].
    pub fn base64(text: &str) -> Result<Self, SasError> {
        STANDARD.decode(text.trim()).map(Self).map_err(|_| SasError::NotBase64)
    }

    /// 32 random bytes as base64 text, as the portal makes keys.
    #[must_use]
    pub fn random() -> String {
        let mut bytes = [0; 32];
        for half in bytes.chunks_mut(16) {
            half.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        }
        // A version-4 uuid has six fixed bits; what is left is hashed into an even key.
        STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes))
    }

    /// HMAC-SHA256 with this key, as base64.
    #[must_use]
    pub fn sign(&self, message: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        STANDARD.encode(hmac::sign(&key, message.as_bytes()))
    }

    /// Whether `signature` (base64) is this key's for `message`; in constant time.
    #[must_use]
    pub fn verifies(&self, message: &str, signature: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        STANDARD
            .decode(signature)
            .is_ok_and(|signature| hmac::verify(&key, message.as_bytes(), &signature).is_ok())
    }

    /// Whether `text` is this key; in constant time.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        constant_time::verify_slices_are_equal(&self.0, text.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Percent-encodes as the official clients do for `sr` and `sig`.
#[must_use]
pub fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// Makes a token. `resource` as it is, not encoded; `expires` in seconds since 1970; `policy` is
/// the key's name where the service wants one.
#[must_use]
pub fn sign(resource: &str, policy: Option<&str>, key: &Key, expires: u64) -> String {
    let resource = encode_component(resource);
    let signature = encode_component(&key.sign(&format!("{resource}\n{expires}")));
    let policy = policy.map_or_else(String::new, |name| format!("&skn={}", encode_component(name)));
    format!("{SCHEME}sr={resource}&sig={signature}&se={expires}{policy}")
}

/// A token that was read. Nothing of it is true until [`Token::check`] said so.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// `sr` as it was sent, percent-encoded.
    encoded: String,
    /// `se` as it was sent.
    expiry: String,
    signature: String,
    /// What it is for, decoded: a URL, or host and path.
    pub resource: String,
    /// The name of the key, where there is one.
    pub policy: Option<String>,
    /// When it expires, in seconds since 1970.
    pub expires: u64,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("resource", &self.resource)
            .field("policy", &self.policy)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Token {
    /// Reads a token; the parts may come in any order.
    ///
    /// # Errors
    /// [`SasError::NotAToken`] and what is missing.
    pub fn parse(text: &str) -> Result<Self, SasError> {
        let parts = text.trim().strip_prefix(SCHEME).ok_or(SasError::NotAToken("its scheme"))?;
        let part = |name: &str| {
            parts.split('&').find_map(|part| {
                let (key, value) = part.split_once('=')?;
                (key == name).then_some(value)
            })
        };
        let encoded = part("sr").ok_or(SasError::NotAToken("sr"))?;
        let expiry = part("se").ok_or(SasError::NotAToken("se"))?;
        Ok(Self {
            encoded: encoded.to_owned(),
            expiry: expiry.to_owned(),
            signature: decode(part("sig").ok_or(SasError::NotAToken("sig"))?)?,
            resource: decode(encoded)?,
            policy: part("skn").filter(|name| !name.is_empty()).map(decode).transpose()?,
            expires: expiry.parse().map_err(|_| SasError::NotAToken("se"))?,
        })
    }

    /// Whether the key signed it and it has not expired at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`SasError::WrongSignature`], [`SasError::Expired`].
    pub fn check(&self, key: &Key, now: u64) -> Result<(), SasError> {
        if !key.verifies(&format!("{}\n{}", self.encoded, self.expiry), &self.signature) {
            return Err(SasError::WrongSignature);
        }
        if self.expires <= now {
            return Err(SasError::Expired { at: self.expires, now });
        }
        Ok(())
    }

    /// Whether it is for `path` (no scheme, no host) or for something that contains it: a token
    /// for a namespace opens its hubs, one for a hub its partitions. Without regard to case.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        let own = path_of(&self.resource).to_ascii_lowercase();
        let path = path.trim_matches('/').to_ascii_lowercase();
        own.is_empty() || path == own || path.strip_prefix(&own).is_some_and(|r| r.starts_with('/'))
    }
}

/// The path of a URL, or of `host/path`; empty where there is only a host.
#[must_use]
pub fn path_of(resource: &str) -> &str {
    let rest = resource.split_once("://").map_or(resource, |(_, rest)| rest);
    rest.split_once('/').map_or("", |(_, path)| path.trim_matches('/'))
}

fn decode(text: &str) -> Result<String, SasError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| SasError::NotAToken("UTF-8"));
    Ok(decoded?.into_owned())
}

/// What is wrong with a token, a key or a connection string. Never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SasError {
    /// It does not have the form of a token; what is missing.
    #[error("this is no shared access signature: {0} is missing or malformed")]
    NotAToken(&'static str),
    /// Another key signed it, or it was changed since.
    #[error("the signature is not the key's: check the shared access key")]
    WrongSignature,
    /// It is over.
    #[error("the token expired at {at} (it is {now}, in seconds since 1970): get a new one")]
    Expired {
        /// When it expired.
        at: u64,
        /// What time it is.
        now: u64,
    },
    /// It is for something else.
    #[error("the token is for another resource: sign it for the entity that it is to open")]
    WrongResource,
    /// The key is not base64.
    #[error("the key is not base64: copy it again")]
    NotBase64,
    /// A connection string lacks something, or has it wrong.
    #[error("it has no usable {0}")]
    ConnectionString(&'static str),
}

/// A connection string's parts, of any of the four services. What it does not say is `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConnectionString {
    /// `Endpoint=sb://HOST[:PORT]/`: the host. IoT Hub: `HostName`.
    pub host: String,
    /// The port, where one is given.
    pub port: Option<u16>,
    /// `SharedAccessKeyName`.
    pub policy: Option<String>,
    /// `SharedAccessKey`, as text.
    pub key: Option<String>,
    /// `SharedAccessSignature`, a ready token.
    pub token: Option<String>,
    /// `EntityPath`: the hub, queue or topic.
    pub entity: Option<String>,
    /// `DeviceId` (IoT Hub).
    pub device: Option<String>,
    /// `UseDevelopmentEmulator=true`: plain TCP in place of TLS.
    pub emulator: bool,
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionString")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("policy", &self.policy)
            .field("entity", &self.entity)
            .field("device", &self.device)
            .field("emulator", &self.emulator)
            .finish_non_exhaustive()
    }
}

impl ConnectionString {
    /// Reads one. Names are compared without case, unknown ones are passed over, as the official
    /// clients do.
    ///
    /// # Errors
    /// [`SasError::ConnectionString`] where there is no host, or no `name=value`.
    pub fn parse(text: &str) -> Result<Self, SasError> {
        let mut read = Self::default();
        for part in text.trim().trim_matches('"').split(';').filter(|part| !part.trim().is_empty())
        {
            let (name, value) =
                part.split_once('=').ok_or(SasError::ConnectionString("list of name=value"))?;
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" | "hostname" => read.address(value)?,
                "sharedaccesskeyname" => read.policy = Some(value.to_owned()),
                "sharedaccesskey" => read.key = Some(value.to_owned()),
                "sharedaccesssignature" => read.token = Some(value.to_owned()),
                "entitypath" => read.entity = Some(value.to_owned()),
                "deviceid" => read.device = Some(value.to_owned()),
                "usedevelopmentemulator" => read.emulator = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        if read.host.is_empty() { Err(SasError::ConnectionString("Endpoint")) } else { Ok(read) }
    }

    fn address(&mut self, value: &str) -> Result<(), SasError> {
        let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            // `[::1]` has colons of its own.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = port.map(str::parse).transpose();
        self.port = port.map_err(|_| SasError::ConnectionString("port"))?;
        self.host = host.trim_matches(['[', ']']).to_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_token_opens_what_it_is_for_until_it_expires() {
        let key = Key::plain("secret");
        let text = sign("sb://localhost:5672/hub", Some("Root"), &key, 1_000);
        let token = Token::parse(&text).unwrap();
        assert_eq!((token.policy.as_deref(), token.expires), (Some("Root"), 1_000));
        assert_eq!(token.check(&key, 999), Ok(()));
        assert_eq!(token.check(&key, 1_000), Err(SasError::Expired { at: 1_000, now: 1_000 }));
        assert_eq!(token.check(&Key::plain("Secret"), 1), Err(SasError::WrongSignature));
        let later = Token::parse(&text.replace("se=1000", "se=9000")).unwrap();
        assert_eq!(later.check(&key, 1), Err(SasError::WrongSignature));
        for (path, covered) in
            [("hub", true), ("HUB/Partitions/0", true), ("hub2", false), ("other", false)]
        {
            assert_eq!(token.covers(path), covered, "{path}");
        }
        assert!(Token::parse(&sign("sb://localhost", None, &key, 1)).unwrap().covers("any"));
    }

    #[test]
    fn the_signature_is_the_one_that_the_official_clients_make() {
        // Computed with Python's hmac in the way of azure.eventhub's `_generate_sas_token`.
        let text = sign("sb://localhost/hub", Some("Root"), &Key::plain("secret"), 1_700_000_000);
        assert_eq!(
            text,
            "SharedAccessSignature sr=sb%3A%2F%2Flocalhost%2Fhub\
             &sig=ornRHtQ67p0LzxkB6vXurgrqv6IdTyZK5vLm2H4loEk%3D&se=1700000000&skn=Root"
        );
    }

    #[test]
    fn malformed_tokens_say_what_is_missing() {
        for (text, missing) in [
            ("", "its scheme"),
            ("SharedAccessSignature sig=a&se=1", "sr"),
            ("SharedAccessSignature sr=a&se=1", "sig"),
            ("SharedAccessSignature sr=a&sig=b", "se"),
            ("SharedAccessSignature sr=a&sig=b&se=soon", "se"),
            ("SharedAccessSignature sr=%ff&sig=b&se=1", "UTF-8"),
        ] {
            assert_eq!(Token::parse(text), Err(SasError::NotAToken(missing)), "{text}");
        }
    }

    #[test]
    fn connection_strings_of_all_services() {
        let hub = ConnectionString::parse(
            "Endpoint=sb://localhost:5673/;SharedAccessKeyName=R;SharedAccessKey=a=b==;EntityPath=h;UseDevelopmentEmulator=true;",
        )
        .unwrap();
        assert_eq!((hub.host.as_str(), hub.port), ("localhost", Some(5673)));
        assert_eq!((hub.key.as_deref(), hub.entity.as_deref()), (Some("a=b=="), Some("h")));
        assert!(hub.emulator);
        let device =
            ConnectionString::parse("HostName=h.net;DeviceId=d;SharedAccessKey=YQ==").unwrap();
        assert_eq!((device.host.as_str(), device.device.as_deref()), ("h.net", Some("d")));
        assert_eq!(ConnectionString::parse("Endpoint=sb://[::1]:7/").unwrap().host, "::1");
        for wrong in ["", "nothing", "Endpoint=sb://h:port/", "SharedAccessKey=a"] {
            assert!(ConnectionString::parse(wrong).is_err(), "{wrong}");
        }
        assert!(!format!("{hub:?}").contains("a=b=="));
    }
}
