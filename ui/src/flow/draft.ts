import type { Endpoint2019Spec } from "../wire/Endpoint2019Spec";
import type { EndpointSpec } from "../wire/EndpointSpec";
import type { FunctionSpec } from "../wire/FunctionSpec";
import type { RouteSpec } from "../wire/RouteSpec";
import type { SinkSpec } from "../wire/SinkSpec";
import type { SourceSpec } from "../wire/SourceSpec";
import type { SubscriptionSpec } from "../wire/SubscriptionSpec";
import type { Topology } from "../wire/Topology";

/** What each part of `topology.json` holds, in the order in which data passes them. */
export interface Specs {
  sources: SourceSpec;
  functions: FunctionSpec;
  routes: RouteSpec;
  endpoints: EndpointSpec;
  endpoints2019: Endpoint2019Spec;
  subscriptions: SubscriptionSpec;
  sinks: SinkSpec;
}
export type PartName = keyof Specs;
export type Spec = Specs[PartName];

export const partNames = [
  "sources",
  "functions",
  "routes",
  "endpoints",
  "endpoints2019",
  "subscriptions",
  "sinks",
] as const satisfies readonly PartName[];

export type Parts = { readonly [P in PartName]: Readonly<Record<string, Specs[P]>> };

/** A topology with the texts of its functions: one value that is never changed in place. */
export interface Draft {
  readonly schema?: string;
  readonly parts: Parts;
  /** Texts of users' own functions, by file. */
  readonly files: Readonly<Record<string, string>>;
}

/** The id of the node that all others stand around. */
export const theInstance = "instance";

/** Who a node is: `endpoints/eg-twins` is a part and a name. */
export interface NodeName {
  part: PartName;
  name: string;
}

const isPart = (text: string): text is PartName => partNames.some((part) => part === text);

export const idOf = (part: PartName, name: string): string => `${part}/${name}`;

/** The part and name of a node's id; `null` for the instance and for what is no node. */
export function nameOf(id: string): NodeName | null {
  const cut = id.indexOf("/");
  const part = id.slice(0, cut);
  return cut > 0 && isPart(part) ? { part, name: id.slice(cut + 1) } : null;
}

const noParts: Parts = {
  sources: {},
  functions: {},
  routes: {},
  endpoints: {},
  endpoints2019: {},
  subscriptions: {},
  sinks: {},
};
export const emptyDraft: Draft = { parts: noParts, files: {} };

export function draftOf(topology: Topology, files: Readonly<Record<string, string>>): Draft {
  const { $schema: schema, ...parts } = topology;
  return { ...(schema === undefined ? {} : { schema }), parts: { ...noParts, ...parts }, files };
}

