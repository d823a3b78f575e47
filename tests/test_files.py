"""`twinscope generate`, `import` and `export` against a running `serve`."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from twinscope.programs import BINARIES, ROOT, eventually

SAMPLE = ROOT / "assets" / "contoso-building"
SCENARIO = pathlib.Path(os.environ.get("BUILDING_SCENARIO", ROOT.parent / "shared" / "data" / "building-scenario"))
FORMS = ["ndjson", "json", "xlsx", "csv"]
ROOM = "dtmi:com:contoso:Room;1"


def twinscope(*arguments, timeout=60):
    return subprocess.run([BINARIES / "twinscope", *arguments], capture_output=True, text=True, timeout=timeout)


def done(*arguments, **options):
    run = twinscope(*arguments, **options)
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def files_of(out):
    """The file of an export and those beside it."""
    return sorted(out.parent.glob(f"{out.stem}.*"))


def sample_files():
    return [SAMPLE / "twins.ndjson", *sorted((SAMPLE / "models").iterdir())]


def holds(server):
    """All that an instance holds, without what it stamps on it."""

    def plain(item):
        item = {name: value for name, value in item.items() if name != "$etag"}
        if "$metadata" in item:
            item["$metadata"] = {"$model": item["$metadata"]["$model"]}
        return json.dumps(item, sort_keys=True)

    client = server.client()
    return {
        "models": sorted(json.dumps(each.model, sort_keys=True) for each in client.list_models(include_model_definition=True)),
        "twins": sorted(plain(each) for each in client.query_twins("SELECT * FROM DIGITALTWINS")),
        "relationships": sorted(plain(each) for each in client.query_twins("SELECT * FROM RELATIONSHIPS")),
    }


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A workspace of 700 rooms: more than a page of everything."""
    folder = tmp_path_factory.mktemp("generated") / "workspace"
    done("generate", "--rooms", "700", "--out", folder, "--seed", "5")
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_there_and_back_again(serve, tmp_path, form):
    first = serve("--empty", data="first")
    run = done("import", *sample_files(), "--data", first.data)
    assert run.stdout == "Imported 4 models, 52 twins, 51 relationships.\n"
    out = tmp_path / f"out.{form}"
    done("export", "--out", out, "--data", first.data)

    second = serve("--empty", data="second")
    done("import", *files_of(out), "--data", second.data)
    assert holds(second) == holds(first)
    assert len(holds(second)["twins"]) == 52

    again = tmp_path / "again" / f"out.{form}"
    again.parent.mkdir()
    done("export", "--out", again, "--data", second.data)
    assert [file.name for file in files_of(again)] == [file.name for file in files_of(out)]
    if form != "xlsx":  # a workbook holds the time at which it was made
        for file, other in zip(files_of(out), files_of(again), strict=True):
            # In JSON the last of a list ends otherwise, and any of them may be the last.
            lines, others = ([line.rstrip(",]}") for line in each.read_text().splitlines()] for each in (file, other))
            assert sorted(lines) == sorted(others), file


def test_pages_and_progress(serve, tmp_path, generated):
    server = serve("--empty")
    files = [generated / "twins.ndjson", *sorted((generated / "models").iterdir())]
    run = done("import", *files, "--data", server.data)
    twins, relationships = map(int, re.search(r"(\d+) twins, (\d+) relationships", run.stdout).groups())
    assert twins > 1_400 and relationships > 1_400
    lines = [line for line in run.stderr.splitlines() if line.startswith("Twins ")]
    assert len(lines) == 10 and lines[-1] == f"Twins {twins:,} of {twins:,} (100 %)", run.stderr
    out = tmp_path / "out.ndjson"
    assert f"{twins} twins, {relationships} relationships" in done("export", "--out", out, "--data", server.data).stdout
    assert set((generated / "twins.ndjson").read_text().splitlines()) <= set(out.read_text().splitlines())
    # What is there already is replaced, models that are the same are left.
    assert "0 models (4 were there)" in done("import", out, "--data", server.data).stdout


def test_generated_workspaces(generated, tmp_path):
    assert "No problems: 4 models" in done("check", generated).stdout
    same, other = tmp_path / "same", tmp_path / "other"
    done("generate", "--rooms", "700", "--out", same, "--seed", "5")
    done("generate", "--rooms", "700", "--out", other, "--seed", "6")
    for file in ["twins.ndjson", "topology.json", "models/Room.json"]:
        assert (same / file).read_bytes() == (generated / file).read_bytes()
    assert (other / "twins.ndjson").read_bytes() != (generated / "twins.ndjson").read_bytes()
    large = tmp_path / "large"
    begun = time.monotonic()
    done("generate", "--rooms", "10000", "--out", large)
    assert time.monotonic() - begun < 10, "a second in a release build"
    assert "No problems" in done("check", large).stdout
    assert len(json.loads((large / "topology.json").read_text())["sources"]["thermostats"]["devices"]) == 500
    refused = twinscope("generate", "--rooms", "5", "--out", large)
    assert refused.returncode == 1 and "not empty" in refused.stderr
    assert twinscope("generate", "--rooms", "0", "--out", tmp_path / "none").returncode == 2


def test_the_explorers_own_sample(serve):
    if not SCENARIO.is_dir():
        pytest.skip(f"«{SCENARIO}» is not there (BUILDING_SCENARIO names the folder)")
    server = serve("--empty")
    done("import", SCENARIO / "buildingScenario.xlsx", *SCENARIO.glob("*.json"), "--data", server.data)
    client = server.client()
    assert client.get_digital_twin("Room1")["Temperature"] == 80
    related = [each["$targetId"] for each in client.list_relationships("BuildingA")]
    assert sorted(related) == ["Floor0", "Floor1"]


