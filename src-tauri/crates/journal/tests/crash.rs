//! The test program runs itself as a child that appends and prints what was acknowledged, kills
//! it with SIGKILL at random moments, and looks at what it left; also at copies whose log is cut
//! or overwritten at random places beyond the last acknowledgement.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use journal::{Batch, Journal, JournalError, Options};

const ROLE: &str = "JOURNAL_TEST_ROLE";
const FOLDER: &str = "JOURNAL_TEST_FOLDER";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn from_clock() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let seed = std::env::var("SEED").map_or(seed, |seed| seed.parse().unwrap());
        eprintln!("again with SEED={seed}");
        Self(seed)
    }

    /// Between 0 and `most`, both included.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % (most + 1)
    }
}

/// What the record at `position` of a batch that ends at `end` says.
fn payload(position: u64, end: u64) -> Vec<u8> {
    let length = 20 + Random(position).up_to(600) as usize;
    let mut payload: Vec<u8> = (0..length).map(|n| (position as usize * 7 + n) as u8).collect();
    payload[..8].copy_from_slice(&position.to_le_bytes());
    payload[8..16].copy_from_slice(&end.to_le_bytes());
    payload
}

fn options(role: &str) -> Options {
    // "turning": the log begins anew in its place again and again.
    let log_bytes = if role == "cut" { u64::MAX } else { 64 << 10 };
    Options { log_bytes, max_queued_bytes: 64 << 10, ..Options::default() }
}

/// The child: started by the tests below, does nothing in an ordinary run.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let folder = std::env::var_os(FOLDER).unwrap();
    match role.as_str() {
        "limited" => limited_child(Path::new(&folder)),
        "limited database" => limited_database_child(Path::new(&folder)),
        role => appending_child(Path::new(&folder), role),
    }
}

/// Appends batches for ever: 1 to 20 records to "a", one to "b", a value and a cursor, all of
/// which say where "a" ends.
fn appending_child(folder: &Path, role: &str) {
    let journal = Journal::open(folder, options(role)).unwrap();
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    let mut random = Random(journal.head(a));
    let mut next = journal.head(a) + 1;
    for round in 0u64.. {
        let end = next + random.up_to(19);
        let batch = Batch::new()
            .append(a, (next..=end).map(|position| payload(position, end)).collect())
            .append(b, vec![end.to_le_bytes().to_vec()])
            .cursor("cursor", a, end)
            .value("end", end.to_le_bytes().to_vec());
        let clone = journal.clone();
        // On the I/O thread, before any later commit or turn: the log ends with this commit.
        journal.commit(batch).on_done(move |done| {
            assert_eq!(done.unwrap(), next..end + 1);
            let commits = clone.stats().commits;
            let _ = writeln!(std::io::stdout(), "ack {end} {commits}");
        });
        if role == "checkpoint" && round % 40 == 39 {
            let _ = journal.put_snapshot(a, end, payload(end, end).repeat(2_000));
            journal.trim(a, end.saturating_sub(3_000));
        }
        next = end + 1;
    }
}

