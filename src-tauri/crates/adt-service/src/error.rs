//! Errors as the service answers them.

use adt_limits::Exceeded;
use serde_json::{Value, json};
use std::fmt;
use thiserror::Error;

/// The service's error codes (`error.code` and the header `x-ms-error-code`), with their status.
/// Source: the public API definition and recorded traffic, see `Code::status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the service's own word
pub enum Code {
    BadRequest,
    ComponentNotFound,
    DTDLParserError,
    DeleteJobNotFound,
    DigitalTwinNotFound,
    EventRouteEndpointInvalid,
    EventRouteFilterInvalid,
    EventRouteIdInvalid,
    EventRouteNotFound,
    InvalidArgument,
    InvalidRelationship,
    JobIdAlreadyExists,
    JobLimitReached,
    JobNotFound,
    JsonPatchInvalid,
    LimitExceeded,
    MissingArgument,
    ModelDecommissioned,
    ModelIdAlreadyExists,
    ModelNotFound,
    ModelReferencesNotDecommissioned,
    ModelReferencesNotDeleted,
    ModelVersionNotSupported,
    OperationNotAllowed,
    PreconditionFailed,
    QuotaReachedError,
    RelationshipAlreadyExists,
    RelationshipNotFound,
    RelationshipsNotDeleted,
    SqlQueryError,
    TargetDigitalTwinNotFound,
    /// Requests come too fast, and the gateway answers. Its body has a status in place of a code.
    Throttled,
    TimeoutError,
    TooManyRequests,
    TwinLimitReached,
    ValidationFailed,
    /// No bearer token, or one that is not accepted. Its body is not of the error shape.
    Unauthorized,
    /// The service is there but cannot do it now: a full disk, a lost connection.
    ServiceUnavailable,
    /// A fault of the service.
    InternalServerError,
    /// Anything else that a remote service answers, told in the message.
    Other,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::ComponentNotFound
            | Self::DeleteJobNotFound
            | Self::DigitalTwinNotFound
            | Self::EventRouteNotFound
            | Self::JobNotFound
            | Self::ModelNotFound
            | Self::RelationshipNotFound
            | Self::TargetDigitalTwinNotFound => 404,
            Self::JobIdAlreadyExists
            | Self::ModelIdAlreadyExists
            | Self::ModelReferencesNotDecommissioned
            | Self::ModelReferencesNotDeleted
            | Self::RelationshipAlreadyExists => 409,
            Self::PreconditionFailed => 412,
            Self::QuotaReachedError | Self::Throttled | Self::TooManyRequests => 429,
            Self::InternalServerError | Self::Other => 500,
            Self::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// Whether the gateway answers before the service, without a code (recorded traffic).
    pub fn is_gateways(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Throttled)
    }

    /// The code of that name, if it is one of the service's. Where its API definition has another
    /// name than its traffic, both are known.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = match name {
            "ImportJobNotFound" => "JobNotFound",
            "ModelAlreadyExists" => "ModelIdAlreadyExists",
            "TargetTwinNotFound" => "TargetDigitalTwinNotFound",
            other => other,
        };
        ALL.iter().copied().find(|code| code.to_string() == name)
    }
}

const ALL: &[Code] = &[
    Code::BadRequest,
    Code::ComponentNotFound,
    Code::DTDLParserError,
    Code::DeleteJobNotFound,
    Code::DigitalTwinNotFound,
    Code::EventRouteEndpointInvalid,
    Code::EventRouteFilterInvalid,
    Code::EventRouteIdInvalid,
    Code::EventRouteNotFound,
    Code::InvalidArgument,
    Code::InvalidRelationship,
    Code::JobIdAlreadyExists,
    Code::JobLimitReached,
    Code::JobNotFound,
    Code::JsonPatchInvalid,
    Code::LimitExceeded,
    Code::MissingArgument,
    Code::ModelDecommissioned,
    Code::ModelIdAlreadyExists,
    Code::ModelNotFound,
    Code::ModelReferencesNotDecommissioned,
    Code::ModelReferencesNotDeleted,
    Code::ModelVersionNotSupported,
    Code::OperationNotAllowed,
    Code::PreconditionFailed,
    Code::QuotaReachedError,
    Code::RelationshipAlreadyExists,
    Code::RelationshipNotFound,
    Code::RelationshipsNotDeleted,
    Code::SqlQueryError,
    Code::TargetDigitalTwinNotFound,
    Code::Throttled,
    Code::TimeoutError,
    Code::TooManyRequests,
    Code::TwinLimitReached,
    Code::ValidationFailed,
    Code::Unauthorized,
    Code::ServiceUnavailable,
    Code::InternalServerError,
];

