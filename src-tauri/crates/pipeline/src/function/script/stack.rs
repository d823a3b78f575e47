//! Threads whose stack is enough for the deepest script: one that overflows would end the app.

use std::sync::LazyLock;
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Only what is used of it is memory.
const BYTES: usize = 64 << 20;
/// Calls of all functions at once; more wait.
const MOST_THREADS: usize = 64;

/// Threads for what blocks, with such stacks. `None` where the system gives no more threads.
static THREADS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let mut builder = Builder::new_current_thread();
    builder.thread_name("script").thread_stack_size(BYTES).max_blocking_threads(MOST_THREADS);
    builder.build().inspect_err(|error| tracing::error!(%error, "there are no threads")).ok()
});

/// Does work beside the async threads.
pub(super) fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<JoinHandle<T>> {
    THREADS.as_ref().map(|threads| threads.spawn_blocking(work))
}

/// Does work and waits for it. `None` where the system gives no thread.
pub(super) fn here<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("script".into()).stack_size(BYTES);
        builder.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
