"""Every operation of the data plane with the official SDK for Python: its success, and each documented error."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.digitaltwins.core import DigitalTwinsEventRoute
from twinscope.programs import eventually

CONTEXT = "dtmi:dtdl:context;2"
DOOR, ROOM, HALL = "dtmi:t:Door;1", "dtmi:t:Room;1", "dtmi:t:Hall;1"
MODELS = [
    {
        "@context": CONTEXT,
        "@id": DOOR,
        "@type": "Interface",
        "contents": [
            {"@type": "Property", "name": "open", "schema": "boolean"},
            {"@type": "Telemetry", "name": "opened", "schema": "boolean"},
        ],
    },
    {
        "@context": CONTEXT,
        "@id": ROOM,
        "@type": "Interface",
        "displayName": "Room",
        "contents": [
            {"@type": "Property", "name": "temperature", "schema": "double"},
            {"@type": "Property", "name": "name", "schema": "string"},
            {"@type": "Component", "name": "door", "schema": DOOR},
            {
                "@type": "Relationship",
                "name": "leads",
                "target": ROOM,
                "maxMultiplicity": 2,
                "properties": [{"@type": "Property", "name": "steps", "schema": "integer"}],
            },
        ],
    },
    {
        "@context": CONTEXT,
        "@id": HALL,
        "@type": "Interface",
        "contents": [{"@type": "Property", "name": "seats", "schema": "integer"}],
    },
]
NOBODY = "There is no digital twin instance that exists with the ID nobody."
STALE = {"etag": 'W/"00000000-0000-0000-0000-000000000000"', "match_condition": MatchConditions.IfNotModified}


def room(**properties):
    return {"$metadata": {"$model": ROOM}, "door": {"$metadata": {}, "open": True}, **properties}


def leads(source, name, target, **properties):
    return {
        "$relationshipId": name,
        "$sourceId": source,
        "$relationshipName": "leads",
        "$targetId": target,
        **properties,
    }


def op(kind, path, *value):
    return [{"op": kind, "path": path, **({"value": value[0]} if value else {})}]


@pytest.fixture
def server(serve):
    """An instance with three rooms: a leads to b."""
    server = serve("--empty")
    client = server.client()
    client.create_models(MODELS)
    for name in "abc":
        client.upsert_digital_twin(name, room(temperature=20.5, name=name))
    client.upsert_relationship("a", "a-b", leads("a", "a-b", "b", steps=3))
    return server


@pytest.fixture
def client(server):
    return server.client()


def refused(call):
    with pytest.raises(HttpResponseError) as error:
        call()
    body = error.value.error
    assert error.value.response.headers["x-ms-error-code"] == body.code
    return error.value.status_code, body.code, error.value.response.text()


MODEL_ERRORS = {
    "not DTDL": (lambda c: c.create_models([{"@id": "dtmi:t:X;1"}]), 400, "DTDLParserError", "None of the models"),
    "none": (lambda c: c.create_models([]), 400, "InvalidArgument", "models provided was empty"),
    "too many": (
        lambda c: c.create_models([{**MODELS[2], "@id": f"dtmi:t:M{n};1"} for n in range(251)]),
        400,
        "LimitExceeded",
        "250 models",
    ),
    "too new": (
        lambda c: c.create_models([{**MODELS[2], "@context": "dtmi:dtdl:context;4", "@id": "dtmi:t:N;1"}]),
        400,
        "ModelVersionNotSupported",
        "DTDL 4",
    ),
    "again": (lambda c: c.create_models(MODELS[:1]), 409, "ModelIdAlreadyExists", f"already exist: {DOOR}."),
    "unknown": (lambda c: c.get_model("dtmi:t:No;1"), 404, "ModelNotFound", "provided id(s) dtmi:t:No;1."),
    "list of unknown": (lambda c: list(c.list_models(["dtmi:t:No;1"])), 404, "ModelNotFound", "dtmi:t:No;1"),
    "decommission unknown": (lambda c: c.decommission_model("dtmi:t:No;1"), 404, "ModelNotFound", "dtmi:t:No;1"),
    "decommission needed": (lambda c: c.decommission_model(DOOR), 409, "ModelReferencesNotDecommissioned", ROOM),
    "delete unknown": (lambda c: c.delete_model("dtmi:t:No;1"), 404, "ModelNotFound", "dtmi:t:No;1"),
    "delete needed": (lambda c: c.delete_model(DOOR), 409, "ModelReferencesNotDeleted", f"being referenced by {ROOM}."),
}
TWIN_ERRORS = {
    "get": (lambda c: c.get_digital_twin("nobody"), 404, "DigitalTwinNotFound", NOBODY),
    "patch": (lambda c: c.update_digital_twin("nobody", []), 404, "DigitalTwinNotFound", NOBODY),
    "delete": (lambda c: c.delete_digital_twin("nobody"), 404, "DigitalTwinNotFound", NOBODY),
    "no such model": (
        lambda c: c.upsert_digital_twin("x", {"$metadata": {"$model": "dtmi:t:No;1"}}),
        400,
        "ValidationFailed",
        "dtmi:t:No;1 or one of its dependencies does not exist.",
    ),
    "no component": (
        lambda c: c.upsert_digital_twin("x", {"$metadata": {"$model": ROOM}}),
        400,
        "ValidationFailed",
        "The component «door»",
    ),
    "no such property": (lambda c: c.upsert_digital_twin("x", room(nope=1)), 400, "ValidationFailed", "/nope"),
    "wrong type": (lambda c: c.upsert_digital_twin("x", room(temperature="warm")), 400, "ValidationFailed", "/temper"),
    "bad id": (lambda c: c.upsert_digital_twin("x" * 129, room()), 400, "InvalidArgument", "128"),
    "long string": (lambda c: c.upsert_digital_twin("x", room(name="n" * 4097)), 400, "ValidationFailed", "4 KB"),
    "large": (lambda c: c.upsert_digital_twin("x", room(name="n" * 33_000)), 400, "InvalidArgument", "32 KB"),
    "there already": (
        lambda c: c.upsert_digital_twin("a", room(), match_condition=MatchConditions.IfMissing),
        412,
        "PreconditionFailed",
        "If-None-Match: * header was specified but a twin with the id a was found.",
    ),
    "stale patch": (lambda c: c.update_digital_twin("a", [], **STALE), 412, "PreconditionFailed", "The provided etag W/"),
    "stale delete": (lambda c: c.delete_digital_twin("c", **STALE), 412, "PreconditionFailed", "The provided etag W/"),
    "move": (
        lambda c: c.update_digital_twin("a", [{"op": "move", "from": "/name", "path": "/x"}]),
        400,
        "JsonPatchInvalid",
        "Unsupported operation type move. Please provide a valid patch document.",
    ),
    "unresolved": (
        lambda c: c.update_digital_twin("a", op("replace", "/gate/open", True)),
        400,
        "JsonPatchInvalid",
        "Could not resolve path /gate/open",
    ),
    "never set": (
        lambda c: c.update_digital_twin("b", op("remove", "/humidity")),
        400,
        "JsonPatchInvalid",
        "humidity does not exist on component.",
    ),
    "patch of wrong type": (
        lambda c: c.update_digital_twin("a", op("replace", "/temperature", "warm")),
        400,
        "ValidationFailed",
        "/temperature",
    ),
    "related": (
        lambda c: c.delete_digital_twin("b"),
        400,
        "RelationshipsNotDeleted",
        "Twin b has active relationships. Cannot delete a twin unless all the relationships are deleted.",
    ),
    "query": (lambda c: list(c.query_twins("foo")), 400, "SqlQueryError", "Position=0, Message=missing SELECT at 'foo'"),
}
COMPONENT_ERRORS = {
    "get": (lambda c: c.get_component("a", "gate"), 404, "ComponentNotFound", "gate"),
    "get of nobody": (lambda c: c.get_component("nobody", "door"), 404, "DigitalTwinNotFound", NOBODY),
    "patch": (
        lambda c: c.update_component("a", "gate", op("add", "/open", True)),
        400,
        "JsonPatchInvalid",
        "Could not resolve path /gate/open",
    ),
    "empty patch": (lambda c: c.update_component("a", "gate", []), 404, "ComponentNotFound", "component gate Please"),
    "patch of nobody": (lambda c: c.update_component("nobody", "door", []), 404, "DigitalTwinNotFound", NOBODY),
    "wrong type": (lambda c: c.update_component("a", "door", op("add", "/open", 1)), 400, "ValidationFailed", "/open"),
    "root": (lambda c: c.update_component("a", "door", op("replace", "/", 1)), 400, "JsonPatchInvalid", "resolve"),
    "unset": (lambda c: c.update_component("a", "door", op("remove", "/x")), 400, "JsonPatchInvalid", "x does not"),
    "stale": (lambda c: c.update_component("a", "door", [], **STALE), 412, "PreconditionFailed", "The provided etag W/"),
    "telemetry": (lambda c: c.publish_component_telemetry("a", "gate", {}), 404, "ComponentNotFound", "gate"),
    "telemetry of nobody": (
        lambda c: c.publish_component_telemetry("nobody", "door", {}),
        404,
        "DigitalTwinNotFound",
        NOBODY,
    ),
    "twin's telemetry": (lambda c: c.publish_telemetry("nobody", {}), 404, "DigitalTwinNotFound", NOBODY),
}
RELATIONSHIP_ERRORS = {
    "get": (lambda c: c.get_relationship("a", "no"), 404, "RelationshipNotFound", "no"),
    "get of nobody": (lambda c: c.get_relationship("nobody", "no"), 404, "DigitalTwinNotFound", NOBODY),
    "list": (lambda c: list(c.list_relationships("nobody")), 404, "DigitalTwinNotFound", NOBODY),
    "incoming": (lambda c: list(c.list_incoming_relationships("nobody")), 404, "DigitalTwinNotFound", NOBODY),
    "no target": (
        lambda c: c.upsert_relationship("a", "x", {"$relationshipName": "leads"}),
        400,
        "InvalidArgument",
        "Could not deserialize relationship create body.",
    ),
    "target is not there": (
        lambda c: c.upsert_relationship("a", "x", leads("a", "x", "nobody")),
        404,
        "TargetDigitalTwinNotFound",
        "The target digital twin is invalid or does not exist.",
    ),
    "source is not there": (
        lambda c: c.upsert_relationship("nobody", "x", leads("nobody", "x", "a")),
        404,
        "DigitalTwinNotFound",
        NOBODY,
    ),
    "to itself": (
        lambda c: c.upsert_relationship("a", "x", leads("a", "x", "a")),
        400,
        "OperationNotAllowed",
        "to itself",
    ),
    "no such property": (
        lambda c: c.upsert_relationship("a", "x", leads("a", "x", "c", nope=1)),
        400,
        "ValidationFailed",
        "/nope",
    ),
    "no such name": (
        lambda c: c.upsert_relationship("a", "x", {**leads("a", "x", "c"), "$relationshipName": "eats"}),
        400,
        "InvalidRelationship",
        "eats",
    ),
    "there already": (
        lambda c: c.upsert_relationship(
            "a", "a-b", leads("a", "a-b", "b"), match_condition=MatchConditions.IfMissing
        ),
        412,
        "PreconditionFailed",
        "a-b",
    ),
    "patch": (lambda c: c.update_relationship("a", "no", []), 404, "RelationshipNotFound", "no"),
    "patch of wrong type": (
        lambda c: c.update_relationship("a", "a-b", op("replace", "/steps", "many")),
        400,
        "ValidationFailed",
        "/steps",
    ),
    "patch of target": (
        lambda c: c.update_relationship("a", "a-b", op("replace", "/$targetId", "c")),
        400,
        "JsonPatchInvalid",
        "$targetId",
    ),
    "stale patch": (lambda c: c.update_relationship("a", "a-b", [], **STALE), 412, "PreconditionFailed", "The provided etag W/"),
    "delete": (lambda c: c.delete_relationship("a", "no"), 404, "RelationshipNotFound", "no"),
    "stale delete": (lambda c: c.delete_relationship("a", "a-b", **STALE), 412, "PreconditionFailed", "The provided etag W/"),
}


def check_all(client, cases):
    for name, (call, status, code, words) in cases.items():
        answer = refused(lambda call=call: call(client))
        assert answer[:2] == (status, code), f"{name}: {answer}"
        assert words in answer[2], f"{name}: {answer}"


def test_models(client):
    check_all(client, MODEL_ERRORS)
    assert {model.id for model in client.list_models()} == {DOOR, ROOM, HALL}
    assert {model.id for model in client.list_models([ROOM])} == {DOOR, ROOM}
    record = client.get_model(ROOM, include_model_definition=True)
    assert (record.display_name, record.decommissioned, record.model) == ({"en": "Room"}, False, MODELS[1])
    assert client.get_model(ROOM).model is None
    client.decommission_model(HALL)
    assert client.get_model(HALL).decommissioned
    answer = refused(lambda: client.upsert_digital_twin("h", {"$metadata": {"$model": HALL}}))
    assert answer[:2] == (400, "ModelDecommissioned")
    client.delete_model(HALL)
    assert {model.id for model in client.list_models()} == {DOOR, ROOM}


def test_twins(client):
    check_all(client, TWIN_ERRORS)
    twin = client.get_digital_twin("a")
    assert (twin["$dtId"], twin["temperature"], twin["$metadata"]["$model"]) == ("a", 20.5, ROOM)
    assert twin["door"]["open"] is True and "lastUpdateTime" in twin["door"]["$metadata"]["open"]
    unmodified = {"etag": twin["$etag"], "match_condition": MatchConditions.IfNotModified}
    stamp = "2026-01-02T03:04:05.1234567Z"
    change = op("replace", "/temperature", 21.5) + op("add", "/$metadata/temperature/sourceTime", stamp)
    client.update_digital_twin("a", change, **unmodified)
    changed = client.get_digital_twin("a")
    assert (changed["temperature"], changed["$metadata"]["temperature"]["sourceTime"]) == (21.5, stamp)
    assert changed["$etag"] != twin["$etag"]
    assert len(changed["$metadata"]["$lastUpdateTime"].split(".")[1]) == len("1234567Z")
    change = op("replace", "/$metadata/$model", HALL) + op("remove", "/door") + op("add", "/seats", 9)
    change += op("remove", "/temperature") + op("remove", "/name")
    client.update_digital_twin("c", change)
    hall = client.get_digital_twin("c")
    assert (hall["$metadata"]["$model"], hall["seats"], "door" in hall) == (HALL, 9, False)
    client.publish_telemetry("a", {"any": 1}, message_id=str(uuid.uuid4()))
    client.delete_digital_twin("c")


def test_components(client):
    check_all(client, COMPONENT_ERRORS)
    assert client.get_component("a", "door")["open"] is True
    client.update_component("a", "door", op("replace", "/open", False))
    door = client.get_component("a", "door")
    assert door["open"] is False
    assert door == client.get_digital_twin("a")["door"]
    client.publish_component_telemetry("a", "door", {"opened": True}, message_id="1")


def test_relationships(client):
    check_all(client, RELATIONSHIP_ERRORS)
    client.upsert_relationship("a", "a-c", leads("a", "a-c", "c"))
    answer = refused(lambda: client.upsert_relationship("a", "more", leads("a", "more", "c")))
    assert answer[:2] == (400, "ValidationFailed") and "maxMultiplicity" in answer[2]
    assert [each["$relationshipId"] for each in client.list_relationships("a")] == ["a-b", "a-c"]
    assert not list(client.list_relationships("a", relationship_id="eats"))
    client.update_relationship("a", "a-b", op("replace", "/steps", 4))
    assert client.get_relationship("a", "a-b")["steps"] == 4
    [incoming] = client.list_incoming_relationships("b")
    assert (incoming.relationship_id, incoming.source_id, incoming.relationship_name) == ("a-b", "a", "leads")
    assert incoming.relationship_link == "/digitaltwins/a/relationships/a-b"
    client.delete_relationship("a", "a-b")
    client.delete_digital_twin("b")


def test_event_routes_steer_the_running_pipeline(serve):
    server = serve()
    client = server.client()
    telemetry, own = client.list_event_routes()
    assert (own.id, own.endpoint_name) == ("to-parent", "eg-twins")
    assert (telemetry.id, telemetry.endpoint_name) == ("telemetry", "eh-telemetry")

    def heat(value):
        client.update_digital_twin("thermo_0002", op("add", "/temperature", value))

    def room():
        return client.get_digital_twin("Room_02")["currentTemp"]

    heat(31.0)
    eventually(lambda: room() == 31.0)
    client.delete_event_route("to-parent")
    heat(32.0)
    client.upsert_event_route("mine", DigitalTwinsEventRoute(endpoint_name="eg-twins", filter=own.filter))
    heat(33.0)
    eventually(lambda: room() == 33.0)
    # What was deleted and made over REST is so after a crash too.
    server.kill()
    client = serve().client()
    assert [route.id for route in client.list_event_routes()] == ["mine", "telemetry"]
    assert client.get_event_route("mine").filter == own.filter
    legacy = "$eventType = 'DigitalTwinTelemetryMessages' or $eventType = 'DigitalTwinLifecycleNotification'"

    def put(endpoint, condition, name="x"):
        client.upsert_event_route(name, DigitalTwinsEventRoute(endpoint_name=endpoint, filter=condition))

    for number in range(4):
        put("eg-twins", legacy, f"more{number}")
    cases = {
        "no endpoint": (lambda _: put("nowhere", "true"), 400, "EventRouteEndpointInvalid", "does not exist or is not"),
        "no filter": (
            lambda _: put("eg-twins", "this is wrong"),
            400,
            "EventRouteFilterInvalid",
            "The provided filter is invalid. Parsing error, Line=1, Position=6, Message=",
        ),
        "bad id": (lambda _: put("eg-twins", "true", "x" * 129), 400, "EventRouteIdInvalid", "128"),
        "too many": (lambda _: put("eg-twins", "true"), 400, "LimitExceeded", "6"),
        "get": (lambda c: c.get_event_route("no"), 404, "EventRouteNotFound", "matches the provided input."),
        "delete": (lambda c: c.delete_event_route("no"), 404, "EventRouteNotFound", "matches the provided input."),
    }
    check_all(client, cases)


class Plain:
    """The same instance without an SDK, for what SDKs do not send or show."""

    def __init__(self, server):
        adt = server.connect["adt"]
        self.endpoint = adt["endpoint"]
        self.context = ssl.create_default_context(cafile=adt["ca"])

    def __call__(self, method, path, body=None, **headers):
        return self.raw(method, path, None if body is None else json.dumps(body).encode(), **headers)

    def raw(self, method, path, body=None, version="2023-10-31", **headers):
        """Status, headers and document of an answer; a header's name may have _ for -."""
        url = path if path.startswith("https:") else self.endpoint + path
        if version and "api-version" not in url:
            url += f"{'&' if '?' in url else '?'}api-version={version}"
        headers = {"Authorization": "Bearer any", **{name.replace("_", "-"): text for name, text in headers.items()}}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=20) as answer:
                status, heads, text = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, heads, text = error.code, error.headers, error.read()
        return status, heads, json.loads(text) if text else None


