//! Queries: what an editor asks while one is written, how one runs, and its rows.
//!
//! Places in a text are in UTF-16 units, as the page counts them.

use super::Failure;
use super::columns::columns;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// What is to be said about a text that is being written.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryText {
    /// Its pieces, in order; white space is in none.
    pub pieces: Vec<QueryPiece>,
    /// What is wrong with it, and what finds nothing. Of an empty text nothing.
    pub problems: Vec<QueryProblem>,
}

/// A piece of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryPiece {
    /// Where it begins.
    pub from: u32,
    /// Where it ends.
    pub to: u32,
    /// What it is.
    pub kind: QueryPieceKind,
}

/// What a piece of a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum QueryPieceKind {
    /// `SELECT`.
    Keyword,
    /// `IS_OF_MODEL`.
    Function,
    /// The name of a collection.
    Alias,
    /// The name of a property.
    Property,
    /// The name of a relationship.
    RelationshipName,
    /// A text in quotes.
    Text,
    /// A DTMI in quotes.
    ModelId,
    /// A number.
    Number,
    /// A comparison, a bracket, an arrow.
    Mark,
    /// A name whose meaning is not known.
    Name,
    /// Nothing of the language.
    Unknown,
}

/// Something to say about a part of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryProblem {
    /// Where it begins.
    pub from: u32,
    /// Where it ends; the same as `from` at the end of the text.
    pub to: u32,
    /// Whether the service refuses the query for it; else something in it finds nothing.
    pub refused: bool,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What can stand at a place of a query.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryOffers {
    /// Where what is written of it begins.
    pub from: u32,
    /// What fits what is written.
    pub items: Vec<QueryOffer>,
}

/// Something that can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryOffer {
    /// What is inserted.
    pub text: String,
    /// What it is.
    pub kind: QueryPieceKind,
    /// More about it, or empty.
    pub detail: String,
}

/// A query that has something to show here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SampleQuery {
    /// What it asks, in words.
    pub title: String,
    /// Its text.
    pub text: String,
}

/// Who runs a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum QueryOn {
    /// This app, on the graph that it shows.
    Graph,
    /// The remote service, which counts query units.
    Service,
}

/// How a query is run.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryOrder {
    /// The query.
    pub text: String,
    /// Who runs it; of an embedded instance always `graph`.
    pub on: QueryOn,
    /// Whether its rows follow the graph from then on; only on the graph.
    pub live: bool,
}

/// A query that runs or ran.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryRun {
    /// Its number, to ask about it.
    pub run: u32,
    /// Who runs it.
    pub on: QueryOn,
    /// Whether its rows follow the graph.
    pub live: bool,
    /// Whether it is still looking for rows.
    pub running: bool,
    /// Why it ended too soon; the rows found until then stay.
    pub failure: Option<Failure>,
    /// Rows found so far.
    #[ts(type = "number")]
    pub rows: u64,
    /// Whether these are all rows: false while it runs, where it ended too soon, and where the
    /// service has more pages.
    pub complete: bool,
    /// How long it took, or takes already, in ms.
    pub millis: f64,
    /// Documents and relationships that were looked at; places, where a column was. Not of the
    /// service.
    #[ts(type = "number | null")]
    pub scanned: Option<u64>,
    /// Query units that the service counted.
    pub charge: Option<f64>,
    /// The steps that found the rows.
    pub steps: Vec<QueryStep>,
    /// Properties that were read from columns.
    pub columns: Vec<String>,
    /// Those of them whose columns were made for this query.
    pub columns_made: Vec<String>,
    /// Twins that the rows bind.
    pub twins: u32,
    /// Relationships that the rows bind.
    pub relationships: u32,
    /// Its rows on their way into a file, or what became of that.
    pub export: Option<QueryExport>,
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryStep {
    /// What it does.
    pub what: String,
    /// How many it was expected to leave.
    pub estimated: f64,
    /// How many it left.
    #[ts(type = "number")]
    pub reached: u64,
}

/// A page of rows.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryPage {
    /// The rows.
    pub rows: Vec<QueryRow>,
    /// Whether another page follows.
    pub more: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryRow {
    /// The same for as long as the row is there.
    #[ts(type = "number")]
    pub id: u64,
    /// `$dtId` of the twins that it binds, in the order in which the query names them.
    pub twins: Vec<String>,
    /// As the service answers it.
    #[ts(type = "Record<string, unknown>")]
    pub value: Value,
}

/// What became of the rows of a live query.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryChanges {
    /// The revision that it leads to; to be handed back as `since`.
    pub revision: u32,
    /// Whether `came` is all rows, in place of what the page has.
    pub start_over: bool,
    /// Rows that are new.
    pub came: Vec<QueryRow>,
    /// Ids of rows that are there no more.
    #[ts(type = "number[]")]
    pub went: Vec<u64>,
    /// Rows that have other values.
    pub changed: Vec<QueryRow>,
}

/// What a file of rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum QueryForm {
    /// An array of the rows.
    Json,
    /// One column a property.
    Csv,
}

/// All rows of a query on their way into a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct QueryExport {
    /// The file.
    pub path: String,
    /// Rows written so far.
    #[ts(type = "number")]
    pub rows: u64,
    /// Whether it is still writing.
    pub running: bool,
    /// Why there is no file.
    pub failure: Option<Failure>,
}

/// What a [`MatchMessage`] says beside its columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MatchHead {
    /// The session that it belongs to.
    pub session: u32,
    /// Whether a filter was read as a condition of the query language; else as text.
    pub condition: bool,
    /// Why a filter that looks like a condition is none.
    pub problem: Option<String>,
}

columns! {
    /// What a query or a filter matches, in the rows of the graph.
    pub struct MatchMessage {
        /// All that is no column.
        pub head: MatchHead,
        /// Rows of twins.
        pub twin_row: u32,
        /// Rows of relationships; of a filter none.
        pub edge_row: u32,
    }
}
