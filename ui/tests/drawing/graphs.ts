import type { Basis, SceneFrame } from "../../src/graph/scene";
import { circle, hexagon, rectangle } from "../../src/graph/scene";
import type { Kind } from "../../src/wire/Kind";

/** Graphs for looking at and measuring the drawing, without a backend. */

/** The same numbers every time. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x100000000;
  };
}

const kind = (name: string, shape: Kind["shape"], unit = ""): Kind => ({
  model: `dtmi:test:${name};1`,
  name,
  shape,
  count: 0,
  level: 0,
  valueProperty: unit ? "temperature" : null,
  unit,
  properties: [],
});

export const kinds: Kind[] = [
  kind("Campus", "hexagon"),
  kind("Building", "hexagon"),
  kind("Floor", "hexagon"),
  kind("Room", "rectangle", "°C"),
  kind("Thermostat", "circle", "°C"),
];
const shapes = [hexagon, hexagon, hexagon, rectangle, circle];
const [campus, house, floor, room, thermostat] = [0, 1, 2, 3, 4];

interface Twin {
  id: string;
  kind: number;
  x: number;
  y: number;
  parent: number;
  value: number;
}

/** Collects twins and relationships one by one. */
class Builder {
  readonly twins: Twin[] = [];
  readonly ends: number[] = [];
  readonly edgeNames: number[] = [];
  readonly framed: number[] = [];
  readonly frames: SceneFrame[] = [];

  constructor(readonly names: string[]) {}

  twin(id: string, kind: number, x: number, y: number, parent = -1, value = Number.NaN): number {
    return this.twins.push({ id, kind, x, y, parent, value }) - 1;
  }

  relate(source: number, name: number, target: number, framed = false): void {
    this.ends.push(source, target);
    this.edgeNames.push(name);
    this.framed.push(framed ? 1 : 0);
  }

  basis(): Basis {
    const { twins, ends } = this;
    return {
      ids: twins.map(({ id }) => id),
      labels: twins.map(() => ""),
      absent: new Uint8Array(twins.length),
      x: Float32Array.from(twins, ({ x }) => x),
      y: Float32Array.from(twins, ({ y }) => y),
      shape: Uint8Array.from(twins, ({ kind }) => shapes[kind] ?? circle),
      kind: Uint16Array.from(twins, ({ kind }) => kind),
      parent: Int32Array.from(twins, ({ parent }) => parent),
      own: Float64Array.from(twins, ({ value }) => value),
      units: ["", "°C"],
      unitOfKind: Uint16Array.from(kinds, ({ unit }) => (unit ? 1 : 0)),
      source: Int32Array.from(this.edgeNames, (_, edge) => ends[2 * edge] ?? 0),
      target: Int32Array.from(this.edgeNames, (_, edge) => ends[2 * edge + 1] ?? 0),
      name: Uint16Array.from(this.edgeNames),
      framed: Uint8Array.from(this.framed),
      edgeRow: Int32Array.from(this.framed.keys()),
      names: this.names,
      frames: this.frames,
    };
  }
}

const slot = 96;
const rowHeight = 136;
const perRow = 20;
const roomsPerFloor = 40;
const floorsPerHouse = 10;
const floorHead = 128;

/** A campus of `count` twins: buildings with floors one over another, rooms in rows. */
export function building(count: number): Basis {
  const random = randomOf(7);
  const made = new Builder(["contains", "rel_has_thermostat", "rel_next_to"]);
  const rooms = Math.max(1, Math.round((count - 1) / (2.5 + 1 / 40 + 1 / 400)));
  const houses = Math.ceil(rooms / roomsPerFloor / floorsPerHouse);
  const across = Math.max(1, Math.round(Math.sqrt(houses * 1.9)));
  const width = floorHead + perRow * slot + 48;
  const floorHeight = (roomsPerFloor / perRow) * rowHeight + 32;
  const levels = Math.min(floorsPerHouse, Math.ceil(rooms / roomsPerFloor));
  const height = levels * floorHeight + 16;
  const root = made.twin("Campus", campus, -80, -40);
  let [of, at] = [0, 0];
  for (let number = 1; number <= houses; number++) {
    const [left, top] = [
      ((number - 1) % across) * (width + 240),
      Math.floor((number - 1) / across) * (height + 240),
    ];
    const own = made.twin(`Building_${number}`, house, left + 48, top - 60, root);
    made.relate(root, 0, own, true);
    made.frames.push({
      x: left,
      y: top - 110,
      width,
      height: height + 110,
      twin: own,
      outer: true,
    });
    for (let level = levels; level >= 1 && of < rooms; level--) {
      const y = top + (level - 1) * floorHeight + 24;
      const id = `Floor_${number}.${levels + 1 - level}`;
      const storey = made.twin(id, floor, left + 72, y + floorHeight / 2 - 16, own);
      made.relate(own, 0, storey, true);
      made.frames.push({
        x: left + 16,
        y,
        width: width - 32,
        height: floorHeight - 16,
        twin: storey,
        outer: false,
      });
      const warm = 20 + random() * 3;
      const here = Math.min(roomsPerFloor, rooms - of);
      const first = made.twins.length;
      for (let place = 0; place < here; place++, of++) {
        const value = warm + (random() + random() + random() - 1.5) * 4;
        const x = left + floorHead + (place % perRow) * slot + slot / 2;
        const roomY = y + 36 + Math.floor(place / perRow) * rowHeight;
        const added = made.twin(`Room_${of + 1}`, room, x, roomY, storey, value);
        made.relate(storey, 0, added, true);
        const two = made.twins.length - first < (here - place) * 3 && random() < 0.5;
        for (const off of two ? [-22, 22] : [0]) {
          const meter = made.twin(`thermo_${++at}`, thermostat, x + off, roomY + 64, added, value);
          made.relate(added, 1, meter);
        }
      }
      const roomsHere = made.twins
        .slice(first)
        .flatMap((twin, i) => (twin.kind === room ? [first + i] : []));
      roomsHere.slice(1).forEach((one, place) => {
        if ((place + 1) % perRow !== 0) made.relate(roomsHere[place] ?? one, 2, one);
      });
    }
  }
  return made.basis();
}

