"""What every test from outside needs: the built programs, and places of their own to run in."""

import json
import os
import pathlib

import pytest
from xdist.scheduler import LoadScopeScheduling

from twinscope.programs import Serve, Window

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUTPUT = ROOT / ".test-output"
# Tests are faster than the service's rates allow; its other limits hold.
RATES = [
    *("modelRequestsPerSecond", "twinReadsPerSecond", "twinPatchesPerSecond", "twinCreatesAndDeletesPerSecond"),
    *("operationsPerTwinPerSecond", "outstandingOperationsPerTwin", "queriesPerSecond", "queryUnitsPerSecond"),
    *("eventRouteRequestsPerSecond", "jobRequestsPerSecond"),
]


# What test_fidelity.py looks back at.
SERVICE = {f"test_{name}.py" for name in ("answers", "conformance", "javascript", "jobs", "limits", "sdk")}
# Files whose tests go one after the other: there is one display, and one test that looks back.
GROUPS = dict.fromkeys(("test_explore.py", "test_flow.py", "test_window.py"), "window")
GROUPS |= dict.fromkeys({*SERVICE, "test_fidelity.py"}, "service")


def pytest_collection_modifyitems(items):
    """What looks back at the others comes last."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


class FilesSideBySide(LoadScopeScheduling):
    """Most tests wait: files run side by side, a group's files and a file's tests one after the other."""

    def _split_scope(self, nodeid):
        file = nodeid.split("::")[0].split("/")[-1]
        return GROUPS.get(file, file)


def pytest_xdist_make_scheduler(config, log):
    return FilesSideBySide(config, log)


@pytest.fixture(scope="session")
def answered():
    """What all servers of this run answered: method, route, status and error code."""
    return set()


@pytest.fixture
def serve(tmp_path, answered):
    """Starts `twinscope serve` with the given arguments, without rates unless a test wants them; stops them all at the end."""
    running = []

    def start(*arguments, data="serve-data", rates=False):
        if not rates and "--limits" not in arguments:
            file = tmp_path / "no-rates.json"
            file.write_text(json.dumps(dict.fromkeys(RATES)))
            arguments = (*arguments, "--limits", file)
        server = Serve.start(tmp_path / data, *arguments)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()
        answered |= server.answered


@pytest.fixture
def window(tmp_path, request):
    """Opens the desktop window with an empty home; closes it at the end."""
    if not os.environ.get("DISPLAY"):
        pytest.fail("The window's tests need a display: run them with `make desktop`.")
    opened = []

    def open_window(home="home"):
        pictures = OUTPUT / request.node.name
        pictures.mkdir(parents=True, exist_ok=True)
        app = Window.open(tmp_path / home, pictures)
        opened.append(app)
        return app

    yield open_window
    for app in opened:
        app.close()
