//! Writing to a stream whose layers (TLS, WebSockets) may hold back what they were given.

use bytes::BytesMut;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Writes some of `output`, or flushes where there is nothing left to write; how many bytes were
/// written. It can be used in `select!`: nothing is lost when it is dropped.
pub(crate) async fn write_or_flush(
    writer: &mut (impl AsyncWrite + Unpin),
    output: &mut BytesMut,
) -> io::Result<usize> {
    if output.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    match writer.write_buf(output).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}
