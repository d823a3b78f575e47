//! Who may publish to a topic: its keys, and tokens signed with them.
//!
//! Source: "Authenticate Event Grid publishing clients using access keys or shared access
//! signatures" (Microsoft Learn), and azure-eventgrid 4.22.1 (`generate_sas`).

use crate::sas::Key;
use percent_encoding::percent_decode_str;

/// A topic's two keys, base64.
#[derive(Clone)]
pub struct TopicKeys {
    /// The primary.
    pub primary: String,
    /// The secondary.
    pub secondary: String,
}

impl std::fmt::Debug for TopicKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TopicKeys(…)")
    }
}

impl TopicKeys {
    //= ours: A topic's two keys are derived from the data folder's secret.
    /// A topic's keys, derived from a secret that nobody else knows.
    #[must_use]
    pub fn derived(secret: &str, topic: &str) -> Self {
        let key = |which: &str| Key::plain(secret).sign(&format!("event grid\n{which}\n{topic}"));
        Self { primary: key("primary"), secondary: key("secondary") }
    }

    /// Whether `key` is one of them.
    #[must_use]
    pub fn open(&self, key: &str) -> bool {
        [&self.primary, &self.secondary].into_iter().any(|own| Key::plain(own).is(key))
    }

    /// Checks a token, `r=RESOURCE&e=EXPIRY&s=SIGNATURE`, at `now` (seconds since 1970), for the
    /// topic at this path.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_token(&self, token: &str, path: &str, now: i64) -> Result<(), &'static str> {
        let (unsigned, signature) = token.rsplit_once("&s=").ok_or("it has no signature")?;
        let part = |name: &str| {
            let value = unsigned.split('&').find_map(|part| part.strip_prefix(name))?;
            percent_decode_str(value).decode_utf8().ok()
        };
        let resource = part("r=").ok_or("it names no resource")?;
        let expiry = part("e=").ok_or("it does not say when it expires")?;
        let signature =
            percent_decode_str(signature).decode_utf8().map_err(|_| "it is no UTF-8")?;
        let signed = [&self.primary, &self.secondary]
            .into_iter()
            .any(|key| Key::base64(key).is_ok_and(|key| key.verifies(unsigned, &signature)));
        if !signed {
            return Err("its signature is not of a key of this topic");
        }
        let expires = seconds(&expiry).ok_or("its expiry is no time")?;
        if expires <= now {
            return Err("it has expired");
        }
        let resource = resource.split('?').next().unwrap_or_default();
        let own = resource.trim_end_matches('/').to_ascii_lowercase();
        if !own.ends_with(&path.trim_end_matches('/').to_ascii_lowercase()) {
            return Err("it is for another topic");
        }
        Ok(())
    }
}

/// The forms in which clients write an expiry: ISO 8601 with or without an offset (Python,
/// JavaScript), and US English (.NET).
fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.replace(' ', "T").parse::<jiff::Timestamp>() {
        return Some(time.as_second());
    }
    let civil = text
        .replace(' ', "T")
        .parse::<jiff::civil::DateTime>()
        .or_else(|_| jiff::civil::DateTime::strptime("%m/%d/%Y %I:%M:%S %p", text))
        .or_else(|_| jiff::civil::DateTime::strptime("%m/%d/%Y %H:%M:%S", text));
    let zoned = civil.ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sas::encode_component;

    fn token(keys: &TopicKeys, resource: &str, expiry: &str) -> String {
        let unsigned = format!("r={}&e={}", encode_component(resource), encode_component(expiry));
        let signature = Key::base64(&keys.secondary).unwrap().sign(&unsigned);
        format!("{unsigned}&s={}", encode_component(&signature))
    }

    #[test]
    fn keys_and_tokens() {
        let keys = TopicKeys::derived("secret", "t");
        assert!(keys.open(&keys.primary) && keys.open(&keys.secondary));
        assert!(!keys.open("") && !keys.open(&TopicKeys::derived("secret", "u").primary));
        let resource = "http://localhost:1/t/api/events?apiVersion=2018-01-01";
        for expiry in [
            "2033-05-18 03:33:20+00:00",
            "2033-05-18T03:33:20.5Z",
            "2033-05-18 03:33:20",
            "5/18/2033 3:33:20 AM",
        ] {
            let token = token(&keys, resource, expiry);
            assert_eq!(
                keys.check_token(&token, "/t/api/events", 1_999_999_999),
                Ok(()),
                "{expiry}"
            );
            let late = keys.check_token(&token, "/t/api/events", 2_000_000_001);
            assert_eq!(late, Err("it has expired"));
            assert_eq!(
                keys.check_token(&token, "/u/api/events", 0),
                Err("it is for another topic")
            );
            let changed = token.replace("2033", "2034");
            assert!(
                keys.check_token(&changed, "/t/api/events", 0).unwrap_err().contains("signature")
            );
        }
        for wrong in ["", "r=a", "r=a&e=b", "&s=", "e=b&s=c"] {
            assert!(keys.check_token(wrong, "/t", 0).is_err());
        }
    }
}
