"""The canvas in the real window: a topology drawn by dragging, deployed, watched, and taken down."""

import json
import subprocess
from types import SimpleNamespace

from azure.eventhub import EventHubProducerClient
from azure.mgmt.digitaltwins.models import DigitalTwinsEndpointResource, EventHub
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.keys import Keys
from test_control_plane import KEYED, management
from twinscope.programs import BINARIES, ROOT, client, eventually, free_port, text_of
from twinscope.workspaces import write_topology


def middle(app, test_id):
    """Where the middle of an element is on the screen."""
    script = "const r = arguments[0].getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]"
    x, y = app.driver.execute_script(script, app.one(test_id))
    return round(x), round(y)


def drag(app, start, end):
    """Presses, moves and lets go, as a hand does."""
    actions = ActionBuilder(app.driver, duration=60)
    pointer = actions.pointer_action
    pointer.move_to_location(*start).pointer_down()
    pointer.move_to_location(start[0] + 6, start[1] + 4)
    pointer.move_to_location((start[0] + end[0]) // 2, (start[1] + end[1]) // 2)
    pointer.move_to_location(*end).pointer_up()
    actions.perform()


def drop(app, offer, right, down):
    """Drags an offer of the palette to a place of the canvas, given in parts of it."""
    script = "const r = arguments[0].getBoundingClientRect(); return [r.x, r.y, r.width, r.height]"
    x, y, width, height = app.driver.execute_script(script, app.one("flow-canvas"))
    palette = f"palette:{offer}"
    app.driver.execute_script("arguments[0].scrollIntoView({block: 'nearest'})", app.one(palette))
    drag(app, middle(app, palette), (round(x + width * right), round(y + height * down)))


def wire(app, start, end):
    drag(app, middle(app, f"port-out:{start}"), middle(app, f"port-in:{end}"))


def says(app, test_id, words, seconds=20):
    def told():
        return any(words in text_of(element) for element in app.all(test_id))

    told.__name__ = f"{test_id} says {words}"
    eventually(told, seconds)


def canvas(app, workspace):
    """Opens a workspace, and the canvas of its topology."""
    app.ready()
    app.open_target({"kind": "workspace", "path": str(workspace)})
    eventually(lambda: workspace.name in text_of(app.one("status-bar")))
    app.driver.find_element("css selector", "button[aria-label='Flow']").click()
    app.one("flow-canvas")


def building(tmp_path, name):
    """The sample without its topology."""
    workspace = tmp_path / name
    subprocess.run(["cp", "-r", ROOT / "assets" / "contoso-building", workspace], check=True)
    (workspace / "topology.json").unlink()
    return workspace


def connect_of(app):
    """The connect.json of the one workspace that was opened, and its data folder."""
    files = (app.home / ".local/share/twinscope").rglob("connect.json")
    [file] = [file for file in files if file.parent.name != "sample"]
    return json.loads(file.read_text()), file.parent


def test_thermostat_to_room_by_dragging_alone(window, tmp_path):
    workspace = building(tmp_path, "empty-canvas")
    app = window()
    canvas(app, workspace)
    assert "Nothing flows yet" in text_of(app.one("flow-empty"))
    app.picture("empty")
    drop(app, "source-simulatedThermostats", 0.12, 0.3)
    drop(app, "function-ingest", 0.12, 0.65)
    drop(app, "route", 0.65, 0.7)
    drop(app, "endpoint-eventGrid", 0.85, 0.25)
    drop(app, "function-propagateToParent", 0.85, 0.65)
    wire(app, "sources/thermostats", "functions/ingest")
    wire(app, "routes/twin-updates", "endpoints/eg-twins")
    wire(app, "endpoints/eg-twins", "functions/propagate-to-parent")
    says(app, "flow-problems", "No problems")
    app.picture("drawn")
    app.one("deploy").click()
    eventually(lambda: not app.all("deploy-bar"))
    assert (workspace / "topology.json").exists()

    connect, _ = connect_of(app)
    twins = client(connect)
    room = lambda: twins.get_digital_twin("Room_11")["currentTemp"]
    before = room()
    eventually(lambda: room() != before, 30)
    thermostat = lambda: twins.get_digital_twin("thermo_0011")["temperature"]
    eventually(lambda: room() == thermostat(), 30)
    says(app, "flow-node:endpoints/eg-twins", "Healthy")
    app.picture("deployed")

    # What went through a node, by a click and a button.
    for chosen, words in [
        ("sources/thermostats", "source:thermostats"),
        ("functions/propagate-to-parent", "function:propagate-to-parent"),
        ("endpoints/eg-twins", "endpoint:eg-twins"),
    ]:
        app.one(f"flow-node:{chosen}").click()
        app.one("flow-show-in-log").click()
        eventually(lambda words=words: words in text_of(app.one("log-scope")))
        app.one("log-row")
    # Rows come and go while they are read one by one.
    script = """return [...document.querySelectorAll("[data-testid='log-row']")].map((row) =>
        [row.dataset.kind, row.querySelector(".verdict")?.title])"""
    rows = lambda: app.driver.execute_script(script)
    eventually(lambda: rows() and {kind for kind, _ in rows()} == {"twinUpdate"})
    delivered = ["twinUpdate", "twin-updates matched, to eg-twins: delivered"]
    eventually(lambda: delivered in rows())
    app.picture("in-the-log")


def test_an_endpoint_that_goes_down_is_seen_with_its_counts(window, serve, tmp_path):
    port = free_port()
    outside = ("--empty", "--amqp-port", str(port), "--mqtt-port", "0", "--event-hub", "out")
    away = serve(*outside, data="away")
    workspace = building(tmp_path, "watched-canvas")
    app = window()
    canvas(app, workspace)
    connect, data = connect_of(app)
    secret = [BINARIES / "twinscope", "secret", "set", "out", "--data", data]
    subprocess.run(secret, input=away.connect["eventHubs"]["out"], text=True, check=True)
    topology = {
        "endpoints": {"eh-out": {"kind": "eventHub", "primary": {"secret": "out"}}},
        "routes": {"out": {"endpoint": "eh-out", "filter": "true"}},
    }
    write_topology(workspace, topology)
    twins = client(connect)
    node = "flow-node:endpoints/eh-out"
    app.one(node)

    def patch(count):
        for number in range(count):
            twins.update_digital_twin("Room_11", [{"op": "add", "path": "/currentTemp", "value": number}])

    patch(5)
    says(app, node, "Healthy")
    away.kill()
    patch(20)
    says(app, node, "Retry", 30)
    app.one(node).click()
    app.one("flow-show-in-log").click()
    says(app, "log-row", "waiting")
    app.picture("down")
    away = serve(*outside, data="away")
    says(app, node, "Healthy", 60)
    eventually(lambda: app.all("log-row") and not any("waiting" in text_of(row) for row in app.all("log-row")), 20)
    producer = EventHubProducerClient.from_connection_string(away.connect["eventHubs"]["out"])
    with producer:
        last = [producer.get_partition_properties(id)["last_enqueued_sequence_number"] for id in producer.get_partition_ids()]
    assert sum(number + 1 for number in last) >= 25
    ActionChains(app.driver).send_keys(Keys.ESCAPE).perform()
    app.picture("back")

    # An endpoint made over REST is taken away on the canvas: its secret goes, others' stay.
    kept = lambda: json.loads((data / "secrets.json").read_text())
    with management(SimpleNamespace(connect=connect)) as arm:
        [instance] = arm.digital_twins.list()
        resource = DigitalTwinsEndpointResource(properties=EventHub(connection_string_primary_key=KEYED))
        arm.digital_twins_endpoint.begin_create_or_update("g", instance.name, "by-rest", resource).result()
    assert KEYED in kept().values()
    app.one("flow-node:endpoints/by-rest").click()
    eventually(lambda: text_of(app.one("flow-inspector-title")) == "by-rest")
    app.one("flow-delete").click()
    app.one("deploy").click()
    eventually(lambda: not app.all("deploy-bar"))
    eventually(lambda: list(kept()) == ["out"])
