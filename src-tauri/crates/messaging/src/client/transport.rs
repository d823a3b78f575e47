//! The way to a namespace: TCP, TLS, WebSockets.

use super::endpoint::WebSockets;
use super::{ClientError, Code, Endpoint};
use crate::websocket::{self, PATH, PROTOCOLS, limits};
use rustls::pki_types::ServerName;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// How long one way may take before another is tried.
const CONNECT: Duration = Duration::from_secs(10);
const AMQP: u16 = 5_672;
const AMQPS: u16 = 5_671;
const HTTP: u16 = 80;
const HTTPS: u16 = 443;

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
pub(super) type BoxStream = Box<dyn Stream>;

/// Connects, by WebSockets where that is asked for, or where nothing else comes through.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<BoxStream, ClientError> {
    if endpoint.websockets == WebSockets::Always {
        return over_websockets(endpoint).await;
    }
    let port = endpoint.port.unwrap_or(if endpoint.tls { AMQPS } else { AMQP });
    let direct = secured(endpoint, port).await;
    // Firewalls close the port of AMQP; where another was given, it is meant.
    let blocked = |error: &ClientError| error.code == Code::Unreachable && endpoint.port.is_none();
    match direct {
        Err(error) if blocked(&error) && endpoint.websockets == WebSockets::WhereBlocked => {
            tracing::info!(%error, "trying WebSockets");
            // That AMQP's port is closed says more than that the other one is as well.
            over_websockets(endpoint).await.map_err(|_| error)
        }
        direct => direct,
    }
}

/// TCP, and TLS where the endpoint has it.
async fn secured(endpoint: &Endpoint, port: u16) -> Result<BoxStream, ClientError> {
    let place = format!("{}:{port}", endpoint.host);
    let unreachable = |reason: String| ClientError::new(Code::Unreachable, place.as_str(), reason);
    let connecting = timeout(CONNECT, TcpStream::connect((endpoint.host.as_str(), port)));
    let tcp = connecting.await.map_err(|_| unreachable("no answer in time".into()))?;
    let tcp = tcp.map_err(|error| unreachable(error.to_string()))?;
    // Small frames should not wait for each other.
    let _ = tcp.set_nodelay(true);
    if !endpoint.tls {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(endpoint.host.clone())
        .map_err(|error| ClientError::settings(&place, error.to_string()))?;
    let connector = TlsConnector::from(endpoint.trust.tls()?);
    let agreed = timeout(CONNECT, connector.connect(name, tcp)).await;
    let agreed = agreed.map_err(|_| unreachable("no TLS in time".into()))?;
    match agreed {
        Ok(stream) => Ok(Box::new(stream)),
        // A certificate that is not trusted is not trusted a moment later.
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            Err(ClientError::new(Code::Untrusted, place.as_str(), format!("no TLS: {error}")))
        }
        Err(error) => Err(unreachable(error.to_string())),
    }
}

async fn over_websockets(endpoint: &Endpoint) -> Result<BoxStream, ClientError> {
    let (scheme, usual) = if endpoint.tls { ("wss", HTTPS) } else { ("ws", HTTP) };
    let port = endpoint.port.unwrap_or(usual);
    let host = &endpoint.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let place = format!("{scheme}://{host}:{port}{PATH}");
    let mut request = place
        .as_str()
        .into_client_request()
        .map_err(|error| ClientError::settings(&place, error.to_string()))?;
    let protocol = HeaderValue::from_static(PROTOCOLS[0]);
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let stream = secured(endpoint, port).await?;
    let agreed = timeout(CONNECT, client_async_with_config(request, stream, Some(limits())));
    match agreed.await {
        Ok(Ok((socket, _))) => Ok(Box::new(websocket::stream(socket))),
        Ok(Err(error)) => Err(ClientError::new(Code::Unreachable, place, error.to_string())),
        Err(_) => Err(ClientError::new(Code::Unreachable, place, "no answer in time")),
    }
}
