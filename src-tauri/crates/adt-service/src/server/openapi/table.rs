//! The operations of the data plane: what they take, what they answer, and how it is known.
//!
//! One row an operation; the OpenAPI document and FIDELITY.md are written from them. A test fails
//! where a route of the router has no row, or a row no route.

use Basis::{Documented, Guess, Ours, Recorded};
use Input::{
    Continuation, DependenciesFor, IfMatch, IfNoneMatch, IncludeModelDefinition, MaxItems,
    MessageId, RelationshipName, TelemetrySourceTime,
};
use adt_limits::Limit;

/// How the behaviour of the service is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// Seen in recorded traffic with the service.
    Recorded,
    /// Said by its API definition or documentation.
    Documented,
    /// Neither: what fits the rest best.
    Guess,
    /// The service has no such answer, or none that can be told apart; this server needs one.
    Ours,
}

impl Basis {
    /// Its word in the documents.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Documented => "documented",
            Self::Guess => "guess",
            Self::Ours => "ours",
        }
    }
}

/// A parameter beside the ids in the path, the api-version and the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Continuation,
    DependenciesFor,
    IfMatch,
    IfNoneMatch,
    IncludeModelDefinition,
    MaxItems,
    MessageId,
    RelationshipName,
    TelemetrySourceTime,
}

/// What an operation answers where all is well.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Its schema's name.
    pub(super) schema: Option<&'static str>,
    pub(super) headers: &'static [&'static str],
}

/// An answer that is an error.
pub(super) struct Failure {
    pub(super) status: u16,
    /// `error.code`; empty for the gateway's 401, which has none.
    pub(super) code: &'static str,
    pub(super) basis: Basis,
}

pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// As the service's API definition names it.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) inputs: &'static [Input],
    /// The schema of its body.
    pub(super) body: Option<&'static str>,
    pub(super) answer: Answer,
    pub(super) basis: Basis,
    /// Which rate its requests count against; the documentation names none for telemetry.
    pub(super) rate: Option<Limit>,
    pub(super) failures: &'static [Failure],
}

const fn fails(status: u16, code: &'static str, basis: Basis) -> Failure {
    Failure { status, code, basis }
}

const INVALID: Failure = fails(400, "InvalidArgument", Recorded);
const PATCH_INVALID: Failure = fails(400, "JsonPatchInvalid", Recorded);
const BAD_TOKEN: Failure = fails(400, "BadRequest", Documented);
const NO_MODEL: Failure = fails(404, "ModelNotFound", Recorded);
const NO_TWIN: Failure = fails(404, "DigitalTwinNotFound", Recorded);
const NO_COMPONENT: Failure = fails(404, "ComponentNotFound", Recorded);
const NO_RELATIONSHIP: Failure = fails(404, "RelationshipNotFound", Recorded);
const NO_ROUTE: Failure = fails(404, "EventRouteNotFound", Recorded);
const NO_IMPORT: Failure = fails(404, "JobNotFound", Recorded);
/// In versions before 2023-10-31.
const NO_JOBS: Failure = fails(404, "NotFound", Guess);
const JOB_INVALID: Failure = fails(400, "ValidationFailed", Documented);
const JOB_LIMIT: Failure = fails(400, "JobLimitReached", Documented);
const NOT_NEW: Failure = fails(412, "PreconditionFailed", Recorded);
const CHANGED: Failure = fails(412, "PreconditionFailed", Recorded);

/// Past a rate. The API definition names a code for queries only.
const QUOTA_REACHED: Failure = fails(429, "QuotaReachedError", Documented);
const THROTTLED: Failure = fails(429, "", Recorded);
/// While another job runs.
const JOB_RUNS: &str = "TooManyRequests";

/// What any request may meet.
pub(super) const ANYWHERE: &[Failure] = &[
    fails(400, "MissingApiVersionParameter", Guess),
    fails(400, "UnsupportedApiVersionValue", Guess),
    fails(400, "InvalidArgument", Guess),
    fails(400, "BadRequest", Ours),
    fails(401, "", Recorded),
    fails(403, "CrossOriginRequest", Ours),
    fails(421, "MisdirectedRequest", Ours),
    fails(503, "ServiceUnavailable", Ours),
];

