//! The embedded instance as its callers see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use adt_service::{
    Call, Changes, Code, IfMatch, ListModels, PageRequest, QueryRequest, RelationshipWrite,
    Telemetry, TwinService,
};
use journal::{Journal, Options};
use serde_json::{Value, json};
use simulator::{Instance, InstanceOptions, Mutation};
use std::path::Path;
use twin_graph::{ChangeKind, Origin, parse_patch};

fn call() -> Call {
    Call::new(Origin::Rest)
}

fn open(folder: &Path) -> Instance {
    let journal = Journal::open(folder, Options::default()).unwrap();
    Instance::open(journal, InstanceOptions::default()).unwrap()
}

fn models() -> Vec<Value> {
    vec![
        json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:test:Room;1", "@type": "Interface",
            "displayName": "Room", "contents": [
            {"@type": "Property", "name": "currentTemp", "schema": "double", "writable": true},
            {"@type": "Component", "name": "door", "schema": "dtmi:test:Door;1"},
            {"@type": "Relationship", "name": "has", "target": "dtmi:test:Thermo;1",
             "properties": [{"@type": "Property", "name": "since", "schema": "integer"}]}]}),
        json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:test:Door;1", "@type": "Interface",
            "contents": [{"@type": "Property", "name": "open", "schema": "boolean"}]}),
        json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:test:Thermo;1", "@type": "Interface",
            "contents": [{"@type": "Property", "name": "temperature", "schema": "double"},
                         {"@type": "Telemetry", "name": "reading", "schema": "double"}]}),
    ]
}

fn twin(model: &str) -> Value {
    json!({"$metadata": {"$model": model}})
}

async fn building(instance: &Instance) {
    instance.create_models(&call(), models()).await.unwrap();
    let room = json!({"$metadata": {"$model": "dtmi:test:Room;1"}, "currentTemp": 20.5, "door": {"$metadata": {}, "open": true}});
    instance.put_twin(&call(), "r", room, false).await.unwrap();
    instance.put_twin(&call(), "t", twin("dtmi:test:Thermo;1"), true).await.unwrap();
    let write = RelationshipWrite {
        source: "r".into(),
        id: "r-t".into(),
        body: json!({"$targetId": "t", "$relationshipName": "has", "since": 3}),
    };
    instance.put_relationship(&call(), write, false).await.unwrap();
}

#[tokio::test]
async fn keeps_everything_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = {
        let instance = open(folder.path());
        building(&instance).await;
        let patch =
            parse_patch(&json!([{"op": "add", "path": "/temperature", "value": 21}])).unwrap();
        instance.patch_twin(&call(), "t", patch, None).await.unwrap();
        let twin = instance.get_twin(&call(), "t").await.unwrap();
        (
            twin,
            instance.get_relationship(&call(), "r", "r-t").await.unwrap(),
            instance.view().read().version(),
        )
    };
    let instance = open(folder.path());
    let after = (
        instance.get_twin(&call(), "t").await.unwrap(),
        instance.get_relationship(&call(), "r", "r-t").await.unwrap(),
        instance.view().read().version(),
    );
    assert_eq!(after, before);
    assert_eq!(before.2, instance.recovery().replayed);
    let room = instance.get_twin(&call(), "r").await.unwrap().body;
    assert_eq!(room["door"]["open"], true);
    assert!(room["door"]["$metadata"]["open"]["lastUpdateTime"].is_string());
}

