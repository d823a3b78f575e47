//! `twinscope check`.

use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use workspace::{FileProblem, Loaded, Source};

/// Check a workspace: models, twins, relationships, topology, functions. Exits with 1 where
/// anything is wrong.
///
/// The tests of functions (`fn test_…()` in functions/*.rhai) are run, without an instance.
#[derive(Args)]
pub struct Check {
    /// The workspace folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The limits that the topology is to be within, as `serve` takes them.
    #[arg(long, value_name = "service|none|FILE", default_value = "service")]
    limits: String,
    /// Print a JSON document instead of lines for people:
    /// {"problems": [{"file", "place", "message"}], "models", "twins", "relationships",
    /// "functions", "tests"}
    #[arg(long)]
    json: bool,
}

/// A workspace without problems.
struct Sound {
    loaded: Loaded,
    /// Tests of functions that were run.
    tests: usize,
}

impl Check {
    /// Prints all problems at once, each with its file and place.
    #[allow(clippy::print_stdout)] // what this command is for
    pub fn run(self) -> Result<ExitCode, String> {
        let limits = crate::limits::named(&self.limits)?;
        let loaded = workspace::load_within(&Source::Folder(self.folder), &limits);
        let checked = loaded.and_then(tested);
        if self.json {
            println!("{}", as_json(&checked));
        } else {
            println!("{}", as_lines(&checked));
        }
        Ok(if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Runs the tests of all functions.
fn tested(loaded: Loaded) -> Result<Sound, Vec<FileProblem>> {
    let run = |(file, text): (&String, &String)| pipeline::test_script(file, text);
    let tests: Vec<_> = loaded.scripts.iter().flat_map(run).collect();
    let failed = tests.iter().filter_map(|test| {
        let problem = test.problem.as_ref()?;
        let message = format!("{} failed: {}", test.name, problem.message);
        Some(FileProblem { file: problem.file.clone(), place: problem.place(), message })
    });
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() { Ok(Sound { tests: tests.len(), loaded }) } else { Err(failed) }
}

fn as_json(checked: &Result<Sound, Vec<FileProblem>>) -> Value {
    match checked {
        Ok(Sound { loaded, tests }) => json!({
            "problems": [],
            "models": loaded.models.len(),
            "twins": loaded.twins.len(),
            "relationships": loaded.relationships.len(),
            "functions": loaded.scripts.len(),
            "tests": tests,
        }),
        Err(problems) => {
            let problem = |problem: &FileProblem| {
                json!({
                    "file": problem.file,
                    "place": problem.place,
                    "message": problem.message,
                })
            };
            json!({"problems": problems.iter().map(problem).collect::<Vec<_>>()})
        }
    }
}

fn as_lines(checked: &Result<Sound, Vec<FileProblem>>) -> String {
    match checked {
        Ok(Sound { loaded, tests }) => {
            let models = loaded.models.len();
            let (twins, relationships) = (loaded.twins.len(), loaded.relationships.len());
            let functions = match loaded.scripts.len() {
                0 => String::new(),
                functions => format!(", {functions} of your functions, {tests} of their tests"),
            };
            format!(
                "No problems: {models} models, {twins} twins, {relationships} relationships{functions}."
            )
        }
        Err(problems) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let plural = if problems.len() == 1 { "" } else { "s" };
            format!("{}\n{} problem{plural}.", lines.join("\n"), problems.len())
        }
    }
}
