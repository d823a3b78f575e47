//! An index over the journal and the observations: filter, window, trace.
