"""A building of ten thousand twins in the real window: find, follow, expand, hide, colour, and come back."""

import json
import subprocess

import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from twinscope.programs import BINARIES, eventually, text_of

ROOMS = 4_900
# So few devices live, so that the machine is busy with the test.
DEVICES = 40


class Building:
    """A generated workspace, and what is related to what in it."""

    def __init__(self, folder):
        command = [BINARIES / "twinscope", "generate", "--rooms", str(ROOMS), "--out", folder]
        subprocess.run(command, check=True, capture_output=True)
        self.folder = folder
        topology = json.loads((folder / "topology.json").read_text())
        del topology["sources"]["thermostats"]["devices"][DEVICES:]
        (folder / "topology.json").write_text(json.dumps(topology))
        rows = [json.loads(line) for line in (folder / "twins.ndjson").read_text().splitlines()]
        edges = [row for row in rows if "$relationshipName" in row]
        self.twins = sum(1 for row in rows if "$metadata" in row)
        self.parent = {row["$targetId"]: row["$dtId"] for row in edges if row["$relationshipName"] == "contains"}
        self.thermostat = {row["$dtId"]: row["$targetId"] for row in edges if row["$relationshipName"] == "rel_has_thermostat"}

    def around(self, twin):
        """How many twins a twin has `contains` with."""
        return sum(1 for parent in self.parent.values() if parent == twin) + (twin in self.parent)


@pytest.fixture(scope="module")
def building(tmp_path_factory):
    return Building(tmp_path_factory.mktemp("large") / "building")


def open_building(app, building):
    app.open_target({"kind": "workspace", "path": str(building.folder)})
    eventually(lambda: f"{building.twins:,}" in text_of(app.one("status-twins")), 60)


def in_inspector(app, twin):
    def shown():
        return any(twin in text_of(title) for title in app.all("inspector-title"))

    shown.__name__ = f"{twin} in the inspector"
    eventually(shown, 30)


def find(app, twin):
    search = app.one("search-input")
    search.send_keys(Keys.CONTROL, "a")
    search.send_keys(twin, Keys.ENTER)
    in_inspector(app, twin)


def still(app, twin):
    """Where a twin is once the drawing has come to rest."""
    places = [None]

    def same():
        places.append(app.twin_center(twin))
        return places[-1] if places[-1] == places[-2] else None

    same.__name__ = f"{twin} at rest"
    return eventually(same, every=0.4)


def keys(app, *pressed):
    ActionChains(app.driver).send_keys(*pressed).perform()


def button(app, label):
    return app.driver.find_element(By.CSS_SELECTOR, f'button[aria-label="{label}"]')


def hidden(app):
    return "".join(text_of(each) for each in app.all("explore-hidden"))


def colour_by(app, way, of=None):
    """Chooses in the appearance menu what colour stands for: a way, and for `Property` which one."""
    app.one("appearance").click()
    radio = f'//*[@aria-label="Colour by"]//*[@role="radio" and normalize-space()="{way}"]'
    app.driver.find_element(By.XPATH, radio).click()
    if of:
        Select(app.driver.find_element(By.CSS_SELECTOR, 'select[aria-label="Property"]')).select_by_value(of)
    keys(app, Keys.ESCAPE)


def kept_view(app):
    """How the graph is looked at, as the backend keeps it."""
    script = """
        const [done] = arguments;
        const asked = window.__TAURI_INTERNALS__.invoke('call', {request: {type: 'views'}});
        asked.then((views) => done(JSON.stringify(views.last)));
    """
    return app.driver.execute_async_script(script)


def test_ten_thousand_twins(window, building):
    room = sorted(building.thermostat)[ROOMS // 2]
    floor, thermostat = building.parent[room], building.thermostat[room]
    app = window().ready()
    open_building(app, building)
    app.picture("1-all")

    # Found by search; its relationship followed by a click, and back by the keyboard.
    find(app, room)
    app.click_at(*still(app, thermostat))
    in_inspector(app, thermostat)
    keys(app, Keys.ARROW_UP, Keys.ENTER)
    in_inspector(app, room)
    app.picture("2-followed")

    # A hub expanded: all around it, and so told; then hidden, and brought back.
    find(app, floor)
    app.one("expand").click()
    app.one("expand-now").click()
    around = building.around(floor)
    eventually(lambda: f"{around} of {around}" in text_of(app.one("expanded")))
    keys(app, Keys.ESCAPE)
    app.picture("3-expanded")
    button(app, "Hide the selected").click()
    eventually(lambda: f"{around + 1} hidden" in hidden(app))
    app.picture("4-hidden")
    button(app, "Undo hiding or showing").click()
    eventually(lambda: hidden(app) == "")

    # Coloured by model, then by temperature: the key says which.
    colour_by(app, "Model")
    eventually(lambda: "Thermostat" in text_of(app.one("scale-key")))
    app.picture("5-by-model")
    colour_by(app, "Property", "currentTemp")
    eventually(lambda: "currentTemp" in text_of(app.one("scale-key")))
    app.picture("6-by-temperature")

    # Left with the thermostat moved and hidden, and the room selected: so it is the next time.
    find(app, thermostat)
    app.drag(still(app, thermostat), (40, 0))
    button(app, "Hide the selected").click()
    eventually(lambda: "1 hidden" in hidden(app))
    find(app, room)
    eventually(lambda: room in kept_view(app) and f'"hidden":["{thermostat}' in kept_view(app))
    before = still(app, room)
    app.picture("7-left")
    app.close()

    again = window().ready()
    in_inspector(again, room)
    eventually(lambda: "1 hidden" in hidden(again), 30)
    eventually(lambda: "currentTemp" in text_of(again.one("scale-key")))

    def same_place():
        now = again.twin_center(room)
        return abs(now[0] - before[0]) < 4 and abs(now[1] - before[1]) < 4

    eventually(same_place)
    again.picture("8-again")
    again.one("explore-hidden").click()
    assert abs(again.twin_center(thermostat)[0] - before[0] - 40) < 6
