import type { Kind } from "../src/wire/Kind";
import type { PropertyRow } from "../src/wire/PropertyRow";

/** A building that is only played: 1 Building, 3 Floors, 24 Rooms, 24 Thermostats. */

export interface FixtureFrame {
  twin: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface FixtureEdge {
  key: string;
  source: string;
  target: string;
  name: string;
}

export interface FixtureTwin {
  id: string;
  kind: number;
  name: string | null;
  parent: string | null;
  x: number;
  y: number;
  pinned: boolean;
  version: number;
  updated: number;
  properties: PropertyRow[];
}

export const kinds: Kind[] = [
  {
    model: "dtmi:com:contoso:Building;1",
    name: "Building",
    shape: "hexagon",
    count: 1,
    level: 3,
    valueProperty: null,
    unit: "",
    properties: ["name", "currentTemp", "temperature", "humidity", "usage", "seats", "occupied"],
  },
  {
    model: "dtmi:com:contoso:Floor;1",
    name: "Floor",
    shape: "hexagon",
    count: 3,
    level: 2,
    valueProperty: null,
    unit: "",
    properties: ["name", "currentTemp", "temperature", "humidity", "usage", "seats", "occupied"],
  },
  {
    model: "dtmi:com:contoso:Room;1",
    name: "Room",
    shape: "rectangle",
    count: 24,
    level: 1,
    valueProperty: "currentTemp",
    unit: "°C",
    properties: ["name", "currentTemp", "temperature", "humidity", "usage", "seats", "occupied"],
  },
  {
    model: "dtmi:com:contoso:Thermostat;1",
    name: "Thermostat",
    shape: "circle",
    count: 24,
    level: 0,
    valueProperty: "temperature",
    unit: "°C",
    properties: ["name", "currentTemp", "temperature", "humidity", "usage", "seats", "occupied"],
  },
];

export const building = 0;
export const floor = 1;
export const room = 2;
export const thermostat = 3;

const began = Date.now();

function property(
  name: string,
  schema: string,
  value: unknown,
  more: Partial<PropertyRow> = {},
): PropertyRow {
  const set = value !== undefined;
  return {
    path: `/${name.replace(".", "/")}`,
    name,
    schema,
    choices: [],
    unit: "",
    writable: true,
    value: value ?? null,
    set,
    updated: set ? began - 1000 * name.length * 7 : null,
    sourceTime: null,
    ...more,
  };
}

const two = (value: number) => String(value).padStart(2, "0");

export function makeTwins(): FixtureTwin[] {
  const twin = (
    id: string,
    kind: number,
    name: string | null,
    parent: string | null,
    x: number,
    y: number,
    properties: PropertyRow[],
  ): FixtureTwin => ({
    id,
    kind,
    name,
    parent,
    x,
    y,
    pinned: false,
    version: 1,
    updated: began,
    properties,
  });

  const twins = [
    twin("Building_1", building, "Contoso House", null, 48, 252, [
      property("name", "string", "Contoso House"),
      property("address", "Object", {
        street: "4 Harbour Street",
        postalCode: "98052",
        city: "Redmond",
      }),
      property("yearBuilt", "integer", 1998),
    ]),
  ];
  for (let level = 1; level <= 3; level++) {
    twins.push(
      twin(
        `Floor_${level}`,
        floor,
        ["First floor", "Second floor", "Third floor"][level - 1] ?? null,
        "Building_1",
        144,
        428 - (level - 1) * 176,
        [property("name", "string", `Floor ${level}`), property("level", "integer", level)],
      ),
    );
  }
  for (let number = 1; number <= 24; number++) {
    const level = Math.ceil(number / 8);
    const x = 240 + ((number - 1) % 8) * 96;
    const y = 412 - (level - 1) * 176;
    const degrees = 19.2 + level * 0.6 + ((number * 37) % 23) / 10;
    twins.push(
      twin(`Room_${two(number)}`, room, `Meeting ${level}.${two(number)}`, `Floor_${level}`, x, y, [
        property("name", "string", `Meeting ${level}.${two(number)}`),
        property("currentTemp", "double", degrees, { unit: "°C" }),
        property("area", "double", 36, { unit: "m²", writable: false }),
        property("usage", "enum", "meeting", {
          choices: ["common", "meeting", "office", "technical"],
        }),
        property("seats", "integer", 8),
        property("occupied", "boolean", true),
        property("note", "string", undefined),
      ]),
    );
  }
  for (let number = 1; number <= 24; number++) {
    const level = Math.ceil(number / 8);
    const degrees = 19.2 + level * 0.6 + ((number * 37) % 23) / 10;
    const x = 240 + ((number - 1) % 8) * 96;
    twins.push(
      twin(
        `thermo_00${two(number)}`,
        thermostat,
        null,
        `Room_${two(number)}`,
        x,
        476 - (level - 1) * 176,
        [
          property("temperature", "double", degrees, { unit: "°C", writable: false }),
          property("humidity", "double", 40 + (number % 9), { unit: "%", writable: false }),
          property("setPoint", "double", 21, { unit: "°C" }),
        ],
      ),
    );
  }
  return twins;
}

export const frames: FixtureFrame[] = [
  { twin: "Building_1", x: 0, y: 4, width: 972, height: 532 },
  ...[1, 2, 3].map((level) => ({
    twin: `Floor_${level}`,
    x: 96,
    y: 368 - (level - 1) * 176,
    width: 864,
    height: 156,
  })),
];

export function makeRelationships(): FixtureEdge[] {
  const edges: FixtureEdge[] = [];
  const relate = (source: string, name: string, target: string) =>
    edges.push({ key: `${source}/${name}-${target}`, source, target, name });
  for (let level = 1; level <= 3; level++) relate("Building_1", "contains", `Floor_${level}`);
  for (let number = 1; number <= 24; number++) {
    relate(`Floor_${Math.ceil(number / 8)}`, "contains", `Room_${two(number)}`);
    relate(`Room_${two(number)}`, "rel_has_thermostat", `thermo_00${two(number)}`);
    if (number % 8 !== 0) relate(`Room_${two(number)}`, "rel_next_to", `Room_${two(number + 1)}`);
  }
  return edges;
}
