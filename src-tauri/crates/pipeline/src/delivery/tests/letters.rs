//! Dead letters: a container that plays up, and Azurite.

use super::super::batch::reason;
use super::super::start;
use super::grid::serve;
use super::proxy::Way;
use super::world::{HOUR_IS_A_SECOND, World, adds_up};
use crate::{DeadLetterSpec, EndpointKind, EndpointSpec};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const UPDATES: &str = "type = 'Microsoft.DigitalTwins.Twin.Update'";
const OUT: &str = "endpoints/out";

/// Blobs by path; and which of the next requests fail.
#[derive(Default)]
struct Container {
    blobs: Mutex<BTreeMap<String, Value>>,
    fail: Mutex<usize>,
}

async fn keep(State(container): State<Arc<Container>>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    assert_eq!(
        (parts.method.as_str(), parts.headers["x-ms-blob-type"].as_bytes()),
        ("PUT", &b"BlockBlob"[..])
    );
    assert_eq!(parts.uri.query(), Some("sv=1&sig=geheim"));
    {
        let mut fail = container.fail.lock();
        if *fail > 0 {
            *fail -= 1;
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let letter = serde_json::from_slice(&body).unwrap();
    container.blobs.lock().insert(parts.uri.path().to_owned(), letter);
    StatusCode::CREATED
}

/// Events for an endpoint that is down, where a day is half a second.
async fn given_up(container: &str, changes: usize) -> World {
    let world = World::new(HOUR_IS_A_SECOND / 48.0).await;
    let proxy = world.proxy().await;
    proxy.set(Way::Down);
    world.route("all", "out", UPDATES).await;
    world.near.hub("out");
    let connection = world.near.connection("out", proxy.port);
    let spec = EndpointSpec {
        primary: Some(world.near.keep_secret("primary", &connection)),
        dead_letter: Some(DeadLetterSpec::Sas(world.near.keep_secret("letters", container))),
        ..world.endpoint(EndpointKind::EventHub)
    };
    let _out = start("out", &spec, world.routes(), &world.parts);
    world.change(changes).await;
    let counts = world.settled(OUT).await;
    adds_up(&counts);
    assert_eq!(counts.taken, changes as u64);
    let told = world.all_told();
    assert!(!told.contains("geheim"), "{told}");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_a_blob_under_the_documented_path() {
    let container = Arc::new(Container::default());
    // Fewer than an event is tried, however they fall.
    *container.fail.lock() = 4;
    let router = Router::new().fallback(keep).with_state(container.clone());
    let (address, _server) = serve(router).await;
    let world = given_up(&format!("{address}/account/letters?sv=1&sig=geheim"), 60).await;
    let counts = world.counts(OUT);
    assert_eq!((counts.dead_lettered, counts.dropped.len()), (60, 0));
    let blobs = container.blobs.lock();
    assert_eq!(blobs.len(), 60);
    for (path, letter) in blobs.iter() {
        let parts: Vec<_> = path.split('/').skip(1).collect();
        let [account, container, endpoint, year, month, day, hour, name] = parts.as_slice() else {
            panic!("{path}")
        };
        assert_eq!((*account, *container, *endpoint), ("account", "letters", "out"));
        let lengths = [year, month, day, hour].map(|digits| digits.len());
        assert_eq!(lengths, [4, 2, 2, 2], "{path}");
        assert_eq!(*name, format!("{}.json", letter["id"].as_str().unwrap()));
        assert_eq!(letter["specversion"], "1.0");
        assert_eq!(letter["type"], "Microsoft.DigitalTwins.Twin.Update");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_cannot_be_written_are_drops() {
    let world = given_up("http://127.0.0.1:1/account/letters?sv=1&sig=geheim", 20).await;
    let counts = world.counts(OUT);
    assert_eq!((counts.dead_lettered, counts.dropped.get(reason::NO_LETTER)), (0, Some(&20)));
    let told = world.told.0.lock();
    assert!(told.iter().any(|told| told.contains("dead letters could not be written")), "{told:?}");
}

/// The account that Azurite has, with its well-known key.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct Azurite {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Azurite {
    /// `None` where it is not installed (`make` installs it).
    fn start() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let program = root.join("target/tools/azurite/node_modules/.bin/azurite-blob");
        if !program.exists() {
            eprintln!("skipped: there is no {}", program.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new(program)
            .args(["--silent", "--skipApiVersionCheck", "--blobPort", &port.to_string()])
            .arg("--location")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port, _folder: folder })
    }

    /// A container's URL with an account SAS.
    fn container(&self, name: &str) -> String {
        let (permissions, expires, version) = ("rwdlac", "2099-01-01T00:00:00Z", "2018-11-09");
        let unsigned =
            [ACCOUNT, permissions, "b", "sco", "", expires, "", "", version, ""].join("\n");
        let signature = messaging::sas::Key::base64(KEY).unwrap().sign(&unsigned);
        let mut url =
            reqwest::Url::parse(&format!("http://127.0.0.1:{}/{ACCOUNT}/{name}", self.port))
                .unwrap();
        url.query_pairs_mut()
            .extend_pairs([("sv", version), ("ss", "b"), ("srt", "sco"), ("sp", permissions)])
            .extend_pairs([("se", expires), ("sig", &signature)]);
        url.to_string()
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azurite_keeps_dead_letters() {
    let Some(azurite) = Azurite::start() else { return };
    let container = azurite.container("letters");
    let http = reqwest::Client::new();
    let of_container = |more: &str| format!("{container}&restype=container{more}");
    let mut answer = None;
    for _ in 0..200 {
        let made = http.put(of_container("")).header("x-ms-version", "2021-08-06").send().await;
        if let Ok(made) = made {
            answer = Some(made);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let made = answer.expect("Azurite does not listen");
    assert!(made.status().is_success(), "{}", made.text().await.unwrap());
    let world = given_up(&container, 25).await;
    assert_eq!(world.counts(OUT).dead_lettered, 25);
    let list = http.get(of_container("&comp=list&prefix=out/")).send().await.unwrap();
    let list = list.text().await.unwrap();
    assert_eq!(list.matches("<Name>out/").count(), 25, "{list}");
    let name = list.split("<Name>").nth(1).unwrap().split('<').next().unwrap();
    let blob = container.replacen("letters", &format!("letters/{name}"), 1);
    let letter: Value = http.get(blob).send().await.unwrap().json().await.unwrap();
    assert_eq!(letter["specversion"], "1.0");
}
