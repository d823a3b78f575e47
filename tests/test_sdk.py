"""The official Azure Digital Twins SDK for Python against `twinscope serve`."""

import json
import ssl
import subprocess
import urllib.error
import urllib.request
import uuid

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from twinscope.programs import BINARIES, eventually

ROOM = "dtmi:com:contoso:Room;1"
THERMOSTAT = "dtmi:com:contoso:Thermostat;1"
WINDOW = {
    "@context": "dtmi:dtdl:context;3",
    "@id": "dtmi:com:contoso:Window;1",
    "@type": "Interface",
    "displayName": "Window",
    "contents": [{"@type": "Property", "name": "open", "schema": "boolean", "writable": True}],
}


def test_a_room_follows_its_thermostat(serve):
    client = serve().client()

    assert [model.id for model in client.create_models([WINDOW])] == [WINDOW["@id"]]
    assert client.get_model(WINDOW["@id"], include_model_definition=True).model == WINDOW
    room = client.upsert_digital_twin("Room_99", {"$metadata": {"$model": ROOM}, "name": "Attic"})
    assert (room["$dtId"], room["name"]) == ("Room_99", "Attic")
    client.upsert_digital_twin("thermo_0099", {"$metadata": {"$model": THERMOSTAT}})
    relationship = {
        "$relationshipId": "Room_99-thermo_0099",
        "$sourceId": "Room_99",
        "$relationshipName": "rel_has_thermostat",
        "$targetId": "thermo_0099",
    }
    client.upsert_relationship("Room_99", relationship["$relationshipId"], relationship)

    client.update_digital_twin("thermo_0099", [{"op": "add", "path": "/temperature", "value": 23.4}])
    client.publish_telemetry("thermo_0099", {"temperatureReading": 23.4}, message_id=str(uuid.uuid4()))

    thermostat = client.get_digital_twin("thermo_0099")
    assert thermostat["temperature"] == 23.4
    assert thermostat["$metadata"]["$model"] == THERMOSTAT
    read = client.get_relationship("Room_99", relationship["$relationshipId"])
    assert {key: read[key] for key in relationship} == relationship
    assert [each.source_id for each in client.list_incoming_relationships("thermo_0099")] == ["Room_99"]
    eventually(lambda: client.get_digital_twin("Room_99").get("currentTemp") == 23.4)

    rows = list(client.query_twins("SELECT * FROM DIGITALTWINS T WHERE T.$dtId = 'Room_99'"))
    assert [row["currentTemp"] for row in rows] == [23.4]
    rows = list(client.query_twins("SELECT * FROM RELATIONSHIPS R WHERE R.$targetId = 'thermo_0099'"))
    assert [row["$relationshipName"] for row in rows] == ["rel_has_thermostat"]

    client.delete_relationship("Room_99", relationship["$relationshipId"])
    client.delete_digital_twin("Room_99")
    with pytest.raises(ResourceNotFoundError, match="There is no digital twin instance"):
        client.get_digital_twin("Room_99")


def test_the_sample_lives(serve):
    client = serve().client()
    temperatures = set()

    def moved():
        temperatures.add(client.get_digital_twin("thermo_0007")["$metadata"]["temperature"]["lastUpdateTime"])
        return len(temperatures) > 2

    eventually(moved, seconds=30)
    assert len(list(client.query_twins("SELECT * FROM DIGITALTWINS"))) == 52
    room = client.get_digital_twin("Room_07")["currentTemp"]
    assert 10 < room < 35


def test_an_outside_write_silences_the_simulated_device(serve):
    client = serve().client()
    client.update_digital_twin("thermo_0003", [{"op": "add", "path": "/temperature", "value": 31.5}])
    eventually(lambda: client.get_digital_twin("Room_03")["currentTemp"] == 31.5)
    others = client.get_digital_twin("thermo_0004")["$etag"]
    eventually(lambda: client.get_digital_twin("thermo_0004")["$etag"] != others)
    assert client.get_digital_twin("thermo_0003")["temperature"] == 31.5


