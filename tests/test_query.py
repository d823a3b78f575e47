"""JOIN, MATCH, paging and refusals of the query API, with the official SDK for Python; `twinscope query`."""

import csv
import http.client
import json
import os
import pathlib
import pty
import signal
import ssl
import subprocess
import threading
import time

import pytest
from azure.core.exceptions import HttpResponseError
from twinscope.programs import BINARIES, eventually

ROOM = "dtmi:com:contoso:Room;1"
THERMOSTAT = "dtmi:com:contoso:Thermostat;1"
NODE = "dtmi:t:Node;1"
# On a graph in which everything hangs together it does not end in our time.
ENDLESS = "SELECT COUNT() FROM DIGITALTWINS MATCH (a)-[*2..10]-(b)-[*2..10]-(c)-[*2..10]-(d)-[]-(e) WHERE a.$dtId != ''"
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
        ("SELECT * FROM DIGITALTWINS WHERE " + "(" * 7_967, "nested more than 100 deep"),
        ("SELECT * FROM DIGITALTWINS WHERE " + "(" * 3_980 + "a = 1" + ")" * 3_980, "nested more than 100 deep"),
        ("(" * 8_000, "missing SELECT at '('"),
        ("SELECT a FROM DIGITALTWINS MATCH " + "(a)-[]-" * 1_130 + "(a) WHERE a.$dtId = 'a'", "more than 100"),
        ("SELECT * FROM DIGITALTWINS WHERE x = '" + "x" * 8_000 + "'", "at most 8000 are taken"),
    ],
)
def test_refusals(serve, text, message):
    client = serve("--empty").client()
    with pytest.raises(HttpResponseError) as refused:
        list(client.query_twins(text))
    assert refused.value.error.code == "SqlQueryError"
    assert message in refused.value.error.message


def test_pages_of_a_graph_that_changes(serve):
    server = serve()
    client = server.client()
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

    # An altered token is refused, whichever of its bytes it is, and in whichever case.
    token = next(filter(None, tokens))
    ask = asking(server)
    for place in range(len(token)):
        for digit in {"0" if token[place] != "0" else "1", token[place].upper(), "+", "é"} - {token[place]}:
            status, answer = ask({"continuationToken": token[:place] + digit + token[place + 1 :]})
            assert (status, answer["error"]["code"]) == (400, "BadRequest"), place
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


def asking(server):
    """Asks as no SDK would: any body, on a connection of its own."""
    adt = server.connect["adt"]
    context = ssl.create_default_context(cafile=adt["ca"])
    connection = http.client.HTTPSConnection(adt["endpoint"].removeprefix("https://"), context=context)

    def ask(body, wait=True):
        head = {"Authorization": "Bearer x", "Content-Type": "application/json"}
        connection.request("POST", "/query?api-version=2023-10-31", json.dumps(body), head)
        if not wait:
            return connection
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    return ask


def tangle(folder):
    """A workspace of 60 twins with 900 relationships between them."""
    (folder / "models").mkdir(parents=True)
    related = {"@type": "Relationship", "name": "x"}
    model = {"@id": NODE, "@type": "Interface", "@context": "dtmi:dtdl:context;3", "contents": [related]}
    (folder / "models" / "node.json").write_text(json.dumps(model))
    rows = [{"Section": "Header"}, {"fileVersion": "1.0.0"}, {"Section": "Twins"}]
    rows += [{"$dtId": f"n{each}", "$metadata": {"$model": NODE}} for each in range(60)]
    rows.append({"Section": "Relationships"})
    for each in range(900):
        ends = {"$dtId": f"n{each % 60}", "$targetId": f"n{(each + 1 + each // 60 * 3) % 60}"}
        rows.append({**ends, "$relationshipId": f"r{each}", "$relationshipName": "x"})
    (folder / "twins.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def busy(server, seconds=0.5):
    """The share of one core that the server takes for a while."""

    def ticks():
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds


def test_a_query_ends_with_its_client(serve, tmp_path):
    server = serve("--workspace", tangle(tmp_path / "workspace"))
    count = asking(server)({"query": "SELECT COUNT() FROM RELATIONSHIPS"})
    assert count == (200, {"value": [{"COUNT": 900}], "continuationToken": None})

    def idle():
        return busy(server) < 0.1

    eventually(idle)
    clients = [asking(server)({"query": ENDLESS}, wait=False) for _ in range(3)]
    eventually(lambda: busy(server) > 0.1)
    for client in clients:
        client.close()
    eventually(idle)


@pytest.mark.skipif("TWINSCOPE_PATIENT" not in os.environ, reason="takes a minute: TWINSCOPE_PATIENT=1 runs it")
def test_a_query_is_ended_after_a_minute(serve, tmp_path):
    server = serve("--workspace", tangle(tmp_path / "workspace"))
    begun = time.monotonic()
    status, answer = asking(server)({"query": ENDLESS})
    assert (status, answer["error"]["code"]) == (400, "TimeoutError")
    assert time.monotonic() - begun > 59
    eventually(lambda: busy(server) < 0.1)


def test_the_command_line_on_long_work(serve, tmp_path):
    """The progress line on a terminal, and Ctrl+C, which ends the query in the server, too."""
    server = serve("--workspace", tangle(tmp_path / "workspace"))
    terminal, end = pty.openpty()
    command = [BINARIES / "twinscope", "query", ENDLESS, "--data", tmp_path / "serve-data"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, text=True) as process:
        os.close(end)
        shown = b""
        while b"0 rows after 2 s" not in shown:
            shown += os.read(terminal, 100)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20)[0] == ""
        assert process.returncode == 130
    os.close(terminal)
    eventually(lambda: busy(server) < 0.1)


def test_the_command_line(serve, tmp_path):
    serve()

    def query(text, *options, **more):
        command = [BINARIES / "twinscope", "query", text, "--data", tmp_path / "serve-data", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)

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
    assert wrong.stdout == ""
    assert query("SELECT * FROM DIGITALTWINS WHERE x = 1").stdout == "0 rows\n"
    assert query("SELECT * FROM DIGITALTWINS WHERE x = 1", "--format", "json").stdout == "[]\n"
    assert query("SELECT COUNT() FROM DIGITALTWINS", "--format", "csv").stdout == "COUNT\n52\n"
    elsewhere = query("SELECT * FROM DIGITALTWINS", "--endpoint", "https://localhost:1", "--token", "x")
    assert elsewhere.returncode != 0 and elsewhere.stderr and "panicked" not in elsewhere.stderr
    # A reader that has seen enough is no error.
    for form in ["table", "json", "csv"]:
        command = f"'{BINARIES / 'twinscope'}' query 'SELECT * FROM DIGITALTWINS' --data '{tmp_path / 'serve-data'}'"
        piped = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command} --format {form} | true"], capture_output=True, text=True, timeout=60
        )
        assert (piped.returncode, piped.stderr) == (0, ""), form