/// The code is the table's.
impl From<Exceeded> for ServiceError {
    fn from(exceeded: Exceeded) -> Self {
        let code = Code::from_name(exceeded.limit.row().error).unwrap_or(Code::LimitExceeded);
        Self::new(code, exceeded.to_string())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the service answers instead of a result.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{message}")]
pub struct ServiceError {
    /// The code; it decides the status.
    pub code: Code,
    /// A sentence: what happened, and what to do.
    pub message: String,
    /// What is wrong in detail, each with a code and a sentence.
    pub details: Vec<(Code, String)>,
}

impl ServiceError {
    /// An error without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new() }
    }

    /// The same with one detail more.
    #[must_use]
    pub fn with_detail(mut self, code: Code, message: impl Into<String>) -> Self {
        self.details.push((code, message.into()));
        self
    }

    /// The body: `{"error": {"code", "message", "details": […], "innererror"}}`, or the gateway's
    /// own shapes and words, as seen in recorded traffic.
    pub fn to_json(&self) -> Value {
        match self.code {
            Code::Unauthorized => return json!({"statusCode": 401, "message": "Unauthorized"}),
            Code::Throttled => {
                let message = "Maximum request rate limit reached. For Azure Digital Twins rate limiting details please see http://aka.ms/dtv2limits.";
                return json!({"error": {"statusCode": 429, "message": message}});
            }
            _ => {}
        }
        let details: Vec<_> = self
            .details
            .iter()
            .map(|(code, message)| json!({"code": code.to_string(), "message": message}))
            .collect();
        let mut error = json!({"code": self.code.to_string(), "message": self.message});
        if !details.is_empty() {
            error["details"] = Value::Array(details);
        }
        json!({ "error": error })
    }

    /// `DigitalTwinNotFound`, in the service's words.
    pub fn twin_not_found(id: &str) -> Self {
        Self::new(
            Code::DigitalTwinNotFound,
            format!(
                "There is no digital twin instance that exists with the ID {id}. Please verify that the twin id is valid and ensure that the twin is not deleted. See section on querying the twins https://aka.ms/adtv2query."
            ),
        )
    }

    /// A list of models that is none, in the service's words (the doubled full stop too).
    pub fn no_models() -> Self {
        Self::new(
            Code::InvalidArgument,
            "Operation failed as models provided was empty or of a type that is not supported.. Check that your Model Array contains at least one item and it is of a supported type. See link(https://aka.ms/ADTv2Models) for details.",
        )
    }

    /// `ModelNotFound`, in the service's words.
    pub fn model_not_found(id: &str) -> Self {
        Self::new(
            Code::ModelNotFound,
            format!(
                "There is no Model(s) available that matches the provided id(s) {id}. Check that the Model ID provided is valid by doing a Model_List API call."
            ),
        )
    }

    /// `ComponentNotFound`, in the service's words (it leaves out a full stop).
    pub fn component_not_found(twin: &str, component: &str) -> Self {
        Self::new(
            Code::ComponentNotFound,
            format!(
                "{twin} does not have component {component} Please verify that the component path is correct. You can get components by getting the twin, See example https://aka.ms/TwinGetSwSmpl."
            ),
        )
    }

    /// `EventRouteNotFound`, in the service's words (they do not name the route).
    pub fn event_route_not_found() -> Self {
        Self::new(
            Code::EventRouteNotFound,
            "There is no route available that matches the provided input. Check for all valid event routes by calling EventRoute_List. See Swagger example (https://aka.ms/RouteSwSmpl).",
        )
    }

    /// `RelationshipNotFound`, in the service's words.
    pub fn relationship_not_found(source: &str, id: &str) -> Self {
        Self::new(
            Code::RelationshipNotFound,
            format!(
                "Relationship {id} not found on twin {source}. Please verify that the relationship id is valid and ensure that the relationship is not deleted. See section on listing relationships in the documentation https://aka.ms/adtv2twins."
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use adt_limits::TABLE;

    #[test]
    fn the_tables_errors_are_the_services() {
        for row in TABLE.iter().filter(|row| !row.error.is_empty()) {
            let code = Code::from_name(row.error).unwrap();
            assert!(code.status() == 429 || !row.is_rate(), "{}", row.name);
            let error = ServiceError::from(Exceeded { limit: row.limit, most: 5 });
            assert_eq!((error.code, error.message), (code, row.refusal(5)));
        }
    }
}
