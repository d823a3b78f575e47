//! What a query may not exceed.

use adt_limits::{Limit, Limits};

/// Those limits of the service that a query is held against while it is read. By default they have
/// the service's numbers; an instance has those that its user chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLimits {
    /// Characters of a query's text.
    pub characters: u64,
    /// AND and OR operators of a query.
    pub operators: u64,
    /// Items of an IN or NIN list.
    pub list_items: u64,
    /// JOINs of a query.
    pub joins: u64,
}

impl QueryLimits {
    /// From a number for each limit, `u64::MAX` for none.
    pub fn of(most: impl Fn(Limit) -> u64) -> Self {
        Self {
            characters: most(Limit::QueryText),
            operators: most(Limit::QueryOperators),
            list_items: most(Limit::QueryListItems),
            joins: most(Limit::QueryJoins),
        }
    }
}

impl Default for QueryLimits {
    fn default() -> Self {
        let service = Limits::service();
        Self::of(|limit| service.most(limit))
    }
}

/// Hops of a relationship condition of MATCH, by the service's page on MATCH.
pub const MAX_HOPS: u32 = 10;
/// Rows of a page.
pub const MAX_PAGE: usize = Limit::LargestPage.row().number() as usize;
/// How deeply parentheses and NOTs may be nested. Not of the service: it keeps our stack bounded.
pub const MAX_DEPTH: usize = 100;
/// JOINs, or relationship conditions of a MATCH, whatever limits hold. Not of the service: it keeps
/// a row's memory and our stack bounded.
pub const MAX_LINKS: usize = 100;
/// Seconds that a query may take.
pub const MAX_SECONDS: u64 = 60;
