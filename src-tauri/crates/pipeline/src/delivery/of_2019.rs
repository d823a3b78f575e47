//! An endpoint by the rules of 2019: it takes event types, tries its secondary key where the
//! primary is refused, and drops events in pauses of up to 30 minutes where neither is taken or
//! nothing is reached.
//!
//! Source: the seed "Egress and endpoints" (documentation of June 2019).

use super::batch::{Batch, Due, Met, reason};
use super::books::{Books, Pause, PauseReason};
use super::fates::Fate;
use super::numbers::{ATTEMPTS_OF_2019, PAGE, Times};
use super::outgoing::Outgoing;
use super::outlet::{Key, Outlet, Place};
use super::{duration_until, now, uninterrupted};
use crate::direct::{DirectEvent, Queue};
use crate::{Endpoint2019Spec, INSTANCE, Meter, NodeState, PipelineParts, Wire, node_id};
use adt_events::{Classes, Event2019, EventType2019};
use messaging::client::{ClientError, Code};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedMutexGuard, watch};
use twin_graph::{Change, Timestamp};

/// What is known before the task runs, so that nothing is lost between: where a new endpoint
/// begins, and its queue with what an earlier run of the program left in it.
pub(super) fn prepare(name: &str, spec: &Endpoint2019Spec, parts: &PipelineParts) {
    let node = node_id("endpoints2019", name);
    let meter = parts.flow.node(&node);
    let version = parts.view.read().version();
    let (starts, direct) = match Books::load(&*parts.memory, &node, version) {
        Some((_, books)) => {
            // Before the queue counts anything.
            meter.restore(&books.counts);
            (books.starts, books.direct)
        }
        None => {
            let minutes = spec.first_events_after_minutes.unwrap_or_default();
            let after = Times(parts.time_factor).minutes(minutes);
            let starts = (minutes > 0).then(|| now().plus_seconds(after.as_secs_f64()));
            let direct = parts.direct.begins(name);
            let books = Books { starts, follows_changes: true, direct, ..Books::default() };
            books.keep(&*parts.memory, &node, version);
            (starts, direct)
        }
    };
    let types = if starts.is_none() { spec.event_types.as_slice() } else { &[] };
    parts.direct.queue(name, types, &meter, direct);
}

/// Follows the change feed, and what is sent directly, until the feed ends.
pub(super) async fn run(name: String, spec: Endpoint2019Spec, parts: PipelineParts) {
    let meter = parts.flow.node(&node_id("endpoints2019", &name));
    let turn = meter.turn().await;
    let (stop, mut published) = (parts.stop.clone(), parts.view.watch());
    let mut endpoint = Endpoint::begin(name, spec, parts, meter, turn);
    let Some(()) = stop.run_until_cancelled(endpoint.start()).await else { return };
    while !stop.is_cancelled() {
        if endpoint.pause.is_some() {
            let over = stop.run_until_cancelled(endpoint.sit_out(&mut published)).await;
            let Some(Some(())) = over else { return };
            continue;
        }
        let next = stop.run_until_cancelled(endpoint.next(&mut published)).await;
        let Some(Some(batch)) = next else { return };
        // What was taken from the queue is delivered or counted, whatever happens to this task.
        let Some(back) = uninterrupted(endpoint.deliver(batch)).await else { return };
        endpoint = back;
    }
}

struct Endpoint {
    name: String,
    node: String,
    spec: Endpoint2019Spec,
    at: u64,
    doubtful_until: u64,
    /// The number of the last event sent directly that it is done with.
    direct: u64,
    starts: Option<Timestamp>,
    pause: Option<Pause>,
    outlet: Outlet,
    classes: Classes,
    queue: Arc<Queue>,
    parts: PipelineParts,
    times: Times,
    meter: Arc<Meter>,
    in_wire: Option<Arc<Wire>>,
    _turn: OwnedMutexGuard<()>,
}

impl Endpoint {
    fn begin(
        name: String,
        spec: Endpoint2019Spec,
        parts: PipelineParts,
        meter: Arc<Meter>,
        turn: OwnedMutexGuard<()>,
    ) -> Self {
        let node = node_id("endpoints2019", &name);
        let times = Times(parts.time_factor);
        let version = parts.view.read().version();
        let (at, books) = Books::load(&*parts.memory, &node, version)
            .unwrap_or_else(|| (version, Books::default()));
        // Where it took no events of changes before, it takes those from now on.
        let at = if books.follows_changes { at } else { version };
        // Messages come from sources, whose wires are counted where they are sent.
        let messages_only = spec.event_types == [EventType2019::DeviceMessage];
        let in_wire = (!messages_only).then(|| parts.flow.wire(INSTANCE, &node));
        in_wire.iter().for_each(|wire| wire.restore(books.counts.taken, 0));
        let types = if books.starts.is_none() { spec.event_types.as_slice() } else { &[] };
        let queue = parts.direct.queue(&name, types, &meter, books.direct);
        queue.refuse(books.pause.as_ref().map(|pause| pause.reason.text()));
        Self {
            at,
            doubtful_until: if books.is_of_another_run() { version } else { 0 },
            starts: books.starts,
            pause: books.pause,
            outlet: Outlet::new(Place::of_2019(&spec), parts.surroundings.clone(), times),
            classes: Classes::default(),
            queue,
            direct: books.direct,
            name,
            node,
            spec,
            parts,
            times,
            meter,
            in_wire,
            _turn: turn,
        }
    }

