//! One client's connection: who it is, and what its links are attached to.

use super::Core;
use super::address::Node;
use super::claims::{Claims, LinkEntry};
use super::refusal::reason;
use super::request::{Request, Response};
use crate::traffic::Open;
use amqp::{
    Answer, Attach, Attached, Attaching, Delivery, Error, Link, LinkControl, Message, Outcome,
    Outgoing, Peer, Role, Settler, Sink, Unsettling, Value, condition, performative,
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Questions that may be open on one link.
const QUESTIONS: u32 = 50;
/// Answers that may wait for a client to grant credit.
const ANSWERS: usize = 16;
/// Answers are small, but peeked messages are in them.
const MAX_ANSWER: u64 = 4 << 20;

//= ours: What does nothing stays; the service detaches a link after ten minutes and closes a
//  connection without links after one or five. [service-bus-messaging/service-bus-amqp-troubleshoot]
/// A connection's client.
pub(crate) struct Client {
    core: Arc<Core>,
    state: Arc<State>,
    /// Why it cannot stay, where it cannot.
    full: Option<Error>,
    _open: Open,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) claims: Arc<Claims>,
    /// Links over which answers can be sent.
    replies: Mutex<Vec<Reply>>,
}

struct Reply {
    node: Node,
    target: Option<String>,
    answers: mpsc::Sender<Message>,
}

impl Client {
    pub(crate) fn new(core: Arc<Core>, full: Option<Error>) -> Self {
        let open = core.traffic.connection();
        Self { core, state: Arc::default(), full, _open: open }
    }

    fn questions(&self, node: Node) -> Attached {
        let sink = Questions { core: self.core.clone(), state: self.state.clone(), node };
        attached(Link::Incoming { sink: Box::new(sink), credit: QUESTIONS })
    }

    fn answers(&self, node: Node, attach: &Attach) -> Attached {
        let (answers, mut waiting) = mpsc::channel::<Message>(ANSWERS);
        let target = performative::address(&attach.target).map(str::to_owned);
        let mut replies = self.state.replies.lock();
        replies.retain(|reply| !reply.answers.is_closed());
        replies.push(Reply { node, target, answers });
        let run = |mut outgoing: Outgoing| async move {
            while let Some(answer) = waiting.recv().await {
                outgoing.ready().await;
                outgoing.send(vec![answer]).await;
            }
        };
        attached(Link::Outgoing {
            settler: Box::new(Unsettling),
            task: Box::new(move |outgoing| Box::pin(run(outgoing))),
        })
    }

    /// Counts a link, and lets its claim's expiry end it.
    fn watch(&self, path: &str, control: LinkControl) -> Watched {
        Watched {
            _entry: self.state.claims.register(path, control),
            _open: self.core.traffic.link(),
        }
    }
}

fn attached(link: Link) -> Attached {
    Attached { link, max_message_size: MAX_ANSWER, source: None, properties: Value::Null }
}

impl Peer for Client {
    fn mechanisms(&self) -> &'static [&'static str] {
        &["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"]
    }

    fn authenticate(&mut self, mechanism: &str, response: &[u8]) -> bool {
        let known = match mechanism {
            "MSSBCBS" | "ANONYMOUS" | "EXTERNAL" => true,
            "PLAIN" => self.state.claims.authenticate(response, &self.core.policy),
            _ => false,
        };
        if !known {
            self.core.traffic.reject("wrong key");
        }
        known
    }

    fn open(&mut self, _open: &performative::Open) -> Result<(), Error> {
        self.full.clone().map_or(Ok(()), Err)
    }

    fn attach(&mut self, attach: &Attach, control: LinkControl) -> Attaching {
        let terminus = match attach.role {
            Role::Sender => &attach.target,
            Role::Receiver => &attach.source,
        };
        let Some(address) = performative::address(terminus) else {
            let text = "the link names no node: dynamic nodes and transactions are not served";
            return Attaching::Now(Err(Error::new(condition::NOT_IMPLEMENTED, text)));
        };
        let path = match Node::of(address) {
            Node::Entity(path) => path,
            node => {
                return Attaching::Now(Ok(match attach.role {
                    Role::Sender => self.questions(node),
                    Role::Receiver => self.answers(node, attach),
                }));
            }
        };
        if let Err(error) = self.state.claims.check(&path) {
            return Attaching::Now(Err(error));
        }
        let watched = self.watch(&path, control.clone());
        match self.core.attach(&path, attach, control) {
            Attaching::Now(attached) => Attaching::Now(attached.map(|a| watched.over(a))),
            Attaching::Later(task) => {
                Attaching::Later(Box::pin(async move { task.await.map(|a| watched.over(a)) }))
            }
        }
    }

    fn refused(&mut self, error: &Error) {
        tracing::debug!(%error, "refused");
        self.core.traffic.reject(reason(error));
    }
}

