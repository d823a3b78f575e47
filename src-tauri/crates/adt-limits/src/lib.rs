//! The limits of Azure Digital Twins in one table, and counting against them.
//!
//! [`TABLE`] is the data: when the service moves a limit, only `table.rs` is edited. [`Limits`] are
//! the numbers that are enforced, the table's or those of a file. A [`Limiter`] counts against
//! them, refuses what is over, and says how far each is used.

mod limiter;
mod limits;
mod meter;
mod table;
mod twins;
mod window;

pub use limiter::{Admitted, Exceeded, Limiter, Use};
pub use limits::{Limits, LimitsError};
pub use table::{COUNT, Kind, Limit, Row, TABLE, THROTTLED, Unit};