#[tokio::test]
async fn refuses_in_the_services_words() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    building(&instance).await;
    let version = instance.view().read().version();
    let put_twin =
        |id: &str, body: Value| Mutation::PutTwin { id: id.into(), body, if_none_match: true };
    let patch = |id: &str, document: Value| Mutation::PatchTwin {
        id: id.into(),
        patch: parse_patch(&document).unwrap(),
        if_match: None,
    };
    let relate = |id: &str, body: Value| Mutation::PutRelationship {
        write: RelationshipWrite { source: "r".into(), id: id.into(), body },
        if_none_match: true,
    };
    let telemetry = |twin: &str, component: Option<&str>| Mutation::SendTelemetry {
        telemetry: Telemetry {
            twin: twin.into(),
            component: component.map(Into::into),
            message_id: "1".into(),
            source_time: None,
            body: json!({}),
        },
    };
    let cases = [
        (
            put_twin("r", twin("dtmi:test:Room;1")),
            Code::PreconditionFailed,
            "a twin with the id r was found",
        ),
        (put_twin("x", twin("dtmi:test:No;1")), Code::ValidationFailed, "Invalid twin specified"),
        (put_twin("x", json!({})), Code::ValidationFailed, "Invalid twin specified"),
        (put_twin("x", json!([])), Code::InvalidArgument, "Payload is invalid."),
        (put_twin("a/b", twin("dtmi:test:Room;1")), Code::InvalidArgument, "a/b"),
        (
            put_twin("x", json!({"$metadata": {"$model": "dtmi:test:Room;1"}, "nope": 1})),
            Code::ValidationFailed,
            "Invalid twin",
        ),
        (
            patch("t", json!([{"op": "add", "path": "/temperature", "value": "warm"}])),
            Code::ValidationFailed,
            "Invalid twin",
        ),
        (
            patch("t", json!([{"op": "replace", "path": "/temperature", "value": 1}])),
            Code::JsonPatchInvalid,
            "temperature does not exist on component",
        ),
        (
            patch("t", json!([{"op": "add", "path": "/$metadata/$model", "value": "x"}])),
            Code::JsonPatchInvalid,
            "Could not resolve path",
        ),
        (
            patch("no", json!([])),
            Code::DigitalTwinNotFound,
            "There is no digital twin instance that exists with the ID no.",
        ),
        (
            Mutation::DeleteTwin { id: "t".into(), if_match: None },
            Code::RelationshipsNotDeleted,
            "active relationships",
        ),
        (
            Mutation::DeleteTwin {
                id: "r".into(),
                if_match: Some(IfMatch::Etag("W/\"other\"".into())),
            },
            Code::PreconditionFailed,
            "The provided etag W/\"other\" doesn't match the current etag",
        ),
        (
            relate("r-t", json!({"$targetId": "t", "$relationshipName": "has"})),
            Code::PreconditionFailed,
            "r-t",
        ),
        (
            relate("y", json!({"$targetId": "no", "$relationshipName": "has"})),
            Code::TargetDigitalTwinNotFound,
            "target digital twin is invalid",
        ),
        (
            relate("y", json!({"$targetId": "r", "$relationshipName": "has"})),
            Code::OperationNotAllowed,
            "to itself",
        ),
        (
            relate("y", json!({"$targetId": "t", "$relationshipName": "eats"})),
            Code::InvalidRelationship,
            "Invalid relationship",
        ),
        (relate("y", json!({"$relationshipName": "has"})), Code::InvalidArgument, "$targetId"),
        (
            Mutation::DeleteRelationship { source: "r".into(), id: "no".into(), if_match: None },
            Code::RelationshipNotFound,
            "no",
        ),
        (telemetry("no", None), Code::DigitalTwinNotFound, "no"),
        (telemetry("r", Some("window")), Code::ComponentNotFound, "window"),
        (
            Mutation::CreateModels { documents: vec![models().swap_remove(1)] },
            Code::ModelIdAlreadyExists,
            "dtmi:test:Door;1",
        ),
        (
            Mutation::CreateModels { documents: vec![json!({"@id": "dtmi:test:New;1"})] },
            Code::DTDLParserError,
            "None of the models",
        ),
        (
            Mutation::DeleteModel { id: "dtmi:test:Door;1".into() },
            Code::ModelReferencesNotDeleted,
            "being referenced by dtmi:test:Room;1.",
        ),
        (
            Mutation::DeleteModel { id: "dtmi:test:No;1".into() },
            Code::ModelNotFound,
            "dtmi:test:No;1",
        ),
    ];
    for (mutation, code, text) in cases {
        let shown = format!("{mutation:?}");
        let error = instance.apply(&call(), vec![mutation]).await.unwrap_err();
        assert_eq!(error.code, code, "{shown}: {error}");
        assert!(error.message.contains(text), "{shown}: {error}");
    }
    assert_eq!(instance.view().read().version(), version, "a refusal changes nothing");
}

