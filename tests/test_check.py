"""`twinscope check` on the sample and on broken copies of it."""

import json
import pathlib
import shutil
import subprocess

from twinscope.programs import BINARIES, ROOT

SAMPLE = ROOT / "assets" / "contoso-building"


def check(folder, *options):
    command = [BINARIES / "twinscope", "check", folder, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def broken(tmp_path, file, old, new):
    folder = tmp_path / "broken"
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    path = folder / file
    text = path.read_text()
    assert old in text, (file, old)
    path.write_text(text.replace(old, new))
    return folder


def test_the_sample_has_no_problems():
    run = check(SAMPLE)
    assert (run.returncode, run.stdout.strip()) == (0, "No problems: 4 models, 52 twins, 51 relationships.")
    assert json.loads(check(SAMPLE, "--json").stdout) == {"problems": [], "models": 4, "twins": 52, "relationships": 51}


def test_every_problem_has_its_file_and_place(tmp_path):
    cases = [
        ("models/Room.json", '"double"', '"duble"', "models/Room.json", "duble"),
        ("topology.json", '"endpoint": "eg-twins"', '"endpoint": "eg-none"', "topology.json", "eg-none"),
        ("twins.ndjson", '"Room_24"', '"Room 24\\u0000"', "twins.ndjson", "line"),
        ("twins.ndjson", '"$targetId":"thermo_0024"', '"$targetId":"thermo_0099"', "twins.ndjson", "thermo_0099"),
        ("floorplan.geojson", '"FeatureCollection"', '"Features"', "floorplan.geojson", "FeatureCollection"),
    ]
    for index, (file, old, new, named, words) in enumerate(cases):
        folder = broken(tmp_path / str(index), file, old, new)
        run = check(folder, "--json")
        assert run.returncode == 1, (file, new)
        problems = json.loads(run.stdout)["problems"]
        assert any(problem["file"] == named and words in problem["place"] + problem["message"] for problem in problems), problems
        lines = check(folder).stdout
        assert named in lines and "problem" in lines.splitlines()[-1]


def test_a_folder_that_is_not_there(tmp_path):
    run = check(pathlib.Path(tmp_path / "nowhere"))
    assert run.returncode == 1 and "nowhere" in run.stdout
