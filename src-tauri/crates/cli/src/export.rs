//! `twinscope export`.

use crate::progress::{ProgressLine, interrupted, stop_on_ctrl_c};
use crate::target::Target;
use adt_service::Call;
use clap::{Args, ValueEnum};
use interchange::{Counts, Format, Watch};
use std::path::PathBuf;
use std::process::ExitCode;
use twin_graph::Origin;

/// Export all models, twins and relationships of a running instance.
///
/// A spreadsheet has no models: they go to NAME.models.json beside it. CSV's relationships go to
/// NAME.relationships.csv. Files appear whole or not at all. Exits with 130 after Ctrl+C.
#[derive(Args)]
pub struct Export {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// In which form; by default as the file's name says.
    #[arg(long, value_enum)]
    format: Option<Form>,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// As the service's import job takes it.
    Ndjson,
    /// As the existing explorer writes it.
    Json,
    /// The existing explorer's spreadsheet.
    Xlsx,
    /// One column a property.
    Csv,
}

impl Export {
    /// Reads page by page and writes.
    pub fn run(self) -> Result<ExitCode, String> {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(self.export())
    }

    #[allow(clippy::print_stdout)] // what this command is for
    async fn export(self) -> Result<ExitCode, String> {
        let format = self.format()?;
        let client = self.target.client()?;
        let (line, stop) = (ProgressLine::new(), stop_on_ctrl_c());
        let writer = interchange::writer(format, &self.out).map_err(|error| error.to_string())?;
        let watch = Watch { progress: &|progress| line.show(progress), stop: &stop };
        let call = Call::new(Origin::Rest);
        let exported = interchange::export(&client, &call, writer, &watch).await;
        line.end();
        let exported = exported.map_err(|error| error.to_string())?;
        let Counts { models, twins, relationships } = exported.counts;
        let counts = format!("{models} models, {twins} twins, {relationships} relationships");
        let Some(files) = exported.files else {
            println!("Stopped after {counts}. Nothing was written.");
            return Ok(interrupted());
        };
        let files: Vec<_> = files.iter().map(|file| format!("«{}»", file.display())).collect();
        println!("Exported {counts} to {}.", files.join(", "));
        Ok(ExitCode::SUCCESS)
    }

    fn format(&self) -> Result<Format, String> {
        match self.format {
            Some(Form::Ndjson) => Ok(Format::Ndjson),
            Some(Form::Json) => Ok(Format::Json),
            Some(Form::Xlsx) => Ok(Format::Xlsx),
            Some(Form::Csv) => Ok(Format::Csv),
            None => Format::of(&self.out).ok_or_else(|| {
                format!(
                    "The form is not clear from «{}»: name the file .ndjson, .json, .xlsx or .csv, or give --format.",
                    self.out.display()
                )
            }),
        }
    }
}
