//! The deliveries of one subscription: a reader of its topic's stream.
//!
//! What is durable of it is small: how far it has read, and which of the events before that are
//! not finished. So an event that waits a day for its next attempt holds up nothing, costs a few
//! bytes of memory, and is there after a crash. What was delivered within the last
//! [`KEEP_EVERY`] before a crash is delivered again.

use super::ahead::{Ahead, Placed};
use super::dead_letter::DeadLetters;
use super::destination::{Delivery, Destination};
use super::event::{End, Event};
use super::retry::{
    DEAD_LETTER_AFTER, DEAD_LETTER_FOR, Failure, Next, TimeFactor, after_failure, expired,
};
use super::subscription::{DestinationSpec, Subscription};
use super::topic::{SubscriptionCounters, Topic};
use crate::iot_hub::millis;
use futures::stream::{FuturesUnordered, StreamExt};
use journal::{Damage, JournalError, Record};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Deliveries under way at once. Those to a function of this app share commits: with fewer of them
/// the processors wait for the disk.
const SIDE_BY_SIDE: usize = 32;
const SIDE_BY_SIDE_HERE: usize = 512;
/// Events read ahead.
const READ: usize = 256;
/// Events that are not finished; past that no new ones are read.
const MAX_PENDING: usize = 4_096;
/// Dead letters in one blob.
const LETTERS: usize = 1_000;
const KEEP_EVERY: Duration = Duration::from_millis(200);
/// How long after the journal could not be read it is tried again, in milliseconds.
const READ_AGAIN: i64 = 500;
//= ours: After ten failures in a row new events wait for ten seconds; the service puts a
//  destination on probation, for ten seconds to ten minutes by what went wrong.
//  [event-grid/delivery-and-retry]
/// Failures in a row after which new events wait a little for the destination to recover.
const PROBATION_AFTER: u32 = 10;
const PROBATION: Duration = Duration::from_secs(10);

/// A subscription's task; it ends when this is dropped, and finishes what it can first.
pub(super) struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Running {
    /// Ends it, and waits until where it is, is kept.
    pub(super) async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(task) = self.task.take() {
            // A task that panicked has ended, too.
            let _ = task.await;
        }
    }
}

/// What a subscription's task works with.
pub(super) struct Worker {
    pub(super) topic: Arc<Topic>,
    pub(super) name: String,
    pub(super) spec: Subscription,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) dead_letters: Option<DeadLetters>,
    pub(super) factor: TimeFactor,
    pub(super) counts: Arc<SubscriptionCounters>,
    pub(super) ahead: Arc<Ahead>,
}

/// Where a subscription is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The position to read next.
    next: u64,
    /// Those before it that are not finished.
    pending: BTreeMap<u64, Pending>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pending {
    /// Attempts that failed.
    attempts: u32,
    /// When the next is due, in milliseconds since 1970.
    due: i64,
    /// Where it is given up and is to be a dead letter: reason, outcome, status, last attempt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    end: Option<(String, String, Option<u16>, Option<i64>)>,
}

/// An event on its way out.
struct Out {
    placed: Placed,
    attempts: u32,
}

impl Worker {
    fn key(topic: &str, name: &str) -> String {
        format!("event-grid/{topic}/{name}/progress")
    }

