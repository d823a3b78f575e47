"""The same jobs by databases: `peers.py FOLDER ENGINE` prints a line of JSON for each. In a process of its own."""

import csv
import json
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

FOLDER = pathlib.Path(sys.argv[1])
JOBS = json.loads((FOLDER / "jobs.json").read_text())
NAMES = ["hasBuilding", "hasFloor", "contains", "adjacentTo", "hasThermostat"]
SQL = {
    "filter": ("SELECT id FROM twins WHERE temperature > ?", [JOBS["hot"]]),
    "1 hop": (
        "SELECT r.src, t.id FROM rels r JOIN twins t ON t.id = r.dst"
        " WHERE r.name = 'hasThermostat' AND t.temperature > ?",
        [JOBS["hot"]],
    ),
    "3 hops": (
        "SELECT c.dst FROM rels a JOIN rels b ON b.src = a.dst AND b.name = 'contains'"
        " JOIN rels c ON c.src = b.dst AND c.name = 'hasThermostat' WHERE a.src = ? AND a.name = 'hasFloor'",
        ["Building_001"],
    ),
    "count": ("SELECT count(*) FROM twins WHERE temperature > ?", [JOBS["warm"]]),
    "count per model": ("SELECT model, count(*) FROM twins GROUP BY model", []),
    "match *1..4": (
        "WITH RECURSIVE walk(id, hops) AS (SELECT ?, 0 UNION"
        " SELECT r.dst, hops + 1 FROM walk JOIN rels r ON r.src = walk.id WHERE hops < 4)"
        " SELECT DISTINCT id FROM walk WHERE hops > 1",
        ["Building_001"],
    ),
}
CYPHER = {
    "point": "MATCH (t:Twin) WHERE t.id = $a RETURN t.*",
    "filter": "MATCH (t:Twin) WHERE t.temperature > $a RETURN t.id",
    "1 hop": "MATCH (r:Twin)-[:hasThermostat]->(t:Twin) WHERE t.temperature > $a RETURN r.id, t.id",
    "3 hops": "MATCH (b:Twin)-[:hasFloor]->(:Twin)-[:contains]->(:Twin)-[:hasThermostat]->(t:Twin)"
    " WHERE b.id = $a RETURN t.id",
    "count": "MATCH (t:Twin) WHERE t.temperature > $a RETURN count(*)",
    "count per model": "MATCH (t:Twin) RETURN t.model, count(*)",
    "match *1..4": f"MATCH (b:Twin)-[:{'|'.join(NAMES)}*2..4]->(x:Twin) WHERE b.id = $a RETURN DISTINCT x.id",
}
ARGUMENTS = {"filter": JOBS["hot"], "1 hop": JOBS["hot"], "count": JOBS["warm"]}


def measure(engine, job, ask, seconds=2.0, most=2000):
    ask()
    begun, cpu, times = time.perf_counter(), time.process_time(), []
    while len(times) < most and (time.perf_counter() - begun < seconds or len(times) < 3):
        start = time.perf_counter()
        rows = ask()
        times.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / len(times)
    found = {"us": statistics.median(times) * 1e6, "cpu_us": cpu * 1e6, "rows": len(rows)}
    print(json.dumps({"engine": engine, "job": job, **found}), flush=True)


def rows(name):
    with open(FOLDER / name) as file:
        yield from csv.DictReader(file)


def number(text):
    return float(text) if text else None


def by_sql(engine, ask, jobs=None):
    chance = random.Random(5)
    if jobs is None:
        point = "SELECT * FROM twins WHERE id = ?"
        measure(engine, "point", lambda: ask(point, [chance.choice(JOBS["some"])]))
    for job, (text, arguments) in SQL.items():
        if jobs is None or job in jobs:
            measure(engine, job, lambda text=text, arguments=arguments: ask(text, arguments))


def sqlite(work):
    import sqlite3

    base = sqlite3.connect(work / "twins.db", isolation_level=None)
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("PRAGMA cache_size = -1048576")
    base.execute(
        "CREATE TABLE twins(id TEXT PRIMARY KEY, model TEXT, name TEXT,"
        " temperature REAL, currentTemp REAL, humidity REAL) WITHOUT ROWID"
    )
    base.execute("CREATE TABLE rels(src TEXT, dst TEXT, name TEXT)")
    base.execute("BEGIN")
    numbers = ("temperature", "currentTemp", "humidity")
    twins = ([row["id"], row["model"], row["name"], *(number(row[n]) for n in numbers)] for row in rows("twins.csv"))
    base.executemany("INSERT INTO twins VALUES (?, ?, ?, ?, ?, ?)", twins)
    links = ([row["src"], row["dst"], row["name"]] for row in rows("relationships.csv"))
    base.executemany("INSERT INTO rels VALUES (?, ?, ?)", links)
    base.execute("CREATE INDEX out ON rels(src, name)")
    base.execute("CREATE INDEX into_ ON rels(dst, name)")
    base.execute("COMMIT")
    base.execute("ANALYZE")

    def ask(text, arguments):
        return base.execute(text, arguments).fetchall()

    by_sql("SQLite", ask)
    base.execute("CREATE INDEX hot ON twins(temperature)")
    base.execute("ANALYZE")
    by_sql("SQLite, index", ask, jobs=("filter", "1 hop", "count"))


def duckdb(work):
    import duckdb

    base = duckdb.connect(str(work / "duck.db"))
    base.execute(
        "CREATE TABLE twins(id TEXT PRIMARY KEY, model TEXT, name TEXT,"
        " temperature DOUBLE, currentTemp DOUBLE, humidity DOUBLE)"
    )
    base.execute("CREATE TABLE rels(src TEXT, dst TEXT, name TEXT)")
    base.execute(f"COPY twins FROM '{FOLDER}/twins.csv' (HEADER)")
    base.execute(f"COPY rels FROM '{FOLDER}/relationships.csv' (HEADER)")
    by_sql("DuckDB", lambda text, arguments: base.execute(text, arguments).fetchall())


def ladybug(work):
    import ladybug

    base = ladybug.Connection(ladybug.Database(str(work / "ladybug")))
    base.execute(
        "CREATE NODE TABLE Twin(id STRING PRIMARY KEY, model STRING, name STRING,"
        " temperature DOUBLE, currentTemp DOUBLE, humidity DOUBLE)"
    )
    base.execute(f"COPY Twin FROM '{FOLDER}/twins.csv' (HEADER=true)")
    links = list(rows("relationships.csv"))
    for name in NAMES:
        base.execute(f"CREATE REL TABLE {name}(FROM Twin TO Twin)")
        with open(work / f"{name}.csv", "w") as file:
            file.write("src,dst\n")
            file.writelines(f"{row['src']},{row['dst']}\n" for row in links if row["name"] == name)
        base.execute(f"COPY {name} FROM '{work}/{name}.csv' (HEADER=true)")
    chance = random.Random(5)
    for job, text in CYPHER.items():
        prepared = base.prepare(text)

        def ask(job=job, prepared=prepared):
            value = chance.choice(JOBS["some"]) if job == "point" else ARGUMENTS.get(job, "Building_001")
            answer = base.execute(prepared, {} if job == "count per model" else {"a": value})
            return answer.get_all()

        measure("ladybug", job, ask)


work = pathlib.Path(tempfile.mkdtemp(prefix="twinscope-peers-"))
try:
    {"sqlite": sqlite, "duckdb": duckdb, "ladybug": ladybug}[sys.argv[2]](work)
finally:
    shutil.rmtree(work, ignore_errors=True)
