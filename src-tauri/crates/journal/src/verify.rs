//! Checks the newest records of a stream: each one there, in its place, and whole.

use rusqlite::{Connection, OptionalExtension};

use crate::{
    read::{Fault, checked_record},
    sqlite::records_table,
    store::Extent,
    streams::Stream,
};

/// Positions `first..=last`, damaged.
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) reason: String,
}

/// Reads from the head down until about `budget` bytes are checked. Gives what is bad, newest first.
pub(crate) fn verify_records(
    connection: &Connection,
    stream: &Stream,
    extent: Extent,
    budget: u64,
) -> Result<Vec<Span>, Fault> {
    let mut check = Check { stream, extent, next: extent.head, budget, bad: Vec::new() };
    match check.scan(connection) {
        Ok(()) => {}
        // The tree itself is damaged: ask for each record alone, most are still found.
        Err(Fault::Damaged(reason)) => {
            let at = check.next;
            check.one_by_one(connection)?;
            if check.bad.is_empty() {
                let at = at.max(extent.first);
                check.add(at, at, format!("they can only be found one by one: {reason}"));
            }
        }
        Err(failed) => return Err(failed),
    }
    Ok(check.bad)
}

struct Check<'a> {
    stream: &'a Stream,
    extent: Extent,
    /// The position to look at next; all above it are checked.
    next: u64,
    budget: u64,
    bad: Vec<Span>,
}

impl Check<'_> {
    fn scan(&mut self, connection: &Connection) -> Result<(), Fault> {
        let records = records_table(self.stream.id, self.stream.generation);
        self.check_the_end(connection, &records)?;
        // What is before was trimmed, and could not be deleted.
        let sql = format!(
            "SELECT position, at, crc, payload FROM {records} WHERE position >= ?1 ORDER BY position DESC"
        );
        let mut select = connection.prepare(&sql)?;
        let mut rows = select.query([self.extent.first as i64])?;
        while let Some(row) = rows.next()? {
            let position = row.get::<_, i64>(0)? as u64;
            if position > self.extent.head {
                continue;
            }
            if position > self.next {
                return Err(Fault::Damaged("its records are out of order".into()));
            }
            self.missing(position + 1, self.next);
            self.next = position - 1;
            let length = match checked_record(row, self.stream) {
                Ok((_, payload)) => payload.len() as u64,
                Err(Fault::Damaged(reason)) => {
                    self.add(position, position, reason);
                    0
                }
                Err(failed) => return Err(failed),
            };
            if !self.spend(length) {
                return Ok(());
            }
        }
        self.missing(self.extent.first, self.next);
        Ok(())
    }

    fn check_the_end(&mut self, connection: &Connection, records: &str) -> Result<(), Fault> {
        let last: Option<i64> = connection
            .query_row(&format!("SELECT max(position) FROM {records}"), [], |row| row.get(0))
            .optional()?
            .flatten();
        if let Some(last) = last.map(|last| last as u64).filter(|&last| last > self.extent.head) {
            self.add(self.extent.head + 1, last, "they lie beyond the stream's end".into());
        }
        Ok(())
    }

    fn one_by_one(&mut self, connection: &Connection) -> Result<(), Fault> {
        let records = records_table(self.stream.id, self.stream.generation);
        let sql = format!("SELECT position, at, crc, payload FROM {records} WHERE position=?1");
        while self.next >= self.extent.first {
            let position = self.next;
            self.next -= 1;
            if self.stream.skip_lost(position) != position {
                continue;
            }
            let found =
                connection.prepare_cached(&sql).map_err(Fault::from).and_then(|mut select| {
                    let mut rows = select.query([position as i64])?;
                    let row = rows.next()?.ok_or_else(Fault::missing)?;
                    Ok(checked_record(row, self.stream)?.1.len() as u64)
                });
            let length = match found {
                Ok(length) => length,
                Err(Fault::Damaged(reason)) => {
                    self.add(position, position, reason);
                    0
                }
                Err(failed) => return Err(failed),
            };
            if !self.spend(length) {
                break;
            }
        }
        Ok(())
    }

    fn spend(&mut self, length: u64) -> bool {
        const EACH: u64 = 64;
        self.budget = self.budget.saturating_sub(length + EACH);
        self.budget > 0
    }

    /// Notes what of `first..=last` should be there.
    fn missing(&mut self, first: u64, last: u64) {
        let mut last = last;
        for &(lost_first, lost_last) in self.stream.lost.iter().rev() {
            if lost_last < first || lost_first > last {
                continue;
            }
            self.add(lost_last + 1, last, "they are missing".into());
            last = lost_first - 1;
        }
        self.add(first, last, "they are missing".into());
    }

    /// Joins what adjoins; spans come newest first.
    fn add(&mut self, first: u64, last: u64, reason: String) {
        if first > last {
            return;
        }
        match self.bad.last_mut() {
            Some(above) if above.first == last + 1 && above.reason == reason => above.first = first,
            _ => self.bad.push(Span { first, last, reason }),
        }
    }
}
