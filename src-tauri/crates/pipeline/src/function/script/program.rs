//! A compiled script, and its calls.

use super::check::ScriptProblem;
use super::engine::{self, TIME};
use super::host::{self, Host, message_json};
use super::live::Live;
use super::rehearsal::Rehearsal;
use super::{NO_THREAD, stack};
use crate::Event;
use rhai::{AST, Dynamic, Engine, EvalAltResult, ParseError, Position, Scope};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// A longer text is no function.
const MOST_BYTES: usize = 1 << 20;
const ON_MESSAGE: &str = "on_message";
const ON_EVENT: &str = "on_event";

/// A compiled script.
pub(super) struct Program {
    file: String,
    text: String,
    engine: Engine,
    ast: AST,
    /// Whether it has `on_message(message)`.
    pub(super) takes_messages: bool,
    /// Whether it has `on_event(event)`.
    pub(super) takes_events: bool,
}

/// What came of a call.
pub(super) struct Ran {
    pub(super) result: Result<(), ScriptProblem>,
    /// Whether the same may work when it is tried again.
    pub(super) is_transient: bool,
    /// Nanoseconds on its thread, without what it waited for others.
    pub(super) busy_nanos: u64,
}

impl Program {
    pub(super) fn compile(file: &str, text: &str) -> Result<Self, ScriptProblem> {
        let whole =
            |message: String| ScriptProblem { file: file.to_owned(), line: 0, column: 0, message };
        if text.len() > MOST_BYTES {
            return Err(whole(format!("A function has at most {} KiB.", MOST_BYTES >> 10)));
        }
        let engine = engine::new();
        let compiled = stack::here(|| engine.compile(text));
        let compiled = compiled.ok_or_else(|| whole(NO_THREAD.to_owned()))?;
        let ast = compiled.map_err(|error| parse_problem(file, &error))?;
        let has = |name: &str| ast.iter_functions().any(|f| f.name == name && f.params.len() == 1);
        let (takes_messages, takes_events) = (has(ON_MESSAGE), has(ON_EVENT));
        if !takes_messages && !takes_events {
            return Err(whole("It has neither «fn on_message(message)» nor «fn on_event(event)». Add one: it is what is called.".into()));
        }
        let (file, text) = (file.to_owned(), text.to_owned());
        Ok(Self { file, text, engine, ast, takes_messages, takes_events })
    }

    /// The names of its tests.
    pub(super) fn tests(&self) -> Vec<String> {
        let is_test =
            |f: &rhai::ScriptFnMetadata<'_>| f.name.starts_with("test_") && f.params.is_empty();
        let mut names: Vec<_> =
            self.ast.iter_functions().filter(is_test).map(|f| f.name.to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// Calls it with an event.
    pub(super) fn run(&self, event: &Event, live: Live) -> Ran {
        let start = Instant::now();
        let live = Arc::new(live);
        let result = match self.argument(event) {
            Ok((entry, argument)) => self.call(entry, (argument,), live.clone()),
            Err(problem) => Err(problem),
        };
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ran {
            is_transient: result.is_err() && live.failed_for_now(),
            busy_nanos: spent.saturating_sub(live.waited_nanos()),
            result,
        }
    }

    /// Calls one of its tests.
    pub(super) fn rehearse(&self, test: &str, rehearsal: Rehearsal) -> Result<(), ScriptProblem> {
        let ran = stack::here(|| self.call(test, (), Arc::new(rehearsal)));
        ran.unwrap_or_else(|| Err(self.problem(Position::NONE, NO_THREAD.to_owned())))
    }

    fn argument(&self, event: &Event) -> Result<(&'static str, Dynamic), ScriptProblem> {
        let (entry, takes, json) = match event {
            Event::Message(message) => (ON_MESSAGE, self.takes_messages, message_json(message)),
            Event::Notification(notification) => {
                let mut json = notification.to_cloud_event();
                json["twin"] = json!(notification.twin());
                (ON_EVENT, self.takes_events, json)
            }
            Event::Of2019(event) => (ON_EVENT, self.takes_events, event.json.clone()),
        };
        if !takes {
            let what = if entry == ON_MESSAGE { "(message)" } else { "(event)" };
            return Err(self.problem(
                Position::NONE,
                format!("it has no function «{entry}{what}», and was called for that. Add it."),
            ));
        }
        Ok((entry, engine::dynamic(&json).map_err(|e| self.problem(Position::NONE, e))?))
    }

    fn call(
        &self,
        function: &str,
        arguments: impl rhai::FuncArgs,
        host: Arc<dyn Host>,
    ) -> Result<(), ScriptProblem> {
        let called = host::with(host, TIME, || {
            self.engine.call_fn::<Dynamic>(&mut Scope::new(), &self.ast, function, arguments)
        });
        called.map(drop).map_err(|error| self.of_error(*error, function))
    }

    /// The innermost error: its place is where it happened.
    fn of_error(&self, mut error: EvalAltResult, called: &str) -> ScriptProblem {
        let mut function = called.to_owned();
        while let EvalAltResult::ErrorInFunctionCall(name, _, inner, _) = error {
            (function, error) = (name, *inner);
        }
        let position = error.take_position();
        let message = match &error {
            EvalAltResult::ErrorTooManyOperations(_) => engine::too_many_operations(),
            EvalAltResult::ErrorTerminated(why, _) => why.to_string(),
            EvalAltResult::ErrorStackOverflow(_) => {
                "functions call each other too deeply. End the recursion.".to_owned()
            }
            EvalAltResult::ErrorDataTooLarge(what, _) => {
                format!("{what}: it holds more than a function may. Work on less at once.")
            }
            EvalAltResult::ErrorRuntime(thrown, _) => match thrown.clone().into_string() {
                Ok(text) => text,
                Err(_) => engine::json(thrown).map_or_else(|e| e, |json: Value| json.to_string()),
            },
            other => format!("{other}."),
        };
        let problem = self.problem(position, message);
        // Rhai knows no place of an empty loop, and of what grows too large.
        let line = if problem.line == 0 { self.line_of(&function) } else { problem.line };
        ScriptProblem { line, ..problem }
    }

    /// The line where a function begins.
    fn line_of(&self, function: &str) -> usize {
        let begins = |line: &str| {
            let name = line.trim_start().trim_start_matches("private ").strip_prefix("fn ");
            name.is_some_and(|name| name.trim_start().starts_with(function))
        };
        self.text.lines().position(begins).map_or(0, |index| index + 1)
    }

    fn problem(&self, position: Position, message: String) -> ScriptProblem {
        ScriptProblem {
            file: self.file.clone(),
            line: position.line().unwrap_or_default(),
            column: position.position().unwrap_or_default(),
            message,
        }
    }
}

fn parse_problem(file: &str, error: &ParseError) -> ScriptProblem {
    let position = error.position();
    ScriptProblem {
        file: file.to_owned(),
        line: position.line().unwrap_or_default(),
        column: position.position().unwrap_or_default(),
        message: format!("{}.", error.err_type()),
    }
}
