"""Endpoints that are away, refuse, or come back; a killed process: what was sent adds up to the last event."""

import re
import socket
import subprocess
from urllib.parse import urlsplit

import pytest
import requests
from twinscope.programs import BINARIES, eventually, free_port
from twinscope.workspaces import rooms, write_topology
from test_pipeline import properties, reading

OUT = {
    "endpoints": {"eh-out": {"kind": "eventHub", "primary": {"secret": "out"}, "secondary": {"secret": "other"}}},
    "routes": {"out": {"endpoint": "eh-out", "filter": "type = 'Microsoft.DigitalTwins.Twin.Update'"}},
}
# By the rules of 2019, whose events of this type are in no feed.
RAW = {
    "sources": {"door": {"kind": "http", "device": "/id", "function": "ingest"}},
    "functions": {"ingest": {"kind": "ingest", "map": [{"from": "/temperature", "property": "/temperature"}]}},
    "endpoints2019": {
        "raw": {
            "kind": "eventHub",
            "eventTypes": ["DeviceMessage"],
            "path": "out",
            "primary": {"secret": "out"},
            "secondary": {"secret": "out"},
        }
    },
}
# So that backoffs of seconds take hundredths.
QUICK = ("--delivery-time-factor", "0.02")
# By the rules of 2019 an answer that is late begins a pause, and drops.
PATIENT = ("--delivery-time-factor", "1")


@pytest.fixture
def outside(serve):
    """An event hub in another process, always at the same port, that can be killed and started again."""
    port = free_port()

    def start():
        return serve("--empty", "--amqp-port", str(port), "--mqtt-port", "0", "--event-hub", "out:2", data="outside")

    return start


@pytest.fixture
def instance(serve, tmp_path):
    """An instance with an endpoint elsewhere; its secrets are kept before it starts."""
    rooms(tmp_path / "workspace", topology=OUT)

    def start(*arguments, **secrets):
        data = tmp_path / "instance"
        for name, secret in secrets.items():
            command = [BINARIES / "twinscope", "secret", "set", name, "--data", data]
            subprocess.run(command, input=secret, text=True, check=True)
        times = arguments or QUICK
        return serve("--workspace", tmp_path / "workspace", "--mqtt-port", "0", "--watch", *times, data="instance")

    return start


def patch(server, numbers):
    twins = server.client()
    for number in numbers:
        twins.update_digital_twin("Room_1", [{"op": "add", "path": "/currentTemp", "value": number}])


def node(server, name):
    """The last row that --watch showed of a node: numbers, and what its state is in words."""
    rows = re.findall(rf"^{name} +(\S+) +(\d+) +(\d+) +(\d+) +(?:[\d.]+ +)?(\d+)  (.*)$", server.log.read_text(), re.M)
    if not rows:
        return None
    _, done, behind, failed, dropped, state = rows[-1]
    return {"done": int(done), "behind": int(behind), "failed": int(failed), "dropped": int(dropped), "state": state}


def numbers(events):
    return [event.body_as_json()["patch"][0]["value"] for event in events]


def test_what_waits_when_the_process_is_killed_is_delivered_after_it(outside, instance):
    away = outside()
    secret = away.connect["eventHubs"]["out"]
    server = instance(out=secret, other=secret)
    patch(server, range(20))
    eventually(lambda: (node(server, "endpoints/eh-out") or {}).get("done") == 20)
    away.kill()
    patch(server, range(20, 220))
    eventually(lambda: "attempt" in node(server, "endpoints/eh-out")["state"])
    server.kill()
    away = outside()
    server = instance()
    patch(server, range(220, 240))
    with reading(secret) as events:
        eventually(lambda: set(numbers(events)) == set(range(240)), 60)
        eventually(lambda: node(server, "endpoints/eh-out")["done"] >= 240)
        # In order; what came twice has the id that it had.
        first = list(dict.fromkeys(numbers(events)))
        assert first == list(range(240))
        ids = {}
        for event, number in zip(events, numbers(events), strict=True):
            ids.setdefault(number, set()).add(properties(event)["cloudEvents:id"])
        assert all(len(of_one) == 1 for of_one in ids.values())
    row = node(server, "endpoints/eh-out")
    assert (row["done"], row["dropped"], row["behind"]) == (240, 0, 0)


def test_messages_that_wait_by_the_rules_of_2019_when_the_process_is_killed_are_delivered_after_it(
    outside, instance, tmp_path
):
    away = outside()
    secret = away.connect["eventHubs"]["out"]
    write_topology(tmp_path / "workspace", RAW)
    # Takes connections and says nothing, for the half minute that the endpoint waits for it.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server = instance(*PATIENT, out=re.sub(r":\d+", f":{port}", secret, count=1))
        place = urlsplit(server.connect["iotHub"]["events"]["endpoint"]).netloc
        for number in range(8):
            message = {"id": "thermo_0001", "temperature": number}
            answer = requests.post(
                f"http://{place}/ingress/door", json=message, headers={"Authorization": "Bearer any"}, timeout=30
            )
            assert answer.ok, answer.text
        server.kill()
    server = instance(*PATIENT, out=secret)
    with reading(secret) as events:
        eventually(lambda: len(events) >= 8)
        assert [event.body_as_json()["temperature"] for event in events] == list(range(8))
        eventually(lambda: (node(server, "endpoints2019/raw") or {}).get("done") == 8)
    assert node(server, "endpoints2019/raw")["dropped"] == 0


def test_a_refused_primary_key_gives_way_to_the_secondary(outside, instance):
    away = outside()
    secret = away.connect["eventHubs"]["out"]
    wrong = re.sub("SharedAccessKey=[^;]+", "SharedAccessKey=bm90IHRoZSBrZXk=", secret)
    server = instance(out=wrong, other=secret)
    patch(server, range(10))
    with reading(secret) as events:
        eventually(lambda: len(events) >= 10)
        assert numbers(events) == list(range(10))
    eventually(lambda: "secondary key" in node(server, "endpoints/eh-out")["state"])
    assert "bm90IHRoZSBrZXk" not in server.log.read_text()
