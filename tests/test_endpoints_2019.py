"""The management API of 2019: a case for each sentence that "Egress and endpoints" says about it, named after it.

What the endpoints do with events is in the tests of the crate `pipeline`.
"""

import json
import os
import pathlib
import re
import time
import uuid

import pytest
import requests
from azure.eventhub import EventHubConsumerClient
from twinscope.programs import ROOT, eventually

SEED = pathlib.Path(os.environ.get("SEEDS", ROOT.parent / "shared" / "seeds")) / "egress-and-endpoints.2019.fr.md"
CHANGES = ["SensorChange", "SpaceChange", "TopologyOperation"]
KEYS = "Endpoint=sb://somewhere.example/;SharedAccessKeyName=Root;SharedAccessKey=aHVzaGh1c2g="
NAMED = f"{KEYS};EntityPath=raw"
SPACE = {"@id": "dtmi:x:Space;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3"}


class Api:
    """The API at its address, with a token or without."""

    def __init__(self, server, token="any"):
        self.url = f"{server.connect['adt']['endpoint']}/management/api/v1.0/endpoints"
        self.options = {"verify": server.connect["adt"]["ca"], "timeout": 30}
        if token:
            self.options["headers"] = {"Authorization": f"Bearer {token}"}

    def __call__(self, method, path="", body=None):
        return requests.request(method, self.url + path, json=body, **self.options)

    def create(self, body):
        answer = self("POST", body=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def refused(self, body, method="POST", path=""):
        """The sentence of a refusal, after which everything is as before."""
        before = self("GET").json()
        answer = self(method, path, body)
        assert answer.status_code == 400, answer.text
        assert self("GET").json() == before
        message = answer.json()["error"]["message"]
        assert "aHVzaGh1c2g=" not in answer.text and message.endswith(".")
        return message


@pytest.fixture
def server(serve):
    return serve("--empty", "--event-hub", "spaces", "--event-hub", "raw", "--delivery-time-factor", "0.01")


@pytest.fixture
def api(server):
    return Api(server)


def endpoint(kind="EventHub", types=CHANGES, primary=KEYS, secondary=KEYS, path="spaces"):
    return {
        "type": kind,
        "eventTypes": types,
        "connectionString": primary,
        "secondaryConnectionString": secondary,
        "path": path,
    }


def received(server, hub, most):
    """The first events of an embedded event hub."""
    events = []
    consumer = EventHubConsumerClient.from_connection_string(server.connect["eventHubs"][hub], "$Default")

    def on_event(_, event):
        if event is not None:
            events.append(json.loads(event.body_as_str()))
        # Also where a partition has had nothing for a while.
        if event is None or len(events) >= most:
            consumer.close()

    with consumer:
        consumer.receive(on_event, starting_position="-1", max_wait_time=8)
    return events


def make_spaces(server, *names):
    twins = server.client()
    for name in names:
        twins.upsert_digital_twin(name, {"$metadata": {"$model": SPACE["@id"]}})


def test_endpoints_are_managed_via_the_endpoints_api(api):
    assert api("GET").json() == []
    id = api.create(endpoint())
    assert str(uuid.UUID(id)) == id
    shown = {"id": id, "type": "EventHub", "eventTypes": CHANGES, "path": "spaces"}
    assert api("GET").json() == [shown]
    assert api("GET", f"/{id.upper()}").json() == shown
    assert api("PATCH", f"/{id}", {"eventTypes": ["UdfCustom"], "path": "other"}).status_code == 204
    assert api("GET", f"/{id}").json() == {**shown, "eventTypes": ["UdfCustom"], "path": "other"}
    assert api("DELETE", f"/{id}").status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = api(method, f"/{id}", {} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_they_stay_between_starts(serve, server, api):
    id = api.create(endpoint())
    server.stop()
    assert [own["id"] for own in Api(serve("--empty"))("GET").json()] == [id]


def test_an_authenticated_post(server):
    answer = Api(server, token=None)("POST", body=endpoint())
    assert answer.status_code == 401
    assert Api(server)("POST", body=endpoint()).status_code == 201


def test_secrets_are_kept_and_never_shown(server, api):
    id = api.create(endpoint())
    for path in ("", f"/{id}"):
        assert "aHVzaGh1c2g=" not in api("GET", path).text
    assert KEYS in (server.data / "secrets.json").read_text()
    api("DELETE", f"/{id}")
    assert KEYS not in (server.data / "secrets.json").read_text()


def test_a_route_to_sensor_change_space_change_and_topology_operation(api):
    for kind, primary, path in (
        ("ServiceBus", KEYS, "topic"),
        ("EventGrid", "a key", "topic.westus-1.eventgrid.azure.net"),
        ("EventHub", KEYS, "hub"),
    ):
        id = api.create(endpoint(kind, primary=primary, secondary=primary, path=path))
        assert api("GET", f"/{id}").json() == {"id": id, "type": kind, "eventTypes": CHANGES, "path": path}


def test_the_documents_own_examples(api):
    if not SEED.exists():
        pytest.skip(f"{SEED} is not here: its examples were not sent.")
    # Indented within lists: the blocks of the chapter that configures endpoints.
    blocks = re.findall(r"```JSON\n(.*?)```", SEED.read_text(), re.DOTALL)
    examples = [json.loads(block) for block in blocks if '"connectionString"' in block]
    assert len(examples) == 4
    for example in examples:
        api.create(example)
    assert [own["type"] for own in sorted(api("GET").json(), key=lambda own: own["type"])] == [
        *("EventGrid", "EventHub", "EventHub", "ServiceBus")
    ]


def test_be_careful_with_event_types_they_say_what_an_endpoint_handles(server, api):
    twins = server.client()
    twins.create_models([SPACE])
    hub = server.connect["eventHubs"]
    api.create(endpoint(types=["TopologyOperation"], primary=hub["spaces"], secondary=None))
    api.create(endpoint(types=["UdfCustom"], primary=hub["raw"], secondary=None, path="raw"))
    make_spaces(server, "a", "b")
    [first, second] = received(server, "spaces", 2)
    assert {first["eventType"], second["eventType"]} == {"TopologyOperation"}
    assert {first["subject"], second["subject"]} == {"Space"}
    for types in ([], ["Telemetry"], ["UdfCustom", "UdfCustom"], "UdfCustom", None):
        assert "eventTypes" in api.refused(endpoint(types=types)) or types in ([], ["UdfCustom", "UdfCustom"])


def test_device_message_goes_with_event_hub_only(api):
    for kind, path in (("ServiceBus", "raw"), ("EventGrid", "raw.example")):
        assert "event hub" in api.refused(endpoint(kind, ["DeviceMessage"], NAMED, None, path))


def test_device_message_is_not_combined_with_another_event_type(api):
    assert "alone" in api.refused(endpoint(types=["DeviceMessage", "SensorChange"], primary=NAMED, path="raw"))


def test_only_one_endpoint_has_event_hub_with_device_message(api):
    id = api.create(endpoint(types=["DeviceMessage"], primary=NAMED, secondary=NAMED, path="raw"))
    assert "another" in api.refused(endpoint(types=["DeviceMessage"], primary=NAMED, secondary=NAMED, path="raw"))
    other = api.create(endpoint())
    changed = {"eventTypes": ["DeviceMessage"], "connectionString": NAMED, "secondaryConnectionString": NAMED, "path": "raw"}
    assert "another" in api.refused(changed, "PATCH", f"/{other}")
    assert api("DELETE", f"/{id}").status_code == 204
    assert api("PATCH", f"/{other}", changed).status_code == 204


def test_for_device_message_entity_path_in_the_connection_string_is_obligatory(api):
    raw = {"types": ["DeviceMessage"], "path": "raw"}
    assert "EntityPath" in api.refused(endpoint(primary=KEYS, secondary=NAMED, **raw))
    assert "EntityPath" in api.refused(endpoint(primary=NAMED, secondary=KEYS, **raw))
    assert "EntityPath" in api.refused(endpoint(primary=NAMED.replace("=raw", "=else"), secondary=None, **raw))
    id = api.create(endpoint(primary=NAMED, secondary=NAMED, **raw))
    assert "EntityPath" in api.refused({"connectionString": KEYS}, "PATCH", f"/{id}")


def test_what_is_no_endpoint_is_refused_with_a_sentence(api):
    for body, word in (
        ([], "object"),
        ({}, "missing"),
        (endpoint(kind="Queue"), "type"),
        (endpoint(primary=None), "connectionString"),
        (endpoint(primary=17), "connectionString"),
        (endpoint(primary="nothing"), "connectionString"),
        (endpoint(secondary="nothing"), "secondaryConnectionString"),
        (endpoint(path=""), "path"),
        (endpoint(path=None), "path"),
        (endpoint() | {"filter": "true"}, "filter"),
    ):
        assert word in api.refused(body)


def test_a_new_endpoint_may_take_minutes_until_its_first_event_and_here_takes_none(server, api):
    server.client().create_models([SPACE])
    api.create(endpoint(primary=server.connect["eventHubs"]["spaces"], secondary=None))
    make_spaces(server, "first")
    assert received(server, "spaces", 1)[0]["data"]["AccessType"] == "Create"


def test_the_secondary_key_is_tried_by_itself_and_the_primary_is_updated_via_the_api(server, api):
    server.client().create_models([SPACE])
    good = server.connect["eventHubs"]["spaces"]
    bad = re.sub("SharedAccessKey=[^;]*", "SharedAccessKey=d3Jvbmc=", good)
    id = api.create(endpoint(primary=bad, secondary=good))
    make_spaces(server, "a")
    assert len(received(server, "spaces", 1)) == 1
    assert api("PATCH", f"/{id}", {"connectionString": good, "secondaryConnectionString": bad}).status_code == 204
    make_spaces(server, "b")
    assert len(received(server, "spaces", 2)) == 2


def test_in_a_pause_an_update_of_keys_waits_for_its_end_or_takes_effect_at_once_on_request(serve):
    # Half an hour is as long as the documents say: the pause does not end by itself here.
    server = serve("--empty", "--event-hub", "spaces")
    api = Api(server)
    server.client().create_models([SPACE])
    good = server.connect["eventHubs"]["spaces"]
    bad = re.sub("SharedAccessKey=[^;]*", "SharedAccessKey=d3Jvbmc=", good)
    id = api.create(endpoint(primary=bad, secondary=bad))
    make_spaces(server, "dropped-first")
    eventually(lambda: id in server.log.read_text())
    assert api("PATCH", f"/{id}", {"connectionString": good}).status_code == 204
    make_spaces(server, "dropped-in-the-pause")
    time.sleep(1)
    assert api("PATCH", f"/{id}?resume=true", {}).status_code == 204
    time.sleep(1)
    make_spaces(server, "delivered")
    assert [event["data"]["Id"] for event in received(server, "spaces", 2)] == ["delivered"]
