//! Event hubs, queues and topics that `serve` is told to have.

use clap::Args;
use session::messaging::event_hubs::EventHubSpec;
use session::messaging::namespace::Declared;

/// Entities to make where they are not there yet; they stay in the data folder.
#[derive(Args)]
pub struct Entities {
    /// An event hub, with its number of partitions and its consumer groups besides $Default:
    /// telemetry, telemetry:8, telemetry:8/dashboard/archive.
    #[arg(long, value_name = "NAME[:PARTITIONS][/GROUP...]")]
    event_hub: Vec<String>,
}

impl Entities {
    /// As the namespace takes them.
    pub fn declared(&self) -> Result<Declared, String> {
        let mut declared = Declared::default();
        for text in &self.event_hub {
            let (name, spec) = event_hub(text)?;
            declared.event_hubs.insert(name, spec);
        }
        Ok(declared)
    }
}

fn event_hub(text: &str) -> Result<(String, EventHubSpec), String> {
    let mut parts = text.split('/');
    let first = parts.next().unwrap_or_default();
    let mut spec = EventHubSpec::default();
    let name = match first.split_once(':') {
        None => first,
        Some((name, partitions)) => {
            spec.partitions = partitions
                .parse()
                .map_err(|_| format!("--event-hub {text}: \"{partitions}\" is no number"))?;
            name
        }
    };
    spec.consumer_groups = parts.map(str::to_owned).collect();
    Ok((name.to_owned(), spec))
}
