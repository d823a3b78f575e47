//! `<entity>/$management` of Service Bus: peek, renew, schedule, defer, sessions, rules.

use super::bus::{Bus, Found};
use super::links::error_of;
use super::mailbox::{Done, Mailbox, Refused, Settlement, Taken, Token};
use super::rules::Rule;
use crate::namespace::refusal::of_journal;
use crate::namespace::request::{Request, Response};
use amqp::{Error, Value, condition};
use bytes::{Bytes, BytesMut};
use std::sync::Arc;
use tokio::sync::oneshot;
use uuid::Uuid;

//= client: Peek, lock renewal, deferred messages, scheduling, sessions and rules are asked for
//  over $management as the clients do; 250 messages at most at once is a guess.
/// Messages of one answer, in number and bytes.
const MOST: usize = 250;
const MOST_BYTES: usize = 1 << 20;

/// Answers a request about an entity.
pub(crate) async fn answer(bus: &Arc<Bus>, path: &str, request: &Request) -> Response {
    let Some(found) = bus.find(path) else { return Response::not_found(path) };
    let operation = request.operation().unwrap_or_default().to_owned();
    let operation = operation.strip_prefix("com.microsoft:").unwrap_or(&operation);
    let answered = match operation {
        "schedule-message" => schedule(bus, &found, &request.body).await,
        _ => {
            let Found::Mailbox(mailbox, subscription) = &found else {
                return Response::not_implemented();
            };
            match (operation, subscription) {
                ("peek-message", _) => Ok(peek(mailbox, &request.body)),
                ("renew-lock", _) => renew(mailbox, &request.body),
                ("update-disposition", _) => settle(mailbox, &request.body).await,
                ("receive-by-sequence-number", _) => deferred(mailbox, &request.body).await,
                ("cancel-scheduled-message", _) => cancel(mailbox, &request.body).await,
                ("renew-session-lock", _) => renew_session(mailbox, &request.body),
                ("get-session-state", _) => Ok(session_state(mailbox, &request.body)),
                ("set-session-state", _) => set_session_state(mailbox, &request.body).await,
                ("add-rule" | "remove-rule" | "enumerate-rules", Some(subscription)) => {
                    let (bus, subscription) = (bus.clone(), subscription.clone());
                    let (operation, body) = (operation.to_owned(), request.body.clone());
                    let topic = path.split('/').next().unwrap_or_default().to_owned();
                    let rules = move || rules(&bus, &topic, &subscription, &operation, &body);
                    tokio::task::spawn_blocking(rules).await.unwrap_or_else(|_| Err(stopping()))
                }
                _ => return Response::not_implemented(),
            }
        }
    };
    answered.unwrap_or_else(|error| Response::error(status_of(&error), &error))
}

fn status_of(error: &Error) -> i32 {
    match error.condition.as_ref() {
        "com.microsoft:message-lock-lost" | "com.microsoft:session-lock-lost" => 410,
        "com.microsoft:message-not-found" | condition::NOT_FOUND => 404,
        "com.microsoft:entity-already-exists" => 409,
        condition::RESOURCE_LIMIT_EXCEEDED => 403,
        condition::INTERNAL_ERROR => 500,
        _ => 400,
    }
}

fn stopping() -> Error {
    Error::new(condition::INTERNAL_ERROR, "the server is stopping")
}

fn wrong(text: &str) -> Error {
    Error::new(condition::INVALID_FIELD, text)
}

fn map(pairs: Vec<(&str, Value)>) -> Value {
    let pairs = pairs.into_iter().map(|(key, value)| (Value::String(key.to_owned()), value));
    Value::Map(pairs.collect())
}

fn whole(head: &Bytes, bare: &Bytes) -> Value {
    let mut message = BytesMut::with_capacity(head.len() + bare.len());
    message.extend_from_slice(head);
    message.extend_from_slice(bare);
    Value::Binary(message.freeze())
}

fn session(body: &Value) -> Option<&str> {
    body.get("session-id").and_then(Value::as_text)
}

fn numbers(body: &Value) -> Vec<u64> {
    let list = body.get("sequence-numbers").and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(|number| u64::try_from(number.as_i64()?).ok()).collect()
}