fn spawn(folder: &Path, role: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The last acknowledged position, and how many commits there were then.
struct Acknowledged {
    end: u64,
    commits: u64,
}

/// Runs the child, kills it `after` its first acknowledgement.
fn run_and_kill(folder: &Path, role: &str, after: Duration) -> Acknowledged {
    let mut child = spawn(folder, role);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stderr = child.stderr.take().unwrap();
    let reader = thread::spawn(move || {
        lines.by_ref().map_while(Result::ok).filter_map(|line| ack(&line)).last()
    });
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let last = reader.join().unwrap();
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    last.unwrap_or(Acknowledged { end: 0, commits: 0 })
}

/// None for the test harness's own lines, and for one that the kill cut short.
fn ack(line: &str) -> Option<Acknowledged> {
    let (_, numbers) = line.split_once("ack ")?;
    let (end, commits) = numbers.split_once(' ')?;
    Some(Acknowledged { end: end.parse().ok()?, commits: commits.parse().ok()? })
}

/// Opens what a kill left: nothing acknowledged is lost, positions are dense, no batch is half.
fn check(folder: &Path, acknowledged: u64, what: &str) -> u64 {
    let journal = Journal::open(folder, Options::default()).unwrap();
    let recovery = journal.recovery();
    assert!(
        recovery.damaged.is_empty() && recovery.cursors_clamped.is_empty(),
        "{what}: {recovery:?}"
    );
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    let head = journal.head(a);
    assert!(head >= acknowledged, "{what}: {acknowledged} was acknowledged, {head} is left");

    let (mut expected, mut end) = (journal.first(a), 0);
    while expected <= head {
        for record in journal.read(a, expected, 10_000).unwrap() {
            assert_eq!(record.position, expected, "{what}");
            let said = u64::from_le_bytes(record.payload[8..16].try_into().unwrap());
            assert_eq!(record.payload, payload(expected, said), "{what}");
            (end, expected) = (said, expected + 1);
        }
    }
    assert_eq!(end, head, "{what}: the last batch is whole");
    let number = |bytes: Vec<u8>| u64::from_le_bytes(bytes.try_into().unwrap());
    let last_of_b = journal.read(b, journal.head(b).max(1), 1).unwrap().pop();
    let others = (
        last_of_b.map_or(0, |record| number(record.payload)),
        journal.value("end").unwrap().map_or(0, number),
        journal.cursor("cursor").unwrap_or(0),
    );
    assert_eq!(others, (head, head, head), "{what}: stream b, value and cursor go with the batch");
    if let Some((position, snapshot)) = journal.latest_snapshot(a).unwrap() {
        assert_eq!(snapshot, payload(position, position).repeat(2_000), "{what}");
    }
    head
}

#[test]
fn nothing_acknowledged_is_lost_when_it_is_killed_between_checkpoints_too() {
    let mut random = Random::from_clock();
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for round in 0..12 {
        let after = Duration::from_millis(60 + random.up_to(240));
        let acknowledged = run_and_kill(folder.path(), "checkpoint", after);
        last = check(folder.path(), acknowledged.end.max(last), &format!("round {round}"));
    }
    assert!(last > 1_000, "the child appended only {last}");
}

/// The file of the log and the place in it where the commit with a number begins.
fn place_of(folder: &Path, number: u64) -> Option<(&'static str, usize)> {
    ["journal.log-0", "journal.log-1"].into_iter().find_map(|name| {
        let bytes = fs::read(folder.join(name)).unwrap_or_default();
        commits(&bytes).find(|(_, found)| *found == number).map(|(at, _)| (name, at))
    })
}

/// Where each commit of a file of the log begins, and its number.
fn commits(bytes: &[u8]) -> impl Iterator<Item = (usize, u64)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let header = bytes.get(at..at + 28).filter(|header| header.starts_with(b"TWLG"))?;
        let begins = at;
        at += 28 + u32::from_le_bytes(header[12..16].try_into().unwrap()) as usize;
        Some((begins, u64::from_le_bytes(header[16..24].try_into().unwrap())))
    })
}

fn copy_all(from: &Path, to: &Path) {
    for name in journal::FILES {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_log_is_cut_behind_it() {
    let mut random = Random::from_clock();
    let mut outcomes: HashMap<bool, usize> = HashMap::new();
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let after = Duration::from_millis(60 + random.up_to(150));
        let role = if round % 2 == 0 { "cut" } else { "turning" };
        let Acknowledged { end, commits } = run_and_kill(folder.path(), role, after);
        if end == 0 {
            continue;
        }
        // Behind the last acknowledged commit: at the next, or where that would be.
        let (current, acknowledged) = match place_of(folder.path(), commits + 1) {
            Some(next) => next,
            None => {
                let (name, at) = place_of(folder.path(), commits).unwrap();
                let bytes = fs::read(folder.path().join(name)).unwrap();
                let length = u32::from_le_bytes(bytes[at + 12..at + 16].try_into().unwrap());
                (name, at + 28 + length as usize)
            }
        };
        let log = fs::read(folder.path().join(current)).unwrap();
        let beyond = (log.len() - acknowledged) as u64;
        *outcomes.entry(place_of(folder.path(), commits + 1).is_some()).or_default() += 1;
        for copy in 0..6 {
            let cut = acknowledged + random.up_to(beyond) as usize;
            let what = format!(
                "{role} {round}, copy {copy}: {end} at {acknowledged}, {cut} of {}",
                log.len()
            );
            let mut bytes = log.clone();
            // Cut; or sectors never written, as after a power failure.
            if copy % 2 == 0 {
                bytes.truncate(cut)
            } else {
                bytes[cut..].fill(0)
            }
            let copied = tempfile::tempdir().unwrap();
            copy_all(folder.path(), copied.path());
            fs::write(copied.path().join(current), &bytes).unwrap();
            check(copied.path(), end, &what);
        }
        check(folder.path(), end, &format!("round {round}, uncut"));
    }
    eprintln!("a commit lies behind the last acknowledged one: {outcomes:?}");
}

/// The same, with a tail made on purpose: a kill rarely hits the middle of a write.
#[test]
fn a_commit_cut_anywhere_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(folder.path(), options("cut")).unwrap();
    let (a, b) = (journal.stream("a").unwrap(), journal.stream("b").unwrap());
    let mut ends = Vec::new();
    for (first, end) in [(1, 10), (11, 60)] {
        let batch = Batch::new()
            .append(a, (first..=end).map(|position| payload(position, end)).collect())
            .append(b, vec![end.to_le_bytes().to_vec()])
            .cursor("cursor", a, end)
            .value("end", end.to_le_bytes().to_vec());
        journal.commit(batch).wait().unwrap();
        ends.push(journal.stats().log_bytes as usize);
    }
    let log = fs::read(folder.path().join("journal.log-0")).unwrap();
    let mut random = Random::from_clock();
    for _ in 0..60 {
        let cut = ends[0] + random.up_to((ends[1] - ends[0]) as u64) as usize;
        let copied = tempfile::tempdir().unwrap();
        copy_all(folder.path(), copied.path());
        fs::write(copied.path().join("journal.log-0"), &log[..cut]).unwrap();
        let head = check(copied.path(), 10, &format!("cut at {cut} of {ends:?}"));
        assert_eq!(head, if cut == ends[1] { 60 } else { 10 });
    }
}

