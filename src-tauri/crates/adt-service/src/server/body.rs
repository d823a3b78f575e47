//! Reading bodies: bounded in size, time and number.

use super::answer::Refusal;
use crate::{Code, ServiceError};
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const MIB: usize = 1024 * 1024;
/// 250 models of 1 MiB, the most that one call takes.
const MODELS: usize = 250 * MIB;
const OTHER: usize = 256 * 1024;
const MODELS_TIME: Duration = Duration::from_secs(300);
const OTHER_TIME: Duration = Duration::from_secs(30);
/// What is read and thrown away so that a client that is still sending can read the refusal.
const DISCARDED: usize = 16 * MIB;
const DISCARD_TIME: Duration = Duration::from_secs(10);
/// Above it, parsing would hold up the other requests of the thread.
const PARSED_IN_PLACE: usize = MIB;

/// The JSON body of `POST /models`.
pub(super) async fn read_models(body: Body) -> Result<Value, Refusal> {
    let bytes = read(body, MODELS, MODELS_TIME).await?;
    if bytes.len() <= PARSED_IN_PLACE {
        return parse(&bytes, Code::InvalidArgument);
    }
    let parsed = tokio::task::spawn_blocking(move || parse(&bytes, Code::InvalidArgument));
    parsed.await.map_err(|_| Refusal::internal())?
}

/// Any other JSON body; `malformed` is the code where it is none.
pub(super) async fn read_json(body: Body, malformed: Code) -> Result<Value, Refusal> {
    parse(&read(body, OTHER, OTHER_TIME).await?, malformed)
}

fn parse(bytes: &[u8], malformed: Code) -> Result<Value, Refusal> {
    let no_json = |what: String| {
        ServiceError::new(
            malformed,
            format!("The request body is not valid JSON: {what}. Send a JSON document in UTF-8."),
        )
    };
    if bytes.is_empty() {
        let message = "A non-empty request body is required.";
        return Err(ServiceError::new(Code::BadRequest, message).into());
    }
    // The error names line and column itself.
    serde_json::from_slice(bytes).map_err(|error| no_json(error.to_string()).into())
}

async fn read(body: Body, limit: usize, time: Duration) -> Result<Bytes, Refusal> {
    timeout(time, read_up_to(body, limit)).await.unwrap_or_else(|_| {
        Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeout",
            format!("The request body did not arrive within {} seconds.", time.as_secs()),
        ))
    })
}

async fn read_up_to(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let mut frames = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|error| {
            Refusal::invalid(format!("The request body could not be read: {error}."))
        })?;
        if whole.len() + frame.len() > limit {
            drop(whole);
            discard(Body::from_stream(frames)).await;
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&frame);
    }
    Ok(whole.into())
}

fn too_large(limit: usize) -> Refusal {
    let limit =
        if limit < MIB { format!("{} KiB", limit / 1024) } else { format!("{} MiB", limit / MIB) };
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        format!(
            "The request body is larger than the {limit} that this call takes. Send less at once."
        ),
    )
}

/// A body for a handler, and what the handler leaves of it. A handler that refuses by the headers
/// reads nothing; hyper would then close the connection under the client's next request.
pub(super) fn shared(body: Body) -> (Body, Body) {
    let frames = Arc::new(Mutex::new(body.into_data_stream()));
    let take = |frames: Arc<Mutex<BodyDataStream>>| {
        Body::from_stream(stream::poll_fn(move |context| frames.lock().poll_next_unpin(context)))
    };
    (take(frames.clone()), take(frames))
}

/// Reads on, within bounds, so that the refusal is not lost in a reset connection.
pub(super) async fn discard(body: Body) {
    let mut frames = body.into_data_stream();
    let reading = async {
        let mut left = DISCARDED;
        while let Some(Ok(frame)) = frames.next().await {
            match left.checked_sub(frame.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Past the time the connection is closed by whoever has had enough.
    timeout(DISCARD_TIME, reading).await.ok();
}
