//! Many clients at one twin: batches are planned while others are committed, and still every
//! write is checked against all earlier ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adt_service::{Call, Code, IfMatch, TwinService};
use journal::{Journal, Options};
use serde_json::{Value, json};
use simulator::{Instance, InstanceOptions};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use twin_graph::{Operation, Origin, parse_patch};

const CLIENTS: usize = 32;

fn model(id: &str) -> Value {
    json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface",
        "contents": [{"@type": "Property", "name": "temperature", "schema": "integer"}]})
}

fn patch(value: usize) -> Vec<Operation> {
    parse_patch(&json!([{"op": "add", "path": "/temperature", "value": value}])).unwrap()
}

async fn open(folder: &std::path::Path) -> Arc<Instance> {
    let journal = Journal::open(folder, Options::default()).unwrap();
    let instance = Arc::new(Instance::open(journal, InstanceOptions::default()).unwrap());
    let call = Call::new(Origin::Rest);
    instance.create_models(&call, vec![model("dtmi:test:T;1")]).await.unwrap();
    let body = json!({"$metadata": {"$model": "dtmi:test:T;1"}, "temperature": 0});
    instance.put_twin(&call, "hot", body, true).await.unwrap();
    instance
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_saw_the_same_etag_one_may_write() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path()).await;
    for round in 1..20 {
        let seen = instance.view().read().twin("hot").unwrap().etag.clone();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (instance, seen) = (instance.clone(), IfMatch::Etag(seen.clone()));
                tokio::spawn(async move {
                    let call = Call::new(Origin::Rest);
                    instance.patch_twin(&call, "hot", patch(round + client), Some(seen)).await
                })
            })
            .collect();
        let mut written = Vec::new();
        for client in clients {
            match client.await.unwrap() {
                Ok(etag) => written.push(etag),
                Err(error) => assert_eq!(error.code, Code::PreconditionFailed),
            }
        }
        assert_eq!(written, [instance.view().read().twin("hot").unwrap().etag.clone()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_ever_behind_a_hot_twin() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path()).await;
    let before = instance.view().read().version();
    let clients = (0..CLIENTS).map(|client| {
        let instance = instance.clone();
        tokio::spawn(async move {
            let (call, mut etags) = (Call::new(Origin::Rest), Vec::new());
            for step in 0..20 {
                // A change of models stands alone, and nothing overtakes it.
                if client == 0 && step % 5 == 0 {
                    let another = model(&format!("dtmi:test:N{step};1"));
                    instance.create_models(&call, vec![another]).await.unwrap();
                }
                etags.push(instance.patch_twin(&call, "hot", patch(step), None).await.unwrap());
            }
            etags
        })
    });
    let clients: Vec<_> = clients.collect();
    let all = async {
        let mut etags = HashSet::new();
        for client in clients {
            etags.extend(client.await.unwrap());
        }
        etags
    };
    let etags = tokio::time::timeout(Duration::from_secs(60), all).await.expect("all are answered");
    assert_eq!(etags.len(), CLIENTS * 20, "no two ETags are the same");
    let form = |etag: &Arc<str>| etag.starts_with("W/\"") && etag.len() == 40;
    assert!(etags.iter().all(form));
    assert_eq!(instance.view().read().version(), before + (CLIENTS * 20 + 4) as u64);
}
