//! An AMQP client that says what it is told to, well behaved or not.
#![allow(dead_code, missing_docs)] // Each test uses its part.

use amqp::message::{Sections, property, section, write_section};
use amqp::performative::{Begin, Detach, Disposition, Flow, Open, Performative, Sasl, Transfer};
use amqp::{Attach, Error, Outcome, Role, Value, frame};
use bytes::{Bytes, BytesMut};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);
pub const WINDOW: u32 = 1_000_000;

pub struct Raw {
    pub stream: TcpStream,
    input: BytesMut,
    next_delivery: u32,
}

impl Raw {
    /// A connection that is open and has a session, without authentication.
    pub async fn connect(port: u16) -> Self {
        let mut raw = Self::dial(port).await;
        raw.open().await;
        raw
    }

    /// The same, authenticated with the namespace's key. `Err` is the outcome's code.
    pub async fn with_key(port: u16, name: &str, key: &str) -> Result<Self, u8> {
        let mut raw = Self::dial(port).await;
        raw.stream.write_all(b"AMQP\x03\x01\x00\x00").await.unwrap();
        let response = format!("\0{name}\0{key}").into_bytes().into();
        let init = Sasl::Init { mechanism: "PLAIN".to_owned(), response };
        raw.write(frame::Kind::Sasl, 0, |out| init.write(out)).await;
        raw.header().await;
        loop {
            let frame = raw.frame().await.expect("SASL's outcome");
            match Sasl::read(frame.body).unwrap() {
                Sasl::Outcome(0) => break,
                Sasl::Outcome(code) => return Err(code),
                _ => {}
            }
        }
        raw.open().await;
        Ok(raw)
    }

