//! Models: those that parse here are taken over, the others are counted with the reason.

use crate::SyncError;
use crate::copy::{Copy, now, or_gone};
use crate::diff::Step;
use crate::pages::Pages;
use adt_service::Call;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use twin_graph::{ChangeKind, Origin, StoredModel};

/// Models that do not parse here, by DTMI, with the reason.
#[derive(Default)]
pub(crate) struct LeftOut(BTreeMap<String, (StoredModel, String)>);

impl LeftOut {
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// The reasons, for the state.
    pub(crate) fn reasons(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(id, (_, why))| (id.clone(), why.clone())).collect()
    }
}

const LONGEST_REASON: usize = 500;

impl Copy {
    /// Compares all models.
    pub(crate) async fn compare_models(
        &mut self,
        told: &mut impl FnMut(usize),
    ) -> Result<(), SyncError> {
        self.unknown_model = false;
        let mut pages = Pages::of_models(&self.service, self.page);
        let mut remote: BTreeMap<String, StoredModel> = BTreeMap::new();
        while let Some(models) = pages.models().await? {
            let models = models.into_iter().map(|model| model.stored);
            remote.extend(models.map(|stored| (stored.id().to_owned(), stored)));
            told(remote.len());
        }
        let gone = self.take_models(remote)?;
        self.delete_models(gone).await
    }

    /// Takes over what is new or other; answers what is known here and was not among them.
    fn take_models(
        &mut self,
        remote: BTreeMap<String, StoredModel>,
    ) -> Result<Vec<Arc<str>>, SyncError> {
        let ids: BTreeSet<&str> = remote.keys().map(String::as_str).collect();
        self.left_out.0.retain(|id, _| ids.contains(id.as_str()));
        let (models, gone) = {
            let graph = self.view.read();
            let gone = graph.stored_models().map(|(id, _)| id.clone());
            (graph.models().clone(), gone.filter(|id| !ids.contains(&**id)).collect())
        };
        let mut candidates: Vec<StoredModel> =
            remote.into_values().filter(|model| self.is_news(model)).collect();
        if candidates.is_empty() {
            return Ok(gone);
        }
        // One that was left out may have lacked just what is new.
        let tried: BTreeSet<String> =
            candidates.iter().map(|model| model.id().to_owned()).collect();
        let again = std::mem::take(&mut self.left_out.0).into_values().map(|(model, _)| model);
        candidates.extend(again.filter(|model| !tried.contains(model.id())));
        let accepted = self.accept(&models, candidates);
        if !accepted.is_empty() {
            self.publish(vec![Step {
                time: now(),
                kind: ChangeKind::ModelsPut { models: accepted },
            }])?;
        }
        Ok(gone)
    }

    fn is_news(&self, model: &StoredModel) -> bool {
        let left_out = self.left_out.0.get(model.id()).map(|(known, _)| known);
        let graph = self.view.read();
        left_out.or_else(|| graph.stored_model(model.id())) != Some(model)
    }

    /// Those of `candidates` that parse together with what is known; the others are left out.
    fn accept(
        &mut self,
        known: &dtdl::Models,
        mut candidates: Vec<StoredModel>,
    ) -> Vec<StoredModel> {
        let options = dtdl::ParseOptions::default();
        while !candidates.is_empty() {
            let documents: Vec<_> =
                candidates.iter().map(|model| serde_json::Value::clone(&model.document)).collect();
            let Err(problems) = known.clone().replace(&documents, &options) else { break };
            let mut reasons: BTreeMap<&str, String> = BTreeMap::new();
            for problem in problems.iter() {
                let model = problem.model.as_deref().unwrap_or_default();
                reasons.entry(model).or_insert_with(|| shortened(&problem.message));
            }
            let before = candidates.len();
            candidates.retain(|model| match reasons.get(model.id()) {
                Some(why) => {
                    self.left_out.0.insert(model.id().to_owned(), (model.clone(), why.clone()));
                    false
                }
                None => true,
            });
            // Problems that name none of them: which it is shows when each is tried alone.
            if candidates.len() == before {
                return self.accept_one_by_one(known.clone(), candidates);
            }
        }
        candidates
    }

    fn accept_one_by_one(
        &mut self,
        mut known: dtdl::Models,
        mut candidates: Vec<StoredModel>,
    ) -> Vec<StoredModel> {
        let options = dtdl::ParseOptions::default();
        let mut accepted = Vec::new();
        loop {
            let before = candidates.len();
            let mut refused = Vec::new();
            for model in candidates {
                match known.replace(std::slice::from_ref(&*model.document), &options) {
                    Ok(_) => accepted.push(model),
                    Err(problems) => refused.push((model, shortened(&problems.to_string()))),
                }
            }
            // What one lacked may have come after it: again, as long as that helps.
            if refused.len() == before || refused.is_empty() {
                let refused = refused.into_iter();
                self.left_out
                    .0
                    .extend(refused.map(|(model, why)| (model.id().to_owned(), (model, why))));
                return accepted;
            }
            candidates = refused.into_iter().map(|(model, _)| model).collect();
        }
    }

    /// Deletes models that the service says are gone; one that another still needs stays until
    /// that one is gone.
    async fn delete_models(&self, mut ids: Vec<Arc<str>>) -> Result<(), SyncError> {
        let call = Call::new(Origin::App);
        let mut gone = Vec::new();
        for id in ids.drain(..) {
            if or_gone(self.service.get_model(&call, &id).await)?.is_none() {
                gone.push(id);
            }
        }
        loop {
            let before = gone.len();
            let mut models = self.view.read().models().clone();
            let mut steps = Vec::new();
            gone.retain(|id| match models.remove(id) {
                Ok(_) => {
                    steps.push(Step::now(ChangeKind::ModelDeleted { id: id.clone() }));
                    false
                }
                Err(_) => true,
            });
            self.publish(steps)?;
            if gone.len() == before {
                return Ok(());
            }
        }
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(LONGEST_REASON).collect()
}
