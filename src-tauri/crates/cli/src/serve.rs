//! `twinscope serve`.

mod entities;
mod watch;

use crate::progress::{bar_of, say_over};
use crate::{limits, say};
use clap::Args;
use session::messaging::traffic::Counts;
use session::wire::Target;
use session::{Embedded, EmbeddedOptions, Folders, Opening, QueryLag, Source};
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// Serve a workspace's embedded instance until Ctrl+C.
#[derive(Args)]
pub struct Serve {
    /// The workspace folder; the embedded sample where it is left out.
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Where journal, certificates and connect.json are kept; by default a folder of its own for
    /// each workspace.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The REST port; 0 for any free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    https_port: u16,
    /// The port for devices, MQTT over TLS; 8883 where it is left out, which is the only one that the
    /// official device SDKs know, or any free one where that is taken.
    #[arg(long, value_name = "N")]
    mqtt_port: Option<u16>,
    /// The AMQP port, of event hubs, queues and topics; 0 for any free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    amqp_port: u16,
    #[command(flatten)]
    entities: entities::Entities,
    /// The port of Event Grid and of the IoT hub's service side, HTTP and HTTPS; 0 for any free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    http_port: u16,
    /// Scales the times of Event Grid's retries and expiry, so that tests need not wait.
    #[arg(long, value_name = "F", default_value_t = 1.0, hide = true)]
    delivery_time_factor: f64,
    /// The address to listen on. Anything but loopback lets other machines in.
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// A name that clients on other machines use, for the certificate.
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// The bearer token that clients must send; any non-empty one where this is left out.
    #[arg(long, value_name = "T", env = "TWINSCOPE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The limits that hold: those of the service; none, for load tests; or those of a JSON FILE
    /// with the names that `twinscope limits` prints, where what it does not name is the service's.
    /// Where it is left out, what was chosen for this data folder in the window, and the service's
    /// at first.
    #[arg(long, value_name = "service|none|FILE")]
    limits: Option<String>,
    /// Let queries be that far behind writes, as the service's are by seconds: 5s, 500ms, or off.
    /// For finding code that relies on seeing at once what it wrote; reads and lists are not behind.
    /// Where it is left out, what was chosen for this data folder in the window.
    #[arg(long, value_name = "DURATION", value_parser = lag)]
    query_lag: Option<QueryLag>,
    /// Show what flows through the topology: a table of its nodes, once a second.
    #[arg(long)]
    watch: bool,
    /// Begin with nothing: no models, twins, routes, endpoints or devices.
    #[arg(long, conflicts_with = "workspace")]
    empty: bool,
}

impl Serve {
    /// Serves until Ctrl+C or SIGTERM, then stops in order.
    pub fn run(self) -> Result<(), String> {
        let filter = EnvFilter::try_from_env("TWINSCOPE_LOG").unwrap_or_else(|_| "warn".into());
        let colours = std::io::stderr().is_terminal();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(colours)
            .init();
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(self.serve())
    }

    async fn serve(self) -> Result<(), String> {
        let watch = self.watch;
        let options = self.options()?;
        if !options.listen.is_loopback() {
            say(
                "Other machines can reach this instance, and any bearer token opens it unless --token is given.",
            );
        }
        let data = options.data.clone();
        let begun = Instant::now();
        let opened = Embedded::open(options, show_opening).await;
        say_over("");
        let embedded = opened.map_err(|error| error.to_string())?;
        let connect = embedded.connect();
        for problem in embedded.problems() {
            say(&format!("{} {}: {}", problem.file, problem.place, problem.message));
        }
        embedded.notes().iter().for_each(|note| say(note));
        let millis = begun.elapsed().as_millis();
        say(&format!("Serving {} (ready in {millis} ms)", connect.adt.endpoint));
        if let Some(hub) = &connect.iot_hub {
            say(&format!("IoT hub         {}:{} (MQTT over TLS)", hub.host, hub.port));
        }
        for (topic, connect) in &connect.event_grid {
            say(&format!("Event Grid      {} ({topic})", connect.endpoint));
        }
        say(&format!("CA certificate  {}", connect.adt.ca.display()));
        say(&format!("Addresses in    {}", data.join("connect.json").display()));
        say("Ctrl+C stops.");
        if watch {
            tokio::select! {
                () = watch::show(&embedded) => {}
                () = stopped() => {}
            }
        } else {
            stopped().await;
        }
        embedded.stop().await;
        embedded.traffic().iter().filter_map(traffic).for_each(|line| say(&line));
        Ok(())
    }

