"""JOIN, MATCH, paging and refusals of the query API, with the official SDK for Python; `twinscope query`."""

import csv
import json
import subprocess
import threading
import time

import pytest
from azure.core.exceptions import HttpResponseError
from twinscope.programs import BINARIES

ROOM = "dtmi:com:contoso:Room;1"
THERMOSTAT = "dtmi:com:contoso:Thermostat;1"
FLOOR = "SELECT F.$dtId AS x FROM DIGITALTWINS MATCH (F)-[]->(R) WHERE R.$dtId = 'Room_07'"


def pages(client, text, size):
    """Page by page, each a list of rows and the token that continues it."""
    paged = client.query_twins(text, headers={"max-items-per-page": str(size)}).by_page()
    for page in paged:
        yield list(page), paged.continuation_token


def column(client, text):
    return sorted(row["x"] for row in client.query_twins(text))


def test_join_and_match(serve):
    client = serve().client()
    join = (
        "SELECT Room, T, R FROM DIGITALTWINS Room JOIN T RELATED Room.rel_has_thermostat R"
        f" WHERE Room.$dtId = 'Room_07' AND IS_OF_MODEL(T, '{THERMOSTAT}', exact)"
    )
    (row,) = client.query_twins(join)
    assert [row["Room"]["$dtId"], row["T"]["$dtId"]] == ["Room_07", "thermo_0007"]
    assert row["R"]["$relationshipName"] == "rel_has_thermostat"
    assert row["T"]["$metadata"]["$model"] == THERMOSTAT

    floor = column(client, FLOOR)
    assert len(floor) == 1
    rooms = column(client, f"SELECT R.$dtId AS x FROM DIGITALTWINS MATCH (F)-[]->(R) WHERE F.$dtId = '{floor[0]}'")
    assert "Room_07" in rooms and len(rooms) == 8
    below = f"MATCH (F)-[*1..2]->(x) WHERE F.$dtId = '{floor[0]}'"
    thermostats = column(client, f"SELECT x.$dtId AS x FROM DIGITALTWINS {below}")
    assert thermostats == [f"thermo_00{room[-2:]}" for room in rooms]
    count = f"SELECT COUNT() FROM DIGITALTWINS {below} AND IS_OF_MODEL(x, '{THERMOSTAT}')"
    assert list(client.query_twins(count)) == [{"COUNT": 8}]
    around = f"SELECT * FROM DIGITALTWINS MATCH (a)-[r]-(b) WHERE a.$dtId = 'Room_07' AND b.$dtId = '{floor[0]}'"
    (row,) = client.query_twins(around)
    assert set(row) == {"a", "r", "b"} and row["r"]["$targetId"] == "Room_07"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT * FROM DIGITALTWINS T JOIN R RELATED T.x WHERE T.$dtId = 'a'", "Line=1, Position=7, Message=SELECT *"),
        ("SELECT a FROM DIGITALTWINS MATCH (a)-[]->(b)", "MATCH needs a filter on the $dtId"),
        ("SELECT a FROM DIGITALTWINS MATCH (a)-[*11]->(b) WHERE a.$dtId = 'a'", "more than 10 are not supported"),
        ("SELECT *\nFROM DIGITALTWINS ORDER BY x", "Line=2, Position=18, Message=extraneous input 'ORDER'"),
        ("SELECT * FROM DIGITALTWINS WHERE " + "(" * 7_900, "nested more than 100 deep"),
        ("SELECT * FROM DIGITALTWINS WHERE x = '" + "x" * 8_000 + "'", "longer than 8,000 characters"),
    ],
)
def test_refusals(serve, text, message):
    client = serve("--empty").client()
    with pytest.raises(HttpResponseError) as refused:
        list(client.query_twins(text))
    assert refused.value.error.code == "SqlQueryError"
    assert message in refused.value.error.message


def test_pages_of_a_graph_that_changes(serve):
    client = serve().client()
    stay = {row["$dtId"] for row in client.query_twins("SELECT * FROM DIGITALTWINS")}
    seen, tokens = [], []
    for number, (rows, token) in enumerate(pages(client, "SELECT * FROM DIGITALTWINS", 7)):
        assert len(rows) <= 7
        seen += [row["$dtId"] for row in rows]
        tokens.append(token)
        name = f"new_{number}"
        client.upsert_digital_twin(name, {"$metadata": {"$model": ROOM}})
        if number:
            client.delete_digital_twin(f"new_{number - 1}")
    assert len(seen) == len(set(seen)) and set(seen) == stay

    match = "SELECT R.$dtId AS a, x.$dtId AS b FROM DIGITALTWINS MATCH (F)-[]->(R)-[]->(x) WHERE F.$dtId != ''"
    whole = sorted((row["a"], row["b"]) for row in client.query_twins(match))
    assert len(whole) == len(set(whole)) >= 24
    paged = []
    for rows, _ in pages(client, match, 5):
        paged += [(row["a"], row["b"]) for row in rows]
        client.update_digital_twin("Room_07", [{"op": "add", "path": "/name", "value": str(time.time())}])
    assert sorted(paged) == whole

    token = next(filter(None, tokens))
    other = client.query_twins("SELECT * FROM RELATIONSHIPS")
    for bad in [token[:-1] + ("0" if token[-1] != "0" else "1"), token[2:], "zz", token]:
        with pytest.raises(HttpResponseError) as refused:
            next(iter(other.by_page(bad)))
        assert refused.value.error.code == "BadRequest"


def test_queries_while_twins_change(serve):
    server = serve()
    client, stop, wrong = server.client(), threading.Event(), []

    def count():
        mine = server.client()
        while not stop.is_set():
            rows = list(mine.query_twins("SELECT T.$dtId FROM DIGITALTWINS T WHERE T.temperature > -100"))
            if len(rows) != 24:
                wrong.append(len(rows))

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    for value in range(60):
        client.update_digital_twin("thermo_0007", [{"op": "add", "path": "/temperature", "value": float(value)}])
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_command_line(serve, tmp_path):
    serve()

    def query(text, *options):
        command = [BINARIES / "twinscope", "query", text, "--data", tmp_path / "serve-data", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    text = "SELECT T.$dtId, T.setPoint FROM DIGITALTWINS T WHERE T.$dtId IN ['thermo_0001', 'thermo_0002']"
    shown = query(text)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["$dtId", "setPoint"] and lines[-1] == "2 rows" and len(lines) == 4
    rows = json.loads(query(text, "--format", "json").stdout)
    assert {row["$dtId"] for row in rows} == {"thermo_0001", "thermo_0002"}
    rows = list(csv.DictReader(query("SELECT * FROM DIGITALTWINS", "--format", "csv").stdout.splitlines()))
    assert len(rows) == 52 and rows[0]["$metadata.$model"].startswith("dtmi:")
    wrong = query("SELECT * FROM DIGITALTWINS WHERE")
    assert wrong.returncode == 1 and "Position=32" in wrong.stderr
