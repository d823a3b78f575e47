import type { RouteSpec } from "../wire/RouteSpec";
import { type Draft, idOf, idsOf, nameOf, theInstance } from "./draft";
import { fold } from "./folding";
import { endpointOf, sinksOf, takesMessages, takesNotifications, wiresOf } from "./wiring";
import { conditionsOf } from "./words";

export interface Place {
  x: number;
  y: number;
}
export interface Box extends Place {
  width: number;
  height: number;
}
/** Where nodes stand, by id. */
export type Boxes = ReadonlyMap<string, Box>;

/** The height of a line of a node, and of a subscription's row. */
export const lineHeight = 20;
export const rowHeight = 28;
/** Where a node's ports are, from its top. */
export const portY = 22;
const padding = 8;
const gap = 56;
const between = 20;
/** How far apart nodes of one group are. */
const near = 16;
const instanceHeight = 288;

const widths = { source: 136, function: 128, instance: 132, route: 160, endpoint: 172, end: 184 };
const columns = {
  source: 0,
  function: widths.source + gap,
  instance: widths.source + widths.function + 2 * gap,
  route: widths.source + widths.function + widths.instance + 3 * gap,
  endpoint: widths.source + widths.function + widths.instance + widths.route + 4 * gap,
  end: widths.source + widths.function + widths.instance + widths.route + widths.endpoint + 5 * gap,
} as const;
export type Column = keyof typeof columns;

/** The subscriptions of an endpoint, as rows within it. */
export const rowsOf = (draft: Draft, endpoint: string): string[] =>
  Object.entries(draft.parts.subscriptions)
    .filter(([, spec]) => endpointOf(draft, spec.endpoint) === endpoint)
    .map(([name]) => idOf("subscriptions", name));

/** The node that shows a part: a subscription is a row of its endpoint. */
export function shownBy(draft: Draft, id: string): string {
  const node = nameOf(id);
  const spec = node?.part === "subscriptions" ? draft.parts.subscriptions[node.name] : undefined;
  return (spec && endpointOf(draft, spec.endpoint)) ?? id;
}

/** The ids of what is drawn as a node of its own. */
export const nodesOf = (draft: Draft): string[] => [
  theInstance,
  ...idsOf(draft).filter((id) => shownBy(draft, id) === id),
];

export const columnOf = (draft: Draft, id: string): Column => {
  const part = nameOf(id)?.part;
  if (part === "sources") return "source";
  if (part === "routes") return "route";
  if (part === "endpoints" || part === "endpoints2019") return "endpoint";
  if (part === "subscriptions") return "endpoint";
  if (part === "functions") return isEarly(draft, id) ? "function" : "end";
  return part === "sinks" ? "end" : "instance";
};

/** Whether a function stands before the instance: a source calls it, or only sources could. */
function isEarly(draft: Draft, id: string): boolean {
  const name = nameOf(id)?.name ?? "";
  const spec = draft.parts.functions[name];
  const { sources, subscriptions } = draft.parts;
  if (Object.values(sources).some((source) => source.function === name)) return true;
  if (Object.values(subscriptions).some((sub) => sub.function === name)) return false;
  return spec !== undefined && takesMessages(spec) && !takesNotifications(spec);
}

function linesOf(draft: Draft, id: string): number {
  const node = nameOf(id);
  if (node?.part === "routes") {
    const { filter } = draft.parts.routes[node.name] as RouteSpec;
    return 3 + conditionsOf(filter).length;
  }
  return 3;
}

export function sizeOf(draft: Draft, id: string): { width: number; height: number } {
  const width = widths[columnOf(draft, id)];
  if (id === theInstance) return { width, height: instanceHeight };
  const height = 2 * padding + lineHeight * linesOf(draft, id);
  return { width, height: height + rowHeight * rowsOf(draft, id).length };
}

/** The node's place in the order of its part. */
const inOrder = (ids: Iterable<string>): string[] => [...ids].sort();