/// Takes questions. Each is answered by a task of its own; credit bounds how many.
struct Questions {
    core: Arc<Core>,
    state: Arc<State>,
    node: Node,
}

impl Sink for Questions {
    fn deliver(&mut self, delivery: Delivery) {
        let request = match Request::read(delivery.message) {
            Ok(request) => request,
            Err(malformed) => {
                delivery.answer.give(Outcome::Rejected(Some(malformed.into())));
                return;
            }
        };
        let (core, state, node) = (self.core.clone(), self.state.clone(), self.node.clone());
        tokio::spawn(async move { answer(&core, &state, &node, &request, delivery.answer).await });
    }

    fn takes_to_the_end(&self) -> bool {
        true
    }
}

async fn answer(core: &Arc<Core>, state: &State, node: &Node, request: &Request, done: Answer) {
    let Some(answers) = state.reply(node, request) else {
        let text = "there is no link to answer over: attach a receiver first";
        done.give(Outcome::Rejected(Some(Error::new(condition::NOT_FOUND, text))));
        return;
    };
    let response = core.answer(state, node, request).await;
    if !response.is_ok() {
        core.traffic.reject("request refused");
    }
    // The link may have gone meanwhile.
    let _ = answers.send(response.to_message(request)).await;
    done.give(Outcome::Accepted);
}

impl State {
    fn reply(&self, node: &Node, request: &Request) -> Option<mpsc::Sender<Message>> {
        let replies = self.replies.lock();
        let open = || replies.iter().rev().filter(|reply| !reply.answers.is_closed());
        let asked = |reply: &&Reply| reply.target.is_some() && reply.target == request.reply_to;
        let found = open().find(asked).or_else(|| open().find(|reply| reply.node == *node));
        found.map(|reply| reply.answers.clone())
    }
}

impl Core {
    async fn answer(self: &Arc<Self>, state: &State, node: &Node, request: &Request) -> Response {
        match node {
            Node::Management(path) => {
                let name = request.property("name").and_then(Value::as_text).unwrap_or_default();
                let entity = if path.is_empty() { name } else { path };
                match state.claims.check(entity) {
                    Ok(()) => self.manage(entity, request).await,
                    Err(error) => Response::error(401, &error),
                }
            }
            Node::Cbs => self.put_token(state, request),
            Node::Entity(_) => Response::not_implemented(),
        }
    }

    fn put_token(&self, state: &State, request: &Request) -> Response {
        let property = |name| request.property(name).and_then(Value::as_text);
        let (name, token) = match (request.operation(), property("name"), request.body.as_text()) {
            (Some("put-token"), Some(name), Some(token)) => (name, token),
            (Some("put-token"), ..) => {
                let text = "put-token needs the property name and the token as its body";
                return Response::error(400, &Error::new(condition::INVALID_FIELD, text));
            }
            _ => return Response::not_implemented(),
        };
        match state.claims.put(name, token, &self.policy) {
            Ok(()) => Response::new(202, "Accepted", Value::Null),
            Err(error) => Response::error(401, &error),
        }
    }
}

/// What ends with a link: its count, and its place among those that a claim's expiry ends.
struct Watched {
    _entry: LinkEntry,
    _open: Open,
}

impl Watched {
    fn over(self, attached: Attached) -> Attached {
        let link = match attached.link {
            Link::Incoming { sink, credit } => {
                Link::Incoming { sink: Box::new(Over { inner: sink, _watched: self }), credit }
            }
            Link::Outgoing { settler, task } => {
                Link::Outgoing { settler: Box::new(Over { inner: settler, _watched: self }), task }
            }
        };
        Attached { link, ..attached }
    }
}

struct Over<T: ?Sized> {
    inner: Box<T>,
    _watched: Watched,
}

impl Sink for Over<dyn Sink> {
    fn deliver(&mut self, delivery: Delivery) {
        self.inner.deliver(delivery);
    }

    fn flush(&mut self) {
        self.inner.flush();
    }
}

impl Settler for Over<dyn Settler> {
    fn settle(&mut self, tag: Bytes, outcome: Outcome, answer: Answer) {
        self.inner.settle(tag, outcome, answer);
    }
}