fn tokens(body: &Value) -> Vec<Token> {
    let list = body.get("lock-tokens").and_then(Value::as_list).unwrap_or_default();
    let token = |value: &Value| match value {
        Value::Uuid(token) => Some(*token),
        other => other.as_text().and_then(|t| Uuid::parse_str(t).ok()).map(Uuid::into_bytes),
    };
    list.iter().filter_map(token).collect()
}

/// Waits for what is done to a mailbox.
async fn done(start: impl FnOnce(Done)) -> Result<(), Error> {
    let (tell, heard) = oneshot::channel();
    start(Box::new(move |done: Result<(), Refused>| drop(tell.send(done))));
    heard.await.map_err(|_| stopping())?.map_err(|refused| error_of(&refused))
}

async fn schedule(bus: &Arc<Bus>, found: &Found, body: &Value) -> Result<Response, Error> {
    let mut messages = Vec::new();
    for entry in body.get("messages").and_then(Value::as_list).unwrap_or_default() {
        let Some(Value::Binary(message)) = entry.get("message") else {
            return Err(wrong("a message to schedule is no binary"));
        };
        messages.extend(found.read(message.clone(), 0)?);
    }
    let (tell, heard) = oneshot::channel();
    bus.send(found, messages, move |kept| drop(tell.send(kept)));
    let given = heard.await.map_err(|_| stopping())?.map_err(|error| of_journal(&error))?;
    let given = given.into_iter().map(|number| Value::Long(number.cast_signed())).collect();
    Ok(Response::ok(map(vec![("sequence-numbers", Value::Array(given))])))
}

fn peek(mailbox: &Mailbox, body: &Value) -> Response {
    let number = |key| body.get(key).and_then(Value::as_i64);
    let from = number("from-sequence-number").and_then(|n| u64::try_from(n).ok());
    let most = number("message-count").and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
    let peeked = mailbox.peek(from.unwrap_or_default(), most.min(MOST), session(body));
    let mut bytes = 0;
    let messages = peeked.iter().take_while(|taken| {
        bytes += taken.message.bare.len();
        bytes <= MOST_BYTES
    });
    let message = |taken: &Taken| {
        map(vec![("message", whole(&taken.message.head(&taken.delivered), &taken.message.bare))])
    };
    let messages: Vec<Value> = messages.map(message).collect();
    if messages.is_empty() {
        return Response::new(204, "there are no messages", Value::Null);
    }
    Response::ok(map(vec![("messages", Value::List(messages))]))
}

fn renew(mailbox: &Mailbox, body: &Value) -> Result<Response, Error> {
    let renewed = |token| mailbox.renew(token).map(Value::Timestamp);
    let until: Option<Vec<Value>> = tokens(body).into_iter().map(renewed).collect();
    let until = until.ok_or_else(|| error_of(&Refused::LockLost))?;
    Ok(Response::ok(map(vec![("expirations", Value::Array(until))])))
}

async fn settle(mailbox: &Arc<Mailbox>, body: &Value) -> Result<Response, Error> {
    let text = |key| body.get(key).and_then(Value::as_text).unwrap_or_default().to_owned();
    let changes = body.get("properties-to-modify").and_then(Value::as_map).unwrap_or_default();
    let changes = changes.to_vec();
    let settlement = match text("disposition-status").as_str() {
        "completed" => Settlement::Complete,
        "abandoned" => Settlement::Abandon(changes, true),
        // As the service spells it.
        "defered" | "deferred" => Settlement::Defer(changes),
        "suspended" => Settlement::DeadLetter {
            reason: text("deadletter-reason"),
            description: text("deadletter-description"),
            changes,
        },
        _ => return Err(wrong("an unknown disposition-status")),
    };
    for token in tokens(body) {
        done(|tell| mailbox.settle(token, settlement.clone(), tell)).await?;
    }
    Ok(Response::ok(Value::Null))
}

