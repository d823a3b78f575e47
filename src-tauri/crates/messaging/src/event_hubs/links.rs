//! Links to an event hub: senders to the hub or a partition, receivers from a group's partition.

use super::event::NewEvent;
use super::hub::{Hub, MAX_MESSAGE};
use super::partition::Partition;
use super::position;
use super::readers::Reading;
use crate::clock::now_millis;
use crate::namespace::refusal::{not_found, of_journal, reason};
use crate::traffic::{Direction, Seen, Traffic};
use amqp::{
    Answer, Attach, Attached, Attaching, Delivery, Error, Link, LinkControl, Message, Outcome,
    Outgoing, Role, Sink, Unsettling, Value, condition,
};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Messages of a sender that may be on their way or not durable yet.
const SEND_CREDIT: u32 = 2_000;
const EPOCH: &str = "com.microsoft:epoch";
const RECEIVER_NAME: &str = "com.microsoft:receiver-name";
const RUNTIME_METRIC: &str = "com.microsoft:enable-receiver-runtime-metric";

/// Attaches a link to the hub; `rest` is the address behind its name, in segments.
pub(crate) fn attach(
    hub: &Arc<Hub>,
    rest: &[&str],
    attach: &Attach,
    control: LinkControl,
    traffic: &Arc<Traffic>,
) -> Attaching {
    let is = |segment: &str, name: &str| segment.eq_ignore_ascii_case(name);
    match (attach.role, rest) {
        (Role::Sender, _) if hub.built_in => Attaching::Now(Err(only_listen(hub))),
        (Role::Sender, []) => Attaching::Now(Ok(sender(hub, None, traffic))),
        (Role::Sender, [publishers, _]) if is(publishers, "publishers") => {
            Attaching::Now(Ok(sender(hub, None, traffic)))
        }
        (Role::Sender, [partitions, id]) if is(partitions, "partitions") => {
            Attaching::Now(match hub.partition(id) {
                Some(_) => Ok(sender(hub, id.parse().ok(), traffic)),
                None => Err(no_partition(hub)),
            })
        }
        (Role::Receiver, [groups, group, partitions, id])
            if is(groups, "consumergroups") && is(partitions, "partitions") =>
        {
            receiver(hub, group, id, attach, control, traffic)
        }
        _ => Attaching::Now(Err(not_found(&[&hub.name, "/", &rest.join("/")].concat()))),
    }
}

fn only_listen(hub: &Hub) -> Error {
    let text = format!(
        "Unauthorized access. 'Send' claim(s) are required to perform this operation. Resource: \
         '{}'.",
        hub.name
    );
    Error::new(condition::UNAUTHORIZED_ACCESS, text)
}

//= recorded: A link to a partition that is not there is refused with
//  com.microsoft:argument-out-of-range, in the words here. [Azure/azure-sdk-for-python#11708]
fn no_partition(hub: &Hub) -> Error {
    let last = hub.partitions.len() - 1;
    let text = format!(
        "The specified partition is invalid for an EventHub partition sender or receiver. It \
         should be between 0 and {last}."
    );
    Error::new("com.microsoft:argument-out-of-range", text)
}

fn sender(hub: &Arc<Hub>, partition: Option<usize>, traffic: &Arc<Traffic>) -> Attached {
    let entities = (0..hub.partitions.len()).map(|id| entity(hub, id)).collect();
    let sink = Ingress {
        hub: hub.clone(),
        partition,
        entities,
        traffic: traffic.clone(),
        gathered: BTreeMap::new(),
    };
    Attached {
        link: Link::Incoming { sink: Box::new(sink), credit: SEND_CREDIT },
        max_message_size: MAX_MESSAGE,
        source: None,
        properties: Value::Null,
    }
}

fn entity(hub: &Hub, partition: usize) -> Arc<str> {
    format!("{}/Partitions/{partition}", hub.name).into()
}

/// Takes what a sender sends. What came together is appended together.
struct Ingress {
    hub: Arc<Hub>,
    partition: Option<usize>,
    entities: Vec<Arc<str>>,
    traffic: Arc<Traffic>,
    gathered: BTreeMap<usize, (Vec<NewEvent>, Vec<Answer>)>,
}

impl Sink for Ingress {
    fn deliver(&mut self, delivery: Delivery) {
        let read = match self.hub.gone.load(Relaxed) {
            true => Err(not_found(&self.hub.name)),
            false => NewEvent::read(delivery.message, delivery.format),
        };
        match read {
            Ok(events) => {
                let Some(first) = events.first() else {
                    delivery.answer.give(Outcome::Accepted);
                    return;
                };
                let at = self.partition.unwrap_or_else(|| self.hub.choose(first));
                let (gathered, answers) = self.gathered.entry(at).or_default();
                gathered.extend(events);
                answers.push(delivery.answer);
            }
            Err(error) => {
                self.traffic.reject(reason(&error));
                delivery.answer.give(Outcome::Rejected(Some(error)));
            }
        }
    }

