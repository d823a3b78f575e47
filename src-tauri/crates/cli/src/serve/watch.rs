//! `serve --watch`: what flows through the topology, once a second.

use crate::progress::write;
use pipeline::{FlowReport, NodeReport, NodeState};
use session::Embedded;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);
/// To the first column, and everything below gone; so nothing flickers.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Shows the table for ever: in place on a terminal, else one after another.
pub(super) async fn show(embedded: &Embedded) {
    let terminal = std::io::stderr().is_terminal();
    let (mut since, mut before) = embedded.flow_report();
    loop {
        tokio::time::sleep(EVERY).await;
        let (at, now) = embedded.flow_report();
        let table = table(&before, &now, at.saturating_sub(since));
        write(&if terminal { format!("{CLEAR}{table}") } else { format!("{table}\n") });
        (since, before) = (at, now);
    }
}

fn table(before: &FlowReport, now: &FlowReport, time: Duration) -> String {
    let wide = now.nodes.iter().map(|report| report.node.chars().count()).max().unwrap_or(0).max(4);
    let mut table = format!(
        "{:wide$}  {:>9} {:>11} {:>8} {:>8} {:>8} {:>10} {:>8}  state\n",
        "node", "events/s", "events", "behind", "failed", "work µs", "sending ms", "dropped"
    );
    for report in &now.nodes {
        let earlier = before.nodes.iter().find(|earlier| earlier.node == report.node);
        let done = |report: &NodeReport| report.counts.done;
        let more = done(report).saturating_sub(earlier.map_or(0, done));
        let counts = &report.counts;
        let dropped: u64 = counts.dropped.values().sum();
        let [work, sending] = each(report);
        let rate = more as f64 / time.as_secs_f64().max(f64::MIN_POSITIVE);
        let _ = writeln!(
            table,
            "{:wide$}  {rate:>9.1} {:>11} {:>8} {:>8} {work:>8} {sending:>10} {dropped:>8}  {}",
            report.node,
            counts.done,
            counts.lag,
            counts.failures,
            state(report),
        );
    }
    table
}

/// What an event costs: a function the microseconds in which it kept a thread, an endpoint the
/// milliseconds of sending, in which it mostly waits for the other side.
fn each(report: &NodeReport) -> [String; 2] {
    let nanos = report.counts.busy_nanos.checked_div(report.counts.done).unwrap_or_default();
    match nanos {
        0 => Default::default(),
        _ if report.node.starts_with("endpoints") => {
            [String::new(), format!("{:.2}", nanos as f64 / 1_000_000.0)]
        }
        _ => [format!("{:.1}", nanos as f64 / 1_000.0), String::new()],
    }
}

fn state(report: &NodeReport) -> String {
    let words = match &report.state {
        NodeState::Idle => "idle".to_owned(),
        NodeState::Healthy => "healthy".to_owned(),
        NodeState::Provisioning { until } => format!("provisioning until {until}"),
        NodeState::SecondaryKey => "on its secondary key".to_owned(),
        NodeState::Retrying { attempt, at } => format!("attempt {attempt} at {at}"),
        NodeState::Paused { until } => format!("paused until {until}, dropping"),
        NodeState::DeadLettering => "dead-lettering".to_owned(),
        NodeState::Failed => "failed".to_owned(),
    };
    match &report.message {
        Some(message) => format!("{words}: {message}"),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::{Flow, node_id};

    #[test]
    fn rates_are_what_came_since_and_losses_are_told() {
        let flow = Flow::default();
        let meter = flow.node(&node_id("endpoints", "eg-twins"));
        meter.done.add(10);
        let before = flow.report();
        meter.done.add(30);
        meter.busy.add(80_000_000);
        let function = flow.node(&node_id("functions", "ingest"));
        function.handled(Duration::from_micros(7));
        meter.give_up("no dead letters are kept", 2);
        meter.set_state(NodeState::SecondaryKey, Some("The primary key was refused.".into()));
        let table = table(&before, &flow.report(), Duration::from_secs(2));
        let line = table.lines().nth(1).unwrap_or_default();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[..7], ["endpoints/eg-twins", "15.0", "40", "0", "0", "2.00", "2"]);
        let right_end = |line: &str, word: &str| {
            line.find(word).map(|at| line[..at + word.len()].chars().count())
        };
        let head = table.lines().next().unwrap_or_default();
        assert_eq!(right_end(line, "2.00"), right_end(head, "sending ms"), "{table}");
        let of_function = table.lines().nth(2).unwrap_or_default();
        assert_eq!(right_end(of_function, "7.0"), right_end(head, "work µs"), "{table}");
        assert!(line.ends_with("on its secondary key: The primary key was refused."), "{line}");
    }
}
