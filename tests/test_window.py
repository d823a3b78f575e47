"""The real window, driven through WebDriver, beside the official SDK for Python."""

import json
import subprocess

from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from twinscope.programs import ROOT, client, eventually, text_of

ROOM, THERMOSTAT = "Room_11", "thermo_0011"


def select(window, twin):
    """Clicks a twin on the canvas, again where the drawing moved meanwhile."""

    def shown():
        window.click_at(*window.twin_center(twin))
        return [title for title in window.all("inspector-title") if twin in text_of(title)]

    shown.__name__ = f"{twin} in the inspector"
    eventually(shown, every=1)


def value(window, path):
    """The text of a property in the inspector."""
    row = window.one("property-row", path=path)
    return text_of(row.find_element(By.CSS_SELECTOR, '[data-testid="property-value"]'))


def has_value(window, path, wanted):
    def same():
        return wanted in value(window, path)

    same.__name__ = f"{path} is {wanted}"
    eventually(same)


def edit(window, path, text):
    """Types a value for a property and applies it."""
    row = window.one("property-row", path=path)
    row.find_element(By.CSS_SELECTOR, '[data-testid="property-value"]').click()
    field = window.one("property-edit-input")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(text)
    window.one("property-apply").click()


def test_a_building_under_the_hand(window):
    app = window().ready()
    app.picture("1-building")
    assert "52" in text_of(app.one("status-twins"))
    twins = client(app.connect)

    select(app, ROOM)
    assert "°C" in value(app, "/currentTemp")
    app.picture("2-room")

    # From outside, with the official client: the thermostat, and the room follows.
    twins.update_digital_twin(THERMOSTAT, [{"op": "add", "path": "/temperature", "value": 29.5}])
    has_value(app, "/currentTemp", "29.5")
    log_filter = app.one("log-filter")
    log_filter.send_keys("29.5")

    def both():
        rows = [app.all("log-row", kind="twinUpdate", subject=twin) for twin in (ROOM, THERMOSTAT)]
        return all(rows) and [row[0].get_attribute("data-trace") for row in rows]

    room, thermostat = eventually(both)
    assert room == thermostat and len(room) == 32
    app.picture("3-one-trace")

    # In the window: an edit, read back through the client; and one that the service refuses.
    select(app, THERMOSTAT)
    edit(app, "/setPoint", "19.5")
    eventually(lambda: twins.get_digital_twin(THERMOSTAT)["setPoint"] == 19.5)
    has_value(app, "/setPoint", "19.5")
    app.picture("4-edited")


def test_the_services_error_is_shown_in_place(window):
    app = window().ready()
    twins = client(app.connect)
    select(app, ROOM)
    before = twins.get_digital_twin(ROOM)
    row = app.one("property-row", path="/name")
    row.find_element(By.CSS_SELECTOR, '[data-testid="property-value"]').click()
    field = app.one("property-edit-input")
    # Somebody else changes the twin meanwhile: the page's ETag is stale.
    twins.update_digital_twin(ROOM, [{"op": "add", "path": "/name", "value": "Elsewhere"}])
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("Here")
    app.one("property-apply").click()
    assert "PreconditionFailed" in text_of(app.one("property-error"))
    app.picture("refused")
    after = twins.get_digital_twin(ROOM)
    assert (before["name"], after["name"]) != ("Here", "Here")


def test_search_pause_and_keys(window):
    app = window().ready()
    search = app.one("search-input")
    search.send_keys("thermo_0020", Keys.ENTER)
    eventually(lambda: "thermo_0020" in text_of(app.one("inspector-title")))

    app.one("log-pause").click()
    eventually(lambda: "new" in text_of(app.one("log")))
    app.picture("paused")
    app.one("log-pause").click()

    ActionChains(app.driver).send_keys(Keys.ESCAPE).perform()
    twin = app.driver.find_element(By.CSS_SELECTOR, '[data-twin-id="Room_05"]')
    assert "Room_05" in twin.get_attribute("aria-label") and "°C" in twin.get_attribute("aria-label")
    app.driver.execute_script("arguments[0].focus()", twin)
    ActionChains(app.driver).send_keys(Keys.ENTER).perform()
    eventually(lambda: "Room_05" in text_of(app.one("inspector-title")))


def test_positions_and_layout_are_kept(window):
    app = window().ready()
    x, y = app.twin_center("Room_02")
    app.drag((x, y), (40, 24))

    def moved():
        now = app.twin_center("Room_02")
        return now if abs(now[0] - x - 40) < 6 and abs(now[1] - y - 24) < 6 else None

    there = eventually(moved)
    offset = app.twin_center("Room_03")[0] - there[0]
    app.one("log-filter").send_keys("thermo")
    settings = app.home / ".config/twinscope/settings.json"
    eventually(lambda: settings.exists() and "thermo" in settings.read_text())
    app.close()

    again = window().ready()
    assert abs(again.twin_center("Room_03")[0] - again.twin_center("Room_02")[0] - offset) < 4
    assert again.one("log-filter").get_attribute("value") == "thermo"


def test_an_instance_of_another_process(window, serve):
    server = serve("--token", "the-one")
    adt = server.connect["adt"]
    twins = server.client("the-one")
    app = window().ready()
    remote = {"kind": "remote", "endpoint": adt["endpoint"], "ca": adt["ca"]}

    app.open_target({**remote, "credential": {"kind": "token", "token": "the-one"}})
    host = adt["endpoint"].removeprefix("https://")
    eventually(lambda: host in text_of(app.one("status-bar")))
    eventually(lambda: "52" in text_of(app.one("status-twins")))
    select(app, ROOM)
    twins.update_digital_twin(THERMOSTAT, [{"op": "add", "path": "/temperature", "value": 30.5}])
    has_value(app, "/currentTemp", "30.5")
    edit(app, "/name", "Over the wire")
    eventually(lambda: twins.get_digital_twin(ROOM)["name"] == "Over the wire")
    app.picture("remote")

    kept = (app.home / ".config/twinscope/settings.json").read_text()
    assert host in kept and "the-one" not in kept


