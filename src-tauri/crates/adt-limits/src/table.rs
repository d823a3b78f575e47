//! The table. One row a limit; this is the file to edit when the service moves one.

use Kind::{Each, Held, Rate};
use Unit::{Bytes, Characters, Items};

/// How a limit is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the instance has at present, or the twin that has most of it.
    Held,
    /// What one request, job or value has.
    Each,
    /// In any one second.
    Rate,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Items,
    /// Bytes of UTF-8.
    Bytes,
    /// Characters.
    Characters,
}

/// A limit of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub limit: Limit,
    /// Its name in a file of limits.
    pub name: &'static str,
    /// The part of the service, in the words of its documentation.
    pub area: &'static str,
    /// What it bounds.
    pub what: &'static str,
    /// The service's number; `None` where it is documented and not enforced unless a file says so.
    pub most: Option<u64>,
    /// How it is counted.
    pub kind: Kind,
    /// What is counted.
    pub unit: Unit,
    /// The service's error code past it, or [`THROTTLED`]; empty where more is cut to it.
    pub error: &'static str,
    /// What is said past it; `{most}` is the number.
    pub refusal: &'static str,
    /// Where the number is from.
    pub source: &'static str,
}

/// The page of 27 January 2025. Its sections are "Functional limits" and "Rate limits".
const LIMITS_PAGE: &str = "Azure Digital Twins service limits, 01/2025";
const LIST_PAGES: &str = "API definition 2023-10-31: max-items-per-page";
const RECORDED: &str = "Recorded traffic";

/// In place of an error code: the gateway answers before the service, and without a code.
pub const THROTTLED: &str = "Throttled";

/// The limits, in the table's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the table says what each is
pub enum Limit {
    Twins,
    Relationships,
    OutgoingRelationships,
    IncomingRelationships,
    Body,
    StringValue,
    PropertyName,
    Models,
    ModelsPerCall,
    Model,
    Endpoints,
    EventRoutes,
    ListPage,
    RelationshipPage,
    LargestPage,
    QueryText,
    QueryOperators,
    QueryListItems,
    QueryJoins,
    ImportModels,
    ImportTwins,
    ImportRelationships,
    RunningJobs,
    ModelRequests,
    TwinReads,
    TwinPatches,
    TwinCreatesAndDeletes,
    TwinOperations,
    OutstandingOperations,
    Queries,
    QueryUnits,
    EventRouteRequests,
    JobRequests,
}

/// How many limits there are.
pub const COUNT: usize = TABLE.len();

