//! The embedded instance as a whole.

use crate::Simulation;
use crate::lag::QueryLag;
use crate::mutation::Mutation;
use crate::query::Queries;
use crate::recovery::{Recovering, RecoveryReport, decode, recover};
use crate::writer::{Command, Done, Mutations, Writer};
use adt_limits::{Limiter, Limits};
use adt_service::{Call, ChangeHistory, Changes, Code, GraphView, ServiceError};
use async_trait::async_trait;
use journal::{Journal, JournalError, StreamId};
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use twin_graph::{ApplyError, Change, RecordError, TwinGraph};

/// Why an instance cannot be opened.
#[derive(Debug, Error)]
pub enum InstanceError {
    /// The journal does not open or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal's changes do not fit together.
    #[error(
        "The data folder's journal does not fit together: {0}. Move the folder away to start anew from the workspace."
    )]
    Apply(#[from] ApplyError),
    /// Something in the journal is not what this version of Twinscope writes.
    #[error(
        "In the data folder's journal, {what} cannot be read: {source}. It may be of another version of Twinscope; move the folder away to start anew from the workspace."
    )]
    Unreadable {
        /// What.
        what: String,
        /// Why.
        source: RecordError,
    },
    /// Whoever was told how far it is wants it no more.
    #[error("Opening was given up.")]
    Stopped,
    /// No thread could be started.
    #[error("The instance's writer could not be started: {0}")]
    Thread(std::io::Error),
}

/// How an instance is opened.
#[derive(Clone)]
pub struct InstanceOptions {
    /// The simulated devices, which make way for writes from outside.
    pub simulation: Arc<Simulation>,
    /// Counts against the limits and says how far they are used.
    pub limiter: Arc<Limiter>,
    /// How far queries are behind writes; not at all where `None`.
    pub query_lag: Option<Duration>,
    /// Writes that may wait for the writer; further callers wait for a place.
    pub queue: usize,
    /// Is told how far opening is, at most five times a second, and may end it.
    pub recovering: Arc<dyn Fn(Recovering) -> ControlFlow<()> + Send + Sync>,
}

impl Default for InstanceOptions {
    /// The service's limits without rates: those are for clients of a server.
    fn default() -> Self {
        let limiter = Limiter::new(&Limits::service().without_rates(), Instant::now());
        let recovering = Arc::new(|_| ControlFlow::Continue(()));
        let simulation = Arc::default();
        Self { simulation, limiter, query_lag: None, queue: 4_096, recovering }
    }
}

/// The embedded instance. Dropping it lets the writer finish what it has, and waits for that.
pub struct Instance {
    view: Arc<GraphView>,
    queries: Arc<Queries>,
    /// `None` only while it is dropped.
    commands: Option<mpsc::Sender<Command>>,
    writer: Option<JoinHandle<()>>,
    simulation: Arc<Simulation>,
    journal: Journal,
    stream: StreamId,
    report: RecoveryReport,
    limiter: Arc<Limiter>,
    lag: RwLock<Option<Arc<QueryLag>>>,
    endpoints: RwLock<BTreeSet<String>>,
}

impl Instance {
    /// Recovers the graph from the journal and starts the writer.
    ///
    /// # Errors
    /// Where the journal cannot be read or does not fit together.
    pub fn open(journal: Journal, options: InstanceOptions) -> Result<Self, InstanceError> {
        let stream = journal.stream("instance")?;
        let (graph, report) = recover(&journal, stream, &*options.recovering)?;
        let view = Arc::new(GraphView::new(graph));
        let (commands, queue) = mpsc::channel(options.queue);
        let limiter = options.limiter;
        let writer = Writer::new(view.clone(), journal.clone(), stream, limiter.clone(), queue);
        let writer = std::thread::Builder::new()
            .name("instance-writer".into())
            .spawn(move || writer.run())
            .map_err(InstanceError::Thread)?;
        let simulation = options.simulation;
        let (commands, writer) = (Some(commands), Some(writer));
        let endpoints = RwLock::default();
        let queries = Arc::default();
        let instance = Self {
            view,
            queries,
            commands,
            writer,
            simulation,
            journal,
            stream,
            report,
            limiter,
            lag: RwLock::default(),
            endpoints,
        };
        instance.set_query_lag(options.query_lag)?;
        Ok(instance)
    }

    /// The graph, not a copy of it.
    pub fn view(&self) -> &Arc<GraphView> {
        &self.view
    }

