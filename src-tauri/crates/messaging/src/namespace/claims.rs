//! What one connection may touch: claims from tokens, which expire, or all, with PLAIN.

use super::refusal::unauthorized;
use crate::clock::now_seconds;
use crate::sas::{Key, SasError, Token, path_of};
use amqp::{Error, LinkControl, condition};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::AbortHandle;

/// How many claims a connection may hold: a client has one a link, at most.
const MOST_CLAIMS: usize = 1_000;
const MANAGEMENT: &str = "/$management";

/// The namespace's shared access policy: all rights.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) key: String,
}

/// The claims and links of one connection.
#[derive(Default)]
pub(crate) struct Claims {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Authenticated with the key itself.
    all: bool,
    by_path: HashMap<String, Claim>,
    links: HashMap<u64, (String, LinkControl)>,
    next_link: u64,
}

struct Claim {
    expires: u64,
    timer: AbortHandle,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

/// Keeps a link known until it is dropped.
pub(crate) struct LinkEntry {
    claims: Arc<Claims>,
    id: u64,
}

impl Drop for LinkEntry {
    fn drop(&mut self) {
        self.claims.state.lock().links.remove(&self.id);
    }
}

impl Claims {
    /// SASL PLAIN: the policy's name and key.
    pub(crate) fn authenticate(&self, response: &[u8], policy: &Policy) -> bool {
        let mut parts = response.split(|byte| *byte == 0).skip(1);
        let text = |part: Option<&[u8]>| part.and_then(|p| String::from_utf8(p.to_vec()).ok());
        let (Some(name), Some(key)) = (text(parts.next()), text(parts.next())) else {
            return false;
        };
        let known = Key::plain(&policy.key).is(&key) && name == policy.name;
        self.state.lock().all |= known;
        known
    }

    /// Takes a token for what `name` names.
    pub(crate) fn put(
        self: &Arc<Self>,
        name: &str,
        token: &str,
        policy: &Policy,
    ) -> Result<(), Error> {
        let path = claimed(name);
        let now = now_seconds();
        let token = check(token, &path, policy, now).map_err(|error| {
            Error::new(condition::UNAUTHORIZED_ACCESS, in_the_services_words(&error))
        })?;
        let mut state = self.state.lock();
        if state.by_path.len() >= MOST_CLAIMS && !state.by_path.contains_key(&path) {
            let text = "too many claims on one connection";
            return Err(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
        }
        let left = Duration::from_secs(token.expires.saturating_sub(now));
        let claims = Arc::downgrade(self);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(left).await;
            if let Some(claims) = claims.upgrade() {
                claims.end_expired();
            }
        });
        let claim = Claim { expires: token.expires, timer: timer.abort_handle() };
        state.by_path.insert(path, claim);
        Ok(())
    }

    /// Whether there is a claim for a path now.
    pub(crate) fn check(&self, path: &str) -> Result<(), Error> {
        if self.state.lock().allow(path, now_seconds()) { Ok(()) } else { Err(unauthorized(path)) }
    }

    /// Remembers a link, to end it when its claim expires.
    pub(crate) fn register(self: &Arc<Self>, path: &str, control: LinkControl) -> LinkEntry {
        let mut state = self.state.lock();
        state.next_link += 1;
        let id = state.next_link;
        state.links.insert(id, (path.to_owned(), control));
        LinkEntry { claims: self.clone(), id }
    }

    //= documented: Links end when their token expires and no other was put.
    fn end_expired(&self) {
        let mut state = self.state.lock();
        // The timer that calls this may be a moment early by the clock on the wall.
        let now = now_seconds() + 1;
        let expired: Vec<u64> = state
            .links
            .iter()
            .filter(|(_, (path, _))| !state.allow(path, now))
            .map(|(id, _)| *id)
            .collect();
        for (path, control) in expired.iter().filter_map(|id| state.links.remove(id)) {
            let text = format!("ExpiredToken: The token is expired. Resource: '{path}'.");
            control.detach(Error::new(condition::UNAUTHORIZED_ACCESS, text));
        }
    }
}

impl State {
    fn allow(&self, path: &str, now: u64) -> bool {
        let path = path.to_ascii_lowercase();
        self.all
            || self.by_path.iter().any(|(claimed, claim)| {
                claim.expires > now
                    && (claimed.is_empty()
                        || path
                            .strip_prefix(claimed)
                            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
            })
    }
}

/// The path that a claim's name stands for: the JavaScript clients name `$management` nodes.
fn claimed(name: &str) -> String {
    let path = path_of(name).to_ascii_lowercase();
    path.strip_suffix(MANAGEMENT).unwrap_or(&path).to_owned()
}

fn check(token: &str, path: &str, policy: &Policy, now: u64) -> Result<Token, SasError> {
    let token = Token::parse(token)?;
    if token.policy.as_deref() != Some(&policy.name) {
        return Err(SasError::WrongSignature);
    }
    token.check(&Key::plain(&policy.key), now)?;
    // A token for a `$management` node opens what it manages.
    let covers = token.covers(path) || token.covers(&format!("{path}{MANAGEMENT}"));
    if covers { Ok(token) } else { Err(SasError::WrongResource) }
}

//= recorded: The words for a token that is expired or forged (401); those for another resource
//  are of the REST API. [Azure/azure-service-bus-java#354, Azure/azure-sdk-for-java#30723,
//  sandrinodimattia/RedDog#4]
fn in_the_services_words(error: &SasError) -> String {
    match error {
        SasError::Expired { at, .. } => {
            let at = i64::try_from(*at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
            let at = at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
            let at = at.unwrap_or_default();
            format!("ExpiredToken: The token is expired. Expiration time: '{at}'. {error}")
        }
        SasError::WrongSignature => {
            format!("InvalidSignature: The token has an invalid signature. {error}")
        }
        SasError::WrongResource => {
            format!("InvalidAudience: The token's audience is wrong. {error}")
        }
        other => format!("InvalidToken: {other}"),
    }
}
