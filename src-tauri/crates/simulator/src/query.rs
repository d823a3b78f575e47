//! Queries over the instance, page by page.

use crate::service::page_size;
use crate::token;
use adt_limits::Limiter;
use adt_query::{Engine, Position, Query, QueryLimits, Request, Stopped, limits};
use adt_service::{Code, Page, QueryPage, QueryRequest, ServiceError};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use twin_graph::TwinGraph;

/// The engine of an instance, and what makes its continuation tokens its own.
///
/// A token carries the query, because a client may leave it out on further pages, and where the
/// page before ended. It is marked with a key of this process: altered, or of an instance that was
/// started anew since, it is refused.
#[derive(Default)]
pub(crate) struct Queries {
    engine: Engine,
    key: RandomState,
}

/// Tells the query's thread that nobody waits for it any more, once it is dropped.
#[derive(Default)]
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a query, or goes on with one, on a thread that may take its time.
pub(crate) async fn run(
    queries: &Arc<Queries>,
    graph: Arc<TwinGraph>,
    limiter: Arc<Limiter>,
    request: QueryRequest,
) -> Result<QueryPage, ServiceError> {
    let queries = queries.clone();
    let waiting = Waiting::default();
    let gone = waiting.0.clone();
    let answer = move || queries.answer(&graph, &limiter, &request, &gone);
    match tokio::task::spawn_blocking(answer).await {
        Ok(page) => page,
        Err(error) => Err(ServiceError::new(Code::InternalServerError, error.to_string())),
    }
}

impl Queries {
    fn answer(
        &self,
        graph: &Arc<TwinGraph>,
        limiter: &Limiter,
        request: &QueryRequest,
        gone: &AtomicBool,
    ) -> Result<QueryPage, ServiceError> {
        let (text, after) = self.asked(request)?;
        let query = parse(&text, limiter)?;
        let end = Instant::now() + Duration::from_secs(limits::MAX_SECONDS);
        let stop = || match (gone.load(Ordering::Relaxed), Instant::now() > end) {
            (true, _) => Some(Stopped::Cancelled),
            (_, true) => Some(Stopped::TimedOut),
            _ => None,
        };
        let limit = Some(page_size(limiter, &request.page));
        let request = Request { after: after.as_ref(), limit, stop: &stop };
        let answer = self.engine.execute(&query, graph, request).map_err(refusal)?;
        let charge = adt_query::charge(answer.report().scanned, answer.len() as u64);
        let continuation = answer.next().map(|next| self.go_on(&text, next)).transpose()?;
        Ok(QueryPage { rows: Page { items: answer.rows().collect(), continuation }, charge })
    }

    /// The query, and where its page begins.
    fn asked(&self, request: &QueryRequest) -> Result<(String, Option<Position>), ServiceError> {
        match (&request.query, &request.page.continuation) {
            (query, Some(token)) => {
                let (text, after) = self.resume(token)?;
                if query.as_ref().is_some_and(|query| *query != text) {
                    return Err(foreign_token());
                }
                Ok((text, Some(after)))
            }
            (Some(query), None) => Ok((query.clone(), None)),
            (None, None) => Err(ServiceError::new(
                Code::MissingArgument,
                "The body has neither «query» nor «continuationToken».",
            )),
        }
    }

    fn go_on(&self, text: &str, next: &Position) -> Result<String, ServiceError> {
        let body = serde_json::to_string(&(text, next))
            .map_err(|error| ServiceError::new(Code::InternalServerError, error.to_string()))?;
        Ok(token::hidden(&format!("{:016x}{body}", self.mark(&body))))
    }

    fn resume(&self, continuation: &str) -> Result<(String, Position), ServiceError> {
        let text = token::shown(continuation).ok_or_else(foreign_token)?;
        let (mark, body) = text.split_at_checked(16).ok_or_else(foreign_token)?;
        if mark != format!("{:016x}", self.mark(body)) {
            return Err(foreign_token());
        }
        serde_json::from_str(body).map_err(|_| foreign_token())
    }

    fn mark(&self, body: &str) -> u64 {
        self.key.hash_one(body)
    }
}

/// A query within the limits that hold now.
fn parse(text: &str, limiter: &Limiter) -> Result<Query, ServiceError> {
    let limits = QueryLimits::of(|limit| limiter.most(limit));
    let query = adt_query::parse_within(text, &limits).map_err(|error| {
        error.limit.inspect(|limit| limiter.refused(*limit));
        ServiceError::new(Code::SqlQueryError, error.to_string())
    })?;
    query.sizes().into_iter().try_for_each(|(limit, taken)| limiter.check(limit, taken))?;
    Ok(query)
}

fn refusal(stopped: Stopped) -> ServiceError {
    let code = match stopped {
        Stopped::TimedOut => Code::TimeoutError,
        Stopped::Position => return foreign_token(),
        Stopped::Cancelled | Stopped::TooMany => Code::ServiceUnavailable,
    };
    ServiceError::new(code, stopped.to_string())
}

fn foreign_token() -> ServiceError {
    ServiceError::new(
        Code::BadRequest,
        "The continuation token is not one of this query. Begin again without a token.",
    )
}