def drag(app, kind, *paths):
    """What the shell tells the page while a file manager drags over the window."""
    script = """
        const [event, paths] = arguments;
        const payload = {paths, position: {x: 10, y: 10}};
        window.__TAURI_INTERNALS__.invoke('plugin:event|emit', {event, payload});
    """
    app.driver.execute_script(script, f"tauri://drag-{kind}", [str(path) for path in paths])


def test_files_dropped_on_the_window(window, tmp_path):
    app = window().ready()
    sample = ROOT / "assets" / "contoso-building"
    files = [sample / "twins.ndjson", *sorted((sample / "models").iterdir())]
    drag(app, "enter", *files)
    eventually(lambda: f"Open {len(files)} files together" in text_of(app.one("drop-ground")))
    app.picture("1-over")
    drag(app, "drop", *files)
    eventually(lambda: not app.all("drop-ground"))
    shown = lambda: text_of(app.driver.find_element(By.CSS_SELECTOR, ".status-bar"))
    eventually(lambda: "twins.ndjson" in shown() and "52" in text_of(app.one("status-twins")))
    app.picture("2-opened")

    # What is neither a folder nor a file of twins is refused by the backend, and nothing is lost.
    stray = tmp_path / "notes.txt"
    stray.write_text("not a twin")
    drag(app, "drop", stray)
    eventually(lambda: "This is not a folder" in text_of(app.driver.find_element(By.CSS_SELECTOR, ".opening")))
    assert "twins.ndjson" in shown()
    app.picture("3-refused")


def test_a_workspace_is_watched(window, tmp_path):
    root = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True, check=True)
    workspace = tmp_path / "my-building"
    source = f"{root.stdout.strip()}/assets/contoso-building"
    subprocess.run(["cp", "-r", source, workspace], check=True)
    app = window().ready()
    app.open_target({"kind": "workspace", "path": str(workspace)})
    eventually(lambda: "my-building" in text_of(app.one("status-bar")))
    select(app, ROOM)

    twins = workspace / "twins.ndjson"
    lines = twins.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if f'"$dtId":"{ROOM}"' in line.replace(" ", "") and "$metadata" in line)
    room = json.loads(lines[place])
    room["name"] = "Renamed in the file"
    lines[place] = json.dumps(room)
    twins.write_text("\n".join(lines) + "\n")
    has_value(app, "/name", "Renamed in the file")

    good = twins.read_text()
    twins.write_text(good.replace('"Renamed in the file"', '"Not applied", "noSuchProperty": 1'))
    problems = app.one("problems")
    eventually(lambda: problems.is_displayed())
    app.picture("problem")
    assert "Renamed in the file" in value(app, "/name")
    twins.write_text(good.replace("Renamed in the file", "Mended"))
    has_value(app, "/name", "Mended")
    eventually(lambda: not app.all("problems"))


def test_a_query_kept_live(window):
    app = window().ready()
    twins = client(app.connect)
    keys = lambda *those: ActionChains(app.driver).send_keys(*those).perform()

    ActionChains(app.driver).key_down(Keys.CONTROL).send_keys("e").key_up(Keys.CONTROL).perform()
    editor = app.one("query-editor")
    eventually(lambda: app.driver.switch_to.active_element == editor)
    keys("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1")
    # The editor closes the quote and the bracket by itself; the backend's parser colours the pieces.
    eventually(lambda: app.driver.find_elements(By.CSS_SELECTOR, ".query-editor .piece-modelId"))
    run_query(app)
    eventually(lambda: "24 rows" in text_of(app.one("query-count")))
    eventually(lambda: "24 twins" in text_of(app.one("overlay-bar")))
    assert "scanned" in text_of(app.one("query-explain"))
    assert app.one("query-row", twin=ROOM)
    app.picture("1-rooms")

    app.one("query-row", twin=ROOM).click()
    eventually(lambda: ROOM in text_of(app.one("inspector-title")))
    ActionChains(app.driver).send_keys(Keys.ESCAPE).perform()
    eventually(lambda: not app.all("overlay-bar"))

    # Live: rows follow what the official client writes.
    app.one("query-live").click()
    editor.click()
    ActionChains(app.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    keys("SELECT T.$dtId, T.temperature FROM DIGITALTWINS T WHERE T.temperature > 60")
    run_query(app)
    app.one("query-no-rows")
    for twin, degrees in (("thermo_0003", 61.5), ("thermo_0020", 70.25)):
        # A write from outside silences the simulated device, so that the value stays.
        twins.update_digital_twin(twin, [{"op": "add", "path": "/temperature", "value": degrees}])
        assert str(degrees) in text_of(app.one("query-row", twin=twin))
    eventually(lambda: "2 rows" in text_of(app.one("query-count")))
    eventually(lambda: "2 twins" in text_of(app.one("overlay-bar")))
    app.picture("2-live")
    twins.update_digital_twin("thermo_0003", [{"op": "add", "path": "/temperature", "value": 21.0}])
    eventually(lambda: not app.all("query-row", twin="thermo_0003"))
    eventually(lambda: "1 twin" in text_of(app.one("overlay-bar")))

    # A text that is refused says where.
    editor.click()
    ActionChains(app.driver).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    keys("SELECT T FRM DIGITALTWINS T")
    run_query(app)
    assert "SqlQueryError" in text_of(app.one("query-failure"))
    app.picture("3-refused")


def run_query(app):
    ActionChains(app.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