/** As `topology.json` has it: names in their order, parts that may be absent only where needed. */
export function topologyOf({ schema, parts }: Draft): Topology {
  const sorted = <T>(part: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  const some = (part: object) => Object.keys(part).length > 0;
  return {
    ...(schema === undefined ? {} : { $schema: schema }),
    sources: sorted(parts.sources),
    functions: sorted(parts.functions),
    endpoints: sorted(parts.endpoints),
    ...(some(parts.endpoints2019) ? { endpoints2019: sorted(parts.endpoints2019) } : {}),
    routes: sorted(parts.routes),
    subscriptions: sorted(parts.subscriptions),
    ...(some(parts.sinks) ? { sinks: sorted(parts.sinks) } : {}),
  };
}

export const isEmpty = ({ parts }: Draft): boolean =>
  partNames.every((part) => Object.keys(parts[part]).length === 0);

/** The ids of all nodes but the instance. */
export const idsOf = ({ parts }: Draft): string[] =>
  partNames.flatMap((part) => Object.keys(parts[part]).map((name) => idOf(part, name)));

export function specOf(draft: Draft, id: string): Spec | null {
  const node = nameOf(id);
  return (node && own<Spec>(draft.parts[node.part], node.name)) ?? null;
}

/** What stands under a name; a name as “constructor” is none of an object's own. */
export const own = <T>(part: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(part, name) ? part[name] : undefined;

/** With a node as it is given: new, or in place of the one of that name. */
export function put<P extends PartName>(
  draft: Draft,
  part: P,
  name: string,
  spec: Specs[P],
): Draft {
  return { ...draft, parts: { ...draft.parts, [part]: { ...draft.parts[part], [name]: spec } } };
}

/** With some fields of a node set; a field that is `undefined` is taken away. */
export function change(draft: Draft, id: string, fields: object): Draft {
  const node = nameOf(id);
  const spec = specOf(draft, id);
  if (!node || !spec) return draft;
  const kept = Object.entries({ ...spec, ...fields }).filter(([, value]) => value !== undefined);
  const part = { ...draft.parts[node.part], [node.name]: Object.fromEntries(kept) };
  return { ...draft, parts: { ...draft.parts, [node.part]: part } };
}

export const setFile = (draft: Draft, file: string, text: string): Draft => ({
  ...draft,
  files: { ...draft.files, [file]: text },
});

/** The file of a user's own function. */
export const fileOf = (name: string, spec: FunctionSpec): string | null =>
  spec.kind === "rhai" ? (spec.file ?? `functions/${name}.rhai`) : null;

/** A name that begins as it is wished and is not taken. Endpoints of both generations share names. */
export function freeName(draft: Draft, part: PartName, stem: string): string {
  const taken = (name: string) =>
    Object.hasOwn(draft.parts[part], name) ||
    (part === "endpoints" && Object.hasOwn(draft.parts.endpoints2019, name)) ||
    (part === "endpoints2019" && Object.hasOwn(draft.parts.endpoints, name));
  if (!taken(stem)) return stem;
  let number = 2;
  while (taken(`${stem}-${number}`)) number++;
  return `${stem}-${number}`;
}

const properName = /^[A-Za-z0-9][A-Za-z0-9_-]{0,48}[A-Za-z0-9]$/;

/** Why a node cannot have a name; `null` where it can. */
export function nameProblem(draft: Draft, id: string, name: string): string | null {
  const node = nameOf(id);
  if (!node || name === node.name) return null;
  if (!properName.test(name)) {
    return "A name has 2 to 50 letters, digits, “-” or “_”, and begins and ends with a letter or digit.";
  }
  if (freeName(draft, node.part, name) !== name) return `There is a “${name}” already.`;
  return null;
}

/** With every reference to a node put through `to`. */
function refer(draft: Draft, part: PartName, name: string, to: string | null): Draft {
  const map = <T>(part: Readonly<Record<string, T>>, change: (spec: T) => T) =>
    Object.fromEntries(Object.entries(part).map(([key, spec]) => [key, change(spec)]));
  const { parts } = draft;
  const next = to ?? "";
  if (part === "functions") {
    const renamed = <T extends { function: string }>(spec: T): T =>
      spec.function === name ? { ...spec, function: next } : spec;
    const sources = map(parts.sources, renamed);
    const subscriptions = map(parts.subscriptions, renamed);
    return { ...draft, parts: { ...parts, sources, subscriptions } };
  }
  if (part === "endpoints" || part === "endpoints2019") {
    const renamed = <T extends { endpoint: string }>(spec: T): T =>
      spec.endpoint === name ? { ...spec, endpoint: next } : spec;
    const routes = part === "endpoints" ? map(parts.routes, renamed) : parts.routes;
    return {
      ...draft,
      parts: { ...parts, routes, subscriptions: map(parts.subscriptions, renamed) },
    };
  }
  if (part === "sinks") {
    const renamed = (spec: FunctionSpec): FunctionSpec => {
      if (spec.kind === "toTimeSeries" && spec.sink === name) return { ...spec, sink: next };
      if (spec.kind !== "rhai" || !spec.sinks?.includes(name)) return spec;
      const sinks = spec.sinks.flatMap((sink) => (sink !== name ? [sink] : (to ?? [])));
      return { ...spec, sinks };
    };
    return { ...draft, parts: { ...parts, functions: map(parts.functions, renamed) } };
  }
  return draft;
}

/** With another name of a node; what refers to it follows, and so does the file named after it. */
export function rename(draft: Draft, id: string, name: string): Draft {
  const node = nameOf(id);
  const spec = specOf(draft, id);
  if (!node || !spec || name === node.name) return draft;
  // In its old place, so that nothing else moves.
  const entries = Object.entries(draft.parts[node.part]).map(([key, value]) => [
    key === node.name ? name : key,
    value,
  ]);
  const parts = { ...draft.parts, [node.part]: Object.fromEntries(entries) };
  const renamed = refer({ ...draft, parts }, node.part, node.name, name);
  const file = node.part === "functions" ? fileOf(node.name, spec as FunctionSpec) : null;
  const moved = node.part === "functions" ? fileOf(name, spec as FunctionSpec) : null;
  if (!file || !moved || file === moved) return renamed;
  const { [file]: text, ...files } = draft.files;
  return text === undefined ? renamed : { ...renamed, files: { ...files, [moved]: text } };
}

/** Without a node. An endpoint takes its subscriptions along; what else led to it leads nowhere. */
export function remove(draft: Draft, id: string): Draft {
  const node = nameOf(id);
  const spec = specOf(draft, id);
  if (!node || !spec) return draft;
  const { [node.name]: _, ...rest } = draft.parts[node.part];
  let { subscriptions } = draft.parts;
  if (node.part === "endpoints" || node.part === "endpoints2019") {
    const kept = Object.entries(subscriptions).filter(([, sub]) => sub.endpoint !== node.name);
    subscriptions = Object.fromEntries(kept);
  }
  const parts = { ...draft.parts, subscriptions, [node.part]: rest };
  const removed = refer({ ...draft, parts }, node.part, node.name, null);
  const file = node.part === "functions" ? fileOf(node.name, spec as FunctionSpec) : null;
  const shared = Object.entries(removed.parts.functions).some(
    ([name, other]) => fileOf(name, other) === file,
  );
  if (file === null || shared) return removed;
  const { [file]: __, ...files } = removed.files;
  return { ...removed, files };
}

/** With a copy of a node under a name of its own, wired as the original; and the copy's id. */
export function duplicate(draft: Draft, id: string): { draft: Draft; id: string } {
  const node = nameOf(id);
  const spec = specOf(draft, id);
  if (!node || !spec) return { draft, id };
  const name = freeName(draft, node.part, `${node.name}-copy`);
  // A device belongs to one source only.
  const copy = "devices" in spec ? { ...spec, devices: [] } : spec;
  const parts = { ...draft.parts, [node.part]: { ...draft.parts[node.part], [name]: copy } };
  let copied: Draft = { ...draft, parts };
  if (node.part === "functions") {
    const { file: _, ...own } = spec as FunctionSpec & { file?: string };
    const [from, to] = [fileOf(node.name, spec as FunctionSpec), `functions/${name}.rhai`];
    if (from !== null) {
      const functions = { ...draft.parts.functions, [name]: own as FunctionSpec };
      copied = { ...copied, parts: { ...parts, functions } };
      copied = setFile(copied, to, draft.files[from] ?? "");
    }
  }
  return { draft: copied, id: idOf(node.part, name) };
}
