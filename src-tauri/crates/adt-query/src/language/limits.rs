//! What a query may not exceed.
//!
//! Source: "Azure Digital Twins service limits", section "Query API", as documented in 01/2025,
//! and the pages of the clauses.

/// Characters of a query's text.
pub const MAX_TEXT: usize = 8_000;
/// AND and OR operators of a query.
pub const MAX_LOGICAL_OPERATORS: usize = 50;
/// Items of an IN or NIN list. The page on operators says 100, the page on limits 50; a query
/// that either page allows is taken.
pub const MAX_LIST_ITEMS: usize = 100;
/// JOINs of a query.
pub const MAX_JOINS: usize = 5;
/// Hops of a relationship condition of MATCH.
pub const MAX_HOPS: u32 = 10;
/// Rows of a page.
pub const MAX_PAGE: usize = 1_000;
/// How deeply parentheses and NOTs may be nested. Not of the service: it keeps our stack bounded.
pub const MAX_DEPTH: usize = 100;
/// Relationship conditions of a MATCH. Not of the service, whose limit is the text: it keeps a
/// row's memory and our stack bounded.
pub const MAX_LINKS: usize = 100;
/// Seconds that a query may take.
pub const MAX_SECONDS: u64 = 60;
