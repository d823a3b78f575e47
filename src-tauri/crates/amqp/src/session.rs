//! A session's state: windows, links, deliveries on their way. It does no I/O: what is to be
//! written goes into a buffer.

use crate::error::{Error, condition};
use crate::frame::{self, Kind};
use crate::link::{Credit, LinkId, Message, Settler, Sink};
use crate::performative::{
    Attach, Detach, Disposition, Flow, Outcome, Performative, Role, Transfer,
};
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// Transfer frames that a client may send before it hears of more room.
pub(crate) const WINDOW: u32 = 4_096;

pub(crate) struct Session {
    channel: u16,
    next_incoming_id: u32,
    incoming_window: u32,
    next_outgoing_id: u32,
    remote_window: u32,
    next_delivery_id: u32,
    pub(crate) links: HashMap<u32, LinkState>,
    sending: VecDeque<Sending>,
    /// Deliveries that the client has not settled: link and tag, by delivery id.
    unsettled: BTreeMap<u32, (LinkId, Bytes)>,
}

pub(crate) struct LinkState {
    pub(crate) id: LinkId,
    /// What the client asked for, until it is answered.
    pub(crate) attach: Option<Box<Attach>>,
    pub(crate) end: End,
}

/// The server's end of a link.
pub(crate) enum End {
    /// The answer to the attach is being found.
    Attaching,
    Incoming(Incoming),
    Outgoing(Outgoing),
    /// We have detached it and wait for the client to.
    Detached,
}

pub(crate) struct Incoming {
    pub(crate) sink: Box<dyn Sink>,
    /// How many messages may be on their way or unanswered together.
    most: u32,
    credit: u32,
    unanswered: u32,
    delivery_count: u32,
    max_message_size: u64,
    partial: Option<Partial>,
}

/// A message of which parts are still to come.
struct Partial {
    first: Transfer,
    bytes: BytesMut,
    room: Vec<OwnedSemaphorePermit>,
}

pub(crate) struct Outgoing {
    pub(crate) settler: Box<dyn Settler>,
    pub(crate) credit: Arc<Credit>,
    task: AbortHandle,
    delivery_count: u32,
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A message on its way out.
struct Sending {
    link: LinkId,
    message: Message,
    /// Its bytes that have gone, and its number, once the first have.
    gone: usize,
    delivery_id: Option<u32>,
    _room: Arc<OwnedSemaphorePermit>,
}

/// A whole message that came in.
pub(crate) struct Received {
    pub(crate) link: LinkId,
    pub(crate) message: Bytes,
    pub(crate) format: u32,
    pub(crate) settled: bool,
    pub(crate) delivery_id: u32,
}

/// What a frame can make end.
pub(crate) enum Ends {
    Session(Error),
    Link(LinkId, Error),
}

impl Session {
    pub(crate) fn new(channel: u16, next_incoming_id: u32, remote_window: u32) -> Self {
        Self {
            channel,
            next_incoming_id,
            incoming_window: WINDOW,
            next_outgoing_id: 0,
            remote_window,
            next_delivery_id: 0,
            links: HashMap::new(),
            sending: VecDeque::new(),
            unsettled: BTreeMap::new(),
        }
    }

    pub(crate) fn link(&mut self, id: LinkId) -> Option<&mut LinkState> {
        self.links.get_mut(&id.handle).filter(|link| link.id == id)
    }

    fn write(&self, out: &mut BytesMut, performative: &Performative) {
        frame::write(out, Kind::Amqp, self.channel, |out| performative.write(out));
    }

    /// What every flow says of the session.
    fn flow(&self) -> Flow {
        Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.incoming_window,
            next_outgoing_id: self.next_outgoing_id,
            outgoing_window: u32::MAX / 2,
            ..Flow::default()
        }
    }

    pub(crate) fn start_incoming(
        &mut self,
        id: LinkId,
        sink: Box<dyn Sink>,
        most: u32,
        max_message_size: u64,
        delivery_count: u32,
        out: &mut BytesMut,
    ) {
        let Some(link) = self.links.get_mut(&id.handle) else { return };
        link.end = End::Incoming(Incoming {
            sink,
            most,
            credit: 0,
            unanswered: 0,
            delivery_count,
            max_message_size,
            partial: None,
        });
        self.grant(id.handle, false, out);
    }

