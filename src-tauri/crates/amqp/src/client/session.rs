//! The one session of a client's connection, and its links.

use super::Failure;
use super::engine::Ask;
use super::link::{Event, Incoming};
use crate::error::{Error, condition};
use crate::frame::{self, Kind};
use crate::performative::{
    Attach, Begin, Detach, Disposition, Flow, Outcome, Performative, Role, Transfer,
};
use crate::value::Value;
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, OnceLock};
use tokio::sync::{mpsc, oneshot};

/// How many transfer frames may come before we say that there is room for more.
pub(super) const WINDOW: u32 = 2_048;
/// What frame header and performative take at most.
const AROUND: u32 = 128;

/// Which link: the handle can be used again, the serial number is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinkId {
    handle: u32,
    serial: u64,
}

/// A link that the other side attached as well.
pub(super) struct Attached {
    pub(super) id: LinkId,
    pub(super) remote: Box<Attach>,
}

struct Link {
    id: LinkId,
    name: String,
    role: Role,
    /// Who waits for it to be attached.
    attaching: Option<oneshot::Sender<Attached>>,
    /// Why it has ended, for those who hold it.
    state: Arc<OnceLock<Failure>>,
    /// We said detach; who waits for the answer.
    detaching: Option<Option<oneshot::Sender<()>>>,
    credit: u32,
    delivery_count: u32,
    end: End,
}

enum End {
    Sender {
        waiting: VecDeque<Sending>,
    },
    Receiver {
        events: mpsc::UnboundedSender<Event>,
        partial: Option<Incoming>,
        most: u64,
        second: bool,
    },
}

struct Sending {
    message: Bytes,
    format: u32,
    tell: Option<oneshot::Sender<Result<Outcome, Failure>>>,
}

/// A message of which parts are gone.
struct Going {
    link: LinkId,
    delivery: u32,
    format: u32,
    rest: Bytes,
}

/// Who waits for the other side's word on a delivery.
struct Waiting {
    link: LinkId,
    /// What we said ourselves.
    said: Outcome,
    tell: oneshot::Sender<Result<Outcome, Failure>>,
}

#[derive(Default)]
pub(super) struct Session {
    pub(super) begun: bool,
    pub(super) max_frame: u32,
    links: BTreeMap<u32, Link>,
    /// Our handles by the other side's.
    handles: HashMap<u32, u32>,
    serial: u64,
    next_outgoing: u32,
    next_incoming: u32,
    /// How many frames came since we said how many may.
    came: u32,
    remote_window: u32,
    next_delivery: u32,
    /// Of messages sent, by delivery.
    sent: BTreeMap<u32, Waiting>,
    /// Messages that were received, and of which we have said nothing yet.
    unsettled: BTreeMap<u32, LinkId>,
    /// Of messages received and settled in two steps, by delivery.
    settling: BTreeMap<u32, Waiting>,
    going: Option<Going>,
}

fn write(out: &mut BytesMut, performative: &Performative) {
    frame::write(out, Kind::Amqp, 0, |out| performative.write(out));
}

impl Session {
    pub(super) fn begin(&mut self, begin: &Begin) {
        self.begun = true;
        self.next_incoming = begin.next_outgoing_id;
        self.remote_window = begin.incoming_window;
    }

