//! A store that fails, stalls or fills up at each step in turn.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    ops::Range,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use journal::{
    Append, Batch, Journal, JournalError, Options, StoreError,
    store::{Store, Write},
};

/// What the store under test is to do; steps are begin, write and commit.
#[derive(Default)]
struct Plan {
    steps: usize,
    fail_at: Option<(usize, StoreError)>,
    always: Option<StoreError>,
    stalled: bool,
    /// How often what a refused commit left in the log was overwritten.
    marks: usize,
    /// Someone waits inside of a stalled commit.
    waiting: bool,
}

#[derive(Clone, Default)]
struct Control(Arc<(Mutex<Plan>, Condvar)>);

impl Control {
    fn set(&self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn step(&self) -> Result<(), StoreError> {
        let mut plan = self.0.0.lock().unwrap();
        plan.steps += 1;
        if let Some(error) = &plan.always {
            return Err(error.clone());
        }
        let steps = plan.steps;
        let due = plan.fail_at.take_if(|(at, _)| *at < steps);
        due.map_or(Ok(()), |(_, error)| Err(error))
    }

    fn stall(&self) {
        let mut plan = self.0.0.lock().unwrap();
        plan.waiting = true;
        self.0.1.notify_all();
        while plan.stalled {
            plan = self.0.1.wait(plan).unwrap();
        }
        plan.waiting = false;
    }

    fn wait_until_stalled(&self) {
        let mut plan = self.0.0.lock().unwrap();
        while !plan.waiting {
            plan = self.0.1.wait(plan).unwrap();
        }
    }
}

struct Faulty {
    store: Box<dyn Store>,
    control: Control,
}

impl Store for Faulty {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.control.step()?;
        self.store.begin()
    }
    fn write(&mut self, write: &Write<'_>) -> Result<(), StoreError> {
        self.control.step()?;
        self.control.set(|plan| plan.marks += usize::from(matches!(write, Write::Mark)));
        self.store.write(write)
    }
    fn commit(&mut self) -> Result<(), StoreError> {
        self.control.stall();
        self.control.step()?;
        self.store.commit()
    }
    fn rollback(&mut self) {
        self.store.rollback();
    }
    fn turn(&mut self) {
        self.store.turn();
    }
    fn close(&mut self) -> Result<(), StoreError> {
        self.store.close()
    }
    fn log_bytes(&self) -> u64 {
        self.store.log_bytes()
    }
    fn moved(&self) -> u64 {
        self.store.moved()
    }
}

fn open(folder: &Path, control: &Control) -> Journal {
    let control = control.clone();
    Journal::open_with(folder, Options::default(), |store| Box::new(Faulty { store, control }))
        .unwrap()
}

fn read(journal: &Journal, stream: &str) -> Vec<Vec<u8>> {
    let stream = journal.stream(stream).unwrap();
    journal.read(stream, 1, usize::MAX).unwrap().into_iter().map(|r| r.payload).collect()
}

/// What is readable, in one value.
fn state(journal: &Journal) -> String {
    let stream = |name| (journal.head(journal.stream(name).unwrap()), read(journal, name));
    let snapshot = journal.latest_snapshot(journal.stream("a").unwrap()).unwrap();
    let snapshot = snapshot.map(|(position, payload)| (position, payload.len()));
    let value = journal.value("version").unwrap();
    format!("{:?} {:?} {:?} {snapshot:?} {value:?}", stream("a"), stream("b"), journal.cursor("c"))
}

fn is_the_refusal(result: &Result<Range<u64>, JournalError>, error: &StoreError) -> bool {
    match (result, error) {
        (Err(JournalError::DiskFull { .. }), StoreError::Full) => true,
        (Err(JournalError::Refused { reason, .. }), StoreError::Failed(said)) => reason == said,
        _ => false,
    }
}

/// Two appends that share a commit: the first commit is held until both are queued behind it.
fn two_in_one_commit(journal: &Journal, control: &Control) -> [Append; 2] {
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    control.set(|plan| plan.stalled = true);
    let first = journal.put_value("first", vec![]);
    control.wait_until_stalled();
    let plain = journal.append(a, vec![vec![1], vec![2]]);
    let batch = Batch::new().append(b, vec![vec![3]]).cursor("c", b, 1).value("version", vec![4]);
    let batch = journal.commit(batch);
    control.set(|plan| plan.stalled = false);
    first.wait().unwrap();
    [plain, batch]
}

/// begin; records a; records b, cursor, value; two extents; commit
const STEPS: usize = 8;

/// Runs the scenario with step `at` failing. False when it has fewer steps.
fn fails_at(at: usize, error: &StoreError) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    let journal = open(folder.path(), &control);
    let a = journal.stream("a").unwrap();
    journal.stream("b").unwrap();
    let before = state(&journal);

    // `first` takes begin, write and commit; what is behind it is what fails.
    control.set(|plan| (plan.steps, plan.fail_at) = (0, Some((at + 3, error.clone()))));
    let [plain, batch] = two_in_one_commit(&journal, &control).map(Append::wait);
    let failed = control.0.0.lock().unwrap().fail_at.is_none();
    if !failed {
        control.set(|plan| plan.fail_at = None);
        assert_eq!((plain.unwrap(), batch.unwrap()), (1..3, 1..2));
        return false;
    }
    assert!(is_the_refusal(&plain, error), "step {at}: {plain:?}");
    assert!(is_the_refusal(&batch, error), "step {at}: {batch:?}");
    let sentence = plain.unwrap_err().to_string();
    assert!(sentence.contains(folder.path().to_str().unwrap()) && sentence.contains("try again"));
    assert_eq!(state(&journal), before, "step {at}: something of a refused commit is readable");
    assert_eq!(journal.stats().refused, 1);
    // A flush is answered behind the mark.
    journal.flush().unwrap();
    let at_commit = usize::from(at == STEPS - 1);
    assert_eq!(control.0.0.lock().unwrap().marks, at_commit, "step {at}");

    assert_eq!(journal.append(a, vec![vec![9]]).wait().unwrap(), 1..2, "positions stay dense");
    let after = state(&journal);
    drop(journal);
    assert_eq!(state(&open(folder.path(), &Control::default())), after, "step {at}: reopening");
    true
}

