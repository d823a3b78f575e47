//! What a query may not exceed.
//!
//! The service's numbers are those of [`adt_limits`]; the hops are of the page on MATCH.

use adt_limits::Limit;

/// Characters of a query's text.
pub const MAX_TEXT: usize = Limit::QueryText.row().number() as usize;
/// AND and OR operators of a query.
pub const MAX_LOGICAL_OPERATORS: usize = Limit::QueryOperators.row().number() as usize;
/// Items of an IN or NIN list.
pub const MAX_LIST_ITEMS: usize = Limit::QueryListItems.row().number() as usize;
/// JOINs of a query.
pub const MAX_JOINS: usize = Limit::QueryJoins.row().number() as usize;
/// Hops of a relationship condition of MATCH.
pub const MAX_HOPS: u32 = 10;
/// Rows of a page.
pub const MAX_PAGE: usize = Limit::LargestPage.row().number() as usize;
/// How deeply parentheses and NOTs may be nested. Not of the service: it keeps our stack bounded.
pub const MAX_DEPTH: usize = 100;
/// Relationship conditions of a MATCH. Not of the service, whose limit is the text: it keeps a
/// row's memory and our stack bounded.
pub const MAX_LINKS: usize = 100;
/// Seconds that a query may take.
pub const MAX_SECONDS: u64 = 60;
