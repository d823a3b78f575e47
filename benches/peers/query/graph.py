"""A campus of buildings, the same for the same size: as a workspace, as tables, and what to ask of it."""

import csv
import json
import pathlib
import random

ROOMS, FLOORS = 40, 10


def interface(name, properties, relationships):
    contents = [{"@type": "Property", "name": each, "schema": schema} for each, schema in properties.items()]
    contents += [
        {"@type": "Relationship", "name": each, "target": f"dtmi:bench:{target};1"}
        for each, target in relationships.items()
    ]
    head = {"@id": f"dtmi:bench:{name};1", "@type": "Interface", "@context": "dtmi:dtdl:context;2"}
    return head | {"displayName": name, "contents": contents}


MODELS = [
    interface("Campus", {"name": "string"}, {"hasBuilding": "Building"}),
    interface("Building", {"name": "string"}, {"hasFloor": "Floor"}),
    interface("Floor", {"name": "string", "level": "integer"}, {"contains": "Room"}),
    interface(
        "Room",
        {"name": "string", "currentTemp": "double", "humidity": "double", "occupied": "boolean"},
        {"hasThermostat": "Thermostat", "adjacentTo": "Room"},
    ),
    interface("Thermostat", {"name": "string", "temperature": "double", "setPoint": "double"}, {}),
]


def campus(size):
    """Twins as (id, model, properties) and relationships as (source, name, target)."""
    chance = random.Random(size)
    twins, relationships = [("Campus_1", "Campus", {"name": "Campus 1"})], []
    rooms = round(size / 2.53)
    for room in range(rooms):
        floor, place = divmod(room, ROOMS)
        building, level = divmod(floor, FLOORS)
        if place == 0:
            if level == 0:
                twins.append((f"Building_{building + 1:03}", "Building", {"name": f"Building {building + 1}"}))
                relationships.append(("Campus_1", "hasBuilding", twins[-1][0]))
            twins.append((f"Floor_{floor + 1:04}", "Floor", {"name": f"Floor {floor + 1}", "level": level}))
            relationships.append((f"Building_{building + 1:03}", "hasFloor", twins[-1][0]))
        temperature = round(chance.gauss(21, 3), 2)
        values = {"currentTemp": temperature, "humidity": round(chance.uniform(25, 65), 1)}
        name = f"Room_{room + 1:05}"
        twins.append((name, "Room", {"name": f"Room {room + 1}", **values, "occupied": chance.random() < 0.4}))
        relationships.append((f"Floor_{floor + 1:04}", "contains", name))
        if place:
            relationships.append((f"Room_{room:05}", "adjacentTo", name))
        for each in range(1 + (chance.random() < 0.5)):
            values = {"temperature": round(temperature + chance.gauss(0, 0.6), 2), "setPoint": 21.0}
            thermostat = f"thermo_{room + 1:06}_{each}"
            twins.append((thermostat, "Thermostat", {"name": f"Thermostat {room + 1}.{each}", **values}))
            relationships.append((name, "hasThermostat", thermostat))
    return twins, relationships


def jobs(twins):
    """What every engine is asked. `adt` is the query of Azure Digital Twins."""
    temperatures = sorted(values["temperature"] for _, _, values in twins if "temperature" in values)
    hot, warm = temperatures[int(len(temperatures) * 0.95)], temperatures[len(temperatures) // 2]
    some = [twins[len(twins) * at // 100][0] for at in range(100)]
    filtered = f"SELECT T.$dtId FROM DIGITALTWINS T WHERE T.temperature > {hot}"
    room = "SELECT R.$dtId AS r, T.$dtId AS t FROM DIGITALTWINS R JOIN T RELATED R.hasThermostat"
    thermostat = (
        "SELECT T.$dtId FROM DIGITALTWINS B JOIN F RELATED B.hasFloor JOIN R RELATED F.contains"
        " JOIN T RELATED R.hasThermostat WHERE B.$dtId = 'Building_001'"
    )
    of_model = "SELECT COUNT() FROM DIGITALTWINS WHERE IS_OF_MODEL('dtmi:bench:{};1')"
    walk = "SELECT x.$dtId FROM DIGITALTWINS MATCH (b)-[*1..4]->(x) WHERE b.$dtId = 'Building_001'"
    return {
        "hot": hot,
        "warm": warm,
        "some": some,
        "filter": filtered,
        "live": f"{room} WHERE R.$dtId != '' AND T.temperature > {warm}",
        "jobs": [
            {"name": "point", "adt": [f"SELECT * FROM DIGITALTWINS T WHERE T.$dtId = '{some[50]}'"]},
            {"name": "filter", "adt": [filtered]},
            {"name": "1 hop", "adt": [f"{room} WHERE T.temperature > {hot} AND R.$dtId != ''"]},
            {"name": "3 hops", "adt": [thermostat]},
            {"name": "count", "adt": [f"SELECT COUNT() FROM DIGITALTWINS T WHERE T.temperature > {warm}"]},
            {"name": "count per model", "adt": [of_model.format(model["displayName"]) for model in MODELS]},
            {"name": "match *1..4", "adt": [walk]},
        ],
    }


def write(folder: pathlib.Path, size: int):
    """Writes workspace/, twins.csv, relationships.csv and jobs.json, unless they are there."""
    if (folder / "jobs.json").exists():
        return
    models = folder / "workspace" / "models"
    models.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        (models / f"{model['displayName']}.json").write_text(json.dumps(model))
    twins, relationships = campus(size)
    with open(folder / "workspace" / "twins.ndjson", "w") as out:
        out.write('{"Section": "Header"}\n{"fileVersion": "1.0.0"}\n{"Section": "Twins"}\n')
        for name, model, values in twins:
            head = {"$dtId": name, "$metadata": {"$model": f"dtmi:bench:{model};1"}}
            out.write(json.dumps(head | values) + "\n")
        out.write('{"Section": "Relationships"}\n')
        for number, (source, name, target) in enumerate(relationships):
            row = {"$dtId": source, "$relationshipId": f"r{number}", "$targetId": target, "$relationshipName": name}
            out.write(json.dumps(row) + "\n")
    with open(folder / "twins.csv", "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["id", "model", "name", "temperature", "currentTemp", "humidity"])
        for name, model, values in twins:
            numbers = [values.get(each, "") for each in ("temperature", "currentTemp", "humidity")]
            rows.writerow([name, model, values["name"], *numbers])
    with open(folder / "relationships.csv", "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["src", "dst", "name"])
        rows.writerows((source, target, name) for source, name, target in relationships)
    (folder / "jobs.json").write_text(json.dumps(jobs(twins)))
