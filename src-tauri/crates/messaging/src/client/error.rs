//! What can go wrong for a client, in one form for all four services.

use amqp::client::Failure;
use amqp::{Error, Outcome, condition};
use std::fmt;

/// What kind of thing went wrong; it says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The connection string or another setting does not serve.
    Settings,
    /// No connection, or it broke.
    Unreachable,
    /// Its certificate is not one to trust.
    Untrusted,
    /// The credential is refused, or there is none.
    Unauthorized,
    /// There is no such entity, partition, consumer group or message.
    NotFound,
    /// The message is larger than the service takes.
    TooLarge,
    /// The service has too much to do.
    Busy,
    /// A quota is used up.
    Quota,
    /// The lock of a message or session is over: another may have it.
    LockLost,
    /// Another receiver with a higher epoch, or of the same session, took over.
    Displaced,
    /// No answer in time.
    Timeout,
    /// The service refuses it for another reason, which it says.
    Refused,
    /// It was closed on this side.
    Closed,
}

impl Code {
    /// What to do about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Settings => "Copy the connection string again, or mend the setting",
            Self::Unreachable => "Check host, port, firewall and certificate, or try again",
            Self::Untrusted => "Trust the CA that signed its certificate, or check the host name",
            Self::Unauthorized => "Check the key or the role of the identity, and the clock",
            Self::NotFound => "Check the name, or create the entity",
            Self::TooLarge => "Send smaller messages or batches",
            Self::Busy | Self::Timeout => "Try again later",
            Self::Quota => "Make room, or raise the quota",
            Self::LockLost => "Receive the message again, and renew its lock in time",
            Self::Displaced => "Stop the other receiver, or receive with a higher epoch",
            Self::Refused => "See what the service says",
            Self::Closed => "Make a new client",
        }
    }

    /// Whether the same may work when it is tried again.
    #[must_use]
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy | Self::Timeout)
    }
}

/// An error of a client. It never shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientError {
    /// What kind.
    pub code: Code,
    /// Where: the entity's address, or the setting.
    pub place: String,
    /// What happened.
    pub message: String,
    /// The service's own name for it: an AMQP condition, an HTTP status, a return code of MQTT.
    pub detail: Option<String>,
    /// Whether it may have been done all the same: it was sent, and no answer came.
    pub unanswered: bool,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message.trim_end_matches('.'))?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        write!(f, ". {}.", self.code.advice())
    }
}

impl std::error::Error for ClientError {}

impl ClientError {
    pub(super) fn new(code: Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into(), detail: None, unanswered: false }
    }

    /// The same of what was on its way when it happened.
    pub(super) fn when_sent(self) -> Self {
        Self { unanswered: self.code.is_transient() && self.code != Code::Busy, ..self }
    }

    pub(super) fn settings(place: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Settings, place, message)
    }

    pub(super) fn timeout(place: &str) -> Self {
        Self::new(Code::Timeout, place, "there was no answer in time")
    }

    pub(super) fn of_failure(place: &str, failure: Failure) -> Self {
        let code = match failure {
            Failure::Closed(error) | Failure::Detached(error) => {
                return Self::of_amqp(place, error);
            }
            Failure::Broken(_) => Code::Unreachable,
            Failure::NotAmqp(_) => Code::Refused,
            Failure::NotAuthenticated => Code::Unauthorized,
            Failure::Settled => Code::LockLost,
            Failure::Over => Code::Closed,
        };
        Self::new(code, place, failure.to_string())
    }

    pub(super) fn of_amqp(place: &str, error: Error) -> Self {
        let code = match error.condition.as_ref() {
            condition::UNAUTHORIZED_ACCESS | "com.microsoft:auth-failed" => Code::Unauthorized,
            condition::NOT_FOUND | "com.microsoft:message-not-found" => Code::NotFound,
            condition::MESSAGE_SIZE_EXCEEDED => Code::TooLarge,
            "com.microsoft:server-busy" => Code::Busy,
            "com.microsoft:timeout" => Code::Timeout,
            condition::RESOURCE_LIMIT_EXCEEDED => Code::Quota,
            "com.microsoft:message-lock-lost" | "com.microsoft:session-lock-lost" => Code::LockLost,
            condition::LINK_STOLEN => Code::Displaced,
            // What services say when they move or restart, and when a link was idle.
            condition::CONNECTION_FORCED
            | condition::DETACH_FORCED
            | condition::INTERNAL_ERROR
            | "com.microsoft:container-close" => Code::Unreachable,
            _ => Code::Refused,
        };
        let detail = Some(error.condition.into_owned());
        let place = place.to_owned();
        Self { code, place, message: error.description, detail, unanswered: false }
    }

    /// What a service made of a message that was sent; an error where it did not take it.
    pub(super) fn of_outcome(place: &str, outcome: Outcome) -> Result<(), Self> {
        match outcome {
            Outcome::Accepted => Ok(()),
            Outcome::Rejected(Some(error)) => Err(Self::of_amqp(place, error)),
            Outcome::Rejected(None) => {
                Err(Self::new(Code::Refused, place, "the message was rejected"))
            }
            Outcome::Released | Outcome::Modified { .. } => {
                Err(Self::new(Code::Busy, place, "the message was not taken"))
            }
            Outcome::Other(state) => {
                Err(Self::new(Code::Refused, place, format!("it answered with {state:?}")))
            }
        }
    }

    /// A status of a `$management` or `$cbs` node.
    pub(super) fn of_status(place: &str, status: i64, error: Error) -> Self {
        let found = Self::of_amqp(place, error);
        let by_status = match status {
            401 | 403 if found.code == Code::Refused => Code::Unauthorized,
            404 => Code::NotFound,
            410 => Code::LockLost,
            429 | 503 => Code::Busy,
            408 | 504 => Code::Timeout,
            500 => Code::Unreachable,
            _ => found.code,
        };
        let detail = found.detail.filter(|condition| !condition.is_empty());
        let detail = detail.map_or_else(|| status.to_string(), |text| format!("{status}, {text}"));
        Self { code: by_status, detail: Some(detail), ..found }
    }
}