/// All limits.
pub const TABLE: &[Row] = &[
    Row {
        limit: Limit::Twins,
        name: "twins",
        area: "Digital twins",
        what: "Twins of the instance",
        most: Some(2_000_000),
        kind: Held,
        unit: Items,
        error: "TwinLimitReached",
        refusal: "The instance has {most} digital twins, the most there may be. Delete one first.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::Relationships,
        name: "relationships",
        area: "Digital twins",
        what: "Relationships of the instance",
        most: Some(20_000_000),
        kind: Held,
        unit: Items,
        error: "LimitExceeded",
        refusal: "The instance has {most} relationships, the most there may be. Delete one first.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::OutgoingRelationships,
        name: "outgoingRelationshipsPerTwin",
        area: "Digital twins",
        what: "Relationships that leave a twin",
        // 5,000 in 2021.
        most: Some(50_000),
        kind: Held,
        unit: Items,
        error: "LimitExceeded",
        refusal: "The source twin has {most} outgoing relationships, the most there may be. Delete one first.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::IncomingRelationships,
        name: "incomingRelationshipsPerTwin",
        area: "Digital twins",
        what: "Relationships that end at a twin",
        // 5,000 in 2021.
        most: Some(50_000),
        kind: Held,
        unit: Items,
        error: "LimitExceeded",
        refusal: "The target twin has {most} incoming relationships, the most there may be. Delete one first.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::Body,
        name: "bodyBytes",
        area: "Digital twins",
        what: "Body of a twin, relationship or patch",
        most: Some(32 * 1024),
        kind: Each,
        unit: Bytes,
        error: "InvalidArgument",
        refusal: "The request's body is larger than {most}. Take something out of it.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::StringValue,
        name: "stringBytes",
        area: "Digital twins",
        what: "String value of a property",
        most: Some(4 * 1024),
        kind: Each,
        unit: Bytes,
        error: "ValidationFailed",
        refusal: "The string is longer than {most}.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::PropertyName,
        name: "propertyNameBytes",
        area: "Digital twins",
        what: "Name of a property, or key of a map",
        most: Some(1024),
        kind: Each,
        unit: Bytes,
        error: "ValidationFailed",
        refusal: "The name is longer than {most}.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::Models,
        name: "models",
        area: "Models",
        what: "Models of the instance",
        most: Some(10_000),
        kind: Held,
        unit: Items,
        error: "LimitExceeded",
        refusal: "The instance takes {most} models and would have more. Delete some first.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::ModelsPerCall,
        name: "modelsPerCall",
        area: "Models",
        what: "Models of one upload",
        most: Some(250),
        kind: Each,
        unit: Items,
        error: "LimitExceeded",
        refusal: "A request takes {most} models at the most. Send them in several requests, each model after those that it needs.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::Model,
        name: "modelBytes",
        area: "Models",
        what: "Size of a model",
        most: Some(1024 * 1024),
        kind: Each,
        unit: Bytes,
        error: "LimitExceeded",
        refusal: "The model is larger than {most}.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::Endpoints,
        name: "endpoints",
        area: "Routing",
        what: "Endpoints of the instance",
        most: Some(6),
        kind: Held,
        unit: Items,
        error: "LimitExceeded",
        refusal: "An instance has at most {most} endpoints. Take some away.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::EventRoutes,
        name: "eventRoutes",
        area: "Routing",
        what: "Event routes of the instance",
        most: Some(6),
        kind: Held,
        unit: Items,
        error: "LimitExceeded",
        refusal: "The instance has {most} event routes, the most there may be. Delete one first.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::ListPage,
        name: "itemsPerPage",
        area: "Lists and queries",
        what: "Items of a page where the caller does not say",
        most: Some(100),
        kind: Each,
        unit: Items,
        error: "",
        refusal: "",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::RelationshipPage,
        name: "relationshipsPerPage",
        area: "Lists and queries",
        what: "Relationships of a page where the caller does not say",
        // The API definition has no max-items-per-page for these lists; it is honoured here.
        most: Some(10),
        kind: Each,
        unit: Items,
        error: "",
        refusal: "",
        source: RECORDED,
    },
    Row {
        limit: Limit::LargestPage,
        name: "itemsPerLargestPage",
        area: "Lists and queries",
        what: "Items of a page",
        most: Some(1_000),
        kind: Each,
        unit: Items,
        error: "",
        refusal: "",
        source: LIST_PAGES,
    },
    Row {
        limit: Limit::QueryText,
        name: "queryCharacters",
        area: "Lists and queries",
        what: "Text of a query",
        most: Some(8_000),
        kind: Each,
        unit: Characters,
        error: "SqlQueryError",
        refusal: "The query is longer than {most} characters.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::QueryOperators,
        name: "queryOperators",
        area: "Lists and queries",
        what: "AND and OR of a query",
        most: Some(50),
        kind: Each,
        unit: Items,
        error: "SqlQueryError",
        refusal: "The query has more than {most} AND and OR.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::QueryListItems,
        name: "queryListItems",
        area: "Lists and queries",
        what: "Items of an IN or NIN",
        // The page on the query language's operators says 100.
        most: Some(50),
        kind: Each,
        unit: Items,
        error: "SqlQueryError",
        refusal: "A list of IN has more than {most} items.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::QueryJoins,
        name: "queryJoins",
        area: "Lists and queries",
        what: "JOINs of a query",
        most: Some(5),
        kind: Each,
        unit: Items,
        error: "SqlQueryError",
        refusal: "The query has more than {most} JOIN.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::ImportModels,
        name: "importModels",
        area: "Jobs",
        what: "Models of an import job",
        most: Some(10_000),
        kind: Each,
        unit: Items,
        error: "LimitExceeded",
        refusal: "An import job takes {most} models at the most. Import the rest by itself.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::ImportTwins,
        name: "importTwins",
        area: "Jobs",
        what: "Twins of an import job",
        most: Some(2_000_000),
        kind: Each,
        unit: Items,
        error: "LimitExceeded",
        refusal: "An import job takes {most} twins at the most. Import the rest by itself.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::ImportRelationships,
        name: "importRelationships",
        area: "Jobs",
        what: "Relationships of an import job",
        most: Some(10_000_000),
        kind: Each,
        unit: Items,
        error: "LimitExceeded",
        refusal: "An import job takes {most} relationships at the most. Import the rest by itself.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::RunningJobs,
        name: "runningJobs",
        area: "Jobs",
        what: "Jobs under way, import and delete",
        most: Some(1),
        kind: Held,
        unit: Items,
        // Code and words of recorded traffic.
        error: "TooManyRequests",
        refusal: "Cannot start another job while one is in progress. Please wait for it to complete before starting another one.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::ModelRequests,
        name: "modelRequestsPerSecond",
        area: "Models",
        what: "Model requests",
        most: Some(100),
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} model requests in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::TwinReads,
        name: "twinReadsPerSecond",
        area: "Digital twins",
        what: "Reads of twins and relationships",
        most: Some(1_000),
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} reads of twins in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::TwinPatches,
        name: "twinPatchesPerSecond",
        area: "Digital twins",
        what: "Patches of twins and relationships",
        most: Some(1_000),
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} patches of twins in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::TwinCreatesAndDeletes,
        name: "twinCreatesAndDeletesPerSecond",
        area: "Digital twins",
        what: "Twins and relationships created or deleted",
        // 50 in 2021.
        most: Some(500),
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} twins and relationships were created or deleted in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::TwinOperations,
        name: "operationsPerTwinPerSecond",
        area: "Digital twins",
        what: "Writes to one twin and its relationships",
        most: Some(10),
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} creations, updates and deletions of one twin or its relationships in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::OutstandingOperations,
        name: "outstandingOperationsPerTwin",
        area: "Digital twins",
        what: "Writes to one twin that are not answered yet",
        most: Some(500),
        kind: Each,
        unit: Items,
        error: THROTTLED,
        refusal: "{most} operations on one twin or its relationships are not answered yet. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::Queries,
        name: "queriesPerSecond",
        area: "Lists and queries",
        what: "Query requests",
        most: Some(500),
        kind: Rate,
        unit: Items,
        error: "QuotaReachedError",
        refusal: "More than {most} query requests in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::QueryUnits,
        name: "queryUnitsPerSecond",
        area: "Lists and queries",
        what: "Query units",
        most: Some(4_000),
        kind: Rate,
        unit: Items,
        error: "QuotaReachedError",
        refusal: "Queries cost more than {most} query units in a second. Wait as long as the Retry-After header says, or ask for less.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::EventRouteRequests,
        name: "eventRouteRequestsPerSecond",
        area: "Routing",
        what: "Event route requests",
        most: Some(100),
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} event route requests in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
    Row {
        limit: Limit::JobRequests,
        name: "jobRequestsPerSecond",
        area: "Jobs",
        what: "Job requests",
        // Documented is 1. Clients that wait for a job ask more often, so only a file sets it.
        most: None,
        kind: Rate,
        unit: Items,
        error: THROTTLED,
        refusal: "More than {most} job requests in a second. Wait as long as the Retry-After header says.",
        source: LIMITS_PAGE,
    },
];

