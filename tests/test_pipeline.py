"""The scenarios of the documentation, from a device's message to whoever takes what became of it."""

import contextlib
import http.server
import json
import random
import threading
import uuid

import pytest
from azure.eventhub import EventHubConsumerClient
from azure.iot.device import IoTHubDeviceClient, Message
from twinscope.programs import eventually
from twinscope.workspaces import rooms, write_topology

THERMOSTATS = "type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = 'dtmi:example:Thermostat;1'"
ROOMS = "type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = 'dtmi:example:Room;1'"
HUB = {"kind": "iotHub", "devices": ["thermo_0001", "thermo_0002"], "function": "ingest"}
INGEST = {
    "kind": "ingest",
    "map": [
        {"from": "/temperature", "property": "/temperature"},
        {"from": "/temperature", "telemetry": "reading"},
    ],
}
TO_PARENT = {
    "kind": "propagateToParent",
    "property": "temperature",
    "relationship": "rel_has_thermostat",
    "parentProperty": "currentTemp",
}
THERMOSTAT_TO_ROOM = {
    "sources": {"hub": HUB},
    "functions": {"ingest": INGEST, "to-parent": TO_PARENT},
    "endpoints": {"eg-twins": {"kind": "eventGrid"}, "eh-rooms": {"kind": "eventHub"}},
    "routes": {
        "to-parent": {"endpoint": "eg-twins", "filter": THERMOSTATS},
        "rooms": {"endpoint": "eh-rooms", "filter": ROOMS},
    },
    "subscriptions": {"parent": {"endpoint": "eg-twins", "function": "to-parent"}},
}
TIME_SERIES = {
    "sources": {"hub": HUB},
    "functions": {"ingest": INGEST, "to-series": {"kind": "toTimeSeries", "sink": "eh-series"}},
    "endpoints": {"eh-telemetry": {"kind": "eventHub"}},
    "routes": {"telemetry": {"endpoint": "eh-telemetry", "filter": "type = 'microsoft.iot.telemetry'"}},
    "subscriptions": {"series": {"endpoint": "eh-telemetry", "function": "to-series"}},
    "sinks": {"eh-series": {"kind": "eventHub"}},
}


@pytest.fixture
def pipeline(serve, tmp_path):
    """Serves rooms with a topology, on a loopback address of its own: the device SDK knows one port."""

    def start(topology, functions=None, data="data", arguments=()):
        folder = tmp_path / "workspace"
        if not folder.exists():
            rooms(folder, topology=topology, functions=functions)
        address = "127." + ".".join(str(random.randint(1, 254)) for _ in range(3))
        server = serve("--listen", address, "--workspace", folder, *arguments, data=data)
        server.workspace = folder
        return server

    return start


@pytest.fixture
def device():
    """Connects the official device client; disconnects all of them at the end."""
    clients = []

    def connect(server, name="thermo_0001"):
        hub = server.connect["iotHub"]
        with open(hub["ca"], encoding="ascii") as ca:
            client = IoTHubDeviceClient.create_from_connection_string(
                hub["devices"][name], server_verification_cert=ca.read(), connection_retry=False
            )
        clients.append(client)
        client.connect()
        return client

    yield connect
    for client in clients:
        client.shutdown()


@contextlib.contextmanager
def reading(connection_string, group="$Default"):
    """What the official client receives from an event hub, from its beginning on."""
    # In batches: event by event it waits a fifth of a second for each empty partition between two.
    events = []
    client = EventHubConsumerClient.from_connection_string(connection_string, group)
    take = {"on_event_batch": lambda _partition, batch: events.extend(batch), "starting_position": "-1", "max_wait_time": 0.2}
    thread = threading.Thread(target=client.receive_batch, kwargs=take)
    thread.start()
    yield events
    client.close()
    thread.join()


def telemetry(temperature):
    """A message with a trace of its own; returns both."""
    trace = uuid.uuid4().hex
    message = Message(json.dumps({"temperature": temperature}), "m-1", "utf-8", "application/json")
    message.custom_properties["traceparent"] = f"00-{trace}-{uuid.uuid4().hex[:16]}-01"
    return message, trace


def properties(event):
    """An event's application properties as text."""
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    return {text(name): text(value) for name, value in event.properties.items()}


def trace_of(event):
    told = properties(event)
    return told.get("cloudEvents:traceparent", told.get("traceparent")).split("-")[1]


def test_a_thermostat_sets_the_temperature_of_its_room(pipeline, device):
    server = pipeline(THERMOSTAT_TO_ROOM)
    twins = server.client()
    message, trace = telemetry(27.5)
    device(server).send_message(message)
    eventually(lambda: twins.get_digital_twin("Room_1")["currentTemp"] == 27.5)
    assert twins.get_digital_twin("thermo_0001")["temperature"] == 27.5
    assert twins.get_digital_twin("Room_2")["currentTemp"] == 20
    with reading(server.connect["eventHubs"]["eh-rooms"]) as events:
        eventually(lambda: events)
    assert events[0].body_as_json() == {
        "modelId": "dtmi:example:Room;1",
        "patch": [{"value": 27.5, "path": "/currentTemp", "op": "add"}],
    }
    assert properties(events[0])["cloudEvents:subject"] == "Room_1"
    assert trace_of(events[0]) == trace


