//! Watching real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, dead_code)]

mod folder;

use folder::{folder, put};
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use workspace::{Watch, watch};

const SOON: Duration = Duration::from_secs(10);
/// Longer than the watcher waits for quiet.
const QUIET: Duration = Duration::from_millis(700);

fn watched(folder: &Path) -> (Watch, Receiver<()>) {
    let (changed, changes) = channel();
    let watch = watch(folder, move || changed.send(()).unwrap_or_default()).unwrap();
    (watch, changes)
}

fn assert_change(changes: &Receiver<()>, what: &str) {
    changes.recv_timeout(SOON).unwrap_or_else(|_| panic!("not seen: {what}"));
    while changes.recv_timeout(QUIET / 2).is_ok() {}
}

fn assert_quiet(changes: &Receiver<()>, what: &str) {
    assert!(changes.recv_timeout(QUIET).is_err(), "seen: {what}");
}

#[test]
fn sees_what_editors_do() {
    let folder = folder();
    let path = folder.path();
    let (_watch, changes) = watched(path);
    assert_quiet(&changes, "nothing");

    put(path, "twins.ndjson", "written in place");
    assert_change(&changes, "written in place");

    put(path, ".twins.ndjson.swp", "by rename");
    fs::rename(path.join(".twins.ndjson.swp"), path.join("twins.ndjson")).unwrap();
    assert_change(&changes, "written by rename");
    put(path, "twins.ndjson", "and after the rename");
    assert_change(&changes, "written after the rename");

    put(path, "models/New.json", "{}");
    assert_change(&changes, "a new model");
    fs::create_dir(path.join("models/parts")).unwrap();
    assert_change(&changes, "a new folder of models");
    put(path, "models/parts/Deep.json", "{}");
    assert_change(&changes, "a model in it");
    fs::remove_file(path.join("models/New.json")).unwrap();
    assert_change(&changes, "a deleted model");
    put(path, "topology.json", "{}");
    assert_change(&changes, "a new topology");
    fs::create_dir(path.join("functions")).unwrap();
    assert_change(&changes, "a folder of functions");
    put(path, "functions/mine.rhai", "fn on_event(event) {}");
    assert_change(&changes, "a function");
}

#[test]
fn many_events_are_one_change() {
    let folder = folder();
    let (_watch, changes) = watched(folder.path());
    for number in 0..50 {
        put(folder.path(), &format!("models/M{number}.json"), "{}");
    }
    changes.recv_timeout(SOON).unwrap();
    assert_quiet(&changes, "one change more than once");
}

#[test]
fn a_file_that_never_rests_is_seen_too() {
    let folder = folder();
    let (_watch, changes) = watched(folder.path());
    let start = Instant::now();
    while changes.try_recv().is_err() {
        assert!(start.elapsed() < SOON, "never seen");
        put(folder.path(), "twins.ndjson", format!("{:?}", start.elapsed()));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn does_not_see_what_is_not_the_workspaces() {
    let folder = folder();
    let (_watch, changes) = watched(folder.path());
    put(folder.path(), ".twins.ndjson.123.tmp", "our own");
    put(folder.path(), "README.md", "not a file of the workspace");
    fs::create_dir(folder.path().join(".git")).unwrap();
    put(folder.path(), ".git/index", "git's");
    fs::read_to_string(folder.path().join("twins.ndjson")).unwrap();
    assert_quiet(&changes, "something else");
}

#[test]
fn a_folder_may_go_and_come_back() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("building");
    let (_watch, changes) = watched(&path);
    assert_quiet(&changes, "nothing is there yet");

    for round in 0..2 {
        fs::create_dir_all(path.join("models")).unwrap();
        assert_change(&changes, "the folder came");
        put(&path, "models/Room.json", "{}");
        assert_change(&changes, &format!("a model, round {round}"));
        fs::remove_dir_all(path.join("models")).unwrap();
        assert_change(&changes, "no models any more");
        fs::create_dir(path.join("models")).unwrap();
        assert_change(&changes, "an empty folder of models");
        put(&path, "models/Room.json", "{}");
        assert_change(&changes, "a model in the new folder");
        fs::remove_dir_all(&path).unwrap();
        assert_change(&changes, "the folder went");
    }

    // As git does with a branch that has other files: gone and back at once.
    fs::create_dir_all(path.join("models")).unwrap();
    assert_change(&changes, "the folder came");
    fs::rename(&path, outer.path().join("old")).unwrap();
    fs::create_dir_all(path.join("models")).unwrap();
    assert_change(&changes, "another folder of that name");
    put(&path, "twins.ndjson", "{}");
    assert_change(&changes, "a file in it");
}

#[test]
fn a_folder_replaced_at_once_is_another_folder() {
    let folder = folder();
    let models = folder.path().join("models");
    let (_watch, changes) = watched(folder.path());
    // Some file systems give the new folder the number of the old one.
    fs::remove_dir_all(&models).unwrap();
    fs::create_dir(&models).unwrap();
    assert_change(&changes, "the models are gone");
    put(&models, "Room.json", "{}");
    assert_change(&changes, "a model in the new folder");
}

#[test]
fn a_folder_moved_with_what_it_is_in_is_another_folder() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("work/building");
    fs::create_dir_all(&path).unwrap();
    let (_watch, changes) = watched(&path);
    // The system tells nothing of this.
    fs::rename(outer.path().join("work"), outer.path().join("old")).unwrap();
    fs::create_dir_all(&path).unwrap();
    assert_change(&changes, "another folder of that name");
    put(&path, "twins.ndjson", "{}");
    assert_change(&changes, "a file in it");
}

#[test]
fn stops_when_dropped() {
    let folder = folder();
    let (watch, changes) = watched(folder.path());
    drop(watch);
    put(folder.path(), "twins.ndjson", "later");
    // The sender is gone with the thread.
    assert!(changes.recv_timeout(SOON).is_err());
}