async fn deferred(mailbox: &Arc<Mailbox>, body: &Value) -> Result<Response, Error> {
    let taken = mailbox.take_deferred(&numbers(body)).ok_or_else(|| {
        let text = "one or more of the messages are not deferred here, or locked by a receiver";
        Error::new("com.microsoft:message-not-found", text)
    })?;
    let deletes = body.get("receiver-settle-mode").and_then(Value::as_u32) == Some(0);
    if deletes {
        done(|tell| mailbox.delete(&taken, true, tell)).await?;
    }
    let message = |taken: &Taken| {
        let head = taken.message.head(&taken.delivered);
        let mut pairs = vec![("message", whole(&head, &taken.message.bare))];
        if !deletes {
            pairs.push(("lock-token", Value::Uuid(taken.token)));
        }
        map(pairs)
    };
    let messages = taken.iter().map(message).collect();
    Ok(Response::ok(map(vec![("messages", Value::List(messages))])))
}

async fn cancel(mailbox: &Arc<Mailbox>, body: &Value) -> Result<Response, Error> {
    let numbers = numbers(body);
    let mut is_scheduled = true;
    let cancelled = done(|tell| is_scheduled = mailbox.cancel(&numbers, tell)).await;
    if !is_scheduled {
        let text = "one or more of the messages are not scheduled here";
        return Err(Error::new("com.microsoft:message-not-found", text));
    }
    cancelled.map(|()| Response::ok(Value::Null))
}

fn renew_session(mailbox: &Mailbox, body: &Value) -> Result<Response, Error> {
    let until = session(body).and_then(|name| mailbox.renew_session(name));
    let until = until.ok_or_else(|| error_of(&Refused::SessionLockLost))?;
    Ok(Response::ok(map(vec![("expiration", Value::Timestamp(until))])))
}

fn session_state(mailbox: &Mailbox, body: &Value) -> Response {
    let state = mailbox.session_state(session(body).unwrap_or_default());
    let state = if state.is_empty() { Value::Null } else { Value::Binary(state) };
    Response::ok(map(vec![("session-state", state)]))
}

async fn set_session_state(mailbox: &Arc<Mailbox>, body: &Value) -> Result<Response, Error> {
    let name = session(body).ok_or_else(|| wrong("there is no session-id"))?;
    let state = match body.get("session-state") {
        Some(Value::Binary(state)) => state.clone(),
        Some(Value::String(state)) => Bytes::copy_from_slice(state.as_bytes()),
        _ => Bytes::new(),
    };
    done(|tell| mailbox.set_session_state(name, state, tell)).await?;
    Ok(Response::ok(Value::Null))
}

fn rules(
    bus: &Bus,
    topic: &str,
    subscription: &super::bus::Subscription,
    operation: &str,
    body: &Value,
) -> Result<Response, Error> {
    let mut rules = subscription.rules.read().clone();
    if operation == "enumerate-rules" {
        let number = |key| body.get(key).and_then(Value::as_u32).map(|n| n as usize);
        let (skip, top) = (number("skip").unwrap_or(0), number("top").unwrap_or(100));
        let listed = rules.iter().skip(skip).take(top);
        let listed =
            listed.map(|(name, rule)| map(vec![("rule-description", rule.to_value(name))]));
        let listed: Vec<Value> = listed.collect();
        if listed.is_empty() {
            return Ok(Response::new(204, "there are no rules", Value::Null));
        }
        return Ok(Response::ok(map(vec![("rules", Value::List(listed))])));
    }
    let name = body.get("rule-name").and_then(Value::as_text);
    let name = name.ok_or_else(|| wrong("there is no rule-name"))?;
    if operation == "add-rule" {
        if rules.contains_key(name) {
            let text = format!("the subscription has a rule '{name}' already");
            return Err(Error::new("com.microsoft:entity-already-exists", text));
        }
        let description = body.get("rule-description").unwrap_or(&Value::Null);
        let rule = Rule::from_value(description).map_err(|text| wrong(&text))?;
        rules.insert(name.to_owned(), rule);
    } else if rules.remove(name).is_none() {
        let text = format!("the subscription has no rule '{name}'");
        return Err(Error::new(condition::NOT_FOUND, text));
    }
    bus.keep_rules(topic, subscription, rules)
        .map_err(|error| Error::new(condition::INTERNAL_ERROR, error.to_string()))?;
    Ok(Response::ok(Value::Null))
}
