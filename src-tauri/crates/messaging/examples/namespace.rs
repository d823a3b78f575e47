//! A namespace alone, without twins: `namespace DATA PORT DECLARED`, where DECLARED is JSON:
//! `{"eventHubs": {"telemetry": {"partitions": 4}}, "queues": …, "topics": …}`. It writes the
//! connection strings to DATA/connect.json, in the form of `twinscope serve`.
#![allow(clippy::print_stderr, clippy::expect_used)]

use messaging::namespace::{ListenOptions, Namespace};
use std::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().ok_or("namespace DATA PORT DECLARED")?;
    let port: u16 = arguments.next().unwrap_or_default().parse()?;
    let folder = Path::new(&data);
    let journal = journal::Journal::open(folder, journal::Options::default())?;
    let namespace = Namespace::open(&journal, "a secret of no one")?;
    let declared = arguments.next().unwrap_or_else(|| "{}".into());
    namespace.declare(&serde_json::from_str(&declared)?)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let listening = namespace.listen(listener, ListenOptions::default())?;
    let strings = |names: Vec<String>| -> serde_json::Map<String, serde_json::Value> {
        let string = |name: &str| namespace.connection_string(name, "localhost", listening.port);
        names.into_iter().map(|name| (name.clone(), string(&name).into())).collect()
    };
    let hubs = namespace.event_hubs().into_iter().map(|hub| hub.name.clone()).collect();
    let connect = serde_json::json!({
        "pid": std::process::id(),
        "eventHubs": strings(hubs),
        "serviceBus": strings(namespace.service_bus().0),
    });
    std::fs::write(folder.join("connect.json"), connect.to_string())?;
    tokio::signal::ctrl_c().await?;
    eprintln!("{:?}", namespace.traffic().counts());
    listening.stop().await;
    Ok(())
}
