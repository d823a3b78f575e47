"""What no SDK sends: each operation of the OpenAPI document is asked wrongly in every way that it has."""

import urllib.parse

import pytest
from test_conformance import HALL, MODELS, ROOM, Plain, leads, op, room
from test_openapi import document


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    """Every operation of the document: method, path, what describes it."""
    from twinscope.programs import Serve

    server = Serve.start(tmp_path_factory.mktemp("document") / "data", "--empty")
    paths = document(server)["paths"]
    server.stop()
    return [(method.upper(), path, each) for path, methods in paths.items() for method, each in methods.items()]


@pytest.fixture
def instance(serve):
    """The sample, for it has an endpoint; with two rooms more."""
    server = serve()
    client = server.client()
    client.create_models(MODELS)
    for name in "ab":
        client.upsert_digital_twin(name, room())
    client.upsert_relationship("a", "a-b", leads("a", "a-b", "b", steps=1))
    return server


IDS = {"/models/{id}": ROOM, "/digitaltwins/{id}": "a", "{relationship}": "a-b", "{component}": "door"}


def concrete(path, every=None):
    """The path of something that is there; or one in which each id is `every`."""
    for place, name in IDS.items():
        name = every or urllib.parse.quote(name)
        path = path.replace(place, place[: place.index("{")] + name)
    return path.replace("{id}", every or "x")


def inputs(operation, place):
    return {each["name"].lower() for each in operation["parameters"] if each["in"] == place}


def ways(method, path, operation):
    """Each wrong way of asking: a name, the request, and what it must be refused with."""
    there, headers = concrete(path), inputs(operation, "header")
    base = {"Message-Id": "1"} if "message-id" in headers else {}
    yield "no token", (method, there, None, {**base, "Authorization": ""}), 401, ""
    if "requestBody" in operation:
        yield "no body", (method, there, b"", base), 400, "BadRequest"
    if "application/json-patch+json" in operation.get("requestBody", {}).get("content", {}):
        yield "no patch", (method, there, b'{"op": "add"}', base), 400, "JsonPatchInvalid"
    for name in ("if-match", "if-none-match"):
        if name in headers:
            yield name, (method, there, b"[]", {**base, name: "XXX"}), 400, "InvalidArgument"
    if "message-id" in headers:
        yield "no Message-Id", (method, there, b"{}", {}), 400, "InvalidArgument"
        source_time = {**base, "Telemetry-Source-Time": "noon"}
        yield "no time", (method, there, b"{}", source_time), 400, "InvalidArgument"
    if "max-items-per-page" in headers:
        yield "no page", (method, there, b'{"query": "x"}', {"max-items-per-page": "0"}), 400, "InvalidArgument"
    if "continuationtoken" in inputs(operation, "query"):
        yield "no token of ours", (method, f"{there}?continuationToken=x", None, {}), 400, "BadRequest"
    if "{" in path and not path.startswith(("/jobs", "/eventroutes")):
        yield "no UTF-8", (method, concrete(path, "%FF"), b"[]", base), 400, "InvalidArgument"
    yield "no version", (method, there, b"[]", {**base, "version": ""}), 400, "MissingApiVersionParameter"
    yield "unknown version", (method, there, b"[]", {**base, "version": "2019-01-01"}), 400, "UnsupportedApiVersionValue"
    if path.startswith("/jobs"):
        yield "before jobs", (method, there, b"[]", {"version": "2022-05-31"}), 404, "NotFound"


def test_every_wrong_way_of_asking(instance, operations):
    ask = Plain(instance)
    for method, path, operation in operations:
        for name, (verb, address, body, headers), status, code in ways(method, path, operation):
            case = f"{method} {path}, {name}"
            got, heads, answer = ask.raw(verb, address, body, **headers)
            assert (got, heads.get("x-ms-error-code", "")) == (status, code), f"{case}: {answer}"
            if code:
                assert answer["error"]["code"] == code and len(answer["error"]["message"]) > 10, case
            else:
                assert answer == {"statusCode": 401, "message": "Unauthorized"}, case
    # None of it changed anything.
    assert instance.client().get_relationship("a", "a-b")["steps"] == 1
    assert instance.client().get_digital_twin("a")["door"]["open"] is True


# What is left: requests that only a state of the instance makes wrong. One line a case:
# what is done before, the request, the status and code.
STATES = {
    "a query with another's token": (
        lambda client, ask: None,
        ("POST", "/query", {"query": "SELECT * FROM DIGITALTWINS", "continuationToken": "x"}),
        (400, "BadRequest"),
    ),
    "no such model among those asked for": (
        lambda client, ask: None,
        ("GET", "/models?dependenciesFor=dtmi:t:No;1", None),
        (404, "ModelNotFound"),
    ),
    "a model out of use": (
        lambda client, ask: client.decommission_model(HALL),
        ("PUT", "/digitaltwins/h", {"$metadata": {"$model": HALL}}),
        (400, "ModelDecommissioned"),
    ),
    "a relationship whose model is gone": (
        lambda client, ask: client.delete_model(ROOM),
        ("PATCH", "/digitaltwins/a/relationships/a-b", op("replace", "/steps", 2)),
        (400, "InvalidRelationship"),
    ),
    "a delete job's id is too long": (
        lambda client, ask: None,
        ("POST", "/jobs/deletions", None, {"operation_id": "x" * 129}),
        (400, "ValidationFailed"),
    ),
    "a delete job while one runs": (
        lambda client, ask: [many_twins(client), ask("POST", "/jobs/deletions")],
        ("POST", "/jobs/deletions", None),
        (429, "TooManyRequests"),
    ),
}


def many_twins(client):
    for number in range(300):
        client.upsert_digital_twin(f"m{number}", {"$metadata": {"$model": HALL}})


@pytest.mark.parametrize("case", STATES)
def test_a_state_that_makes_it_wrong(instance, case):
    before, request, expected = STATES[case]
    ask = Plain(instance)
    before(instance.client(), ask)
    method, path, body, headers = (*request, {})[:4]
    status, _, answer = ask(method, path, body, **headers)
    assert (status, answer["error"]["code"]) == expected, answer


def test_as_many_import_jobs_as_are_remembered(serve, tmp_path):
    ask = Plain(serve("--empty"))
    body = {"inputBlobUri": (tmp_path / "no").as_uri(), "outputBlobUri": (tmp_path / "no" / "log").as_uri()}
    for number in range(200):
        status, _, answer = ask("PUT", f"/jobs/imports/j{number}", body)
        while status == 429:
            status, _, answer = ask("PUT", f"/jobs/imports/j{number}", body)
        assert status == 201, answer
    status, _, answer = ask("PUT", "/jobs/imports/more", body)
    while status == 429:
        status, _, answer = ask("PUT", "/jobs/imports/more", body)
    assert (status, answer["error"]["code"]) == (400, "JobLimitReached")
