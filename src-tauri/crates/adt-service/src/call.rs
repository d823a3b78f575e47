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
        let (trace_id, span_id) = uuid::Uuid::new_v4().as_u64_pair();
        let trace_id = (u128::from(trace_id) << 64) | u128::from(span_id);
        Self { trace: TraceContext::new(trace_id, new_span()), origin }
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

fn new_span() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
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