    pub(crate) fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    /// The endpoints that event routes may lead to from now on; whoever deploys a topology says.
    pub fn set_endpoints(&self, names: impl IntoIterator<Item = String>) {
        *self.endpoints.write() = names.into_iter().collect();
    }

    pub(crate) fn has_endpoint(&self, name: &str) -> bool {
        self.endpoints.read().contains(name)
    }

    /// The graph that queries see.
    pub(crate) fn queried(&self) -> Arc<TwinGraph> {
        match &*self.lag.read() {
            Some(lag) => lag.graph(Instant::now()),
            None => self.view.read(),
        }
    }

    /// How far queries are behind writes; not at all where `None`.
    pub fn query_lag(&self) -> Option<Duration> {
        self.lag.read().as_ref().map(|lag| lag.behind())
    }

    /// Lets queries be that far behind writes from now on; what they saw last they go on seeing
    /// until then.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn set_query_lag(&self, behind: Option<Duration>) -> Result<(), InstanceError> {
        let lag = behind.map(|behind| QueryLag::follow(&self.view, behind));
        *self.lag.write() = lag.transpose().map_err(InstanceError::Thread)?;
        Ok(())
    }

    /// What counts against the limits.
    pub fn limiter(&self) -> &Arc<Limiter> {
        &self.limiter
    }

    /// Endpoints that event routes may lead to.
    pub fn endpoint_count(&self) -> usize {
        self.endpoints.read().len()
    }

    /// What opening found.
    pub fn recovery(&self) -> &RecoveryReport {
        &self.report
    }

    /// Carries mutations out, all or none; answers what changed, once that is durable.
    ///
    /// # Errors
    /// The service's refusal, or `ServiceUnavailable` where the journal takes nothing.
    pub async fn apply(
        &self,
        call: &Call,
        mutations: Vec<Mutation>,
    ) -> Result<Vec<Arc<Change>>, ServiceError> {
        self.carry_out(call, mutations.into()).await.map(Done::into_vec)
    }

    /// As [`Instance::apply`].
    pub(crate) async fn carry_out(
        &self,
        call: &Call,
        mutations: Mutations,
    ) -> Result<Done, ServiceError> {
        let silenced: Vec<_> =
            mutations.iter().filter_map(|each| self.simulation.make_way(call, each)).collect();
        let done = self.queue(call, mutations).await;
        if done.is_err() {
            silenced.iter().for_each(|device| self.simulation.unsilence(Some(device)));
        }
        done
    }

    async fn queue(&self, call: &Call, mutations: Mutations) -> Result<Done, ServiceError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || {
            ServiceError::new(
                Code::ServiceUnavailable,
                "The instance is stopping; nothing was changed. Try again once it is open.",
            )
        };
        let command = Command::new(mutations, call.clone(), answer);
        let commands = self.commands.as_ref().ok_or_else(stopped)?;
        commands.send(command).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// The last `count` changes that the journal still has, oldest first.
    ///
    /// # Errors
    /// Where the journal cannot be read.
    pub fn recent_changes(&self, count: u64) -> Result<Vec<Arc<Change>>, InstanceError> {
        let head = self.journal.head(self.stream);
        let first = self.journal.first(self.stream).max((head + 1).saturating_sub(count)).max(1);
        read_changes(
            &self.journal,
            self.stream,
            first,
            usize::try_from(count).unwrap_or(usize::MAX),
        )
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the instance's writer ended by a fault");
        }
    }
}

fn read_changes(
    journal: &Journal,
    stream: StreamId,
    from: u64,
    limit: usize,
) -> Result<Vec<Arc<Change>>, InstanceError> {
    let records = journal.read(stream, from, limit)?;
    records.iter().map(|record| decode(record.position, &record.payload).map(Arc::new)).collect()
}

#[async_trait]
impl ChangeHistory for Instance {
    async fn changes_after(&self, version: u64, limit: usize) -> Vec<Arc<Change>> {
        if let Changes::Since(changes) = self.view.changes_since(version, limit) {
            return changes;
        }
        let (journal, stream) = (self.journal.clone(), self.stream);
        let read = move || {
            let from = journal.first(stream).max(version + 1);
            read_changes(&journal, stream, from, limit)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(changes)) => changes,
            Ok(Err(error)) => {
                tracing::error!(%error, "changes could not be read from the journal");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }
}
