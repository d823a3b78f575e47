//! Event hubs, queues and topics that `serve` is told to have.

use clap::Args;
use session::messaging::event_hubs::EventHubSpec;
use session::messaging::namespace::Declared;
use session::messaging::service_bus::{MailboxSpec, SubscriptionSpec, TopicSpec};
use std::path::{Path, PathBuf};

/// Entities to make where they are not there yet; they stay in the data folder.
#[derive(Args)]
pub struct Entities {
    /// An event hub, with its number of partitions and its consumer groups besides $Default:
    /// telemetry, telemetry:8, telemetry:8/dashboard/archive.
    #[arg(long, value_name = "NAME[:PARTITIONS][/GROUP...]")]
    event_hub: Vec<String>,
    /// A queue.
    #[arg(long, value_name = "NAME")]
    queue: Vec<String>,
    /// A topic, with its subscriptions: twins/dashboard/archive.
    #[arg(long, value_name = "NAME[/SUBSCRIPTION...]")]
    topic: Vec<String>,
    /// A JSON file of event hubs, queues and topics with all of their options:
    /// {"eventHubs": {…}, "queues": {"orders": {"lockSeconds": 30}}, "topics": {…}}.
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
}

impl Entities {
    /// As the namespace takes them.
    pub fn declared(&self) -> Result<Declared, String> {
        let mut declared = self.entities.as_deref().map_or(Ok(Declared::default()), read)?;
        for text in &self.event_hub {
            let (name, spec) = event_hub(text)?;
            declared.event_hubs.insert(name, spec);
        }
        for name in &self.queue {
            declared.queues.insert(name.clone(), MailboxSpec::default());
        }
        for text in &self.topic {
            let mut names = text.split('/').map(str::to_owned);
            let name = names.next().unwrap_or_default();
            let subscriptions = names.map(|name| (name, SubscriptionSpec::default())).collect();
            declared.topics.insert(name, TopicSpec { subscriptions, ..TopicSpec::default() });
        }
        Ok(declared)
    }
}

fn read(file: &Path) -> Result<Declared, String> {
    let text = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", file.display()))
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
