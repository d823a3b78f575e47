//! Opening: one after the other, each shown as soon as there is something to be seen, and given up
//! when something else is opened or a person cancels.

use super::Explorer;
use crate::embedded::{Embedded, EmbeddedOptions, blocking, until_dropped};
use crate::failure::OpenError;
use crate::files::{self, Fate, Files, Mark, Told};
use crate::opened::{Opened, VIEWS_KEY};
use crate::opening::{Opening, Stage};
use crate::remote::Remote;
use crate::wire::{Credential, Target};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use workspace::Source;

/// Positions are kept this often, where they changed.
const KEEP_EVERY: Duration = Duration::from_secs(2);

impl Explorer {
    /// Begins to open something in place of what is open. Must be called within a tokio runtime.
    pub fn open(self: &Arc<Self>, target: Target) {
        self.begin(target, false);
    }

    /// As [`Explorer::open`]; where `anew`, what was made of files before is dropped first.
    pub(super) fn begin(self: &Arc<Self>, target: Target, anew: bool) {
        let number = self.next(|_| Some(Stage::begins(&target, "Opening")));
        let this = self.clone();
        tokio::spawn(async move {
            let _turn = this.opening.lock().await;
            if this.is_latest(number) {
                this.open_now(number, target, anew).await;
            }
        });
    }

    /// Gives up what is being opened: what was open before is there again.
    pub(super) fn cancel(&self) {
        let failure = OpenError::Cancelled.to_failure();
        self.next(|before| match before {
            Stage::Opening { target, .. } if self.opened.lock().is_none() => {
                Some(Stage::Failed { target: target.clone(), failure })
            }
            Stage::Opening { .. } => Some(Stage::Ready),
            _ => None,
        });
    }

    /// Goes on to another stage, where there is one: whatever is being opened is the latest no
    /// more. The lock on what arrives keeps [`Self::settle`] from coming between.
    fn next(&self, stage: impl FnOnce(&Stage) -> Option<Stage>) -> u32 {
        let mut arriving = self.arriving.lock();
        let mut current = self.stage.lock();
        if let Some(next) = stage(&current) {
            self.latest.send_modify(|latest| *latest += 1);
            (*arriving, *current) = (None, next);
        }
        *self.latest.borrow()
    }

    async fn open_now(self: &Arc<Self>, number: u32, target: Target, anew: bool) {
        // The old one first where both are one folder: its lock must be free.
        let same_folder = {
            let opened = self.opened.lock();
            let folder = |target| self.folders.data_of(target);
            opened.as_ref().is_some_and(|opened| folder(&opened.target) == folder(&target))
        };
        if same_folder {
            self.close().await;
        }
        match self.open_target(number, &target, anew).await {
            Ok(opened) => {
                opened.arrived();
                self.settings.lock().remember(&target);
                self.save_settings();
                if let Some(before) = self.settle(number, opened) {
                    let_go(before).await;
                }
            }
            Err(error) => {
                tracing::info!(%error, "could not be opened");
                let failure = error.to_failure();
                let _arriving = self.arriving.lock();
                if self.is_latest(number) {
                    *self.stage.lock() = Stage::Failed { target, failure };
                }
            }
        }
    }

    /// Puts what is whole in place of what was open, and answers what is to be closed now: that, or
    /// itself where it was given up at the last moment.
    fn settle(self: &Arc<Self>, number: u32, opened: Arc<Opened>) -> Option<Arc<Opened>> {
        let mut arriving = self.arriving.lock();
        if !self.is_latest(number) {
            return Some(opened);
        }
        self.keep_regularly(&opened);
        (*arriving, *self.stage.lock()) = (None, Stage::Ready);
        self.opened.lock().replace(opened)
    }

    async fn open_target(
        self: &Arc<Self>,
        number: u32,
        target: &Target,
        anew: bool,
    ) -> Result<Arc<Opened>, OpenError> {
        let data = self.folders.data_of(target);
        let source = match target {
            Target::Sample => Source::Embedded,
            Target::Workspace { path } => Source::Folder(PathBuf::from(path)),
            Target::Files { paths } => {
                return self.open_files(number, target, &Files::new(paths), &data, anew).await;
            }
            Target::Remote { endpoint, ca, credential } => {
                let at = (endpoint.as_str(), ca.as_deref(), credential);
                return self.open_remote(number, target, at, &data).await;
            }
        };
        let embedded = self.open_embedded(number, Some(source), &data).await?;
        Ok(Arc::new(Opened::embedded(number, target.clone(), embedded)))
    }

