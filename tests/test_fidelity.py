"""FIDELITY.md is no claim: every answer that counts as recorded or documented was seen in this run."""

import pytest
from conftest import SERVICE
from test_openapi import document

CLAIMED = ("recorded", "documented")


def claimed(api):
    """Method, route, status and code of each answer that the OpenAPI document claims to know."""
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                known = answer.get("x-known-by", {"": operation["x-known-by"]})
                for code, basis in known.items():
                    if basis in CLAIMED:
                        yield method.upper(), path, int(status), code


@pytest.mark.last
def test_every_answer_that_is_claimed_was_seen(request, serve, answered):
    config, files = request.config, {item.path.name for item in request.session.items}
    if not SERVICE <= files or config.option.keyword or any("::" in argument for argument in config.args):
        pytest.skip(f"only a part of {', '.join(sorted(SERVICE))} ran")
    missing = sorted(set(claimed(document(serve("--empty")))) - answered)
    assert not missing, "\n".join(
        ["Nothing provoked these; add a case to tests/test_answers.py, or take them out of the table:"]
        + [" ".join(map(str, row)) for row in missing]
    )