    fn options(self) -> Result<EmbeddedOptions, String> {
        let absolute = |path: PathBuf| {
            std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let workspace = self.workspace.map(absolute).transpose()?;
        let (source, target) = match (self.empty, workspace) {
            (true, _) => (None, None),
            (false, None) => (Some(Source::Embedded), Some(Target::Sample)),
            (false, Some(path)) => {
                let target = Target::Workspace { path: path.to_string_lossy().into_owned() };
                (Some(Source::Folder(path)), Some(target))
            }
        };
        let folders = Folders::of_user();
        let data = match (self.data, target) {
            (Some(data), _) => absolute(data)?,
            (None, Some(target)) => folders.data_of(&target),
            (None, None) => folders.data.join("empty"),
        };
        Ok(EmbeddedOptions {
            https_port: self.https_port,
            mqtt_port: self.mqtt_port,
            amqp_port: self.amqp_port,
            entities: self.entities.declared()?,
            http_port: self.http_port,
            delivery_time_factor: self.delivery_time_factor,
            listen: self.listen,
            host_names: self.host_name,
            token: self.token,
            limits: self.limits.as_deref().map(limits::named).transpose()?,
            query_lag: self.query_lag,
            // Nobody could open it.
            keeps_log: false,
            ..EmbeddedOptions::new(source, data)
        })
    }
}

/// What a server counted, where there was anything.
fn traffic((name, counts): &(&'static str, Counts)) -> Option<String> {
    if *counts == Counts::default() {
        return None;
    }
    let refused: Vec<_> =
        counts.rejections.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    let refused = if refused.is_empty() { "nothing".to_owned() } else { refused.join(", ") };
    Some(format!(
        "{name}: {} connections, {} links, {} messages in ({} bytes), {} out ({} bytes); refused: {refused}",
        counts.connections,
        counts.links,
        counts.messages_in,
        counts.bytes_in,
        counts.messages_out,
        counts.bytes_out,
    ))
}

/// How far opening is, on a terminal. Ctrl+C ends it as it ends any program: nothing is half done.
fn show_opening(opening: Opening) -> ControlFlow<()> {
    let Opening { step, done, total, left, .. } = opening;
    say_over(&match total {
        Some(total) => bar_of(&step, done, total, left),
        None => format!("{step} …"),
    });
    ControlFlow::Continue(())
}

fn lag(text: &str) -> Result<QueryLag, String> {
    match text {
        "off" => Ok(QueryLag(None)),
        text => duration(text).map(|behind| QueryLag(Some(behind))),
    }
}

/// `500ms`, `5s`, `1.5s`, or seconds; at most ten minutes.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.trim().parse::<f64>().map(|number| number * unit);
    match seconds {
        Ok(seconds) if seconds > 0.0 && seconds <= 600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a time above 0 and up to 600s, such as 5s or 500ms, or off".into()),
    }
}

/// Until Ctrl+C or, on Unix, SIGTERM.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    // Without a signal handler it runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases =
            [("5s", 5_000), ("500ms", 500), ("1.5s", 1_500), ("2", 2_000), ("600s", 600_000)];
        for (text, millis) in cases {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(lag("off"), Ok(QueryLag(None)));
        assert_eq!(lag("2s"), Ok(QueryLag(Some(Duration::from_secs(2)))));
        for text in ["0s", "-1s", "601s", "soon", "", "NaNs"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
