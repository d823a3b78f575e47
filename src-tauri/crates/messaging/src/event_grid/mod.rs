//! Event Grid custom topics over HTTP.