def test_versions_differ_in_their_times(server):
    ask = Plain(server)
    query = {"query": "SELECT * FROM DIGITALTWINS T WHERE T.$dtId = 'a'"}
    stamp = [{"op": "add", "path": "/$metadata/name/sourceTime", "value": "2026-01-01T00:00:00Z"}]
    assert ask("PATCH", "/digitaltwins/a", stamp)[0] == 204
    for version, times in [("2020-10-31", False), ("2022-05-31", True), ("2023-10-31", True)]:
        bodies = [
            ask("GET", "/digitaltwins/a", version=version)[2],
            ask("POST", "/query", query, version=version)[2]["value"][0],
        ]
        for body in bodies:
            assert ("$lastUpdateTime" in body["$metadata"]) == times
            assert ("sourceTime" in body["$metadata"]["name"]) == times
            assert ("$lastUpdateTime" in body["door"]["$metadata"]) == times
            assert body["$metadata"]["$model"] == ROOM and "lastUpdateTime" in body["$metadata"]["name"]
    for version, code in [("2019-01-01", "UnsupportedApiVersionValue"), ("", "MissingApiVersionParameter")]:
        status, headers, body = ask("GET", "/digitaltwins/a", version=version)
        assert (status, headers["x-ms-error-code"], body["error"]["code"]) == (400, code, code)