    async fn dial(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: BytesMut::new(), next_delivery: 0 }
    }

    async fn open(&mut self) {
        self.stream.write_all(b"AMQP\x00\x01\x00\x00").await.unwrap();
        self.say(Performative::Open(Open {
            container_id: "raw".to_owned(),
            hostname: Some("localhost".to_owned()),
            max_frame_size: 64 << 10,
            channel_max: 1,
            idle_time_out: None,
            properties: Value::Null,
        }))
        .await;
        self.say(Performative::Begin(Begin {
            remote_channel: None,
            next_outgoing_id: 0,
            incoming_window: WINDOW,
            outgoing_window: WINDOW,
            handle_max: 100,
        }))
        .await;
        self.header().await;
    }

    async fn header(&mut self) {
        while self.input.len() < 8 {
            assert!(self.stream.read_buf(&mut self.input).await.unwrap() > 0);
        }
        let _ = self.input.split_to(8);
    }

    async fn write(&mut self, kind: frame::Kind, channel: u16, body: impl FnOnce(&mut BytesMut)) {
        let mut out = BytesMut::new();
        frame::write(&mut out, kind, channel, body);
        self.stream.write_all(&out).await.unwrap();
    }

    pub async fn say(&mut self, performative: Performative) {
        let channel = u16::from(!matches!(performative, Performative::Open(_)));
        self.write(frame::Kind::Amqp, channel, |out| performative.write(out)).await;
    }

    async fn frame(&mut self) -> Option<frame::Frame> {
        let read = async {
            loop {
                match frame::next(&mut self.input, 1 << 20).unwrap() {
                    Some(frame) => return Some(frame),
                    None if matches!(self.stream.read_buf(&mut self.input).await, Ok(1..)) => {}
                    None => return None,
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the server says something in time")
    }

    /// What the server says next; `None` when it has closed the connection.
    pub async fn hear(&mut self) -> Option<(Performative, Bytes)> {
        loop {
            let frame = self.frame().await?;
            if !frame.body.is_empty() {
                return Some(Performative::read(frame.body).unwrap());
            }
        }
    }

    /// Passes over what the server says until `wanted` makes something of it.
    pub async fn until<T>(
        &mut self,
        mut wanted: impl FnMut(&Performative, &Bytes) -> Option<T>,
    ) -> T {
        loop {
            let (performative, payload) = self.hear().await.expect("the connection is still there");
            if let Some(found) = wanted(&performative, &payload) {
                return found;
            }
        }
    }

    /// Attaches a link; what it was refused with, where it was.
    pub async fn attach(&mut self, handle: u32, role: Role, address: &str) -> Result<(), Error> {
        self.attach_from(handle, role, address, Value::Null).await
    }

    pub async fn attach_from(
        &mut self,
        handle: u32,
        role: Role,
        address: &str,
        target: Value,
    ) -> Result<(), Error> {
        let terminus = |code: u64| {
            let fields = vec![Value::String(address.to_owned())];
            Value::Described(Box::new((Value::Ulong(code), Value::List(fields))))
        };
        let (source, target) = match role {
            Role::Sender => (Value::Null, terminus(0x29)),
            Role::Receiver => (terminus(0x28), target),
        };
        let attach = Attach {
            name: format!("link-{handle}"),
            handle,
            role,
            snd_settle_mode: 0,
            rcv_settle_mode: if role == Role::Receiver { 1 } else { 0 },
            source,
            target,
            initial_delivery_count: Some(0),
            max_message_size: None,
            offered_capabilities: Value::Null,
            desired_capabilities: Value::Null,
            properties: Value::Null,
        };
        self.say(Performative::Attach(Box::new(attach))).await;
        let refused = self
            .until(|said, _| match said {
                Performative::Attach(answer) if answer.handle == handle => {
                    let there = match role {
                        Role::Sender => answer.target != Value::Null,
                        Role::Receiver => answer.source != Value::Null,
                    };
                    Some(!there)
                }
                _ => None,
            })
            .await;
        if refused { Err(self.detached(handle).await) } else { Ok(()) }
    }

    /// Waits until the server detaches the link, and answers.
    pub async fn detached(&mut self, handle: u32) -> Error {
        let error = self
            .until(|said, _| match said {
                Performative::Detach(detach) if detach.handle == handle => detach.error.clone(),
                _ => None,
            })
            .await;
        self.say(Performative::Detach(Detach { handle, closed: true, error: None })).await;
        error
    }

    pub async fn grant(&mut self, handle: u32, credit: u32) {
        self.say(Performative::Flow(Flow {
            next_incoming_id: Some(0),
            incoming_window: WINDOW,
            outgoing_window: WINDOW,
            handle: Some(handle),
            delivery_count: Some(0),
            link_credit: Some(credit),
            ..Flow::default()
        }))
        .await;
    }

    /// Sends a message in one frame, and says nothing of what becomes of it.
    pub async fn transfer(&mut self, handle: u32, payload: &[u8], more: bool) -> u32 {
        let delivery = self.next_delivery;
        let transfer = Transfer {
            handle,
            delivery_id: Some(delivery),
            delivery_tag: Some(Bytes::copy_from_slice(&delivery.to_be_bytes())),
            message_format: Some(0),
            settled: false,
            more,
            aborted: false,
        };
        if !more {
            self.next_delivery += 1;
        }
        self.write(frame::Kind::Amqp, 1, |out| {
            Performative::Transfer(transfer).write(out);
            out.extend_from_slice(payload);
        })
        .await;
        delivery
    }

    /// Waits for what became of a delivery of ours.
    pub async fn outcome(&mut self, delivery: u32) -> Outcome {
        self.until(|said, _| match said {
            Performative::Disposition(Disposition { role, first, last, outcome, .. }) => {
                let last = last.unwrap_or(*first);
                let ours = *role == Role::Receiver && (*first..=last).contains(&delivery);
                ours.then(|| outcome.clone().unwrap())
            }
            _ => None,
        })
        .await
    }

    pub async fn send(&mut self, handle: u32, body: &str) -> Outcome {
        let delivery = self.transfer(handle, &message(body), false).await;
        self.outcome(delivery).await
    }

    /// The next message: its delivery's number and its body.
    pub async fn receive(&mut self) -> (u32, String) {
        self.until(|said, payload| match said {
            Performative::Transfer(transfer) => {
                let data = Sections::of(payload.clone()).unwrap().data().unwrap();
                let body = String::from_utf8(data.concat()).unwrap();
                Some((transfer.delivery_id.unwrap(), body))
            }
            _ => None,
        })
        .await
    }

    /// Says what became of a delivery, and waits for the server's word on it.
    pub async fn settle(&mut self, delivery: u32, outcome: Outcome) -> Outcome {
        self.say(Performative::Disposition(Disposition {
            role: Role::Receiver,
            first: delivery,
            last: Some(delivery),
            settled: false,
            outcome: Some(outcome),
        }))
        .await;
        self.until(|said, _| match said {
            Performative::Disposition(said)
                if said.role == Role::Sender && said.first <= delivery =>
            {
                said.outcome.clone()
            }
            _ => None,
        })
        .await
    }

    /// Puts a token for a resource; the status that `$cbs` answers.
    pub async fn put_token(&mut self, resource: &str, token: &str) -> i64 {
        self.attach(90, Role::Sender, "$cbs").await.unwrap();
        let target = Value::Described(Box::new((
            Value::Ulong(0x29),
            Value::List(vec![Value::String("answers".to_owned())]),
        )));
        self.attach_from(91, Role::Receiver, "$cbs", target).await.unwrap();
        self.grant(91, 1).await;
        let mut message = BytesMut::new();
        let mut properties = vec![Value::Null; property::REPLY_TO + 1];
        properties[property::MESSAGE_ID] = Value::Ulong(1);
        properties[property::REPLY_TO] = Value::String("answers".to_owned());
        write_section(&mut message, section::PROPERTIES, &Value::List(properties));
        let pairs = [("operation", "put-token"), ("type", "servicebus.windows.net:sastoken")];
        let pairs = pairs.into_iter().chain([("name", resource)]);
        let text = |text: &str| Value::String(text.to_owned());
        let pairs = Value::Map(pairs.map(|(key, value)| (text(key), text(value))).collect());
        write_section(&mut message, section::APPLICATION_PROPERTIES, &pairs);
        write_section(&mut message, section::VALUE, &text(token));
        self.transfer(90, &message, false).await;
        let status = self
            .until(|said, payload| match said {
                Performative::Transfer(_) => {
                    let sections = Sections::of(payload.clone()).unwrap();
                    let said = Sections::value(sections.application_properties.as_ref());
                    said.get("status-code").and_then(Value::as_i64)
                }
                _ => None,
            })
            .await;
        for handle in [90, 91] {
            self.say(Performative::Detach(Detach { handle, closed: true, error: None })).await;
        }
        status
    }
}

/// A message of one data section.
pub fn message(body: &str) -> Bytes {
    let mut out = BytesMut::new();
    write_section(&mut out, section::DATA, &Value::Binary(Bytes::copy_from_slice(body.as_bytes())));
    out.freeze()
}
