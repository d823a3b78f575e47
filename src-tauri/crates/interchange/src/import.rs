//! A graph into an instance: models, then twins, then relationships, many requests at once.

use crate::transfer::{Counts, Progress, Step, Watch};
use crate::{Graph, Known, ModelRecord, Place, Problems};
use adt_limits::Limit;
use adt_service::{
    Call, Code, ListModels, PageRequest, RelationshipWrite, ServiceError, TwinService,
};
use futures::{StreamExt, stream};
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::sleep;

/// Models of one call.
const MODELS_AT_ONCE: usize = Limit::ModelsPerCall.row().number() as usize;
/// Bytes of models in one call: as many small models as the limit, few large ones.
const MODEL_BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// How often a row is tried again that the instance is too busy for, beyond the client's own attempts.
const PATIENCE: u32 = 20;
const BUSY: Duration = Duration::from_secs(2);

/// How to import.
pub struct ImportOptions<'a> {
    /// Requests under way at once.
    pub at_once: usize,
    /// Who looks on.
    pub watch: Watch<'a>,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// All rows were tried.
    Whole,
    /// It was told to stop.
    Stopped,
    /// The instance cannot be used.
    Failed(ServiceError),
}

/// What an import did.
#[derive(Debug)]
pub struct Imported {
    /// How many were written.
    pub written: Counts,
    /// The rows that the instance refused, each with its sentence.
    pub problems: Problems,
    /// How it ended.
    pub ended: Ended,
}

impl Known {
    /// Asks an instance for its models, and for the twins that relationships of `graph` need and `graph` has not.
    ///
    /// # Errors
    /// Where the instance cannot be asked.
    pub async fn of(
        service: &dyn TwinService,
        call: &Call,
        graph: &Graph,
        at_once: usize,
    ) -> Result<Self, ServiceError> {
        let mut known = Self::default();
        let mut continuation = None;
        loop {
            let page = PageRequest { continuation, max_items: Some(1_000) };
            let list = ListModels { dependencies_for: Vec::new(), page };
            let page = service.list_models(call, list).await?;
            known
                .models
                .extend(page.items.iter().map(|model| Value::clone(&model.stored.document)));
            continuation = page.continuation;
            if continuation.is_none() {
                break;
            }
        }
        let asked = graph
            .outside_twins()
            .into_iter()
            .map(|id| async move { (id, service.get_twin(call, id).await) });
        let mut answers = stream::iter(asked).buffer_unordered(at_once.max(1));
        while let Some((id, answer)) = answers.next().await {
            match answer {
                Ok(twin) => {
                    let model = twin.body.pointer("/$metadata/$model").and_then(Value::as_str);
                    known.twins.insert(id.to_owned(), model.unwrap_or_default().to_owned());
                }
                Err(error) if error.code == Code::DigitalTwinNotFound => {}
                Err(error) => return Err(error),
            }
        }
        drop(answers);
        Ok(known)
    }
}

/// Writes a graph that was [checked](crate::check()). Twins and relationships that are there already are replaced.
///
/// A row that the instance refuses is a problem and does not keep others back, except those that need it.
pub async fn import(
    service: &dyn TwinService,
    call: &Call,
    graph: &Graph,
    options: &ImportOptions<'_>,
) -> Imported {
    let mut import =
        Import { service, call, options, problems: Problems::default(), refused: HashSet::new() };
    let mut written = Counts::default();
    let ended = import.run(graph, &mut written).await;
    let ended = ended.map_or_else(|ended| ended, |()| Ended::Whole);
    Imported { written, problems: import.problems, ended }
}

struct Import<'a> {
    service: &'a dyn TwinService,
    call: &'a Call,
    options: &'a ImportOptions<'a>,
    problems: Problems,
    /// Twins that were refused.
    refused: HashSet<&'a str>,
}

impl<'a> Import<'a> {
    async fn run(&mut self, graph: &'a Graph, written: &mut Counts) -> Result<(), Ended> {
        self.models(&graph.models, &mut written.models).await?;
        if !self.problems.is_empty() {
            // Twins of refused models would be refused one by one.
            return Ok(());
        }
        self.twins(graph, &mut written.twins).await?;
        self.relationships(graph, &mut written.relationships).await
    }