#[tokio::test]
async fn several_mutations_are_all_done_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    building(&instance).await;
    let version = instance.view().read().version();
    let put = |id: &str| Mutation::PutTwin {
        id: id.into(),
        body: twin("dtmi:test:Thermo;1"),
        if_none_match: true,
    };
    let error = instance.apply(&call(), vec![put("a"), put("b"), put("a")]).await.unwrap_err();
    assert_eq!(error.code, Code::PreconditionFailed);
    assert_eq!(instance.view().read().version(), version);
    let changes = instance.apply(&call(), vec![put("a"), put("b")]).await.unwrap();
    assert_eq!(
        changes.iter().map(|change| change.version).collect::<Vec<_>>(),
        [version + 1, version + 2]
    );
    let Changes::Since(seen) = instance.view().changes_since(version, 10) else { panic!() };
    assert_eq!(seen, changes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_share_commits_and_see_a_single_order() {
    let folder = tempfile::tempdir().unwrap();
    let instance = std::sync::Arc::new(open(folder.path()));
    building(&instance).await;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let instance = instance.clone();
        tasks.spawn(async move {
            for step in 0..20 {
                let patch =
                    json!([{"op": "add", "path": "/temperature", "value": writer * 100 + step}]);
                instance
                    .patch_twin(&call(), "t", parse_patch(&patch).unwrap(), None)
                    .await
                    .unwrap();
                let id = format!("t{writer}-{step}");
                instance.put_twin(&call(), &id, twin("dtmi:test:Thermo;1"), true).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let Changes::Since(changes) = instance.view().changes_since(4, 10_000) else { panic!() };
    let mut last = json!(null);
    for change in &changes {
        if let ChangeKind::TwinPatched { patch, .. } = &change.kind {
            assert_eq!(
                patch[0].previous.clone().unwrap_or_default(),
                last,
                "each saw the one before"
            );
            last = patch[0].operation.value.clone().unwrap();
        }
    }
    assert_eq!(instance.view().read().twin_count(), 2 + 16 * 20);
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    building(&instance).await;
    for index in 0..25 {
        instance
            .put_twin(&call(), &format!("x{index:02}"), twin("dtmi:test:Thermo;1"), true)
            .await
            .unwrap();
    }
    let query = "SELECT * FROM DIGITALTWINS T WHERE STARTSWITH(T.$dtId, 'x')";
    let mut request = QueryRequest {
        query: Some(query.into()),
        page: PageRequest { continuation: None, max_items: Some(10) },
    };
    let mut ids = Vec::new();
    loop {
        let page = instance.query(&call(), request.clone()).await.unwrap();
        ids.extend(page.rows.items.iter().map(|row| row["$dtId"].as_str().unwrap().to_owned()));
        assert!(page.charge > 0.0);
        let Some(next) = page.rows.continuation else { break };
        // The graph changes under the paging client.
        instance.delete_twin(&call(), &ids[0], None).await.ok();
        request = QueryRequest {
            query: None,
            page: PageRequest { continuation: Some(next), max_items: Some(10) },
        };
    }
    assert_eq!(ids, (0..25).map(|index| format!("x{index:02}")).collect::<Vec<_>>());
    request.query = Some("SELECT * FROM RELATIONSHIPS".into());
    assert_eq!(instance.query(&call(), request).await.unwrap_err().code, Code::BadRequest);
    let list =
        ListModels { dependencies_for: vec!["dtmi:test:Room;1".into()], ..Default::default() };
    let page = instance.list_models(&call(), list).await.unwrap();
    assert_eq!(page.items.len(), 2, "the room and its door, not the relationship's target");
}

/// Of a twin that was valid only what a patch touches is looked at; this one may not be valid.
#[tokio::test]
async fn a_twin_whose_model_went_and_came_again_is_checked_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let instance = open(folder.path());
    let model = |names: &[&str]| {
        let property = |name| json!({"@type": "Property", "name": name, "schema": "integer"});
        let contents: Vec<_> = names.iter().map(property).collect();
        vec![json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:test:M;1",
            "@type": "Interface", "contents": contents})]
    };
    let body = json!({"$metadata": {"$model": "dtmi:test:M;1"}, "a": 1, "b": 2});
    instance.create_models(&call(), model(&["a", "b"])).await.unwrap();
    instance.put_twin(&call(), "m", body, true).await.unwrap();
    let patch = async |instance: &Instance, document| {
        instance.patch_twin(&call(), "m", parse_patch(&document).unwrap(), None).await
    };
    let set = |value: Value| json!([{"op": "replace", "path": "/a", "value": value}]);
    patch(&instance, set(json!(2))).await.unwrap();
    assert_eq!(patch(&instance, set(json!("x"))).await.unwrap_err().code, Code::ValidationFailed);
    instance.delete_model(&call(), "dtmi:test:M;1").await.unwrap();
    assert_eq!(patch(&instance, set(json!(3))).await.unwrap_err().code, Code::ValidationFailed);
    instance.create_models(&call(), model(&["a"])).await.unwrap();
    drop(instance);
    let instance = open(folder.path());
    let refused = patch(&instance, set(json!(4))).await.unwrap_err();
    assert!(refused.details.iter().any(|(_, message)| message.contains("b does not appear")));
    patch(&instance, json!([{"op": "remove", "path": "/b"}])).await.unwrap();
    patch(&instance, set(json!(5))).await.unwrap();
}
