//! `twinscope check`.

use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use workspace::{FileProblem, Loaded, Source};

/// Check a workspace: models, twins, relationships, topology. Exits with 1 where anything is wrong.
#[derive(Args)]
pub struct Check {
    /// The workspace folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The limits that the topology is to be within, as `serve` takes them.
    #[arg(long, value_name = "service|none|FILE", default_value = "service")]
    limits: String,
    /// Print a JSON document instead of lines for people:
    /// {"problems": [{"file", "place", "message"}], "models", "twins", "relationships"}
    #[arg(long)]
    json: bool,
}

impl Check {
    /// Prints all problems at once, each with its file and place.
    #[allow(clippy::print_stdout)] // what this command is for
    pub fn run(self) -> Result<ExitCode, String> {
        let limits = crate::limits::named(&self.limits)?;
        let checked = workspace::load_within(&Source::Folder(self.folder), &limits);
        if self.json {
            println!("{}", as_json(&checked));
        } else {
            println!("{}", as_lines(&checked));
        }
        Ok(if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn as_json(checked: &Result<Loaded, Vec<FileProblem>>) -> serde_json::Value {
    match checked {
        Ok(loaded) => json!({
            "problems": [],
            "models": loaded.models.len(),
            "twins": loaded.twins.len(),
            "relationships": loaded.relationships.len(),
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

fn as_lines(checked: &Result<Loaded, Vec<FileProblem>>) -> String {
    match checked {
        Ok(loaded) => format!(
            "No problems: {} models, {} twins, {} relationships.",
            loaded.models.len(),
            loaded.twins.len(),
            loaded.relationships.len()
        ),
        Err(problems) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let plural = if problems.len() == 1 { "" } else { "s" };
            format!("{}\n{} problem{plural}.", lines.join("\n"), problems.len())
        }
    }
}
