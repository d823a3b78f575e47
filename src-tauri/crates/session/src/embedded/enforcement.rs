//! Which limits hold, and how far queries are behind: as the start says, else as was chosen in the
//! window and is kept in the data folder.

use super::{Embedded, EmbeddedOptions, blocking};
use crate::failure::OpenError;
use crate::wire::{Failure, LimitsChoice};
use adt_limits::Limits;
use journal::Journal;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

const KEY: &str = "enforcement";
/// The longest that queries can be behind, in seconds.
pub(crate) const LONGEST_LAG: f64 = 600.0;

/// How far queries are behind writes; not at all where `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryLag(pub Option<Duration>);

/// What was chosen in the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Chosen {
    limits: LimitsChoice,
    /// Of a file of limits what it said when it was read last.
    file: Option<String>,
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

    /// What holds. What a file said when it was chosen was checked then.
    fn limits(&self) -> Limits {
        match &self.limits {
            LimitsChoice::Service => Limits::service(),
            LimitsChoice::None => Limits::none(),
            LimitsChoice::File(_) => {
                let text = self.file.as_deref().unwrap_or("{}");
                Limits::parse(text).unwrap_or_else(|_| Limits::service())
            }
        }
    }

    /// Reads a file of limits again; what is wrong with it, where what it said before holds on.
    fn read_again(&mut self) -> Option<String> {
        let LimitsChoice::File(path) = &self.limits else { return None };
        match read(path) {
            Ok(text) => {
                self.file = Some(text);
                None
            }
            Err(problem) => Some(problem),
        }
    }

    fn query_lag(&self) -> Option<Duration> {
        let seconds = self.query_lag_seconds.filter(|&seconds| is_lag(seconds))?;
        Some(Duration::from_secs_f64(seconds))
    }
}

/// A file of limits has no more.
const MOST_BYTES: u64 = 64 * 1024;

/// The text of a file of limits that fits; else what is wrong, with the place.
fn read(path: &str) -> Result<String, String> {
    let told = |error: &dyn std::fmt::Display| format!("«{path}»: {error}.");
    if !Path::new(path).is_absolute() {
        return Err(told(&"give the whole path of the file, from the root on"));
    }
    let length = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if length > MOST_BYTES {
        return Err(told(&"a file of limits has at most 64 KiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
    Limits::parse(&text).map_err(|error| format!("«{path}», {error}."))?;
    Ok(text)
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
    /// What is wrong with the file of limits that was chosen.
    problem: Option<String>,
}

/// What was given at the start and holds until the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed {
    pub(crate) limits: bool,
    pub(crate) query_lag: bool,
}

impl Enforcement {
    pub(super) fn of(options: &EmbeddedOptions, journal: &Journal) -> Self {
        let mut chosen = Chosen::kept(journal);
        let problem = if options.limits.is_none() { chosen.read_again() } else { None };
        Self {
            limits: options.limits.clone().unwrap_or_else(|| chosen.limits()),
            query_lag: options.query_lag.map_or_else(|| chosen.query_lag(), |QueryLag(lag)| lag),
            chosen,
            fixed: Fixed {
                limits: options.limits.is_some(),
                query_lag: options.query_lag.is_some(),
            },
            problem,
        }
    }

    /// What of the window's choice holds here and may surprise, in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let limits = match &self.chosen.limits {
            _ if self.fixed.limits => None,
            LimitsChoice::Service => None,
            LimitsChoice::None => Some("No limits hold".to_owned()),
            LimitsChoice::File(path) => Some(format!("The limits of «{path}» hold")),
        };
        let limits = limits.map(|what| {
            format!(
                "{what}, as was chosen in the window; `--limits service` brings the service's back."
            )
        });
        let problem = self.problem.as_ref().map(|problem| {
            format!("The file of limits cannot be read again, and what it said before holds on. {problem}")
        });
        let lag = self.query_lag.filter(|_| !self.fixed.query_lag).map(|lag| {
            let seconds = lag.as_secs_f64();
            format!(
                "Queries are {seconds} s behind, as was chosen in the window; `--query-lag off` ends that."
            )
        });
        limits.into_iter().chain(problem).chain(lag).collect()
    }
}

impl Embedded {
    /// Lets other limits hold, from now on and after the next start.
    ///
    /// # Errors
    /// A file of limits that cannot be read or does not fit, with the place in it; or where the
    /// choice cannot be kept. Then those hold that held before.
    pub(crate) async fn choose_limits(&self, limits: LimitsChoice) -> Result<(), Failure> {
        let file = match &limits {
            LimitsChoice::File(path) => {
                let path = path.clone();
                let text =
                    blocking(move || read(&path)).await.map_err(|error| error.to_failure())?;
                Some(text.map_err(not_chosen)?)
            }
            LimitsChoice::Service | LimitsChoice::None => None,
        };
        let chosen = Chosen { limits, file, ..self.chosen.lock().clone() };
        let numbers = chosen.limits();
        self.keep(chosen).await.map_err(|error| error.to_failure())?;
        self.instance.limiter().set(&numbers);
        Ok(())
    }

    /// The file of limits that was chosen and holds.
    pub(crate) fn limits_file(&self) -> Option<String> {
        match &self.chosen.lock().limits {
            LimitsChoice::File(path) if !self.fixed.limits => Some(path.clone()),
            _ => None,
        }
    }

    /// Lets queries be that far behind, from now on and after the next start.
    pub(crate) async fn choose_query_lag(&self, seconds: Option<f64>) -> Result<(), OpenError> {
        let chosen = Chosen { query_lag_seconds: seconds, ..self.chosen.lock().clone() };
        let lag = chosen.query_lag();
        self.keep(chosen).await?;
        self.instance.set_query_lag(lag)?;
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

fn not_chosen(problem: String) -> Failure {
    Failure {
        code: "LimitsFile".to_owned(),
        message: format!(
            "{problem} Mend it and choose it again; until then those limits hold that held before."
        ),
        details: Vec::new(),
    }
}
