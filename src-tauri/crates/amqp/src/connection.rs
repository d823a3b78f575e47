//! A connection: one task that reads frames, keeps the sessions, and writes.

use crate::error::{Error, condition};
use crate::frame::{self, Frame, Kind};
use crate::handshake;
use crate::link::{
    Answer, AnswerTo, Attached, Command, Commands, Credit, Delivery, Link, LinkControl, LinkId,
    MOST_QUEUED, Outgoing, Task, UnderWay,
};
use crate::performative::{Attach, Begin, Disposition, Open, Outcome, Performative, Role};
use crate::session::{End, Ends, LinkState, Received, Session, WINDOW};
use crate::stream::write_or_flush;
use crate::value::Value;
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Semaphore, watch};

/// The largest frame that we read.
pub(crate) const MAX_FRAME: u32 = 64 << 10;
/// The largest that we write, where the client takes it.
const MAX_FRAME_OUT: u32 = 256 << 10;
const CHANNEL_MAX: u16 = 63;
const HANDLE_MAX: u32 = 255;
/// Nothing is read while so much waits to be written.
const OUTPUT_HIGH: usize = 256 << 10;
/// How many commands are taken at once.
const COMMANDS: usize = 512;
/// How long a client may take to say hello, and to take our farewell.
const HANDSHAKE: Duration = Duration::from_secs(20);
const FAREWELL: Duration = Duration::from_secs(2);
/// Between a stop of the server and the end of its connections: rhea passes over the answers that
/// it reads together with a close.
const LAST_CALL: Duration = Duration::from_millis(150);
/// How long answers may take when the server stops.
const DRAINED: Duration = Duration::from_secs(5);
/// A client that takes nothing of what it is sent for so long is gone.
const STUCK: Duration = Duration::from_secs(60);

/// What all connections of a server share.
pub struct Shared {
    /// The name that the server gives itself.
    pub container_id: String,
    /// Connections end when they have heard nothing for so long.
    pub idle: Duration,
    /// Bytes of messages taken in and not answered; beyond it clients wait.
    pub unanswered: Arc<Semaphore>,
    /// Bytes of messages of which parts are still to come; beyond it they are refused.
    pub partials: Arc<Semaphore>,
    /// Turns true when the server stops.
    pub stop: watch::Receiver<bool>,
}

impl Shared {
    /// With bounds that are right for one machine: 32 MiB unanswered, 128 MiB in parts, and four
    /// minutes of silence.
    #[must_use]
    pub fn new(container_id: impl Into<String>, stop: watch::Receiver<bool>) -> Self {
        Self {
            container_id: container_id.into(),
            idle: Duration::from_secs(240),
            unanswered: Arc::new(Semaphore::new(32 << 20)),
            partials: Arc::new(Semaphore::new(128 << 20)),
            stop,
        }
    }
}

/// What a server makes of one client: asked by the connection's task, so it must not block.
pub trait Peer: Send {
    /// The SASL mechanisms to offer, best first.
    fn mechanisms(&self) -> &'static [&'static str] {
        &["ANONYMOUS"]
    }

    /// Whether the client may go on.
    fn authenticate(&mut self, mechanism: &str, response: &[u8]) -> bool;

    /// Whether the client may open the connection.
    ///
    /// # Errors
    /// What the connection is closed with.
    fn open(&mut self, _open: &Open) -> Result<(), Error> {
        Ok(())
    }

    /// Whether the client may attach this link, and to what. `control` ends the link later.
    fn attach(&mut self, attach: &Attach, control: LinkControl) -> Attaching;

    /// Something was refused: a frame, a link, the connection.
    fn refused(&mut self, error: &Error);
}

/// The answer to an attach.
pub enum Attaching {
    /// At once.
    Now(Result<Attached, Error>),
    /// When something has come about.
    Later(Task<Result<Attached, Error>>),
}