def test_bad_files_with_their_rows(serve, tmp_path):
    server = serve("--empty")
    twin = {"$dtId": "Room_01", "$metadata": {"$model": ROOM}}
    lines = [{"Section": "Twins"}, twin, {**twin, "$dtId": "Room_02", "seats": "many"}, twin, {"$dtId": "Room_03"}]
    bad = tmp_path / "bad.ndjson"
    bad.write_text("\n".join(json.dumps(line) for line in lines) + "\n{\n")
    table = tmp_path / "bad.csv"
    table.write_text(f"$dtId,$model,seats\n1,{ROOM},4\n2,dtmi:no:Such;1,\n3,,\n")
    models = sorted((SAMPLE / "models").iterdir())
    for dry in ([], ["--dry-run"]):
        run = twinscope("import", bad, table, *models, "--data", server.data, *dry)
        assert run.returncode == 1
        for words in [
            f"{bad}, line 3, /seats: ",
            f"{bad}, line 4, /$dtId: The twin «Room_01» is at {bad}, line 2 already",
            f"{bad}, line 5, /$metadata/$model: ",
            f"{bad}, line 6, column 1",
            f"{table}, row 3, /$metadata/$model: There is no model dtmi:no:Such;1",
            f"{table}, row 4, $model: ",
            "6 problems. Nothing was written.",
        ]:
            assert words in run.stdout, (words, run.stdout)
    assert holds(server) == {"models": [], "twins": [], "relationships": []}


def test_a_dry_run_writes_nothing(serve, tmp_path):
    server = serve("--empty")
    run = done("import", *sample_files(), "--data", server.data, "--dry-run")
    assert run.stdout == "No problems: 4 models, 52 twins, 51 relationships.\n"
    assert holds(server)["models"] == []
    # With nobody to ask it goes by the files alone, and says so.
    alone = done("import", *sample_files(), "--data", tmp_path / "nobody", "--dry-run")
    assert "files alone" in alone.stderr and "52 twins" in alone.stdout
    assert twinscope("import", *sample_files(), "--data", tmp_path / "nobody").returncode == 1


def test_relationships_to_twins_that_are_there(serve, tmp_path):
    server = serve("--empty")
    done("import", *sample_files(), "--data", server.data)
    more = tmp_path / "more.csv"
    more.write_text("$sourceId,$relationshipId,$relationshipName,$targetId\nFloor_1,extra,contains,Room_24\n")
    done("import", more, "--data", server.data)
    assert server.client().get_relationship("Floor_1", "extra")["$targetId"] == "Room_24"
    more.write_text("$sourceId,$relationshipId,$relationshipName,$targetId\nFloor_1,x,contains,Room_99\n")
    run = twinscope("import", more, "--data", server.data)
    assert run.returncode == 1 and f"{more}, row 2, /$targetId: There is no twin «Room_99»" in run.stdout


def test_an_instance_by_its_address(serve, tmp_path):
    server = serve("--empty", "--token", "the-one")
    adt = server.connect["adt"]
    target = ["--endpoint", adt["endpoint"], "--ca", adt["ca"]]
    done("import", *sample_files(), *target, "--token", "the-one")
    done("export", "--out", tmp_path / "out.json", *target, "--token", "the-one")
    assert len(json.loads((tmp_path / "out.json").read_text())["digitalTwinsGraph"]["digitalTwins"]) == 52
    refused = twinscope("import", *sample_files(), *target, "--token", "another")
    assert refused.returncode == 1 and "token" in refused.stderr
    away = twinscope("export", "--out", tmp_path / "no.json", "--endpoint", "https://localhost:1", "--ca", adt["ca"], "--token", "x")
    assert away.returncode == 1 and "does not answer" in away.stderr
    assert not list(tmp_path.glob("no.json")) and not list(tmp_path.glob(".twinscope-*"))
    assert twinscope("export", "--out", tmp_path / "out.txt", *target, "--token", "x").returncode == 1
    assert twinscope("import", "--data", server.data).returncode == 2


def test_ctrl_c_says_how_far_it_was(serve, tmp_path):
    server = serve("--empty")
    folder = tmp_path / "workspace"
    done("generate", "--rooms", "5000", "--out", folder)
    files = [folder / "twins.ndjson", *sorted((folder / "models").iterdir())]
    command = [BINARIES / "twinscope", "import", *files, "--data", server.data, "--requests", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    client = server.client()
    count = "SELECT COUNT() FROM DIGITALTWINS"

    def some():
        return next(iter(client.query_twins(count)))["COUNT"] > 50

    eventually(some)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, out + err
    written = int(re.search(r"Stopped\. Imported 4 models, (\d+) twins, 0 relationships of", out).group(1))
    assert 50 < written < 10_000
    # Said is what is there.
    assert next(iter(client.query_twins(count)))["COUNT"] == written


@pytest.mark.parametrize("command", ["generate", "export"])
def test_ctrl_c_leaves_no_half_file(serve, tmp_path, command):
    place = tmp_path / "place"
    place.mkdir()
    if command == "generate":
        arguments = ["generate", "--rooms", "400000", "--out", place / "out"]
    else:
        server = serve("--empty")
        folder = tmp_path / "workspace"
        done("generate", "--rooms", "3000", "--out", folder)
        done("import", folder / "twins.ndjson", *sorted((folder / "models").iterdir()), "--data", server.data)
        arguments = ["export", "--out", place / "out.xlsx", "--data", server.data]
    process = subprocess.Popen([BINARIES / "twinscope", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Something of it is there, under a name of its own.
    eventually(lambda: list(place.glob(".twinscope-*")))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out.startswith("Stopped"), out + err
    assert not list(place.iterdir())