/// Runs a child that may not write files over 1 MiB, and gives what it said.
#[cfg(unix)]
fn run_limited(folder: &Path, role: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2048 && exec \"$0\" --exact child --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(ROLE, role)
        .env(FOLDER, folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A real write error, half way through a large commit.
#[cfg(unix)]
#[test]
fn a_write_that_the_system_refuses_half_way_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = run_limited(folder.path(), "limited");
    assert!(said.contains("limited child is done"), "{said}");
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let a = journal.stream("a").unwrap();
    let records = journal.read(a, 1, 10).unwrap();
    assert_eq!(records.iter().map(|r| r.payload.len()).collect::<Vec<_>>(), [10, 20]);
}

fn limited_child(folder: &Path) {
    let journal = Journal::open(folder, Options::default()).unwrap();
    let a = journal.stream("a").unwrap();
    journal.append(a, vec![vec![1; 10]]).wait().unwrap();
    let error = journal.append(a, vec![vec![2; 1_000]; 4_000]).wait().unwrap_err();
    let refused = matches!(error, JournalError::Refused { .. } | JournalError::DiskFull { .. });
    assert!(refused, "{error:?}");
    assert_eq!((journal.head(a), journal.read(a, 1, 10).unwrap().len()), (1, 1));
    assert_eq!(journal.append(a, vec![vec![3; 20]]).wait().unwrap(), 2..3);
    println!("limited child is done");
}

/// The log can be written and the database cannot: the log grows to a bound, then commits are
/// refused; what was answered stays readable, and is there at the next open.
#[cfg(unix)]
#[test]
fn a_log_that_cannot_be_moved_is_kept_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let said = run_limited(folder.path(), "limited database");
    let (_, number) = said.split_once("answered ").unwrap();
    let answered: usize = number.split_whitespace().next().unwrap().parse().unwrap();
    let journal = Journal::open(folder.path(), Options::default()).unwrap();
    let a = journal.stream("a").unwrap();
    let records = journal.read(a, 1, usize::MAX).unwrap();
    assert_eq!(records.len(), answered);
    assert!(records.iter().all(|record| record.payload == large(record.position)));
    assert_eq!(journal.append(a, vec![vec![]]).wait().unwrap().start, answered as u64 + 1);
}

fn large(position: u64) -> Vec<u8> {
    vec![position as u8; 20_000]
}

fn limited_database_child(folder: &Path) {
    let options = Options { log_bytes: 64 << 10, ..Options::default() };
    let journal = Journal::open(folder, options).unwrap();
    let a = journal.stream("a").unwrap();
    let answered = (1..1_000).take_while(|&n| match journal.append(a, vec![large(n)]).wait() {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(error, JournalError::Refused { .. } | JournalError::DiskFull { .. }));
            false
        }
    });
    let answered = answered.count();
    let stats = journal.stats();
    assert!(stats.moved > 0 && stats.log_bytes < 400 << 10, "{stats:?}");
    assert!(answered > 30 && answered < 200, "{answered} of 20,000 bytes fit into 1 MiB");
    assert_eq!(journal.read(a, 1, usize::MAX).unwrap().len(), answered);
    assert!(journal.append(a, vec![vec![]]).wait().is_err(), "and it stays so");
    println!("answered {answered}");
}
