//! The app without its window: what the page asks, and what it is answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod page;

use page::{drawn, eventually, explorer, graph, open, property, sample, status};
use serde_json::json;
use session::wire::{
    Answer, Credential, Enforced, GraphMessage, Limits, LimitsChoice, LogRequest, LogWindow,
    PINNED, Phase, Place, Request, Response, SimulationAction, Target, TwinDetail,
};
use session::{Embedded, EmbeddedOptions, Explorer, QueryLag};
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

async fn twin(explorer: &Arc<Explorer>, id: &str) -> TwinDetail {
    match explorer.handle(Request::Twin { id: id.into() }).await {
        Response::Twin(twin) => *twin,
        other => panic!("{other:?}"),
    }
}

async fn value(explorer: &Arc<Explorer>, id: &str, path: &str) -> serde_json::Value {
    let twin = twin(explorer, id).await;
    let row = twin.properties.into_iter().find(|row| row.path == path);
    row.and_then(|row| row.value).unwrap_or_default()
}

async fn patch(
    explorer: &Arc<Explorer>,
    id: &str,
    path: &str,
    value: serde_json::Value,
) -> Response {
    let patch = json!([{"op": "add", "path": path, "value": value}]);
    explorer.handle(Request::PatchTwin { id: id.into(), patch, etag: None }).await
}

