"""The service's limits and rates, each through the real server, and the official SDK waiting as it is told."""

import concurrent.futures
import http.client
import json
import shutil
import socket
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
        number = len(list(tmp_path.glob("limits-*.json")))
        file = tmp_path / f"limits-{number}.json"
        file.write_text(json.dumps(limits))
        server = serve("--empty", "--limits", file, *arguments, data=f"data-{number}")
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
    "relationshipsPerPage": 1,
    "itemsPerLargestPage": 3,
    "queryCharacters": 250,
    "queryOperators": 3,
    "queryListItems": 4,
    "queryJoins": 1,
}


def joined(count):
    joins = " ".join(f"JOIN t{n + 1} RELATED t{n}.leads" for n in range(count))
    return f"SELECT COUNT() FROM DIGITALTWINS t0 {joins} WHERE t0.$dtId = 'a'"


def ask_for(door, operators=0, items=1, joins=0, characters=0):
    """Asks queries of that size."""
    text = f"SELECT * FROM DIGITALTWINS WHERE $dtId IN [{', '.join(['1'] * items)}]{' OR $dtId = 1' * operators}"
    queries = [text.ljust(characters)] + [joined(joins)] * (joins > 0)
    return [door("POST", "/query", {"query": query}) for query in queries][-1]


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
    related = "/digitaltwins/a/relationships"
    assert (page(related), page(related, **most)) == (1, 2)
    rows = door.query("NOT $dtId = 'x'", **most).json()["value"]
    assert len(rows) == 3

    for size, most, words in QUERY_SIZES:
        ok(ask_for(door, **{size: most}))
        refused(ask_for(door, **{size: most + 1}), "SqlQueryError", words)


# What a query may have by SIZES, and the service's own refusals.
QUERY_SIZES = [
    ("operators", 3, "more than 3 AND and OR"),
    ("items", 4, "more than 4 items"),
    ("joins", 1, "more than 1 JOINs"),
    ("characters", 250, "has 251 characters, at most 250 are taken"),
]
SERVICES = [
    ("operators", 50, "more than 50 AND and OR"),
    ("items", 50, "more than 50 items"),
    ("joins", 5, "more than 5 JOINs"),
    ("characters", 8_000, "has 8001 characters, at most 8000 are taken"),
]


def test_sizes_of_queries_follow_the_file_upwards_too(limited):
    _, door = limited()
    _, free = limited(**dict.fromkeys(("queryOperators", "queryListItems", "queryJoins", "queryCharacters")))
    for size, most, words in SERVICES:
        ok(ask_for(door, **{size: most}))
        refused(ask_for(door, **{size: most + 1}), "SqlQueryError", words)
        ok(ask_for(free, **{size: most + 1}))


def test_six_event_routes(serve):
    door = Door(serve())
    have = [route["id"] for route in door("GET", "/eventroutes").json()["value"]]
    endpoint = door("GET", f"/eventroutes/{have[0]}").json()["endpointName"]
    body = {"endpointName": endpoint, "filter": "true"}
    for number in range(6 - len(have)):
        ok(door("PUT", f"/eventroutes/more-{number}", body))
    refused(door("PUT", "/eventroutes/one-more", body), "LimitExceeded", "has 6 event routes")


