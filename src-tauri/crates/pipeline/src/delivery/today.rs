//! An endpoint by today's rules: what cannot be delivered is tried again, ever more rarely, until
//! it is a day old, and is a dead letter then. Nothing overtakes what waits.

use super::Fate;
use super::batch::{Batch, Due, Met, reason};
use super::books::{Books, Lead};
use super::dead_letter::DeadLetters;
use super::numbers::{PAGE, Times};
use super::outgoing::Outgoing;
use super::outlet::{Key, Outlet, Place};
use super::{now, uninterrupted};
use crate::routing::LiveRoutes;
use crate::{EndpointSpec, Meter, NodeState, PipelineParts, node_id};
use messaging::client::{ClientError, Code};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedMutexGuard, watch};
use twin_graph::{Change, ChangeKind};

/// What is known before the task runs, so that nothing is lost between: a new endpoint begins with
/// what happens from now on, as the service's do.
pub(super) fn prepare(name: &str, parts: &PipelineParts) {
    let node = node_id("endpoints", name);
    let graph = parts.view.read();
    if Books::load(&*parts.memory, &node, graph.version()).is_none() {
        let routes = leads(name, &graph, &parts.flow).iter().map(Lead::book).collect();
        let books = Books { routes, ..Books::default() };
        books.keep(&*parts.memory, &node, graph.version());
    }
}

/// Follows the change feed until it ends.
pub(super) async fn run(
    name: String,
    spec: EndpointSpec,
    routes: Arc<LiveRoutes>,
    parts: PipelineParts,
) {
    let meter = parts.flow.node(&node_id("endpoints", &name));
    let turn = meter.turn().await;
    let (stop, mut published) = (parts.stop.clone(), parts.view.watch());
    let mut delivery = Delivery::begin(name, &spec, routes, parts.clone(), meter, turn);
    loop {
        if stop.is_cancelled() {
            return;
        }
        let page = parts.history.changes_after(delivery.at, PAGE).await;
        delivery.tell_lag(*published.borrow());
        if page.is_empty() {
            let Some(Ok(())) = stop.run_until_cancelled(published.changed()).await else { return };
            continue;
        }
        let mut batch = delivery.batch(&page);
        while let Some(left) = batch {
            // What was sent is counted, whatever happens to this task meanwhile.
            let attempt = async move { delivery.attempt(left).await };
            let Some((back, outcome)) = uninterrupted(attempt).await else { return };
            delivery = back;
            batch = outcome.left;
            if batch.is_some() {
                let wait = delivery.wait(outcome.pause, &mut published);
                let Some(()) = stop.run_until_cancelled(wait).await else { return };
            }
        }
    }
}

struct Delivery {
    name: String,
    node: String,
    /// The version that is done with.
    at: u64,
    /// What was delivered up to here before this run began may be delivered again.
    doubtful_until: u64,
    leads: Vec<Lead>,
    /// Routes that went in this batch and are still to be counted.
    departed: Vec<Lead>,
    outlet: Outlet,
    dead_letters: Option<DeadLetters>,
    /// Attempts that failed, one after another.
    failures: u32,
    routes: Arc<LiveRoutes>,
    parts: PipelineParts,
    times: Times,
    meter: Arc<Meter>,
    _turn: OwnedMutexGuard<()>,
}

struct Outcome {
    left: Option<Batch>,
    pause: Duration,
}

impl Delivery {
    fn begin(
        name: String,
        spec: &EndpointSpec,
        routes: Arc<LiveRoutes>,
        parts: PipelineParts,
        meter: Arc<Meter>,
        turn: OwnedMutexGuard<()>,
    ) -> Self {
        let node = node_id("endpoints", &name);
        let times = Times(parts.time_factor);
        let surroundings = || parts.surroundings.clone();
        let dead_letters = spec.dead_letter.clone();
        let version = parts.view.read().version();
        let (at, books) = Books::load(&*parts.memory, &node, version)
            .unwrap_or_else(|| (version, Books::default()));
        meter.restore(&books.counts);
        meter.fates.begin(at);
        let lead = |book| Lead::of_book(book, &name, &parts.flow);
        Self {
            at,
            doubtful_until: if books.is_of_another_run() { version } else { 0 },
            leads: books.routes.iter().filter_map(lead).collect(),
            departed: Vec::new(),
            outlet: Outlet::new(Place::of(&name, spec), surroundings(), times),
            dead_letters: dead_letters
                .map(|letters| DeadLetters::new(letters, &name, surroundings(), times)),
            failures: 0,
            routes,
            times,
            meter,
            name,
            node,
            parts,
            _turn: turn,
        }
    }

