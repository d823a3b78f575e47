"""Event Hubs and Service Bus with the official clients for JavaScript: the tests in tests/javascript-messaging."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from twinscope.programs import ROOT

JAVASCRIPT = pathlib.Path(__file__).parent / "javascript-messaging"
INSTALLED = JAVASCRIPT / "node_modules" / ".package-lock.json"
WAYS = ("tcp", "tls", "wss")
ENTITIES = {
    "eventHubs": {name: {"partitions": 4} for name in ("telemetry", "keys", "checkpoints")},
    "queues": {
        **{name: {} for name in ("orders", "later", "by-hand", "failing", *(f"way-{way}" for way in WAYS))},
        **{f"stream-{mode}-{way}": {} for mode in ("peekLock", "receiveAndDelete") for way in WAYS},
        "quick": {"lockSeconds": 1},
        **{name: {"requiresSession": True} for name in ("rooms", "talks")},
    },
    "topics": {"twins": {"subscriptions": {"ruled": {}}}},
}


@pytest.fixture
def server(serve, tmp_path):
    file = tmp_path / "entities.json"
    file.write_text(json.dumps(ENTITIES))
    return serve("--empty", "--entities", file)


def test_event_hubs_and_service_bus(server):
    assert INSTALLED.exists(), f"The clients are not installed: run `make {INSTALLED.relative_to(ROOT)}`."
    connect = server.connect
    strings = {"TWINSCOPE_EVENT_HUB": connect["eventHubs"]["telemetry"], "TWINSCOPE_SERVICE_BUS": connect["serviceBus"]["orders"]}
    environment = {**os.environ, **strings, "NODE_EXTRA_CA_CERTS": connect["adt"]["ca"]}
    run = subprocess.run(
        [shutil.which("node"), "--test"], cwd=JAVASCRIPT, env=environment, capture_output=True, text=True, timeout=180
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr
    assert "# fail 0" in run.stdout and "# cancelled 0" in run.stdout
