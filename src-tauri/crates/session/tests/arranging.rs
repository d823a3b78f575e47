//! Layouts as the page sees them: streamed, stopped, chosen, steady, on the floor plan, and on
//! graphs that break careless ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod page;

use page::{arranged, centres, eventually, explorer, graph, hall, named_edge, open, status, twin};
use session::Explorer;
use session::wire::{GraphMessage, LayoutMethod, Request, Response, Target, Views};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

async fn open_text(explorer: &Arc<Explorer>, home: &Path, text: &str) {
    let path = home.join("graph.ndjson");
    fs::write(&path, text).unwrap();
    let paths = vec![path.to_string_lossy().into_owned()];
    let opened = open(explorer, Target::Files { paths }).await;
    assert!(opened.twins > 0 && opened.problems.is_empty(), "{opened:?}");
}

/// Twins without models of their own beside `hall`'s, and relationships between them.
fn text(twins: impl Iterator<Item = String>, edges: impl Iterator<Item = String>) -> String {
    let head = hall(0, 0);
    let mut lines: Vec<String> = head.lines().take(6).map(str::to_owned).collect();
    lines.extend(twins.map(|id| twin(&id, "Room")));
    lines.push(r#"{"Section":"Relationships"}"#.to_owned());
    lines.extend(edges);
    lines.join("\n")
}

async fn views(explorer: &Arc<Explorer>) -> Views {
    match explorer.handle(Request::Views).await {
        Response::Views(views) => views,
        other => panic!("{other:?}"),
    }
}

async fn arrange(explorer: &Arc<Explorer>, method: LayoutMethod, contains: Option<&[&str]>) {
    let contains = contains.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    explorer.handle(Request::Arrange { method, contains }).await;
}

/// The names of relationships that contain.
fn containing(message: &GraphMessage) -> Vec<String> {
    let names = message.head.relationship_names.iter().flatten();
    names.filter(|name| name.contains).map(|name| name.name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_floor_plan_is_a_layout_where_there_is_one() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("building");
    page::sample(&folder);
    let explorer = explorer(home.path());
    open(&explorer, Target::Workspace { path: folder.to_string_lossy().into_owned() }).await;
    assert!(views(&explorer).await.floor_plan);
    arrange(&explorer, LayoutMethod::FloorPlan, None).await;
    let whole = arranged(&explorer).await;
    let at = centres(&whole);
    let [lobby, west] = ["Room_01", "Room_02"].map(|room| at[room]);
    assert!(lobby[0] < west[0] && (lobby[1] - west[1]).abs() < 40.0, "{lobby:?} {west:?}");
    let above = |a: &str, b: &str| assert!(at[a][1] < at[b][1], "{a} above {b}");
    above("Room_01", "Room_05"); // north of it
    above("Room_09", "Room_01"); // a storey higher
    above("Room_17", "Room_09");
    assert!(whole.frame_row.len() >= 24, "every room is an area");
    let thermo = at["thermo_0001"];
    assert!((thermo[0] - lobby[0]).abs() < 160.0 && (thermo[1] - lobby[1]).abs() < 160.0);

    // The plan is edited: rooms go where it says now.
    let file = folder.join("floorplan.geojson");
    let plan = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        plan.replace("\"Room_01\"", "\"swap\"")
            .replace("\"Room_02\"", "\"Room_01\"")
            .replace("\"swap\"", "\"Room_02\""),
    )
    .unwrap();
    eventually("the plan is followed", || async {
        let now = centres(&graph(&explorer, None).await);
        (now["Room_02"][0] < now["Room_01"][0]).then_some(())
    })
    .await;
    explorer.close().await;

    // The way it is laid out is there again, and another workspace has no plan.
    let explorer = self::explorer(home.path());
    open(&explorer, Target::Workspace { path: folder.to_string_lossy().into_owned() }).await;
    assert_eq!(views(&explorer).await.method, LayoutMethod::FloorPlan);
    open_text(&explorer, home.path(), &hall(1, 2)).await;
    let other = views(&explorer).await;
    assert_eq!((other.method, other.floor_plan), (LayoutMethod::Auto, false));
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contains_is_found_or_chosen() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    let feeds = (0..10).map(|room| {
        named_edge("room0-0", &format!("feeds{room}"), "feeds", &format!("room1-{room}"))
    });
    let lines: Vec<String> = hall(2, 10).lines().map(str::to_owned).chain(feeds).collect();
    open_text(&explorer, home.path(), &lines.join("\n")).await;
    assert_eq!(containing(&arranged(&explorer).await), ["contains"]);
    arrange(&explorer, LayoutMethod::Hierarchy, Some(&["feeds"])).await;
    let chosen = arranged(&explorer).await;
    assert_eq!(containing(&chosen), ["feeds"]);
    assert_eq!(views(&explorer).await.contains, Some(vec!["feeds".to_owned()]));
    let parents: BTreeSet<u32> = chosen.twin_parent.iter().copied().collect();
    assert_eq!(parents.len(), 2, "none, and the one that feeds");
    arrange(&explorer, LayoutMethod::Auto, None).await;
    assert_eq!(containing(&arranged(&explorer).await), ["contains"]);
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_by_force_is_streamed_and_can_be_stopped() {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    // A hierarchy, so that opening takes no time; by force it takes some.
    open_text(&explorer, home.path(), &hall(40, 250)).await;
    let before = centres(&arranged(&explorer).await);
    arrange(&explorer, LayoutMethod::Force, None).await;
    let (at, done) = loop {
        let now = graph(&explorer, None).await;
        let done = now.head.arranging.expect("it was seen before it ended");
        if done > 0.0 {
            break (centres(&now), done);
        }
    };
    assert!(done < 1.0 && at != before, "{done}");
    explorer.handle(Request::StopArranging).await;
    let stopped = arranged(&explorer).await;
    let placed = stopped.place_flags.iter().all(|flags| flags & session::wire::UNPLACED == 0);
    assert!(placed, "everything has a place");
    let still = centres(&stopped);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(centres(&graph(&explorer, None).await), still, "and stays there");
    // Nothing is under way: nothing to stop, and the next layout runs to its end.
    explorer.handle(Request::StopArranging).await;
    arrange(&explorer, LayoutMethod::Hierarchy, None).await;
    assert_eq!(arranged(&explorer).await.frame_row.len(), 41);
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_more_in_a_hundred_moves_nobody_far() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("hall");
    fs::create_dir_all(folder.join("models")).unwrap();
    let write = |rooms: usize| {
        let whole = hall(25, rooms);
        let rows = whole.lines().skip(5);
        fs::write(folder.join("twins.ndjson"), rows.collect::<Vec<_>>().join("\n")).unwrap();
    };
    for name in ["Hall", "Room"] {
        let file = folder.join(format!("models/{name}.json"));
        fs::write(file, page::model(name).to_string()).unwrap();
    }
    write(100);
    let explorer = explorer(home.path());
    let opened =
        open(&explorer, Target::Workspace { path: folder.to_string_lossy().into_owned() }).await;
    assert_eq!(opened.twins, 2_526, "{:?}", opened.phase);
    for method in [LayoutMethod::Hierarchy, LayoutMethod::Force, LayoutMethod::ByModel] {
        write(100);
        eventually("as before", || async {
            (status(&explorer).await.twins == 2_526).then_some(())
        })
        .await;
        arrange(&explorer, method, None).await;
        let before = centres(&arranged(&explorer).await);
        write(101);
        eventually("one more on each floor", || async {
            (status(&explorer).await.twins == 2_551).then_some(())
        })
        .await;
        let after = centres(&arranged(&explorer).await);
        let mut moved: Vec<f32> = before.iter().map(|(id, at)| far(*at, after[id])).collect();
        moved.sort_by(f32::total_cmp);
        let median = moved[moved.len() / 2];
        assert!(median < 36.0, "{method:?}: {median}, more than a node's width");
        let new = after.iter().filter(|(id, _)| !before.contains_key(*id));
        for (id, at) in new {
            let floor = after[&format!("floor{}", &id[4..id.len() - 4])];
            assert!(at.iter().all(|at| at.is_finite()) && far(*at, floor) < 20_000.0, "{id}");
        }
    }
    explorer.close().await;
}

fn far(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Graphs that break careless layouts, by what is odd in them, with how many twins they have.
fn odd(size: usize) -> Vec<(&'static str, usize, String)> {
    let plain = |at: usize| format!("t{at}");
    let name = |at: usize| match at % 6 {
        0 => format!("{at}{}", "x".repeat(120)),
        1 => format!("غرفة-{at}"),
        2 => format!("🏢👩‍👩‍👧-{at}"),
        3 => format!("<img src=x onerror=alert({at})>"),
        4 => format!("\u{202e}desrever{at}"),
        _ => format!("t{at}"),
    };
    let graph = |what, count: usize, id: &dyn Fn(usize) -> String, edges: Edges<'_>| {
        let edges = edges.enumerate();
        let edges = edges
            .map(|(n, (kind, from, to))| named_edge(&id(from), &format!("e{n}"), kind, &id(to)));
        (what, count, text((0..count).map(id), edges))
    };
    vec![
        graph("a hub", size, &plain, Box::new((1..size).map(|to| ("feeds", 0, to)))),
        graph(
            "parallel relationships",
            2,
            &plain,
            Box::new((0..size).map(|n| (["feeds", "contains"][n % 2], n % 2, 1 - n % 2))),
        ),
        graph("no relationships", size, &plain, Box::new(std::iter::empty())),
        graph(
            "one component",
            size,
            &plain,
            Box::new(
                (0..2 * size)
                    .map(|n| ("feeds", n % size, (n * 7_919 + 1) % size))
                    .filter(|(_, from, to)| from != to),
            ),
        ),
        graph(
            "cycles of containment",
            size / 3 * 3,
            &plain,
            Box::new((0..size / 3 * 3).map(|n| ("contains", n, n / 3 * 3 + (n + 1) % 3))),
        ),
        graph("names", 60, &name, Box::new((1..60).map(|n| ("contains", n / 3, n)))),
    ]
}

/// Name, source and target of each relationship.
type Edges<'a> = Box<dyn Iterator<Item = (&'static str, usize, usize)> + 'a>;

/// Each is told, placed, and few stand on each other.
async fn lays_out_what_is_odd(size: usize) {
    let home = tempfile::tempdir().unwrap();
    let explorer = explorer(home.path());
    for (what, count, text) in odd(size) {
        let folder = home.path().join(what);
        fs::create_dir(&folder).unwrap();
        open_text(&explorer, &folder, &text).await;
        for method in [
            LayoutMethod::Auto,
            LayoutMethod::Hierarchy,
            LayoutMethod::Layered,
            LayoutMethod::Radial,
        ] {
            arrange(&explorer, method, None).await;
            let began = Instant::now();
            let whole = arranged(&explorer).await;
            eprintln!("{what} of {size}, {method:?}: {:?}", began.elapsed());
            let at = centres(&whole);
            assert_eq!(at.len(), count, "{what}");
            assert!(at.values().flatten().all(|at| at.abs() < 1e6), "{what} {method:?}");
            let mut places: BTreeMap<[i64; 2], usize> = BTreeMap::new();
            for [x, y] in at.values() {
                *places.entry([(x / 4.0) as i64, (y / 4.0) as i64]).or_default() += 1;
            }
            let lone = places.values().filter(|&&here| here == 1).count();
            assert!(lone * 10 >= count * 9, "{what} {method:?}: {lone} of {count} stand alone");
        }
    }
    explorer.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_graphs_are_laid_out() {
    // Some are laid out while the page waits, some beside it.
    lays_out_what_is_odd(2_100).await;
}

/// `cargo test -p session --release --test arranging -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn large_odd_graphs_are_laid_out() {
    lays_out_what_is_odd(50_000).await;
}
