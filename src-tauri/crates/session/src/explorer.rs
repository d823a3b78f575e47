//! What the window talks to: answers its requests about whatever is open.

mod open;

use crate::embedded::{Embedded, LONGEST_LAG, blocking, is_lag};
use crate::failure::OpenError;
use crate::flow::about_topology;
use crate::opened::{Kind, Opened};
use crate::opening::Stage;
use crate::query::about_queries;
use crate::screen::{event_detail, limits, log_window, neighbours, paths, search, twin_detail};
use crate::settings::{Folders, Settings};
use crate::wire::{
    Answer, Failure, FileProblem, InstanceKind, LimitsChoice, Phase, Place, Request, Response,
    Simulation, SimulationAction, Status, SyncState, Target,
};
use adt_service::IfMatch;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use twin_graph::{Timestamp, parse_patch};

/// The page's own state, at most.
const UI_STATE_BYTES: usize = 1 << 20;

/// The app without its window.
pub struct Explorer {
    folders: Folders,
    settings: Mutex<Settings>,
    opened: Mutex<Option<Arc<Opened>>>,
    /// What is being opened, once there is something of it to be seen. What is open stays open
    /// until this is whole.
    arriving: Mutex<Option<Arc<Opened>>>,
    stage: Mutex<Stage>,
    /// The number of the latest opening; an earlier one is given up.
    latest: watch::Sender<u32>,
    /// The opening under way; a new one waits for its end, so that two never hold one folder.
    opening: tokio::sync::Mutex<()>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    first_drawing: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Explorer {
    /// An explorer with nothing open.
    pub fn new(folders: Folders) -> Arc<Self> {
        let settings = Settings::load(&folders.config);
        let starting = Stage::begins(&Target::Sample, "Starting");
        Arc::new(Self {
            folders,
            settings: Mutex::new(settings),
            opened: Mutex::default(),
            arriving: Mutex::default(),
            stage: Mutex::new(starting),
            latest: watch::channel(0).0,
            opening: tokio::sync::Mutex::default(),
            keeper: Mutex::default(),
            first_drawing: Mutex::default(),
        })
    }

    /// What is called once when the page has drawn its first graph.
    pub fn on_first_drawing(&self, told: impl FnOnce() + Send + 'static) {
        *self.first_drawing.lock() = Some(Box::new(told));
    }

    /// What was open last, or the sample. A remote instance whose secret is not kept cannot be
    /// opened unasked; then it is the sample too.
    pub fn last_target(&self) -> Target {
        let last = self.settings.lock().recent.first().cloned();
        last.filter(|target| !needs_secret(target)).unwrap_or(Target::Sample)
    }

    /// Answers the page: large answers as messages of columns, all others as JSON.
    pub async fn answer(self: &Arc<Self>, request: Request) -> Answer {
        match request {
            Request::Graph { since } => {
                self.columns(move |opened| opened.screen.message(since).encode()).await
            }
            Request::Property { name } => {
                self.columns(move |opened| opened.screen.property(&name).encode()).await
            }
            Request::QueryMatches { run } => {
                self.columns(move |opened| opened.query_matches(run).encode()).await
            }
            Request::MatchTwins { text } => {
                self.columns(move |opened| opened.filter_matches(&text).encode()).await
            }
            request => Answer::Response(self.handle(request).await),
        }
    }

    /// A message about what is open, encoded.
    async fn columns(&self, encode: impl FnOnce(&Opened) -> Vec<u8> + Send + 'static) -> Answer {
        let Some(opened) = self.current() else {
            return Answer::Response(failed("NotOpen", "Nothing is open yet."));
        };
        match blocking(move || encode(&opened)).await {
            Ok(message) => Answer::Columns(message),
            Err(error) => Answer::Response(Response::Failed(error.to_failure())),
        }
    }

    /// Answers the page in JSON.
    pub async fn handle(self: &Arc<Self>, request: Request) -> Response {
        match request {
            Request::Open { target, anew } => {
                self.begin(target, anew);
                Response::Accepted
            }
            Request::CancelOpening => {
                self.cancel();
                Response::Accepted
            }
            Request::Status => Response::Status(Box::new(self.status())),
            Request::SaveUiState { state } => self.save_ui_state(state),
            Request::UiState => {
                let settings = self.settings.lock();
                Response::UiState {
                    state: settings.ui_state.clone(),
                    recent: settings.recent.clone(),
                }
            }
            Request::FirstDrawing => {
                if let Some(told) = self.first_drawing.lock().take() {
                    told();
                }
                Response::Accepted
            }
            request => match self.current() {
                Some(opened) => about(&opened, request).await,
                None => failed("NotOpen", "Nothing is open yet."),
            },
        }
    }

    /// What the page sees.
    fn current(&self) -> Option<Arc<Opened>> {
        let arriving = self.arriving.lock().clone();
        arriving.or_else(|| self.opened.lock().clone())
    }

    fn save_ui_state(&self, state: String) -> Response {
        if state.len() > UI_STATE_BYTES {
            return failed("TooLarge", "The page's state is over 1 MiB and was not kept.");
        }
        self.settings.lock().ui_state = Some(state);
        self.save_settings();
        Response::Accepted
    }

    fn save_settings(&self) {
        let settings = self.settings.lock().clone();
        if let Err(error) = settings.save(&self.folders.config) {
            tracing::warn!(%error, "the settings could not be kept");
        }
    }

    fn status(&self) -> Status {
        let (phase, asked) = {
            let stage = self.stage.lock();
            (stage.phase(Instant::now()), stage.target().cloned())
        };
        match self.current() {
            Some(opened) => status_of(&opened, phase),
            None => Status {
                session: 0,
                kind: kind_of(asked.as_ref()),
                target: asked.unwrap_or(Target::Sample),
                phase,
                name: String::new(),
                endpoint: None,
                ca: None,
                version: 0,
                twins: 0,
                relationships: 0,
                models: 0,
                events_per_second: 0.0,
                commit_millis: None,
                simulation: None,
                sync: None,
                throttled: 0,
                query_lag_seconds: None,
                problems: Vec::new(),
                routes: Vec::new(),
            },
        }
    }
}

fn kind_of(target: Option<&Target>) -> InstanceKind {
    match target {
        Some(Target::Remote { .. }) => InstanceKind::Remote,
        _ => InstanceKind::Embedded,
    }
}

fn needs_secret(target: &Target) -> bool {
    use crate::wire::Credential;
    matches!(
        target,
        Target::Remote {
            credential: Credential::Token { .. } | Credential::ClientSecret { .. },
            ..
        }
    )
}

fn failed(code: &str, message: impl Into<String>) -> Response {
    Response::Failed(Failure {
        code: code.to_owned(),
        message: message.into(),
        details: Vec::new(),
    })
}

fn status_of(opened: &Opened, phase: Phase) -> Status {
    let graph = opened.view.read();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let now = Timestamp::from(SystemTime::now());
    let mut status = Status {
        session: opened.number,
        phase,
        target: opened.target.clone(),
        kind: opened.instance_kind(),
        name: opened.name.clone(),
        endpoint: None,
        ca: None,
        version: graph.version(),
        twins: count(graph.twin_count()),
        relationships: count(graph.relationship_count()),
        models: count(graph.models().len()),
        events_per_second: opened.log.events.lock().rate(now),
        commit_millis: None,
        simulation: None,
        sync: None,
        throttled: 0,
        query_lag_seconds: None,
        problems: Vec::new(),
        routes: opened.log.route_names(),
    };
    drop(graph);
    match &opened.kind {
        Kind::Embedded(embedded) => describe_embedded(embedded, &mut status),
        Kind::Remote(remote) => {
            let Some(state) = remote.state() else { return status };
            status.problems = left_out(&state);
            status.sync = Some(SyncState {
                reachable: state.reachable,
                age_seconds: state.last_ok.elapsed().as_secs_f64(),
                error: state.error,
            });
            if let Target::Remote { endpoint, ca, .. } = &opened.target {
                status.endpoint = Some(endpoint.clone());
                status.ca = ca.clone();
            }
        }
    }
    status
}

/// What of a remote instance could not be taken over, as problems.
fn left_out(state: &twin_sync::SyncState) -> Vec<FileProblem> {
    let models = state.models_left_out.iter().map(|(id, reason)| FileProblem {
        file: id.clone(),
        place: "model".to_owned(),
        message: format!("The instance has this model and it does not parse here: {reason}"),
    });
    let rows = (state.rows_left_out > 0).then(|| FileProblem {
        file: "twins and relationships".to_owned(),
        place: String::new(),
        message: format!(
            "{} rows that the instance answered are not of the service's form and are not shown.",
            state.rows_left_out
        ),
    });
    models.chain(rows).collect()
}

fn describe_embedded(embedded: &Embedded, status: &mut Status) {
    let connect = embedded.connect();
    status.endpoint = Some(connect.adt.endpoint);
    status.ca = Some(connect.adt.ca.to_string_lossy().into_owned());
    status.commit_millis = embedded.commit_millis();
    let throttled = embedded.instance.limiter().refused_lately(Instant::now());
    status.throttled = u32::try_from(throttled).unwrap_or(u32::MAX);
    status.query_lag_seconds = embedded.instance.query_lag().map(|lag| lag.as_secs_f64());
    status.problems = embedded.problems();
    let devices = embedded.topology().devices().count();
    if devices > 0 {
        let state = embedded.simulation.state();
        status.simulation = Some(Simulation {
            speed: state.speed,
            paused: state.paused,
            devices: u32::try_from(devices).unwrap_or(u32::MAX),
            silenced: state.silenced.iter().map(|device| device.to_string()).collect(),
        });
    }
}

/// Answers a request about what is open.
async fn about(opened: &Arc<Opened>, request: Request) -> Response {
    match request {
        Request::Twin { id } => twin(opened, &id),
        Request::PatchTwin { id, patch, etag } => patch_twin(opened, &id, &patch, etag).await,
        Request::Place { places } => place(opened, &places).await,
        Request::Arrange { method, contains } => {
            opened.screen.choose(method, contains);
            Response::Accepted
        }
        Request::Neighbours(asked) => neighbours(&opened.view.read(), &asked),
        Request::Paths { from, to, follow, limit } => {
            paths(&opened.view.read(), &from, &to, follow, limit.min(1_000) as usize)
        }
        Request::StopArranging => {
            opened.screen.stop_arranging();
            Response::Accepted
        }
        Request::KeepView { session, view } => keep_view(opened, session, view).await,
        Request::SaveView { name, view } => save_view(opened, name, view).await,
        Request::Views => Response::Views(opened.looked_at()),
        Request::Search { text, limit } => {
            let (hits, total) = search(&opened.view.read(), &text, limit.min(500) as usize);
            Response::Found { hits, total: u32::try_from(total).unwrap_or(u32::MAX) }
        }
        Request::QueryText { .. }
        | Request::QueryOffers { .. }
        | Request::SampleQueries
        | Request::RunQuery(_)
        | Request::QueryRun { .. }
        | Request::StopQuery { .. }
        | Request::ForgetQuery { .. }
        | Request::QueryRows { .. }
        | Request::QueryChanges { .. }
        | Request::ExportQuery { .. }
        | Request::StopExport { .. }
        | Request::SaveQuery { .. }
        | Request::SavedQueries => about_queries(opened, request).await,
        Request::Log(request) => Response::Log(log_window(&opened.log, opened.number, &request)),
        Request::LogEvent { position } => match event_detail(&opened.log, position) {
            Some(detail) => Response::LogEvent(Box::new(detail)),
            None => failed("NotThere", format!("Event {position} is no longer kept.")),
        },
        Request::Limits => Response::Limits(limits(opened)),
        Request::ChooseLimits { limits } => choose_limits(opened, limits).await,
        Request::ChooseQueryLag { seconds } => choose_query_lag(opened, seconds).await,
        Request::Topology
        | Request::CheckTopology { .. }
        | Request::Deploy { .. }
        | Request::Flow
        | Request::SendMessage { .. }
        | Request::TryNow { .. }
        | Request::Secrets
        | Request::KeepSecret { .. } => about_topology(opened, request).await,
        Request::Simulate { action } => simulate(opened, &action),
        Request::SaveToWorkspace => save(opened).await,
        Request::Open { .. }
        | Request::CancelOpening
        | Request::Graph { .. }
        | Request::Property { .. }
        | Request::QueryMatches { .. }
        | Request::MatchTwins { .. }
        | Request::Status
        | Request::SaveUiState { .. }
        | Request::UiState
        | Request::FirstDrawing => failed("Fault", "This is a fault of Twinscope."),
    }
}

fn twin(opened: &Opened, id: &str) -> Response {
    let Some(mut detail) = twin_detail(&opened.view.read(), id) else {
        return failed("DigitalTwinNotFound", format!("There is no twin «{id}» any more."));
    };
    if let Kind::Embedded(embedded) = &opened.kind {
        let topology = embedded.topology();
        let device = topology.devices().map(|(device, _)| device);
        let device = device.map(str::to_owned).find(|device| topology.twin_of_device(device) == id);
        detail.device_silenced =
            device.as_deref().is_some_and(|device| embedded.simulation.is_silent(device));
        detail.device = device;
    }
    Response::Twin(Box::new(detail))
}

async fn patch_twin(
    opened: &Opened,
    id: &str,
    patch: &serde_json::Value,
    etag: Option<String>,
) -> Response {
    let patch = match parse_patch(patch) {
        Ok(patch) => patch,
        Err(error) => return failed("JsonPatchInvalid", error.to_string()),
    };
    let if_match = etag.map(|etag| IfMatch::Etag(etag.into()));
    match opened.patch(id, patch, if_match).await {
        Ok(etag) => Response::Patched { etag: etag.to_string() },
        Err(error) => Response::Failed(Failure::from(&error)),
    }
}

/// Kept at once, because a person did it; what the layout moves by itself is kept by and by.
async fn place(opened: &Arc<Opened>, places: &[Place]) -> Response {
    opened.screen.place(places);
    opened.keep_views().await;
    Response::Accepted
}

/// A name is no longer than this, in bytes.
const MOST_NAME: usize = 200;
/// A view is no larger than this, in bytes: ids of some hundred thousand twins.
const MOST_VIEW: usize = 8 << 20;

async fn save_view(
    opened: &Arc<Opened>,
    name: String,
    view: Option<serde_json::Value>,
) -> Response {
    if name.trim().is_empty() || name.len() > MOST_NAME {
        return failed("NotSaved", format!("A view needs a name of at most {MOST_NAME} bytes."));
    }
    if view.as_ref().is_some_and(too_large) {
        return failed("NotSaved", VIEW_TOO_LARGE);
    }
    opened.save_view(name, view);
    opened.keep_views().await;
    Response::Views(opened.looked_at())
}

async fn keep_view(opened: &Arc<Opened>, session: u32, view: serde_json::Value) -> Response {
    if session != opened.number {
        return failed("NotOpen", "Something else is open by now.");
    }
    if too_large(&view) {
        return failed("NotSaved", VIEW_TOO_LARGE);
    }
    opened.set_last_view(view);
    opened.keep_last_view().await;
    Response::Accepted
}

const VIEW_TOO_LARGE: &str = "A view is of 8 MiB at most. Hide or show fewer twins one by one.";

fn too_large(view: &serde_json::Value) -> bool {
    view.to_string().len() > MOST_VIEW
}

fn simulate(opened: &Opened, action: &SimulationAction) -> Response {
    let Kind::Embedded(embedded) = &opened.kind else {
        return failed("NoSimulation", "A remote instance has no simulated devices here.");
    };
    let simulation = &embedded.simulation;
    match action {
        SimulationAction::Pause => simulation.set_paused(true),
        SimulationAction::Resume => simulation.set_paused(false),
        SimulationAction::Speed { factor } => simulation.set_speed(*factor),
        SimulationAction::Unsilence { device } => simulation.unsilence(device.as_deref()),
    }
    embedded.keep_simulation();
    Response::Accepted
}

async fn choose_limits(opened: &Opened, choice: LimitsChoice) -> Response {
    match &opened.kind {
        Kind::Embedded(embedded) if !embedded.fixed.limits => {
            match embedded.choose_limits(choice).await {
                Ok(()) => Response::Limits(limits(opened)),
                Err(failure) => Response::Failed(failure),
            }
        }
        _ => failed("Given", "Its limits were given at its start and hold until its end."),
    }
}

async fn choose_query_lag(opened: &Opened, seconds: Option<f64>) -> Response {
    if seconds.is_some_and(|seconds| !is_lag(seconds)) {
        let message = format!("Queries can be up to {LONGEST_LAG} seconds behind.");
        return failed("InvalidArgument", message);
    }
    match &opened.kind {
        Kind::Embedded(embedded) if !embedded.fixed.query_lag => {
            chosen(opened, embedded.choose_query_lag(seconds).await)
        }
        _ => failed("Given", "How far its queries are behind was given at its start."),
    }
}

fn chosen(opened: &Opened, done: Result<(), OpenError>) -> Response {
    match done {
        Ok(()) => Response::Limits(limits(opened)),
        Err(error) => Response::Failed(error.to_failure()),
    }
}

async fn save(opened: &Opened) -> Response {
    let Some((embedded, folder)) = opened.folder() else {
        return failed(
            "NoWorkspace",
            "Only a workspace folder can be saved to. Open one, or copy the sample's files into a folder and open that.",
        );
    };
    let views = opened.views();
    match embedded.save(folder, views).await {
        Ok(files) => Response::Saved { files },
        Err(problem) => {
            let place = [problem.file.as_str(), problem.place.as_str()].join(" ");
            failed("NotSaved", format!("{}: {}", place.trim(), problem.message))
        }
    }
}
