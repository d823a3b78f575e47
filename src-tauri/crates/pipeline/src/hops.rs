//! How many functions led to an event, one after another, as it travels beside `traceparent`.

/// This app's member of W3C `tracestate`.
const MEMBER: &str = "twinscope=";

/// The `tracestate` that tells of so many.
pub(crate) fn trace_state(hops: u64) -> String {
    format!("{MEMBER}{hops}")
}

/// How many a `tracestate` tells of.
pub(crate) fn of_trace_state(state: &str) -> u64 {
    let members = state.split(',');
    let own = members.filter_map(|member| member.trim().strip_prefix(MEMBER));
    own.filter_map(|hops| hops.parse().ok()).next().unwrap_or_default()
}
