"""The service's limits and rates, each through the real server, and the official SDK waiting as it is told."""

import concurrent.futures
import http.client
import json
import ssl
import subprocess
import time

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from twinscope.programs import BINARIES, eventually

VERSION = {"api-version": "2023-10-31"}
ROOM = "dtmi:t:Room;1"


def interface(name, contents=()):
    return {"@context": "dtmi:dtdl:context;2", "@id": name, "@type": "Interface", "contents": list(contents)}


CONTENTS = [
    {"@type": "Property", "name": "name", "schema": "string"},
    {"@type": "Telemetry", "name": "heat", "schema": "double"},
    {
        "@type": "Property",
        "name": "tags",
        "schema": {"@type": "Map", "mapKey": {"name": "k", "schema": "string"}, "mapValue": {"name": "v", "schema": "string"}},
    },
    {"@type": "Relationship", "name": "leads"},
]


class Door:
    """Plain HTTP to a server, on one connection."""

    def __init__(self, server):
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = server.connect["adt"]["ca"]
        self.session.headers["Authorization"] = "Bearer any"
        self.session.params = VERSION
        self.base = server.connect["adt"]["endpoint"]

    def __call__(self, method, path, body=None, **headers):
        kind = "application/json-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body)
        return self.session.request(method, self.base + path, data=data, headers={"Content-Type": kind, **headers}, timeout=30)

    def room(self, twin, /, **properties):
        return self("PUT", f"/digitaltwins/{twin}", {"$metadata": {"$model": ROOM}, **properties})

    def leads(self, source, name, target):
        body = {"$targetId": target, "$relationshipName": "leads"}
        return self("PUT", f"/digitaltwins/{source}/relationships/{name}", body)

    def query(self, where, **headers):
        return self("POST", "/query", {"query": f"SELECT * FROM DIGITALTWINS WHERE {where}"}, **headers)


@pytest.fixture
def limited(serve, tmp_path):
    """A server with the given limits, and a room model."""

    def start(*arguments, **limits):
        file = tmp_path / "limits.json"
        file.write_text(json.dumps(limits))
        server = serve("--empty", "--limits", file, *arguments)
        door = Door(server)
        assert door("POST", "/models", [interface(ROOM, CONTENTS)]).status_code == 201
        return server, door

    return start


def ok(answer):
    assert answer.status_code < 300, answer.text


def refused(answer, code, words, status=400):
    assert answer.status_code == status, answer.text
    assert answer.headers["x-ms-error-code"] == code, answer.text
    assert words in answer.text, answer.text