struct Connection<'a> {
    peer: &'a mut dyn Peer,
    shared: &'a Shared,
    sessions: HashMap<u16, Session>,
    output: BytesMut,
    commands: Commands,
    /// Bytes that links have queued.
    queued: Arc<Semaphore>,
    /// What the client said, once it did.
    open: Option<Open>,
    serial: u64,
    /// Deliveries and settlements taken in and not answered.
    unanswered: usize,
    under_way: Arc<UnderWay>,
    /// Links that have taken messages since they were last flushed.
    touched: Vec<LinkId>,
    /// Deliveries accepted one after the other, for one disposition: answers come in runs.
    accepted: Option<(u16, Role, u32, u32)>,
    over: bool,
    /// Since when the server stops.
    stopping: Option<Instant>,
}

/// Serves one client until it, or the server, ends the connection.
pub async fn serve<S>(stream: S, peer: &mut dyn Peer, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut input = BytesMut::new();
    let greeted = handshake::greet(&mut reader, &mut writer, &mut input, peer);
    match tokio::time::timeout(HANDSHAKE, greeted).await {
        Ok(Ok(true)) => {}
        // It went away, spoke something else, or may not come in.
        Ok(_) => return,
        Err(_) => {
            peer.refused(&Error::new(condition::CONNECTION_FORCED, "it did not say hello"));
            return;
        }
    }
    let (commands, inbox) = unbounded_channel();
    let connection = Connection {
        peer,
        shared,
        sessions: HashMap::new(),
        output: BytesMut::new(),
        commands,
        queued: Arc::new(Semaphore::new(MOST_QUEUED)),
        open: None,
        serial: 0,
        unanswered: 0,
        under_way: Arc::new(UnderWay { count: AtomicUsize::new(0), stop: shared.stop.clone() }),
        touched: Vec::new(),
        accepted: None,
        over: false,
        stopping: None,
    };
    connection.run(reader, writer, input, inbox).await;
}

fn is_stopping() -> Error {
    Error::new(condition::CONNECTION_FORCED, "the server is stopping")
}

/// Waits until the server stops; also when nobody is left to stop it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // What it gives is a lock, which must not be held on to.
    drop(stop.wait_for(|stop| *stop).await);
}

