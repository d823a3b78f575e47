//! A WebSocket as a stream of bytes: AMQP's frames go in its binary messages, in whatever pieces.

use bytes::Bytes;
use futures::future::ready;
use futures::{SinkExt, StreamExt};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::io::{CopyToBytes, SinkWriter, StreamReader};

/// Where Azure serves AMQP over WebSockets.
pub(crate) const PATH: &str = "/$servicebus/websocket";
/// How the official clients call the subprotocol, and how AMQP's binding does.
pub(crate) const PROTOCOLS: [&str; 2] = ["AMQPWSB10", "amqp"];
const MAX_MESSAGE: usize = 1 << 20;

/// Bounds of what a peer may send in one piece.
pub(crate) fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE))
}

/// What goes through the socket, as a stream.
pub(crate) fn stream<S>(socket: WebSocketStream<S>) -> impl AsyncRead + AsyncWrite + Send + Unpin
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (sink, stream) = socket.split();
    let read = stream.filter_map(|message| {
        ready(match message {
            Ok(Message::Binary(bytes)) => Some(Ok(bytes)),
            Ok(Message::Text(_)) => {
                let text = "a text message, where AMQP's are binary";
                Some(Err(io::Error::new(io::ErrorKind::InvalidData, text)))
            }
            // Pings are answered by the socket; after a close comes the end.
            Ok(_) => None,
            Err(error) => Some(Err(io_error(error))),
        })
    });
    let write = sink.sink_map_err(io_error);
    let write = write.with(|bytes: Bytes| ready(Ok::<_, io::Error>(Message::Binary(bytes))));
    tokio::io::join(StreamReader::new(read), SinkWriter::new(CopyToBytes::new(write)))
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => io::ErrorKind::NotConnected.into(),
        other => io::Error::other(other),
    }
}
