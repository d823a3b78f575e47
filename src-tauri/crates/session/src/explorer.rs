//! What the window talks to: answers its requests about whatever is open.

use crate::embedded::{Embedded, EmbeddedOptions, LONGEST_LAG, blocking, is_lag};
use crate::failure::OpenError;
use crate::opened::{Kind, Opened};
use crate::opening::{Opening, Pace};
use crate::query::about_queries;
use crate::remote::Remote;
use crate::screen::{event_detail, limits, log_window, neighbours, paths, search, twin_detail};
use crate::settings::{Folders, Settings};
use crate::wire::{
    Answer, Failure, FileProblem, InstanceKind, LimitsChoice, Phase, Place, Request, Response,
    Simulation, SimulationAction, Status, SyncState, Target,
};
use adt_service::IfMatch;
use parking_lot::Mutex;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use twin_graph::{Timestamp, parse_patch};
use workspace::Source;

/// Positions are kept this often, where they changed.
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// The page's own state, at most.
const UI_STATE_BYTES: usize = 1 << 20;

/// The app without its window.
pub struct Explorer {
    folders: Folders,
    settings: Mutex<Settings>,
    opened: Mutex<Option<Arc<Opened>>>,
    phase: Mutex<Phase>,
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
        let starting = opening(&Target::Sample, Opening::begins("Starting"));
        Arc::new(Self {
            folders,
            settings: Mutex::new(settings),
            opened: Mutex::default(),
            phase: Mutex::new(starting),
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

    /// Begins to open something in place of what is open. Must be called within a tokio runtime.
    pub fn open(self: &Arc<Self>, target: Target) {
        self.latest.send_modify(|latest| *latest += 1);
        let number = *self.latest.borrow();
        *self.phase.lock() = opening(&target, Opening::begins("Opening"));
        let this = self.clone();
        tokio::spawn(async move {
            let _turn = this.opening.lock().await;
            if this.is_latest(number) {
                this.open_now(number, target).await;
            }
        });
    }

    /// Gives up what is being opened. What was open before stays; where nothing was, the page says
    /// that it was given up.
    pub fn cancel_opening(&self) {
        let mut phase = self.phase.lock();
        let Phase::Opening { target, .. } = &*phase else { return };
        self.latest.send_modify(|latest| *latest += 1);
        *phase = match self.opened.lock().is_some() {
            true => Phase::Ready,
            false => {
                Phase::Failed { target: target.clone(), failure: OpenError::Stopped.to_failure() }
            }
        };
    }

    async fn open_now(self: &Arc<Self>, number: u32, target: Target) {
        // The old one first where both are one folder: its lock must be free.
        let same_folder = {
            let opened = self.opened.lock();
            let folder = |target| self.folders.data_of(target);
            opened.as_ref().is_some_and(|opened| folder(&opened.target) == folder(&target))
        };
        if same_folder {
            self.close().await;
        }
        match self.open_target(number, &target).await {
            Ok(opened) if !self.is_latest(number) => Arc::new(opened).stop().await,
            Ok(opened) => {
                self.close().await;
                let opened = Arc::new(opened);
                *self.opened.lock() = Some(opened.clone());
                self.keep_regularly(&opened);
                self.settings.lock().remember(&target);
                self.save_settings();
                self.set_phase(number, Phase::Ready);
            }
            Err(error) => {
                tracing::error!(%error, "could not be opened");
                let failure = error.to_failure();
                self.set_phase(number, Phase::Failed { target, failure });
            }
        }
    }

    async fn open_target(
        self: &Arc<Self>,
        number: u32,
        target: &Target,
    ) -> Result<Opened, OpenError> {
        let data = self.folders.data_of(target);
        let (this, asked) = (self.clone(), target.clone());
        let phase = move |told: Opening| {
            this.set_phase(number, opening(&asked, told));
            match this.is_latest(number) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        let source = match target {
            Target::Sample => Source::Embedded,
            Target::Workspace { path } => Source::Folder(PathBuf::from(path)),
            Target::Remote { endpoint, ca, credential } => {
                let _ = phase(Opening::begins("Connecting"));
                let pace = Mutex::new(Pace::default());
                let progress = move |progress: twin_sync::Progress| {
                    // Whoever gives it up ends it below.
                    let _ = phase(pace.lock().of_remote(Instant::now(), &progress));
                };
                let loading = Remote::open(endpoint, ca.as_deref(), credential, &data, progress);
                let remote = tokio::select! {
                    remote = loading => remote?,
                    () = self.superseded(number) => return Err(OpenError::Stopped),
                };
                return Ok(Opened::remote(number, target.clone(), endpoint, remote));
            }
        };
        let embedded = Embedded::open(EmbeddedOptions::new(Some(source), data), phase).await?;
        Ok(Opened::embedded(number, target.clone(), embedded))
    }

    fn is_latest(&self, number: u32) -> bool {
        *self.latest.borrow() == number
    }

    /// Returns when something else is to be opened.
    async fn superseded(&self, number: u32) {
        let mut latest = self.latest.subscribe();
        // The sender lives as long as this explorer.
        let _ = latest.wait_for(|latest| *latest != number).await;
    }

    fn set_phase(&self, number: u32, phase: Phase) {
        // Locked first: it may be given up at this moment.
        let mut current = self.phase.lock();
        if self.is_latest(number) {
            *current = phase;
        }
    }

    fn keep_regularly(&self, opened: &Arc<Opened>) {
        let weak = Arc::downgrade(opened);
        let keep = async move {
            loop {
                tokio::time::sleep(KEEP_EVERY).await;
                let Some(opened) = weak.upgrade() else { return };
                opened.keep_views().await;
            }
        };
        if let Some(old) = self.keeper.lock().replace(tokio::spawn(keep)) {
            old.abort();
        }
    }

    /// Closes what is open, in order.
    pub async fn close(&self) {
        let Some(opened) = self.opened.lock().take() else { return };
        opened.stop().await;
        // Requests under way end soon; then the data folder's lock is free.
        let rest = Arc::downgrade(&opened);
        drop(opened);
        for _ in 0..200 {
            if rest.strong_count() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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
        let Some(opened) = self.opened.lock().clone() else {
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
            Request::Open { target } => {
                self.open(target);
                Response::Accepted
            }
            Request::CancelOpening => {
                self.cancel_opening();
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
            request => {
                let opened = self.opened.lock().clone();
                match opened {
                    Some(opened) => about(&opened, request).await,
                    None => failed("NotOpen", "Nothing is open yet."),
                }
            }
        }
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
        let phase = self.phase.lock().clone();
        match self.opened.lock().clone() {
            Some(opened) => status_of(&opened, phase),
            None => Status {
                session: 0,
                kind: kind_of(asked(&phase)),
                target: asked(&phase).clone(),
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

fn opening(target: &Target, Opening { step, done, total, left }: Opening) -> Phase {
    let number = |of: u64| u32::try_from(of).unwrap_or(u32::MAX);
    Phase::Opening {
        target: target.clone(),
        step,
        done: number(done),
        total: total.map(number),
        seconds_left: left.map(|left| left.as_secs_f64()),
    }
}

/// What was asked for last, where it is not open.
fn asked(phase: &Phase) -> &Target {
    match phase {
        Phase::Opening { target, .. } | Phase::Failed { target, .. } => target,
        Phase::Ready => &Target::Sample,
    }
}

fn kind_of(target: &Target) -> InstanceKind {
    match target {
        Target::Remote { .. } => InstanceKind::Remote,
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
            let state = remote.graph.state();
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
        Request::SaveView { name, view } => saved_views(opened, Some((name, view))),
        Request::SavedViews => saved_views(opened, None),
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
        | Request::QueryRows { .. }
        | Request::QueryChanges { .. }
        | Request::ExportQuery { .. }
        | Request::StopExport { .. }
        | Request::SaveQuery { .. }
        | Request::SavedQueries => about_queries(opened, request).await,
        Request::Log(request) => {
            Response::Log(log_window(&mut opened.log.events.lock(), opened.number, &request))
        }
        Request::LogEvent { position } => match event_detail(&opened.log.events.lock(), position) {
            Some(detail) => Response::LogEvent(Box::new(detail)),
            None => failed("NotThere", format!("Event {position} is no longer kept.")),
        },
        Request::Limits => Response::Limits(limits(opened)),
        Request::ChooseLimits { limits } => choose_limits(opened, limits).await,
        Request::ChooseQueryLag { seconds } => choose_query_lag(opened, seconds).await,
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

fn saved_views(opened: &Opened, change: Option<(String, Option<serde_json::Value>)>) -> Response {
    if let Some((name, view)) = &change {
        let size = view.as_ref().map_or(0, |view| view.to_string().len());
        if name.trim().is_empty() || name.len() > MOST_NAME || size > MOST_VIEW {
            return failed(
                "NotSaved",
                format!(
                    "A view needs a name of at most {MOST_NAME} bytes, and is of 8 MiB at most."
                ),
            );
        }
    }
    Response::SavedViews { views: opened.save_view(change), method: opened.screen.method() }
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
            chosen(opened, embedded.choose_limits(choice).await)
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