    async fn models(&mut self, models: &[ModelRecord], done: &mut usize) -> Result<(), Ended> {
        for batch in batches(models) {
            self.go_on()?;
            let documents: Vec<Value> = batch.iter().map(|model| model.document.clone()).collect();
            let answer =
                patiently(|| self.service.create_models(self.call, documents.clone())).await;
            if let Err(error) = answer {
                let error = usable(error)?;
                let message = match batch.len() {
                    1 => sentence(&error),
                    many => format!(
                        "{} (This and the {} models after it were sent together.)",
                        sentence(&error),
                        many - 1
                    ),
                };
                self.problems.add(&batch[0].place, "", message);
                return Ok(());
            }
            *done += batch.len();
            self.tell(Step::Models, *done, models.len());
        }
        Ok(())
    }

    async fn twins(&mut self, graph: &'a Graph, done: &mut usize) -> Result<(), Ended> {
        let (service, call, stop) = (self.service, self.call, &self.options.watch);
        let writes = graph.twins.iter().take_while(|_| !stop.stopped()).map(|twin| async move {
            (twin, patiently(|| service.put_twin(call, &twin.id, twin.to_json(), false)).await)
        });
        let mut answers = stream::iter(writes).buffer_unordered(self.options.at_once.max(1));
        let mut tried = 0;
        let mut failed = None;
        while let Some((twin, answer)) = answers.next().await {
            tried += 1;
            match answer {
                Ok(_) => *done += 1,
                Err(error) => {
                    self.refused.insert(&twin.id);
                    if let Err(ended) = self.refuse(&twin.place, error) {
                        failed = Some(ended);
                        break;
                    }
                }
            }
            self.tell(Step::Twins, tried, graph.twins.len());
        }
        drop(answers);
        failed.map_or_else(|| self.go_on(), Err)
    }

    async fn relationships(&mut self, graph: &'a Graph, done: &mut usize) -> Result<(), Ended> {
        let (service, call, stop) = (self.service, self.call, &self.options.watch);
        let refused = std::mem::take(&mut self.refused);
        let of = graph.relationships.len();
        let possible = graph.relationships.iter().filter(|edge| {
            !refused.contains(edge.source.as_str()) && !refused.contains(edge.target.as_str())
        });
        let writes = possible.take_while(|_| !stop.stopped()).map(|edge| async move {
            let write = RelationshipWrite {
                source: edge.source.clone(),
                id: edge.id.clone(),
                body: edge.to_json(),
            };
            (edge, patiently(|| service.put_relationship(call, write.clone(), false)).await)
        });
        let mut answers = stream::iter(writes).buffer_unordered(self.options.at_once.max(1));
        let mut tried = 0;
        let mut failed = None;
        while let Some((edge, answer)) = answers.next().await {
            tried += 1;
            match answer {
                Ok(_) => *done += 1,
                Err(error) => {
                    if let Err(ended) = self.refuse(&edge.place, error) {
                        failed = Some(ended);
                        break;
                    }
                }
            }
            self.tell(Step::Relationships, tried, of);
        }
        drop(answers);
        failed.map_or_else(|| self.go_on(), Err)
    }

    fn refuse(&mut self, place: &Place, error: ServiceError) -> Result<(), Ended> {
        let error = usable(error)?;
        self.problems.add(place, "", sentence(&error));
        Ok(())
    }

    fn go_on(&self) -> Result<(), Ended> {
        if self.options.watch.stopped() { Err(Ended::Stopped) } else { Ok(()) }
    }

    fn tell(&self, step: Step, done: usize, of: usize) {
        (self.options.watch.progress)(Progress { step, done, of: Some(of) });
    }
}

/// The error as one of a row, or the end where every other row would get it too.
fn usable(error: ServiceError) -> Result<ServiceError, Ended> {
    match error.code {
        Code::ServiceUnavailable | Code::Unauthorized | Code::InternalServerError => {
            Err(Ended::Failed(error))
        }
        _ => Ok(error),
    }
}

/// The service's words with its details.
fn sentence(error: &ServiceError) -> String {
    let details = error.details.iter().map(|(_, message)| format!(" {message}"));
    format!("{}: {}{}", error.code, error.message, details.collect::<String>())
}

/// Asks again while the instance has too many requests.
async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, ServiceError>>,
{
    let mut left = PATIENCE;
    loop {
        match ask().await {
            Err(error) if error.code.status() == 429 && left > 0 => {
                left -= 1;
                sleep(BUSY).await;
            }
            answer => return answer,
        }
    }
}

/// Models in their order, as many together as one call takes.
fn batches(models: &[ModelRecord]) -> Vec<&[ModelRecord]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, model) in models.iter().enumerate() {
        let size = model.document.to_string().len();
        let full = index - start == MODELS_AT_ONCE || bytes + size > MODEL_BYTES_AT_ONCE;
        if full && index > start {
            batches.push(&models[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < models.len() {
        batches.push(&models[start..]);
    }
    batches
}
