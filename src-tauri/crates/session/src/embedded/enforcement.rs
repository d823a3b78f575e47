//! Which limits hold, and how far queries are behind: as the start says, else as was chosen in the
//! window and is kept in the data folder.

use super::{Embedded, EmbeddedOptions, blocking};
use crate::failure::OpenError;
use crate::wire::LimitsChoice;
use adt_limits::Limits;
use journal::Journal;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const KEY: &str = "enforcement";
/// The longest that queries can be behind, in seconds.
pub(crate) const LONGEST_LAG: f64 = 600.0;

/// How far queries are behind writes; not at all where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryLag(pub Option<Duration>);

/// What was chosen in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Chosen {
    limits: LimitsChoice,
    query_lag_seconds: Option<f64>,
}

impl Chosen {
    fn kept(journal: &Journal) -> Self {
        let kept = journal.value(KEY).map_err(|error| error.to_string());
        let read = kept.and_then(|bytes| match bytes {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            None => Ok(Self::default()),
        });
        read.unwrap_or_else(|error| {
            tracing::warn!(error, "which limits were chosen cannot be read; the service's hold");
            Self::default()
        })
    }

    fn limits(self) -> Limits {
        match self.limits {
            LimitsChoice::Service => Limits::service(),
            LimitsChoice::None => Limits::none(),
        }
    }

    fn query_lag(self) -> Option<Duration> {
        let seconds = self.query_lag_seconds.filter(|&seconds| is_lag(seconds))?;
        Some(Duration::from_secs_f64(seconds))
    }
}

/// Whether queries can be that far behind.
pub(crate) fn is_lag(seconds: f64) -> bool {
    seconds > 0.0 && seconds <= LONGEST_LAG
}

/// What holds at the start, and what of it is not to be chosen otherwise.
pub(super) struct Enforcement {
    pub(super) limits: Limits,
    pub(super) query_lag: Option<Duration>,
    pub(super) chosen: Chosen,
    pub(super) fixed: Fixed,
}

/// What was given at the start and holds until the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    pub(crate) limits: bool,
    pub(crate) query_lag: bool,
}

impl Enforcement {
    pub(super) fn of(options: &EmbeddedOptions, journal: &Journal) -> Self {
        let chosen = Chosen::kept(journal);
        Self {
            limits: options.limits.clone().unwrap_or_else(|| chosen.limits()),
            query_lag: options.query_lag.map_or_else(|| chosen.query_lag(), |QueryLag(lag)| lag),
            chosen,
            fixed: Fixed {
                limits: options.limits.is_some(),
                query_lag: options.query_lag.is_some(),
            },
        }
    }

    /// What of the window's choice holds here and may surprise, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let none = self.chosen.limits == LimitsChoice::None && !self.fixed.limits;
        let none = none.then(|| {
            "No limits hold, as was chosen in the window; `--limits service` brings them back."
                .to_owned()
        });
        let lag = self.query_lag.filter(|_| !self.fixed.query_lag).map(|lag| {
            let seconds = lag.as_secs_f64();
            format!(
                "Queries are {seconds} s behind, as was chosen in the window; `--query-lag off` ends that."
            )
        });
        none.into_iter().chain(lag).collect()
    }
}

impl Embedded {
    /// Lets other limits hold, from now on and after the next start.
    pub(crate) async fn choose_limits(&self, limits: LimitsChoice) -> Result<(), OpenError> {
        let chosen = Chosen { limits, ..*self.chosen.lock() };
        self.keep(chosen).await?;
        self.instance.limiter().set(&chosen.limits());
        Ok(())
    }

    /// Lets queries be that far behind, from now on and after the next start.
    pub(crate) async fn choose_query_lag(&self, seconds: Option<f64>) -> Result<(), OpenError> {
        let chosen = Chosen { query_lag_seconds: seconds, ..*self.chosen.lock() };
        self.keep(chosen).await?;
        self.instance.set_query_lag(chosen.query_lag())?;
        Ok(())
    }

    async fn keep(&self, chosen: Chosen) -> Result<(), OpenError> {
        let bytes = serde_json::to_vec(&chosen).unwrap_or_default();
        let journal = self.journal.clone();
        blocking(move || journal.put_value(KEY, bytes).wait()).await??;
        *self.chosen.lock() = chosen;
        Ok(())
    }
}
