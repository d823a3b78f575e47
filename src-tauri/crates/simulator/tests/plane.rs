//! Models, components, relationships and event routes over their life, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adt_service::{Call, Code, PageRequest, RelationshipWrite, ServiceError, TwinService};
use journal::{Journal, Options};
use serde_json::{Value, json};
use simulator::{Instance, InstanceOptions, Mutation};
use std::path::Path;
use twin_graph::{ChangeKind, EventRoute, Operation, Origin, parse_patch};

fn call() -> Call {
    Call::new(Origin::Rest)
}

fn open(folder: &Path) -> Instance {
    let journal = Journal::open(folder, Options::default()).unwrap();
    let instance = Instance::open(journal, InstanceOptions::default()).unwrap();
    instance.set_endpoints(["hub".to_owned()]);
    instance
}

fn interface(name: &str, contents: Value) -> Value {
    json!({"@context": "dtmi:dtdl:context;2", "@id": format!("dtmi:test:{name}"), "@type": "Interface",
        "contents": contents})
}

fn models() -> Vec<Value> {
    vec![
        interface("Door;1", json!([{"@type": "Property", "name": "open", "schema": "boolean"}])),
        interface(
            "Room;1",
            json!([
                {"@type": "Property", "name": "name", "schema": "string"},
                {"@type": "Property", "name": "tags", "schema": {"@type": "Map",
                    "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "string"}}},
                {"@type": "Component", "name": "door", "schema": "dtmi:test:Door;1"},
                {"@type": "Relationship", "name": "leads", "target": "dtmi:test:Room;1", "maxMultiplicity": 1,
                 "properties": [{"@type": "Property", "name": "steps", "schema": "integer"}]}]),
        ),
        interface(
            "Room;2",
            json!([
                {"@type": "Property", "name": "name", "schema": "string"},
                {"@type": "Property", "name": "seats", "schema": "integer"},
                {"@type": "Component", "name": "gate", "schema": "dtmi:test:Door;1"}]),
        ),
    ]
}

fn room() -> Value {
    json!({"$metadata": {"$model": "dtmi:test:Room;1"}, "name": "a", "door": {"$metadata": {}, "open": true}})
}

fn patch(document: Value) -> Vec<Operation> {
    parse_patch(&document).unwrap()
}

fn relation(source: &str, id: &str, target: &str) -> RelationshipWrite {
    let body = json!({"$targetId": target, "$relationshipName": "leads", "steps": 1});
    RelationshipWrite { source: source.into(), id: id.into(), body }
}

async fn house(instance: &Instance) {
    instance.create_models(&call(), models()).await.unwrap();
    for id in ["a", "b", "c"] {
        instance.put_twin(&call(), id, room(), true).await.unwrap();
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(done: Result<T, ServiceError>, code: Code, words: &str) {
    let error = done.unwrap_err();
    let said = format!("{} {:?}", error.message, error.details);
    assert_eq!(error.code, code, "{said}");
    assert!(said.contains(words), "{said}");
}

#[tokio::test]
async fn models_go_out_of_use_from_the_top() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    house(&instance).await;
    let decommission =
        || patch(json!([{"op": "replace", "path": "/decommissioned", "value": true}]));
    let go = async |id: &str, document: Vec<Operation>| {
        instance.patch_model(&call(), id, document).await
    };
    refused(go("dtmi:test:No;1", decommission()).await, Code::ModelNotFound, "dtmi:test:No;1");
    refused(
        go("dtmi:test:Door;1", decommission()).await,
        Code::ModelReferencesNotDecommissioned,
        "dtmi:test:Room;1, dtmi:test:Room;2",
    );
    for wrong in [
        json!([]),
        json!([{"op": "replace", "path": "/decommissioned", "value": false}]),
        json!([{"op": "add", "path": "/decommissioned", "value": true}]),
        json!([{"op": "replace", "path": "/id", "value": "x"}]),
    ] {
        refused(
            go("dtmi:test:Room;2", patch(wrong)).await,
            Code::JsonPatchInvalid,
            "decommissioned",
        );
    }
    for id in ["dtmi:test:Room;1", "dtmi:test:Room;2", "dtmi:test:Door;1"] {
        go(id, decommission()).await.unwrap();
    }
    drop(instance);
    let instance = open(folder.path());
    assert!(instance.get_model(&call(), "dtmi:test:Room;1").await.unwrap().stored.decommissioned);
    refused(
        instance.put_twin(&call(), "d", room(), true).await,
        Code::ModelDecommissioned,
        "dtmi:test:Room;1",
    );
    // Twins that are there stay usable.
    instance.put_twin(&call(), "a", room(), false).await.unwrap();
    let rename = patch(json!([{"op": "replace", "path": "/name", "value": "b"}]));
    instance.patch_twin(&call(), "a", rename.clone(), None).await.unwrap();
    refused(
        instance.delete_model(&call(), "dtmi:test:Door;1").await,
        Code::ModelReferencesNotDeleted,
        "This model is currently being referenced by dtmi:test:Room;1, dtmi:test:Room;2.",
    );
    // A model goes though there are twins of it; they can be read and deleted, not changed.
    instance.delete_model(&call(), "dtmi:test:Room;1").await.unwrap();
    assert_eq!(instance.get_twin(&call(), "a").await.unwrap().body["name"], "b");
    refused(
        instance.patch_twin(&call(), "a", rename, None).await,
        Code::ValidationFailed,
        "does not exist",
    );
    instance.delete_twin(&call(), "a", None).await.unwrap();
}

#[tokio::test]
async fn a_call_takes_so_many_models_of_such_a_size_and_language() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    let many =
        |count: usize| (0..count).map(|at| interface(&format!("M{at};1"), json!([]))).collect();
    let mut large = interface("Large;1", json!([]));
    large["comment"] = json!("x".repeat(1024 * 1024));
    let mut newer = interface("Newer;1", json!([]));
    newer["@context"] = json!(["dtmi:dtdl:context;4"]);
    let create = async |models: Vec<Value>| instance.create_models(&call(), models).await;
    refused(create(many(251)).await, Code::LimitExceeded, "takes 250 models");
    refused(
        create(vec![large]).await,
        Code::LimitExceeded,
        "larger than 1 MB. [(LimitExceeded, \"It is dtmi:test:Large;1",
    );
    refused(create(vec![newer]).await, Code::ModelVersionNotSupported, "DTDL 4");
    refused(create(vec![]).await, Code::InvalidArgument, "models provided was empty");
    assert_eq!(create(many(250)).await.unwrap().len(), 250);
}

#[tokio::test]
async fn components_have_paths_and_patches_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    house(&instance).await;
    let door = instance.get_component(&call(), "a", "door").await.unwrap();
    let twin = instance.get_twin(&call(), "a").await.unwrap();
    assert_eq!((&door.body, &door.etag), (&twin.body["door"], &twin.etag));
    let change = async |component: &str, document: Value| {
        instance.patch_component(&call(), "a", component, patch(document), None).await
    };
    let etag = change(
        "door",
        json!([{"op": "replace", "path": "/open", "value": false},
               {"op": "add", "path": "/$metadata/open/sourceTime", "value": "2026-01-02T03:04:05Z"}]),
    )
    .await
    .unwrap();
    let door = instance.get_component(&call(), "a", "door").await.unwrap();
    assert_eq!((&door.body["open"], &door.etag), (&json!(false), &etag));
    assert_eq!(door.body["$metadata"]["open"]["sourceTime"], "2026-01-02T03:04:05.0000000Z");
    let replace =
        |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
    refused(
        change("gate", json!([])).await,
        Code::ComponentNotFound,
        "a does not have component gate",
    );
    refused(
        change("gate", replace("/open", json!(true))).await,
        Code::JsonPatchInvalid,
        "Could not resolve path /gate/open.",
    );
    refused(change("door", replace("/open", json!(1))).await, Code::ValidationFailed, "/door/open");
    refused(change("door", replace("", json!({}))).await, Code::JsonPatchInvalid, "resolve path");
    refused(
        change("door", replace("/no", json!(1))).await,
        Code::JsonPatchInvalid,
        "no does not exist",
    );
    refused(instance.get_component(&call(), "z", "door").await, Code::DigitalTwinNotFound, "z");
    refused(instance.get_component(&call(), "a", "gate").await, Code::ComponentNotFound, "gate");
    let mut bare = room();
    bare.as_object_mut().unwrap().shift_remove("door");
    refused(
        instance.put_twin(&call(), "d", bare, false).await,
        Code::ValidationFailed,
        "The component «door»",
    );
    let removal = patch(json!([{"op": "remove", "path": "/door"}]));
    refused(
        instance.patch_twin(&call(), "a", removal, None).await,
        Code::ValidationFailed,
        "The component «door»",
    );
}

#[tokio::test]
async fn a_twin_changes_its_model_in_one_patch() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    house(&instance).await;
    let to = |model: &str| json!({"op": "replace", "path": "/$metadata/$model", "value": model});
    let door = json!({"op": "remove", "path": "/door"});
    let gate = json!({"op": "add", "path": "/gate", "value": {"$metadata": {}, "open": true}});
    let seats = json!({"op": "add", "path": "/seats", "value": 4});
    let change = async |operations: &[&Value]| {
        let patch = patch(operations.iter().copied().cloned().collect());
        instance
            .apply(&call(), vec![Mutation::PatchTwin { id: "a".into(), patch, if_match: None }])
            .await
    };
    let (new, unknown) = (to("dtmi:test:Room;2"), to("dtmi:test:No;1"));
    refused(change(&[&new]).await, Code::ValidationFailed, "/door");
    refused(change(&[&new, &door]).await, Code::ValidationFailed, "/gate");
    refused(change(&[&unknown]).await, Code::ValidationFailed, "dtmi:test:No;1");
    instance.put_relationship(&call(), relation("a", "a-b", "b"), true).await.unwrap();
    refused(change(&[&new, &door, &gate]).await, Code::ValidationFailed, "leads");
    instance.delete_relationship(&call(), "a", "a-b", None).await.unwrap();
    let changed = change(&[&seats, &new, &door, &gate]).await.unwrap();
    let ChangeKind::TwinPatched { model, patch, .. } = &changed[0].kind else { panic!() };
    assert_eq!(&**model, "dtmi:test:Room;2");
    assert_eq!(patch[1].previous, Some(json!("dtmi:test:Room;1")));
    let twin = instance.get_twin(&call(), "a").await.unwrap();
    drop(instance);
    let instance = open(folder.path());
    assert_eq!(instance.get_twin(&call(), "a").await.unwrap(), twin);
    assert_eq!((&twin.body["gate"]["open"], &twin.body["seats"]), (&json!(true), &json!(4)));
    assert!(twin.body.get("door").is_none());
}