    fn flush(&mut self) {
        for (at, (events, answers)) in std::mem::take(&mut self.gathered) {
            let (traffic, entity) = (self.traffic.clone(), self.entities[at].clone());
            let shown: Vec<Bytes> = events.iter().map(|event| event.bare.clone()).collect();
            self.hub.partitions[at].append(&events, move |kept| match kept {
                Ok(_) => {
                    answers.into_iter().for_each(|answer| answer.give(Outcome::Accepted));
                    let bytes = shown.iter().map(|bare| bare.len() as u64).sum();
                    traffic.count(Direction::In, shown.len() as u64, bytes);
                    for message in shown {
                        traffic.show(|| Seen {
                            direction: Direction::In,
                            entity: entity.clone(),
                            at: now_millis(),
                            message,
                        });
                    }
                }
                Err(error) => {
                    let error = of_journal(&error);
                    for answer in answers {
                        traffic.reject(reason(&error));
                        answer.give(Outcome::Rejected(Some(error.clone())));
                    }
                }
            });
        }
    }
}

fn receiver(
    hub: &Arc<Hub>,
    group: &str,
    id: &str,
    attach: &Attach,
    control: LinkControl,
    traffic: &Arc<Traffic>,
) -> Attaching {
    if !hub.has_group(group) {
        return Attaching::Now(Err(not_found(&format!("{}/ConsumerGroups/{group}", hub.name))));
    }
    let Some(partition) = hub.partition(id).cloned() else {
        return Attaching::Now(Err(no_partition(hub)));
    };
    let position = position::of_source(&attach.source)
        .and_then(|position| position::check(position, &partition.properties()).map(|()| position));
    let position = match position {
        Ok(position) => position,
        Err(error) => return Attaching::Now(Err(error)),
    };
    let property = |name| attach.properties.get(name);
    let epoch = property(EPOCH).and_then(Value::as_i64);
    let name = property(RECEIVER_NAME).and_then(Value::as_text).unwrap_or(&attach.name);
    let at = id.parse().unwrap_or_default();
    let reading = match hub.readers.enter(group, at, name, epoch, control) {
        Ok(reading) => reading,
        Err(error) => return Attaching::Now(Err(error)),
    };
    let wanted = attach.desired_capabilities.as_list().unwrap_or_default().iter();
    let consumer = Consumer {
        partition: partition.clone(),
        entity: entity(hub, at),
        metrics: wanted
            .chain([&attach.desired_capabilities])
            .any(|name| name.as_text() == Some(RUNTIME_METRIC)),
        settled: attach.snd_settle_mode != 0,
        traffic: traffic.clone(),
        _reading: reading,
    };
    let properties = attach.properties.clone();
    Attaching::Later(Box::pin(async move {
        let found = tokio::task::spawn_blocking(move || partition.find(position)).await;
        let from = match found {
            Ok(Ok(from)) => from,
            Ok(Err(error)) => return Err(of_journal(&error)),
            Err(_) => return Err(Error::new(condition::INTERNAL_ERROR, "the server is stopping")),
        };
        Ok(Attached {
            link: Link::Outgoing {
                settler: Box::new(Unsettling),
                task: Box::new(move |outgoing| Box::pin(consumer.run(outgoing, from))),
            },
            max_message_size: MAX_MESSAGE,
            source: None,
            properties,
        })
    }))
}

/// Sends a partition's events to one receiver.
struct Consumer {
    partition: Arc<Partition>,
    entity: Arc<str>,
    metrics: bool,
    settled: bool,
    traffic: Arc<Traffic>,
    _reading: Reading,
}

impl Consumer {
    async fn run(self, mut outgoing: Outgoing, mut from: u64) {
        loop {
            let credit = outgoing.ready().await;
            let events = match self.partition.read(from, credit as usize).await {
                Ok(events) => events,
                Err(error) => return outgoing.detach(of_journal(&error)),
            };
            if events.is_empty() && outgoing.draining() {
                outgoing.drained();
                continue;
            }
            let Some(last) = events.last() else {
                tokio::select! {
                    () = self.partition.more_than(from) => {}
                    () = outgoing.changed() => {}
                }
                continue;
            };
            from = u64::try_from(last.sequence_number).unwrap_or_default() + 1;
            let bytes = events.iter().map(|event| event.bare.len() as u64).sum();
            self.traffic.count(Direction::Out, events.len() as u64, bytes);
            let last = self.metrics.then(|| self.partition.last_enqueued()).flatten();
            let messages = events.into_iter().map(|event| {
                self.traffic.show(|| Seen {
                    direction: Direction::Out,
                    entity: self.entity.clone(),
                    at: now_millis(),
                    message: event.bare.clone(),
                });
                let head = event.head(last.as_ref());
                Message { tag: None, head, body: event.bare, settled: self.settled }
            });
            outgoing.send(messages.collect()).await;
        }
    }
}