    /// Ends only where it is whole or failed, so that nothing holds the data folder any more; what
    /// was given up meanwhile is closed again.
    async fn open_embedded(
        self: &Arc<Self>,
        number: u32,
        source: Option<Source>,
        data: &Path,
    ) -> Result<Arc<Embedded>, OpenError> {
        let this = self.clone();
        let step = move |opening| {
            this.tell(number, opening);
            if this.is_latest(number) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let embedded = Embedded::open(EmbeddedOptions::new(source, data.to_owned()), step).await?;
        if !self.is_latest(number) {
            embedded.release().await;
            return Err(OpenError::Stopped);
        }
        Ok(embedded)
    }

    async fn open_files(
        self: &Arc<Self>,
        number: u32,
        target: &Target,
        files: &Files,
        data: &Path,
        anew: bool,
    ) -> Result<Arc<Opened>, OpenError> {
        let mut views = None;
        if let Some(mark) = Mark::of(data) {
            let embedded = self.open_embedded(number, None, data).await?;
            let version = embedded.instance.view().read().version();
            match files.fate(&mark, version) {
                Fate::Keep(problem) if !anew => {
                    embedded.report(problem);
                    return Ok(Arc::new(Opened::embedded(number, target.clone(), embedded)));
                }
                _ => {
                    let kept = embedded.journal.value(VIEWS_KEY);
                    embedded.release().await;
                    views = kept?;
                }
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut superseded = std::pin::pin!(self.superseded(number));
        let this = self.clone();
        let tell = Arc::new(move |opening| this.tell(number, opening));
        let read = files.read(Told { tell, stop: stop.clone() });
        let read = stopping(read, &mut superseded, &stop).await?;
        Mark::clear(data)?;
        let embedded = self.open_embedded(number, None, data).await?;
        if let Some(views) = views {
            let journal = embedded.journal.clone();
            let kept = blocking(move || journal.put_value(VIEWS_KEY, views).wait()).await;
            if let Err(error) = kept.and_then(|kept| kept.map_err(OpenError::from)) {
                embedded.release().await;
                return Err(error);
            }
        }
        let opened = Arc::new(Opened::embedded(number, target.clone(), embedded.clone()));
        opened.arrives();
        let (this, shown) = (self.clone(), opened.clone());
        let tell = Arc::new(move |opening: Opening| {
            this.arrive(number, &shown);
            this.tell(number, opening);
        });
        let told = Told { tell, stop: stop.clone() };
        let import = files::import(embedded.clone(), read, data.to_owned(), told);
        let imported = stopping(import, &mut superseded, &stop).await;
        if let Err(error) = imported {
            self.depart(number);
            drop(embedded);
            let_go(opened).await;
            return Err(error);
        }
        Ok(opened)
    }

    async fn open_remote(
        self: &Arc<Self>,
        number: u32,
        target: &Target,
        (endpoint, ca, credential): (&str, Option<&str>, &Credential),
        data: &Path,
    ) -> Result<Arc<Opened>, OpenError> {
        self.tell(number, Opening::begins("Connecting"));
        let (remote, load) = Remote::connect(endpoint, ca, credential, data).await?;
        let opened = Arc::new(Opened::remote(number, target.clone(), endpoint, remote));
        opened.arrives();
        let progress = |told: twin_sync::Progress| {
            if told.step != "models" {
                self.arrive(number, &opened);
            }
            let total = told.total.map(u64::from);
            let step = format!("Loading {}", told.step);
            let opening = Opening::of(step, told.done.into(), total);
            self.tell(number, Opening { to_come: told.to_come.into(), ..opening });
        };
        let loaded = tokio::select! {
            loaded = load.run(progress) => loaded.map_err(OpenError::Remote),
            () = self.superseded(number) => Err(OpenError::Stopped),
        };
        match loaded {
            Ok(graph) => opened.follow(graph),
            Err(error) => {
                self.depart(number);
                let_go(opened).await;
                return Err(error);
            }
        }
        Ok(opened)
    }

    /// Shows what is being opened.
    fn arrive(&self, number: u32, opened: &Arc<Opened>) {
        let mut arriving = self.arriving.lock();
        if self.is_latest(number) && arriving.is_none() {
            *arriving = Some(opened.clone());
        }
    }

    /// Shows it no more.
    fn depart(&self, number: u32) {
        let mut arriving = self.arriving.lock();
        if arriving.as_ref().is_some_and(|opened| opened.number == number) {
            *arriving = None;
        }
    }

    fn tell(&self, number: u32, opening: Opening) {
        if self.is_latest(number) {
            self.stage.lock().tell(Instant::now(), opening);
        }
    }

    fn is_latest(&self, number: u32) -> bool {
        *self.latest.borrow() == number
    }

    /// Returns when something else is to be opened, or nothing.
    async fn superseded(&self, number: u32) {
        let mut latest = self.latest.subscribe();
        // The sender lives as long as this explorer.
        let _ = latest.wait_for(|latest| *latest != number).await;
    }

    fn keep_regularly(&self, opened: &Arc<Opened>) {
        let weak = Arc::downgrade(opened);
        let keep = async move {
            loop {
                tokio::time::sleep(KEEP_EVERY).await;
                let Some(opened) = weak.upgrade() else { return };
                opened.keep_views().await;
            }
        };
        if let Some(old) = self.keeper.lock().replace(tokio::spawn(keep)) {
            old.abort();
        }
    }

    /// Closes what is open, in order.
    pub async fn close(&self) {
        let opened = self.opened.lock().take();
        if let Some(opened) = opened {
            let_go(opened).await;
        }
    }
}

/// Does work to its end, which comes early once `stop` is set: when something else is opened.
async fn stopping<T>(
    work: impl Future<Output = Result<T, OpenError>>,
    superseded: &mut (impl Future<Output = ()> + Unpin),
    stop: &AtomicBool,
) -> Result<T, OpenError> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = superseded => stop.store(true, Relaxed),
    }
    // What is under way ends soon, and what it made is closed in order.
    work.await.and(Err(OpenError::Stopped))
}

/// Stops it. Requests under way end soon; then its data folder is free.
async fn let_go(opened: Arc<Opened>) {
    opened.stop().await;
    until_dropped(opened).await;
}