    /// What the routes take of some changes. Routes that change among them hold from there on.
    /// `None` where there is nothing to deliver.
    fn batch(&mut self, page: &[Arc<Change>]) -> Option<Batch> {
        let (first, last) = page.first().zip(page.last())?;
        self.tell_gap(first);
        let mut due = Vec::new();
        for change in page {
            match &change.kind {
                ChangeKind::EventRoutePut { .. } | ChangeKind::EventRouteDeleted { .. } => {
                    self.follow_route(&change.kind);
                }
                _ if self.leads.is_empty() => {}
                _ => due.extend(self.lead(change)),
            }
        }
        let batch = Batch::new(last.version, due, self.meter.clone());
        if batch.due.is_empty() {
            self.complete(batch);
            return None;
        }
        Some(batch)
    }

    /// The notification of a change, where a route takes it.
    fn lead(&mut self, change: &Arc<Change>) -> Option<Due> {
        let notification = self.routes.notification(change, &self.parts.host)?;
        // Each of them counts what it saw.
        let takes = |taken: bool, lead: &mut Lead| lead.takes(&notification) || taken;
        if !self.leads.iter_mut().fold(false, takes) {
            return None;
        }
        Some(Due {
            event: Outgoing::Notification(notification),
            version: change.version,
            time: change.time,
            doubts: u64::from(change.version <= self.doubtful_until),
        })
    }

    fn follow_route(&mut self, kind: &ChangeKind) {
        let (route, goes) = match kind {
            ChangeKind::EventRoutePut { route, .. } => (route, *route.endpoint != *self.name),
            ChangeKind::EventRouteDeleted { route } => (route, true),
            _ => return,
        };
        let own = self.leads.iter().position(|lead| lead.route.id == route.id);
        self.departed.extend(own.map(|own| self.leads.remove(own)));
        if !goes {
            self.leads.extend(Lead::new(route.clone(), &self.parts.flow));
        }
    }

    fn tell_gap(&mut self, first: &Change) {
        let lost = first.version.saturating_sub(self.at + 1);
        if lost == 0 {
            return;
        }
        self.meter.give_up(reason::RETENTION, lost);
        self.meter.fates.forget_until(first.version - 1);
        let text = format!("{lost} changes were {}.", reason::RETENTION);
        self.parts.observer.failed(&self.name, first.cause.trace, &text);
        // Which routes came and went with them nobody knows; those of now come closest.
        self.leads = leads(&self.name, &self.parts.view.read(), &self.parts.flow);
    }

    fn tell_lag(&self, published: u64) {
        self.meter.lag.set(published.saturating_sub(self.at));
    }

    /// Waits, unless somebody has it try at once, and tells meanwhile how much waits with it.
    async fn wait(&self, pause: Duration, published: &mut watch::Receiver<u64>) {
        let over = tokio::time::sleep(pause);
        let nudged = self.meter.nudged();
        tokio::pin!(over, nudged);
        loop {
            self.tell_lag(*published.borrow_and_update());
            tokio::select! {
                () = &mut over => return,
                () = &mut nudged => return,
                changed = published.changed() => if changed.is_err() { return over.await },
            }
        }
    }

    /// Sends what is left of a batch, once.
    async fn attempt(mut self, mut batch: Batch) -> (Self, Outcome) {
        let began = Instant::now();
        if self.failures > 0 {
            self.give_up_old(&mut batch).await;
        }
        let mut pause = Duration::ZERO;
        if !batch.due.is_empty() {
            self.meter.retries.add(u64::from(batch.attempted));
            batch.attempted = true;
            let lots = self.outlet.send(&batch.events()).await;
            let Met { endpoint, unfit } = batch.settle(lots);
            match endpoint {
                None => self.is_well(),
                Some(error) => pause = self.failed(&error, &batch),
            }
            self.give_up_unfit(&mut batch, unfit).await;
        }
        batch.tally.busy += began.elapsed();
        if batch.due.is_empty() {
            self.complete(batch);
            return (self, Outcome { left: None, pause });
        }
        (self, Outcome { left: Some(batch), pause })
    }

    /// What is too old by now: dead letters, while the endpoint fails.
    async fn give_up_old(&mut self, batch: &mut Batch) {
        let oldest = now().plus_seconds(-self.times.time_to_live().as_secs_f64());
        let old = batch.take_older(oldest);
        if !old.is_empty() {
            let message = format!("{} events were not delivered in time.", old.len());
            self.give_up(batch, old, reason::TOO_OLD, &message).await;
        }
    }

