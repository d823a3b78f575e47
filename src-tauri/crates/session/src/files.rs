//! Files as an embedded instance of their own: read and checked as a whole, then imported into it.
//!
//! The data folder is that of the files' paths. Beside the journal stands a mark of what was
//! imported, once all of it was: opening the same files again is opening that instance, and an
//! import that was cut off is begun anew.

use crate::embedded::Embedded;
use crate::failure::OpenError;
use crate::opening::Opening;
use crate::wire::FileProblem;
use adt_service::{Call, Code, RelationshipWrite};
use interchange::{
    Graph, Known, Problem, Problems, RelationshipRecord, TwinRecord, check_watched, read_watched,
};
use serde::{Deserialize, Serialize};
use simulator::{Instance, Mutation};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::UNIX_EPOCH;
use twin_graph::Origin;

/// Rows of one commit: so many that an fsync is nothing, so few that progress and cancel are at
/// once.
const AT_ONCE: usize = 1_000;
const MARK: &str = "files.json";

/// Files that are opened together.
#[derive(Clone, Debug)]
pub(crate) struct Files(Vec<PathBuf>);

/// What was imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    files: Vec<Stamp>,
    /// The graph's version after the import; a later one means that it was changed since.
    version: u64,
}

/// Tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    path: PathBuf,
    bytes: u64,
    /// In ms since 1970, where the file system says so.
    modified: Option<u128>,
}

/// What is to be done with an instance that was imported before.
pub(crate) enum Fate {
    /// It is what the files say, or what became of it.
    Keep(Option<FileProblem>),
    /// The files say something else, and nobody changed it.
    Renew,
}

/// Who is told, and asked whether to go on.
pub(crate) struct Told {
    pub(crate) tell: Arc<dyn Fn(Opening) + Send + Sync>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Files {
    pub(crate) fn new(paths: &[String]) -> Self {
        Self(paths.iter().map(PathBuf::from).collect())
    }

    /// What the files are called together.
    pub(crate) fn name(&self) -> String {
        let first = self.0.first().and_then(|path| path.file_name());
        let first = first.unwrap_or_default().to_string_lossy();
        match self.0.len() {
            0 | 1 => first.into_owned(),
            many => format!("{first} and {} more", many - 1),
        }
    }

    fn stamps(&self) -> io::Result<Vec<Stamp>> {
        let stamp = |path: &PathBuf| {
            let about = fs::metadata(path)?;
            let modified = about.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let modified = modified.map(|since| since.as_millis());
            Ok(Stamp { path: path.clone(), bytes: about.len(), modified })
        };
        self.0.iter().map(stamp).collect()
    }

    pub(crate) fn fate(&self, mark: &Mark, version: u64) -> Fate {
        let note = |message: &str| {
            let file = self.name();
            Fate::Keep(Some(FileProblem { file, place: String::new(), message: message.into() }))
        };
        match self.stamps() {
            Err(error) => note(&format!(
                "It cannot be read any more ({error}). What was loaded from it before is shown."
            )),
            Ok(stamps) if stamps == mark.files => Fate::Keep(None),
            Ok(_) if version == mark.version => Fate::Renew,
            Ok(_) => note(
                "The file changed after it was loaded, and so did this instance, which is shown as it became. “Load the file anew” in the open dialog takes the file's state and drops what was changed here.",
            ),
        }
    }

    /// Reads and checks them as a whole.
    ///
    /// # Errors
    /// Where anything is wrong with them.
    pub(crate) async fn read(&self, told: Told) -> Result<(Graph, Vec<Stamp>), OpenError> {
        let stamps = self.stamps().unwrap_or_default();
        let total: u64 = stamps.iter().map(|stamp| stamp.bytes).sum();
        let step = format!("Reading {}: KiB", self.name());
        let paths = self.0.clone();
        let read = watched(&told, &step, total >> 10, move |go_on| {
            read_watched(&paths, &|bytes| go_on(bytes >> 10))
        });
        let (mut graph, mut problems) = read.await?;
        let rows = (graph.twins.len() + graph.relationships.len()) as u64;
        let step = "Checking twins and relationships";
        let checked = watched(&told, step, rows, move |go_on| {
            problems.extend(check_watched(&mut graph, &Known::default(), go_on)?.problems);
            Some((graph, problems))
        });
        match checked.await? {
            (graph, problems) if problems.is_empty() => Ok((graph, stamps)),
            (_, problems) => Err(OpenError::Files(problems)),
        }
    }
}

/// Works on a thread of its own, and tells meanwhile how far it is; the work asks whether to go on,
/// and answers `None` where not.
async fn watched<T: Send + 'static>(
    told: &Told,
    step: &str,
    total: u64,
    work: impl FnOnce(&dyn Fn(u64) -> bool) -> Option<T> + Send + 'static,
) -> Result<T, OpenError> {
    let (sender, mut so_far) = tokio::sync::watch::channel(0);
    let stop = told.stop.clone();
    let mut working = tokio::task::spawn_blocking(move || {
        work(&|done| {
            sender.send_replace(done);
            !stop.load(Relaxed)
        })
    });
    let worked = loop {
        let done = *so_far.borrow_and_update();
        (told.tell)(Opening::of(step, done, Some(total)));
        tokio::select! {
            worked = &mut working => break worked,
            Ok(()) = so_far.changed() => {}
        }
    };
    worked.ok().flatten().ok_or(OpenError::Stopped)
}