    pub(crate) fn start_outgoing(
        &mut self,
        id: LinkId,
        settler: Box<dyn Settler>,
        credit: Arc<Credit>,
        task: AbortHandle,
    ) {
        if let Some(link) = self.links.get_mut(&id.handle) {
            link.end = End::Outgoing(Outgoing { settler, credit, task, delivery_count: 0 });
        }
    }

    /// Grants an incoming link what it can take, if that is worth a frame (or one is due anyway).
    fn grant(&mut self, handle: u32, due: bool, out: &mut BytesMut) {
        let flow = self.flow();
        let Some(LinkState { end: End::Incoming(link), .. }) = self.links.get_mut(&handle) else {
            return;
        };
        if link.credit + link.unanswered <= link.most / 2 {
            link.credit = link.most - link.unanswered;
        } else if !due {
            return;
        }
        let (delivery_count, link_credit) = (Some(link.delivery_count), Some(link.credit));
        let flow = Flow { handle: Some(handle), delivery_count, link_credit, ..flow };
        self.write(out, &Performative::Flow(flow));
    }

    /// A transfer frame came in; the whole message, if this was its last part.
    pub(crate) fn transfer(
        &mut self,
        transfer: Transfer,
        payload: Bytes,
        partials: &Arc<Semaphore>,
        out: &mut BytesMut,
    ) -> Result<Option<Received>, Ends> {
        if self.incoming_window == 0 {
            let text = "more transfer frames came than the window allows";
            return Err(Ends::Session(Error::new(condition::WINDOW_VIOLATION, text)));
        }
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        self.incoming_window -= 1;
        if self.incoming_window <= WINDOW / 2 {
            self.incoming_window = WINDOW;
            self.write(out, &Performative::Flow(self.flow()));
        }
        match self.links.get_mut(&transfer.handle) {
            Some(LinkState { end: End::Incoming(incoming), id, .. }) => {
                let id = *id;
                incoming.part(id, transfer, payload, partials).map_err(|e| Ends::Link(id, e))
            }
            // It was on its way when we detached the link.
            Some(LinkState { end: End::Detached, .. }) => Ok(None),
            _ => {
                let text = "a transfer on a handle that no sending link is attached to";
                Err(Ends::Session(Error::new(condition::UNATTACHED_HANDLE, text)))
            }
        }
    }

    /// A flow came in.
    pub(crate) fn incoming_flow(&mut self, flow: &Flow, out: &mut BytesMut) {
        let expected = flow.next_incoming_id.unwrap_or_default();
        let window = expected.wrapping_add(flow.incoming_window);
        let window = window.wrapping_sub(self.next_outgoing_id);
        self.remote_window = if window > u32::MAX / 2 { 0 } else { window };
        let Some(handle) = flow.handle else {
            if flow.echo {
                self.write(out, &Performative::Flow(self.flow()));
            }
            return;
        };
        let answer = self.flow();
        let answer = match self.links.get_mut(&handle) {
            Some(LinkState { end: End::Outgoing(link), .. }) => {
                if let Some(credit) = flow.link_credit {
                    let limit = flow.delivery_count.unwrap_or_default().wrapping_add(credit);
                    link.credit.limit.store(limit, Ordering::Release);
                    link.credit.drain.store(flow.drain, Ordering::Release);
                    link.credit.changed.notify_one();
                }
                let limit = link.credit.limit.load(Ordering::Acquire);
                Flow {
                    handle: Some(handle),
                    delivery_count: Some(link.delivery_count),
                    link_credit: Some(limit.wrapping_sub(link.delivery_count)),
                    ..answer
                }
            }
            Some(LinkState { end: End::Incoming(_), .. }) => {
                return self.grant(handle, flow.echo, out);
            }
            _ => return,
        };
        if flow.echo {
            self.write(out, &Performative::Flow(answer));
        }
    }

