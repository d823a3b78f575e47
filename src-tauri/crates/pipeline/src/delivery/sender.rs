//! What sends events to one entity of one service.

use super::outgoing::Outgoing;
use async_trait::async_trait;
use messaging::client::{ClientError, Code};

/// Sends events to one entity, as many together as fit, those about the same in their order.
#[async_trait]
pub(super) trait Sender: Send + Sync {
    /// What became of all of them, lot by lot. Behind a lot that failed nothing is sent whose
    /// order that would change.
    async fn send(&self, events: &[&Outgoing]) -> Vec<Lot>;
}

/// What takes batches of messages, each as a whole or not at all.
#[async_trait]
pub(super) trait Batches: Sync {
    /// A batch that is being filled.
    type Batch: Send + Sync;
    /// Names it in errors.
    fn entity(&self) -> &str;
    /// An empty batch; it connects for that.
    async fn open(&self) -> Result<Self::Batch, ClientError>;
    /// Adds an event; whether there was room for it.
    fn add(&self, batch: &mut Self::Batch, event: &Outgoing) -> bool;
    /// What is in a batch.
    fn bytes(batch: &Self::Batch) -> usize;
    /// Sends it.
    async fn send_batch(&self, batch: &Self::Batch) -> Result<(), ClientError>;
}

/// Sends some of the events, batch after batch, until one fails.
pub(super) async fn send_in_batches<T: Batches>(
    to: &T,
    events: &[&Outgoing],
    which: Vec<usize>,
) -> Vec<Lot> {
    let mut lots = Vec::new();
    let mut rest = which.into_iter().peekable();
    while rest.peek().is_some() {
        let mut batch = match to.open().await {
            Ok(batch) => batch,
            Err(error) => {
                lots.push(Lot::failed(rest.collect(), Trouble::Endpoint(error)));
                break;
            }
        };
        let mut taken = Vec::new();
        while let Some(index) = rest.next_if(|index| to.add(&mut batch, events[*index])) {
            taken.push(index);
        }
        if taken.is_empty() {
            lots.extend(rest.next().map(|index| too_large(to.entity(), index)));
            continue;
        }
        match to.send_batch(&batch).await {
            Ok(()) => lots.push(Lot { events: taken, bytes: T::bytes(&batch), result: Ok(()) }),
            Err(error) => {
                lots.extend(Lot::held_back(rest.collect(), &error));
                lots.push(Lot::failed(taken, Trouble::when_sent(error)));
                break;
            }
        }
    }
    lots
}

fn too_large(entity: &str, index: usize) -> Lot {
    let message = "the event is larger than a message may be";
    Lot::failed(vec![index], Trouble::Events(trouble(Code::TooLarge, entity, message)))
}

/// An error that is found here.
pub(super) fn trouble(code: Code, place: &str, message: impl Into<String>) -> ClientError {
    let (place, message) = (place.to_owned(), message.into());
    ClientError { code, place, message, detail: None, unanswered: false }
}

/// Events that were sent together, all or none, or that were not.
#[derive(Debug)]
pub(super) struct Lot {
    /// Their indices in what was given.
    pub(super) events: Vec<usize>,
    /// What they took.
    pub(super) bytes: usize,
    pub(super) result: Result<(), Trouble>,
}

/// Why a lot was not delivered.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// It is the endpoint's: the same events may go later.
    Endpoint(ClientError),
    /// It is the events': the endpoint refuses one of them, and always will.
    Events(ClientError),
}

impl Trouble {
    /// Of an error that came while something was sent.
    pub(super) fn when_sent(error: ClientError) -> Self {
        match error.code {
            Code::TooLarge | Code::Refused => Self::Events(error),
            _ => Self::Endpoint(error),
        }
    }

    pub(super) fn error(&self) -> &ClientError {
        match self {
            Self::Endpoint(error) | Self::Events(error) => error,
        }
    }
}

impl Lot {
    pub(super) fn failed(events: Vec<usize>, trouble: Trouble) -> Self {
        Self { events, bytes: 0, result: Err(trouble) }
    }

    /// What stands behind a lot that failed, and was not sent for that.
    pub(super) fn held_back(events: Vec<usize>, by: &ClientError) -> Option<Self> {
        let error = ClientError { unanswered: false, ..by.clone() };
        (!events.is_empty()).then(|| Self::failed(events, Trouble::Endpoint(error)))
    }
}
