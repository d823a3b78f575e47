//! The `twinscope` command: the embedded services without a window.

mod check;
mod env;
mod export;
mod generate;
mod import;
mod limits;
mod place;
mod progress;
mod query;
mod secret;
mod serve;
mod target;
mod trust;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A third of a message's CPU time was malloc and free: events are many small values that one
/// thread makes and another drops.
#[global_allocator]
static ALLOCATOR: snmalloc_rs::SnMalloc = snmalloc_rs::SnMalloc;

/// Azure Digital Twins on this machine: an embedded instance that official clients use unchanged.
#[derive(Parser)]
#[command(name = "twinscope", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a workspace's embedded instance until Ctrl+C.
    Serve(serve::Serve),
    /// Check a workspace and print all that is wrong with it.
    Check(check::Check),
    /// Make a workspace of buildings with any number of rooms.
    Generate(generate::Generate),
    /// Import models, twins and relationships into a running instance.
    Import(import::Import),
    /// Export all models, twins and relationships of a running instance.
    Export(export::Export),
    /// Print the service's limits, as `serve --limits FILE` takes them.
    Limits(limits::Limits),
    /// Ask a running instance a query.
    Query(query::Query),
    /// Keep secrets that a topology names, list their names, or forget them.
    Secret(secret::Secret),
    /// Print what a shell needs so that unchanged code uses a running instance.
    Env(env::Env),
    /// Put the instance's CA into this machine's trust store, or take it out.
    Trust(trust::Trust),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve(serve) => serve.run().map(|()| ExitCode::SUCCESS),
        Command::Check(check) => check.run(),
        Command::Generate(generate) => generate.run(),
        Command::Import(import) => import.run(),
        Command::Export(export) => export.run(),
        Command::Limits(limits) => {
            limits.run();
            Ok(ExitCode::SUCCESS)
        }
        Command::Query(query) => query.run(),
        Command::Secret(secret) => secret.run().map(|()| ExitCode::SUCCESS),
        Command::Env(env) => env.run().map(|()| ExitCode::SUCCESS),
        Command::Trust(trust) => trust.run().map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(message) => {
            say(&format!("twinscope: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Says something to the person, beside what a command prints.
#[allow(clippy::print_stderr)]
fn say(message: &str) {
    eprintln!("{message}");
}
