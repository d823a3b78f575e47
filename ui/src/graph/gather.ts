import { onNode } from "../look/format";
import { noRow } from "../store/rows";
import type { GraphChange, TwinGraph } from "../store/twinGraph";
import type { Rect } from "./camera";
import { isLit, type Lit } from "./lit";
import { type Basis, circle, type Scene, type SceneFrame, sceneOf, shapeNumbers } from "./scene";
import { spreadValues } from "./values";

/** Arranges the graph anew; what glowed in the scene before goes on glowing. */
export function makeScene(
  graph: TwinGraph,
  before: Scene | null,
  now: number,
  lit: Lit | null = null,
): Scene {
  const sieve = lit?.hides ? lit : null;
  const isShown = (row: number) => graph.rows.isShown(row) && (sieve === null || isLit(sieve, row));
  const scene = sceneOf(gather(graph, isShown), { get: (id) => graph.rowOf(id) });
  if (before) carryGlow(scene, before, now);
  return scene;
}

type IsShown = (row: number) => boolean;

/** The twins stand in the rows of the graph; those that are not shown are absent. */
function gather(graph: TwinGraph, isShown: IsShown): Basis {
  const { rows, kinds } = graph;
  const { count, place } = rows;
  const units = [...new Set(["", ...kinds.map((kind) => kind.unit)])];
  const shapeOf = Uint8Array.from(kinds, (kind) => shapeNumbers[kind.shape]);
  const kind = rows.kind.slice(0, count);
  const [x, y] = [new Float32Array(count), new Float32Array(count)];
  const [absent, shape] = [new Uint8Array(count), new Uint8Array(count)];
  for (let row = 0; row < count; row++) {
    x[row] = place[2 * row] as number;
    y[row] = place[2 * row + 1] as number;
    absent[row] = isShown(row) ? 0 : 1;
    shape[row] = shapeOf[kind[row] as number] ?? circle;
  }
  return {
    ids: rows.ids.slice(0, count),
    labels: rows.names.slice(0, count),
    absent,
    x,
    y,
    shape,
    kind,
    // As a signed number `noRow` is -1.
    parent: Int32Array.from(rows.parent.subarray(0, count), (row) => row | 0),
    own: rows.value.slice(0, count),
    units,
    unitOfKind: Uint16Array.from(kinds, ({ unit }) => units.indexOf(unit)),
    ...edgesOf(graph, isShown),
    frames: framesOf(graph, isShown),
  };
}

/** Takes values over that changed in place. */
export function updateScene(
  scene: Scene,
  graph: TwinGraph,
  change: GraphChange,
  now: number,
): void {
  for (const { id, before, after } of change.twins) {
    const row = graph.rowOf(id);
    if (row === undefined || row >= scene.ids.length) continue;
    scene.own[row] = after ?? Number.NaN;
    if (looksSame(before, after)) continue;
    scene.changedAt[row] = now;
    scene.difference[row] = before === null || after === null ? 0 : after - before;
  }
  spreadValues(scene);
}

/** Whether a twin that shows a value still shows the same: a repeated report is no news. */
const looksSame = (before: number | null, after: number | null): boolean =>
  before !== null && after !== null && onNode(before) === onNode(after);

function carryGlow(scene: Scene, before: Scene, now: number): void {
  for (let row = 0; row < scene.ids.length; row++) {
    const same = before.ids[row] === scene.ids[row] && before.absent[row] === 0;
    scene.changedAt[row] = same ? (before.changedAt[row] as number) : now;
    scene.difference[row] = same ? (before.difference[row] as number) : 0;
  }
}

/** Only relationships of which both ends are shown. */
function edgesOf(graph: TwinGraph, isShown: IsShown) {
  const { rows, edges } = graph;
  const containing = graph.relationshipNames.map((name) => name.contains);
  const frameOwners = new Set(graph.frames.map((frame) => frame.row));
  const [source, target] = [new Int32Array(edges.count), new Int32Array(edges.count)];
  const [name, framed] = [new Uint16Array(edges.count), new Uint8Array(edges.count)];
  const edgeRow = new Int32Array(edges.count);
  let count = 0;
  for (let row = 0; row < edges.count; row++) {
    const [from, to] = [edges.source(row), edges.target(row)];
    if (from === noRow || !isShown(from) || !isShown(to)) continue;
    const of = edges.name[row] as number;
    source[count] = from;
    target[count] = to;
    name[count] = of;
    edgeRow[count] = row;
    framed[count] = containing[of] && rows.parent[to] === from && frameOwners.has(from) ? 1 : 0;
    count++;
  }
  return {
    source: source.subarray(0, count),
    target: target.subarray(0, count),
    name: name.subarray(0, count),
    framed: framed.subarray(0, count),
    edgeRow: edgeRow.subarray(0, count),
    names: graph.relationshipNames.map((each) => each.name),
  };
}

function framesOf(graph: TwinGraph, isShown: IsShown): SceneFrame[] {
  const { rows } = graph;
  const outer = new Set(graph.frames.map((frame) => rows.parent[frame.row] ?? noRow));
  const shown = graph.frames.filter((frame) => isShown(frame.row));
  const area = (frame: Rect) => frame.width * frame.height;
  return shown
    .map(({ row, x, y, width, height }) => ({
      x,
      y,
      width,
      height,
      twin: row,
      outer: outer.has(row),
    }))
    .sort((a, b) => area(b) - area(a));
}