    /// What the endpoint will never take.
    async fn give_up_unfit(&mut self, batch: &mut Batch, unfit: Vec<(Due, ClientError)>) {
        for (due, error) in unfit {
            self.meter.failures.add(1);
            let reason = match error.code {
                Code::TooLarge => reason::TOO_LARGE,
                _ => reason::REFUSED,
            };
            self.give_up(batch, vec![due], reason, &error.to_string()).await;
        }
    }

    async fn give_up(
        &mut self,
        batch: &mut Batch,
        gone: Vec<Due>,
        reason: &'static str,
        message: &str,
    ) {
        let Some(first) = gone.first().map(|due| due.event.trace()) else { return };
        self.parts.observer.failed(&self.name, first, message);
        let (versions, events): (Vec<_>, Vec<_>) =
            gone.into_iter().map(|due| (due.version, due.event)).unzip();
        let Some(letters) = &mut self.dead_letters else {
            self.meter.fates.except(versions.iter().map(|at| (*at, Fate::Dropped(reason))));
            return batch.lose(reason, events.len() as u64);
        };
        let (written, error) = letters.write(&events).await;
        let fate = |written: &bool| match written {
            true => Fate::DeadLettered,
            false => Fate::Dropped(reason::NO_LETTER),
        };
        self.meter.fates.except(versions.into_iter().zip(written.iter().map(fate)));
        let letters = written.iter().filter(|written| **written).count() as u64;
        batch.dead_lettered(letters);
        let lost = events.len() as u64 - letters;
        batch.lose(reason::NO_LETTER, lost);
        self.meter.set_state(NodeState::DeadLettering, Some(message.to_owned()));
        if let (true, Some(error)) = (lost > 0, error) {
            let text = format!("{lost} dead letters could not be written: {error}.");
            self.parts.observer.failed(&self.name, first, &text);
        }
    }

    fn is_well(&mut self) {
        self.failures = 0;
        match self.outlet.key() {
            Key::Primary => self.meter.set_state(NodeState::Healthy, None),
            Key::Secondary => {
                let text = "The primary key is refused: mend it while the secondary still serves.";
                self.meter.set_state(NodeState::SecondaryKey, Some(text.to_owned()));
            }
        }
    }

    /// How long to wait after that.
    fn failed(&mut self, error: &ClientError, batch: &Batch) -> Duration {
        self.meter.failures.add(1);
        if error.code == Code::Unauthorized && self.outlet.try_other_key() {
            return Duration::ZERO;
        }
        self.failures += 1;
        if let (1, Some(due)) = (self.failures, batch.due.first()) {
            self.parts.observer.failed(&self.name, due.event.trace(), &error.to_string());
        }
        let pause = self.times.pause(self.failures);
        let at = now().plus_seconds(pause.as_secs_f64());
        let state = if mends_itself(error.code) {
            NodeState::Retrying { attempt: self.failures + 1, at }
        } else {
            NodeState::Failed
        };
        self.meter.set_state(state, Some(error.to_string()));
        pause
    }

    /// All of a batch is done with: it is counted, and its version kept.
    fn complete(&mut self, batch: Batch) {
        let bytes_each = batch.tally.bytes / batch.tally.done.max(1);
        let departed = self.departed.drain(..);
        departed.into_iter().for_each(|mut lead| lead.count(bytes_each));
        self.leads.iter_mut().for_each(|lead| lead.count(bytes_each));
        let until = batch.until;
        batch.count();
        self.keep(until);
    }

    fn keep(&mut self, at: u64) {
        self.at = at;
        self.meter.fates.settle(at);
        let books = Books {
            counts: self.meter.counts(),
            routes: self.leads.iter().map(Lead::book).collect(),
            ..Books::default()
        };
        books.keep(&*self.parts.memory, &self.node, at);
    }
}

fn leads(endpoint: &str, graph: &twin_graph::TwinGraph, flow: &crate::Flow) -> Vec<Lead> {
    let own = graph.routes().filter(|route| &*route.endpoint == endpoint);
    own.filter_map(|route| Lead::new(route.clone(), flow)).collect()
}

/// Whether it may pass by itself; of anything else a person must be told that it waits for them.
fn mends_itself(code: Code) -> bool {
    matches!(code, Code::Unreachable | Code::Busy | Code::Timeout | Code::Quota | Code::Closed)
}