    /// The client says what it did with deliveries: each with its link's settler.
    pub(crate) fn settled(
        &mut self,
        disposition: &Disposition,
        mut each: impl FnMut(&mut dyn Settler, LinkId, u32, Bytes),
    ) {
        let (first, last) = (disposition.first, disposition.last.unwrap_or(disposition.first));
        // Numbers begin anew after 2³²: then the last is before the first.
        let ids: Vec<u32> = if first > last {
            self.unsettled
                .range(first..)
                .chain(self.unsettled.range(..=last))
                .map(|(id, _)| *id)
                .collect()
        } else {
            self.unsettled.range(first..=last).map(|(id, _)| *id).collect()
        };
        for delivery in ids {
            let Some((id, tag)) = self.unsettled.remove(&delivery) else { continue };
            if let Some(LinkState { end: End::Outgoing(link), .. }) = self.link(id) {
                link.credit.unsettled.fetch_sub(1, Ordering::AcqRel);
                link.credit.changed.notify_one();
                each(link.settler.as_mut(), id, delivery, tag);
            }
        }
    }

    /// Queues messages of a link and writes what the client's window takes.
    pub(crate) fn send(
        &mut self,
        link: LinkId,
        messages: Vec<Message>,
        room: OwnedSemaphorePermit,
        max_frame: usize,
        out: &mut BytesMut,
    ) {
        if self.link(link).is_none() {
            return;
        }
        let room = Arc::new(room);
        self.sending.extend(messages.into_iter().map(|message| Sending {
            link,
            message,
            gone: 0,
            delivery_id: None,
            _room: room.clone(),
        }));
        self.pump(max_frame, out);
    }

    /// Writes what waits, as far as the client's window goes.
    pub(crate) fn pump(&mut self, max_frame: usize, out: &mut BytesMut) {
        while self.remote_window > 0 {
            let Some(mut sending) = self.sending.pop_front() else { return };
            let done = self.write_part(&mut sending, max_frame, out);
            if !done {
                self.sending.push_front(sending);
            }
        }
    }

    /// Writes one frame of a message; whether it was the last.
    fn write_part(&mut self, sending: &mut Sending, max_frame: usize, out: &mut BytesMut) -> bool {
        /// What frame header and performative take at most, with a tag of 32 bytes.
        const AROUND: usize = 128;
        let message = &sending.message;
        let delivery_id = *sending.delivery_id.get_or_insert_with(|| {
            let id = self.next_delivery_id;
            self.next_delivery_id = id.wrapping_add(1);
            id
        });
        let begins = sending.gone == 0;
        let size = (message.len() - sending.gone).min(max_frame - AROUND);
        let more = sending.gone + size < message.len();
        let tag = message.tag.clone();
        let tag = tag.unwrap_or_else(|| Bytes::copy_from_slice(&delivery_id.to_be_bytes()));
        if begins {
            if !message.settled {
                self.unsettled.insert(delivery_id, (sending.link, tag.clone()));
            }
            if let Some(LinkState { end: End::Outgoing(link), .. }) = self.link(sending.link) {
                link.delivery_count = link.delivery_count.wrapping_add(1);
            }
        }
        let transfer = Transfer {
            handle: sending.link.handle,
            delivery_id: Some(delivery_id),
            delivery_tag: Some(tag),
            message_format: Some(0),
            settled: message.settled,
            more,
            aborted: false,
        };
        frame::write(out, Kind::Amqp, self.channel, |out| {
            Performative::Transfer(transfer).write(out);
            let head = &message.head[sending.gone.min(message.head.len())..];
            let head = &head[..size.min(head.len())];
            out.put_slice(head);
            let from =
                (sending.gone + head.len()) - message.head.len().min(sending.gone + head.len());
            out.put_slice(&message.body[from..from + size - head.len()]);
        });
        sending.gone += size;
        self.next_outgoing_id = self.next_outgoing_id.wrapping_add(1);
        self.remote_window -= 1;
        !more
    }

    /// A link gave its credit back.
    pub(crate) fn drained(&mut self, id: LinkId, delivery_count: u32, out: &mut BytesMut) {
        let flow = self.flow();
        let Some(LinkState { end: End::Outgoing(link), .. }) = self.link(id) else { return };
        link.delivery_count = delivery_count;
        let left = link.credit.limit.load(Ordering::Acquire).wrapping_sub(delivery_count);
        let flow = Flow {
            handle: Some(id.handle),
            delivery_count: Some(delivery_count),
            link_credit: Some(if left > u32::MAX / 2 { 0 } else { left }),
            available: Some(0),
            drain: true,
            ..flow
        };
        self.write(out, &Performative::Flow(flow));
    }

