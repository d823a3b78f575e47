//! `twinscope limits`, and the option by which other commands take limits.

use adt_limits::{Kind, Row, TABLE, Unit};
use clap::Args;
use serde_json::{Map, Value, json};

/// Print the service's limits by the names that `serve --limits FILE` takes.
#[derive(Args)]
pub struct Limits {
    /// As a JSON object: what a FILE may hold.
    #[arg(long)]
    json: bool,
}

impl Limits {
    /// Prints them.
    #[allow(clippy::print_stdout)] // what this command is for
    pub fn run(&self) {
        if self.json {
            let all = TABLE.iter().map(|row| (row.name.to_owned(), json!(row.most)));
            println!("{:#}", Value::Object(all.collect::<Map<_, _>>()));
            return;
        }
        for row in TABLE {
            let most = row.most.map_or_else(|| "no limit".to_owned(), |most| most.to_string());
            println!("{:<32}{most:>10} {:<11}{}", row.name, unit(row), row.what);
        }
        let sources: std::collections::BTreeSet<_> = TABLE.iter().map(|row| row.source).collect();
        println!("\nFrom: {}.", sources.into_iter().collect::<Vec<_>>().join("; "));
    }
}

/// What `--limits service|none|FILE` says.
///
/// # Errors
/// A file that cannot be read or does not fit.
pub fn named(named: &str) -> Result<adt_limits::Limits, String> {
    match named {
        "service" => Ok(adt_limits::Limits::service()),
        "none" => Ok(adt_limits::Limits::none()),
        file => {
            let told = |error: &dyn std::fmt::Display| format!("--limits {file}: {error}");
            let text = std::fs::read_to_string(file).map_err(|error| told(&error))?;
            adt_limits::Limits::parse(&text).map_err(|error| format!("--limits {file}, {error}"))
        }
    }
}

fn unit(row: &Row) -> &'static str {
    match (row.kind, row.unit) {
        (Kind::Rate, _) => "a second",
        (_, Unit::Bytes) => "bytes",
        (_, Unit::Characters) => "characters",
        (_, Unit::Items) => "",
    }
}