#[tokio::test]
async fn sizes_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    house(&instance).await;
    let put = async |name: usize, tags: usize, key: usize| {
        let tags: serde_json::Map<_, _> =
            (0..tags).map(|at| (format!("{at:0key$}"), json!("v".repeat(1000)))).collect();
        let mut body = room();
        body["name"] = json!("n".repeat(name));
        body["tags"] = json!(tags);
        instance.put_twin(&call(), "d", body, false).await
    };
    put(4096, 20, 1).await.unwrap();
    refused(put(4097, 0, 1).await, Code::ValidationFailed, "/name: The string is longer than 4 KB");
    refused(put(1, 33, 1).await, Code::InvalidArgument, "larger than 32 KB");
    let rename =
        |long: usize| patch(json!([{"op": "add", "path": "/name", "value": "n".repeat(long)}]));
    refused(
        instance.patch_twin(&call(), "a", rename(4097), None).await,
        Code::ValidationFailed,
        "4 KB",
    );
    refused(
        instance.patch_twin(&call(), "a", rename(40_000), None).await,
        Code::InvalidArgument,
        "32 KB",
    );
}

#[tokio::test]
async fn relationships_keep_to_their_multiplicity() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    house(&instance).await;
    let put =
        async |write: RelationshipWrite| instance.put_relationship(&call(), write, false).await;
    put(relation("a", "one", "b")).await.unwrap();
    refused(put(relation("a", "two", "c")).await, Code::ValidationFailed, "maxMultiplicity");
    put(relation("a", "one", "c")).await.unwrap();
    put(relation("b", "one", "c")).await.unwrap();
    let change = async |document: Value| {
        instance.patch_relationship(&call(), "a", "one", patch(document), None).await
    };
    change(json!([{"op": "replace", "path": "/steps", "value": 7}])).await.unwrap();
    assert_eq!(instance.get_relationship(&call(), "a", "one").await.unwrap().body["steps"], 7);
    for (path, value, code) in [
        ("/steps", json!("many"), Code::ValidationFailed),
        ("/other", json!(1), Code::JsonPatchInvalid),
        ("/$targetId", json!("b"), Code::JsonPatchInvalid),
    ] {
        refused(change(json!([{"op": "replace", "path": path, "value": value}])).await, code, "");
    }
    let page = PageRequest { max_items: Some(1), ..Default::default() };
    let first = instance.list_incoming(&call(), "c", page).await.unwrap();
    assert_eq!(first.items[0]["$sourceId"], "a");
    let page = PageRequest { max_items: Some(1), continuation: first.continuation };
    let second = instance.list_incoming(&call(), "c", page).await.unwrap();
    assert_eq!((&second.items[0]["$sourceId"], &second.continuation), (&json!("b"), &None));
}

