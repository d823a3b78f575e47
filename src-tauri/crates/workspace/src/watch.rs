//! Watches the folder, as any editor may change it.

use crate::source::{FLOOR_PLAN, FUNCTIONS, MODELS, TOPOLOGY, TWINS, VIEWS};
use notify::event::{EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use thiserror::Error;

/// An editor's save is several events: they are over when nothing came for this long.
const QUIET: Duration = Duration::from_millis(200);
/// A file that is written to all the time is looked at this often all the same.
const LONGEST: Duration = Duration::from_secs(2);
/// How often to see whether a folder that went away came back.
const TICK: Duration = Duration::from_secs(1);

/// Why a folder cannot be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The system does not watch it, for example as it watches too many already.
    #[error(
        "the folder cannot be watched ({0}); changes are seen when the workspace is opened again"
    )]
    System(#[from] notify::Error),
    /// No thread or no absolute path.
    #[error(
        "the folder cannot be watched ({0}); changes are seen when the workspace is opened again"
    )]
    Start(#[from] std::io::Error),
}

/// A folder being watched, until this is dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

/// Calls `on_change`, on a thread of its own, about 200 ms after files of the workspace changed.
///
/// The app's own temporary files and what is hidden do not count. A folder that is deleted is a
/// change, and one more when it comes back.
///
/// # Errors
/// Where the system cannot watch.
pub fn watch(folder: &Path, on_change: impl Fn() + Send + 'static) -> Result<Watch, WatchError> {
    let folder = std::path::absolute(folder)?;
    // One pending wake-up says it all.
    let (wake, woken) = sync_channel(1);
    let mut folders = Folders::new(folder, wake.clone())?;
    folders.renew()?;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let run = move || run(&mut folders, &woken, &stopped, on_change);
    let thread = thread::Builder::new().name("workspace-watch".into()).spawn(run)?;
    Ok(Watch { stop, wake, thread: Some(thread) })
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Where it is full, the thread wakes anyway.
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

fn run(folders: &mut Folders, woken: &Receiver<()>, stop: &AtomicBool, on_change: impl Fn()) {
    loop {
        let mut changed = match woken.recv_timeout(TICK) {
            Ok(()) => settle(woken, stop),
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if stop.load(Ordering::Acquire) {
            return;
        }
        match folders.renew() {
            Ok(renewed) => changed |= renewed,
            Err(error) => tracing::warn!(%error, "the workspace's folder is not watched any more"),
        }
        if changed {
            on_change();
        }
    }
}

/// Waits until nothing more happens.
fn settle(woken: &Receiver<()>, stop: &AtomicBool) -> bool {
    let start = Instant::now();
    while !stop.load(Ordering::Acquire) && start.elapsed() < LONGEST {
        if woken.recv_timeout(QUIET).is_err() {
            break;
        }
    }
    true
}

/// The folders watched: the workspace's own, and those of models and functions with all within
/// them.
struct Folders {
    watcher: RecommendedWatcher,
    watched: [(PathBuf, RecursiveMode, Option<u64>); 3],
    /// A watched folder was deleted or moved: the system watches it no more, even if another one
    /// has its name already.
    lost: Arc<AtomicBool>,
}

impl Folders {
    fn new(folder: PathBuf, wake: SyncSender<()>) -> notify::Result<Self> {
        let lost = Arc::new(AtomicBool::new(false));
        let (root, loses) = (folder.clone(), lost.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            match event {
                Ok(event) if !matters(&root, &event) => return,
                Ok(event) if removes(&root, &event) => loses.store(true, Ordering::Release),
                // An error means that events were missed.
                _ => {}
            }
            let _ = wake.try_send(());
        })?;
        let (models, functions) = (folder.join(MODELS), folder.join(FUNCTIONS));
        let watched = [
            (folder, RecursiveMode::NonRecursive, None),
            (models, RecursiveMode::Recursive, None),
            (functions, RecursiveMode::Recursive, None),
        ];
        Ok(Self { watcher, watched, lost })
    }

    /// Watches what is there now; whether that is something else than before.
    fn renew(&mut self) -> notify::Result<bool> {
        let lost = self.lost.swap(false, Ordering::AcqRel);
        let mut renewed = false;
        for (path, mode, known) in &mut self.watched {
            let now = identity(path);
            if *known == now && !(lost && now.is_some()) {
                continue;
            }
            renewed = true;
            // There may be nothing to unwatch any more.
            let _ = self.watcher.unwatch(path);
            *known = None;
            if now.is_some() {
                match self.watcher.watch(path, *mode) {
                    Ok(()) => *known = now,
                    // It went away again: the next tick sees.
                    Err(_) if identity(path).is_none() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(renewed)
    }
}

/// Tells a folder from another one in its place, as far as the system numbers them; a number may
/// be used again, which is what [`Folders::lost`] is for.
fn identity(folder: &Path) -> Option<u64> {
    let metadata = folder.metadata().ok().filter(std::fs::Metadata::is_dir)?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let number = u64::from(metadata.is_dir());
    Some(number)
}

/// Whether it is a change of a file of the workspace.
fn matters(root: &Path, event: &Event) -> bool {
    if matches!(event.kind, EventKind::Access(_)) {
        return false;
    }
    event.need_rescan()
        || event.paths.is_empty()
        || event.paths.iter().any(|path| is_file(root, path))
}

fn is_file(root: &Path, path: &Path) -> bool {
    // Some systems give the path that a link leads to: better once too often.
    let Ok(within) = path.strip_prefix(root) else { return true };
    let names: Vec<_> = within.iter().map(|name| name.to_string_lossy()).collect();
    let known = [FUNCTIONS, MODELS, TWINS, TOPOLOGY, FLOOR_PLAN, VIEWS];
    names.first().is_none_or(|name| known.contains(&name.as_ref()))
        && names.last().is_none_or(|name| !name.starts_with('.'))
}

fn removes(root: &Path, event: &Event) -> bool {
    let is_folder = |path: &PathBuf| {
        path == root || [MODELS, FUNCTIONS].iter().any(|own| *path == root.join(own))
    };
    matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
        && event.paths.iter().any(is_folder)
}
