//! What can go wrong on opening, in sentences.

use crate::tls::TlsError;
use crate::wire::Failure;
use adt_service::ServiceError;
use journal::JournalError;
use simulator::InstanceError;
use std::net::SocketAddr;
use thiserror::Error;
use workspace::FileProblem;

/// Why something could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The data folder is in use, not writable, or damaged.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An event hub, queue or topic cannot be as it was asked for.
    #[error(transparent)]
    Entity(#[from] messaging::namespace::EntityError),
    /// The instance cannot be recovered.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// Files of the workspace do not fit.
    #[error("The workspace cannot be opened: {}", listed(.0))]
    Workspace(Vec<FileProblem>),
    /// The instance refuses the workspace.
    #[error("It was not applied: {0}")]
    Refused(ServiceError),
    /// No certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port is taken, or the address is not this machine's.
    #[error(
        "Nothing can listen on {address}: {source}. Choose another port with {option}, or 0 for any free one."
    )]
    Port {
        /// Where.
        address: SocketAddr,
        /// Which option says so.
        option: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The listener does not say where it listens.
    #[error("The listening address cannot be read: {0}.")]
    Listen(std::io::Error),
    /// `connect.json` cannot be written.
    #[error(
        "connect.json cannot be written to the data folder: {0}. Check the folder's rights and free space."
    )]
    Connect(std::io::Error),
    /// The CA file of a remote instance.
    #[error("The CA certificate «{path}» cannot be read: {source}. Give the path of a PEM file.")]
    Ca {
        /// Its path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The remote instance does not answer as it should.
    #[error("{0}")]
    Remote(ServiceError),
    /// There can be no deliveries over HTTP.
    #[error("Event Grid has no HTTP client: {0}.")]
    Http(String),
    /// A topic of Event Grid could not be opened.
    #[error(transparent)]
    EventGrid(#[from] messaging::event_grid::GridError),
    /// Files that are opened do not fit.
    #[error("{}", of_files(.0))]
    Files(interchange::Problems),
    /// The data folder of files cannot be written.
    #[error(
        "The data folder of these files cannot be written: {0}. Check its rights and free space."
    )]
    Mark(std::io::Error),
    /// A person gave it up.
    #[error("Opening was cancelled.")]
    Cancelled,
    /// The app is ending, or what was being opened was given up for something else.
    #[error("Opening was given up.")]
    Stopped,
}

fn listed(problems: &[FileProblem]) -> String {
    let shown: Vec<_> = problems.iter().take(3).map(ToString::to_string).collect();
    let more = match problems.len().saturating_sub(3) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    format!("{}{more}", shown.join(" "))
}

/// Problems of files that are shown one by one.
const MOST_SHOWN: usize = 50;

fn of_files(problems: &interchange::Problems) -> String {
    let plural = if problems.len() == 1 { "" } else { "s" };
    format!(
        "Nothing was loaded: {} problem{plural}. Mend the file, and open it again.",
        problems.len()
    )
}

impl OpenError {
    /// For the page.
    pub fn to_failure(&self) -> Failure {
        let code = match self {
            Self::Journal(JournalError::Locked { .. }) => "DataFolderInUse",
            Self::Instance(InstanceError::Stopped) => "Stopped",
            Self::Journal(_) | Self::Instance(_) | Self::Entity(_) => "DataFolder",
            Self::Workspace(_) | Self::Refused(_) => "Workspace",
            Self::Files(_) => "Files",
            Self::Mark(_) => "DataFolder",
            Self::Cancelled => "Cancelled",
            Self::Tls(_) => "Certificate",
            Self::Port { .. } | Self::Listen(_) | Self::Connect(_) => "Listen",
            Self::Http(_) | Self::EventGrid(_) => "EventGrid",
            Self::Ca { .. } | Self::Remote(_) => "Remote",
            Self::Stopped => "Stopped",
        };
        let details = match self {
            Self::Workspace(problems) => problems.iter().map(ToString::to_string).collect(),
            Self::Files(problems) => {
                let shown = problems.found.iter().take(MOST_SHOWN).map(ToString::to_string);
                let more = problems.len().saturating_sub(MOST_SHOWN);
                let more = (more > 0).then(|| format!("{more} more problems are not shown."));
                shown.chain(more).collect()
            }
            _ => Vec::new(),
        };
        Failure { code: code.to_owned(), message: sentence(&self.to_string()), details }
    }
}

/// With a capital and a full stop: errors of libraries have neither.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let first: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with(['.', '!', '?', ')']) { "" } else { "." };
    format!("{first}{}{stop}", rest.as_str())
}

impl From<&ServiceError> for Failure {
    fn from(error: &ServiceError) -> Self {
        let details = error.details.iter().map(|(_, message)| message.clone()).collect();
        Self { code: error.code.to_string(), message: error.message.clone(), details }
    }
}
