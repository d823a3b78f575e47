//! Other layouts, each in a process of its own (`benches/peers/layout`).

use crate::graphs::Graph;
use graph_layout::Point;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const PEERS: [&str; 4] = ["sfdp", "drl", "d3", "forceatlas2"];

/// CPU seconds and places; or why there are none.
pub fn run(peer: &str, graph: &Graph, seconds: u64) -> Result<(f64, Vec<Point>), String> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../benches/peers/layout");
    let folder = std::env::temp_dir().join(format!("twinscope-layout-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let (edges, out) = (folder.join("edges"), folder.join("places"));
    let ends = graph.edges.iter().flat_map(|edge| [edge.source, edge.target]);
    let bytes: Vec<u8> = ends.flat_map(u32::to_le_bytes).collect();
    fs::write(&edges, bytes).map_err(|error| error.to_string())?;
    let (program, script): (PathBuf, _) = match peer {
        "sfdp" | "drl" => (scripts.join(".venv/bin/python"), scripts.join("peers.py")),
        _ => ("node".into(), scripts.join("peers.mjs")),
    };
    let output = Command::new("timeout")
        .arg((seconds * 3).to_string())
        .arg(program)
        .arg(script)
        .arg(peer)
        .arg(&edges)
        .arg(graph.ids.len().to_string())
        .arg(seconds.to_string())
        .arg(&out)
        .current_dir(&scripts)
        .output()
        .map_err(|error| error.to_string())?;
    let result = read(&output, &out);
    fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    result
}

fn read(output: &std::process::Output, out: &Path) -> Result<(f64, Vec<Point>), String> {
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().last().unwrap_or("no word").to_owned();
        return Err(format!("not in time ({}; {last})", output.status));
    }
    let said: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let bytes = fs::read(out).map_err(|error| error.to_string())?;
    let (numbers, _) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let (places, _) = numbers.as_chunks::<2>();
    Ok((said["cpu"].as_f64().unwrap_or(f64::NAN), places.to_vec()))
}
