//! The workspace folder: load, check, watch, differences, write back.
