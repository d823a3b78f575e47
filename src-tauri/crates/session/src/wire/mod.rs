//! What the page and the backend say to each other: one request enum, one response enum.
//!
//! TypeScript gets these types generated into `ui/src/wire` (`make wire`); a test fails when those
//! files are stale. The page pulls: it asks for what changed since the version that it has, and
//! for the window of the log that it shows.

mod columns;
mod flow;
mod graph;
mod instance;
mod limits;
mod log;
mod query;
mod twin;

pub use columns::{Malformed, Texts};
pub use flow::*;
pub use graph::*;
pub use instance::*;
pub use limits::*;
pub use log::*;
pub use query::*;
pub use twin::*;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the page may ask.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Request {
    /// Opens something else in place of what is open; answered by `accepted` at once, `status`
    /// tells how it goes.
    Open {
        /// What to open.
        target: Target,
        /// Of files: drops what was made of them before, and loads them anew.
        #[serde(default)]
        anew: bool,
    },
    /// Gives up what is being opened; what was open before is there again. Answered by `accepted`.
    CancelOpening,
    /// What is open and how it does.
    Status,
    /// The graph, or what changed in it since a revision; answered by a `GraphMessage`.
    Graph {
        /// The revision that the page has; absent for all.
        #[ts(type = "number | null")]
        since: Option<u64>,
    },
    /// One property of every twin; answered by a `PropertyMessage`.
    Property {
        /// Its name.
        name: String,
    },
    /// One twin with everything that the inspector shows.
    Twin {
        /// `$dtId`.
        id: String,
    },
    /// Patches a twin. Answered by `patched`, or `failed` with the service's own error.
    PatchTwin {
        /// `$dtId`.
        id: String,
        /// A JSON Patch document.
        #[ts(type = "unknown[]")]
        patch: serde_json::Value,
        /// The ETag that the page saw; the patch is refused where the twin changed since.
        etag: Option<String>,
    },
    /// Moves twins on the drawing and pins them there; answered by `accepted`.
    Place {
        /// Where each twin goes; a twin with `null` is unpinned and laid out again.
        places: Vec<Place>,
    },
    /// Lays the graph out in another way, all but what is pinned; answered by `accepted`.
    Arrange {
        /// How.
        method: LayoutMethod,
        /// The names of relationships that contain; found by itself where absent.
        contains: Option<Vec<String>>,
    },
    /// Ends a layout that is under way: everything stays where it is then. Answered by `accepted`.
    StopArranging,
    /// The twins around some; answered by `reached`.
    Neighbours(Neighbourhood),
    /// The shortest paths between two twins; answered by `paths`.
    Paths {
        /// `$dtId` of one.
        from: String,
        /// `$dtId` of the other.
        to: String,
        /// Which way relationships are followed from the first.
        follow: Follow,
        /// At most so many paths are answered.
        limit: u32,
    },
    /// Keeps how this graph is looked at now (what is hidden, the camera, how it looks) for the
    /// next time that it is opened; answered by `accepted`.
    KeepView {
        /// The session that it is of; a later one is not touched.
        session: u32,
        /// The page's own JSON.
        #[ts(type = "unknown")]
        view: serde_json::Value,
    },
    /// Keeps such a view under a name, with the workspace where it is saved, or forgets it; answered
    /// by `views`.
    SaveView {
        /// Its name.
        name: String,
        /// The page's own JSON; `null` to forget it.
        #[ts(type = "unknown")]
        view: Option<serde_json::Value>,
    },
    /// How this graph was looked at, and is laid out; answered by `views`.
    Views,
    /// Twins whose id, name or model contains a text.
    Search {
        /// The text, without regard to case.
        text: String,
        /// At most so many.
        limit: u32,
    },
    /// What to say about a query that is being written; answered by `queryText`.
    QueryText {
        /// The text so far.
        text: String,
    },
    /// What can stand at a place of a query; answered by `queryOffers`.
    QueryOffers {
        /// The text so far.
        text: String,
        /// The place, in UTF-16 units.
        at: u32,
    },
    /// Queries that have something to show here; answered by `sampleQueries`.
    SampleQueries,
    /// Runs a query; answered by `queryRun` once it ended or after a moment.
    RunQuery(QueryOrder),
    /// How a query does; answered by `queryRun` once it ended or after a moment.
    QueryRun {
        /// Its number.
        run: u32,
    },
    /// Ends a query, and a file that its rows are written to; what was found stays. Answered by
    /// `accepted`.
    StopQuery {
        /// Its number.
        run: u32,
    },
    /// Ends a query and forgets its rows: nobody looks at them any more. Answered by `accepted`.
    ForgetQuery {
        /// Its number.
        run: u32,
    },
    /// A page of a query's rows; answered by `queryRows`.
    QueryRows {
        /// Its number.
        run: u32,
        /// Which page, from 0. Of the service the next one only.
        page: u32,
    },
    /// What became of the rows of a live query; answered by `queryChanges`.
    QueryChanges {
        /// Its number.
        run: u32,
        /// The revision that the page has; absent for all rows.
        since: Option<u32>,
    },
    /// What a query matches; answered by a `MatchMessage`.
    QueryMatches {
        /// Its number.
        run: u32,
    },
    /// The twins that a filter matches: a condition of the query language, else a part of id, name
    /// or model; answered by a `MatchMessage`.
    MatchTwins {
        /// The filter.
        text: String,
    },
    /// Writes all rows of a query to a file; answered by `accepted`, `queryRun` tells how it goes.
    ExportQuery {
        /// Its number.
        run: u32,
        /// The file.
        path: String,
        /// What it is.
        form: QueryForm,
    },
    /// Gives up a file that rows are written to; answered by `accepted`.
    StopExport {
        /// The query's number.
        run: u32,
    },
    /// Keeps a query under a name with this graph, or forgets it; answered by `savedQueries`.
    SaveQuery {
        /// Its name.
        name: String,
        /// Its text; `null` to forget it.
        text: Option<String>,
    },
    /// The kept queries of this graph; answered by `savedQueries`.
    SavedQueries,
    /// A window of the event log.
    Log(LogRequest),
    /// One event of the log with its body and everything of its trace.
    LogEvent {
        /// Its position.
        #[ts(type = "number")]
        position: u64,
    },
    /// The limits and how far each is used.
    Limits,
    /// Lets other limits hold, from now on and after the next start; answered by `limits`.
    ChooseLimits {
        /// Which.
        limits: LimitsChoice,
    },
    /// Lets queries be behind writes, from now on and after the next start; answered by `limits`.
    ChooseQueryLag {
        /// By so many seconds, up to 600; absent for not at all.
        seconds: Option<f64>,
    },
    /// The topology that is at work; answered by `topology`.
    Topology,
    /// Checks a topology without setting it to work; answered by `topologyNotes`.
    CheckTopology {
        /// The topology, as `topology.json` has it.
        #[ts(type = "unknown")]
        topology: serde_json::Value,
        /// The texts of users' own functions, by file.
        files: std::collections::BTreeMap<String, String>,
    },
    /// Sets a topology to work in place of the one before, and writes it to the workspace where
    /// there is a folder; answered by `topology`, or `failed` with all that is wrong.
    Deploy {
        /// The topology, as `topology.json` has it.
        #[ts(type = "unknown")]
        topology: serde_json::Value,
        /// The texts of users' own functions, by file.
        files: std::collections::BTreeMap<String, String>,
        /// The revision that it was made from; refused where another came since.
        revision: u32,
    },
    /// What every node and wire of the topology counted; answered by `flow`.
    Flow,
    /// Sends a message as a source of the topology does; answered by `accepted`.
    SendMessage {
        /// The source's name.
        source: String,
        /// The device that it is of.
        device: String,
        /// What it says.
        #[ts(type = "unknown")]
        body: serde_json::Value,
    },
    /// Has an endpoint that waits for its next attempt, or is in a pause, try at once, with the
    /// keys that there are now; answered by `accepted`.
    TryNow {
        /// The node: `endpoints/NAME`, `endpoints2019/NAME`.
        node: String,
    },
    /// The names of the secrets that are kept; answered by `secrets`.
    Secrets,
    /// Keeps a secret, or forgets it; answered by `secrets`.
    KeepSecret {
        /// Its name.
        name: String,
        /// The secret; `null` to forget it.
        value: Option<String>,
    },
    /// Steers the simulated devices; answered by `accepted`.
    Simulate {
        /// What to do.
        action: SimulationAction,
    },
    /// Writes twins, relationships and positions of the embedded instance to the workspace folder.
    SaveToWorkspace,
    /// Keeps the page's own state (panel layout, theme, last selection) for the next start.
    SaveUiState {
        /// The page's own JSON, at most 1 MiB.
        state: String,
    },
    /// The state kept by `saveUiState`, and what was opened lately.
    UiState,
    /// The page drew the first graph: for the start-up measurement.
    FirstDrawing,
}