async fn log(explorer: &Arc<Explorer>, filter: &str) -> LogWindow {
    let request = LogRequest { filter: filter.into(), until: None, offset: 0, limit: 100 };
    match explorer.handle(Request::Log(request)).await {
        Response::Log(window) => window,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_runs_through_route_and_function_in_one_trace() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    let status = open(&explorer, Target::Sample).await;
    assert_eq!((status.twins, status.relationships, status.models), (52, 51, 4));
    assert_eq!(status.routes, ["telemetry", "to-parent"]);
    explorer.handle(Request::Simulate { action: SimulationAction::Pause }).await;

    // What a simulated device said last may still be on its way to its room.
    let whole = eventually("nothing changes any more", || async {
        let whole = graph(&explorer, None).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = graph(&explorer, None).await;
        (later.head.revision == whole.head.revision).then_some(whole)
    })
    .await;
    assert!(whole.head.start_over && whole.head.arranging.is_none());
    assert_eq!((whole.twin_row.len(), whole.edge_row.len()), (52, 51));
    let row_of = |id: &str| {
        let at = whole.twin_id.iter().position(|each| each == id).unwrap();
        whole.twin_row[at]
    };
    let usage = property(&explorer, "usage").await;
    let lobby = usage.row.iter().position(|&row| row == row_of("Room_01")).unwrap();
    assert_eq!(usage.head.labels[usage.label[lobby] as usize], "common");
    assert!(usage.row.len() == 24 && usage.number.iter().all(|number| number.is_nan()));
    let area = property(&explorer, "area").await;
    assert!(area.number.contains(&72.0) && area.head.labels.is_empty());

    let since = Some(whole.head.revision);
    let nothing = graph(&explorer, since).await;
    assert_eq!(nothing, GraphMessage { head: nothing.head.clone(), ..GraphMessage::default() });

    let Response::Patched { etag } =
        patch(&explorer, "thermo_0001", "/temperature", json!(27.5)).await
    else {
        panic!()
    };
    assert_eq!(twin(&explorer, "thermo_0001").await.etag, etag);
    eventually("the room follows", || async {
        (value(&explorer, "Room_01", "/currentTemp").await == json!(27.5)).then_some(())
    })
    .await;
    let delta = graph(&explorer, since).await;
    let mut rows = [row_of("Room_01"), row_of("thermo_0001")];
    rows.sort_unstable();
    assert_eq!((delta.value_row.as_slice(), &delta.value[..]), (&rows[..], &[27.5, 27.5][..]));
    assert!(!delta.head.start_over && !delta.head.frames && delta.head.kinds.is_none());
    assert!(delta.twin_row.is_empty() && delta.place_row.is_empty(), "only values");

    let rows = eventually("both in the log", || async {
        let rows = log(&explorer, "27.5 update").await.rows;
        (rows.len() == 2).then_some(rows)
    })
    .await;
    assert_eq!(rows[0].trace, rows[1].trace);
    assert_eq!(
        (rows[0].subject.as_str(), rows[0].cause.as_str()),
        ("Room_01", "propagate-to-parent, after thermo_0001")
    );
    assert_eq!((rows[1].subject.as_str(), rows[1].cause.as_str()), ("thermo_0001", "this app"));
    // The routes are `telemetry` and `to-parent`.
    assert!(rows[1].routes[1].matched && !rows[0].routes[1].matched);
    assert!(rows[0].routes[1].reason.as_ref().unwrap().contains("Room;1"));
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_reach_the_page_as_sentences() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    let failed = |response: Response| match response {
        Response::Failed(failure) => (failure.code, failure.message),
        other => panic!("{other:?}"),
    };
    let Answer::Response(response) = explorer.answer(Request::Graph { since: None }).await else {
        panic!()
    };
    assert_eq!(failed(response).0, "NotOpen");
    open(&explorer, Target::Sample).await;
    let (code, _) = failed(patch(&explorer, "Room_01", "/currentTemp", json!("warm")).await);
    assert_eq!(code, "ValidationFailed");
    let request = Request::PatchTwin {
        id: "Room_01".into(),
        patch: json!([{"op": "add", "path": "/name", "value": "x"}]),
        etag: Some("W/\"old\"".into()),
    };
    assert_eq!(failed(explorer.handle(request).await).0, "PreconditionFailed");
    assert_eq!(
        failed(explorer.handle(Request::Twin { id: "no".into() }).await).0,
        "DigitalTwinNotFound"
    );
    assert_eq!(failed(explorer.handle(Request::SaveToWorkspace).await).0, "NoWorkspace");

    let nobody = Target::Remote {
        endpoint: "https://127.0.0.1:9".into(),
        ca: None,
        credential: Credential::Token { token: "x".into() },
    };
    let status = open(&explorer, nobody).await;
    let Phase::Failed { failure, .. } = status.phase else { panic!() };
    assert!(failure.message.contains("127.0.0.1:9"), "{}", failure.message);
    assert_eq!(status.twins, 52, "what was open stays open");
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_as_it_was_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let before = {
        let explorer = explorer(home.path());
        open(&explorer, Target::Sample).await;
        explorer.handle(Request::Simulate { action: SimulationAction::Pause }).await;
        explorer
            .handle(Request::Simulate { action: SimulationAction::Speed { factor: 4.0 } })
            .await;
        let places = vec![Place { id: "Room_05".into(), at: Some([900.0, 700.0]) }];
        explorer.handle(Request::Place { places }).await;
        patch(&explorer, "thermo_0005", "/temperature", json!(26.25)).await;
        eventually("the room follows", || async {
            (value(&explorer, "Room_05", "/currentTemp").await == json!(26.25)).then_some(())
        })
        .await;
        explorer.handle(Request::SaveUiState { state: "{}".into() }).await;
        let before = graph(&explorer, None).await;
        explorer.close().await;
        before
    };
    let explorer = explorer(home.path());
    assert_eq!(explorer.last_target(), Target::Sample);
    let status = open(&explorer, Target::Sample).await;
    let simulation = status.simulation.unwrap();
    assert!(simulation.paused && simulation.speed == 4.0);
    assert_eq!(simulation.silenced, ["thermo_0005"]);
    let after = graph(&explorer, None).await;
    assert!(drawn(&after) == drawn(&before));
    let (place, flags, _) = drawn(&after)["Room_05"];
    assert_eq!((place, flags), ([900.0, 700.0], PINNED));
    assert!(twin(&explorer, "thermo_0005").await.device_silenced);
    assert!(log(&explorer, "26.25").await.matched >= 2, "the log goes back to earlier runs");
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_the_workspace_are_applied_or_reported() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("building");
    sample(&folder);
    let explorer = explorer(home.path());
    open(&explorer, Target::Workspace { path: folder.to_string_lossy().into_owned() }).await;
    explorer.handle(Request::Simulate { action: SimulationAction::Pause }).await;
    patch(&explorer, "thermo_0002", "/temperature", json!(18.75)).await;

    let file = folder.join("twins.ndjson");
    let lobby = value(&explorer, "Room_01", "/name").await;
    let lobby = lobby.as_str().unwrap();
    let good = fs::read_to_string(&file).unwrap().replace(&format!("\"{lobby}\""), "\"Entrance\"");
    fs::write(&file, &good).unwrap();
    eventually("the edit", || async {
        (value(&explorer, "Room_01", "/name").await == json!("Entrance")).then_some(())
    })
    .await;
    assert_eq!(
        value(&explorer, "thermo_0002", "/temperature").await,
        json!(18.75),
        "what the file did not touch stays"
    );

    let model = folder.join("models/Room.json");
    let room = fs::read_to_string(&model).unwrap();
    let broken = [
        (&file, good.replace("\"Entrance\"", "\"Hall\", \"noSuch\": 1"), "twins.ndjson"),
        (&file, good.replace("Room;1", "Cellar;1"), "twins.ndjson"),
        (
            &file,
            good.replace("\"$targetId\":\"thermo_0003\"", "\"$targetId\":\"nobody\"")
                .replace("\"$targetId\": \"thermo_0003\"", "\"$targetId\": \"nobody\""),
            "twins.ndjson",
        ),
        (&model, "{ this is no JSON".to_owned(), "models/Room.json"),
        (
            &folder.join("topology.json"),
            "{\"routes\": {\"r1\": {\"endpoint\": \"no\", \"filter\": \"true\"}}}".to_owned(),
            "topology.json",
        ),
    ];
    for (path, text, named) in broken {
        let whole = fs::read_to_string(path).unwrap();
        assert_ne!(whole, text, "{named}");
        fs::write(path, text).unwrap();
        let problem = eventually("the problem", || async {
            status(&explorer).await.problems.into_iter().next()
        })
        .await;
        assert_eq!(problem.file, named, "{problem:?}");
        assert_eq!(value(&explorer, "Room_01", "/name").await, json!("Entrance"));
        fs::write(path, whole).unwrap();
        eventually("mended", || async {
            status(&explorer).await.problems.is_empty().then_some(())
        })
        .await;
    }
    let more = room.replace("\"contents\": [", "\"contents\": [ {\"@type\": \"Property\", \"name\": \"windows\", \"schema\": \"integer\", \"writable\": true},");
    assert_ne!(more, room);
    fs::write(&model, more).unwrap();
    eventually("the changed model", || async {
        let detail = twin(&explorer, "Room_01").await;
        detail.properties.iter().any(|row| row.name == "windows").then_some(())
    })
    .await;
    explorer.close().await;
}

/// The version once what devices sent before they paused has gone all its way.
async fn settled(explorer: &Arc<Explorer>) -> u64 {
    loop {
        let version = status(explorer).await.version;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if status(explorer).await.version == version {
            return version;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_writes_what_the_instance_has_and_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("building");
    sample(&folder);
    let explorer = explorer(home.path());
    open(&explorer, Target::Workspace { path: folder.to_string_lossy().into_owned() }).await;
    explorer.handle(Request::Simulate { action: SimulationAction::Pause }).await;
    patch(&explorer, "Room_07", "/name", json!("Atelier")).await;
    let version = settled(&explorer).await;
    let Response::Saved { files } = explorer.handle(Request::SaveToWorkspace).await else {
        panic!()
    };
    assert!(files.contains(&"twins.ndjson".to_owned()), "{files:?}");
    assert!(fs::read_to_string(folder.join("twins.ndjson")).unwrap().contains("Atelier"));
    tokio::time::sleep(Duration::from_millis(700)).await;
    let after = status(&explorer).await;
    assert_eq!((after.version, after.problems), (version, vec![]), "the watch finds no difference");
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instance_by_address() {
    let home = tempfile::tempdir().unwrap();
    let mut options =
        EmbeddedOptions::new(Some(session::Source::Embedded), home.path().join("other"));
    options.token = Some("the-one".into());
    let other = Embedded::open(options, |_| ControlFlow::Continue(())).await.unwrap();
    let connect = other.connect();
    let explorer = explorer(home.path());
    let remote = |token: &str| Target::Remote {
        endpoint: connect.adt.endpoint.clone(),
        ca: Some(connect.adt.ca.to_string_lossy().into_owned()),
        credential: Credential::Token { token: token.into() },
    };
    let Phase::Failed { failure, .. } = open(&explorer, remote("another")).await.phase else {
        panic!()
    };
    assert!(!failure.message.contains("another"), "no token in a sentence: {}", failure.message);

    let status = open(&explorer, remote("the-one")).await;
    assert!(matches!(status.phase, Phase::Ready), "{:?}", status.phase);
    assert_eq!((status.twins, status.relationships, status.models), (52, 51, 4));
    let whole = graph(&explorer, None).await;
    assert_eq!(whole.frame_row.len(), 4, "three floors and the building");
    let Response::Patched { .. } = patch(&explorer, "Room_09", "/name", json!("Far away")).await
    else {
        panic!()
    };
    eventually("our own write", || async {
        (value(&explorer, "Room_09", "/name").await == json!("Far away")).then_some(())
    })
    .await;
    eventually("their devices' writes in the log", || async {
        let rows = log(&explorer, "temperature update").await.rows;
        rows.iter().any(|row| row.cause == "remote instance").then_some(())
    })
    .await;
    let settings = fs::read_to_string(home.path().join("config/settings.json")).unwrap();
    assert!(settings.contains(&connect.adt.endpoint) && !settings.contains("the-one"));
    explorer.close().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_on_one_folder() {
    let home = tempfile::tempdir().unwrap();
    let first = explorer(home.path());
    open(&first, Target::Sample).await;
    let second = explorer(home.path());
    let Phase::Failed { failure, .. } = open(&second, Target::Sample).await.phase else { panic!() };
    assert_eq!(failure.code, "DataFolderInUse");
    assert!(failure.message.contains(&std::process::id().to_string()), "{}", failure.message);
    first.close().await;
    assert!(matches!(open(&second, Target::Sample).await.phase, Phase::Ready));
    second.close().await;
}

async fn limits(explorer: &Arc<Explorer>, request: Request) -> Limits {
    match explorer.handle(request).await {
        Response::Limits(limits) => limits,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_query_lag_are_chosen_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    open(&explorer, Target::Sample).await;
    let first = limits(&explorer, Request::Limits).await;
    assert_eq!((first.enforced, first.given), (Enforced::Service, false));
    assert_eq!((first.query_lag_seconds, first.query_lag_given), (None, false));
    let none = Request::ChooseLimits { limits: LimitsChoice::None };
    assert_eq!(limits(&explorer, none).await.enforced, Enforced::None);
    let lag = |seconds| Request::ChooseQueryLag { seconds };
    assert_eq!(limits(&explorer, lag(Some(5.0))).await.query_lag_seconds, Some(5.0));
    assert_eq!(status(&explorer).await.query_lag_seconds, Some(5.0));
    for seconds in [0.0, -1.0, f64::NAN, 601.0] {
        let Response::Failed(failure) = explorer.handle(lag(Some(seconds))).await else { panic!() };
        assert_eq!(failure.code, "InvalidArgument");
    }
    open(&explorer, Target::Sample).await;
    let again = limits(&explorer, Request::Limits).await;
    assert_eq!((again.enforced, again.query_lag_seconds), (Enforced::None, Some(5.0)));
    assert_eq!(limits(&explorer, lag(None)).await.query_lag_seconds, None);
    let service = Request::ChooseLimits { limits: LimitsChoice::Service };
    assert_eq!(limits(&explorer, service).await.enforced, Enforced::Service);
    limits(&explorer, lag(Some(2.5))).await;
    a_file_of_limits_is_chosen(&explorer, home.path()).await;
    explorer.close().await;

    let data = home.path().join("data/sample");
    let source = || Some(session::Source::Embedded);
    let open = |options| Embedded::open(options, |_| ControlFlow::Continue(()));
    let embedded = open(EmbeddedOptions::new(source(), data.clone())).await.unwrap();
    assert!(embedded.notes().iter().any(|note| note.contains("2.5 s behind")));
    // The file is gone by now.
    assert!(embedded.notes().iter().any(|note| note.contains("what it said before holds on")));
    embedded.stop().await;
    drop(embedded);
    let mut options = EmbeddedOptions::new(source(), data);
    options.query_lag = Some(QueryLag(None));
    let embedded = eventually("the folder is free", || async { open(options.clone()).await.ok() });
    let embedded = embedded.await;
    assert!(!embedded.notes().iter().any(|note| note.contains("behind")));
    embedded.stop().await;
}

async fn a_file_of_limits_is_chosen(explorer: &Arc<Explorer>, folder: &std::path::Path) {
    let path = folder.join("limits.json");
    let name = path.display().to_string();
    let choose = |path: &str| Request::ChooseLimits { limits: LimitsChoice::File(path.into()) };
    let most = |limits: &Limits, name: &str| {
        limits.limits.iter().find(|limit| limit.name == name).unwrap().most
    };
    for (text, words) in [
        (Some("{\n  \"twinz\": 3\n}"), "line 2"),
        (Some("{\"twins\": \"many\"}"), "line 1"),
        (Some("not JSON"), "line 1"),
        (None, "No such file"),
    ] {
        fs::remove_file(&path).ok();
        text.inspect(|text| fs::write(&path, text).unwrap());
        let Response::Failed(failure) = explorer.handle(choose(&name)).await else { panic!() };
        assert_eq!(failure.code, "LimitsFile");
        assert!(failure.message.contains(words) && failure.message.contains(&name), "{failure:?}");
        let held = limits(explorer, Request::Limits).await;
        assert_eq!((held.enforced, held.file), (Enforced::Service, None));
    }
    let Response::Failed(failure) = explorer.handle(choose("limits.json")).await else { panic!() };
    assert!(failure.message.contains("whole path"), "{failure:?}");
    fs::write(&path, r#"{"twins": 77, "models": null}"#).unwrap();
    let chosen = limits(explorer, choose(&name)).await;
    assert_eq!((chosen.enforced, chosen.file.as_deref()), (Enforced::File, Some(name.as_str())));
    assert_eq!((most(&chosen, "twins"), most(&chosen, "models")), (Some(77), None));
    // It is read again at the next start, and what it said holds on where it cannot be.
    fs::write(&path, r#"{"twins": 78}"#).unwrap();
    open(explorer, Target::Sample).await;
    let again = limits(explorer, Request::Limits).await;
    assert_eq!((most(&again, "twins"), again.file.is_some(), again.given), (Some(78), true, false));
    fs::remove_file(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_is_given_up() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    let phase = |explorer: Arc<Explorer>| async move { status(&explorer).await.phase };
    explorer.open(Target::Sample);
    explorer.handle(Request::CancelOpening).await;
    let Phase::Failed { failure, target } = phase(explorer.clone()).await else { panic!() };
    assert_eq!((failure.code.as_str(), target), ("Cancelled", Target::Sample));
    // What had begun ends, and cancelling what does not open is no harm.
    explorer.handle(Request::CancelOpening).await;
    assert!(matches!(open(&explorer, Target::Sample).await.phase, Phase::Ready));
    explorer.handle(Request::CancelOpening).await;
    assert!(matches!(phase(explorer.clone()).await, Phase::Ready));

    let folder = home.path().join("other");
    fs::create_dir(&folder).unwrap();
    explorer.open(Target::Workspace { path: folder.to_string_lossy().into_owned() });
    explorer.handle(Request::CancelOpening).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let kept = status(&explorer).await;
    assert!(matches!((kept.phase, kept.target), (Phase::Ready, Target::Sample)));
    explorer.close().await;
}