impl Mark {
    pub(crate) fn of(data: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(data.join(MARK)).ok()?).ok()
    }

    /// Takes away what was imported into a data folder that nobody has open.
    pub(crate) fn clear(data: &Path) -> Result<(), OpenError> {
        // The mark first: without it the rest counts as cut off.
        for name in [MARK].into_iter().chain(journal::FILES) {
            match fs::remove_file(data.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(OpenError::Mark(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes what was read into an instance that has nothing, and marks it as whole.
///
/// # Errors
/// Where the instance cannot be used, or the import was stopped. Rows that the instance refuses
/// are no error but problems of the instance.
pub(crate) async fn import(
    embedded: Arc<Embedded>,
    (graph, files): (Graph, Vec<Stamp>),
    data: PathBuf,
    told: Told,
) -> Result<(), OpenError> {
    let mut import = Import { instance: &embedded.instance, told, problems: Problems::default() };
    import.models(&graph).await?;
    let refused = import.twins(&graph).await?;
    import.relationships(&graph, &refused).await?;
    embedded.report(import.problems.found.iter().map(problem));
    let version = embedded.instance.view().read().version();
    let mark = serde_json::to_vec(&Mark { files, version }).unwrap_or_default();
    crate::settings::write_whole(&data.join(MARK), &mark).map_err(OpenError::Mark)
}

/// An import under way. Rows go many in one command, hence in one commit: by themselves the
/// relationships of one twin would need a commit each.
struct Import<'a> {
    instance: &'a Instance,
    told: Told,
    problems: Problems,
}

impl Import<'_> {
    async fn models(&self, graph: &Graph) -> Result<(), OpenError> {
        let documents: Vec<_> = graph.models.iter().map(|model| model.document.clone()).collect();
        if documents.is_empty() {
            return Ok(());
        }
        (self.told.tell)(Opening::begins(format!("Loading models {}", documents.len())));
        let create = vec![Mutation::CreateModels { documents }];
        self.instance.apply(&call(), create).await.map(drop).map_err(OpenError::Refused)
    }

    /// Answers the ids of twins that the instance refuses.
    async fn twins<'g>(&mut self, graph: &'g Graph) -> Result<HashSet<&'g str>, OpenError> {
        let write = |twin: &TwinRecord| Mutation::PutTwin {
            id: twin.id.clone(),
            body: twin.to_json(),
            if_none_match: false,
        };
        let rows: Vec<&TwinRecord> = graph.twins.iter().collect();
        let to_come = graph.relationships.len();
        let refused = self.rows("twins", &rows, to_come, write).await?;
        for (twin, message) in &refused {
            self.problems.add(&twin.place, "", message);
        }
        Ok(refused.iter().map(|(twin, _)| twin.id.as_str()).collect())
    }

    /// Those of twins that were refused are left out: the twin's problem says enough.
    async fn relationships(
        &mut self,
        graph: &Graph,
        refused: &HashSet<&str>,
    ) -> Result<(), OpenError> {
        let write = |edge: &RelationshipRecord| Mutation::PutRelationship {
            write: RelationshipWrite {
                source: edge.source.clone(),
                id: edge.id.clone(),
                body: edge.to_json(),
            },
            if_none_match: false,
        };
        let has_ends = |edge: &&RelationshipRecord| {
            !refused.contains(edge.source.as_str()) && !refused.contains(edge.target.as_str())
        };
        let rows: Vec<&RelationshipRecord> = graph.relationships.iter().filter(has_ends).collect();
        for (edge, message) in self.rows("relationships", &rows, 0, write).await? {
            self.problems.add(&edge.place, "", message);
        }
        Ok(())
    }

    /// Writes rows; answers those that the instance refuses, with its sentence.
    async fn rows<'r, R: Sync>(
        &self,
        what: &str,
        rows: &[&'r R],
        to_come: usize,
        write: impl Fn(&R) -> Mutation,
    ) -> Result<Vec<(&'r R, String)>, OpenError> {
        let mut refused = Vec::new();
        let mut done = 0;
        for rows_at_once in rows.chunks(AT_ONCE) {
            let all = rows_at_once.iter().map(|row| write(row)).collect();
            if self.applied(all).await?.is_some() {
                // One of them is refused, so all were: which one?
                for row in rows_at_once {
                    let sentence = self.applied(vec![write(row)]).await?;
                    refused.extend(sentence.map(|sentence| (*row, sentence)));
                }
            }
            done += rows_at_once.len();
            let total = Some(rows.len() as u64);
            let opening = Opening::of(format!("Loading {what}"), done as u64, total);
            (self.told.tell)(Opening { to_come: to_come as u64, ..opening });
        }
        Ok(refused)
    }

    /// The instance's sentence where it refuses.
    async fn applied(&self, mutations: Vec<Mutation>) -> Result<Option<String>, OpenError> {
        if self.told.stop.load(Relaxed) {
            return Err(OpenError::Stopped);
        }
        match self.instance.apply(&call(), mutations).await {
            Ok(_) => Ok(None),
            // The journal takes nothing: no row after this one would fare better.
            Err(error) if error.code == Code::ServiceUnavailable => Err(OpenError::Refused(error)),
            Err(error) => {
                let details = error.details.iter().map(|(_, message)| format!(" {message}"));
                Ok(Some(format!("{}{}", error.message, details.collect::<String>())))
            }
        }
    }
}

fn call() -> Call {
    Call::new(Origin::Workspace)
}

fn problem(problem: &Problem) -> FileProblem {
    let place = [problem.place.at.to_string(), problem.column.clone()];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    let file = Path::new(&*problem.place.file).file_name().unwrap_or_default();
    FileProblem {
        file: file.to_string_lossy().into_owned(),
        place: place.join(", "),
        message: problem.message.clone(),
    }
}
