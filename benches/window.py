"""`make bench-window`: start, memory and delay of the window, beside a bare Tauri window in the same run."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import psutil

os.environ["TWINSCOPE_PROFILE"] = "release"
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from twinscope.programs import BINARIES, Window, client, eventually  # noqa: E402

STARTS = 7
WRITES = 40
SETTLED_SECONDS = 60
OURS = BINARIES / "twinscope-desktop"
BARE = BINARIES / "examples" / "bare_window"


def started(program, home):
    """Starts a program and waits for its first drawing; answers process and milliseconds."""
    environment = {**os.environ, "HOME": str(home), "TWINSCOPE_REPORT_START": "1"}
    begin = time.monotonic()
    process = subprocess.Popen([program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if line.startswith("first drawing"):
            return process, (time.monotonic() - begin) * 1000
    raise SystemExit(f"{program} ended without a drawing")


def end(process):
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    process.wait(20)
    for child in psutil.wait_procs(children, 5)[1]:
        child.kill()


def start_times(program):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        times = []
        for _ in range(STARTS):
            process, millis = started(program, home)
            end(process)
            times.append(millis)
    return times


def memory(program, seconds):
    """Proportional set size of all the program's processes, MiB."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        process, _ = started(program, home)
        time.sleep(seconds)
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        total = sum(each.memory_full_info().pss for each in tree)
        end(process)
    return total / 2**20


WATCH = """
const [wanted, done] = [arguments[0], arguments[1]];
const shown = () => document.querySelector('[data-testid="property-row"][data-path="/currentTemp"]')?.textContent.includes(wanted);
const look = () => shown() ? done(performance.timeOrigin + performance.now()) : requestAnimationFrame(look);
look();
"""


def delays():
    """From an SDK client's patch of a thermostat to the Room's new value in the page, ms."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = pathlib.Path(folder)
        app = Window.open(folder / "home", folder)
        try:
            app.ready()
            eventually(lambda: app.click_at(*app.twin_center("Room_11")) or app.all("property-row"), every=1)
            twins = client(app.connect)
            app.driver.set_script_timeout(10)
            samples = []
            for step in range(WRITES):
                # Each value once, and none that is written without its decimal.
                samples.append(delay(app, twins, f"{30 + step // 9 + (step % 9 + 1) / 10:.1f}"))
            return samples
        finally:
            app.close()


def delay(app, twins, value):
    sent = []

    def write():
        # The page is watching by then; what it takes longer only shows as a longer delay.
        time.sleep(0.15)
        sent.append(time.time() * 1000)
        twins.update_digital_twin("thermo_0011", [{"op": "add", "path": "/temperature", "value": float(value)}])

    writer = threading.Thread(target=write)
    writer.start()
    seen = app.driver.execute_async_script(WATCH, value)
    writer.join()
    return seen - sent[0]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    print(f"Release build, {os.cpu_count()} cores, the sample building, {STARTS} starts, {WRITES} writes\n")
    rows = []
    for name, program in (("Twinscope", OURS), ("bare Tauri window", BARE)):
        times = start_times(program)
        rows.append((name, times[0], statistics.median(times[1:]), memory(program, SETTLED_SECONDS)))
    print(f"{'':20}{'first start':>14}{'start, warm':>14}{'memory':>12}")
    for name, first, warm, mebibytes in rows:
        print(f"{name:20}{first:>11.0f} ms{warm:>11.0f} ms{mebibytes:>8.0f} MiB")
    ours, bare = rows
    print(f"{'above the bare one':20}{'':14}{ours[2] - bare[2]:>11.0f} ms{ours[3] - bare[3]:>8.0f} MiB")
    samples = delays()
    print("\nSDK patch of a thermostat to the Room's value in the page (REST, commit, route, function, commit, page)")
    print(f"p50 {percentile(samples, 0.5):.0f} ms, p95 {percentile(samples, 0.95):.0f} ms")
    print("\nStart: process start to the first drawn graph (a bare window: its page loaded).")
    print(f"Memory: proportional set size of all processes {SETTLED_SECONDS} s after that.")


if __name__ == "__main__":
    main()
