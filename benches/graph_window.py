"""`make bench-graph-window`: the drawing of large buildings in the real window, quiet and while values change.

Arguments are numbers of twins. Frames are those of a scripted tour by wheel and pointer, five times as near and back.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import psutil

os.environ.setdefault("TWINSCOPE_PROFILE", "release")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from twinscope.programs import BINARIES, PROFILE, Window, eventually, text_of  # noqa: E402

SIZES = [10_000, 100_000]
STEPS = 60
# A message of a thermostat changes two properties: its own, and one of its room.
CHANGES_PER_SECOND = 2_000
DEVICES = 1_000
SETTLE_SECONDS = 8

# One step of the tour after each frame; answers the times between frames, and how long the page's
# own code ran in each, ms.
TOUR = """
const [steps, done] = [arguments[0], arguments[1]];
const canvas = document.querySelector('[data-testid="graph-canvas"]');
const box = canvas.getBoundingClientRect();
const middle = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true, cancelable: true };
const times = [];
const own = [];
const request = window.requestAnimationFrame;
window.requestAnimationFrame = (callback) => request((now) => {
  const began = performance.now();
  callback(now);
  own.push(performance.now() - began);
});
let last = performance.now();
let step = 0;
const near = Math.log(5) / 0.0015 / (steps / 2);
function next() {
  const now = performance.now();
  times.push(now - last);
  last = now;
  if (step === steps) {
    window.requestAnimationFrame = request;
    return done([times.slice(1), own]);
  }
  const aside = { deltaY: step < steps / 2 ? -near : near };
  canvas.dispatchEvent(new WheelEvent('wheel', { ...middle, ...aside }));
  step++;
  request(next);
}
request(next);
"""

# How long the page does not answer while nobody touches it: gaps between ticks of 10 ms, ms.
IDLE = """
const done = arguments[0];
const gaps = [];
let last = performance.now();
const end = last + 5000;
const tick = setInterval(() => {
  const now = performance.now();
  gaps.push(now - last - 10);
  last = now;
  if (now > end) { clearInterval(tick); done(gaps); }
}, 10);
"""


def generate(folder, twins):
    """A building of about so many twins, its thermostats as simulated devices."""
    command = [BINARIES / "twinscope", "generate", "--rooms", str(round(twins * 0.49)), "--out", folder]
    subprocess.run(command, check=True, capture_output=True)
    rows = (folder / "twins.ndjson").read_text().splitlines()
    thermostats = [json.loads(row)["$dtId"] for row in rows if '"$dtId":"thermo_' in row and '"$metadata"' in row]
    topology = json.loads((folder / "topology.json").read_text())
    source = topology["sources"]["thermostats"]
    source["devices"] = thermostats[:: max(1, len(thermostats) // DEVICES)][:DEVICES]
    source["everySeconds"] = 2 * DEVICES / CHANGES_PER_SECOND
    (folder / "topology.json").write_text(json.dumps(topology))


def call(app, request):
    """Asks the backend as the page does."""
    app.driver.execute_script("window.__TAURI_INTERNALS__.invoke('call', {request: arguments[0]})", request)


def processes(app):
    """The window's own processes, the web view's among them."""
    below = psutil.Process(app.proxy.pid).children(recursive=True)
    return [each for each in below if each.name() not in ("WebKitWebDriver", "tauri-driver")]


def memory(app):
    """PSS of all processes, and of the web view's, MiB."""
    each = {process.name(): process.memory_full_info().pss / 2**20 for process in processes(app)}
    return sum(each.values()), each.get("WebKitWebProcess", float("nan"))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def tell(label, app):
    cpu = sum(sum(process.cpu_times()[:2]) for process in processes(app))
    frames, own = app.driver.execute_async_script(TOUR, STEPS)
    cpu = (sum(sum(process.cpu_times()[:2]) for process in processes(app)) - cpu) * 1000 / len(frames)
    gaps = app.driver.execute_async_script(IDLE)
    whole, page = memory(app)
    cells = [
        f"{percentile(frames, 0.5):.0f}",
        f"{percentile(frames, 0.95):.0f}",
        f"{max(frames):.0f}",
        f"{percentile(own, 0.5):.0f}",
        f"{cpu:.0f}",
        f"{percentile(gaps, 0.95):.0f}",
        f"{max(gaps):.0f}",
        f"{whole:.0f}",
        f"{page:.0f}",
    ]
    print(f"| {label} | " + " | ".join(cells) + " |", flush=True)


def measure(twins, pictures):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        generate(folder / "building", twins)
        app = Window.open(folder / "home", folder)
        try:
            app.driver.set_script_timeout(300)
            app.ready()
            began = time.monotonic()
            call(app, {"type": "open", "target": {"kind": "workspace", "path": str(folder / "building")}})
            eventually(lambda: len(text_of(app.one("status-twins"))) > 0 and shown(app) > twins * 0.9, 300)
            call(app, {"type": "simulate", "action": {"kind": "pause"}})
            opened = time.monotonic() - began
            count = shown(app)
            time.sleep(SETTLE_SECONDS)
            app.picture("far")
            tell(f"{count:,}, quiet", app)
            call(app, {"type": "simulate", "action": {"kind": "resume"}})
            time.sleep(SETTLE_SECONDS)
            tell(f"{count:,}, {CHANGES_PER_SECOND:,} changes a second", app)
            app.picture("changing")
            print(f"  opened in {opened:.1f} s", flush=True)
            for name in ("far", "changing"):
                target = pictures / f"{twins}-{name}.png"
                target.write_bytes((folder / f"{name}.png").read_bytes())
        finally:
            app.close()


def shown(app):
    digits = "".join(letter for letter in text_of(app.one("status-twins")) if letter.isdigit())
    return int(digits or 0)


def main():
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    pictures = pathlib.Path(__file__).resolve().parent.parent / ".test-output" / "bench-graph-window"
    pictures.mkdir(parents=True, exist_ok=True)
    print(f"{PROFILE} build in WebKitGTK, {os.cpu_count()} cores, {STEPS} frames of a tour; ms and MiB\n")
    columns = ["twins", "frame p50", "p95", "longest", "own code p50", "CPU a frame", "idle: late p95", "latest", "PSS", "of the web view"]
    print("| " + " | ".join(columns) + " |")
    print("|" + " --- |" * len(columns))
    for twins in sizes:
        measure(twins, pictures)


if __name__ == "__main__":
    main()