    /// Starts it where it was, or, a new one, with what is published from now on.
    pub(super) fn start(self) -> Running {
        let next = self.topic.journal.head(self.topic.stream) + 1;
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let Some(progress) = self.progress(next, &mut stopped).await else { return };
            self.counts.low.store(lowest(&progress), Relaxed);
            Deliveries::new(self, progress).run(stopped).await;
        });
        Running { stop: Some(stop), task: Some(task) }
    }

    /// Where it was; a new one is at `next`. To begin anew because that cannot be read would pass
    /// over what waits: it is read again until it can be, and where it is damaged, all that the
    /// topic still has is delivered, some of it once more. `None` where it is told to stop before
    /// it could be read.
    async fn progress(&self, next: u64, stopped: &mut oneshot::Receiver<()>) -> Option<Progress> {
        loop {
            let topic = self.topic.clone();
            let key = Self::key(&topic.name, &self.name);
            let read = tokio::task::spawn_blocking(move || topic.journal.value(&key)).await;
            let damage = match read.unwrap_or(Err(JournalError::Closed)) {
                Ok(Some(bytes)) if !bytes.is_empty() => match serde_json::from_slice(&bytes) {
                    Ok(progress) => return Some(progress),
                    Err(error) => error.to_string(),
                },
                Ok(_) => return Some(Progress { next, pending: BTreeMap::new() }),
                Err(JournalError::Damaged(damage)) => damage.to_string(),
                Err(error) => {
                    tracing::error!(%error, subscription = self.name, "where it was cannot be read; it is tried again");
                    let pause = Duration::from_millis(READ_AGAIN.unsigned_abs());
                    match tokio::time::timeout(pause, &mut *stopped).await {
                        Ok(_) => return None,
                        Err(_) => continue,
                    }
                }
            };
            let next = self.topic.journal.first(self.topic.stream);
            tracing::error!(
                damage,
                subscription = self.name,
                "where it was is damaged; all that its topic still has is delivered, some of it once more"
            );
            return Some(Progress { next, pending: BTreeMap::new() });
        }
    }

    /// Forgets where a subscription was.
    pub(super) async fn forget(topic: &Topic, name: &str) -> Result<(), journal::JournalError> {
        let (done, answered) = oneshot::channel();
        topic.journal.put_value(&Self::key(&topic.name, name), Vec::new()).on_done(move |result| {
            let _ = done.send(result);
        });
        answered.await.unwrap_or(Err(journal::JournalError::Closed)).map(drop)
    }

    fn side_by_side(&self) -> usize {
        match &self.spec.destination {
            DestinationSpec::AzureFunction(_) => SIDE_BY_SIDE_HERE,
            _ => SIDE_BY_SIDE,
        }
    }

    fn batch_limits(&self) -> (usize, usize) {
        match &self.spec.destination {
            DestinationSpec::WebHook(hook) => {
                (hook.max_events_per_batch, hook.preferred_batch_size_in_kilobytes << 10)
            }
            _ => (1, 64 << 10),
        }
    }
}

fn lowest(progress: &Progress) -> u64 {
    progress.pending.first_key_value().map_or(progress.next, |(position, _)| *position)
}

struct Deliveries {
    worker: Arc<Worker>,
    progress: Progress,
    /// Events whose attempt is about to be made.
    ready: VecDeque<Out>,
    /// When the others that are pending are due, for another attempt or as a dead letter; those
    /// under way are in none of these.
    retries: Due,
    letters: Due,
    /// Failures in a row, and until when new events wait because of them.
    failures: u32,
    probation: i64,
    /// Until when nothing is read, because the journal could not be.
    read_again: i64,
    changed: bool,
    kept: Instant,
}

/// Times in milliseconds since 1970, and positions.
type Due = BTreeSet<(i64, u64)>;

/// The event that is due for the longest, if one is.
fn pop_due(waiting: &mut Due, now: i64) -> Option<u64> {
    let (due, position) = waiting.first().copied()?;
    (due <= now).then(|| {
        waiting.pop_first();
        position
    })
}

type Done = (Vec<(u64, u32, i64)>, Result<(), Failure>);

/// The journal cannot be read for now, which was told.
struct NotNow;

