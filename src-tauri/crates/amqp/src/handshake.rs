//! The beginning of a connection: protocol headers, and SASL where the client wants it.

use crate::connection::Peer;
use crate::error::{Error, condition};
use crate::frame::{self, Kind};
use crate::performative::Sasl;
use bytes::BytesMut;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) const PLAIN: [u8; 8] = *b"AMQP\x00\x01\x00\x00";
pub(crate) const SASL: [u8; 8] = *b"AMQP\x03\x01\x00\x00";
/// What a frame of authentication may have at most; a token is not sent here.
const MAX_SASL_FRAME: u32 = 4_096;

/// Exchanges headers and authenticates; whether the client may go on. Bytes that belong to what
/// follows stay in `input`.
pub(crate) async fn greet(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    input: &mut BytesMut,
    peer: &mut dyn Peer,
) -> io::Result<bool> {
    let mut header = read_header(reader, input).await?;
    if header == SASL {
        let mut out = BytesMut::from(&SASL[..]);
        let mechanisms = peer.mechanisms().iter().map(|name| (*name).to_owned()).collect();
        write_step(&mut out, &Sasl::Mechanisms(mechanisms));
        write(writer, &mut out).await?;
        if !authenticate(reader, writer, input, peer).await? {
            return Ok(false);
        }
        header = read_header(reader, input).await?;
    }
    // To a client that speaks something else this says what we speak.
    write(writer, &mut BytesMut::from(&PLAIN[..])).await?;
    if header != PLAIN {
        peer.refused(&Error::new(condition::FRAMING_ERROR, "it does not speak AMQP 1.0"));
        writer.shutdown().await?;
        return Ok(false);
    }
    Ok(true)
}

async fn authenticate(
    reader: &mut (impl AsyncRead + Unpin),
    writer: &mut (impl AsyncWrite + Unpin),
    input: &mut BytesMut,
    peer: &mut dyn Peer,
) -> io::Result<bool> {
    let read = loop {
        match frame::next(input, MAX_SASL_FRAME) {
            Ok(Some(frame)) if frame.kind == Kind::Sasl => break Sasl::read(frame.body),
            Ok(Some(_)) => return Ok(false),
            Ok(None) => fill(reader, input).await?,
            Err(malformed) => break Err(malformed),
        }
    };
    let (authenticated, code) = match read {
        Ok(Sasl::Init { mechanism, response }) => {
            let authenticated = peer.authenticate(&mechanism, &response);
            (authenticated, u8::from(!authenticated))
        }
        Ok(_) => (false, 1),
        Err(malformed) => {
            peer.refused(&malformed.into());
            (false, 1)
        }
    };
    let mut out = BytesMut::new();
    write_step(&mut out, &Sasl::Outcome(code));
    write(writer, &mut out).await?;
    Ok(authenticated)
}

/// Writes all, also what layers (TLS, WebSockets) hold back.
pub(crate) async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    out: &mut BytesMut,
) -> io::Result<()> {
    writer.write_all_buf(out).await?;
    writer.flush().await
}

pub(crate) fn write_step(out: &mut BytesMut, step: &Sasl) {
    frame::write(out, Kind::Sasl, 0, |out| step.write(out));
}

pub(crate) async fn read_header(
    reader: &mut (impl AsyncRead + Unpin),
    input: &mut BytesMut,
) -> io::Result<[u8; 8]> {
    while input.len() < 8 {
        fill(reader, input).await?;
    }
    let mut header = [0; 8];
    header.copy_from_slice(&input.split_to(8));
    Ok(header)
}

pub(crate) async fn fill(
    reader: &mut (impl AsyncRead + Unpin),
    input: &mut BytesMut,
) -> io::Result<()> {
    match reader.read_buf(input).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}
