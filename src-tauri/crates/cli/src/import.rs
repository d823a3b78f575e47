//! `twinscope import`.

use crate::progress::{ProgressLine, interrupted, stop_on_ctrl_c};
use crate::say;
use crate::target::Target;
use adt_service::Call;
use adt_service::client::RestClient;
use clap::Args;
use interchange::{Counts, Ended, Graph, ImportOptions, Imported, Known, Problems, Watch, check};
use std::path::PathBuf;
use std::process::ExitCode;
use twin_graph::Origin;

/// Import models, twins and relationships into a running instance.
///
/// Files are .ndjson (as the service's import job takes it), .json (as the existing explorer writes it, or models),
/// .xlsx (the explorer's spreadsheet) and .csv (twins: $dtId, $model, one column a property; relationships: $sourceId,
/// $relationshipId, $relationshipName, $targetId). All are checked first; where anything is wrong, nothing is written.
/// Exits with 1 where anything is wrong or refused, and with 130 after Ctrl+C.
#[derive(Args)]
pub struct Import {
    /// The files, in any order.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Check only, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Requests under way at once.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    requests: u16,
}

impl Import {
    /// Reads, checks, and writes in dependency order.
    pub fn run(self) -> Result<ExitCode, String> {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let (graph, problems) = interchange::read(&self.files);
        runtime.block_on(self.import(graph, problems))
    }

    async fn import(self, mut graph: Graph, mut problems: Problems) -> Result<ExitCode, String> {
        let client = match self.target.client() {
            Ok(client) => Some(client),
            Err(reason) if self.dry_run => {
                say(&format!("Checked by the files alone: {reason}"));
                None
            }
            Err(reason) => return Err(reason),
        };
        let call = Call::new(Origin::Rest);
        let known = match &client {
            Some(client) => Known::of(client, &call, &graph, self.requests.into()).await,
            None => Ok(Known::default()),
        };
        let checked = check(&mut graph, &known.map_err(|error| error.to_string())?);
        problems.extend(checked.problems);
        if !problems.is_empty() {
            report(&problems, "Nothing was written.");
            return Ok(ExitCode::FAILURE);
        }
        match client {
            Some(client) if !self.dry_run => {
                self.write(&client, &call, &graph, checked.models_present).await
            }
            _ => {
                print(&format!("No problems: {}.", counts(sizes(&graph), checked.models_present)));
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    async fn write(
        &self,
        client: &RestClient,
        call: &Call,
        graph: &Graph,
        present: usize,
    ) -> Result<ExitCode, String> {
        let (line, stop) = (ProgressLine::new(), stop_on_ctrl_c());
        let watch = Watch { progress: &|progress| line.show(progress), stop: &stop };
        let options = ImportOptions { at_once: self.requests.into(), watch };
        let Imported { written, problems, ended } =
            interchange::import(client, call, graph, &options).await;
        line.end();
        let so_far = format!("{} of {}", counts(written, present), counts(sizes(graph), 0));
        if !problems.is_empty() {
            report(&problems, "The other rows were written, except those that need one of these.");
        }
        match ended {
            Ended::Whole if problems.is_empty() => {
                print(&format!("Imported {}.", counts(written, present)));
                Ok(ExitCode::SUCCESS)
            }
            Ended::Whole => {
                print(&format!("Imported {so_far}."));
                Ok(ExitCode::FAILURE)
            }
            Ended::Stopped => {
                print(&format!(
                    "Stopped. Imported {so_far}. The same command again goes on: what is there is replaced."
                ));
                Ok(interrupted())
            }
            Ended::Failed(error) => Err(format!("{error} Imported {so_far}.")),
        }
    }
}

fn sizes(graph: &Graph) -> Counts {
    Counts {
        models: graph.models.len(),
        twins: graph.twins.len(),
        relationships: graph.relationships.len(),
    }
}

fn counts(counts: Counts, present: usize) -> String {
    let Counts { models, twins, relationships } = counts;
    let there = if present > 0 { format!(" ({present} were there)") } else { String::new() };
    format!("{models} models{there}, {twins} twins, {relationships} relationships")
}

/// All problems, each with its row.
fn report(problems: &Problems, so: &str) {
    for problem in &problems.found {
        print(&problem.to_string());
    }
    if problems.left_out > 0 {
        print(&format!("{} more problems are not shown; mend these first.", problems.left_out));
    }
    let plural = if problems.len() == 1 { "" } else { "s" };
    print(&format!("{} problem{plural}. {so}", problems.len()));
}

#[allow(clippy::print_stdout)] // what this command is for
fn print(line: &str) {
    println!("{line}");
}