def test_every_list_has_pages(server):
    client, ask = server.client(), Plain(server)
    for number in range(25):
        client.upsert_digital_twin(f"p{number:02}", room())
        client.upsert_relationship(f"p{number:02}", "up", leads(f"p{number:02}", "up", "a"))
    client.upsert_relationship("a", "a-c", leads("a", "a-c", "c"))
    lists = {"/models": 3, "/models?includeModelDefinition=true": 3, "/digitaltwins/a/relationships": 2}
    lists |= {"/digitaltwins/a/incomingrelationships": 25, "/eventroutes": 0}
    for path, count in lists.items():
        for size in (1, 10):
            items, link = [], path
            while link:
                status, headers, page = ask("GET", link, max_items_per_page=str(size))
                assert status == 200 and len(page["value"]) <= size
                assert headers["content-type"] == "application/json; charset=utf-8"
                items, link = items + page["value"], page["nextLink"]
            assert len({json.dumps(item) for item in items}) == len(items) == count, path
    status, _, body = ask("GET", "/models?continuationToken=nonsense")
    assert (status, body["error"]["code"]) == (400, "BadRequest")


def test_traces_go_on(server):
    ask = Plain(server)
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for path in ["/digitaltwins/a", "/digitaltwins/nobody"]:
        _, headers, _ = ask("GET", path, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        assert headers["traceresponse"].split("-")[1] == trace
        assert headers["traceresponse"].split("-")[2] != "00f067aa0ba902b7"
    _, headers, _ = ask("POST", "/query", {"query": "SELECT * FROM DIGITALTWINS"})
    assert float(headers["query-charge"]) > 0 and len(headers["traceresponse"]) == 55