impl Limit {
    /// Its row.
    pub const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The limit of that name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.limit)
    }
}

impl Row {
    /// The service's number; `u64::MAX` where there is none.
    pub const fn number(&self) -> u64 {
        match self.most {
            Some(most) => most,
            None => u64::MAX,
        }
    }

    /// Whether the same request is let in a little later: it is answered by 429 with Retry-After.
    pub fn is_rate(&self) -> bool {
        self.kind == Rate || self.limit == Limit::OutstandingOperations
    }

    /// What is said past `most`.
    pub fn refusal(&self, most: u64) -> String {
        self.refusal.replace("{most}", &self.unit.words(most))
    }
}

impl Unit {
    /// A number as a sentence has it: `32 KB`, `2,000,000`.
    fn words(self, number: u64) -> String {
        const KB: u64 = 1024;
        match self {
            Bytes if number.is_multiple_of(KB * KB) => format!("{} MB", number / KB / KB),
            Bytes if number.is_multiple_of(KB) => format!("{} KB", number / KB),
            Bytes => format!("{} bytes", grouped(number)),
            Items | Characters => grouped(number),
        }
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.char_indices().flat_map(|(at, digit)| {
        let comma = at > 0 && (digits.len() - at).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    grouped.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_are_in_the_order_of_the_limits_and_have_names_of_their_own() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.limit as usize, at, "{}", row.name);
            assert_eq!(row.error.is_empty(), row.refusal.is_empty(), "{}", row.name);
            assert_eq!(Limit::named(row.name), Some(row.limit));
        }
        let names: HashSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), COUNT);
    }

    #[test]
    fn numbers_are_said_as_people_read_them() {
        for (unit, number, words) in [
            (Bytes, 32 * 1024, "32 KB"),
            (Bytes, 1024 * 1024, "1 MB"),
            (Bytes, 1000, "1,000 bytes"),
            (Items, 6, "6"),
            (Items, 100, "100"),
            (Items, 2_000_000, "2,000,000"),
        ] {
            assert_eq!(unit.words(number), words);
        }
    }
}
