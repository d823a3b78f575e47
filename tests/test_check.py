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
    assert json.loads(check(SAMPLE, "--json").stdout) == {"problems": [], "models": 4, "twins": 52, "relationships": 51, "functions": 0, "tests": 0}


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


FUNCTION = """fn on_event(event) {
    if event.data.temperature > 30 { patch(event.twin, #{alarm: true}) }
}

fn test_warm() {
    give_twin(#{"$dtId": "t1", alarm: false});
    on_event(#{twin: "t1", data: #{temperature: 31.5}});
    assert_eq(twin("t1").alarm, true);
}
"""


def test_functions_are_compiled_and_their_tests_run(tmp_path):
    folder = broken(tmp_path, "topology.json", '"functions": {', '"functions": { "mine": {"kind": "rhai"},')
    run = check(folder)
    assert run.returncode == 1 and "no file «functions/mine.rhai»" in run.stdout
    (folder / "functions").mkdir()
    script = folder / "functions" / "mine.rhai"
    script.write_text(FUNCTION)
    run = check(folder)
    assert run.returncode == 0 and "1 of your functions, 1 of their tests" in run.stdout, run.stdout
    for old, new, place, words in [
        ("> 30 {", "> = 30 {", "line 2, column", ""),
        ("31.5", "29.5", "line 8, column 5", "test_warm failed: it is false, not true"),
        ("patch(", "patsch(", "line 2, column 38", "patsch"),
        ("if event", "loop {} if event", "line 5", "operations"),
    ]:
        script.write_text(FUNCTION.replace(old, new))
        run = check(folder, "--json")
        problem = json.loads(run.stdout)["problems"][0]
        assert run.returncode == 1 and problem["file"] == "functions/mine.rhai"
        assert problem["place"].startswith(place) and words in problem["message"], problem
