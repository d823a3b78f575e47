//! `kill -9` in a loop of writes, and copies of the folder cut past the last acknowledged write:
//! nothing acknowledged is lost, nothing unacknowledged is there by half.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use adt_service::{Call, TwinService};
use journal::{Journal, Options};
use serde_json::json;
use simulator::{Instance, InstanceOptions};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use twin_graph::{Origin, parse_patch};

const CHILD: &str = "TWINSCOPE_CRASH_TEST_FOLDER";
/// How many rounds, where the usual ones are too few: `make crash` sets it to 100.
const MORE: &str = "TWINSCOPE_CRASH_ROUNDS";
const ROUNDS: u64 = 8;
const CLIENTS: u64 = 32;
const CUTS: u64 = 4;
/// The journal's log begins in this file with each start.
const LOG: &str = "journal.log-0";

fn open(folder: &Path) -> Instance {
    let journal = Journal::open(folder, Options::default()).unwrap();
    Instance::open(journal, InstanceOptions::default()).unwrap()
}

/// What was acknowledged: the twin, its temperature, its ETag, and how long the log was then.
#[derive(Debug)]
struct Acknowledged {
    twin: String,
    temperature: i64,
    etag: String,
    log_bytes: u64,
}

/// Runs only in the child process: clients write until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let folder = Path::new(&folder).to_owned();
    let instance = Arc::new(open(&folder));
    if instance.view().read().models().is_empty() {
        let model = json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:test:T;1", "@type": "Interface",
            "contents": [{"@type": "Property", "name": "temperature", "schema": "integer"}]});
        instance.create_models(&Call::new(Origin::Rest), vec![model]).await.unwrap();
    }
    let start = instance.view().read().version();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(write(instance.clone(), folder.clone(), client, start)))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// One client on twins of its own: each value is larger than those before.
async fn write(instance: Arc<Instance>, folder: PathBuf, client: u64, start: u64) {
    let call = Call::new(Origin::Rest);
    for step in start.. {
        let twin = format!("t{client}_{}", step % 5);
        let etag = if instance.view().read().twin(&twin).is_none() {
            let body = json!({"$metadata": {"$model": "dtmi:test:T;1"}, "temperature": step});
            instance.put_twin(&call, &twin, body, true).await.unwrap().etag
        } else {
            let patch = json!([{"op": "add", "path": "/temperature", "value": step}]);
            instance.patch_twin(&call, &twin, parse_patch(&patch).unwrap(), None).await.unwrap()
        };
        let log_bytes = fs::metadata(folder.join(LOG)).map_or(0, |file| file.len());
        println!("ack {twin} {step} {log_bytes} {etag}");
    }
}

/// Lets a child write into `folder` for a while and kills it; answers what it had acknowledged.
/// The while begins with its first acknowledgement, or with its start.
fn killed_after(folder: &Path, millis: u64, from_start: bool) -> Vec<Acknowledged> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (begun, first) = mpsc::channel();
    let reader = std::thread::spawn(move || -> Vec<String> {
        let lines = lines.map_while(Result::ok);
        let told = lines.inspect(|line| {
            if line.contains("ack ") {
                // Only the first is waited for.
                let _ = begun.send(());
            }
        });
        told.collect()
    });
    if !from_start {
        first.recv_timeout(Duration::from_secs(60)).expect("the child acknowledges something");
    }
    std::thread::sleep(Duration::from_millis(millis));
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap().iter().filter_map(|line| acknowledged(line)).collect()
}

fn acknowledged(line: &str) -> Option<Acknowledged> {
    // The test harness may have begun the line with its own words.
    let (_, rest) = line.split_once("ack ")?;
    let mut words = rest.splitn(4, ' ');
    Some(Acknowledged {
        twin: words.next()?.into(),
        temperature: words.next()?.parse().ok()?,
        log_bytes: words.next()?.parse().ok()?,
        etag: words.next()?.into(),
    })
}

/// The last acknowledged write of each twin is there, or a later one of the same twin.
fn check(folder: &Path, acknowledged: &[Acknowledged]) {
    let instance = open(folder);
    let graph = instance.view().read();
    for write in acknowledged {
        let twin = graph.twin(&write.twin).unwrap_or_else(|| panic!("{write:?} is lost"));
        let temperature = twin.property("temperature").unwrap().as_i64().unwrap();
        assert!(temperature >= write.temperature, "{write:?} became {temperature}");
        assert!(
            temperature > write.temperature || *twin.etag == *write.etag,
            "{write:?}: {}",
            twin.etag
        );
    }
    let report = instance.recovery();
    assert_eq!(report.snapshot + report.replayed, graph.version(), "versions are dense");
}

fn copy_cut(folder: &Path, to: &Path, log_bytes: u64) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let log = OpenOptions::new().write(true).open(to.join(LOG)).unwrap();
    log.set_len(log_bytes).unwrap();
}

#[test]
fn nothing_acknowledged_is_lost() {
    if std::env::var_os(CHILD).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut writes, mut copies) = (0, 0);
    let rounds = std::env::var(MORE).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        // Other moments every time, the same ones every run; some while it opens or begins.
        let (millis, from_start) = (50 + round * 7_919 % 331, round % 4 == 3);
        let acknowledged = killed_after(folder.path(), millis, from_start);
        writes += acknowledged.len();
        let log = folder.path().join(LOG);
        let end = fs::metadata(&log).map_or(0, |file| file.len());
        // Whatever was acknowledged was in the log by then, or in the database already.
        let acknowledged_at = acknowledged.iter().map(|write| write.log_bytes).max().unwrap_or(0);
        if (1..=end).contains(&acknowledged_at) {
            for cut in 0..CUTS {
                let copy = tempfile::tempdir().unwrap();
                let length = acknowledged_at + (end - acknowledged_at) * cut / CUTS;
                copy_cut(folder.path(), copy.path(), length + cut % 2);
                check(copy.path(), &acknowledged);
                copies += 1;
            }
        }
        check(folder.path(), &acknowledged);
    }
    assert!(writes > 100, "only {writes} writes were acknowledged in all rounds");
    assert!(copies > rounds, "only {copies} copies were cut");
}
