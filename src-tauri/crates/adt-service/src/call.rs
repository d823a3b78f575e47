//! What comes with every call.

use std::sync::Arc;
use twin_graph::{Cause, Origin, TraceContext};

/// Who calls, and in which trace.
#[derive(Clone, Debug)]
pub struct Call {
    /// Trace context of the caller; what the call changes carries a child of it.
    pub trace: TraceContext,
    /// Who calls.
    pub origin: Origin,
}

impl Call {
    /// A call of the given origin in a trace of its own.
    pub fn new(origin: Origin) -> Self {
        Self { trace: TraceContext::new(rand::random(), new_span()), origin }
    }

    /// A call within a trace that began elsewhere.
    pub fn within(trace: TraceContext, origin: Origin) -> Self {
        Self { trace, origin }
    }

    /// The cause of a change that this call makes: a fresh span of the same trace.
    pub fn cause(&self) -> Cause {
        Cause { trace: self.trace.child(new_span()), origin: self.origin.clone() }
    }
}

/// From the thread's own generator: asking the system costs as much as all else of a call.
fn new_span() -> u64 {
    rand::random()
}

/// The condition of an `If-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever the present ETag is.
    Any,
    /// Only if the present ETag is this one, in its full form `W/"…"`.
    Etag(Arc<str>),
}

impl IfMatch {
    /// Whether a thing with this ETag satisfies the condition.
    pub fn allows(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Etag(wanted) => &**wanted == etag,
        }
    }
}
