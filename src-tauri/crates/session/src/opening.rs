//! What is told while something is opened.

use simulator::Recovering;

/// How far opening is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What is done now, in words.
    pub step: String,
    /// How many are done, of how many, where that is known.
    pub progress: Option<(u64, u64)>,
}

impl Opening {
    pub(crate) fn begins(step: &str) -> Self {
        Self { step: step.to_owned(), progress: None }
    }

    pub(crate) fn recovering(Recovering { what, done, total }: Recovering) -> Self {
        let step = format!("Recovering the twin graph: {what}");
        Self { step, progress: Some((done, total)) }
    }
}
