//! Writing a topology that was deployed from the window.

use crate::FileProblem;
use crate::save::write;
use crate::source::TOPOLOGY;
use pipeline::{Topology, function_file};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Writes `topology.json`, and the files of the functions that it names, where their text is
/// another; answers their names. All or none of them are renamed into place.
///
/// # Errors
/// Where a file cannot be written; nothing is changed then.
pub fn save_topology(
    folder: &Path,
    topology: &Topology,
    scripts: &BTreeMap<String, String>,
) -> Result<Vec<String>, FileProblem> {
    let mut wanted = vec![(TOPOLOGY.to_owned(), format!("{:#}\n", topology.to_json()))];
    let files = topology.functions.iter().filter_map(|(name, spec)| function_file(name, spec));
    wanted.extend(files.filter_map(|file| Some((file.clone(), scripts.get(&file)?.clone()))));
    wanted.retain(|(file, text)| {
        fs::read_to_string(folder.join(file)).ok().as_deref() != Some(text.as_str())
    });
    let wanted: Vec<_> = wanted.into_iter().map(|(file, text)| (file, Some(text))).collect();
    write(folder, &wanted)?;
    Ok(wanted.into_iter().map(|(file, _)| file).collect())
}
