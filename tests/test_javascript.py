"""The official SDK for JavaScript against `twinscope serve`: the tests in tests/javascript."""

import os
import pathlib
import shutil
import subprocess

import pytest
from test_identity import environment
from twinscope.programs import ROOT

JAVASCRIPT = pathlib.Path(__file__).parent / "javascript"
INSTALLED = JAVASCRIPT / "node_modules" / ".package-lock.json"


@pytest.fixture
def node():
    """Runs Node.js in the folder of the tests, with a shell's environment after `twinscope env`."""
    assert INSTALLED.exists(), f"The SDK is not installed: run `make {INSTALLED.relative_to(ROOT)}`."
    program = shutil.which("node")

    def run(server, *arguments, **more):
        environment_ = {**environment(server), **more}
        return subprocess.run(
            [program, *arguments], cwd=JAVASCRIPT, env=environment_, capture_output=True, text=True, timeout=120
        )

    return run


def test_every_operation_on_an_empty_instance(serve, node):
    run = node(serve("--empty"), "--test")
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    assert "# fail 0" in run.stdout and "# cancelled 0" in run.stdout


def test_event_routes_of_the_sample(serve, node):
    run = node(serve(), "--test", "routes.test.mjs", TWINSCOPE_ENDPOINT="eg-twins")
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr


@pytest.mark.parametrize("demanded", [[], ["--token", "the-one"]], ids=["any token", "one token"])
def test_default_azure_credential_needs_only_the_environment(serve, node, demanded):
    run = node(serve("--empty", *demanded), "unchanged.mjs")
    assert (run.returncode, run.stdout) == (0, "a\n"), run.stderr


def test_without_the_ca_nothing_is_trusted(serve, node):
    run = node(serve("--empty"), "unchanged.mjs", NODE_EXTRA_CA_CERTS=os.devnull)
    assert run.returncode == 1 and "UNABLE_TO_VERIFY_LEAF_SIGNATURE" in run.stderr
