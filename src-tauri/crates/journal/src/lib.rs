//! Durable streams: append, group commit, cursors, snapshots, retention.
