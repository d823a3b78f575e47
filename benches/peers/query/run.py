"""Queries of the engine beside databases on the same graph in the same run: `make bench-query`.

Prints medians of the wall-clock time, to the last projected id as a value of the caller's language.
"""

import http.client
import json
import os
import pathlib
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(HERE))
import graph  # noqa: E402

PEERS = ("sqlite", "duckdb", "ladybug")


def lines(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **more)
    if done.returncode:
        print(f"  {command[-1]} failed: {done.stderr.strip().splitlines()[-1:]}", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(found):
    """Rows by job, columns by engine, with the number of rows, in which all must agree."""
    engines = list(dict.fromkeys(each["engine"] for each in found))
    print(f"{'median, µs':<18}{'rows':>9}" + "".join(f"{engine:>15}" for engine in engines))
    for job in dict.fromkeys(each["job"] for each in found):
        of_job = {each["engine"]: each for each in found if each["job"] == job}
        counts = {each["rows"] for each in of_job.values()}
        shown = "/".join(map(str, sorted(counts)))
        cells = (f"{of_job[engine]['us']:>15,.1f}" if engine in of_job else " " * 15 for engine in engines)
        print(f"{job:<18}{shown:>9}" + "".join(cells))


def over_rest(folder, jobs):
    """The jobs through `twinscope serve`, all pages of an answer."""
    program = ROOT / "target" / "release" / "twinscope"
    found = []
    with tempfile.TemporaryDirectory() as data:
        command = [program, "serve", "--limits", "none", "--empty", "--data", data, "--https-port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            file = pathlib.Path(data) / "connect.json"
            while not file.exists() and server.poll() is None:
                time.sleep(0.1)
            adt = json.loads(file.read_text())["adt"]
            host = adt["endpoint"].removeprefix("https://")
            context = ssl.create_default_context(cafile=adt["ca"])
            connection = http.client.HTTPSConnection(host, context=context)
            head = {"Authorization": "Bearer x", "Content-Type": "application/json", "max-items-per-page": "1000"}

            def call(method, path, body=None):
                connection.request(method, f"{path}?api-version=2023-10-31", body and json.dumps(body), head)
                return json.loads(connection.getresponse().read())

            call("POST", "/models", graph.MODELS)
            rows = (folder / "workspace" / "twins.ndjson").as_uri()
            job = call("PUT", "/jobs/imports/bench", {"inputBlobUri": rows, "outputBlobUri": (pathlib.Path(data) / "job.log").as_uri()})
            while job["status"] in ("notstarted", "running"):
                time.sleep(0.5)
                job = call("GET", "/jobs/imports/bench")
            assert job["status"] == "succeeded", job

            def ask(text):
                rows, body = 0, {"query": text}
                while True:
                    page = call("POST", "/query", body)
                    rows += len(page["value"])
                    if not page["continuationToken"]:
                        return rows
                    body = {"continuationToken": page["continuationToken"]}

            for job in jobs["jobs"]:
                times, rows = [], 0
                for round in range(33):
                    start = time.perf_counter()
                    rows = sum(ask(text) for text in job["adt"])
                    times.append(time.perf_counter() - start)
                us = statistics.median(times[3:]) * 1e6
                found.append({"engine": "REST", "job": job["name"], "us": us, "rows": rows})
        finally:
            server.terminate()
            server.wait()
    return found


def main():
    sizes = [int(word) for word in sys.argv[1:]] or [100_000]
    python = HERE / ".venv" / "bin" / "python"
    for size in sizes:
        folder = pathlib.Path(os.environ.get("BENCH_DIR", ROOT / ".test-output" / "bench-query")) / str(size)
        graph.write(folder, size)
        jobs = json.loads((folder / "jobs.json").read_text())
        print(f"\n{size:,} twins", flush=True)
        ours = lines(["cargo", "bench", "--locked", "--quiet", "-p", "adt-query", "--bench", "queries", "--", folder])
        found = [{"engine": "Twinscope", **each} for each in ours if "rows" in each]
        found += [{**each, "engine": "as JSON", "us": each["json_us"]} for each in found]
        found += over_rest(folder, jobs)
        for peer in PEERS:
            found += lines([python, HERE / "peers.py", folder, peer])
        table(found)
        for each in ours:
            if "rows" not in each:
                print("  " + ", ".join(f"{key} {value:,.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in each.items()))
            else:
                print(f"  {each['job']}: {'; '.join(each['steps'])}; columns {each['columns']}; first {each['first_us']:,.0f} µs")


main()
