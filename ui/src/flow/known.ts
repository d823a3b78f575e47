import type { TwinGraph } from "../store/twinGraph";
import type { Kind } from "../wire/Kind";
import type { Mapping } from "../wire/Mapping";
import { type Draft, own } from "./draft";

/** What a new node begins with: read off the instance's graph, so that it works as it is dropped. */
export interface Known {
  /** Twins that stand for devices. */
  devices: readonly string[];
  /** Where a device's telemetry goes. */
  map: readonly Mapping[];
  propagation: { property: string; relationship: string; parentProperty: string };
  /** Which notifications a route takes. */
  filter: string;
  /** The models, for offering filters. */
  models: readonly { model: string; name: string }[];
}

const updates = "type = 'Microsoft.DigitalTwins.Twin.Update'";
const mostDevices = 24;

/** Names of models that stand for what measures. */
const measures = /thermostat|sensor|device|meter/i;

export function knownOf(graph: TwinGraph): Known {
  const kinds = graph.kinds.filter((kind) => kind.count > 0);
  const models = kinds.map(({ model, name }) => ({ model, name }));
  const leaf = leafOf(kinds);
  if (!leaf) {
    const map = [{ from: "/temperature", property: "/temperature" }];
    const propagation = { property: "", relationship: "", parentProperty: "" };
    return { devices: [], map, propagation, filter: updates, models };
  }
  const property = leaf.valueProperty ?? leaf.properties[0] ?? "";
  const measured = [property, "humidity"].filter((name) => leaf.properties.includes(name));
  const parent = parentOf(graph, leaf);
  return {
    devices: twinsOf(graph, leaf),
    map: [...new Set(measured)].map((name) => ({ from: `/${name}`, property: `/${name}` })),
    propagation: {
      property,
      relationship: parent?.relationship ?? "",
      parentProperty: parent?.kind?.valueProperty ?? property,
    },
    filter: `${updates} AND $body.modelId = '${leaf.model}'`,
    models,
  };
}

function leafOf(kinds: readonly Kind[]): Kind | undefined {
  const lowest = [...kinds].sort((a, b) => a.level - b.level);
  return (
    lowest.find(({ name }) => measures.test(name)) ??
    lowest.find(({ valueProperty }) => valueProperty !== null) ??
    lowest[0]
  );
}

function twinsOf({ kinds, rows }: TwinGraph, kind: Kind): string[] {
  const wanted = kinds.indexOf(kind);
  const found: string[] = [];
  for (let row = 0; row < rows.count && found.length < mostDevices; row++) {
    const id = rows.ids[row];
    if (id && rows.kind[row] === wanted && !rows.isFree(row)) found.push(id);
  }
  return found.sort();
}

/** Who relates to a twin of this kind, and how. */
function parentOf(graph: TwinGraph, kind: Kind) {
  const { kinds, rows, edges, relationshipNames } = graph;
  const wanted = kinds.indexOf(kind);
  for (let row = 0; row < edges.count; row++) {
    const [source, target] = [edges.source(row), edges.target(row)];
    if (rows.isFree(source) || rows.kind[target] !== wanted || rows.kind[source] === wanted)
      continue;
    return {
      relationship: relationshipNames[edges.name[row] ?? 0]?.name ?? "",
      kind: kinds[rows.kind[source] ?? 0],
    };
  }
  return null;
}

/** The devices that no source of the draft has yet: each belongs to one. */
export function freeDevices({ parts }: Draft, { devices }: Known): string[] {
  const sources = Object.keys(parts.sources).flatMap((name) => own(parts.sources, name) ?? []);
  const taken = new Set(sources.flatMap((spec) => ("devices" in spec ? spec.devices : [])));
  return devices.filter((id) => !taken.has(id));
}