/** An arrangement in layers: sources, functions, instance, routes, endpoints, functions, sinks. */
export function arrange(draft: Draft): Map<string, Box> {
  const boxes = new Map<string, Box>();
  const stacks: string[][] = [];
  const wires = wiresOf(draft);
  const nodes = nodesOf(draft);
  const of = (column: Column) => inOrder(nodes.filter((id) => columnOf(draft, id) === column));
  const put = (id: string, y: number, column = columnOf(draft, id)): Box => {
    const { height } = sizeOf(draft, id);
    const box = { x: columns[column], y, width: widths[column], height };
    boxes.set(id, box);
    return box;
  };
  const below = ({ y, height }: Box) => y + height;
  const intoFrom = (to: string, part: string) =>
    inOrder(
      wires.filter((one) => one.to === to && nameOf(one.from)?.part === part).map((w) => w.from),
    );

  /** A function with its sinks below it; answers where the next may begin. */
  const putFunction = (id: string, y: number, column: Column): number => {
    let bottom = below(put(id, y, column));
    const stack = [id];
    stacks.push(stack);
    const name = nameOf(id)?.name ?? "";
    const spec = draft.parts.functions[name];
    for (const sink of spec ? sinksOf(spec) : []) {
      const sinkId = idOf("sinks", sink);
      if (boxes.has(sinkId) || !nodes.includes(sinkId)) continue;
      bottom = below(put(sinkId, bottom + 30, column));
      stack.push(sinkId);
    }
    return bottom;
  };

  let left = 0;
  for (const id of of("function")) {
    let y = left;
    for (const source of intoFrom(id, "sources")) y = below(put(source, y)) + near;
    left = Math.max(y - near, putFunction(id, left, "function")) + between;
  }
  for (const id of of("source")) if (!boxes.has(id)) left = below(put(id, left)) + near;

  // Routes and endpoints keep to each other; functions and sinks beside them go on by themselves.
  let [right, end] = [0, 0];
  for (const id of of("endpoint")) {
    let y = right;
    for (const route of intoFrom(id, "routes")) y = below(put(route, y)) + near;
    const box = put(id, right);
    const rows = rowsOf(draft, id);
    for (const [at, row] of rows.entries()) {
      for (const { to } of wires.filter(({ from }) => from === row)) {
        if (boxes.has(to)) continue;
        // Beside its row, so that the wire is straight where there is room.
        const beside = below(box) - (rows.length - at - 0.5) * rowHeight - portY;
        end = putFunction(to, Math.max(end, beside), "end") + near;
      }
    }
    right = Math.max(y - near, below(box)) + between;
  }
  for (const id of of("route")) if (!boxes.has(id)) right = below(put(id, right)) + near;
  for (const id of of("end")) {
    if (!boxes.has(id) && nameOf(id)?.part === "functions")
      end = putFunction(id, end, "end") + near;
  }
  for (const id of of("end")) if (!boxes.has(id)) end = below(put(id, end)) + near;

  boxes.set(theInstance, { x: columns.instance, y: 0, ...sizeOf(draft, theInstance) });
  const shown = (id: string) => shownBy(draft, id);
  const ends = wires.map(({ from, to }) => ({ from: shown(from), to: shown(to) }));
  const ofNodes = ends.filter(({ from, to }) => from !== theInstance && to !== theInstance);
  return fold(boxes, { stacks, wires: ofNodes });
}

/** Where nodes stand: where a person put them, else where the arrangement does. */
export function boxesOf(
  draft: Draft,
  places: Readonly<Record<string, Place>>,
  arranged: Boxes = arrange(draft),
): Map<string, Box> {
  const boxes = new Map(arranged);
  for (const [id, box] of boxes) {
    const place = places[id];
    if (place) boxes.set(id, { ...box, ...place });
  }
  const instance = boxes.get(theInstance);
  if (!instance) return boxes;
  // The spine is as tall as what hangs on it, so that wires run straight from it.
  const served = [...boxes].filter(([id]) =>
    ["routes", "endpoints2019"].includes(nameOf(id)?.part ?? ""),
  );
  const bottom = Math.max(...served.map(([, { y }]) => y + 2 * portY), 0);
  const height = Math.max(instance.height, bottom - instance.y);
  boxes.set(theInstance, { ...instance, height });
  return boxes;
}

const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;

/** The place nearest to where a node is wanted at which it lies on none of the others. */
export function freePlace(wanted: Box, others: readonly Box[]): Place {
  const isFree = ({ x, y }: Place) => !others.some((other) => overlap({ ...wanted, x, y }, other));
  if (isFree(wanted)) return { x: wanted.x, y: wanted.y };
  // What is free and nearest is beside, above or below one of them.
  const xs = others.flatMap(({ x, width }) => [x - near - wanted.width, x + width + near]);
  const ys = others.flatMap(({ y, height }) => [y - near - wanted.height, y + height + near]);
  const far = ({ x, y }: Place) => Math.hypot(x - wanted.x, y - wanted.y);
  const nearest = (places: Place[]) =>
    places.sort((one, other) => far(one) - far(other)).find(isFree);
  // To one side there is always room in the end.
  const straight = [...xs.map((x) => ({ x, y: wanted.y })), ...ys.map((y) => ({ x: wanted.x, y }))];
  return nearest(straight) ?? { x: wanted.x, y: wanted.y };
}

/** With a node where it is wanted, or at the free place that is nearest. */
export function placedFreely(
  draft: Draft,
  places: Readonly<Record<string, Place>>,
  id: string,
  wanted?: Place,
): Record<string, Place> {
  const boxes = boxesOf(draft, places);
  const own = boxes.get(id);
  if (!own) return { ...places };
  const others = [...boxes].filter(([other]) => other !== id).map(([, box]) => box);
  const at = freePlace({ ...own, ...wanted }, others);
  // Where nobody put it and it is in nobody's way, the arrangement goes on to place it.
  return !wanted && at.x === own.x && at.y === own.y ? { ...places } : { ...places, [id]: at };
}

/** Without places of nodes that are gone, and with those of renamed ones moved along. */
export const placesFor = (
  draft: Draft,
  places: Readonly<Record<string, Place>>,
): Record<string, Place> => {
  const shown = new Set(nodesOf(draft));
  return Object.fromEntries(Object.entries(places).filter(([id]) => shown.has(id)));
};