#[test]
fn every_step_of_a_commit_may_fail() {
    for error in [StoreError::Full, StoreError::Failed("disk I/O error".into())] {
        let steps = (0..100).take_while(|&at| fails_at(at, &error)).count();
        assert_eq!(steps, STEPS);
    }
}

#[test]
fn a_snapshot_refused_at_any_step_leaves_the_one_before() {
    let slices = 2 + 16 + 1 + 2; // of 20 chunks: begin, 16, commit; begin, 4, the row, commit
    let mut refused = 0;
    for at in 0..slices + 10 {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::default();
        let journal = open(folder.path(), &control);
        let a = journal.stream("a").unwrap();
        journal.put_snapshot(a, 0, vec![1; 3_000]).wait().unwrap();
        control.set(|plan| (plan.steps, plan.fail_at) = (0, Some((at, StoreError::Full))));
        let big = journal.put_snapshot(a, 0, vec![2; 5 << 20]).wait();
        let expect = if big.is_ok() { vec![2; 5 << 20] } else { vec![1; 3_000] };
        refused += usize::from(is_the_refusal(&big, &StoreError::Full));
        control.set(|plan| plan.fail_at = None);
        assert_eq!(journal.latest_snapshot(a).unwrap().unwrap().1, expect);
        journal.append(a, vec![vec![1]]).wait().unwrap();
        drop(journal);
        let journal = open(folder.path(), &Control::default());
        assert_eq!(journal.latest_snapshot(a).unwrap().unwrap().1, expect);
        journal.put_snapshot(a, 1, vec![5; 300_000]).wait().unwrap();
        assert_eq!(journal.latest_snapshot(a).unwrap().unwrap(), (1, vec![5; 300_000]));
    }
    assert_eq!(refused, 25, "every step was refused once: two begins, 20 chunks, row, two commits");
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    let journal = open(folder.path(), &control);
    let a = journal.stream("a").unwrap();
    journal.append(a, vec![vec![1]]).wait().unwrap();
    control.set(|plan| plan.always = Some(StoreError::Full));
    for _ in 0..20 {
        let answer = journal.append(a, vec![vec![2]]).wait();
        assert!(matches!(answer, Err(JournalError::DiskFull { .. })));
        assert_eq!(read(&journal, "a"), [[1]]);
    }
    journal.set_cursor("c", a, 1);
    assert!(matches!(journal.stream("new"), Err(JournalError::DiskFull { .. })));
    assert!(matches!(journal.flush(), Err(JournalError::DiskFull { .. })));
    control.set(|plan| plan.always = None);
    assert_eq!(journal.append(a, vec![vec![3]]).wait().unwrap(), 2..3);
    let new = journal.stream("new").unwrap();
    assert_eq!(journal.append(new, vec![vec![4]]).wait().unwrap(), 1..2);
    drop(journal);
    let journal = open(folder.path(), &Control::default());
    assert_eq!(
        (read(&journal, "a"), read(&journal, "new")),
        (vec![vec![1], vec![3]], vec![vec![4]])
    );
    assert_eq!(journal.cursor("c"), Some(1), "the cursor moved while the disk was full");
}

#[test]
fn reading_goes_on_while_a_commit_stalls() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    let journal = open(folder.path(), &control);
    let a = journal.stream("a").unwrap();
    journal.append(a, vec![vec![1]]).wait().unwrap();
    control.set(|plan| plan.stalled = true);
    let stalled = journal.append(a, vec![vec![2]]);
    control.wait_until_stalled();
    assert_eq!(read(&journal, "a"), [[1]]);
    assert_eq!(
        (journal.head(a), journal.value("x").unwrap(), journal.cursor("c")),
        (1, None, None)
    );
    assert!(journal.stats().queued_bytes > 0);
    control.set(|plan| plan.stalled = false);
    assert_eq!(stalled.wait().unwrap(), 2..3);
    assert_eq!(read(&journal, "a"), [[1], [2]]);
}

#[test]
fn a_disk_that_stays_full_does_not_keep_the_journal_from_closing() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::default();
    let journal = open(folder.path(), &control);
    let a = journal.stream("a").unwrap();
    control.set(|plan| plan.always = Some(StoreError::Failed("gone".into())));
    journal.set_cursor("c", a, 1);
    let append = journal.append(a, vec![vec![1]]);
    let snapshot = journal.put_snapshot(a, 1, vec![1; 10]);
    let (closed, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(journal);
        closed.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(5)).expect("it closes");
    assert!(append.wait().is_err() && snapshot.wait().is_err());
}
