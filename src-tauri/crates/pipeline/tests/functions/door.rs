use crate::around::TRACE;
use crate::event_hub::Taken;
use async_trait::async_trait;
use pipeline::source::{HttpIngress, HttpSource, MOST_BYTES, http_door};
use pipeline::{DeviceMessage, Flow, Ingress};
use reqwest::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;

#[derive(Default)]
struct Sources {
    taken: Taken,
    flow: Flow,
}

#[async_trait]
impl Ingress for Sources {
    async fn receive(&self, source: &str, message: DeviceMessage) {
        self.taken.receive(source, message).await;
    }
}

impl HttpIngress for Sources {
    fn http_source(&self, name: &str) -> Option<HttpSource> {
        let device = match name {
            "plain" => None,
            "pointed" => Some("/id".to_owned()),
            _ => return None,
        };
        Some(HttpSource { device, meter: self.flow.node(&format!("sources/{name}")) })
    }
}

struct Door {
    sources: Arc<Sources>,
    url: String,
    http: Client,
}

impl Door {
    async fn open() -> Self {
        let sources = Arc::new(Sources::default());
        let router = http_door(sources.clone(), Some("the token".into()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { sources, url, http: Client::new() }
    }

    async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> (u16, Value) {
        let mut request = self.http.post(format!("{}/ingress/{path}", self.url));
        request = request.bearer_auth("the token");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body.into()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    fn taken(&self) -> Vec<DeviceMessage> {
        std::mem::take(&mut *self.sources.taken.0.lock()).into_iter().map(|(_, own)| own).collect()
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn takes_json_and_cloud_events_in_every_form() {
    let door = Door::open().await;
    let trace = TRACE.to_string();
    let traced = [JSON, ("traceparent", trace.as_str()), ("tracestate", "twinscope=2")];
    let answer = door.post("plain?device=d1", &traced, r#"{"t": 1}"#).await;
    assert_eq!(answer, (202, json!({"accepted": 1})));
    let taken = door.taken();
    assert_eq!((&*taken[0].device, &taken[0].body, taken[0].hops), ("d1", &json!({"t": 1}), 2));
    assert_eq!(taken[0].trace, TRACE);
    let (status, _) = door.post("pointed", &[JSON], r#"[{"id": "a"}, {"id": 7}]"#).await;
    assert_eq!(status, 202);
    let devices: Vec<_> = door.taken().iter().map(|own| own.device.to_string()).collect();
    assert!(devices.contains(&"a".to_owned()) && devices.contains(&"7".to_owned()), "{devices:?}");

    let event = json!({"specversion": "1.0", "id": "e1", "type": "t", "source": "/s", "subject": "d2",
        "time": "2026-11-27T00:00:00Z", "traceparent": trace, "data": {"t": 2}});
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    assert_eq!(door.post("plain", &structured, event.to_string()).await.0, 202);
    let batch = [("content-type", "application/cloudevents-batch+json")];
    assert_eq!(
        door.post("plain", &batch, json!([event, event]).to_string()).await.1["accepted"],
        2
    );
    let binary = [
        JSON,
        ("ce-specversion", "1.0"),
        ("ce-id", "e1"),
        ("ce-type", "t"),
        ("ce-source", "/s"),
        ("ce-subject", "d2"),
        ("ce-time", "2026-11-27T00:00:00Z"),
        ("ce-traceparent", trace.as_str()),
    ];
    assert_eq!(door.post("plain", &binary, r#"{"t": 2}"#).await.0, 202);
    let taken = door.taken();
    assert_eq!(taken.len(), 4);
    for message in taken {
        assert_eq!((&*message.id, &*message.device, &message.body), ("e1", "d2", &json!({"t": 2})));
        assert_eq!(
            (message.trace, message.time.to_string().as_str()),
            (TRACE, "2026-11-27T00:00:00.0000000Z")
        );
    }
}

#[tokio::test]
async fn what_it_does_not_take_has_a_sentence_and_nothing_of_it_is_used() {
    let door = Door::open().await;
    let cloud = ("content-type", "application/cloudevents+json");
    let large = vec![b' '; MOST_BYTES + 1];
    for (path, headers, body, status, words) in [
        ("nowhere", vec![JSON], b"{}".to_vec(), 404, "no HTTP source «nowhere»"),
        ("plain?device=d", vec![JSON], b"{".to_vec(), 400, "not JSON"),
        ("plain?device=d", vec![JSON], b"7".to_vec(), 400, "Message 0: It is no JSON object"),
        ("plain?device=d", vec![JSON], b"[{}, 7]".to_vec(), 400, "Message 1: It is no JSON object"),
        ("plain?device=d", vec![JSON], b"[]".to_vec(), 400, "no message"),
        ("plain", vec![JSON], b"{}".to_vec(), 400, "?device=ID"),
        (
            "pointed",
            vec![JSON],
            br#"[{"id": "a"}, {}]"#.to_vec(),
            400,
            "Message 1: A message has nothing at «/id»",
        ),
        ("plain?device=d", vec![("content-type", "text/csv")], b"a,b".to_vec(), 415, "text/csv"),
        ("plain", vec![cloud], b"{}".to_vec(), 400, "'id'"),
        (
            "plain",
            vec![cloud],
            br#"{"specversion":"1.0","id":"1","type":"t","source":"s","subject":"d"}"#.to_vec(),
            400,
            "no «data»",
        ),
        ("plain?device=d", vec![JSON], large, 413, "at most"),
    ] {
        let (found, answer) = door.post(path, &headers, body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(found == status && message.contains(words), "{path}: {found} {answer}");
        assert!(door.taken().is_empty());
    }
    let counts = door.sources.flow.node("sources/plain").counts();
    assert_eq!(counts.dropped["not what it takes"], 8);
    assert_eq!(counts.dropped["too large"], 1);
    let without = door.http.post(format!("{}/ingress/plain", door.url));
    assert_eq!(without.send().await.unwrap().status(), 401);
    let wrong = door.http.post(format!("{}/ingress/plain", door.url)).bearer_auth("another");
    assert_eq!(wrong.send().await.unwrap().status(), 401);
    let get = door.http.get(format!("{}/ingress/plain", door.url)).bearer_auth("the token");
    assert_eq!(get.send().await.unwrap().status(), 405);
}
