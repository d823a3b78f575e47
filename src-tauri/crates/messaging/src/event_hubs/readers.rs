//! Who reads a partition for a consumer group: epochs, and how many without one.

use amqp::{Error, LinkControl, condition};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

//= documented: Five readers without an epoch read a partition for one consumer group.
/// The service's limit on readers without an epoch, per partition and group.
const MOST_READERS: usize = 5;

/// All readers of a hub.
#[derive(Clone, Default)]
pub(crate) struct Readers {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    by_place: HashMap<Place, Vec<Reader>>,
}

/// A group, in lower case, and a partition.
type Place = (String, usize);

struct Reader {
    id: u64,
    name: String,
    epoch: Option<i64>,
    control: LinkControl,
}

/// Keeps a reader in the table until it is dropped.
pub(crate) struct Reading {
    readers: Readers,
    place: Place,
    id: u64,
}

impl Readers {
    //= documented: A reader with an epoch displaces those with a lower one or none, which get
    //  amqp:link:stolen; the words are a guess.
    /// Lets a reader in, and ends those whom it displaces.
    ///
    /// # Errors
    /// `amqp:link:stolen` where one with a higher epoch reads, or any epoch and this one has none;
    /// `amqp:resource-limit-exceeded` where there are too many.
    pub(crate) fn enter(
        &self,
        group: &str,
        partition: usize,
        name: &str,
        epoch: Option<i64>,
        control: LinkControl,
    ) -> Result<Reading, Error> {
        let place = (group.to_ascii_lowercase(), partition);
        let mut table = self.table.lock();
        table.next += 1;
        let id = table.next;
        let present = table.by_place.entry(place.clone()).or_default();
        let highest = present.iter().filter_map(|reader| reader.epoch).max();
        match (epoch, highest) {
            (Some(own), Some(other)) if own < other => {
                let text = format!(
                    "a receiver with the higher epoch of '{other}' exists: a new receiver '{name}' \
                     with epoch '{own}' cannot be created"
                );
                return Err(Error::new(condition::LINK_STOLEN, text));
            }
            (None, Some(other)) => {
                let text = format!(
                    "a receiver with an epoch of '{other}' exists: a new receiver '{name}' without \
                     one cannot be created"
                );
                return Err(Error::new(condition::LINK_STOLEN, text));
            }
            (None, None) if present.len() >= MOST_READERS => {
                let text = format!(
                    "there are {MOST_READERS} receivers of this partition in consumer group \
                     '{group}', which is the limit"
                );
                return Err(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
            }
            _ => {}
        }
        if let Some(epoch) = epoch {
            for displaced in present.drain(..) {
                let text = format!(
                    "a new receiver '{name}' with the higher epoch of '{epoch}' was created, hence \
                     the current receiver '{}' is getting disconnected",
                    displaced.name
                );
                displaced.control.detach(Error::new(condition::LINK_STOLEN, text));
            }
        }
        present.push(Reader { id, name: name.to_owned(), epoch, control });
        Ok(Reading { readers: self.clone(), place, id })
    }
}

impl Readers {
    /// Ends everybody.
    pub(crate) fn end_all(&self, error: &Error) {
        for reader in self.table.lock().by_place.values().flatten() {
            reader.control.detach(error.clone());
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut table = self.readers.table.lock();
        if let Some(present) = table.by_place.get_mut(&self.place) {
            present.retain(|reader| reader.id != self.id);
            if present.is_empty() {
                table.by_place.remove(&self.place);
            }
        }
    }
}
