//! Who reads a partition for a consumer group: epochs, and how many without one.

use amqp::{Error, LinkControl, condition};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

//= documented: Five readers without an epoch read a partition for one consumer group; the words
//  for a sixth are the service's. [event-hubs/event-hubs-features,
//  stream-analytics/stream-analytics-troubleshoot-input]
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
    //= recorded: A reader with an epoch displaces those with a lower one, the same or none, which
    //  get amqp:link:stolen; the words are the service's. [Azure/azure-sdk-for-python#31084,
    //  Azure/azure-event-hubs-go#181, Azure/azure-event-hubs-dotnet#317]
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
                    "A receiver with a higher epoch '{other}' already exists. A new receiver with \
                     epoch {own} cannot be created. Make sure you are creating receiver with \
                     increasing epoch value to ensure connectivity, or ensure all old epoch \
                     receivers are closed or disconnected."
                );
                return Err(Error::new(condition::LINK_STOLEN, text));
            }
            (None, Some(other)) => {
                return Err(Error::new(condition::LINK_STOLEN, epoch_needed(other)));
            }
            (None, None) if present.len() >= MOST_READERS => {
                let names: Vec<&str> = present.iter().map(|reader| reader.name.as_str()).collect();
                let text = format!(
                    "Exceeded the maximum number of allowed receivers per partition in a consumer \
                     group which is {MOST_READERS}. List of connected receivers - {}.",
                    names.join(", ")
                );
                return Err(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
            }
            _ => {}
        }
        if let Some(epoch) = epoch {
            for displaced in present.drain(..) {
                let text = match displaced.epoch {
                    Some(old) => format!(
                        "New receiver '{name}' with higher epoch of '{epoch}' is created hence \
                         current receiver '{}' with epoch '{old}' is getting disconnected. If you \
                         are recreating the receiver, make sure a higher epoch is used.",
                        displaced.name
                    ),
                    None => epoch_needed(epoch),
                };
                displaced.control.detach(Error::new(condition::LINK_STOLEN, text));
            }
        }
        present.push(Reader { id, name: name.to_owned(), epoch, control });
        Ok(Reading { readers: self.clone(), place, id })
    }
}

/// What one without an epoch is told where one with an epoch reads.
fn epoch_needed(epoch: i64) -> String {
    format!(
        "At least one receiver for the endpoint is created with epoch of '{epoch}', and so \
         non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all \
         epoch receivers are closed or disconnected."
    )
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
