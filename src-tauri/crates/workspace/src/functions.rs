//! The users' own functions: `functions/**/*.rhai`.

use crate::Source;
use crate::problem::Problems;
use crate::source::TOPOLOGY;
use pipeline::{Topology, check_script, check_scripts, function_file};
use std::collections::BTreeMap;

/// Reads all functions, each compiled to see whether it can be; those that the topology names must
/// be there and take what they will get.
pub(crate) fn read(
    source: &Source,
    topology: &Topology,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    let mut scripts = BTreeMap::new();
    let mut sound = topology.clone();
    for file in source.read_functions(problems) {
        if let Err(problem) = check_script(&file.name, &file.text) {
            problems.add(&file.name, problem.place(), problem.message);
            // It was said of the file: not once more of the function.
            sound
                .functions
                .retain(|name, spec| function_file(name, spec).is_none_or(|own| own != file.name));
        }
        scripts.insert(file.name, file.text);
    }
    for problem in check_scripts(&sound, &scripts) {
        problems.add(TOPOLOGY, problem.path, problem.message);
    }
    scripts
}
