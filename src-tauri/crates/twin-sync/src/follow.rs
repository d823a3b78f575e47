//! The follower: one round after the other, never two at once.

use crate::copy::Copy;
use crate::pages::is_refusal;
use crate::{SyncError, SyncOptions, SyncState};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

/// Wishes kept until they are heard; past this many twins, everything is compared instead.
const TWINS_WISHED: usize = 64;
/// A lost connection is tried again ever later, this many times `changes_every` at most.
const SLOWEST: u32 = 10;

/// What the app wants to see at once.
#[derive(Default)]
pub(crate) struct Wishes {
    wanted: Mutex<Wanted>,
    waker: Notify,
}

#[derive(Default)]
struct Wanted {
    everything: bool,
    twins: BTreeSet<String>,
}

impl Wishes {
    pub(crate) fn everything(&self) {
        self.wish(|wanted| wanted.everything = true);
    }

    pub(crate) fn twin(&self, id: &str) {
        self.wish(|wanted| {
            if wanted.twins.len() < TWINS_WISHED {
                wanted.twins.insert(id.to_owned());
            } else {
                wanted.everything = true;
            }
        });
    }

    fn wish(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        self.waker.notify_one();
    }

    fn take(&self) -> Wanted {
        std::mem::take(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) struct Follower {
    copy: Copy,
    options: SyncOptions,
    wishes: Arc<Wishes>,
    state: watch::Sender<SyncState>,
    changes_at: Instant,
    everything_at: Instant,
    models_at: Instant,
    /// Whether the service answers the question for what changed.
    tells_changes: bool,
    failures: u32,
}

impl Follower {
    pub(crate) fn new(
        copy: Copy,
        options: SyncOptions,
        wishes: Arc<Wishes>,
    ) -> (Self, watch::Receiver<SyncState>) {
        let now = Instant::now();
        let (state, receiver) = watch::channel(SyncState {
            reachable: true,
            last_ok: now.into_std(),
            error: None,
            models_left_out: Arc::new(copy.left_out.reasons()),
            rows_left_out: copy.rows_left_out,
        });
        let follower = Self {
            changes_at: now + options.changes_every,
            everything_at: now + options.everything_every,
            models_at: now + options.models_every,
            copy,
            options,
            wishes,
            state,
            tells_changes: true,
            failures: 0,
        };
        (follower, receiver)
    }

    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                () = sleep_until(self.next_round()) => {}
                () = self.wishes.waker.notified() => {}
            }
            let wanted = self.wishes.take();
            let round = self.round(&wanted).await;
            match &round {
                Ok(()) => self.failures = 0,
                Err(_) => self.try_again_later(),
            }
            self.tell(round);
        }
    }

    fn next_round(&self) -> Instant {
        if self.tells_changes {
            self.changes_at.min(self.everything_at)
        } else {
            self.everything_at
        }
    }

    /// The next round compares everything: what was missed, or wished for, is not lost with the
    /// connection.
    fn try_again_later(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let pause = self.options.changes_every * self.failures.min(SLOWEST);
        self.changes_at = Instant::now() + pause;
        self.everything_at = self.changes_at;
    }

    async fn round(&mut self, wanted: &Wanted) -> Result<(), SyncError> {
        for id in &wanted.twins {
            self.copy.read_twin(id).await?;
        }
        if self.tells_changes && (wanted.everything || Instant::now() >= self.changes_at) {
            self.ask_for_changes().await?;
        }
        if Instant::now() >= self.models_at {
            self.copy.looked_for.clear();
            self.copy.unknown_model = true;
        }
        if self.copy.unknown_model || wanted.everything {
            self.copy.compare_models(&mut |_| ()).await?;
            self.models_at = Instant::now() + self.options.models_every;
        }
        if wanted.everything || Instant::now() >= self.everything_at {
            let began = Instant::now();
            self.copy.compare_everything().await?;
            self.everything_at = Instant::now() + self.pause_after(began.elapsed());
        }
        Ok(())
    }

    async fn ask_for_changes(&mut self) -> Result<(), SyncError> {
        match self.copy.ask_for_changes(self.options.overlap).await {
            Err(SyncError::Service(error)) if is_refusal(&error) => {
                tracing::info!(%error, "the instance does not tell what changed: everything is compared");
                self.tells_changes = false;
                self.everything_at = Instant::now();
                Ok(())
            }
            done => {
                self.changes_at = Instant::now() + self.options.changes_every;
                done
            }
        }
    }

    /// Until the next comparison. Where it is the only way to see a change it comes as often as it
    /// can without taking more than a tenth of the time.
    fn pause_after(&self, took: Duration) -> Duration {
        let SyncOptions { changes_every, everything_every, .. } = self.options;
        if self.tells_changes {
            return everything_every;
        }
        (took * 10).max(changes_every).min(everything_every.max(changes_every))
    }

    fn tell(&self, round: Result<(), SyncError>) {
        let error = round.err().map(|error| error.to_string());
        if let (Some(error), true) = (&error, self.state.borrow().reachable) {
            tracing::warn!(%error, "the copy of the remote instance is not in step");
        }
        let reasons = self.copy.left_out.reasons();
        self.state.send_modify(|state| {
            state.reachable = error.is_none();
            if state.reachable {
                state.last_ok = Instant::now().into_std();
            }
            state.error = error;
            state.rows_left_out = self.copy.rows_left_out;
            if *state.models_left_out != reasons {
                state.models_left_out = Arc::new(reasons);
            }
        });
    }
}
