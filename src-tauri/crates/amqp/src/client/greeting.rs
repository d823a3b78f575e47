//! The beginning of a client's connection: protocol headers around SASL.

use super::{Failure, Sasl};
use crate::frame::{self, Kind};
use crate::handshake::{PLAIN, SASL, fill, read_header, write, write_step};
use crate::performative::Sasl as Step;
use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

/// What a server's frame of authentication may have at most.
const MAX_FRAME: u32 = 16 << 10;

/// Authenticates, and agrees on AMQP. Bytes that belong to what follows stay in `input`.
pub(super) async fn greet(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    input: &mut BytesMut,
    sasl: &Sasl,
) -> Result<(), Failure> {
    header(stream, input, SASL).await?;
    let offered = match step(stream, input).await? {
        Step::Mechanisms(offered) => offered,
        other => return Err(Failure::NotAmqp(format!("it began with {other:?}"))),
    };
    let (mechanism, response) = match sasl {
        Sasl::Anonymous => ("ANONYMOUS", Bytes::from_static(b"anonymous")),
        Sasl::Plain { user, password } => ("PLAIN", plain(user, password)),
    };
    if !offered.iter().any(|name| name == mechanism) {
        let text = format!("it does not take {mechanism}, only {}", offered.join(", "));
        return Err(Failure::NotAmqp(text));
    }
    let mut out = BytesMut::new();
    write_step(&mut out, &Step::Init { mechanism: mechanism.to_owned(), response });
    write(stream, &mut out).await.map_err(broken)?;
    match step(stream, input).await? {
        Step::Outcome(0) => header(stream, input, PLAIN).await,
        Step::Outcome(_) => Err(Failure::NotAuthenticated),
        _ => Err(Failure::NotAmqp("it asked for more than a password".into())),
    }
}

fn plain(user: &str, password: &str) -> Bytes {
    let mut response = BytesMut::new();
    for part in [user, password] {
        response.put_u8(0);
        response.put_slice(part.as_bytes());
    }
    response.freeze()
}

/// Exchanges protocol headers.
async fn header(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    input: &mut BytesMut,
    header: [u8; 8],
) -> Result<(), Failure> {
    write(stream, &mut BytesMut::from(&header[..])).await.map_err(broken)?;
    let answered = read_header(stream, input).await.map_err(broken)?;
    if answered == header {
        return Ok(());
    }
    let answered = String::from_utf8_lossy(&answered).escape_debug().to_string();
    Err(Failure::NotAmqp(format!("it answered with “{answered}”")))
}

async fn step(
    stream: &mut (impl AsyncRead + Unpin),
    input: &mut BytesMut,
) -> Result<Step, Failure> {
    let malformed = |error: crate::Malformed| Failure::NotAmqp(error.to_string());
    loop {
        match frame::next(input, MAX_FRAME).map_err(malformed)? {
            Some(frame) if frame.kind == Kind::Sasl => {
                return Step::read(frame.body).map_err(malformed);
            }
            Some(_) => return Err(Failure::NotAmqp("it did not authenticate".into())),
            None => fill(stream, input).await.map_err(broken)?,
        }
    }
}

#[allow(clippy::needless_pass_by_value)] // It is what `map_err` gives.
fn broken(error: std::io::Error) -> Failure {
    Failure::Broken(error.to_string())
}
