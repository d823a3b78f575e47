//! The task of a connection: reads frames, keeps the session, writes.

use super::link::Event;
use super::session::{Attached, LinkId, Session, WINDOW};
use super::{ConnectOptions, Failure};
use crate::error::{Error, condition};
use crate::frame::{self, Frame, Kind};
use crate::performative::{Attach, Begin, Open, Outcome, Performative};
use crate::stream::write_or_flush;
use crate::value::Value;
use bytes::{Bytes, BytesMut};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// The largest frame that is read, and that is written where the other side takes it.
const MAX_FRAME: u32 = 64 << 10;
/// Nothing is read, and no message is begun, while so much waits to be written.
const OUTPUT_HIGH: usize = 256 << 10;
/// How long the other side may take to answer our farewell.
const FAREWELL: Duration = Duration::from_secs(2);
const HANDLE_MAX: u32 = 1_023;

pub(super) type Asks = mpsc::UnboundedSender<Ask>;

/// What links and connection ask for. An answer that is dropped means that it has ended.
pub(super) enum Ask {
    Attach {
        attach: Box<Attach>,
        events: Option<mpsc::UnboundedSender<Event>>,
        state: Arc<OnceLock<Failure>>,
        tell: oneshot::Sender<Attached>,
    },
    Send {
        link: LinkId,
        message: Bytes,
        format: u32,
        tell: oneshot::Sender<Result<Outcome, Failure>>,
    },
    Grant {
        link: LinkId,
        more: u32,
    },
    Drain {
        link: LinkId,
    },
    Settle {
        link: LinkId,
        delivery: u32,
        outcome: Outcome,
        tell: oneshot::Sender<Result<Outcome, Failure>>,
    },
    Detach {
        link: LinkId,
        tell: Option<oneshot::Sender<()>>,
    },
    Close,
}

pub(super) struct Engine {
    output: BytesMut,
    session: Session,
    /// Asked before the session had begun.
    early: Vec<Ask>,
    remote: Option<Open>,
    opened: Option<oneshot::Sender<Open>>,
    ended: Arc<OnceLock<Failure>>,
    idle: Duration,
    over: bool,
    /// We said close, and wait for the answer until then.
    closing: Option<Instant>,
}

impl Engine {
    pub(super) fn new(
        options: &ConnectOptions,
        ended: Arc<OnceLock<Failure>>,
        opened: oneshot::Sender<Open>,
    ) -> Self {
        let mut output = BytesMut::new();
        let idle = u32::try_from(options.idle.as_millis()).unwrap_or(u32::MAX);
        let open = Open {
            container_id: options.container_id.clone(),
            hostname: Some(options.hostname.clone()),
            max_frame_size: MAX_FRAME,
            channel_max: 0,
            idle_time_out: Some(idle),
            properties: Value::Null,
        };
        let begin = Begin {
            remote_channel: None,
            next_outgoing_id: 0,
            incoming_window: WINDOW,
            outgoing_window: u32::MAX,
            handle_max: HANDLE_MAX,
        };
        for performative in [Performative::Open(open), Performative::Begin(begin)] {
            frame::write(&mut output, Kind::Amqp, 0, |out| performative.write(out));
        }
        Self {
            output,
            session: Session::default(),
            early: Vec::new(),
            remote: None,
            opened: Some(opened),
            ended,
            idle: options.idle,
            over: false,
            closing: None,
        }
    }