impl Deliveries {
    fn new(worker: Worker, progress: Progress) -> Self {
        let (letters, retries): (Vec<_>, Vec<_>) =
            progress.pending.iter().partition(|(_, pending)| pending.end.is_some());
        let due = |pending: Vec<(&u64, &Pending)>| {
            pending.into_iter().map(|(position, pending)| (pending.due, *position)).collect()
        };
        Self {
            worker: Arc::new(worker),
            ready: VecDeque::new(),
            retries: due(retries),
            letters: due(letters),
            progress,
            failures: 0,
            probation: 0,
            read_again: 0,
            changed: true,
            kept: Instant::now(),
        }
    }

    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut head = self.worker.topic.watch();
        let mut under_way = FuturesUnordered::new();
        let most = self.worker.side_by_side();
        drop(self.keep());
        loop {
            head.mark_unchanged();
            self.take_due().await;
            self.bury_due().await;
            let more = self.take_new().await;
            while under_way.len() < most
                && let Some(batch) = self.next_batch()
            {
                under_way.push(deliver(self.worker.clone(), batch));
            }
            let wait =
                if more && under_way.len() < most { Duration::ZERO } else { self.until_due() };
            tokio::select! {
                Some(done) = under_way.next(), if !under_way.is_empty() => {
                    self.settle(done);
                    // Those that ended at the same time, too.
                    while let Some(Some(done)) = futures::FutureExt::now_or_never(under_way.next()) {
                        self.settle(done);
                    }
                }
                changed = head.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(wait) => {}
                _ = &mut stopped => break,
            }
            if self.changed && self.kept.elapsed() >= KEEP_EVERY {
                drop(self.keep());
            }
        }
        // Who takes its place begins there.
        let _ = self.keep().await;
    }

    /// Reads on in the stream; answers whether there may be more to read at once.
    async fn take_new(&mut self) -> bool {
        let room = self.progress.pending.len() < MAX_PENDING && self.ready.len() < READ;
        if !room || millis() < self.probation.max(self.read_again) {
            return false;
        }
        let Ok(read) = self.read(self.progress.next, READ).await else { return false };
        let Some(last) = read.last().map(|(position, _)| *position) else { return false };
        let first = read.first().map_or(last, |(position, _)| *position);
        let lost = first.saturating_sub(self.progress.next);
        self.lose(lost);
        for (position, placed) in read {
            let Some(placed) = placed else {
                self.lose(1);
                continue;
            };
            if self.worker.spec.filter.matches(&placed.event) {
                self.worker.counts.matched.fetch_add(1, Relaxed);
                self.progress.pending.insert(position, Pending::default());
                self.ready.push_back(Out { placed, attempts: 0 });
            }
        }
        self.progress.next = last + 1;
        self.changed = true;
        true
    }

    fn lose(&self, count: u64) {
        if count > 0 {
            self.worker.counts.lost.fetch_add(count, Relaxed);
            tracing::error!(
                subscription = self.worker.name,
                count,
                "events were taken by retention, or are not readable, before they were delivered"
            );
        }
    }

    /// Events from a position on; `None` for one that is damaged.
    async fn read(&mut self, from: u64, most: usize) -> Result<Vec<(u64, Option<Placed>)>, NotNow> {
        match self.worker.ahead.take(from, most) {
            Some(ahead) => {
                Ok(ahead.into_iter().map(|placed| (placed.position, Some(placed))).collect())
            }
            None => self.read_kept(from, most).await,
        }
    }

    async fn read_kept(
        &mut self,
        from: u64,
        most: usize,
    ) -> Result<Vec<(u64, Option<Placed>)>, NotNow> {
        let topic = self.worker.topic.clone();
        let read = move || topic.journal.read(topic.stream, from, most);
        let read = tokio::task::spawn_blocking(read).await.unwrap_or(Err(JournalError::Closed));
        let error = match read {
            Ok(records) => {
                return Ok(records.into_iter().map(|r| (r.position, placed(r))).collect());
            }
            Err(error) => error,
        };
        tracing::error!(%error, subscription = self.worker.name, "events cannot be read");
        match error {
            JournalError::Damaged(Damage::Records { last, .. }) => Ok(vec![(last, None)]),
            _ => {
                self.read_again = millis() + READ_AGAIN;
                Err(NotNow)
            }
        }
    }

    /// An event that is due; `None` where it is lost.
    async fn read_one(&mut self, position: u64) -> Result<Option<Placed>, NotNow> {
        let read = self.read_kept(position, 1).await?.pop();
        let placed = read.filter(|(at, _)| *at == position).and_then(|(_, placed)| placed);
        if placed.is_none() {
            self.lose(1);
            self.finish(position);
        }
        Ok(placed)
    }

    /// Takes up what is due for another attempt, or is too old for it.
    async fn take_due(&mut self) {
        let now = millis();
        while self.ready.len() < READ
            && now >= self.read_again
            && let Some(position) = pop_due(&mut self.retries, now)
        {
            match self.read_one(position).await {
                Ok(Some(placed)) => {
                    let attempts = self.progress.pending.get(&position).map_or(0, |p| p.attempts);
                    self.ready.push_back(Out { placed, attempts });
                }
                Ok(None) => {}
                Err(NotNow) => {
                    self.retries.insert((now, position));
                }
            }
        }
    }

    /// As many events of the same number of attempts as fit in a batch. What is too old is given
    /// up on the way.
    fn next_batch(&mut self) -> Option<Vec<Out>> {
        let (most, bytes) = self.worker.batch_limits();
        let mut batch: Vec<Out> = Vec::new();
        let mut length = 0;
        while let Some(next) = self.ready.front() {
            let size = next.placed.bytes;
            let full = batch.len() >= most || (!batch.is_empty() && length + size > bytes);
            if full || batch.first().is_some_and(|first| first.attempts != next.attempts) {
                break;
            }
            let Some(out) = self.ready.pop_front() else { break };
            if self.give_up_if_old(&out) {
                continue;
            }
            length += size;
            batch.push(out);
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// The time to live is looked at only when an attempt is due, as in the service.
    fn give_up_if_old(&mut self, out: &Out) -> bool {
        let policy = self.worker.spec.retry_policy;
        let published = out.placed.event.published;
        let old = expired(policy, self.worker.factor, published, millis());
        if old {
            let outcome = if out.attempts == 0 { "Probation" } else { "TimedOut" };
            self.end(
                out.placed.position,
                End {
                    reason: "TimeToLiveExceeded",
                    attempts: out.attempts,
                    outcome: outcome.into(),
                    status: None,
                    last_attempt: None,
                },
            );
        }
        old
    }

    fn settle(&mut self, (events, result): Done) {
        self.changed = true;
        match result {
            Ok(()) => {
                self.failures = 0;
                self.probation = 0;
                self.worker.counts.delivered.fetch_add(events.len() as u64, Relaxed);
                *self.worker.counts.last_failure.lock() = None;
                events.into_iter().for_each(|(position, ..)| self.finish(position));
            }
            Err(failure) => {
                self.failures += 1;
                if self.failures >= PROBATION_AFTER {
                    let wait = self.worker.factor.scale(PROBATION).as_millis();
                    self.probation = millis() + i64::try_from(wait).unwrap_or_default();
                }
                self.worker.counts.failed_attempts.fetch_add(1, Relaxed);
                // The same for all of a batch, so that it stays together.
                let spread =
                    events.first().map_or(0, |(position, ..)| position % 101) as f64 / 100.0;
                for (position, attempts, _) in events {
                    self.failed(position, attempts, &failure, spread);
                }
                *self.worker.counts.last_failure.lock() = Some(failure);
            }
        }
    }

    fn failed(&mut self, position: u64, attempts: u32, failure: &Failure, spread: f64) {
        let now = millis();
        let (policy, factor) = (self.worker.spec.retry_policy, self.worker.factor);
        match after_failure(policy, factor, attempts + 1, failure, now, spread) {
            Next::Retry(wait) => {
                if let Some(pending) = self.progress.pending.get_mut(&position) {
                    pending.attempts = attempts + 1;
                    pending.due = now + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
                    self.retries.insert((pending.due, position));
                }
            }
            Next::End(end) => self.end(position, end),
        }
    }

    /// Gives an event up: a dead letter soon, where there is somewhere to put it.
    fn end(&mut self, position: u64, end: End) {
        self.changed = true;
        tracing::debug!(
            subscription = self.worker.name,
            position,
            end.reason,
            "an event is given up"
        );
        if self.worker.dead_letters.is_none() {
            self.worker.counts.dropped.fetch_add(1, Relaxed);
            return self.finish(position);
        }
        let wait = self.worker.factor.scale(DEAD_LETTER_AFTER).as_millis();
        if let Some(pending) = self.progress.pending.get_mut(&position) {
            pending.attempts = end.attempts;
            pending.due = millis() + i64::try_from(wait).unwrap_or_default();
            pending.end = Some((end.reason.to_owned(), end.outcome, end.status, end.last_attempt));
            self.letters.insert((pending.due, position));
        }
    }

    fn finish(&mut self, position: u64) {
        self.progress.pending.remove(&position);
        self.changed = true;
    }

    /// Writes the dead letters that are due.
    async fn bury_due(&mut self) {
        let now = millis();
        let mut letters = Vec::new();
        let mut positions = Vec::new();
        while letters.len() < LETTERS
            && now >= self.read_again
            && let Some(position) = pop_due(&mut self.letters, now)
        {
            let placed = match self.read_one(position).await {
                Ok(Some(placed)) => placed,
                Ok(None) => continue,
                Err(NotNow) => {
                    self.letters.insert((now, position));
                    break;
                }
            };
            let Some(pending) = self.progress.pending.get(&position) else { continue };
            let Some((reason, outcome, status, last_attempt)) = pending.end.clone() else {
                continue;
            };
            let end = End {
                reason: reason_of(&reason),
                attempts: pending.attempts,
                outcome,
                status,
                last_attempt,
            };
            let event = Arc::unwrap_or_clone(placed.event);
            positions.push((position, last_attempt.unwrap_or(event.published)));
            letters.push(event.into_dead_letter(self.worker.spec.event_delivery_schema, &end));
        }
        if letters.is_empty() {
            return;
        }
        let Some(dead_letters) = &self.worker.dead_letters else {
            // The subscription had somewhere to put them when they were given up, and has no more.
            self.worker.counts.dropped.fetch_add(positions.len() as u64, Relaxed);
            return positions.into_iter().for_each(|(position, _)| self.finish(position));
        };
        let (topic, name) = (&self.worker.topic.name, &self.worker.name);
        let written = dead_letters.write(topic, name, &letters, now).await;
        match written {
            Ok(()) => {
                let count = positions.len() as u64;
                self.worker.counts.dead_lettered.fetch_add(count, Relaxed);
                positions.into_iter().for_each(|(position, _)| self.finish(position));
            }
            Err(error) => {
                tracing::warn!(subscription = name, error, "dead letters could not be written");
                positions
                    .into_iter()
                    .for_each(|(position, since)| self.bury_later(position, since));
            }
        }
    }

    fn bury_later(&mut self, position: u64, since: i64) {
        let scale = |duration| {
            i64::try_from(self.worker.factor.scale(duration).as_millis()).unwrap_or(i64::MAX / 2)
        };
        let now = millis();
        if now >= since.saturating_add(scale(DEAD_LETTER_FOR)) {
            self.worker.counts.dropped.fetch_add(1, Relaxed);
            self.finish(position);
        } else if let Some(pending) = self.progress.pending.get_mut(&position) {
            pending.due = now + scale(DEAD_LETTER_AFTER).max(1);
            self.letters.insert((pending.due, position));
        }
        self.changed = true;
    }

    /// How long nothing is to be done.
    fn until_due(&self) -> Duration {
        let first = [&self.retries, &self.letters].into_iter().filter_map(|due| due.first());
        let now = millis();
        let pauses = [self.probation, self.read_again].into_iter().filter(|until| *until > now);
        let due = first.map(|(due, _)| (*due).max(self.read_again)).chain(pauses);
        let millis = due.map(|due| (due - now).max(1)).min();
        let longest = if self.changed { KEEP_EVERY } else { Duration::from_secs(60) };
        millis.map_or(longest, |ms| longest.min(Duration::from_millis(ms.unsigned_abs())))
    }

    /// Keeps where it is; answers when that is durable, or refused.
    fn keep(&mut self) -> oneshot::Receiver<()> {
        self.changed = false;
        self.kept = Instant::now();
        let Worker { topic, name, counts, .. } = &*self.worker;
        let low = lowest(&self.progress);
        counts.pending.store(self.progress.pending.len() as u64, Relaxed);
        let bytes = serde_json::to_vec(&self.progress).unwrap_or_default();
        let (trims, counts) = (topic.clone(), counts.clone());
        let (kept, answered) = oneshot::channel();
        topic.journal.put_value(&Worker::key(&topic.name, name), bytes).on_done(move |done| {
            match done {
                Ok(_) => {
                    counts.low.store(low, Relaxed);
                    trims.trim();
                }
                Err(error) => {
                    tracing::warn!(%error, "where a subscription is could not be kept");
                }
            }
            // Mostly nobody waits.
            let _ = kept.send(());
        });
        answered
    }
}

async fn deliver(worker: Arc<Worker>, batch: Vec<Out>) -> Done {
    let schema = worker.spec.event_delivery_schema;
    let attempts = batch.first().map_or(0, |out| out.attempts);
    // Those that came as CloudEvents stay such: there is no way back.
    let schema = match batch.first() {
        Some(out) if out.placed.event.schema == super::event::Schema::CloudEventSchemaV1_0 => {
            super::event::Schema::CloudEventSchemaV1_0
        }
        _ => schema,
    };
    let place = |out: &Out| (out.placed.position, out.attempts, out.placed.event.published);
    let positions = batch.iter().map(place).collect();
    let delivery = Delivery {
        topic: worker.topic.name.clone(),
        subscription: worker.name.clone(),
        attempts,
        schema,
        batched: worker.batch_limits().0 > 1,
        bytes: batch.iter().map(|out| out.placed.bytes).sum(),
        events: batch
            .into_iter()
            .map(|out| Arc::unwrap_or_clone(out.placed.event).into_schema(schema))
            .collect(),
    };
    (positions, worker.destination.deliver(delivery).await)
}

fn placed(record: Record) -> Option<Placed> {
    let event: Event = serde_json::from_slice(&record.payload).ok()?;
    Some(Placed { position: record.position, event: event.into(), bytes: record.payload.len() })
}

/// The reasons that there are, from one that was kept.
fn reason_of(kept: &str) -> &'static str {
    const REASONS: [&str; 6] = [
        "MaxDeliveryAttemptsExceeded",
        "TimeToLiveExceeded",
        "UndeliverableDueToHttpBadRequest",
        "UndeliverableDueToHttpUnauthorized",
        "UndeliverableDueToHttpForbidden",
        "UndeliverableDueToHttpRequestEntityTooLarge",
    ];
    REASONS.into_iter().find(|reason| *reason == kept).unwrap_or(REASONS[0])
}
