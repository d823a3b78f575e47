//! Opening files and remote instances: drawn while they load, cancelled, and where they go wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../adt-service/tests/memory/mod.rs"]
mod memory;
mod page;
#[path = "../../adt-service/tests/served/mod.rs"]
mod served;

use adt_service::server::ServerOptions;
use adt_service::{Call, Code, RelationshipWrite, TwinService};
use memory::{Memory, error};
use page::{arranged, centres, eventually, explorer, graph, hall, model, open, status, twin};
use serde_json::json;
use served::Served;
use session::wire::{Credential, Phase, Place, Request, Response, Status, Target};
use session::{Embedded, EmbeddedOptions, Explorer, Source};
use std::fs;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use twin_graph::Origin;

fn file(home: &Path, name: &str, text: &str) -> PathBuf {
    let path = home.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn files(paths: &[&Path]) -> Target {
    let paths = paths.iter().map(|path| path.to_string_lossy().into_owned());
    Target::Files { paths: paths.collect() }
}

fn failure(status: &Status) -> (String, String, Vec<String>) {
    match &status.phase {
        Phase::Failed { failure, .. } => {
            (failure.code.clone(), failure.message.clone(), failure.details.clone())
        }
        other => panic!("{other:?}"),
    }
}

async fn put(explorer: &Arc<Explorer>, id: &str, value: f64) {
    let patch = json!([{"op": "replace", "path": "/temperature", "value": value}]);
    let request = Request::PatchTwin { id: id.into(), patch, etag: None };
    let answer = explorer.handle(request).await;
    assert!(matches!(answer, Response::Patched { .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_an_instance_of_its_own_that_is_there_again() {
    let home = tempfile::tempdir().unwrap();
    let path = file(home.path(), "hall.ndjson", &hall(3, 10));
    let target = files(&[&path]);
    let before = {
        let explorer = explorer(home.path());
        let opened = open(&explorer, target.clone()).await;
        assert!(matches!(opened.phase, Phase::Ready), "{:?}", opened.phase);
        assert_eq!((opened.twins, opened.relationships, opened.models), (34, 33, 2));
        assert_eq!((opened.name.as_str(), opened.problems.len()), ("hall.ndjson", 0));
        let whole = arranged(&explorer).await;
        assert_eq!(whole.frame_row.len(), 4, "the hall and its floors contain rooms");
        put(&explorer, "room0-0", 27.0).await;
        let places = vec![Place { id: "room1-1".into(), at: Some([500.0, 600.0]) }];
        explorer.handle(Request::Place { places }).await;
        let before = centres(&arranged(&explorer).await);
        explorer.close().await;
        before
    };
    let explorer = explorer(home.path());
    assert_eq!(explorer.last_target(), target);
    open(&explorer, target.clone()).await;
    let again = arranged(&explorer).await;
    assert_eq!(centres(&again), before);
    assert!(again.value.contains(&27.0), "what was changed is still there");

    // The file changed, and so did the instance: nothing is lost unasked.
    fs::write(&path, hall(3, 11)).unwrap();
    let kept = open(&explorer, target.clone()).await;
    assert_eq!(kept.twins, 34);
    assert!(kept.problems[0].message.contains("changed after it was loaded"), "{kept:?}");
    explorer.handle(Request::Open { target: target.clone(), anew: true }).await;
    let anew = opened(&explorer).await;
    assert_eq!((anew.twins, anew.problems.len()), (37, 0));
    let whole = arranged(&explorer).await;
    assert!(!whole.value.contains(&27.0));
    let after = centres(&whole);
    assert!(before.iter().all(|(id, at)| after[id] == *at), "what was there keeps its place");

    // Only the file changed: it is followed.
    fs::write(&path, hall(2, 2)).unwrap();
    assert_eq!(open(&explorer, target.clone()).await.twins, 7);
    fs::remove_file(&path).unwrap();
    let gone = open(&explorer, target).await;
    assert_eq!(gone.twins, 7);
    assert!(gone.problems[0].message.contains("cannot be read any more"), "{gone:?}");
    explorer.close().await;
}

async fn opened(explorer: &Arc<Explorer>) -> Status {
    eventually("open", || async {
        let status = status(explorer).await;
        (!matches!(status.phase, Phase::Opening { .. })).then_some(status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_opened_together_in_any_form() {
    let home = tempfile::tempdir().unwrap();
    let models = file(home.path(), "models.json", &json!([model("Room")]).to_string());
    let rooms = file(
        home.path(),
        "rooms.csv",
        "$dtId,$model,temperature\na,dtmi:test:Room;1,20\nb,dtmi:test:Room;1,21.5\n",
    );
    let edges = file(
        home.path(),
        "edges.csv",
        "$sourceId,$relationshipId,$relationshipName,$targetId\na,r,feeds,b\n",
    );
    let explorer = explorer(home.path());
    let all = open(&explorer, files(&[&models, &rooms, &edges])).await;
    assert_eq!((all.twins, all.relationships, all.models), (2, 1, 1), "{:?}", all.phase);
    assert_eq!(all.name, "models.json and 2 more");
    put(&explorer, "a", 30.0).await;
    let again = open(&explorer, files(&[&edges, &models, &rooms])).await;
    assert_eq!(again.twins, 2);
    assert!(graph(&explorer, None).await.value.contains(&30.0), "in another order the same");
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_fit_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    open(&explorer, Target::Sample).await;
    let good = hall(1, 2);
    let twice = format!("{good}\n{}", page::edge("floor0", "room0-1"));
    let cases = [
        ("torn.ndjson", good[..good.len() - 9].to_owned(), "line 14"),
        ("nobody.ndjson", good.replace("\"$targetId\":\"room0-1\"", "\"$targetId\":\"x\""), "«x»"),
        ("twice.ndjson", twice, "already"),
        ("kind.ndjson", good.replace("20}", "\"warm\"}"), "temperature"),
        ("notes.txt", good.clone(), ".ndjson"),
        ("empty.xlsx", String::new(), "empty.xlsx"),
        ("list.json", "[{]".into(), "line 1"),
    ];
    for (name, text, told) in cases {
        let path = file(home.path(), name, &text);
        let status = open(&explorer, files(&[&path])).await;
        let (code, message, details) = failure(&status);
        assert_eq!(code, "Files", "{name}: {message}");
        assert!(details.iter().any(|detail| detail.contains(told)), "{name}: {details:?}");
        assert_eq!(status.twins, 52, "what was open is open");
    }
    let nowhere = open(&explorer, files(&[&home.path().join("nowhere.json")])).await;
    assert!(failure(&nowhere).2[0].contains("cannot be read"), "{nowhere:?}");
    // Thousands of problems are counted and not all told.
    let many = hall(1, 3_000).replace("20}", "\"warm\"}");
    let (_, message, details) =
        failure(&open(&explorer, files(&[&file(home.path(), "many.ndjson", &many)])).await);
    assert!(message.contains("3002 problems"), "{message}");
    assert_eq!((details.len(), details[50].as_str()), (51, "2952 more problems are not shown."));
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_could_not_be_opened_can_be_once_it_is_mended() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("tower");
    fs::create_dir(&folder).unwrap();
    let twins = folder.join("twins.ndjson");
    fs::write(&twins, "nonsense\n").unwrap();
    let target = Target::Workspace { path: folder.to_string_lossy().into_owned() };
    let explorer = explorer(home.path());
    for _ in 0..2 {
        let (code, message, _) = failure(&open(&explorer, target.clone()).await);
        assert!(message.contains("twins.ndjson"), "{code}: {message}");
    }
    fs::remove_file(&twins).unwrap();
    let opened = open(&explorer, target).await;
    assert!(matches!(opened.phase, Phase::Ready), "{:?}", opened.phase);
    explorer.close().await;
}

/// Every port that it listens on, taken by somebody else at first.
#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_port_was_taken_can_be_opened_once_it_is_free() {
    let chosen: [fn(&mut EmbeddedOptions, u16); 4] = [
        |options, port| options.https_port = port,
        |options, port| options.amqp_port = port,
        |options, port| options.http_port = port,
        |options, port| options.mqtt_port = Some(port),
    ];
    for choose in chosen {
        let home = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut options = EmbeddedOptions::new(Some(Source::Embedded), home.path().to_owned());
        choose(&mut options, taken.local_addr().unwrap().port());
        let open = || Embedded::open(options.clone(), |_| ControlFlow::Continue(()));
        let refused = open().await.err().unwrap().to_string();
        assert!(refused.contains("port"), "{refused}");
        drop(taken);
        open().await.unwrap().stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_instance_refuses_are_told_and_the_others_are_there() {
    let home = tempfile::tempdir().unwrap();
    let text = format!("{}\n{}", hall(1, 3), page::edge("room0-2", "room0-2"));
    let path = file(home.path(), "loop.ndjson", &text);
    let explorer = explorer(home.path());
    let opened = open(&explorer, files(&[&path])).await;
    assert_eq!((opened.twins, opened.relationships), (5, 4), "{:?}", opened.phase);
    let [problem] = &opened.problems[..] else { panic!("{:?}", opened.problems) };
    assert_eq!((problem.file.as_str(), problem.place.as_str()), ("loop.ndjson", "line 17"));
    assert!(problem.message.contains("to itself"), "{problem:?}");
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_drawn_while_it_loads_and_can_be_cancelled() {
    let home = tempfile::tempdir().unwrap();
    let path = file(home.path(), "hall.ndjson", &hall(60, 60));
    let target = files(&[&path]);
    let explorer = explorer(home.path());
    open(&explorer, Target::Sample).await;
    explorer.open(target.clone());
    let (seen, step) = eventually("some of it is drawn", || async {
        let status = status(&explorer).await;
        let Phase::Opening { step, done, total, .. } = status.phase else { return None };
        let drawn = graph(&explorer, None).await;
        let some = step == "Loading twins" && done > 0 && !drawn.twin_row.is_empty();
        let named = status.name == "hall.ndjson";
        (some && named).then_some((drawn.twin_row.len(), (done, total)))
    })
    .await;
    assert!(seen < 3_661 && step.1 == Some(3_661), "{seen} {step:?}");
    explorer.handle(Request::CancelOpening).await;
    let back = status(&explorer).await;
    assert!(matches!(back.phase, Phase::Ready), "{:?}", back.phase);
    assert_eq!((back.twins, back.name.as_str()), (52, "contoso-building"));
    assert_eq!(graph(&explorer, None).await.twin_row.len(), 52);
    explorer.handle(Request::CancelOpening).await;
    assert!(matches!(status(&explorer).await.phase, Phase::Ready), "nothing is being opened");

    // Half an import is not taken for a whole one.
    let whole = open(&explorer, target).await;
    assert_eq!((whole.twins, whole.relationships), (3_661, 3_660), "{:?}", whole.phase);
    let drawn = arranged(&explorer).await;
    assert_eq!((drawn.frame_row.len(), drawn.twin_row.len()), (61, 3_661));
    explorer.close().await;
}

/// A served instance in memory: so many rooms, each in the one before.
async fn remote(rooms: usize) -> (Arc<Memory>, Served) {
    let memory = Arc::new(Memory::default());
    let call = Call::new(Origin::Rest);
    memory.create_models(&call, vec![model("Room")]).await.unwrap();
    for room in 0..rooms {
        let body = serde_json::from_str(&twin(&format!("r{room:05}"), "Room")).unwrap();
        memory.put_twin(&call, &format!("r{room:05}"), body, false).await.unwrap();
        if room > 0 {
            let body = json!({"$targetId": format!("r{room:05}"), "$relationshipName": "contains"});
            let source = format!("r{:05}", room / 2);
            let write = RelationshipWrite { source, id: format!("to {room}"), body };
            memory.put_relationship(&call, write, false).await.unwrap();
        }
    }
    memory.calls.lock().clear();
    let served = Served::start(memory.clone(), ServerOptions::default()).await;
    (memory, served)
}

fn at(served: &Served, home: &Path) -> Target {
    let ca = file(home, "ca.pem", &served.ca_pem);
    Target::Remote {
        endpoint: format!("https://localhost:{}", served.port),
        ca: Some(ca.to_string_lossy().into_owned()),
        credential: Credential::Token { token: "x".into() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_instance_is_drawn_while_it_loads_and_can_be_cancelled() {
    let home = tempfile::tempdir().unwrap();
    let (memory, served) = remote(4_500).await;
    memory
        .fail_with(|call| Ok(Duration::from_millis(if call.contains("COUNT") { 0 } else { 400 })));
    let explorer = explorer(home.path());
    open(&explorer, Target::Sample).await;
    let target = at(&served, home.path());
    explorer.open(target.clone());
    let quiet = eventually("it waits for the first answer", || async {
        match status(&explorer).await.phase {
            Phase::Opening { quiet_seconds, .. } => (quiet_seconds > 0.2).then_some(quiet_seconds),
            _ => None,
        }
    })
    .await;
    assert!(quiet < 5.0);
    assert_eq!(status(&explorer).await.twins, 52, "what was open stays until there is more");
    let (left, drawn) = eventually("pages are drawn, and the rest is estimated", || async {
        let status = status(&explorer).await;
        let Phase::Opening { step, done, total, seconds_left: Some(left), .. } = status.phase
        else {
            return None;
        };
        assert_eq!((step.as_str(), total), ("Loading twins", Some(4_500)));
        assert!(done >= 2_000);
        Some((left, graph(&explorer, None).await.twin_row.len()))
    })
    .await;
    assert!((2_000..=4_500).contains(&drawn), "{drawn}");
    // Two more pages of twins and five of relationships, 0.4 s each.
    assert!((0.5..20.0).contains(&left), "{left}");
    explorer.handle(Request::CancelOpening).await;
    assert_eq!(graph(&explorer, None).await.twin_row.len(), 52);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = memory.calls.lock().len();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(memory.calls.lock().len(), asked, "a cancelled load asks no more");

    memory.no_fault();
    let whole = open(&explorer, target).await;
    assert_eq!((whole.twins, whole.relationships), (4_500, 4_499), "{:?}", whole.phase);
    assert!(whole.sync.unwrap().reachable);
    explorer.close().await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_refuses_midway_leaves_what_was_open() {
    let home = tempfile::tempdir().unwrap();
    let (memory, served) = remote(2_500).await;
    let explorer = explorer(home.path());
    open(&explorer, Target::Sample).await;
    let target = at(&served, home.path());
    for (code, told) in
        [(Code::Unauthorized, "does not accept the token"), (Code::SqlQueryError, "SqlQuery")]
    {
        let pages = parking_lot::Mutex::new(0);
        memory.fail_with(move |call| {
            *pages.lock() += u32::from(call.contains("SELECT * FROM DIGITALTWINS"));
            if *pages.lock() == 3 { Err(error(code)) } else { Ok(Duration::from_millis(1)) }
        });
        let refused = open(&explorer, target.clone()).await;
        let (_, message, _) = failure(&refused);
        assert!(message.contains(told), "{message}");
        assert_eq!((refused.twins, refused.name.as_str()), (52, "contoso-building"));
        assert_eq!(graph(&explorer, None).await.twin_row.len(), 52);
    }
    explorer.close().await;
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_turned_round_and_twice_make_the_same_graph() {
    let home = tempfile::tempdir().unwrap();
    let (memory, served) = remote(2_500).await;
    (*memory.out_of_order.lock(), *memory.repeats.lock()) = (true, true);
    let explorer = explorer(home.path());
    let target = at(&served, home.path());
    let whole = open(&explorer, target.clone()).await;
    assert_eq!((whole.twins, whole.relationships), (2_500, 2_499), "{:?}", whole.phase);
    let drawn = arranged(&explorer).await;
    let ids: std::collections::BTreeSet<String> = drawn.twin_id.iter().collect();
    assert_eq!((ids.len(), drawn.edge_row.len()), (2_500, 2_499));

    *memory.endless.lock() = true;
    let endless = open(&explorer, target).await;
    assert!(failure(&endless).1.contains("does not end"), "{endless:?}");
    explorer.close().await;
    served.stop().await;
}