    /// A new endpoint takes its first events after a while; what happens before is not for it.
    async fn start(&mut self) {
        let Some(until) = self.starts else { return };
        self.meter.set_state(NodeState::Provisioning { until }, None);
        tokio::time::sleep(duration_until(until)).await;
        self.starts = None;
        self.at = self.parts.view.read().version();
        self.queue.take_types(&self.spec.event_types);
        self.meter.set_state(NodeState::Idle, None);
        self.keep();
    }

    fn follows_changes(&self) -> bool {
        self.spec.event_types.iter().any(|of_type| of_type.is_of_changes())
    }

    /// What comes next, from the feed and from the queue. `None` where the feed has ended.
    async fn next(&mut self, published: &mut watch::Receiver<u64>) -> Option<Batch> {
        loop {
            let page = self.page().await;
            let direct = self.queue.take(PAGE);
            if page.is_empty() && direct.is_empty() {
                self.meter.lag.set(0);
                tokio::select! {
                    changed = published.changed(), if self.follows_changes() => changed.ok()?,
                    () = self.queue.came() => {}
                }
                continue;
            }
            self.meter.lag.set(published.borrow().saturating_sub(self.at));
            let (until, mut due) = self.due(&page);
            if due.is_empty() && direct.is_empty() {
                self.at = until;
                self.keep();
                continue;
            }
            due.extend(direct.into_iter().map(|one| self.of_direct(one)));
            return Some(Batch::new(until, due, self.meter.clone()));
        }
    }

    async fn page(&self) -> Vec<Arc<Change>> {
        if self.follows_changes() {
            self.parts.history.changes_after(self.at, PAGE).await
        } else {
            Vec::new()
        }
    }

    /// The events of some changes, and the version up to which they are.
    fn due(&mut self, page: &[Arc<Change>]) -> (u64, Vec<Due>) {
        let Some((first, last)) = page.first().zip(page.last()) else {
            return (self.at, Vec::new());
        };
        let lost = first.version.saturating_sub(self.at + 1);
        if lost > 0 {
            self.meter.give_up(reason::RETENTION, lost);
            let text = format!("{lost} changes were {}.", reason::RETENTION);
            self.parts.observer.failed(&self.name, first.cause.trace, &text);
        }
        let graph = self.parts.view.read();
        let mut due = Vec::new();
        for change in page {
            let id = |number| super::event_id(change, number);
            let events = Event2019::of(change, &graph, &mut self.classes, id);
            let own = |event: &Event2019| self.spec.event_types.contains(&event.event_type());
            due.extend(events.into_iter().filter(own).map(|event| Due {
                event: Outgoing::Event2019(Arc::new(event)),
                version: change.version,
                time: change.time,
                doubts: u64::from(change.version <= self.doubtful_until),
            }));
        }
        (last.version, due)
    }

    /// Delivers a batch, or drops what is left of it and begins a pause.
    async fn deliver(mut self, mut batch: Batch) -> Self {
        let began = Instant::now();
        let last = direct_numbers(&batch.due).last();
        let mut failures = 0;
        let mut again = false;
        while !batch.due.is_empty() {
            self.meter.retries.add(u64::from(again));
            again = true;
            let Met { endpoint, unfit } = {
                let lots = self.outlet.send(&batch.events()).await;
                batch.settle(lots)
            };
            for (due, error) in unfit {
                self.meter.failures.add(1);
                self.meter.direct_fates.except(dropped(std::slice::from_ref(&due), reason::UNFIT));
                self.parts.observer.failed(&self.name, due.event.trace(), &error.to_string());
                batch.lose(reason::UNFIT, 1);
            }
            let Some(error) = endpoint else {
                self.is_well();
                continue;
            };
            self.meter.failures.add(1);
            failures += 1;
            if error.code == Code::Unauthorized && self.outlet.try_other_key() {
                continue;
            }
            let may_pass = matches!(error.code, Code::Unreachable | Code::Busy);
            if may_pass && failures < ATTEMPTS_OF_2019 {
                tokio::time::sleep(self.times.pause(failures)).await;
                continue;
            }
            self.begin_pause(&error, &mut batch);
        }
        if let Some(last) = last {
            self.meter.direct_fates.settle(last);
            self.direct = last;
        }
        batch.tally.busy = began.elapsed();
        self.count_in(batch.size());
        self.at = batch.until;
        batch.count();
        self.keep();
        self
    }