/// What any request with a body may meet beside.
pub(super) const WITH_BODY: &[Failure] = &[
    fails(400, "BadRequest", Recorded),
    fails(408, "RequestTimeout", Ours),
    fails(413, "RequestEntityTooLarge", Ours),
];

const fn ok(schema: &'static str) -> Answer {
    Answer { status: 200, schema: Some(schema), headers: &[] }
}

const fn ok_with(schema: &'static str, headers: &'static [&'static str]) -> Answer {
    Answer { status: 200, schema: Some(schema), headers }
}

const NO_CONTENT: Answer = Answer { status: 204, schema: None, headers: &[] };
const NEW_ETAG: Answer = Answer { status: 204, schema: None, headers: &["ETag"] };

pub(super) const OPERATIONS: &[Operation] = &[
    Operation {
        method: "GET",
        path: "/models",
        id: "DigitalTwinModels_List",
        summary: "List models, or those that some need",
        inputs: &[DependenciesFor, IncludeModelDefinition, MaxItems, Continuation],
        body: None,
        answer: ok("ModelPage"),
        basis: Recorded,
        rate: Some(Limit::ModelRequests),
        failures: &[INVALID, BAD_TOKEN, NO_MODEL],
    },
    Operation {
        method: "POST",
        path: "/models",
        id: "DigitalTwinModels_Add",
        summary: "Upload models: all of them or none",
        inputs: &[],
        body: Some("Models"),
        answer: Answer { status: 201, schema: Some("CreatedModels"), headers: &[] },
        basis: Recorded,
        rate: Some(Limit::ModelRequests),
        failures: &[
            INVALID,
            fails(400, "DTDLParserError", Recorded),
            fails(400, "LimitExceeded", Documented),
            fails(400, "ModelVersionNotSupported", Documented),
            fails(409, "ModelIdAlreadyExists", Recorded),
        ],
    },
    Operation {
        method: "GET",
        path: "/models/{id}",
        id: "DigitalTwinModels_GetById",
        summary: "Read a model",
        inputs: &[IncludeModelDefinition],
        body: None,
        answer: ok("Model"),
        basis: Recorded,
        rate: Some(Limit::ModelRequests),
        failures: &[INVALID, NO_MODEL],
    },
    Operation {
        method: "PATCH",
        path: "/models/{id}",
        id: "DigitalTwinModels_Update",
        summary: "Decommission a model",
        inputs: &[],
        body: Some("Patch"),
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::ModelRequests),
        failures: &[
            INVALID,
            PATCH_INVALID,
            NO_MODEL,
            fails(409, "ModelReferencesNotDecommissioned", Documented),
        ],
    },
    Operation {
        method: "DELETE",
        path: "/models/{id}",
        id: "DigitalTwinModels_Delete",
        summary: "Delete a model that no other needs",
        inputs: &[],
        body: None,
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::ModelRequests),
        failures: &[INVALID, NO_MODEL, fails(409, "ModelReferencesNotDeleted", Recorded)],
    },
    Operation {
        method: "POST",
        path: "/query",
        id: "Query_QueryTwins",
        summary: "Query twins or relationships, page by page",
        inputs: &[MaxItems],
        body: Some("Query"),
        answer: ok_with("QueryPage", &["query-charge"]),
        basis: Recorded,
        rate: Some(Limit::Queries),
        failures: &[
            BAD_TOKEN,
            INVALID,
            fails(400, "SqlQueryError", Recorded),
            fails(400, "MissingArgument", Guess),
        ],
    },
    Operation {
        method: "GET",
        path: "/digitaltwins/{id}",
        id: "DigitalTwins_GetById",
        summary: "Read a twin",
        inputs: &[],
        body: None,
        answer: ok_with("Twin", &["ETag"]),
        basis: Recorded,
        rate: Some(Limit::TwinReads),
        failures: &[INVALID, NO_TWIN],
    },
    Operation {
        method: "PUT",
        path: "/digitaltwins/{id}",
        id: "DigitalTwins_Add",
        summary: "Create a twin, or put one in place of another",
        inputs: &[IfNoneMatch],
        body: Some("TwinWrite"),
        answer: ok_with("Twin", &["ETag"]),
        basis: Recorded,
        rate: Some(Limit::TwinCreatesAndDeletes),
        failures: &[
            INVALID,
            fails(400, "ValidationFailed", Recorded),
            fails(400, "ModelDecommissioned", Documented),
            fails(400, "TwinLimitReached", Documented),
            NOT_NEW,
        ],
    },
    Operation {
        method: "PATCH",
        path: "/digitaltwins/{id}",
        id: "DigitalTwins_Update",
        summary: "Change a twin's properties by JSON Patch",
        inputs: &[IfMatch],
        body: Some("Patch"),
        answer: NEW_ETAG,
        basis: Recorded,
        rate: Some(Limit::TwinPatches),
        failures: &[
            INVALID,
            PATCH_INVALID,
            fails(400, "ValidationFailed", Documented),
            fails(400, "ModelDecommissioned", Guess),
            NO_TWIN,
            CHANGED,
        ],
    },
    Operation {
        method: "DELETE",
        path: "/digitaltwins/{id}",
        id: "DigitalTwins_Delete",
        summary: "Delete a twin without relationships",
        inputs: &[IfMatch],
        body: None,
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::TwinCreatesAndDeletes),
        failures: &[INVALID, fails(400, "RelationshipsNotDeleted", Recorded), NO_TWIN, CHANGED],
    },
    Operation {
        method: "GET",
        path: "/digitaltwins/{id}/relationships",
        id: "DigitalTwins_ListRelationships",
        summary: "List the relationships that leave a twin",
        inputs: &[RelationshipName, MaxItems, Continuation],
        body: None,
        answer: ok("RelationshipPage"),
        basis: Recorded,
        rate: Some(Limit::TwinReads),
        failures: &[INVALID, BAD_TOKEN, NO_TWIN],
    },
    Operation {
        method: "GET",
        path: "/digitaltwins/{id}/incomingrelationships",
        id: "DigitalTwins_ListIncomingRelationships",
        summary: "List the relationships that end at a twin",
        inputs: &[MaxItems, Continuation],
        body: None,
        answer: ok("IncomingPage"),
        basis: Recorded,
        rate: Some(Limit::TwinReads),
        failures: &[INVALID, BAD_TOKEN, NO_TWIN],
    },
    Operation {
        method: "GET",
        path: "/digitaltwins/{id}/relationships/{relationship}",
        id: "DigitalTwins_GetRelationshipById",
        summary: "Read a relationship",
        inputs: &[],
        body: None,
        answer: ok_with("Relationship", &["ETag"]),
        basis: Recorded,
        rate: Some(Limit::TwinReads),
        failures: &[INVALID, NO_TWIN, NO_RELATIONSHIP],
    },
    Operation {
        method: "PUT",
        path: "/digitaltwins/{id}/relationships/{relationship}",
        id: "DigitalTwins_AddRelationship",
        summary: "Create a relationship, or put one in place of another",
        inputs: &[IfNoneMatch],
        body: Some("RelationshipWrite"),
        answer: ok_with("Relationship", &["ETag"]),
        basis: Recorded,
        rate: Some(Limit::TwinCreatesAndDeletes),
        failures: &[
            INVALID,
            fails(400, "InvalidRelationship", Documented),
            fails(400, "OperationNotAllowed", Documented),
            fails(400, "ValidationFailed", Documented),
            fails(400, "LimitExceeded", Documented),
            NO_TWIN,
            fails(404, "TargetDigitalTwinNotFound", Recorded),
            NOT_NEW,
        ],
    },
    Operation {
        method: "PATCH",
        path: "/digitaltwins/{id}/relationships/{relationship}",
        id: "DigitalTwins_UpdateRelationship",
        summary: "Change a relationship's properties by JSON Patch",
        inputs: &[IfMatch],
        body: Some("Patch"),
        answer: NEW_ETAG,
        basis: Recorded,
        rate: Some(Limit::TwinPatches),
        failures: &[
            INVALID,
            PATCH_INVALID,
            fails(400, "InvalidRelationship", Documented),
            fails(400, "ValidationFailed", Documented),
            NO_TWIN,
            NO_RELATIONSHIP,
            CHANGED,
        ],
    },
    Operation {
        method: "DELETE",
        path: "/digitaltwins/{id}/relationships/{relationship}",
        id: "DigitalTwins_DeleteRelationship",
        summary: "Delete a relationship",
        inputs: &[IfMatch],
        body: None,
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::TwinCreatesAndDeletes),
        failures: &[INVALID, NO_TWIN, NO_RELATIONSHIP, CHANGED],
    },
    Operation {
        method: "POST",
        path: "/digitaltwins/{id}/telemetry",
        id: "DigitalTwins_SendTelemetry",
        summary: "Send a twin's telemetry",
        inputs: &[MessageId, TelemetrySourceTime],
        body: Some("Telemetry"),
        answer: NO_CONTENT,
        basis: Documented,
        rate: None,
        failures: &[INVALID, NO_TWIN],
    },
    Operation {
        method: "GET",
        path: "/digitaltwins/{id}/components/{component}",
        id: "DigitalTwins_GetComponent",
        summary: "Read a component of a twin",
        inputs: &[],
        body: None,
        answer: ok_with("Component", &["ETag"]),
        basis: Recorded,
        rate: Some(Limit::TwinReads),
        failures: &[INVALID, NO_TWIN, NO_COMPONENT],
    },
    Operation {
        method: "PATCH",
        path: "/digitaltwins/{id}/components/{component}",
        id: "DigitalTwins_UpdateComponent",
        summary: "Change a component's properties by JSON Patch",
        inputs: &[IfMatch],
        body: Some("Patch"),
        answer: NEW_ETAG,
        basis: Recorded,
        rate: Some(Limit::TwinPatches),
        failures: &[
            INVALID,
            PATCH_INVALID,
            fails(400, "ValidationFailed", Documented),
            NO_TWIN,
            NO_COMPONENT,
            CHANGED,
        ],
    },
    Operation {
        method: "POST",
        path: "/digitaltwins/{id}/components/{component}/telemetry",
        id: "DigitalTwins_SendComponentTelemetry",
        summary: "Send the telemetry of a component",
        inputs: &[MessageId, TelemetrySourceTime],
        body: Some("Telemetry"),
        answer: NO_CONTENT,
        basis: Documented,
        rate: None,
        failures: &[INVALID, NO_TWIN, NO_COMPONENT],
    },
    Operation {
        method: "GET",
        path: "/eventroutes",
        id: "EventRoutes_List",
        summary: "List event routes",
        inputs: &[MaxItems, Continuation],
        body: None,
        answer: ok("EventRoutePage"),
        basis: Recorded,
        rate: Some(Limit::EventRouteRequests),
        failures: &[INVALID, BAD_TOKEN],
    },
    Operation {
        method: "GET",
        path: "/eventroutes/{id}",
        id: "EventRoutes_GetById",
        summary: "Read an event route",
        inputs: &[],
        body: None,
        answer: ok("EventRoute"),
        basis: Recorded,
        rate: Some(Limit::EventRouteRequests),
        failures: &[NO_ROUTE],
    },
    Operation {
        method: "PUT",
        path: "/eventroutes/{id}",
        id: "EventRoutes_Add",
        summary: "Create an event route, or put one in place of another",
        inputs: &[],
        body: Some("EventRouteWrite"),
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::EventRouteRequests),
        failures: &[
            fails(400, "EventRouteEndpointInvalid", Recorded),
            fails(400, "EventRouteFilterInvalid", Recorded),
            fails(400, "EventRouteIdInvalid", Documented),
            fails(400, "LimitExceeded", Documented),
        ],
    },
    Operation {
        method: "DELETE",
        path: "/eventroutes/{id}",
        id: "EventRoutes_Delete",
        summary: "Delete an event route",
        inputs: &[],
        body: None,
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::EventRouteRequests),
        failures: &[NO_ROUTE],
    },
    Operation {
        method: "GET",
        path: "/jobs/imports",
        id: "ImportJobs_List",
        summary: "List import jobs",
        inputs: &[MaxItems, Continuation],
        body: None,
        answer: ok("ImportJobPage"),
        basis: Recorded,
        rate: Some(Limit::JobRequests),
        failures: &[INVALID, BAD_TOKEN, NO_JOBS],
    },
    Operation {
        method: "GET",
        path: "/jobs/imports/{id}",
        id: "ImportJobs_GetById",
        summary: "Read an import job",
        inputs: &[],
        body: None,
        answer: ok("ImportJob"),
        basis: Recorded,
        rate: Some(Limit::JobRequests),
        failures: &[NO_IMPORT, NO_JOBS],
    },
    Operation {
        method: "PUT",
        path: "/jobs/imports/{id}",
        id: "ImportJobs_Add",
        summary: "Start an import job",
        inputs: &[],
        body: Some("ImportJobWrite"),
        answer: Answer { status: 201, schema: Some("ImportJob"), headers: &[] },
        basis: Recorded,
        rate: Some(Limit::JobRequests),
        failures: &[
            INVALID,
            JOB_INVALID,
            JOB_LIMIT,
            fails(409, "JobIdAlreadyExists", Recorded),
            fails(429, JOB_RUNS, Recorded),
            NO_JOBS,
        ],
    },
    Operation {
        method: "DELETE",
        path: "/jobs/imports/{id}",
        id: "ImportJobs_Delete",
        summary: "Forget an import job, which does not end it",
        inputs: &[],
        body: None,
        answer: NO_CONTENT,
        basis: Recorded,
        rate: Some(Limit::JobRequests),
        failures: &[NO_IMPORT, NO_JOBS],
    },
    Operation {
        method: "POST",
        path: "/jobs/imports/{id}/cancel",
        id: "ImportJobs_Cancel",
        summary: "Cancel an import job",
        inputs: &[],
        body: None,
        answer: ok("ImportJob"),
        basis: Recorded,
        rate: Some(Limit::JobRequests),
        failures: &[NO_IMPORT, NO_JOBS],
    },
    Operation {
        method: "GET",
        path: "/jobs/deletions",
        id: "DeleteJobs_List",
        summary: "List delete jobs",
        inputs: &[MaxItems, Continuation],
        body: None,
        answer: ok("DeleteJobPage"),
        basis: Documented,
        rate: Some(Limit::JobRequests),
        failures: &[INVALID, BAD_TOKEN, NO_JOBS],
    },
    Operation {
        method: "POST",
        path: "/jobs/deletions",
        id: "DeleteJobs_Add",
        summary: "Delete all models, twins and relationships",
        inputs: &[],
        body: None,
        answer: Answer { status: 202, schema: Some("DeleteJob"), headers: &["Operation-Location"] },
        basis: Documented,
        rate: Some(Limit::JobRequests),
        failures: &[JOB_INVALID, fails(429, JOB_RUNS, Guess), NO_JOBS],
    },
    Operation {
        method: "GET",
        path: "/jobs/deletions/{id}",
        id: "DeleteJobs_GetById",
        summary: "Read a delete job",
        inputs: &[],
        body: None,
        answer: ok("DeleteJob"),
        basis: Documented,
        rate: Some(Limit::JobRequests),
        failures: &[fails(404, "DeleteJobNotFound", Documented), NO_JOBS],
    },
];

impl Operation {
    /// Those of the operation itself, and that of its rate.
    pub(super) fn own_failures(&self) -> impl Iterator<Item = &'static Failure> {
        let throttled = self.rate.map(|rate| match rate {
            Limit::Queries => &QUOTA_REACHED,
            _ => &THROTTLED,
        });
        self.failures.iter().chain(throttled)
    }

    /// Every error that it may answer, its own first; each once.
    pub(super) fn all_failures(&self) -> Vec<&'static Failure> {
        let with_body = if self.body.is_some() { WITH_BODY } else { &[] };
        let mut all: Vec<&'static Failure> = Vec::new();
        for failure in self.own_failures().chain(with_body).chain(ANYWHERE) {
            if !all.iter().any(|known| (known.status, known.code) == (failure.status, failure.code))
            {
                all.push(failure);
            }
        }
        all
    }
}
