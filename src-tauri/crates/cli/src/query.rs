//! `twinscope query`.

mod table;

use crate::progress::{interrupted, say_over, stop_on_ctrl_c};
use crate::target::Target;
use adt_service::{Call, PageRequest, QueryPage, QueryRequest, TwinService};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::io::{BufWriter, Write};
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
        let mut output = Output::new(self.format);
        let mut request = QueryRequest { query: Some(self.text.clone()), page: page(None) };
        let (begun, mut rows) = (Instant::now(), 0);
        loop {
            let page = wait(&client, request, begun, rows, &stop).await;
            let Some(page) = page else { return Ok(interrupted()) };
            let page = page.map_err(|error| error.message)?;
            rows += page.rows.items.len();
            if !wanted(output.page(page.rows.items))? {
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
struct Output {
    form: Form,
    out: BufWriter<std::io::Stdout>,
    rows: Rows,
    count: usize,
}

impl Output {
    fn new(form: Form) -> Self {
        Self { form, out: BufWriter::new(std::io::stdout()), rows: Rows::default(), count: 0 }
    }

    fn page(&mut self, rows: Vec<Value>) -> std::io::Result<()> {
        match self.form {
            Form::Table => self.rows.write_page(&rows, &mut self.out)?,
            Form::Csv => self.rows.keep(rows.iter()),
            Form::Json => {
                for row in &rows {
                    let before = if self.count == 0 { "[\n" } else { ",\n" };
                    write!(self.out, "{before}{row}")?;
                    self.count += 1;
                }
                return self.out.flush();
            }
        }
        self.count += rows.len();
        self.out.flush()
    }

    fn end(mut self) -> std::io::Result<()> {
        match self.form {
            Form::Table => {
                let rows = if self.count == 1 { "row" } else { "rows" };
                writeln!(self.out, "{} {rows}", self.count)?;
            }
            Form::Csv => self.rows.write_csv(&mut self.out)?,
            Form::Json if self.count == 0 => writeln!(self.out, "[]")?,
            Form::Json => writeln!(self.out, "\n]")?,
        }
        self.out.flush()
    }
}