    fn is_well(&self) {
        let (state, message) = match self.outlet.key() {
            Key::Primary => (NodeState::Healthy, None),
            Key::Secondary => (
                NodeState::SecondaryKey,
                Some("The primary key is refused: give it a new one while the secondary serves."),
            ),
        };
        self.meter.set_state(state, message.map(str::to_owned));
    }

    fn begin_pause(&mut self, error: &ClientError, batch: &mut Batch) {
        let reason = match error.code {
            Code::Unauthorized => PauseReason::KeysRefused,
            _ => PauseReason::Unreachable,
        };
        if let Some(due) = batch.due.first() {
            self.parts.observer.failed(&self.name, due.event.trace(), &error.to_string());
        }
        let left = std::mem::take(&mut batch.due);
        self.meter.direct_fates.except(dropped(&left, reason.text()));
        batch.lose(reason.text(), left.len() as u64);
        let minutes = self.spec.pause_minutes.unwrap_or(Endpoint2019Spec::LONGEST_PAUSE);
        let pause = self.times.minutes(minutes.min(Endpoint2019Spec::LONGEST_PAUSE));
        let until = now().plus_seconds(pause.as_secs_f64());
        self.pause = Some(Pause { until, reason, message: error.to_string() });
        self.queue.refuse(Some(reason.text()));
    }

    /// Drops what comes until the pause is over, or somebody ends it. A deploy does not: new keys
    /// take effect at its end. `None` where the feed has ended.
    async fn sit_out(&mut self, published: &mut watch::Receiver<u64>) -> Option<()> {
        let Some(pause) = self.pause.clone() else { return Some(()) };
        let state = NodeState::Paused { until: pause.until };
        self.meter.set_state(state, Some(pause.message));
        let meter = self.meter.clone();
        let nudged = meter.nudged();
        tokio::pin!(nudged);
        nudged.as_mut().enable();
        loop {
            self.drop_what_came(pause.reason.text()).await;
            tokio::select! {
                () = tokio::time::sleep(duration_until(pause.until)) => break,
                () = &mut nudged => break,
                changed = published.changed(), if self.follows_changes() => changed.ok()?,
                () = self.queue.came() => {}
            }
        }
        self.drop_what_came(pause.reason.text()).await;
        self.pause = None;
        self.queue.refuse(None);
        self.meter.set_state(NodeState::Idle, None);
        self.keep();
        Some(())
    }

    async fn drop_what_came(&mut self, reason: &'static str) {
        self.direct = self.queue.give_up(reason).unwrap_or(self.direct);
        loop {
            let page = self.page().await;
            if page.is_empty() {
                return self.keep();
            }
            let (until, due) = self.due(&page);
            self.count_in(due.len() as u64);
            self.meter.give_up(reason, due.len() as u64);
            self.at = until;
            self.keep();
        }
    }

    fn of_direct(&self, (number, event): (u64, DirectEvent)) -> Due {
        let (event, time) = match event {
            DirectEvent::DeviceMessage(message) => {
                let time = message.time;
                (Outgoing::Message(message), time)
            }
            DirectEvent::UdfCustom(event) => {
                let time = event.time;
                (Outgoing::Event2019(event), time)
            }
        };
        Due { event, version: number, time, doubts: self.queue.doubts(number) }
    }

    fn count_in(&self, events: u64) {
        self.in_wire.iter().for_each(|wire| wire.events.add(events));
    }

    fn keep(&self) {
        let books = Books {
            counts: self.meter.counts(),
            follows_changes: self.follows_changes(),
            direct: self.direct,
            starts: self.starts,
            pause: self.pause.clone(),
            ..Books::default()
        };
        books.keep(&*self.parts.memory, &self.node, self.at);
    }
}

/// The numbers of what was sent directly.
fn direct_numbers(due: &[Due]) -> impl Iterator<Item = u64> {
    let direct = due.iter().filter(|due| match &due.event {
        Outgoing::Message(_) => true,
        Outgoing::Event2019(event) => event.event_type() == EventType2019::UdfCustom,
        _ => false,
    });
    direct.map(|due| due.version)
}

fn dropped(due: &[Due], reason: &'static str) -> impl Iterator<Item = (u64, Fate)> {
    direct_numbers(due).map(move |number| (number, Fate::Dropped(reason)))
}