    fn link(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id.handle).filter(|link| link.id == id)
    }

    fn flow(&self) -> Flow {
        Flow {
            next_incoming_id: Some(self.next_incoming),
            incoming_window: WINDOW - self.came,
            next_outgoing_id: self.next_outgoing,
            outgoing_window: u32::MAX,
            ..Flow::default()
        }
    }

    /// Says how much a receiving link may be sent.
    fn tell_credit(&mut self, id: LinkId, drain: bool, out: &mut BytesMut) {
        let flow = self.flow();
        if let Some(link) = self.link(id) {
            let flow = Flow {
                handle: Some(id.handle),
                delivery_count: Some(link.delivery_count),
                link_credit: Some(link.credit),
                drain,
                ..flow
            };
            write(out, &Performative::Flow(flow));
        }
    }

    pub(super) fn ask(&mut self, ask: Ask, out: &mut BytesMut) {
        match ask {
            Ask::Attach { attach, events, state, tell } => {
                self.attach(*attach, events, state, tell, out);
            }
            Ask::Send { link, message, format, tell } => {
                if let Some(Link { end: End::Sender { waiting }, detaching: None, .. }) =
                    self.link(link)
                {
                    waiting.push_back(Sending { message, format, tell: Some(tell) });
                }
            }
            Ask::Grant { link: id, more } => {
                if let Some(link) = self.link(id) {
                    link.credit = link.credit.saturating_add(more);
                    self.tell_credit(id, false, out);
                }
            }
            Ask::Drain { link: id } => match self.link(id) {
                Some(Link { credit: 0, end: End::Receiver { events, .. }, .. }) => {
                    // Whoever asked may be gone.
                    let _ = events.send(Event::Drained);
                }
                Some(_) => self.tell_credit(id, true, out),
                None => {}
            },
            Ask::Settle { link, delivery, outcome, tell } => {
                self.settle(link, delivery, outcome, tell, out);
            }
            Ask::Detach { link: id, tell } => {
                if let Some(link) = self.link(id)
                    && link.detaching.is_none()
                {
                    // It was closed here, unless there was another reason before.
                    let _ = link.state.set(Failure::Over);
                    link.detaching = Some(tell);
                    let detach = Detach { handle: id.handle, closed: true, error: None };
                    write(out, &Performative::Detach(detach));
                    self.forget(id);
                }
            }
            // The connection's.
            Ask::Close => {}
        }
    }

    fn attach(
        &mut self,
        attach: Attach,
        events: Option<mpsc::UnboundedSender<Event>>,
        state: Arc<OnceLock<Failure>>,
        tell: oneshot::Sender<Attached>,
        out: &mut BytesMut,
    ) {
        let free = (0..).zip(self.links.keys()).find(|(at, handle)| at != *handle);
        let next = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        let handle = free.map_or(next, |(at, _)| at);
        self.serial += 1;
        let id = LinkId { handle, serial: self.serial };
        let end = match events {
            None => End::Sender { waiting: VecDeque::new() },
            Some(events) => End::Receiver {
                events,
                partial: None,
                most: attach.max_message_size.unwrap_or(u64::MAX),
                second: attach.rcv_settle_mode == 1,
            },
        };
        let link = Link {
            id,
            name: attach.name.clone(),
            role: attach.role,
            attaching: Some(tell),
            state,
            detaching: None,
            credit: 0,
            delivery_count: 0,
            end,
        };
        self.links.insert(handle, link);
        write(out, &Performative::Attach(Box::new(Attach { handle, ..attach })));
    }

    fn settle(
        &mut self,
        id: LinkId,
        delivery: u32,
        outcome: Outcome,
        tell: oneshot::Sender<Result<Outcome, Failure>>,
        out: &mut BytesMut,
    ) {
        let Some(Link { end: End::Receiver { second, .. }, detaching: None, .. }) = self.link(id)
        else {
            return;
        };
        let settled = !*second;
        if self.unsettled.remove(&delivery) != Some(id) {
            // Whoever asked may be gone, here and below.
            let _ = tell.send(Err(Failure::Settled));
            return;
        }
        let disposition = Disposition {
            role: Role::Receiver,
            first: delivery,
            last: Some(delivery),
            settled,
            outcome: Some(outcome.clone()),
        };
        write(out, &Performative::Disposition(disposition));
        if settled {
            let _ = tell.send(Ok(outcome));
        } else {
            self.settling.insert(delivery, Waiting { link: id, said: outcome, tell });
        }
    }

    /// Takes what the other side said. An error ends the connection.
    pub(super) fn take(
        &mut self,
        performative: Performative,
        payload: Bytes,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        match performative {
            Performative::Attach(attach) => self.attached(attach, out),
            Performative::Flow(flow) => self.flowed(&flow, out),
            Performative::Transfer(transfer) => return self.transfer(transfer, payload, out),
            Performative::Disposition(disposition) => self.disposed(&disposition, out),
            Performative::Detach(detach) => self.detached(detach, out),
            // They were taken before.
            _ => {}
        }
        Ok(())
    }

    fn attached(&mut self, remote: Box<Attach>, out: &mut BytesMut) {
        let named = |link: &&mut Link| link.name == remote.name && link.role != remote.role;
        let Some(link) = self.links.values_mut().find(named) else { return };
        self.handles.insert(remote.handle, link.id.handle);
        if remote.role == Role::Sender {
            link.delivery_count = remote.initial_delivery_count.unwrap_or_default();
        }
        // A link that is not to be has no terminus on the other side, and is detached next.
        let terminus = if link.role == Role::Sender { &remote.target } else { &remote.source };
        if *terminus != Value::Null
            && let Some(tell) = link.attaching.take()
        {
            let id = link.id;
            if tell.send(Attached { id, remote }).is_err() {
                // Who asked has given up.
                self.ask(Ask::Detach { link: id, tell: None }, out);
            }
        }
    }

    fn by_remote(&mut self, handle: u32) -> Option<&mut Link> {
        self.links.get_mut(self.handles.get(&handle)?)
    }

    fn flowed(&mut self, flow: &Flow, out: &mut BytesMut) {
        let expected = flow.next_incoming_id.unwrap_or_default();
        let window = expected.wrapping_add(flow.incoming_window).wrapping_sub(self.next_outgoing);
        self.remote_window = if window > u32::MAX / 2 { 0 } else { window };
        let Some(handle) = flow.handle else {
            if flow.echo {
                write(out, &Performative::Flow(self.flow()));
            }
            return;
        };
        let Some(link) = self.by_remote(handle) else { return };
        let id = link.id;
        match &link.end {
            End::Sender { .. } => {
                if let Some(credit) = flow.link_credit {
                    let limit = flow.delivery_count.unwrap_or_default().wrapping_add(credit);
                    let left = limit.wrapping_sub(link.delivery_count);
                    link.credit = if left > u32::MAX / 2 { 0 } else { left };
                }
                if flow.drain && matches!(&link.end, End::Sender { waiting } if waiting.is_empty())
                {
                    link.delivery_count = link.delivery_count.wrapping_add(link.credit);
                    link.credit = 0;
                    self.tell_credit(id, true, out);
                } else if flow.echo {
                    self.tell_credit(id, false, out);
                }
            }
            End::Receiver { events, .. } => {
                if flow.drain && flow.link_credit == Some(0) {
                    link.delivery_count = flow.delivery_count.unwrap_or(link.delivery_count);
                    link.credit = 0;
                    // Whoever asked may be gone.
                    let _ = events.send(Event::Drained);
                }
                if flow.echo {
                    self.tell_credit(id, false, out);
                }
            }
        }
    }

    fn transfer(
        &mut self,
        transfer: Transfer,
        payload: Bytes,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        self.next_incoming = self.next_incoming.wrapping_add(1);
        self.came += 1;
        if self.came >= WINDOW / 2 {
            self.came = 0;
            write(out, &Performative::Flow(self.flow()));
        }
        let Some(link) = self.by_remote(transfer.handle) else { return Ok(()) };
        let id = link.id;
        let End::Receiver { events, partial, most, .. } = &mut link.end else {
            let text = "a transfer on a link that receives";
            return Err(Error::new(condition::NOT_ALLOWED, text));
        };
        let mut incoming = match partial.take() {
            Some(_) if transfer.aborted => return Ok(()),
            Some(mut partial) => {
                let mut message = BytesMut::from(std::mem::take(&mut partial.message));
                message.extend_from_slice(&payload);
                partial.message = message.freeze();
                partial
            }
            None => {
                let Some(delivery) = transfer.delivery_id else {
                    let text = "a transfer without a delivery-id";
                    return Err(Error::new(condition::INVALID_FIELD, text));
                };
                link.delivery_count = link.delivery_count.wrapping_add(1);
                link.credit = link.credit.saturating_sub(1);
                Incoming {
                    delivery,
                    tag: transfer.delivery_tag.unwrap_or_default(),
                    format: transfer.message_format.unwrap_or_default(),
                    settled: false,
                    message: payload,
                }
            }
        };
        incoming.settled |= transfer.settled;
        if incoming.message.len() as u64 > *most {
            let text = format!("a message is larger than {most} bytes");
            let error = Error::new(condition::MESSAGE_SIZE_EXCEEDED, text);
            let _ = link.state.set(Failure::Detached(error.clone()));
            link.detaching = Some(None);
            let detach = Detach { handle: id.handle, closed: true, error: Some(error) };
            write(out, &Performative::Detach(detach));
            self.forget(id);
        } else if transfer.more {
            *partial = Some(incoming);
        } else {
            let unsettled = (!incoming.settled).then_some(incoming.delivery);
            // Whoever receives may be gone: then the link is being detached.
            let _ = events.send(Event::Message(incoming));
            self.unsettled.extend(unsettled.map(|delivery| (delivery, id)));
        }
        Ok(())
    }

    fn disposed(&mut self, disposition: &Disposition, out: &mut BytesMut) {
        let waiting = match disposition.role {
            Role::Receiver => &mut self.sent,
            Role::Sender => &mut self.settling,
        };
        let (first, last) = (disposition.first, disposition.last.unwrap_or(disposition.first));
        // Numbers begin anew after 2³²: then the last is before the first.
        let ids: Vec<u32> = if first > last {
            waiting.range(first..).chain(waiting.range(..=last)).map(|(id, _)| *id).collect()
        } else {
            waiting.range(first..=last).map(|(id, _)| *id).collect()
        };
        // A state that is no outcome is not the last word.
        let outcome = match &disposition.outcome {
            Some(Outcome::Other(_)) | None if !disposition.settled => return,
            outcome => outcome,
        };
        for id in ids {
            if let Some(Waiting { said, tell, .. }) = waiting.remove(&id) {
                // Whoever asked may be gone.
                let _ = tell.send(Ok(outcome.clone().unwrap_or(said)));
            }
        }
        if !disposition.settled && disposition.role == Role::Receiver {
            let answer = Disposition { role: Role::Sender, settled: true, ..disposition.clone() };
            write(out, &Performative::Disposition(answer));
        }
    }

    fn detached(&mut self, detach: Detach, out: &mut BytesMut) {
        let Some(handle) = self.handles.remove(&detach.handle) else { return };
        let Some(link) = self.links.remove(&handle) else { return };
        let ended = || Error::new(condition::DETACH_FORCED, "the link was ended");
        let failure = Failure::Detached(detach.error.unwrap_or_else(ended));
        // Where we detached it, that is why.
        let _ = link.state.set(failure);
        if link.detaching.is_none() {
            let detach = Detach { handle, closed: true, error: None };
            write(out, &Performative::Detach(detach));
        }
        if let Some(Some(tell)) = link.detaching {
            // Whoever asked may be gone.
            let _ = tell.send(());
        }
        self.forget(link.id);
    }

    /// Lets go of what waits for a link. Those who wait hear by it.
    fn forget(&mut self, id: LinkId) {
        self.sent.retain(|_, waiting| waiting.link != id);
        self.settling.retain(|_, waiting| waiting.link != id);
        self.unsettled.retain(|_, link| *link != id);
        if let Some(Link { end: End::Sender { waiting }, .. }) = self.link(id) {
            waiting.clear();
        }
        if self.going.as_ref().is_some_and(|going| going.link == id) {
            self.going = None;
        }
    }

    /// Writes messages that wait, as far as credit, window and output go.
    pub(super) fn pump(&mut self, out: &mut BytesMut, high: usize) {
        while self.remote_window > 0 && out.len() < high {
            if self.going.is_none() && !self.begin_message() {
                return;
            }
            let Some(mut going) = self.going.take() else { return };
            if !self.write_part(&mut going, out) {
                self.going = Some(going);
            }
        }
    }

    /// Takes the next message that has credit.
    fn begin_message(&mut self) -> bool {
        for link in self.links.values_mut() {
            let End::Sender { waiting } = &mut link.end else { continue };
            if link.credit == 0 || link.attaching.is_some() {
                continue;
            }
            let Some(Sending { message, format, tell }) = waiting.pop_front() else { continue };
            link.credit -= 1;
            link.delivery_count = link.delivery_count.wrapping_add(1);
            let delivery = self.next_delivery;
            self.next_delivery = delivery.wrapping_add(1);
            if let Some(tell) = tell {
                let said = Outcome::Accepted;
                self.sent.insert(delivery, Waiting { link: link.id, said, tell });
            }
            self.going = Some(Going { link: link.id, delivery, format, rest: message });
            return true;
        }
        false
    }

    /// Writes one frame of a message; whether it was the last.
    fn write_part(&mut self, going: &mut Going, out: &mut BytesMut) -> bool {
        let most = usize::try_from(self.max_frame - AROUND).unwrap_or(usize::MAX);
        let part = going.rest.split_to(going.rest.len().min(most));
        let more = !going.rest.is_empty();
        let transfer = Transfer {
            handle: going.link.handle,
            delivery_id: Some(going.delivery),
            delivery_tag: Some(Bytes::copy_from_slice(&going.delivery.to_be_bytes())),
            message_format: Some(going.format),
            settled: false,
            more,
            aborted: false,
        };
        frame::write(out, Kind::Amqp, 0, |out| {
            Performative::Transfer(transfer).write(out);
            out.put_slice(&part);
        });
        self.next_outgoing = self.next_outgoing.wrapping_add(1);
        self.remote_window -= 1;
        !more
    }
}
