//! Reading lists page by page.

use crate::SyncError;
use adt_service::{
    Call, Code, ListModels, ModelData, Page, PageRequest, QueryRequest, ServiceError, TwinService,
};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use twin_graph::Origin;

/// A list that is being read. All its pages are one trace.
pub(crate) struct Pages {
    service: Arc<dyn TwinService>,
    call: Call,
    list: List,
    max_items: usize,
    /// `None` before the first page.
    continuation: Option<String>,
    /// Every continuation so far: a list may run in a circle of any length.
    named: HashSet<String>,
    at_end: bool,
}

enum List {
    Models,
    Query { of: &'static str, text: String },
}

impl Pages {
    fn new(service: &Arc<dyn TwinService>, list: List, max_items: usize) -> Self {
        let (service, call) = (service.clone(), Call::new(Origin::App));
        Self {
            service,
            call,
            list,
            max_items,
            continuation: None,
            named: HashSet::new(),
            at_end: false,
        }
    }

    pub(crate) fn of_models(service: &Arc<dyn TwinService>, max_items: usize) -> Self {
        Self::new(service, List::Models, max_items)
    }

    /// The rows of a query; `of` says what they are.
    pub(crate) fn of_query(
        service: &Arc<dyn TwinService>,
        of: &'static str,
        text: impl Into<String>,
        max_items: usize,
    ) -> Self {
        Self::new(service, List::Query { of, text: text.into() }, max_items)
    }

    /// The next page of rows; `None` at the end.
    pub(crate) async fn rows(&mut self) -> Result<Option<Vec<Value>>, SyncError> {
        let List::Query { of, ref text } = self.list else { return Ok(None) };
        let query = Some(text.clone());
        let Some(page) = self.request() else { return Ok(None) };
        let answered = self.service.query(&self.call, QueryRequest { query, page }).await?;
        self.advance(of, answered.rows).map(Some)
    }

    /// The next page of models; `None` at the end.
    pub(crate) async fn models(&mut self) -> Result<Option<Vec<ModelData>>, SyncError> {
        let Some(page) = self.request() else { return Ok(None) };
        let list = ListModels { dependencies_for: Vec::new(), page };
        let answered = self.service.list_models(&self.call, list).await?;
        self.advance("models", answered).map(Some)
    }

    fn request(&self) -> Option<PageRequest> {
        let continuation = self.continuation.clone();
        (!self.at_end).then_some(PageRequest { continuation, max_items: Some(self.max_items) })
    }

    fn advance<T>(&mut self, of: &'static str, page: Page<T>) -> Result<Vec<T>, SyncError> {
        self.at_end = page.continuation.is_none();
        if let Some(next) = &page.continuation
            && !self.named.insert(next.clone())
        {
            return Err(SyncError::Endless(of));
        }
        self.continuation = page.continuation;
        Ok(page.items)
    }
}

/// How many rows `collection` has; `None` where the service does not say.
pub(crate) async fn count(
    service: &Arc<dyn TwinService>,
    collection: &str,
) -> Result<Option<u32>, SyncError> {
    let query = Some(format!("SELECT COUNT() FROM {collection}"));
    let request = QueryRequest { query, page: PageRequest::default() };
    match service.query(&Call::new(Origin::App), request).await {
        Ok(answered) => {
            let row = answered.rows.items.into_iter().next();
            let number = row.and_then(|row| row.get("COUNT").and_then(Value::as_u64));
            Ok(number.and_then(|number| u32::try_from(number).ok()))
        }
        Err(error) if is_refusal(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the service refuses the question as such, so that asking again is of no use.
pub(crate) fn is_refusal(error: &ServiceError) -> bool {
    matches!(error.code, Code::SqlQueryError | Code::BadRequest | Code::InvalidArgument)
}