/// What the backend answers.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Response {
    /// It was done, or began.
    Accepted,
    /// It was not done.
    Failed(Failure),
    /// Answers `status`.
    Status(Box<Status>),
    /// Answers `twin`.
    Twin(Box<TwinDetail>),
    /// Answers `patchTwin`.
    Patched {
        /// The twin's new ETag.
        etag: String,
    },
    /// Answers `search`.
    Found {
        /// The best first: id equal, id begins, then the rest.
        hits: Vec<SearchHit>,
        /// How many there are in all.
        total: u32,
    },
    /// Answers `neighbours`.
    Reached {
        /// `$dtId` of each, the nearest first; those that it began at are not among them.
        twins: Vec<String>,
        /// How many there are in all.
        total: u32,
    },
    /// Answers `paths`.
    Paths {
        /// `$dtId`s from one end to the other, each path as long as all others.
        paths: Vec<Vec<String>>,
        /// Whether there are more.
        more: bool,
    },
    /// Answers `saveView` and `views`.
    Views(Views),
    /// Answers `queryText`.
    QueryText(QueryText),
    /// Answers `queryOffers`.
    QueryOffers(QueryOffers),
    /// Answers `sampleQueries`.
    SampleQueries {
        /// At most three.
        queries: Vec<SampleQuery>,
    },
    /// Answers `runQuery` and `queryRun`.
    QueryRun(Box<QueryRun>),
    /// Answers `queryRows`.
    QueryRows(QueryPage),
    /// Answers `queryChanges`.
    QueryChanges(QueryChanges),
    /// Answers `saveQuery` and `savedQueries`.
    SavedQueries {
        /// Their texts by name.
        queries: std::collections::BTreeMap<String, String>,
    },
    /// Answers `log`.
    Log(LogWindow),
    /// Answers `logEvent`.
    LogEvent(Box<LogEventDetail>),
    /// Answers `limits`, `chooseLimits` and `chooseQueryLag`.
    Limits(Limits),
    /// Answers `topology` and `deploy`.
    Topology(Box<TopologyState>),
    /// Answers `checkTopology`.
    TopologyNotes {
        /// What is wrong: nothing of it can be deployed.
        problems: Vec<TopologyNote>,
        /// What is allowed and may not be meant.
        warnings: Vec<TopologyNote>,
    },
    /// Answers `flow`.
    Flow(Flow),
    /// Answers `secrets` and `keepSecret`.
    Secrets {
        /// Their names, and where they are kept in words.
        names: Vec<String>,
        /// `the system's keyring`, or a file.
        kept_in: String,
    },
    /// Answers `saveToWorkspace`.
    Saved {
        /// The files written.
        files: Vec<String>,
    },
    /// Answers `uiState`.
    UiState {
        /// What `saveUiState` kept, if anything.
        state: Option<String>,
        /// What was opened lately, newest first.
        recent: Vec<Target>,
    },
}

