//! The OpenAPI document against the router that it describes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod served;

use adt_service::server::ServerOptions;
use reqwest::Method;
use serde_json::Value;
use served::{Fixture, V};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

async fn document(fixture: &Fixture) -> Value {
    let url = fixture.served.endpoint().join("/openapi.json").unwrap();
    let answer = fixture.served.http().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200, "no token is needed to read it");
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// The paths that the sources route, but those of the documentation itself.
fn routed() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
    let mut paths = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // The document is of the data plane.
        if !name.ends_with(".rs") || ["docs.rs", "management.rs", "openapi.rs"].contains(&&*name) {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        for call in source.split(".route(").skip(1) {
            paths.insert(call.split('"').nth(1).unwrap().to_owned());
        }
    }
    paths
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let document = document(&fixture).await;
    let described: BTreeMap<String, BTreeSet<String>> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            (path.clone(), methods.map(|method| method.to_ascii_uppercase()).collect())
        })
        .collect();
    assert_eq!(
        described.keys().cloned().collect::<BTreeSet<_>>(),
        routed(),
        "left: src/server/openapi/table.rs; right: what the router has"
    );
    let versions = &document["paths"]["/models"]["get"]["parameters"][0]["schema"]["enum"];
    for version in versions.as_array().unwrap() {
        let listed = format!("GET /models?api-version={}", version.as_str().unwrap());
        assert_eq!(fixture.send(&listed, &[], "").await.status(), 200, "{listed}");
    }
    for (path, methods) in described {
        let sent = path.replace('{', "x").replace('}', "");
        let url = fixture.served.endpoint().join(&format!("{sent}?{V}")).unwrap();
        let asked = fixture.served.http().request(Method::OPTIONS, url).bearer_auth("any");
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 405, "{path}");
        let allowed = answer.headers()["allow"].to_str().unwrap().split(',').map(str::trim);
        let allowed: BTreeSet<_> =
            allowed.filter(|method| *method != "HEAD").map(String::from).collect();
        assert_eq!(methods, allowed, "{path}: left src/server/openapi/table.rs, right the router");
    }
}

#[tokio::test]
async fn the_page_is_for_this_server_alone() {
    let fixture = Fixture::start(ServerOptions::default()).await;
    let endpoint = fixture.served.endpoint();
    let http = fixture.served.http();
    for path in ["/docs", "/docs/page.js", "/docs/page.css", "/openapi.json"] {
        let url = endpoint.join(path).unwrap();
        let answer = http.get(url.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        if path != "/openapi.json" {
            let policy = answer.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
            let text = answer.text().await.unwrap();
            assert!(!text.contains("://") && !text.contains("innerHTML"), "{path}");
        }
        for (header, value, status) in
            [("host", "evil.example", 421), ("origin", "https://evil.example", 403)]
        {
            let answer = http.get(url.clone()).header(header, value).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path} {header}");
        }
    }
    // What the page sends has this origin.
    let own = format!("https://localhost:{}", fixture.served.port);
    let url = endpoint.join(&format!("/query?{V}")).unwrap();
    let asked = http.post(url).bearer_auth("any").header("origin", own);
    let answer = asked.body(r#"{"query": "SELECT * FROM DIGITALTWINS"}"#).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}
