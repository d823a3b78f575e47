//! FIDELITY.md: how each behaviour is known. `UPDATE_FIDELITY=1` writes it.
#![allow(clippy::unwrap_used)]

use super::table::{ANYWHERE, Failure, OPERATIONS, WITH_BODY};
use crate::Code;
use adt_limits::{Limit, THROTTLED};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Fidelity

How Twinscope knows what Azure Digital Twins answers. Written by `UPDATE_FIDELITY=1 cargo test -p adt-service fidelity` from the table beside the routes; a test fails when it is stale.

- **recorded**: seen in traffic with the service that its SDKs' repositories publish.
- **documented**: said by its API definition or documentation.
- **guess**: neither; what fits the rest best.
- **ours**: the service has no such answer, or none that could be told apart; this server needs one.

The OpenAPI document carries the same words as `x-known-by`. What an operation answers where all is well counts as recorded where its own traffic was seen. An error counts as recorded where it was seen with any operation that documents it; its text then follows the record.

Where the record and the API definition differ, the record is followed: ModelIdAlreadyExists (the definition has ModelAlreadyExists), TargetDigitalTwinNotFound (TargetTwinNotFound), JobNotFound (ImportJobNotFound), JobIdAlreadyExists and TooManyRequests for an import job (not in the definition).

Errors that the definition documents and that this server never answers are not listed: `tests/test_fidelity.py` fails where a recorded or documented row was not seen on the wire in the run of the tests. They are TimeoutError of a query, ValidationFailed of telemetry, MissingArgument (a path without an id is no path of the service) and RelationshipAlreadyExists (PUT replaces).

A body that gives a key of an object twice is taken, and the last of them counts, everywhere: the record shows Json.NET, which reads so (guess for the parts that it does not show). The header `x-ms-error-code` is on every error but the gateway's; in the record more lack it. `Retry-After` is the time until a request is let in again, a second; in the record of the jobs, whose rate counts differently there, it is 5 to 15. `Strict-Transport-Security` is not sent: browsers would apply it to all of localhost.
";

fn rows<'a>(page: &mut String, failures: impl IntoIterator<Item = &'a Failure>) {
    for Failure { status, code, basis } in failures {
        let code = if code.is_empty() { "(the gateway's, without a code)" } else { code };
        writeln!(page, "| {status} {code} | {} |", basis.name()).unwrap();
    }
}

fn written() -> String {
    let mut page = String::from(HEAD);
    for operation in OPERATIONS {
        let (method, path, answer) = (operation.method, operation.path, &operation.answer);
        write!(page, "\n## {method} {path}\n\n{}.\n\n", operation.summary).unwrap();
        page.push_str("| answer | known by |\n|---|---|\n");
        writeln!(page, "| {} | {} |", answer.status, operation.basis.name()).unwrap();
        rows(&mut page, operation.own_failures());
    }
    page.push_str("\n## Any operation\n\n| answer | known by |\n|---|---|\n");
    rows(&mut page, ANYWHERE);
    page.push_str("\n## Any operation with a body\n\n| answer | known by |\n|---|---|\n");
    rows(&mut page, WITH_BODY);
    page
}

#[test]
fn fidelity_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../FIDELITY.md");
    if std::env::var_os("UPDATE_FIDELITY").is_some() {
        std::fs::write(&path, written()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == written(),
        "FIDELITY.md is stale: UPDATE_FIDELITY=1 cargo test -p adt-service fidelity"
    );
}

#[test]
fn codes_have_the_status_that_the_server_sends() {
    for operation in OPERATIONS {
        for failure in operation.all_failures() {
            let rate = operation.rate.map(|rate| rate.row().error.replace(THROTTLED, ""));
            let of_jobs = Limit::RunningJobs.row().error == failure.code;
            let limited = of_jobs || rate.is_some_and(|error| error == failure.code);
            assert!(failure.status != 429 || limited, "{}", operation.id);
            if let Some(code) = Code::from_name(failure.code) {
                assert_eq!(failure.status, code.status(), "{} {}", operation.id, failure.code);
            }
        }
    }
}