/// How a graph is looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Views {
    /// Named views: the page's own JSON by name.
    #[ts(type = "Record<string, unknown>")]
    pub saved: std::collections::BTreeMap<String, serde_json::Value>,
    /// What `keepView` kept last; `null` where nothing was.
    #[ts(type = "unknown")]
    pub last: Option<serde_json::Value>,
    /// How the graph is laid out.
    pub method: LayoutMethod,
    /// The names of relationships that contain, where a person chose them.
    pub contains: Option<Vec<String>>,
    /// Whether the workspace has a floor plan.
    pub floor_plan: bool,
}

/// An answer as it goes to the page.
#[derive(Clone, Debug)]
pub enum Answer {
    /// JSON.
    Response(Response),
    /// A message of columns; which one, the request says.
    Columns(Vec<u8>),
}

/// What went wrong, for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// A stable code: the service's own (`ValidationFailed`) or this app's (`NotOpen`).
    pub code: String,
    /// What happened, where, and what to do.
    pub message: String,
    /// More sentences, each about one thing that is wrong.
    pub details: Vec<String>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    fn files(folder: &Path) -> BTreeMap<String, String> {
        let Ok(entries) = fs::read_dir(folder) else { return BTreeMap::new() };
        let read = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        };
        entries.map(|entry| read(entry.unwrap())).collect()
    }

    /// `UPDATE_WIRE=1 cargo test -p session wire` (`make wire`) writes the files anew.
    #[test]
    fn typescript_is_current() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../ui/src/wire");
        let fresh = tempfile::tempdir().unwrap();
        let config = ts_rs::Config::default().with_out_dir(fresh.path());
        Request::export_all(&config).unwrap();
        Response::export_all(&config).unwrap();
        GraphHead::export_all(&config).unwrap();
        PropertyHead::export_all(&config).unwrap();
        MatchHead::export_all(&config).unwrap();
        fs::write(fresh.path().join("GraphMessage.ts"), GraphMessage::typescript()).unwrap();
        fs::write(fresh.path().join("PropertyMessage.ts"), PropertyMessage::typescript()).unwrap();
        fs::write(fresh.path().join("MatchMessage.ts"), MatchMessage::typescript()).unwrap();
        let wanted = files(fresh.path());
        if std::env::var_os("UPDATE_WIRE").is_some() {
            let _ = fs::remove_dir_all(&committed);
            fs::create_dir_all(&committed).unwrap();
            for (name, text) in &wanted {
                fs::write(committed.join(name), text).unwrap();
            }
        }
        assert!(files(&committed) == wanted, "ui/src/wire is stale: run `make wire`");
    }
}
