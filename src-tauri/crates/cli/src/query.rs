//! `twinscope query`.

mod table;

use crate::progress::{interrupted, say_over, stop_on_ctrl_c};
use crate::target::Target;
use adt_service::{Call, PageRequest, QueryPage, QueryRequest, TwinService};
use clap::{Args, ValueEnum};
use interchange::{RowForm, RowWriter};
use serde_json::Value;
use std::io::{self, BufWriter, Stdout, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use table::Rows;
use twin_graph::Origin;

/// Rows of a page: as many as the service gives at once.
const PAGE: usize = 1_000;
/// Work that takes longer says how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Ask a running instance a query in the language of Azure Digital Twins.
///
/// For example `twinscope query 'SELECT T.$dtId, T.temperature FROM DIGITALTWINS T WHERE T.temperature > 21'`.
/// A table is written page by page; its columns are those of the first page. CSV has all columns
/// and therefore waits for the last page. Exits with 130 after Ctrl+C.
#[derive(Args)]
pub struct Query {
    /// The query.
    #[arg(value_name = "TEXT")]
    text: String,
    /// What the rows are written as.
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people; long values are cut.
    Table,
    /// An array of the rows as the service answers them.
    Json,
    /// One column a property, objects as JSON.
    Csv,
}

impl Query {
    /// Asks page by page and prints.
    pub fn run(self) -> Result<ExitCode, String> {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(self.ask())
    }

    async fn ask(self) -> Result<ExitCode, String> {
        let client = self.target.client()?;
        let stop = stop_on_ctrl_c();
        let mut output = Output::new(self.format).map_err(|error| error.to_string())?;
        let mut request = QueryRequest { query: Some(self.text.clone()), page: page(None) };
        let (begun, mut rows) = (Instant::now(), 0);
        loop {
            let page = wait(&client, request, begun, rows, &stop).await;
            let Some(page) = page else { return Ok(interrupted()) };
            let page = page.map_err(|error| error.message)?;
            rows += page.rows.items.len();
            if !wanted(output.page(&page.rows.items))? {
                return Ok(ExitCode::SUCCESS);
            }
            match page.rows.continuation {
                Some(next) => {
                    request = QueryRequest {
                        query: Some(self.text.clone()),
                        page: self::page(Some(next)),
                    };
                }
                None => break,
            }
        }
        wanted(output.end())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether what was written is still read: `head` has enough at some time, which is no error.
fn wanted(written: std::io::Result<()>) -> Result<bool, String> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("The rows could not be written: {error}")),
    }
}

fn page(continuation: Option<String>) -> PageRequest {
    PageRequest { continuation, max_items: Some(PAGE) }
}

/// The next page; `None` where Ctrl+C came first, which ends the query there, too.
async fn wait(
    client: &impl TwinService,
    request: QueryRequest,
    begun: Instant,
    rows: usize,
    stop: &Arc<AtomicBool>,
) -> Option<Result<QueryPage, adt_service::ServiceError>> {
    let call = Call::new(Origin::Rest);
    let mut answer = std::pin::pin!(client.query(&call, request));
    let mut tick = tokio::time::interval(PATIENCE / 10);
    let mut shown = false;
    loop {
        tokio::select! {
            page = &mut answer => {
                if shown {
                    say_over("");
                }
                return Some(page);
            }
            _ = tick.tick() => {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                if begun.elapsed() >= PATIENCE {
                    let seconds = begun.elapsed().as_secs();
                    shown = say_over(&format!("{rows} rows after {seconds} s"));
                }
            }
        }
    }
}

/// Where rows go.
enum Output {
    Table { out: BufWriter<Stdout>, rows: Rows, count: usize },
    Data(RowWriter<BufWriter<Stdout>>),
}

impl Output {
    fn new(form: Form) -> io::Result<Self> {
        let out = BufWriter::new(io::stdout());
        Ok(match form {
            Form::Table => Self::Table { out, rows: Rows::default(), count: 0 },
            Form::Json => Self::Data(RowWriter::new(RowForm::Json, out)?),
            Form::Csv => Self::Data(RowWriter::new(RowForm::Csv, out)?),
        })
    }

    fn page(&mut self, page: &[Value]) -> io::Result<()> {
        match self {
            Self::Table { out, rows, count } => {
                *count += page.len();
                rows.write_page(page, out)?;
                out.flush()
            }
            Self::Data(rows) => {
                page.iter().try_for_each(|row| rows.write(row))?;
                rows.flush()
            }
        }
    }

    fn end(self) -> io::Result<()> {
        match self {
            Self::Table { mut out, count, .. } => {
                writeln!(out, "{count} {}", if count == 1 { "row" } else { "rows" })?;
                out.flush()
            }
            Self::Data(rows) => rows.finish().map(drop),
        }
    }
}