/** Nothing contains another: clusters with relationships in and between them. */
export function network(count: number): Basis {
  const random = randomOf(11);
  const made = new Builder(["knows"]);
  const clusters = Math.max(1, Math.round(Math.sqrt(count) / 3));
  const spread = Math.sqrt(count) * 60;
  const middles = Array.from({ length: clusters }, () => [random() * spread, random() * spread]);
  const near = () => (random() + random() + random() - 1.5) * (spread / Math.sqrt(clusters)) * 0.45;
  for (let at = 0; at < count; at++) {
    const [x = 0, y = 0] = middles[at % clusters] ?? [];
    made.twin(`twin_${at}`, thermostat, x + near(), y + near(), -1, 15 + random() * 12);
    const within = at - clusters * (1 + Math.floor(random() * 4));
    if (within >= 0) made.relate(at, 0, within);
    if (random() < 0.05 && at > 0) made.relate(at, 0, Math.floor(random() * at));
  }
  return made.basis();
}

/** One twin with relationships to all others. */
export function hub(count: number): Basis {
  const made = new Builder(["feeds"]);
  const middle = made.twin("hub", house, 0, 0);
  for (let at = 1; at < count; at++) {
    const [turn, away] = [at * 2.39996, 60 * Math.sqrt(at) + 120];
    const other = made.twin(
      `leaf_${at}`,
      thermostat,
      Math.cos(turn) * away,
      Math.sin(turn) * away,
      -1,
      21,
    );
    made.relate(middle, 0, other);
  }
  return made.basis();
}

/** Two twins with many relationships between them, and two with loops. */
export function parallel(count: number): Basis {
  const made = new Builder(["one", "other"]);
  const left = made.twin("left", room, -200, 0, -1, 18);
  const right = made.twin("right", room, 200, 60, -1, 24);
  for (let at = 0; at < count; at++) {
    if (at % 2) made.relate(right, 1, left);
    else made.relate(left, 0, right);
  }
  const few = made.twin("few", thermostat, -200, 180, -1, 21);
  const far = made.twin("far", house, 200, 200);
  for (let at = 0; at < 3; at++) made.relate(few, 0, far);
  for (let at = 0; at < 2; at++) made.relate(right, 0, right);
  made.relate(few, 0, few);
  made.relate(far, 0, far);
  return made.basis();
}

/** Twins without any relationship. */
export function isolated(count: number): Basis {
  const made = new Builder([]);
  const side = Math.ceil(Math.sqrt(count));
  for (let at = 0; at < count; at++) {
    const [x, y] = [(at % side) * 60, Math.floor(at / side) * 60];
    made.twin(`alone_${at}`, thermostat, x, y, -1, 15 + ((at * 7) % 120) / 10);
  }
  return made.basis();
}

/** Names that break careless drawing. */
export function names(): Basis {
  const made = new Builder(["\u202Eevil<script>", "حرارة"]);
  const all = [
    "x".repeat(1000),
    "غرفة الاجتماعات ٣",
    "🏢👩‍👩‍👧‍👦 Büro",
    "<img src=x onerror=alert(1)>",
    "会議室三〇二",
    "line\nbreak\ttab\u0000",
    "\u202Edesrever",
  ];
  all.forEach((id, at) => {
    made.twin(id, at % 2 ? thermostat : room, (at % 4) * 260, Math.floor(at / 4) * 160, -1, 21);
    if (at > 0) made.relate(at - 1, at % 2, at);
  });
  return made.basis();
}

export const graphs = { building, network, hub, parallel, isolated, names };
