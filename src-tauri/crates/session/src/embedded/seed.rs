//! The workspace as seed: the difference between what was applied last and what the files say.

use super::{Embedded, Step, begin, blocking};
use crate::failure::OpenError;
use crate::screen::FloorPlan;
use crate::wire::FileProblem;
use adt_service::{Call, RelationshipWrite, ServiceError};
use journal::Journal;
use serde_json::{Value, json};
use simulator::Mutation;
use std::path::Path;
use std::sync::Arc;
use twin_graph::{Operation, OperationKind, Origin, Twin, TwinGraph};
use workspace::{Applied, Difference, Loaded, RelationshipSeed, Source, TwinSeed, Views};

const KEY: &str = "workspace";

/// What of the workspace was applied last.
pub(super) struct Seed {
    /// `None` where nothing ever was.
    applied: Option<Applied>,
}

impl Seed {
    pub(super) fn new(journal: &Journal) -> Result<Self, OpenError> {
        let kept = journal.value(KEY)?;
        let applied = kept.and_then(|bytes| {
            serde_json::from_slice(&bytes)
                .inspect_err(
                    |error| tracing::warn!(%error, "which workspace was applied cannot be read"),
                )
                .ok()
        });
        Ok(Self { applied })
    }

    async fn remember(&mut self, applied: Applied, journal: &Journal) -> Result<(), OpenError> {
        let bytes = serde_json::to_vec(&applied).unwrap_or_default();
        let journal = journal.clone();
        blocking(move || journal.put_value(KEY, bytes).wait()).await??;
        self.applied = Some(applied);
        Ok(())
    }
}

impl Embedded {
    /// Applies what the files changed since the last time. Files that do not fit are reported in
    /// [`Embedded::problems`] and nothing of them is applied. At the start `step` is told what is
    /// done, and may end it.
    ///
    /// # Errors
    /// On the first start of a workspace, where there is nothing else to go on with.
    pub(super) async fn apply_workspace(
        self: &Arc<Self>,
        step: Option<&Step>,
    ) -> Result<(), OpenError> {
        let starting = step.is_some();
        let begins = |what: &str| step.map_or(Ok(()), |step| begin(step, what));
        let Some(source) = self.source.clone() else {
            return self.deploy_first(starting, None).await;
        };
        let mut seed = self.seed.lock().await;
        let limits = self.instance.limiter().limits();
        begins("Reading and checking the workspace")?;
        let loaded = match blocking(move || workspace::load_within(&source, &limits)).await? {
            Ok(loaded) => loaded,
            Err(problems) if starting && seed.applied.is_none() => {
                return Err(OpenError::Workspace(problems));
            }
            Err(problems) => {
                *self.problems.lock() = problems.iter().map(problem).collect();
                return self.deploy_first(starting, seed.applied.as_ref()).await;
            }
        };
        let before = seed.applied.clone().unwrap_or_default();
        let difference = workspace::difference(&before, &loaded);
        begins("Applying the workspace")?;
        if let Err(error) = self.apply_difference(&difference, &loaded).await {
            if starting && seed.applied.is_none() {
                return Err(OpenError::Refused(error));
            }
            *self.problems.lock() = vec![refusal(&error)];
            return self.deploy_first(starting, seed.applied.as_ref()).await;
        }
        self.problems.lock().clear();
        if starting || difference.topology.is_some() || difference.scripts.is_some() {
            let (topology, scripts) = self.deployed_before(&loaded.topology, &loaded.scripts);
            self.workings.lock().file = loaded.topology.to_json();
            self.deploy(topology, scripts).await?;
        }
        *self.views.lock() = loaded.views.clone();
        let plan = loaded.floor_plan.as_ref().map(FloorPlan::read).unwrap_or_default();
        *self.floor_plan.lock() = Arc::new(plan);
        seed.remember(loaded.applied(), &self.journal).await
    }

    /// At the start something must be set going even where the files do not fit.
    async fn deploy_first(
        self: &Arc<Self>,
        starting: bool,
        applied: Option<&Applied>,
    ) -> Result<(), OpenError> {
        if !starting {
            return Ok(());
        }
        let scripts = applied.map(|applied| applied.scripts.clone()).unwrap_or_default();
        let kept =
            applied.and_then(|applied| serde_json::from_value(applied.topology.clone()).ok());
        self.deploy(kept.unwrap_or_default(), scripts).await
    }

    async fn apply_difference(
        &self,
        difference: &Difference,
        loaded: &Loaded,
    ) -> Result<(), ServiceError> {
        let mutations = mutations(&self.instance.view().read(), difference, loaded);
        if mutations.is_empty() {
            return Ok(());
        }
        self.instance.apply(&Call::new(Origin::Workspace), mutations).await.map(drop)
    }

    /// Applies edits of the workspace's files as they are saved, in any editor.
    pub(super) fn watch_workspace(self: &Arc<Self>) {
        let Some(Source::Folder(folder)) = &self.source else { return };
        let weak = Arc::downgrade(self);
        let runtime = tokio::runtime::Handle::current();
        let watched = workspace::watch(folder, move || {
            let Some(this) = weak.upgrade() else { return };
            runtime.spawn(async move {
                if let Err(error) = this.apply_workspace(None).await {
                    let (file, place) = (String::new(), String::new());
                    *this.problems.lock() =
                        vec![FileProblem { file, place, message: error.to_string() }];
                }
            });
        });
        match watched {
            Ok(watch) => self.workings.lock()._watch = Some(watch),
            Err(error) => {
                let message = format!("Edits of the workspace's files will not be seen: {error}");
                self.problems.lock().push(FileProblem {
                    file: ".".into(),
                    place: String::new(),
                    message,
                });
            }
        }
    }