def all_names():
    printed = subprocess.run([BINARIES / "twinscope", "limits", "--json"], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


# The limits that have no case below, and where they are tested.
ELSEWHERE = {
    "endpoints",  # `twinscope check`, below
    "importModels",  # the import job, below
    "importTwins",
    "importRelationships",
    "runningJobs",
    "queryJoins",  # with the query language
    "outstandingOperationsPerTwin",  # below
}

SIZES = {
    "twins": 4,
    "relationships": 3,
    "outgoingRelationshipsPerTwin": 2,
    "incomingRelationshipsPerTwin": 2,
    "bodyBytes": 300,
    "stringBytes": 20,
    "propertyNameBytes": 10,
    "models": 3,
    "modelsPerCall": 2,
    "modelBytes": 2_000,
    "eventRoutes": 6,
    "itemsPerPage": 2,
    "itemsPerLargestPage": 3,
    "queryCharacters": 8_000,
    "queryOperators": 50,
    "queryListItems": 50,
}


def test_sizes_and_counts(limited):
    rates = dict.fromkeys((name for name in all_names() if name.endswith("PerSecond")), None)
    _, door = limited(**SIZES, **rates)

    for name in ("a", "b", "c", "d"):
        ok(door.room(name))
    refused(door.room("e"), "TwinLimitReached", "has 4 digital twins")
    ok(door.room("d", name="again"))
    ok(door("DELETE", "/digitaltwins/d"))
    ok(door.room("d"))

    ok(door.leads("a", "r1", "b"))
    ok(door.leads("a", "r2", "c"))
    refused(door.leads("a", "r3", "d"), "LimitExceeded", "has 2 outgoing relationships")
    ok(door.leads("a", "r2", "b"))
    refused(door.leads("c", "r1", "b"), "LimitExceeded", "has 2 incoming relationships")
    ok(door.leads("c", "r1", "d"))
    refused(door.leads("c", "r2", "a"), "LimitExceeded", "has 3 relationships")

    refused(door.room("a", name="x" * 300), "InvalidArgument", "larger than 300 bytes")
    patch = [{"op": "add", "path": "/name", "value": "x" * 300}]
    refused(door("PATCH", "/digitaltwins/a", patch), "InvalidArgument", "larger than 300 bytes")
    refused(door.room("a", name="x" * 21), "ValidationFailed", "longer than 20 bytes")
    ok(door.room("a", name="x" * 20))
    patch = [{"op": "add", "path": "/name", "value": "é" * 11}]
    refused(door("PATCH", "/digitaltwins/a", patch), "ValidationFailed", "longer than 20 bytes")
    refused(door.room("a", tags={"k" * 11: "v"}), "ValidationFailed", "longer than 10 bytes")
    ok(door.room("a", tags={"k" * 10: "v"}))

    models = [interface(f"dtmi:t:M{number};1") for number in range(4)]
    refused(door("POST", "/models", models[:3]), "LimitExceeded", "takes 2 models at the most")
    large = {**models[0], "comment": "x" * 300, "contents": [*CONTENTS] * 8}
    refused(door("POST", "/models", [large]), "LimitExceeded", "larger than 2,000 bytes")
    ok(door("POST", "/models", models[:2]))
    refused(door("POST", "/models", models[2:3]), "LimitExceeded", "takes 3 models")

    def page(*path, **headers):
        return len(door("GET", *path, **headers).json()["value"])

    most = {"max-items-per-page": "1000"}
    assert (page("/models"), page("/models", **most)) == (2, 3)
    rows = door.query("NOT $dtId = 'x'", **most).json()["value"]
    assert len(rows) == 3

    within = " ".join(f"$dtId = 'x{number}' OR" for number in range(50))
    ok(door.query(f"{within} $dtId = 'a'"))
    refused(door.query(f"{within} $dtId = 'a' OR $dtId = 'b'"), "SqlQueryError", "50")
    listed = ", ".join(f"'x{number}'" for number in range(51))
    refused(door.query(f"$dtId IN [{listed}]"), "SqlQueryError", "items")
    refused(door.query(f"name = '{'x' * 8_000}'"), "SqlQueryError", "8,000 characters")


def test_six_event_routes(serve):
    door = Door(serve())
    have = [route["id"] for route in door("GET", "/eventroutes").json()["value"]]
    endpoint = door("GET", f"/eventroutes/{have[0]}").json()["endpointName"]
    body = {"endpointName": endpoint, "filter": "true"}
    for number in range(6 - len(have)):
        ok(door("PUT", f"/eventroutes/more-{number}", body))
    refused(door("PUT", "/eventroutes/one-more", body), "LimitExceeded", "has 6 event routes")


def test_six_endpoints(tmp_path):
    sample = BINARIES.parent.parent / "assets/contoso-building"
    topology = json.loads((sample / "topology.json").read_text())
    endpoint = next(iter(topology["endpoints"].values()))
    topology["endpoints"] |= {f"more-{number}": endpoint for number in range(6)}
    (tmp_path / "topology.json").write_text(json.dumps(topology))
    checked = subprocess.run([BINARIES / "twinscope", "check", tmp_path], capture_output=True, text=True)
    assert checked.returncode == 1 and "at most 6" in checked.stdout + checked.stderr


def test_many_at_once_do_not_pass_a_limit(limited):
    server, _ = limited(twins=25, twinCreatesAndDeletesPerSecond=None)
    doors = [Door(server) for _ in range(8)]

    def put(number):
        return doors[number % 8].room(f"t{number}").status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [answer for share in pool.map(lambda at: [put(n) for n in range(at, 120, 8)], range(8)) for answer in share]
    assert sorted(set(answers)) == [200, 400] and answers.count(200) == 25


PATCH = [{"op": "add", "path": "/name", "value": "x"}]
# For each rate, requests that count against it; each line is one way.
RATES = {
    "modelRequestsPerSecond": [
        lambda door, _: door("GET", "/models"),
        lambda door, n: door("POST", "/models", [interface(f"dtmi:t:N{n}{letter};1") for letter in "abcdefgh"]),
        lambda door, _: door("GET", f"/models/{ROOM}"),
        lambda door, _: door("DELETE", "/models/dtmi:t:None;1"),
    ],
    "twinReadsPerSecond": [
        lambda door, _: door("GET", "/digitaltwins/a"),
        lambda door, _: door("GET", "/digitaltwins/nobody"),
        lambda door, _: door("GET", "/digitaltwins/a/relationships"),
        lambda door, _: door("GET", "/digitaltwins/a/incomingrelationships"),
        lambda door, _: door("GET", "/digitaltwins/a/relationships/r"),
        lambda door, _: door("GET", "/digitaltwins/a/components/c"),
    ],
    "twinPatchesPerSecond": [
        lambda door, n: door("PATCH", f"/digitaltwins/p{n}", PATCH),
        lambda door, n: door("PATCH", f"/digitaltwins/p{n}/relationships/r", PATCH),
        lambda door, n: door("PATCH", f"/digitaltwins/p{n}/components/c", PATCH),
    ],
    "twinCreatesAndDeletesPerSecond": [
        lambda door, n: door.room(f"n{n}"),
        lambda door, n: door("DELETE", f"/digitaltwins/d{n}"),
        lambda door, n: door.leads(f"n{n}", "r", "nobody"),
        lambda door, n: door("DELETE", f"/digitaltwins/d{n}/relationships/r"),
    ],
    "operationsPerTwinPerSecond": [
        lambda door, _: door.room("a"),
        lambda door, _: door("PATCH", "/digitaltwins/a", PATCH),
        lambda door, n: door.leads("a", f"r{n}", "b"),
        lambda door, n: door.leads("b", f"r{n}", "a"),
        lambda door, n: door("DELETE", f"/digitaltwins/a/relationships/r{n}"),
    ],
    "queriesPerSecond": [lambda door, _: door.query("$dtId = 'a'")],
    "queryUnitsPerSecond": [lambda door, _: door.query("NOT $dtId = 'a'")],
    "eventRouteRequestsPerSecond": [
        lambda door, _: door("GET", "/eventroutes"),
        lambda door, _: door("GET", "/eventroutes/r"),
        lambda door, _: door("PUT", "/eventroutes/r", {"endpointName": "e", "filter": "true"}),
        lambda door, _: door("DELETE", "/eventroutes/r"),
    ],
    "jobRequestsPerSecond": [
        lambda door, _: door("GET", "/jobs/imports"),
        lambda door, _: door("GET", "/jobs/deletions/d"),
    ],
}
MOST = 3


def test_every_limit_has_a_case():
    assert set(all_names()) == set(SIZES) | set(RATES) | ELSEWHERE


@pytest.mark.parametrize("rate", RATES)
def test_rates_count_requests(limited, rate):
    others = dict.fromkeys((name for name in all_names() if name.endswith("PerSecond")), None)
    # Of query units one request takes several.
    _, door = limited(**{**others, rate: MOST})
    ways = RATES[rate]
    for twin in ("a", "b"):
        door.room(twin)

    def burst():
        """Requests within one second: those before the first 429, and the 429."""
        time.sleep(1.05)
        begun, answers = time.monotonic(), []
        while time.monotonic() - begun < 0.95 and len(answers) < 20:
            answers.append(ways[len(answers) % len(ways)](door, len(answers)))
            if answers[-1].status_code == 429:
                return answers
        return None

    *let_in, last = eventually(burst, 30)
    assert all(answer.status_code != 429 and answer.status_code < 500 for answer in let_in)
    if rate == "queryUnitsPerSecond":
        assert 1 <= len(let_in) <= MOST
    else:
        assert len(let_in) == MOST
    refused(last, "QuotaReachedError" if rate.startswith("quer") else "TooManyRequests", f"More than {MOST}" if "Units" not in rate else "query units", 429)
    assert last.headers["Retry-After"] == "1"
    assert last.headers["content-type"] == "application/json; charset=utf-8"
    time.sleep(int(last.headers["Retry-After"]))
    assert ways[0](door, 99).status_code != 429


def test_operations_that_are_not_answered_yet(limited):
    server, door = limited(outstandingOperationsPerTwin=2, operationsPerTwinPerSecond=None)
    ok(door.room("a"))
    trust = ssl.create_default_context(cafile=server.connect["adt"]["ca"])
    host = server.connect["adt"]["endpoint"].removeprefix("https://")
    clients = [http.client.HTTPSConnection(host, context=trust, timeout=30) for _ in range(20)]
    for client in clients:
        client.connect()

    def some_refused():
        """Sends all before any answer is read."""
        headers = {"Authorization": "Bearer any", "Content-Type": "application/json-patch+json"}
        for client in clients:
            client.request("PATCH", "/digitaltwins/a?api-version=2023-10-31", json.dumps(PATCH), headers)
        answers = [client.getresponse() for client in clients]
        bodies = [answer.read().decode() for answer in answers]
        return next((each for each in zip(answers, bodies) if each[0].status == 429), None)

    answer, body = eventually(some_refused)
    assert answer.headers["x-ms-error-code"] == "TooManyRequests" and answer.headers["Retry-After"] == "1"
    assert "2 operations on one twin" in body
    ok(door("PATCH", "/digitaltwins/a", PATCH))


def test_the_sdk_waits_as_it_is_told(limited):
    server, door = limited(operationsPerTwinPerSecond=2)
    client = server.client()
    time.sleep(1)
    begun = time.monotonic()
    client.upsert_digital_twin("a", {"$metadata": {"$model": ROOM}})
    for number in range(1, 7):
        client.update_digital_twin("a", [{"op": "add", "path": "/name", "value": str(number)}])
    assert time.monotonic() - begun > 2.9, "7 writes, 2 a second"
    assert client.get_digital_twin("a")["name"] == "6"

    def without_patience():
        try:
            client.update_digital_twin("a", PATCH, retry_total=0)
        except HttpResponseError as error:
            return error

    error = eventually(without_patience, every=0)
    assert (error.status_code, error.error.code) == (429, "TooManyRequests")
    assert error.response.headers["Retry-After"] == "1"


def test_rates_of_the_service_hold_by_default(serve):
    door = Door(serve("--empty", rates=True))
    ok(door("POST", "/models", [interface(ROOM, CONTENTS)]))

    def eleven():
        begun = time.monotonic()
        answers = [door.room("a").status_code for _ in range(11)]
        took = time.monotonic() - begun
        time.sleep(1.05)
        return answers if took < 0.95 else None

    assert eventually(eleven) == [200] * 10 + [429]


def test_devices_and_functions_are_no_clients(serve, tmp_path):
    file = tmp_path / "limits.json"
    file.write_text(json.dumps({"twinPatchesPerSecond": 1, "operationsPerTwinPerSecond": 1}))
    client = serve("--limits", file).client()
    query = "SELECT * FROM DIGITALTWINS WHERE IS_OF_MODEL('dtmi:com:contoso:Thermostat;1')"

    def values():
        return {row["$dtId"]: row.get("temperature") for row in client.query_twins(query)}

    before = values()
    eventually(lambda: sum(value != before[twin] for twin, value in values().items()) > 12, every=0.5)


def test_none_lifts_them_all(serve):
    door = Door(serve("--empty", "--limits", "none"))
    models = [interface(ROOM, CONTENTS), *(interface(f"dtmi:t:M{number};1") for number in range(300))]
    ok(door("POST", "/models", models))
    for number in range(30):
        ok(door.room("a", name="x" * 5_000 if number else "x"))
    ok(door.room("b", tags={f"k{number}": "x" * 4_000 for number in range(10)}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"twins": 5,\n "twinz": 3}', "«twinz» is not the name of a limit: `twinscope limits` prints them all at line 2 column 8"),
        ('{"twins": "5"}', "a whole number above 0 for «twins», or null for no limit at line 1 column 13"),
        ("twins", "line 1 column"),
        (None, "No such file"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, words):
    file = tmp_path / "my-limits.json"
    if text is not None:
        file.write_text(text)
    command = [BINARIES / "twinscope", "serve", "--empty", "--data", tmp_path / "data", "--limits", file]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert f"--limits {file}: " in ended.stderr and words in ended.stderr, ended.stderr


def test_import_jobs_have_sizes_and_run_alone(limited, tmp_path):
    server, door = limited(importTwins=3, importRelationships=2, importModels=2, runningJobs=1)
    header = [{"Section": "Header"}, {"fileVersion": "1.0.0", "author": "t", "organization": "t"}]
    twins = [{"$dtId": f"t{number}", "$metadata": {"$model": ROOM}} for number in range(4)]
    relations = [{"$dtId": "t0", "$relationshipId": f"r{n}", "$targetId": "t1", "$relationshipName": "leads"} for n in range(3)]
    sections = {
        "models": [{"Section": "Models"}, *(interface(f"dtmi:t:I{number};1") for number in range(3))],
        "twins": [{"Section": "Twins"}, *twins],
        "relationships": [{"Section": "Twins"}, *twins[:2], {"Section": "Relationships"}, *relations],
    }
    for name, section in sections.items():
        source = tmp_path / f"{name}.ndjson"
        source.write_text("\n".join(map(json.dumps, header + section)))
        body = {"inputBlobUri": source.as_uri(), "outputBlobUri": (tmp_path / f"{name}.log").as_uri()}
        assert door("PUT", f"/jobs/imports/{name}", body).status_code == 201

        def ended(name=name):
            job = door("GET", f"/jobs/imports/{name}").json()
            return job if job["status"] in ("failed", "succeeded") else None

        job = eventually(ended)
        assert (job["status"], job["error"]["code"]) == ("failed", "LimitExceeded"), job
        assert f"{name} at the most" in job["error"]["message"]


def test_queries_can_be_behind(serve):
    door = Door(serve("--empty", "--query-lag", "2s"))
    ok(door("POST", "/models", [interface(ROOM, CONTENTS)]))

    def rows():
        return [row["$dtId"] for row in door.query("IS_OF_MODEL('dtmi:t:Room;1')").json()["value"]]

    written = time.monotonic()
    ok(door.room("a"))
    assert door("GET", "/digitaltwins/a").status_code == 200
    eventually(lambda: rows() == ["a"])
    assert time.monotonic() - written >= 2, "the query saw too early what was written"
