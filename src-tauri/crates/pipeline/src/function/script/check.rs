//! What is wrong with a script, before it runs and when it is tried.

use super::program::Program;
use super::rehearsal::Rehearsal;
use crate::topology::{function_file, pointer};
use crate::{FunctionSpec, Topology, TopologyProblem};
use std::collections::BTreeMap;
use std::fmt;

/// What is wrong with a script, with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptProblem {
    /// The file, from the workspace's folder on: `functions/mine.rhai`.
    pub file: String,
    /// The line, from 1; 0 where it is about the whole file.
    pub line: usize,
    /// The character in the line, from 1; 0 where it is about the whole line.
    pub column: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

impl ScriptProblem {
    /// `line 3, column 5`; empty where it is about the whole file.
    pub fn place(&self) -> String {
        match (self.line, self.column) {
            (0, _) => String::new(),
            (line, 0) => format!("line {line}"),
            (line, column) => format!("line {line}, column {column}"),
        }
    }
}

impl fmt::Display for ScriptProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place().as_str() {
            "" => write!(f, "{}: {}", self.file, self.message),
            place => write!(f, "{}, {place}: {}", self.file, self.message),
        }
    }
}

/// A test of a script, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptTest {
    /// The function: `test_…`.
    pub name: String,
    /// Why it failed, where it did.
    pub problem: Option<ScriptProblem>,
}

/// Compiles a script, and calls nothing in it.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_script(file: &str, text: &str) -> Result<(), ScriptProblem> {
    Program::compile(file, text).map(drop)
}

/// Runs the tests of a script: its functions `test_…`, without an instance. Nothing where it does
/// not compile, which [`check_script`] says.
pub fn test_script(file: &str, text: &str) -> Vec<ScriptTest> {
    let Ok(program) = Program::compile(file, text) else { return Vec::new() };
    let test = |name: String| {
        let problem = program.rehearse(&name, Rehearsal::default()).err();
        ScriptTest { name, problem }
    };
    program.tests().into_iter().map(test).collect()
}

/// What is wrong with the scripts of a topology's functions, each at its function: a file that is
/// not there, one that does not compile, one that does not take what it will get.
pub fn check_scripts(
    topology: &Topology,
    scripts: &BTreeMap<String, String>,
) -> Vec<TopologyProblem> {
    let functions = topology.functions.iter();
    let problem = |(name, spec): (&String, &FunctionSpec)| {
        let file = function_file(name, spec)?;
        let message = match scripts.get(&file) {
            None => no_file(&file),
            Some(text) => match Program::compile(&file, text) {
                Ok(program) => missing(topology, name, &file, &program)?,
                Err(problem) => problem.to_string(),
            },
        };
        Some(TopologyProblem { path: pointer(&["functions", name]), message })
    };
    functions.filter_map(problem).collect()
}

pub(super) fn no_file(file: &str) -> String {
    format!("There is no file «{file}». Write it, or name another one in «file».")
}

/// What it lacks for those who call it.
fn missing(topology: &Topology, name: &str, file: &str, program: &Program) -> Option<String> {
    let by_source = topology.sources.values().any(|source| source.function() == name);
    let by_subscription = topology.subscriptions.values().any(|spec| spec.function == name);
    let lacks = |function: &str, caller: &str| {
        format!(
            "{file} has no function «{function}», and {caller} calls this function. Add «fn {function} {{ … }}»."
        )
    };
    if by_source && !program.takes_messages {
        Some(lacks("on_message(message)", "a source"))
    } else if by_subscription && !program.takes_events {
        Some(lacks("on_event(event)", "a subscription"))
    } else {
        None
    }
}