    /// Writes models, twins, relationships and positions to the workspace folder.
    pub(crate) async fn save(
        &self,
        folder: &Path,
        views: Views,
    ) -> Result<Vec<String>, FileProblem> {
        // Held until what was written is remembered as applied, so that the watch finds no
        // difference.
        let mut seed = self.seed.lock().await;
        let input = save_input(&self.instance.view().read(), views);
        let folder = folder.to_owned();
        let source = Source::Folder(folder.clone());
        let limits = self.instance.limiter().limits();
        let saved = blocking(move || {
            let files = workspace::save(&folder, &input)?;
            let loaded = workspace::load_within(&source, &limits)
                .map_err(|mut problems| problems.swap_remove(0))?;
            Ok::<_, workspace::FileProblem>((files, loaded))
        });
        let stopped = |error: OpenError| FileProblem {
            file: ".".into(),
            place: String::new(),
            message: error.to_string(),
        };
        let (files, loaded) = saved.await.map_err(stopped)?.map_err(|error| problem(&error))?;
        seed.remember(loaded.applied(), &self.journal).await.map_err(stopped)?;
        Ok(files)
    }
}

fn save_input(graph: &TwinGraph, views: Views) -> workspace::SaveInput {
    workspace::SaveInput {
        models: graph.stored_models().map(|(_, model)| model.document.clone()).collect(),
        twins: graph.twins().cloned().collect(),
        relationships: graph.relationships().cloned().collect(),
        views,
    }
}

fn problem(problem: &workspace::FileProblem) -> FileProblem {
    FileProblem {
        file: problem.file.clone(),
        place: problem.place.clone(),
        message: problem.message.clone(),
    }
}

pub(super) fn refusal(error: &ServiceError) -> FileProblem {
    let details: Vec<_> = error.details.iter().take(3).map(|(_, text)| text.as_str()).collect();
    let message = format!("The edit was not applied: {} {}", error.message, details.join(" "));
    FileProblem { file: ".".into(), place: String::new(), message: message.trim().to_owned() }
}

/// The writes that make the instance follow the files, in load order. What the instance lost or
/// gained otherwise does not make them fail: a twin that is gone is put back whole when its line
/// changes, and what is to be removed and is gone already is passed over.
fn mutations(graph: &TwinGraph, difference: &Difference, loaded: &Loaded) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    if !difference.models_put.is_empty() {
        mutations.push(Mutation::ReplaceModels { documents: difference.models_put.clone() });
    }
    let gone = difference.relationships_removed.iter();
    let gone = gone.filter(|(source, id)| graph.relationship(source, id).is_some());
    mutations.extend(gone.map(|(source, id)| Mutation::DeleteRelationship {
        source: source.clone(),
        id: id.clone(),
        if_match: None,
    }));
    let gone = difference.twins_removed.iter().filter(|id| graph.twin(id).is_some());
    mutations.extend(gone.map(|id| Mutation::DeleteTwin { id: id.clone(), if_match: None }));
    mutations.extend(difference.twins_put.iter().map(put_twin));
    for (id, patch) in &difference.twins_patched {
        match (graph.twin(id), loaded.twins.get(id)) {
            (Some(twin), _) => mutations.extend(patch_twin(twin, patch)),
            (None, Some(seed)) => mutations.push(put_twin(seed)),
            (None, None) => {}
        }
    }
    mutations.extend(difference.relationships_put.iter().map(put_relationship));
    mutations.extend(difference.relationships_patched.iter().filter_map(
        |((source, id), patch)| {
            let relationship = graph.relationship(source, id)?;
            let patch = fitting(&relationship.to_json(), patch);
            let (source, id) = (source.clone(), id.clone());
            (!patch.is_empty()).then_some(Mutation::PatchRelationship {
                source,
                id,
                patch,
                if_match: None,
            })
        },
    ));
    let gone = difference.models_removed.iter().filter(|id| graph.models().get(id).is_some());
    mutations.extend(gone.map(|id| Mutation::DeleteModel { id: id.clone() }));
    mutations
}

fn put_twin(seed: &TwinSeed) -> Mutation {
    Mutation::PutTwin { id: seed.id.clone(), body: seed.body.clone(), if_none_match: false }
}

fn patch_twin(twin: &Twin, patch: &[Operation]) -> Option<Mutation> {
    let patch = fitting(&twin.to_json(), patch);
    let id = twin.id.to_string();
    (!patch.is_empty()).then_some(Mutation::PatchTwin { id, patch, if_match: None })
}

/// Without the removals of what is gone already.
fn fitting(body: &Value, patch: &[Operation]) -> Vec<Operation> {
    let fits = |operation: &&Operation| {
        operation.op != OperationKind::Remove || body.pointer(&operation.path).is_some()
    };
    patch.iter().filter(fits).cloned().collect()
}

fn put_relationship(seed: &RelationshipSeed) -> Mutation {
    let mut body = json!({"$targetId": seed.target, "$relationshipName": seed.name});
    if let Some(members) = body.as_object_mut() {
        members.extend(
            seed.properties
                .iter()
                .map(|(name, value): (&String, &Value)| (name.clone(), value.clone())),
        );
    }
    let write = RelationshipWrite { source: seed.source.clone(), id: seed.id.clone(), body };
    Mutation::PutRelationship { write, if_none_match: false }
}
