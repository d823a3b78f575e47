//! Queries over the instance, page by page.

use crate::service::page_size;
use crate::token;
use adt_limits::{Limit, Limiter};
use adt_query::RowKey;
use adt_service::{Code, Page, QueryPage, QueryRequest, ServiceError};
use twin_graph::TwinGraph;

/// Runs a query, or goes on with one. The continuation token carries the query, because a client
/// may leave it out on further pages.
pub(crate) fn run(
    graph: &TwinGraph,
    limiter: &Limiter,
    request: &QueryRequest,
) -> Result<QueryPage, ServiceError> {
    let (text, after) = match (&request.query, &request.page.continuation) {
        (query, Some(token)) => {
            let (text, after) = resume(token)?;
            if query.as_ref().is_some_and(|query| *query != text) {
                return Err(foreign_token());
            }
            (text, Some(after))
        }
        (Some(query), None) => (query.clone(), None),
        (None, None) => {
            return Err(ServiceError::new(
                Code::MissingArgument,
                "The body has neither «query» nor «continuationToken».",
            ));
        }
    };
    limiter.check(Limit::QueryText, text.chars().count() as u64)?;
    let query = adt_query::parse(&text)
        .map_err(|error| ServiceError::new(Code::SqlQueryError, error.to_string()))?;
    let page = adt_query::run_page(&query, graph, after, page_size(limiter, &request.page));
    let charge = adt_query::charge(page.scanned, page.rows.len() as u64);
    let continuation = page.next.map(|key| continue_with(&text, &key)).transpose()?;
    Ok(QueryPage { rows: Page { items: page.rows, continuation }, charge })
}

fn continue_with(text: &str, key: &RowKey) -> Result<String, ServiceError> {
    let key = serde_json::to_string(&(text, key))
        .map_err(|error| ServiceError::new(Code::InternalServerError, error.to_string()))?;
    Ok(token::make("query", &key))
}

fn resume(continuation: &str) -> Result<(String, RowKey), ServiceError> {
    let key = token::read("query", continuation)?;
    serde_json::from_str(&key).map_err(|_| foreign_token())
}

fn foreign_token() -> ServiceError {
    ServiceError::new(
        Code::BadRequest,
        "The continuation token is not one of this query. Begin again without a token.",
    )
}
