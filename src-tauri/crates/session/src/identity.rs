//! A managed identity for unchanged code: the token endpoint that Azure App Service gives its apps.
//!
//! `DefaultAzureCredential` of every official SDK asks it where `IDENTITY_ENDPOINT` and
//! `IDENTITY_HEADER` are set, so that code needs no account and no line about Twinscope. Plain
//! HTTP, as in App Service, and on loopback only. Source: the REST endpoint reference of
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity>.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing::get};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

const API_VERSION: &str = "2019-08-01";
/// What a token is given for: the data plane, by its name and by its application id. A token for
/// anything else would take ours to a stranger.
const RESOURCES: [&str; 2] =
    ["https://digitaltwins.azure.net", "0b07f429-9f4b-4714-9392-cc5e8e80c8b0"];
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_CONNECTIONS: usize = 32;
/// For a whole connection: one request, one answer.
const CONNECTION_LIFE: Duration = Duration::from_secs(10);
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The endpoint, listening and not yet answering.
pub(crate) struct Identity {
    listener: TcpListener,
    secrets: Arc<Secrets>,
    port: u16,
}

struct Secrets {
    /// What `X-IDENTITY-HEADER` must be.
    header: String,
    /// The bearer token that is handed out.
    token: String,
}

impl Identity {
    /// Takes a free port of loopback. `token` is the one that the instance demands; where it takes
    /// any, a random one is made.
    ///
    /// # Errors
    /// Where loopback has no port.
    pub(crate) async fn bind(token: Option<String>) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let port = listener.local_addr()?.port();
        let secrets = Secrets { header: random(), token: token.unwrap_or_else(random) };
        Ok(Self { listener, secrets: Arc::new(secrets), port })
    }

    /// `IDENTITY_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/msi/token", self.port)
    }

    /// `IDENTITY_HEADER`.
    pub(crate) fn header(&self) -> &str {
        &self.secrets.header
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self) {
        let app = Router::new().route("/msi/token", get(token)).with_state(self.secrets);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        while let Ok(place) = places.clone().acquire_owned().await {
            match self.listener.accept().await {
                Ok((tcp, _)) => {
                    let answered = answer(tcp, app.clone());
                    tokio::spawn(async move {
                        answered.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the identity endpoint could not accept");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

async fn answer(tcp: TcpStream, app: Router) {
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), TowerToHyperService::new(app));
    match timeout(CONNECTION_LIFE, http).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a client of the identity endpoint ended early"),
        Err(_) => tracing::debug!("a client of the identity endpoint took too long"),
    }
}

async fn token(
    State(secrets): State<Arc<Secrets>>,
    Query(parameters): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !is_local(text(header::HOST.as_str())) || headers.contains_key(header::ORIGIN) {
        return refusal(StatusCode::FORBIDDEN, "Web pages and other hosts get no token here.");
    }
    let given = text("x-identity-header").unwrap_or_default();
    if !equal_in_constant_time(secrets.header.as_bytes(), given.as_bytes()) {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "The X-IDENTITY-HEADER is not that of this instance. It is made anew at each start: run `twinscope env` again.",
        );
    }
    let parameter = |name: &str| {
        parameters.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    };
    if parameter("api-version") != API_VERSION {
        return refusal(StatusCode::BAD_REQUEST, "The api-version must be 2019-08-01.");
    }
    let resource = parameter("resource");
    if !RESOURCES.contains(&resource.trim_end_matches('/')) {
        return refusal(
            StatusCode::BAD_REQUEST,
            "This identity has tokens for the resource https://digitaltwins.azure.net only.",
        );
    }
    let expires = SystemTime::now() + TOKEN_LIFE;
    let expires = expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let body = Json(json!({
        "access_token": secrets.token,
        "expires_on": expires.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    }));
    ([(header::CACHE_CONTROL, "no-store")], body).into_response()
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"statusCode": status.as_u16(), "message": message}))).into_response()
}

/// A page whose name was made to resolve to this machine is told apart by this.
fn is_local(host: Option<&str>) -> bool {
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    matches!(name, Some("127.0.0.1" | "localhost"))
}

/// 244 random bits as text.
fn random() -> String {
    [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|part| part.simple().to_string()).concat()
}

/// How long it takes does not tell how much of the header is right (its length is no secret).
fn equal_in_constant_time(wanted: &[u8], given: &[u8]) -> bool {
    let differing =
        wanted.iter().zip(given).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    wanted.len() == given.len() && differing == 0
}
