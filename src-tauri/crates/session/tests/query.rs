//! Queries as the page asks them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use session::wire::{
    Answer, Credential, GraphMessage, MatchMessage, Phase, QueryChanges, QueryForm, QueryOn,
    QueryOrder, QueryPage, QueryRun, Request, Response, SimulationAction, Target,
};
use session::{Embedded, EmbeddedOptions, Explorer, Folders};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

async fn opened(home: &Path, target: Target) -> Arc<Explorer> {
    let folders = Folders { config: home.join("config"), data: home.join("data") };
    let explorer = Explorer::new(folders);
    explorer.open(target);
    for _ in 0..1_200 {
        let Response::Status(status) = explorer.handle(Request::Status).await else { panic!() };
        match status.phase {
            Phase::Ready => {
                let pause = SimulationAction::Pause;
                explorer.handle(Request::Simulate { action: pause }).await;
                return explorer;
            }
            Phase::Failed { failure, .. } => panic!("{}", failure.message),
            Phase::Opening { .. } => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("not open within a minute")
}

async fn ask(explorer: &Arc<Explorer>, text: &str, on: QueryOn, live: bool) -> Response {
    explorer.handle(Request::RunQuery(QueryOrder { text: text.into(), on, live })).await
}

async fn run(explorer: &Arc<Explorer>, text: &str, on: QueryOn, live: bool) -> QueryRun {
    let Response::QueryRun(run) = ask(explorer, text, on, live).await else { panic!("{text}") };
    ended(explorer, *run).await
}

async fn told(explorer: &Arc<Explorer>, run: u32) -> QueryRun {
    match explorer.handle(Request::QueryRun { run }).await {
        Response::QueryRun(run) => *run,
        other => panic!("{other:?}"),
    }
}

async fn ended(explorer: &Arc<Explorer>, mut run: QueryRun) -> QueryRun {
    while run.running || run.export.as_ref().is_some_and(|export| export.running) {
        run = told(explorer, run.run).await;
    }
    run
}

async fn page(explorer: &Arc<Explorer>, run: u32, page: u32) -> QueryPage {
    match explorer.handle(Request::QueryRows { run, page }).await {
        Response::QueryRows(page) => page,
        other => panic!("{other:?}"),
    }
}

async fn changes(explorer: &Arc<Explorer>, run: u32, since: Option<u32>) -> QueryChanges {
    match explorer.handle(Request::QueryChanges { run, since }).await {
        Response::QueryChanges(changes) => changes,
        other => panic!("{other:?}"),
    }
}

async fn matches(explorer: &Arc<Explorer>, request: Request) -> MatchMessage {
    match explorer.answer(request).await {
        Answer::Columns(message) => MatchMessage::decode(&message).unwrap(),
        Answer::Response(other) => panic!("{other:?}"),
    }
}

/// `$dtId` of the twins in some rows of the graph.
async fn ids(explorer: &Arc<Explorer>, rows: &[u32]) -> BTreeSet<String> {
    let Answer::Columns(message) = explorer.answer(Request::Graph { since: None }).await else {
        panic!()
    };
    let graph = GraphMessage::decode(&message).unwrap();
    let all = graph.twin_row.iter().zip(graph.twin_id.iter());
    all.filter(|(row, _)| rows.contains(row)).map(|(_, id)| id).collect()
}

async fn patch(explorer: &Arc<Explorer>, id: &str, path: &str, value: Value) {
    let patch = json!([{"op": "add", "path": path, "value": value}]);
    let request = Request::PatchTwin { id: id.into(), patch, etag: None };
    let answer = explorer.handle(request).await;
    assert!(matches!(answer, Response::Patched { .. }), "{answer:?}");
}

/// A workspace of so many twins of one model.
fn workspace(folder: &Path, twins: usize) -> Target {
    let model = json!({
        "@id": "dtmi:test:Box;1", "@type": "Interface", "@context": "dtmi:dtdl:context;2",
        "contents": [{"@type": "Property", "name": "n", "schema": "integer"}],
    });
    fs::create_dir_all(folder.join("models")).unwrap();
    fs::write(folder.join("models/Box.json"), model.to_string()).unwrap();
    let lines = (0..twins).fold(HEADER.to_owned(), |mut lines, n| {
        let twin = json!({"$dtId": format!("box-{n:05}"), "$metadata": {"$model": "dtmi:test:Box;1"}, "n": n});
        writeln!(lines, "{twin}").unwrap();
        lines
    });
    fs::write(folder.join("twins.ndjson"), lines).unwrap();
    Target::Workspace { path: folder.to_string_lossy().into_owned() }
}

const HEADER: &str =
    "{\"Section\":\"Header\"}\n{\"fileVersion\":\"1.0.0\"}\n{\"Section\":\"Twins\"}\n";
const ROOMS: &str = "SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')";

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_what_they_match() {
    let home = tempfile::tempdir().unwrap();
    let explorer = opened(home.path(), Target::Sample).await;

    let related = "SELECT A, B FROM DIGITALTWINS MATCH (A)-[R:rel_has_thermostat]->(B) WHERE A.$dtId = 'Room_11'";
    let ran = run(&explorer, related, QueryOn::Service, false).await;
    // An embedded instance has no other service.
    assert_eq!((ran.on, ran.rows, ran.complete, &ran.failure), (QueryOn::Graph, 1, true, &None));
    assert_eq!((ran.twins, ran.relationships), (2, 1));
    assert!(ran.scanned > Some(0) && ran.steps.len() == 2, "{ran:?}");
    assert_eq!(ran.steps[1].reached, 1);
    let rows = page(&explorer, ran.run, 0).await;
    assert!(!rows.more);
    let [row] = &rows.rows[..] else { panic!("{rows:?}") };
    assert_eq!(row.twins, ["Room_11", "thermo_0011"]);
    assert_eq!(row.value["B"]["$dtId"], "thermo_0011");
    let found = matches(&explorer, Request::QueryMatches { run: ran.run }).await;
    assert_eq!(found.edge_row.len(), 1);
    let twins = ids(&explorer, &found.twin_row).await;
    assert_eq!(twins.into_iter().collect::<Vec<_>>(), ["Room_11", "thermo_0011"]);

    let counted = run(&explorer, "SELECT COUNT() FROM DIGITALTWINS", QueryOn::Graph, false).await;
    assert_eq!(page(&explorer, counted.run, 0).await.rows[0].value, json!({"COUNT": 52}));

    let Response::Failed(refused) = ask(&explorer, "SELECT", QueryOn::Graph, false).await else {
        panic!()
    };
    assert_eq!(refused.code, "SqlQueryError");
    let unknown = explorer.handle(Request::QueryRun { run: 99 }).await;
    assert!(matches!(unknown, Response::Failed(failure) if failure.code == "NotThere"));

    let Response::SampleQueries { queries } = explorer.handle(Request::SampleQueries).await else {
        panic!()
    };
    assert_eq!(queries.len(), 3);
    for sample in queries {
        let ran = run(&explorer, &sample.text, QueryOn::Graph, false).await;
        assert!(ran.failure.is_none() && ran.rows > 0, "{sample:?} {ran:?}");
    }
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_go_and_change_with_the_graph() {
    let home = tempfile::tempdir().unwrap();
    let explorer = opened(home.path(), Target::Sample).await;
    let hot = "SELECT T.$dtId, T.currentTemp FROM DIGITALTWINS T WHERE T.currentTemp > 50";
    let ran = run(&explorer, hot, QueryOn::Graph, true).await;
    assert_eq!((ran.live, ran.rows, ran.complete), (true, 0, true));
    let begun = changes(&explorer, ran.run, None).await;
    assert!(begun.start_over && begun.came.is_empty());

    patch(&explorer, "Room_03", "/currentTemp", json!(60)).await;
    let came = changes(&explorer, ran.run, Some(begun.revision)).await;
    assert_eq!((came.start_over, came.came.len(), came.went.len()), (false, 1, 0));
    assert_eq!(came.came[0].value, json!({"$dtId": "Room_03", "currentTemp": 60}));
    assert_eq!(told(&explorer, ran.run).await.rows, 1);
    let found = matches(&explorer, Request::QueryMatches { run: ran.run }).await;
    assert_eq!(found.twin_row.len(), 1);

    patch(&explorer, "Room_03", "/currentTemp", json!(61)).await;
    let changed = changes(&explorer, ran.run, Some(came.revision)).await;
    assert_eq!(changed.changed[0].id, came.came[0].id);
    patch(&explorer, "Room_03", "/currentTemp", json!(20)).await;
    let went = changes(&explorer, ran.run, Some(changed.revision)).await;
    assert_eq!(went.went, [came.came[0].id]);
    // A page that missed an answer is told everything.
    assert!(changes(&explorer, ran.run, Some(came.revision)).await.start_over);
    let nothing = changes(&explorer, ran.run, Some(went.revision)).await;
    assert!(!nothing.start_over && nothing.revision == went.revision);
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_rows() {
    let home = tempfile::tempdir().unwrap();
    let target = workspace(&home.path().join("boxes"), 10_001);
    let explorer = opened(home.path(), target).await;
    let all = "SELECT * FROM DIGITALTWINS";
    let ran = run(&explorer, all, QueryOn::Graph, false).await;
    assert_eq!((ran.rows, ran.complete, ran.twins), (10_001, true, 10_001));
    let mut seen = BTreeSet::new();
    for number in 0.. {
        let page = page(&explorer, ran.run, number).await;
        seen.extend(page.rows.iter().map(|row| (row.id, row.twins[0].clone())));
        if !page.more {
            break;
        }
    }
    assert_eq!((seen.len(), seen.last().unwrap().0), (10_001, 10_000));
    // The rows stay those of the version that was asked.
    patch(&explorer, "box-00000", "/n", json!(-1)).await;
    assert_ne!(page(&explorer, ran.run, 0).await.rows[0].value["n"], -1);

    for (form, name) in [(QueryForm::Csv, "rows.csv"), (QueryForm::Json, "rows.json")] {
        let path = home.path().join(name).to_string_lossy().into_owned();
        let request = Request::ExportQuery { run: ran.run, path: path.clone(), form };
        assert!(matches!(explorer.handle(request).await, Response::Accepted));
        let export = ended(&explorer, told(&explorer, ran.run).await).await.export.unwrap();
        assert_eq!((export.rows, &export.failure, &export.path), (10_001, &None, &path));
        let text = fs::read_to_string(path).unwrap();
        match form {
            QueryForm::Json => {
                assert_eq!(serde_json::from_str::<Vec<Value>>(&text).unwrap().len(), 10_001);
            }
            QueryForm::Csv => assert_eq!(text.lines().count(), 10_002),
        }
    }
    let path = home.path().join("nowhere/rows.csv").to_string_lossy().into_owned();
    explorer.handle(Request::ExportQuery { run: ran.run, path, form: QueryForm::Csv }).await;
    let export = ended(&explorer, told(&explorer, ran.run).await).await.export.unwrap();
    assert_eq!(export.failure.unwrap().code, "NotWritten");

    let live = run(&explorer, all, QueryOn::Graph, true).await;
    assert_eq!(live.failure.unwrap().code, "TooManyRows");

    // A query that would run for long is ended by a person.
    let long = "SELECT COUNT() FROM DIGITALTWINS MATCH (A)-[*..10]-(B) WHERE A.$dtId != 'x'";
    if let Response::QueryRun(began) = ask(&explorer, long, QueryOn::Graph, false).await {
        explorer.handle(Request::StopQuery { run: began.run }).await;
        let stopped = ended(&explorer, *began).await;
        assert!(stopped.failure.is_none_or(|failure| failure.code == "Cancelled"));
    }
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_a_condition_or_a_text() {
    let home = tempfile::tempdir().unwrap();
    let explorer = opened(home.path(), Target::Sample).await;
    let filter = |text: &str| {
        let (explorer, request) = (explorer.clone(), Request::MatchTwins { text: text.into() });
        async move { matches(&explorer, request).await }
    };
    let cases = [
        ("room", false, 24),
        ("THERMO_0001", false, 1),
        ("Floor", false, 3),
        ("area >= 0", true, 24),
        ("T.area >= 0", true, 24),
        ("IS_OF_MODEL('dtmi:com:contoso:Thermostat;1')", true, 24),
        ("area >= 1e9", true, 0),
    ];
    for (text, condition, twins) in cases {
        let found = filter(text).await;
        assert_eq!((found.head.condition, found.twin_row.len()), (condition, twins), "{text}");
        assert_eq!(found.head.problem, None, "{text}");
    }
    let half = filter("area >").await;
    assert!(half.head.problem.is_some() && half.twin_row.is_empty());
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_queries_are_there_the_next_time() {
    let home = tempfile::tempdir().unwrap();
    let explorer = opened(home.path(), Target::Sample).await;
    let save = |name: &str, text: Option<&str>| Request::SaveQuery {
        name: name.into(),
        text: text.map(str::to_owned),
    };
    explorer.handle(save("Rooms", Some(ROOMS))).await;
    explorer.handle(save("Gone", Some(ROOMS))).await;
    explorer.handle(save("Gone", None)).await;
    let refused = explorer.handle(save(" ", Some(ROOMS))).await;
    assert!(matches!(refused, Response::Failed(failure) if failure.code == "NotSaved"));
    explorer.close().await;

    let again = opened(home.path(), Target::Sample).await;
    let Response::SavedQueries { queries } = again.handle(Request::SavedQueries).await else {
        panic!()
    };
    assert_eq!(queries.into_iter().collect::<Vec<_>>(), [("Rooms".to_owned(), ROOMS.to_owned())]);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_instance_is_asked_itself_or_its_copy() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("other");
    let options = EmbeddedOptions::new(Some(session::Source::Embedded), data);
    let other = Embedded::open(options, |_| ControlFlow::Continue(())).await.unwrap();
    let connect = other.connect();
    let remote = Target::Remote {
        endpoint: connect.adt.endpoint.clone(),
        ca: Some(connect.adt.ca.to_string_lossy().into_owned()),
        credential: Credential::Token { token: "any".into() },
    };
    let explorer = opened(home.path(), remote).await;

    let service = run(&explorer, ROOMS, QueryOn::Service, false).await;
    assert_eq!((service.on, service.rows, service.complete), (QueryOn::Service, 24, true));
    assert!(service.charge.is_some_and(|charge| charge > 0.0) && service.scanned.is_none());
    assert_eq!(page(&explorer, service.run, 0).await.rows.len(), 24);
    let found = matches(&explorer, Request::QueryMatches { run: service.run }).await;
    assert_eq!(found.twin_row.len(), 24);
    let path = home.path().join("rooms.csv");
    let request = Request::ExportQuery {
        run: service.run,
        path: path.to_string_lossy().into_owned(),
        form: QueryForm::Csv,
    };
    explorer.handle(request).await;
    ended(&explorer, told(&explorer, service.run).await).await;
    assert_eq!(fs::read_to_string(path).unwrap().lines().count(), 25);

    let copy = run(&explorer, ROOMS, QueryOn::Graph, false).await;
    assert_eq!((copy.on, copy.rows, copy.charge), (QueryOn::Graph, 24, None));
    let live = ask(&explorer, ROOMS, QueryOn::Service, true).await;
    assert!(matches!(live, Response::Failed(failure) if failure.code == "NotLive"));
    explorer.close().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_forgotten_leaves_the_others() {
    let home = tempfile::tempdir().unwrap();
    let explorer = opened(home.path(), Target::Sample).await;
    let text = "SELECT * FROM DIGITALTWINS";
    let first = run(&explorer, text, QueryOn::Graph, false).await.run;
    let second = run(&explorer, text, QueryOn::Graph, true).await.run;
    for _ in 0..2 {
        let forgotten = explorer.handle(Request::ForgetQuery { run: first }).await;
        assert!(matches!(forgotten, Response::Accepted), "{forgotten:?}");
    }
    let gone = explorer.handle(Request::QueryRows { run: first, page: 0 }).await;
    assert!(matches!(gone, Response::Failed(failure) if failure.code == "NotThere"));
    assert_eq!(changes(&explorer, second, None).await.came.len(), 52);
    explorer.close().await;
}