impl Connection<'_> {
    async fn run(
        mut self,
        mut reader: impl AsyncRead + Unpin,
        mut writer: impl AsyncWrite + Unpin,
        mut input: BytesMut,
        mut inbox: UnboundedReceiver<Command>,
    ) {
        let mut stop = self.shared.stop.clone();
        let (began, mut heard, mut wrote) = (Instant::now(), Instant::now(), Instant::now());
        let mut unflushed = false;
        let mut commands = Vec::with_capacity(COMMANDS);
        let mut want = 4 << 10;
        self.frames(&mut input).await;
        while !self.over {
            let room = self.output.len() < OUTPUT_HIGH;
            input.reserve(want);
            let (pulse, mut tick) = self.pulse();
            if self.stopping.is_some() {
                tick = tick.min(LAST_CALL);
            }
            tokio::select! {
                read = reader.read_buf(&mut input), if room => match read {
                    Ok(0) | Err(_) => return,
                    Ok(bytes) => {
                        heard = Instant::now();
                        // Idle connections are many and keep little; busy ones read much at once.
                        want = if bytes >= want { (want * 2).min(64 << 10) } else { want };
                        self.frames(&mut input).await;
                    }
                },
                written = write_or_flush(&mut writer, &mut self.output), if unflushed || !self.output.is_empty() => {
                    match written {
                        Err(_) => return,
                        Ok(0) => unflushed = false,
                        Ok(_) => (wrote, unflushed) = (Instant::now(), true),
                    }
                },
                taken = inbox.recv_many(&mut commands, COMMANDS), if room => {
                    debug_assert!(taken > 0, "this task holds a sender");
                    commands.drain(..).for_each(|command| self.command(command));
                    self.write_accepted();
                },
                () = stopped(&mut stop), if self.stopping.is_none() => {
                    self.stopping = Some(Instant::now());
                },
                () = tokio::time::sleep(tick) => {
                    if !self.output.is_empty() {
                        if wrote.elapsed() > STUCK { return }
                    } else if pulse.is_some_and(|pulse| wrote.elapsed() >= pulse) {
                        frame::write(&mut self.output, Kind::Amqp, 0, |_| {});
                    }
                    if heard.elapsed() > self.shared.idle + self.shared.idle / 2 {
                        self.end(Error::new(condition::CONNECTION_FORCED, "nothing was heard of the client"));
                    }
                    if self.open.is_none() && began.elapsed() > HANDSHAKE {
                        self.end(Error::new(condition::CONNECTION_FORCED, "it did not open"));
                    }
                }
            }
            if let Some(since) = self.stopping
                && (self.is_drained(&inbox) && since.elapsed() >= LAST_CALL
                    || since.elapsed() > DRAINED)
                && !self.over
            {
                self.close(Some(is_stopping()));
            }
        }
        let farewell = async {
            writer.write_all_buf(&mut self.output).await?;
            writer.shutdown().await
        };
        // Who does not take it goes without.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Whether nothing is left that the client is to hear of before its connection ends.
    fn is_drained(&self, inbox: &UnboundedReceiver<Command>) -> bool {
        // In this order: what was begun is in the inbox before it is counted as ended.
        self.unanswered == 0 && self.under_way.count.load(Ordering::SeqCst) == 0 && inbox.is_empty()
    }

    /// How often the client wants a sign of life, and how soon to look after everything.
    fn pulse(&self) -> (Option<Duration>, Duration) {
        let asked = self.open.as_ref().and_then(|open| open.idle_time_out).filter(|ms| *ms > 0);
        let pulse = asked.map(|ms| Duration::from_millis(u64::from(ms) / 3 + 1));
        let tick = pulse.unwrap_or(Duration::from_secs(5)).min(Duration::from_secs(5));
        (pulse, tick.max(Duration::from_millis(100)))
    }

    /// Handles every whole frame that was read.
    async fn frames(&mut self, input: &mut BytesMut) {
        while !self.over {
            match frame::next(input, MAX_FRAME) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    if let Some(received) = self.frame(frame) {
                        self.deliver(received).await;
                    }
                }
                Err(malformed) => {
                    self.end(Error::new(condition::FRAMING_ERROR, malformed.to_string()));
                }
            }
        }
        self.flush();
    }

    fn flush(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            if let Some(End::Incoming(incoming)) = self.link(id).map(|link| &mut link.end) {
                incoming.sink.flush();
            }
        }
    }

    fn link(&mut self, id: LinkId) -> Option<&mut LinkState> {
        self.sessions.get_mut(&id.channel)?.link(id)
    }

    fn takes_to_the_end(&mut self, id: LinkId) -> bool {
        let end = self.link(id).map(|link| &link.end);
        matches!(end, Some(End::Incoming(incoming)) if incoming.sink.takes_to_the_end())
    }

    /// Hands a message to its link's sink, once there is memory for it.
    async fn deliver(&mut self, received: Received) {
        let Received { link: id, message, format, settled, delivery_id } = received;
        if self.stopping.is_some() && !self.takes_to_the_end(id) {
            // Without an answer clients send it again, to whoever listens next; refused, some give up.
            return;
        }
        let bytes = u32::try_from(message.len().max(256)).unwrap_or(u32::MAX);
        let budget = self.shared.unanswered.clone();
        let room = match budget.clone().try_acquire_many_owned(bytes) {
            Ok(room) => Some(room),
            Err(_) => {
                // What this connection has gathered must not wait for itself.
                self.flush();
                budget.acquire_many_owned(bytes).await.ok()
            }
        };
        let to = AnswerTo {
            commands: self.commands.clone(),
            link: id,
            role: Role::Receiver,
            delivery: delivery_id,
            told: settled,
            room,
        };
        self.unanswered += 1;
        let answer = Answer { to: Some(to) };
        let delivery = Delivery { message, format, answer };
        if let Some(End::Incoming(incoming)) = self.link(id).map(|link| &mut link.end) {
            incoming.sink.deliver(delivery);
            if !self.touched.contains(&id) {
                self.touched.push(id);
            }
        }
    }

    fn frame(&mut self, frame: Frame) -> Option<Received> {
        if frame.kind != Kind::Amqp {
            self.end(Error::new(condition::NOT_ALLOWED, "a SASL frame after authentication"));
            return None;
        }
        if frame.body.is_empty() {
            return None;
        }
        let (performative, payload) = match Performative::read(frame.body) {
            Ok(read) => read,
            Err(malformed) => {
                self.end(malformed.into());
                return None;
            }
        };
        match performative {
            Performative::Open(open) if self.open.is_none() => self.opened(open),
            Performative::Close(_) => self.close(None),
            Performative::Open(_) => {
                self.end(Error::new(condition::NOT_ALLOWED, "it opened twice"));
            }
            _ if self.open.is_none() => {
                self.end(Error::new(condition::NOT_ALLOWED, "it did not open first"));
            }
            Performative::Begin(begin) => self.begin(frame.channel, &begin),
            performative => return self.on_session(frame.channel, performative, payload),
        }
        None
    }

    fn on_session(
        &mut self,
        channel: u16,
        performative: Performative,
        payload: Bytes,
    ) -> Option<Received> {
        let max_frame = self.max_frame();
        let out = &mut self.output;
        let Some(session) = self.sessions.get_mut(&channel) else {
            // pyamqp ends the session before its links, and lets them say so afterwards.
            let late = matches!(
                performative,
                Performative::Detach(_)
                    | Performative::End(_)
                    | Performative::Flow(_)
                    | Performative::Disposition(_)
            );
            if !late {
                let text = "a frame on a channel without a session";
                self.end(Error::new(condition::NOT_ALLOWED, text));
            }
            return None;
        };
        match performative {
            Performative::Attach(attach) => self.attach(channel, attach),
            Performative::Flow(flow) => {
                session.incoming_flow(&flow, out);
                session.pump(max_frame, out);
            }
            Performative::Transfer(transfer) => {
                match session.transfer(transfer, payload, &self.shared.partials, out) {
                    Ok(received) => return received,
                    Err(Ends::Link(id, error)) => {
                        self.peer.refused(&error);
                        session.detach(id, Some(error), out);
                    }
                    Err(Ends::Session(error)) => self.end_session(channel, error),
                }
            }
            Performative::Disposition(disposition) => self.disposition(channel, &disposition),
            Performative::Detach(detach) => session.detached(&detach, out),
            Performative::End(_) => {
                self.sessions.remove(&channel);
                self.write(channel, &Performative::End(None));
            }
            Performative::Open(_) | Performative::Begin(_) | Performative::Close(_) => {}
        }
        None
    }

    fn disposition(&mut self, channel: u16, disposition: &Disposition) {
        if disposition.role == Role::Sender {
            return;
        }
        let Some(session) = self.sessions.get_mut(&channel) else { return };
        let outcome = disposition.outcome.clone().unwrap_or(Outcome::Released);
        let unanswered = &mut self.unanswered;
        session.settled(disposition, |settler, link, delivery, tag| {
            *unanswered += 1;
            let to = AnswerTo {
                commands: self.commands.clone(),
                link,
                role: Role::Sender,
                delivery,
                told: disposition.settled,
                room: None,
            };
            settler.settle(tag, outcome.clone(), Answer { to: Some(to) });
        });
    }

    fn opened(&mut self, open: Open) {
        let answer = Open {
            container_id: self.shared.container_id.clone(),
            hostname: None,
            max_frame_size: MAX_FRAME,
            channel_max: CHANNEL_MAX,
            idle_time_out: u32::try_from(self.shared.idle.as_millis()).ok(),
            properties: Value::Map(vec![(
                Value::symbol("product"),
                Value::String(self.shared.container_id.clone()),
            )]),
        };
        self.write(0, &Performative::Open(answer));
        if open.max_frame_size < frame::MIN_MAX_FRAME {
            self.end(Error::new(condition::INVALID_FIELD, "max-frame-size is below 512"));
        } else if let Err(error) = self.peer.open(&open) {
            self.end(error);
        }
        self.open = Some(open);
    }

    fn begin(&mut self, channel: u16, begin: &Begin) {
        if channel > CHANNEL_MAX || self.sessions.contains_key(&channel) {
            let text = "the channel is beyond channel-max, or has a session already";
            self.end(Error::new(condition::NOT_ALLOWED, text));
            return;
        }
        let session = Session::new(channel, begin.next_outgoing_id, begin.incoming_window);
        self.sessions.insert(channel, session);
        let answer = Begin {
            remote_channel: Some(channel),
            next_outgoing_id: 0,
            incoming_window: WINDOW,
            outgoing_window: u32::MAX / 2,
            handle_max: HANDLE_MAX,
        };
        self.write(channel, &Performative::Begin(answer));
    }

    fn attach(&mut self, channel: u16, attach: Box<Attach>) {
        let handle = attach.handle;
        let Some(session) = self.sessions.get_mut(&channel) else { return };
        if handle > HANDLE_MAX || session.links.contains_key(&handle) {
            let text = "the handle is beyond handle-max, or has a link already";
            self.end_session(channel, Error::new(condition::HANDLE_IN_USE, text));
            return;
        }
        self.serial += 1;
        let id = LinkId { channel, handle, serial: self.serial };
        let control = LinkControl { commands: self.commands.clone(), link: id };
        let attaching = self.peer.attach(&attach, control);
        let attach = Some(attach);
        session.links.insert(handle, LinkState { id, attach, end: End::Attaching });
        match attaching {
            Attaching::Now(attached) => self.attached(id, attached),
            Attaching::Later(task) => {
                let commands = self.commands.clone();
                tokio::spawn(async move {
                    let attached = tokio::select! {
                        attached = task => attached,
                        // The connection has ended.
                        () = commands.closed() => return,
                    };
                    let _ = commands.send(Command::Attached { link: id, attached });
                });
            }
        }
    }

    fn attached(&mut self, id: LinkId, attached: Result<Attached, Error>) {
        let Some(session) = self.sessions.get_mut(&id.channel) else { return };
        let Some(link) = session.link(id) else { return };
        let Some(asked) = link.attach.take() else { return };
        let first = asked.initial_delivery_count.unwrap_or_default();
        let (role, sends) = match asked.role {
            Role::Sender => (Role::Receiver, true),
            Role::Receiver => (Role::Sender, false),
        };
        let mut answer = Attach {
            role,
            initial_delivery_count: (!sends).then_some(0),
            max_message_size: None,
            offered_capabilities: asked.desired_capabilities.clone(),
            desired_capabilities: Value::Null,
            properties: Value::Null,
            ..*asked
        };
        let attached = match attached {
            Ok(attached) => attached,
            Err(error) => {
                // A link that is not to be has no terminus on the server's side.
                *(if sends { &mut answer.target } else { &mut answer.source }) = Value::Null;
                self.write(id.channel, &Performative::Attach(Box::new(answer)));
                self.refuse(id, error);
                return;
            }
        };
        answer.max_message_size = Some(attached.max_message_size);
        answer.properties = attached.properties;
        if let Some(source) = attached.source {
            answer.source = source;
        }
        frame::write(&mut self.output, Kind::Amqp, id.channel, |out| {
            Performative::Attach(Box::new(answer)).write(out);
        });
        let out = &mut self.output;
        match attached.link {
            Link::Incoming { sink, credit } if sends => {
                session.start_incoming(id, sink, credit, attached.max_message_size, first, out);
            }
            Link::Outgoing { settler, task } if !sends => {
                let credit = Arc::new(Credit::default());
                let outgoing = Outgoing {
                    credit: credit.clone(),
                    under_way: self.under_way.clone(),
                    commands: self.commands.clone(),
                    link: id,
                    room: self.queued.clone(),
                    delivery_count: 0,
                };
                let task = tokio::spawn(task(outgoing)).abort_handle();
                session.start_outgoing(id, settler, credit, task);
            }
            _ => {
                let text = "this node does not go that way";
                self.refuse(id, Error::new(condition::NOT_ALLOWED, text));
            }
        }
    }

    fn refuse(&mut self, id: LinkId, error: Error) {
        self.peer.refused(&error);
        if let Some(session) = self.sessions.get_mut(&id.channel) {
            session.detach(id, Some(error), &mut self.output);
        }
    }

    fn command(&mut self, command: Command) {
        let max_frame = self.max_frame();
        let out = &mut self.output;
        match command {
            Command::Settle { link, role, delivery, outcome, told } => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.settle(link, role, delivery, outcome, told);
            }
            Command::Attached { link, attached } => self.attached(link, attached),
            Command::Send { link, messages, room } => {
                if let Some(session) = self.sessions.get_mut(&link.channel) {
                    session.send(link, messages, room, max_frame, out);
                }
            }
            Command::Drained { link, delivery_count } => {
                if let Some(session) = self.sessions.get_mut(&link.channel) {
                    session.drained(link, delivery_count, out);
                }
            }
            Command::Look => {}
            Command::Detach { link, error } => {
                if let Some(session) = self.sessions.get_mut(&link.channel) {
                    session.detach(link, error, out);
                }
            }
        }
    }

    fn settle(&mut self, link: LinkId, role: Role, delivery: u32, outcome: Outcome, told: bool) {
        if self.link(link).is_none() {
            return;
        }
        if !told {
            let continues = self.accepted.is_some_and(|(channel, own_role, _, last)| {
                (channel, own_role, last.wrapping_add(1)) == (link.channel, role, delivery)
            });
            match (&mut self.accepted, &outcome) {
                (Some((.., last)), Outcome::Accepted) if continues => *last = delivery,
                _ => {
                    self.write_accepted();
                    if outcome == Outcome::Accepted {
                        self.accepted = Some((link.channel, role, delivery, delivery));
                    } else if let Some(session) = self.sessions.get_mut(&link.channel) {
                        session.disposition(role, delivery, delivery, outcome, &mut self.output);
                    }
                }
            }
        }
        if role == Role::Receiver
            && let Some(session) = self.sessions.get_mut(&link.channel)
        {
            session.answered(link, &mut self.output);
        }
    }

    fn write_accepted(&mut self) {
        if let Some((channel, role, first, last)) = self.accepted.take()
            && let Some(session) = self.sessions.get_mut(&channel)
        {
            session.disposition(role, first, last, Outcome::Accepted, &mut self.output);
        }
    }

    fn max_frame(&self) -> usize {
        let asked = self.open.as_ref().map_or(frame::MIN_MAX_FRAME, |open| open.max_frame_size);
        asked.clamp(frame::MIN_MAX_FRAME, MAX_FRAME_OUT) as usize
    }

    fn end_session(&mut self, channel: u16, error: Error) {
        self.peer.refused(&error);
        self.sessions.remove(&channel);
        self.write(channel, &Performative::End(Some(error)));
    }

    /// Ends the connection for what the client did.
    fn end(&mut self, error: Error) {
        self.peer.refused(&error);
        self.close(Some(error));
    }

    fn close(&mut self, error: Option<Error>) {
        self.write_accepted();
        self.write(0, &Performative::Close(error));
        self.sessions.clear();
        self.over = true;
    }

    fn write(&mut self, channel: u16, performative: &Performative) {
        frame::write(&mut self.output, Kind::Amqp, channel, |out| performative.write(out));
    }
}