def test_six_endpoints_or_as_many_as_the_file_says(serve, tmp_path):
    sample = BINARIES.parent.parent / "assets/contoso-building"
    topology = json.loads((sample / "topology.json").read_text())
    endpoint = next(iter(topology["endpoints"].values()))
    topology["endpoints"] |= {f"more-{number}": endpoint for number in range(7 - len(topology["endpoints"]))}
    folder, file = tmp_path / "seven", tmp_path / "more.json"
    shutil.copytree(sample, folder)
    (folder / "topology.json").write_text(json.dumps(topology))
    check = [BINARIES / "twinscope", "check", folder]
    checked = subprocess.run(check, capture_output=True, text=True)
    assert checked.returncode == 1 and "at most 6" in checked.stdout + checked.stderr
    refused = [BINARIES / "twinscope", "serve", "--workspace", folder, "--data", tmp_path / "refused"]
    ended = subprocess.run(refused, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1 and "at most 6" in ended.stderr
    file.write_text(json.dumps({"endpoints": 7}))
    assert subprocess.run([*check, "--limits", file]).returncode == 0
    serve("--workspace", folder, "--limits", file)


def test_many_at_once_do_not_pass_a_limit(limited):
    server, _ = limited(twins=25, twinCreatesAndDeletesPerSecond=None)
    doors = [Door(server) for _ in range(8)]

    def put(number):
        return doors[number % 8].room(f"t{number}").status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [answer for share in pool.map(lambda at: [put(n) for n in range(at, 120, 8)], range(8)) for answer in share]
    assert sorted(set(answers)) == [200, 400] and answers.count(200) == 25


PATCH = [{"op": "add", "path": "/name", "value": "x"}]
GONE = [{"op": "replace", "path": "/decommissioned", "value": True}]
# For each rate, requests that count against it; each line is one way.
RATES = {
    "modelRequestsPerSecond": [
        lambda door, _: door("GET", "/models"),
        lambda door, n: door("POST", "/models", [interface(f"dtmi:t:N{n}{letter};1") for letter in "abcdefgh"]),
        lambda door, _: door("GET", f"/models/{ROOM}"),
        lambda door, _: door("PATCH", "/models/dtmi:t:None;1", GONE),
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
        lambda door, _: door("GET", "/jobs/imports/i"),
        lambda door, _: door("PUT", "/jobs/imports/i", {"inputBlobUri": "x", "outputBlobUri": "y"}),
        lambda door, _: door("DELETE", "/jobs/imports/i"),
        lambda door, _: door("POST", "/jobs/imports/i/cancel"),
        lambda door, _: door("GET", "/jobs/deletions"),
        lambda door, _: door("GET", "/jobs/deletions/d"),
        lambda door, _: door("POST", "/jobs/deletions", **{"operation-id": "x" * 129}),
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
        """Requests within one second: those before the first 429, and from it on one of each way."""
        time.sleep(1.05)
        begun, let_in = time.monotonic(), []
        while len(let_in) < 20:
            answer = ways[len(let_in) % len(ways)](door, len(let_in))
            if answer.status_code == 429:
                others = [way(door, 50) for way in ways]
                return (let_in, [answer, *others]) if time.monotonic() - begun < 0.95 else None
            let_in.append(answer)
        return None

    let_in, out = eventually(burst, 30)
    assert all(answer.status_code < 500 for answer in let_in)
    if rate == "queryUnitsPerSecond":
        assert 1 <= len(let_in) <= MOST
    else:
        assert len(let_in) == MOST
    for answer in out:
        if rate.startswith("quer"):
            refused(answer, "QuotaReachedError", "query units" if "Units" in rate else f"More than {MOST}", 429)
            assert answer.headers["content-type"] == "application/json; charset=utf-8"
        else:
            throttled(answer)
        assert answer.headers["Retry-After"] == "1"
    time.sleep(int(out[0].headers["Retry-After"]))
    assert ways[0](door, 99).status_code != 429


def throttled(answer):
    """The gateway's answer, as recorded: it has no code, and neither body nor headers of the service."""
    assert answer.status_code == 429 and "x-ms-error-code" not in answer.headers
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"error": {"statusCode": 429, "message": THROTTLED}}


THROTTLED = "Maximum request rate limit reached. For Azure Digital Twins rate limiting details please see http://aka.ms/dtv2limits."


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
    assert "x-ms-error-code" not in answer.headers and answer.headers["Retry-After"] == "1"
    assert json.loads(body)["error"]["message"] == THROTTLED
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
    assert error.status_code == 429 and "Maximum request rate limit reached" in error.message
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
        ('{"twins": 5,\n "twinz": 3}', "line 2, column 8: «twinz» is not the name of a limit; `twinscope limits` prints them all"),
        ('{"twins": "5"}', "line 1, column 13: «twins» is the text «5»; give a whole number above 0, or null for no limit"),
        ("twins", "line 1, column"),
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
    assert f"--limits {file}" in ended.stderr and words in ended.stderr, ended.stderr


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


def test_as_many_jobs_run_as_the_file_says(limited):
    _, door = limited(runningJobs=2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        blob = f"http://127.0.0.1:{silent.getsockname()[1]}/in"
        add = lambda name: door("PUT", f"/jobs/imports/{name}", {"inputBlobUri": blob, "outputBlobUri": blob})
        assert [add(name).status_code for name in "ab"] == [201, 201]
        refused(add("c"), "TooManyRequests", "Cannot start another job while one is in progress", 429)
        refused(door("POST", "/jobs/deletions"), "TooManyRequests", "Cannot start another job", 429)
        # Forgotten, it still runs.
        assert door("DELETE", "/jobs/imports/a").status_code == 204
        refused(add("a"), "TooManyRequests", "Cannot start another job", 429)


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
