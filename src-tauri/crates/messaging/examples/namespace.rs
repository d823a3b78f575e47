//! A namespace alone, without twins: `namespace DATA PORT HUB[:PARTITIONS]...`. It writes the
//! connection strings to DATA/connect.json, in the form of `twinscope serve`.
#![allow(clippy::print_stderr, clippy::expect_used)]

use messaging::event_hubs::EventHubSpec;
use messaging::namespace::{ListenOptions, Namespace};
use std::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().ok_or("namespace DATA PORT HUB[:PARTITIONS]...")?;
    let port: u16 = arguments.next().unwrap_or_default().parse()?;
    let folder = Path::new(&data);
    let journal = journal::Journal::open(folder, journal::Options::default())?;
    let namespace = Namespace::open(&journal, "a secret of no one")?;
    for hub in arguments {
        let (name, partitions) = hub.split_once(':').unwrap_or((&hub, "4"));
        let spec = EventHubSpec { partitions: partitions.parse()?, ..Default::default() };
        namespace.create_event_hub(name, spec)?;
    }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let listening = namespace.listen(listener, ListenOptions::default())?;
    let strings = namespace.event_hubs().into_iter().map(|hub| {
        (
            hub.name.clone(),
            namespace.connection_string(&hub.name, "localhost", listening.port).into(),
        )
    });
    let hubs: serde_json::Map<String, serde_json::Value> = strings.collect();
    let connect = serde_json::json!({ "pid": std::process::id(), "eventHubs": hubs });
    std::fs::write(folder.join("connect.json"), connect.to_string())?;
    tokio::signal::ctrl_c().await?;
    eprintln!("{:?}", namespace.traffic().counts());
    listening.stop().await;
    Ok(())
}
