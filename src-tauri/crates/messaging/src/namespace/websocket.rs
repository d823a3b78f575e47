//! AMQP over WebSockets on the same port, as clients behind a firewall ask for it.

use crate::http;
use crate::websocket::{PATH, PROTOCOLS, limits, stream};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};

/// A request of HTTP begins with this byte; AMQP begins with its name, TLS with 0x16.
pub(super) const GET: u8 = b'G';

/// Agrees on WebSockets; `None` where the client asks for something else or comes from a page.
pub(super) async fn accept<S>(
    socket: S,
    hosts: &[String],
) -> Option<impl AsyncRead + AsyncWrite + Send + Unpin + use<S>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let agreed = accept_hdr_async_with_config(socket, Door { hosts }, Some(limits())).await;
    agreed.ok().map(stream)
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