    /// Works until the connection has ended; then all who wait hear why.
    pub(super) async fn run<S>(
        mut self,
        stream: S,
        mut input: BytesMut,
        mut asked: mpsc::UnboundedReceiver<Ask>,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (mut heard, mut wrote) = (Instant::now(), Instant::now());
        let mut unflushed = false;
        self.frames(&mut input);
        while !self.over {
            self.session.pump(&mut self.output, OUTPUT_HIGH);
            input.reserve(8 << 10);
            let (pulse, tick) = self.pulse();
            let room = self.output.len() < OUTPUT_HIGH;
            tokio::select! {
                read = reader.read_buf(&mut input), if room => match read {
                    Ok(0) => self.fail(Failure::Broken("the other side ended it".into())),
                    Err(error) => self.fail(Failure::Broken(error.to_string())),
                    Ok(_) => {
                        heard = Instant::now();
                        self.frames(&mut input);
                    }
                },
                written = write_or_flush(&mut writer, &mut self.output), if unflushed || !self.output.is_empty() => {
                    match written {
                        Err(error) => self.fail(Failure::Broken(error.to_string())),
                        Ok(0) => unflushed = false,
                        Ok(_) => (wrote, unflushed) = (Instant::now(), true),
                    }
                },
                ask = asked.recv(), if room && self.closing.is_none() => match ask {
                    Some(ask) => self.asks(ask, &mut asked),
                    None => self.close(),
                },
                () = tokio::time::sleep(tick) => {
                    if pulse.is_some_and(|pulse| wrote.elapsed() >= pulse) && self.output.is_empty() {
                        frame::write(&mut self.output, Kind::Amqp, 0, |_| {});
                    }
                    if heard.elapsed() > self.idle + self.idle / 2 {
                        self.fail(Failure::Broken("nothing is heard of the other side".into()));
                    }
                    if self.closing.is_some_and(|since| since.elapsed() > FAREWELL) {
                        self.fail(Failure::Over);
                    }
                }
            }
        }
        let farewell = async {
            writer.write_all_buf(&mut self.output).await?;
            writer.shutdown().await
        };
        // Who does not take it goes without.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// How often the other side wants a sign of life, and how soon to look after everything.
    fn pulse(&self) -> (Option<Duration>, Duration) {
        let asked = self.remote.as_ref().and_then(|open| open.idle_time_out).filter(|ms| *ms > 0);
        let pulse = asked.map(|ms| Duration::from_millis(u64::from(ms) / 3 + 1));
        let tick = pulse.unwrap_or(self.idle / 2).min(self.idle / 2);
        let tick = if self.closing.is_some() { FAREWELL / 4 } else { tick };
        (pulse, tick.clamp(Duration::from_millis(50), Duration::from_secs(10)))
    }

    fn fail(&mut self, failure: Failure) {
        // The first reason is the true one.
        let _ = self.ended.set(failure);
        self.over = true;
    }

    /// Ends it with our own complaint.
    fn end(&mut self, error: Error) {
        let text = format!("it broke the protocol: {error}");
        self.write(&Performative::Close(Some(error)));
        self.fail(Failure::NotAmqp(text));
    }

    fn close(&mut self) {
        if self.remote.is_none() {
            return self.fail(Failure::Over);
        }
        self.write(&Performative::Close(None));
        self.closing = Some(Instant::now());
    }

    fn write(&mut self, performative: &Performative) {
        frame::write(&mut self.output, Kind::Amqp, 0, |out| performative.write(out));
    }

    /// Takes this and what else is asked already, so that it is written at once.
    fn asks(&mut self, first: Ask, more: &mut mpsc::UnboundedReceiver<Ask>) {
        let mut next = Some(first);
        while let Some(ask) = next {
            self.ask(ask);
            let room = self.output.len() < OUTPUT_HIGH && self.closing.is_none();
            next = if room { more.try_recv().ok() } else { None };
        }
    }

    fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Close => self.close(),
            ask if self.session.begun => self.session.ask(ask, &mut self.output),
            ask => self.early.push(ask),
        }
    }

    fn frames(&mut self, input: &mut BytesMut) {
        while !self.over {
            match frame::next(input, MAX_FRAME) {
                Ok(None) => return,
                Ok(Some(frame)) => self.frame(frame),
                Err(error) => self.end(Error::new(condition::FRAMING_ERROR, error.to_string())),
            }
        }
    }

    fn frame(&mut self, frame: Frame) {
        if frame.body.is_empty() {
            return;
        }
        let (performative, payload) = match Performative::read(frame.body) {
            Ok(read) => read,
            Err(malformed) => return self.end(malformed.into()),
        };
        match performative {
            Performative::Open(open) => {
                self.session.max_frame = open.max_frame_size.clamp(frame::MIN_MAX_FRAME, MAX_FRAME);
                self.remote = Some(open);
            }
            Performative::Close(error) => {
                if self.closing.is_none() {
                    self.write(&Performative::Close(None));
                }
                self.fail(error.map_or(Failure::Over, Failure::Closed));
            }
            Performative::End(error) => {
                self.write(&Performative::Close(None));
                let ended = || Error::new(condition::CONNECTION_FORCED, "the session was ended");
                self.fail(Failure::Closed(error.unwrap_or_else(ended)));
            }
            Performative::Begin(begin) => {
                self.session.begin(&begin);
                if let (Some(tell), Some(remote)) = (self.opened.take(), self.remote.clone()) {
                    // Who opened it may have given up: then nobody asks, and it closes.
                    let _ = tell.send(remote);
                }
                for ask in std::mem::take(&mut self.early) {
                    self.ask(ask);
                }
            }
            performative => {
                if let Err(error) = self.session.take(performative, payload, &mut self.output) {
                    self.end(error);
                }
            }
        }
    }
}
