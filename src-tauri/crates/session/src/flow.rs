//! What the window asks about the topology.

use crate::embedded::Embedded;
use crate::opened::{Kind, Opened};
use crate::wire::{Failure, Flow, Request, Response, TopologyNote, TopologyState};
use adt_service::Call;
use pipeline::{DeviceMessage, Ingress, Scripts, Topology, TopologyProblem};
use std::sync::Arc;
use std::time::SystemTime;
use twin_graph::{Origin, Timestamp};

const NOT_HERE: &str = "This instance is elsewhere: its endpoints are made where it runs, in Azure or with `twinscope serve`. Its event routes are shown as they are.";

/// Answers a request about the topology of what is open.
pub(crate) async fn about_topology(opened: &Arc<Opened>, request: Request) -> Response {
    match (&opened.kind, request) {
        (Kind::Embedded(embedded), request) => of_embedded(embedded, request).await,
        (Kind::Remote(_), Request::Topology) => Response::Topology(Box::new(of_remote(opened))),
        (Kind::Remote(_), Request::Flow) => Response::Flow(Flow {
            at_millis: 0.0,
            revision: 0,
            nodes: Vec::new(),
            wires: Vec::new(),
        }),
        (Kind::Remote(_), _) => failed("NotHere", NOT_HERE),
    }
}

async fn of_embedded(embedded: &Arc<Embedded>, request: Request) -> Response {
    match request {
        Request::Topology => state(embedded),
        Request::CheckTopology { topology, files } => check(embedded, topology, &files),
        Request::Deploy { topology, files, revision } => {
            deploy(embedded, topology, files, revision).await
        }
        Request::Flow => Response::Flow(flow(embedded)),
        Request::SendMessage { source, device, body } => {
            send(embedded, &source, &device, body).await
        }
        Request::TryNow { node } => try_now(embedded, &node),
        Request::Secrets => secrets(embedded),
        Request::KeepSecret { name, value } => {
            match embedded.secrets().keep(&name, value.as_deref()) {
                Ok(_) => secrets(embedded),
                Err(error) => failed("NotKept", error.to_string()),
            }
        }
        _ => failed("Fault", "This is a fault of Twinscope."),
    }
}

fn state(embedded: &Embedded) -> Response {
    let deployed = embedded.deployed();
    Response::Topology(Box::new(TopologyState {
        revision: embedded.topology_revision(),
        warnings: notes(deployed.topology.warnings()),
        topology: deployed.topology,
        files: deployed.scripts,
        not_in_file: deployed.not_in_file,
        fixed: None,
        file: embedded.topology_file().map(|file| file.display().to_string()),
    }))
}

/// What is known of a remote instance: its routes, and that endpoints of these names are there.
fn of_remote(opened: &Opened) -> TopologyState {
    let routes = crate::embedded::routes_of(&opened.view.read());
    let topology = Topology { routes, ..Topology::default() };
    TopologyState {
        revision: 0,
        topology,
        files: Scripts::new(),
        warnings: Vec::new(),
        not_in_file: Vec::new(),
        fixed: Some(NOT_HERE.to_owned()),
        file: None,
    }
}

fn check(embedded: &Embedded, topology: serde_json::Value, scripts: &Scripts) -> Response {
    let problems = |problems| Response::TopologyNotes { problems, warnings: Vec::new() };
    match read(topology) {
        Err(problem) => problems(vec![problem]),
        Ok(topology) => Response::TopologyNotes {
            problems: notes(embedded.problems_of(&topology, scripts)),
            warnings: notes(topology.warnings()),
        },
    }
}

fn read(topology: serde_json::Value) -> Result<Topology, TopologyNote> {
    serde_json::from_value(topology).map_err(|error| TopologyNote {
        path: String::new(),
        message: format!("This is not a topology: {error}."),
    })
}

async fn deploy(
    embedded: &Arc<Embedded>,
    topology: serde_json::Value,
    scripts: Scripts,
    revision: u32,
) -> Response {
    if revision != embedded.topology_revision() {
        return failed(
            "TopologyChanged",
            "The topology was changed elsewhere since you began to edit it. Take theirs, or keep yours and deploy it over theirs.",
        );
    }
    let topology = match read(topology) {
        Ok(topology) => topology,
        Err(note) => return failed("TopologyInvalid", note.message),
    };
    let problems = embedded.problems_of(&topology, &scripts);
    if !problems.is_empty() {
        return Response::Failed(Failure {
            code: "TopologyInvalid".to_owned(),
            message: "The topology was not deployed: something in it is wrong.".to_owned(),
            details: problems.iter().map(ToString::to_string).collect(),
        });
    }
    match embedded.deploy_from_window(topology, scripts).await {
        Ok(()) => state(embedded),
        Err(failure) => Response::Failed(failure),
    }
}

fn flow(embedded: &Embedded) -> Flow {
    let (at, report) = embedded.flow_report();
    Flow {
        at_millis: at.as_secs_f64() * 1_000.0,
        revision: embedded.topology_revision(),
        nodes: report.nodes,
        wires: report.wires,
    }
}

async fn send(
    embedded: &Embedded,
    source: &str,
    device: &str,
    body: serde_json::Value,
) -> Response {
    if !embedded.deployed().topology.sources.contains_key(source) {
        return failed(
            "NotThere",
            format!("There is no source «{source}» in the topology at work."),
        );
    }
    let message = DeviceMessage {
        id: uuid::Uuid::new_v4().to_string().into(),
        device: device.into(),
        time: Timestamp::from(SystemTime::now()),
        trace: Call::new(Origin::App).trace,
        hops: 0,
        body,
    };
    embedded.pipeline().receive(source, message).await;
    Response::Accepted
}

fn try_now(embedded: &Embedded, node: &str) -> Response {
    if embedded.pipeline().parts().flow.nudge(node) {
        return Response::Accepted;
    }
    failed("NotThere", format!("There is no «{node}» in the topology at work."))
}

fn secrets(embedded: &Embedded) -> Response {
    let secrets = embedded.secrets();
    match secrets.names() {
        Ok(names) => Response::Secrets { names, kept_in: secrets.kept_in().display().to_string() },
        Err(error) => failed("NotKept", error.to_string()),
    }
}

fn notes(problems: Vec<TopologyProblem>) -> Vec<TopologyNote> {
    let note = |TopologyProblem { path, message }| TopologyNote { path, message };
    problems.into_iter().map(note).collect()
}

fn failed(code: &str, message: impl Into<String>) -> Response {
    Response::Failed(Failure {
        code: code.to_owned(),
        message: message.into(),
        details: Vec::new(),
    })
}
