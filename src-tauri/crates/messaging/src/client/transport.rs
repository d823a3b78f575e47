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

/// Where AMQP and WebSockets are where an endpoint does not say.
#[derive(Clone, Copy)]
struct Ports {
    amqp: u16,
    http: u16,
}

const PLAIN: Ports = Ports { amqp: 5_672, http: 80 };
const TLS: Ports = Ports { amqp: 5_671, http: 443 };

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
pub(super) type BoxStream = Box<dyn Stream>;

/// Connects, by WebSockets where that is asked for, or where nothing else comes through.
pub(super) async fn connect(endpoint: &Endpoint) -> Result<BoxStream, ClientError> {
    connect_at(endpoint, if endpoint.tls { TLS } else { PLAIN }).await
}

async fn connect_at(endpoint: &Endpoint, usual: Ports) -> Result<BoxStream, ClientError> {
    let http = endpoint.port.unwrap_or(usual.http);
    if endpoint.websockets == WebSockets::Always {
        return over_websockets(endpoint, http).await;
    }
    let direct = secured(endpoint, endpoint.port.unwrap_or(usual.amqp)).await;
    // Firewalls close the port of AMQP; where another was given, it is meant.
    let blocked = |error: &ClientError| error.code == Code::Unreachable && endpoint.port.is_none();
    match direct {
        Err(error) if blocked(&error) && endpoint.websockets == WebSockets::WhereBlocked => {
            tracing::info!(%error, "trying WebSockets");
            // That AMQP's port is closed says more than that the other one is as well.
            over_websockets(endpoint, http).await.map_err(|_| error)
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

async fn over_websockets(endpoint: &Endpoint, port: u16) -> Result<BoxStream, ClientError> {
    let scheme = if endpoint.tls { "wss" } else { "ws" };
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_tungstenite::accept_hdr_async;
    use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

    /// A port that nobody listens on, and one that speaks WebSockets and says `hello` in them.
    async fn ports() -> Ports {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = Ports {
            amqp: closed.local_addr().unwrap().port(),
            http: open.local_addr().unwrap().port(),
        };
        drop(closed);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = open.accept().await {
                #[allow(clippy::result_large_err)]
                let agree = |request: &Request, mut response: Response| {
                    assert_eq!(request.uri().path(), PATH);
                    let protocol = HeaderValue::from_static(PROTOCOLS[0]);
                    response.headers_mut().insert("sec-websocket-protocol", protocol);
                    Ok(response)
                };
                if let Ok(socket) = accept_hdr_async(tcp, agree).await {
                    let mut stream = websocket::stream(socket);
                    stream.write_all(b"hello").await.unwrap();
                    stream.flush().await.unwrap();
                }
            }
        });
        ports
    }

    fn endpoint(port: Option<u16>, websockets: WebSockets) -> Endpoint {
        let endpoint = Endpoint::parse("amqp://127.0.0.1").unwrap();
        Endpoint { port, websockets, ..endpoint }
    }

    #[tokio::test]
    async fn where_amqp_is_blocked_websockets_are_tried_unless_that_is_not_wanted() {
        let ports = ports().await;
        for websockets in [WebSockets::WhereBlocked, WebSockets::Always] {
            let mut stream = connect_at(&endpoint(None, websockets), ports).await.unwrap();
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"hello", "{websockets:?}");
        }
        // A port that was given is meant.
        for (port, websockets) in [
            (None, WebSockets::Never),
            (Some(ports.amqp), WebSockets::WhereBlocked),
            (Some(ports.amqp), WebSockets::Never),
        ] {
            let refused = connect_at(&endpoint(port, websockets), ports).await.err().unwrap();
            assert_eq!(refused.code, Code::Unreachable, "{websockets:?}");
            assert!(refused.to_string().contains(&ports.amqp.to_string()), "{refused}");
        }
        // Where both are closed, the port of AMQP is told.
        let closed = Ports { http: ports.amqp, ..ports };
        let told = connect_at(&endpoint(None, WebSockets::WhereBlocked), closed).await.err();
        assert!(told.unwrap().to_string().contains(&ports.amqp.to_string()));
    }
}