    /// An incoming delivery was answered: there is room for another.
    pub(crate) fn answered(&mut self, id: LinkId, out: &mut BytesMut) {
        if let Some(LinkState { end: End::Incoming(link), .. }) = self.link(id) {
            link.unanswered = link.unanswered.saturating_sub(1);
            self.grant(id.handle, false, out);
        }
    }

    /// Writes what became of deliveries.
    pub(crate) fn disposition(
        &self,
        role: Role,
        first: u32,
        last: u32,
        outcome: Outcome,
        out: &mut BytesMut,
    ) {
        let outcome = Some(outcome);
        let disposition = Disposition { role, first, last: Some(last), settled: true, outcome };
        self.write(out, &Performative::Disposition(disposition));
    }

    /// Ends the server's side of a link, and tells the client.
    pub(crate) fn detach(&mut self, id: LinkId, error: Option<Error>, out: &mut BytesMut) {
        let Some(link) = self.link(id) else { return };
        if matches!(link.end, End::Detached) {
            return;
        }
        link.end = End::Detached;
        self.forget(id);
        let detach = Detach { handle: id.handle, closed: true, error };
        self.write(out, &Performative::Detach(detach));
    }

    /// The client has detached a link: answers, unless that is the answer already.
    pub(crate) fn detached(&mut self, detach: &Detach, out: &mut BytesMut) {
        let Some(link) = self.links.remove(&detach.handle) else { return };
        self.forget(link.id);
        if !matches!(link.end, End::Detached) {
            let answer = Detach { handle: detach.handle, closed: detach.closed, error: None };
            self.write(out, &Performative::Detach(answer));
        }
    }

    fn forget(&mut self, id: LinkId) {
        self.sending.retain(|sending| sending.link != id);
        self.unsettled.retain(|_, (link, _)| *link != id);
    }
}

impl Incoming {
    fn part(
        &mut self,
        link: LinkId,
        transfer: Transfer,
        payload: Bytes,
        partials: &Arc<Semaphore>,
    ) -> Result<Option<Received>, Error> {
        if transfer.aborted {
            if self.partial.take().is_some() {
                self.unanswered = self.unanswered.saturating_sub(1);
            }
            return Ok(None);
        }
        let so_far = self.partial.as_ref().map_or(0, |partial| partial.bytes.len());
        if (so_far + payload.len()) as u64 > self.max_message_size {
            self.partial = None;
            let text = format!("the message is larger than {} bytes", self.max_message_size);
            return Err(Error::new(condition::MESSAGE_SIZE_EXCEEDED, text));
        }
        if self.partial.is_none() {
            self.begins(&transfer)?;
            if !transfer.more {
                return Ok(Some(received(link, &transfer, payload)));
            }
        }
        let partial = self.partial.get_or_insert_with(|| Partial {
            first: transfer.clone(),
            bytes: BytesMut::new(),
            room: Vec::new(),
        });
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        match partials.clone().try_acquire_many_owned(bytes) {
            Ok(room) => partial.room.push(room),
            Err(_) => {
                self.partial = None;
                let text = "too many messages are half sent: try again later";
                return Err(Error::new(condition::RESOURCE_LIMIT_EXCEEDED, text));
            }
        }
        partial.bytes.extend_from_slice(&payload);
        if transfer.more {
            return Ok(None);
        }
        let whole = self.partial.take().map(|mut partial| {
            partial.first.settled |= transfer.settled;
            received(link, &partial.first, partial.bytes.split().freeze())
        });
        Ok(whole)
    }

    /// The first part of a message: it needs credit and a number.
    fn begins(&mut self, transfer: &Transfer) -> Result<(), Error> {
        if self.credit == 0 {
            let text = "a message came without credit";
            return Err(Error::new(condition::TRANSFER_LIMIT_EXCEEDED, text));
        }
        if transfer.delivery_id.is_none() {
            return Err(Error::new(condition::INVALID_FIELD, "a message came without delivery-id"));
        }
        self.credit -= 1;
        self.unanswered += 1;
        self.delivery_count = self.delivery_count.wrapping_add(1);
        Ok(())
    }
}

fn received(link: LinkId, first: &Transfer, message: Bytes) -> Received {
    Received {
        link,
        message,
        format: first.message_format.unwrap_or_default(),
        settled: first.settled,
        delivery_id: first.delivery_id.unwrap_or_default(),
    }
}