#[tokio::test]
async fn event_routes_belong_to_the_instance() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    let route = |id: &str, endpoint: &str, filter: &str| EventRoute {
        id: id.into(),
        endpoint: endpoint.into(),
        filter: filter.into(),
    };
    let put = async |id: &str, endpoint: &str, filter: &str| {
        instance.put_event_route(&call(), route(id, endpoint, filter)).await
    };
    refused(put("r", "no", "true").await, Code::EventRouteEndpointInvalid, "not active");
    refused(
        put("r", "hub", "this is wrong").await,
        Code::EventRouteFilterInvalid,
        "Line=1, Position=6, Message=",
    );
    refused(put("a/b", "hub", "true").await, Code::EventRouteIdInvalid, "a/b");
    for at in 0..6 {
        put(&format!("r{at}"), "hub", "type = 'x'").await.unwrap();
    }
    refused(put("r6", "hub", "true").await, Code::LimitExceeded, "6 event routes");
    put("r5", "hub", "false").await.unwrap();
    refused(
        instance.delete_event_route(&call(), "r9").await,
        Code::EventRouteNotFound,
        "no route available",
    );
    instance.delete_event_route(&call(), "r0").await.unwrap();
    drop(instance);
    let instance = open(folder.path());
    refused(
        instance.get_event_route(&call(), "r0").await,
        Code::EventRouteNotFound,
        "no route available",
    );
    assert_eq!(instance.get_event_route(&call(), "r5").await.unwrap(), route("r5", "hub", "false"));
    let page = PageRequest { max_items: Some(3), ..Default::default() };
    let first = instance.list_event_routes(&call(), page).await.unwrap();
    let page = PageRequest { max_items: Some(3), continuation: first.continuation };
    let second = instance.list_event_routes(&call(), page).await.unwrap();
    let ids: Vec<_> =
        first.items.iter().chain(&second.items).map(|route| route.id.to_string()).collect();
    assert_eq!(ids, ["r1", "r2", "r3", "r4", "r5"]);
}
