//! `twinscope generate`.

mod building;
mod watched;

use crate::progress::{ProgressLine, interrupted, stop_on_ctrl_c};
use building::Building;
use clap::Args;
use interchange::{Format, GraphWriter};
use pipeline::{SourceSpec, Topology};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use watched::Watched;
use workspace::{Loaded, Source};

/// More simulated thermostats would send more than anybody can follow.
const MOST_SIMULATED: usize = 500;

/// Make a workspace of buildings: rooms with thermostats, on floors of 8 to 40 rooms.
///
/// The same number and seed make the same files. Up to 500 of the thermostats are simulated devices.
/// Exits with 130 after Ctrl+C, and has made nothing then.
#[derive(Args)]
pub struct Generate {
    /// How many rooms.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rooms: u32,
    /// The folder to make.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Another seed makes other buildings.
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
}

impl Generate {
    /// Writes the folder, whole or not at all.
    #[allow(clippy::print_stdout)] // what this command is for
    pub fn run(self) -> Result<ExitCode, String> {
        let failed =
            |error: io::Error| format!("«{}» cannot be made: {error}.", self.out.display());
        let is_free = fs::read_dir(&self.out).map_or_else(
            |error| error.kind() == io::ErrorKind::NotFound,
            |mut entries| entries.next().is_none(),
        );
        if !is_free {
            return Err(format!(
                "«{}» is there already and not empty. Name another folder.",
                self.out.display()
            ));
        }
        let sample = workspace::load(&Source::Embedded)
            .map_err(|_| "The embedded sample cannot be read.".to_owned())?;
        let runtime = tokio::runtime::Runtime::new().map_err(failed)?;
        let (line, stop) = {
            let _within = runtime.enter();
            (ProgressLine::new(), stop_on_ctrl_c())
        };
        let out = std::path::absolute(&self.out).map_err(failed)?;
        let parent = out.parent().unwrap_or(&out);
        fs::create_dir_all(parent).map_err(failed)?;
        let folder =
            tempfile::Builder::new().prefix(".twinscope-").tempdir_in(parent).map_err(failed)?;
        // The temporary folder itself is private; the workspace is to be like any other folder.
        let made = folder.path().join("workspace");
        fs::create_dir(&made).map_err(failed)?;
        let filled = self.fill(&made, sample, &line, &stop);
        line.end();
        if stop.load(Ordering::Relaxed) {
            println!("Stopped. Nothing was made.");
            return Ok(interrupted());
        }
        let building = filled?;
        if out.exists() {
            fs::remove_dir(&out).map_err(failed)?;
        }
        fs::rename(&made, &out).map_err(failed)?;
        println!(
            "Made «{}»: {} rooms on {} floors of {} buildings, {} simulated thermostats.",
            self.out.display(),
            self.rooms,
            building.floors,
            building.buildings,
            MOST_SIMULATED.min(self.rooms as usize),
        );
        Ok(ExitCode::SUCCESS)
    }

    fn fill(
        &self,
        folder: &Path,
        sample: Loaded,
        line: &ProgressLine,
        stop: &AtomicBool,
    ) -> Result<Building, String> {
        let failed =
            |error: io::Error| format!("«{}» cannot be made: {error}.", self.out.display());
        for model in sample.models.values() {
            let path = folder.join(&model.file);
            fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(failed)?;
            fs::write(path, format!("{:#}\n", model.document)).map_err(failed)?;
        }
        let path = folder.join("twins.ndjson");
        let writer =
            interchange::writer(Format::Ndjson, &path).map_err(|error| error.to_string())?;
        let mut writer: Box<dyn GraphWriter + '_> = Box::new(Watched::new(writer, line, stop));
        let building = building::write(self.rooms, self.seed, &mut *writer)
            .and_then(|building| writer.finish().map(|_| building))
            .map_err(|error| error.to_string())?;
        let bytes = fs::metadata(&path).map_err(failed)?.len();
        if bytes > workspace::MOST_BYTES {
            return Err(format!(
                "{} rooms are too many for a workspace: twins.ndjson would have {} MiB, and {} MiB is the most. Generate fewer.",
                self.rooms,
                bytes >> 20,
                workspace::MOST_BYTES >> 20,
            ));
        }
        let topology = simulated(sample.topology, &building.thermostats, self.seed);
        fs::write(folder.join("topology.json"), format!("{:#}\n", topology.to_json()))
            .map_err(failed)?;
        Ok(building)
    }
}

/// The sample's topology with these devices.
fn simulated(mut topology: Topology, thermostats: &[String], seed_of_weather: u64) -> Topology {
    for source in topology.sources.values_mut() {
        let SourceSpec::SimulatedThermostats { devices, seed, .. } = source else { continue };
        *devices = thermostats.iter().take(MOST_SIMULATED).cloned().collect();
        *seed = seed_of_weather;
    }
    topology
}
