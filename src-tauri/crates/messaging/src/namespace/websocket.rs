//! AMQP over WebSockets on the same port, as clients behind a firewall ask for it.

use crate::http;
use crate::websocket::{PATH, PROTOCOLS, limits, stream};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};

/// What is read of a request that was refused, so that its answer is not lost with it.
const REST: u64 = 1 << 20;

/// Whether it is HTTP that begins with this byte: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS.
/// AMQP begins with its name, TLS with 0x16.
pub(super) fn is_http(first: u8) -> bool {
    b"GHPDO".contains(&first)
}

/// Agrees on WebSockets.
///
/// # Errors
/// The client asks for something else, or comes from a page: [`answer`] tells it.
pub(super) async fn accept<S>(
    socket: S,
    hosts: &[String],
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<S>, Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let agreed = accept_hdr_async_with_config(socket, Door { hosts }, Some(limits())).await;
    agreed.map(stream)
}

/// Answers a request that is none for a WebSocket. What [`Door`] refused has its answer.
pub(super) async fn answer<S>(socket: &mut S, refused: &Error) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (status, upgrade) = match refused {
        Error::Http(_) => return Ok(()),
        Error::Protocol(
            ProtocolError::WrongHttpMethod
            | ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => ("426 Upgrade Required", "Upgrade: websocket\r\n"),
        _ => ("400 Bad Request", ""),
    };
    let text = format!(
        "This port is of AMQP, and of AMQP over WebSockets at {PATH}. \
         It cannot answer this request: {refused}.\n"
    );
    let length = text.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\n{upgrade}Connection: close\r\nContent-Type: text/plain\r\n\
         Content-Length: {length}\r\n\r\n{text}"
    );
    socket.write_all(answer.as_bytes()).await?;
    socket.flush().await?;
    // The client may send all of its request before it reads.
    tokio::io::copy(&mut (&mut *socket).take(REST), &mut tokio::io::sink()).await?;
    socket.shutdown().await
}

struct Door<'a> {
    hosts: &'a [String],
}

impl Callback for Door<'_> {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        let path = request.uri().path();
        if !path.trim_end_matches('/').eq_ignore_ascii_case(PATH) {
            let text = format!("AMQP over WebSockets is served at {PATH}.");
            return Err(refusal(StatusCode::NOT_FOUND, text));
        }
        http::admit(self.hosts, request.headers(), http::Origins::Own)
            .map_err(|text| refusal(StatusCode::FORBIDDEN, text.to_owned()))?;
        let Some(protocol) = protocol(request.headers()) else {
            let text = format!("The subprotocol has to be one of {}.", PROTOCOLS.join(", "));
            return Err(refusal(StatusCode::BAD_REQUEST, text));
        };
        let name = HeaderValue::from_static(protocol);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
        Ok(response)
    }
}

/// The first that the client offers and we have.
fn protocol(headers: &HeaderMap) -> Option<&'static str> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let offered = offered.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let known = |name: &str| PROTOCOLS.into_iter().find(|own| own.eq_ignore_ascii_case(name));
    offered.map(str::trim).find_map(known)
}

fn refusal(status: StatusCode, text: String) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(text));
    *response.status_mut() = status;
    response
}