def test_errors_are_the_services(serve):
    client = serve("--empty").client()
    with pytest.raises(HttpResponseError) as refused:
        client.upsert_digital_twin("x", {"$metadata": {"$model": "dtmi:no:Such;1"}})
    assert refused.value.error.code == "ValidationFailed"
    assert "Invalid twin specified" in refused.value.message

    client.create_models([WINDOW])
    twin = {"$metadata": {"$model": WINDOW["@id"]}, "open": True}
    etag = client.upsert_digital_twin("w", twin)["$etag"]
    client.update_digital_twin("w", [{"op": "replace", "path": "/open", "value": False}])
    with pytest.raises(HttpResponseError) as stale:
        client.update_digital_twin(
            "w",
            [{"op": "replace", "path": "/open", "value": True}],
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
        )
    assert stale.value.status_code == 412
    with pytest.raises(HttpResponseError) as wrong:
        client.update_digital_twin("w", [{"op": "replace", "path": "/open", "value": "ajar"}])
    assert wrong.value.error.code == "ValidationFailed"
    with pytest.raises(HttpResponseError) as syntax:
        list(client.query_twins("foo"))
    assert syntax.value.error.code == "SqlQueryError"
    assert client.get_digital_twin("w")["open"] is False


def request(server, path, **headers):
    adt = server.connect["adt"]
    asked = urllib.request.Request(f"{adt['endpoint']}{path}", headers=headers)
    context = ssl.create_default_context(cafile=adt["ca"])
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        with urllib.request.urlopen(asked, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_only_with_a_token_and_from_here(serve):
    server = serve("--token", "the-one")
    path = "/models?api-version=2023-10-31"
    gateway = {"statusCode": 401, "message": "Unauthorized"}
    status, body = request(server, path)
    assert (status, json.loads(body)) == (401, gateway)
    assert request(server, path, Authorization="Bearer another")[0] == 401
    assert request(server, path, Authorization="Bearer the-one")[0] == 200
    assert request(server, path, Authorization="Bearer the-one", Host="evil.example")[0] in (400, 421)
    assert request(server, path, Authorization="Bearer the-one", Origin="https://evil.example")[0] == 403
    assert oct((server.data / "ca.key").stat().st_mode & 0o777) == "0o600"
    assert oct((server.data / "connect.json").stat().st_mode & 0o777) == "0o600"


def test_acknowledged_writes_survive_kill_9(serve):
    server = serve("--empty", "--limits", "none")
    client = server.client()
    client.create_models([WINDOW])
    kept = {}
    for step in range(60):
        twin = f"w{step % 7}"
        kept[twin] = client.upsert_digital_twin(twin, {"$metadata": {"$model": WINDOW["@id"]}, "open": step % 2 == 0})
        if step % 20 == 19:
            server.kill()
            server = serve("--empty", "--limits", "none")
            client = server.client()
            for twin, body in kept.items():
                assert client.get_digital_twin(twin) == body


def test_a_second_program_on_the_folder_is_told(serve):
    server = serve()
    second = subprocess.run(
        [BINARIES / "twinscope", "serve", "--data", server.data], capture_output=True, text=True, timeout=20
    )
    assert second.returncode == 1
    assert str(server.process.pid) in second.stderr
    assert server.client().get_digital_twin("Room_01")["$dtId"] == "Room_01"


def test_bad_starts_say_what_and_where(serve, tmp_path):
    port = serve().connect["adt"]["endpoint"].rsplit(":", 1)[1]
    read_only = tmp_path / "file"
    read_only.write_text("not a folder")
    workspace = tmp_path / "workspace"
    (workspace / "models").mkdir(parents=True)
    (workspace / "models" / "Broken.json").write_text("{ not json")
    cases = [
        (["--data", tmp_path / "d1", "--https-port", port], port),
        (["--data", read_only / "below"], str(read_only)),
        (["--data", tmp_path / "d2", "--workspace", workspace], "models/Broken.json"),
        (["--data", tmp_path / "d3", "--workspace", tmp_path / "nowhere"], "nowhere"),
    ]
    for arguments, words in cases:
        run = subprocess.run([BINARIES / "twinscope", "serve", *arguments], capture_output=True, text=True, timeout=20)
        assert run.returncode == 1, arguments
        assert words in run.stderr, run.stderr
        assert "panicked" not in run.stderr


def test_env_lets_unchanged_code_run(serve):
    server = serve()
    run = subprocess.run(
        [BINARIES / "twinscope", "env", "--data", server.data, "--form", "dotenv"],
        capture_output=True,
        text=True,
        check=True,
    )
    variables = dict(line.split("=", 1) for line in run.stdout.splitlines())
    assert variables["AZURE_DIGITALTWINS_URL"].strip("'") == server.connect["adt"]["endpoint"]
    assert variables["NODE_EXTRA_CA_CERTS"].strip("'") == server.connect["adt"]["ca"]


def test_no_web_view_is_linked():
    libraries = subprocess.run(["ldd", BINARIES / "twinscope"], capture_output=True, text=True, check=True).stdout
    assert "webkit" not in libraries and "gtk" not in libraries
