"""Small workspaces for tests: rooms with a thermostat each, and whatever topology a test wants."""

import json


def model(name, *contents):
    return {
        "@context": "dtmi:dtdl:context;2",
        "@id": f"dtmi:example:{name};1",
        "@type": "Interface",
        "displayName": name,
        "contents": list(contents),
    }


MODELS = {
    "Room": model(
        "Room",
        {"@type": "Property", "name": "currentTemp", "schema": "double"},
        {"@type": "Relationship", "name": "rel_has_thermostat"},
    ),
    "Thermostat": model(
        "Thermostat",
        {"@type": "Property", "name": "temperature", "schema": "double"},
        {"@type": "Telemetry", "name": "reading", "schema": "double"},
    ),
}


def rooms(folder, count=2, topology=None, functions=None):
    """`Room_1` has `thermo_0001`, and so on. `functions`: texts of Rhai files by name."""
    (folder / "models").mkdir(parents=True)
    for name, document in MODELS.items():
        (folder / "models" / f"{name}.json").write_text(json.dumps(document))
    twins, relationships = [], []
    for number in range(1, count + 1):
        room, thermostat = f"Room_{number}", f"thermo_{number:04}"
        twins.append({"$dtId": room, "$metadata": {"$model": "dtmi:example:Room;1"}, "currentTemp": 20})
        twins.append({"$dtId": thermostat, "$metadata": {"$model": "dtmi:example:Thermostat;1"}})
        relationships.append(
            {
                "$dtId": room,
                "$relationshipId": f"{room}_thermostat",
                "$targetId": thermostat,
                "$relationshipName": "rel_has_thermostat",
            }
        )
    header = {"fileVersion": "1.0.0", "author": "tests", "organization": "tests"}
    lines = [{"Section": "Header"}, header, {"Section": "Twins"}, *twins, {"Section": "Relationships"}, *relationships]
    (folder / "twins.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_topology(folder, topology or {})
    for name, text in (functions or {}).items():
        (folder / "functions").mkdir(exist_ok=True)
        (folder / "functions" / f"{name}.rhai").write_text(text)
    return folder


def write_topology(folder, topology):
    """As an editor does it: whole, by rename."""
    unfinished = folder / "topology.json.tmp"
    unfinished.write_text(json.dumps(topology, indent=2))
    unfinished.rename(folder / "topology.json")
