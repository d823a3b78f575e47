//! Trying again: how often, and how long after.

use super::ClientError;
use std::time::Duration;

/// How a client tries again after what may pass: a broken connection, a busy service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often something is tried in all.
    pub attempts: u32,
    /// The pause after the first attempt; each further is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long one attempt may take.
    pub within: Duration,
}

impl Default for Retry {
    /// Four attempts of at most 30 seconds, 0.4, 0.8 and 1.6 seconds apart.
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(400),
            longest: Duration::from_secs(30),
            within: Duration::from_secs(30),
        }
    }
}

impl Retry {
    /// Attempts at one thing.
    pub(super) fn attempts(self) -> Attempts {
        Attempts { retry: self, made: 0 }
    }
}

pub(super) struct Attempts {
    retry: Retry,
    made: u32,
}

impl Attempts {
    /// Waits before the next attempt.
    ///
    /// # Errors
    /// What went wrong, where there is no use in trying again.
    pub(super) async fn pause(&mut self, error: ClientError) -> Result<(), ClientError> {
        self.made += 1;
        if !error.code.is_transient() || self.made >= self.retry.attempts {
            return Err(error);
        }
        let doubled = self.retry.first.saturating_mul(1 << (self.made - 1).min(20));
        let pause = doubled.min(self.retry.longest);
        // Clients that lost the same server should not come back in step.
        let part = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
        tracing::debug!(%error, ?pause, "trying again");
        tokio::time::sleep(pause * (256 + part) / 384).await;
        Ok(())
    }
}