def test_a_thermostats_telemetry_becomes_a_time_series(pipeline, device):
    server = pipeline(TIME_SERIES)
    message, trace = telemetry(21.25)
    device(server).send_message(message)
    with reading(server.connect["eventHubs"]["eh-series"]) as events:
        eventually(lambda: events)
    body = events[0].body_as_json()
    assert body["$dtId"] == "thermo_0001"
    assert body["reading"] == 21.25
    assert body["timestamp"].endswith("Z")
    assert events[0].partition_key == b"thermo_0001"
    assert trace_of(events[0]) == trace


def test_the_same_with_a_function_of_ones_own(pipeline, device):
    function = """
        fn on_event(event) {
            let rooms = query(`SELECT room FROM DIGITALTWINS room JOIN twin RELATED room.rel_has_thermostat WHERE twin.$dtId = '${event.subject}'`);
            for row in rooms {
                patch(row.room["$dtId"], [#{ op: "add", path: "/currentTemp", value: event.data.patch[0].value }]);
            }
        }
    """
    functions = {**THERMOSTAT_TO_ROOM["functions"], "to-parent": {"kind": "rhai"}}
    server = pipeline({**THERMOSTAT_TO_ROOM, "functions": functions}, {"to-parent": function})
    twins = server.client()
    thermostat = device(server)
    message, trace = telemetry(23.5)
    thermostat.send_message(message)
    eventually(lambda: twins.get_digital_twin("Room_1")["currentTemp"] == 23.5)
    with reading(server.connect["eventHubs"]["eh-rooms"]) as events:
        eventually(lambda: events)
    assert trace_of(events[0]) == trace
    # Saved in an editor, it is another one from the next event on.
    doubled = function.replace(".value }", ".value * 2.0 }")
    (server.workspace / "functions" / "to-parent.rhai").write_text(doubled)

    def is_doubled():
        thermostat.send_message(telemetry(10.5)[0])
        return twins.get_digital_twin("Room_1")["currentTemp"] == 21.0

    eventually(is_doubled, every=0.5)


class Webhook(http.server.BaseHTTPRequestHandler):
    """An Azure Function with an Event Grid trigger, as far as Event Grid sees it."""

    def do_OPTIONS(self):
        self.send_response(200)
        self.send_header("WebHook-Allowed-Origin", self.headers["WebHook-Request-Origin"])
        self.send_header("WebHook-Allowed-Rate", "*")
        self.end_headers()

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        events = body if isinstance(body, list) else [body]
        answer = {}
        if self.headers.get("aeg-event-type") == "SubscriptionValidation":
            answer = {"validationResponse": events[0]["data"]["validationCode"]}
        else:
            self.server.events += events
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def webhook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    server.events = []
    threading.Thread(target=server.serve_forever).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_webhook_takes_what_a_route_lets_through(pipeline, device, webhook):
    functions = {"ingest": INGEST, "hook": {"kind": "webhook", "url": f"http://127.0.0.1:{webhook.server_port}/api/hook"}}
    subscriptions = {"hook": {"endpoint": "eg-twins", "function": "hook"}}
    server = pipeline({**THERMOSTAT_TO_ROOM, "functions": functions, "subscriptions": subscriptions})
    message, trace = telemetry(24.0)
    device(server).send_message(message)
    eventually(lambda: webhook.events)
    event = webhook.events[0]
    body = event["data"].get("data", event["data"])
    assert body["patch"] == [{"value": 24.0, "path": "/temperature", "op": "add"}]
    assert trace in json.dumps(event)


def test_a_deploy_while_messages_flow_loses_and_doubles_none(pipeline, device):
    server = pipeline(THERMOSTAT_TO_ROOM)
    thermostat = device(server)
    count, done = 300, threading.Event()

    def send():
        for number in range(count):
            thermostat.send_message(telemetry(1000.0 + number)[0])
        done.set()

    threading.Thread(target=send).start()
    turns = 0
    while not done.is_set():
        turns += 1
        # One part beside the way of the messages changes, and one on it.
        routes = {**THERMOSTAT_TO_ROOM["routes"], f"more-{turns}": {"endpoint": "eh-rooms", "filter": "false"}}
        ingest = {**INGEST, "twins": {f"device-{turns}": "thermo_0002"}}
        functions = {**THERMOSTAT_TO_ROOM["functions"], "ingest": ingest}
        write_topology(server.workspace, {**THERMOSTAT_TO_ROOM, "routes": routes, "functions": functions})
        done.wait(1)
    with reading(server.connect["eventHubs"]["eh-rooms"]) as events:
        values = lambda: [event.body_as_json()["patch"][0]["value"] for event in events]
        eventually(lambda: len(values()) >= count, 40)
        assert values() == [1000.0 + number for number in range(count)]
