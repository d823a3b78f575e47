import type { Box } from "./boxes";

/** What folding minds of a topology: nodes that stay below each other, and what is wired. */
export interface Bonds {
  /** Groups that are kept as one stack, each from its top. */
  stacks: readonly (readonly string[])[];
  wires: readonly { from: string; to: string }[];
}

/** A drawing that is no taller than this is left as it is. */
const tall = 1600;
/** Width to height that are wanted, and that are wide enough to look no further. */
const shape = 1.6;
const wide = 2.5;
const gap = 56;
const between = 20;

interface Stack {
  ids: readonly string[];
  height: number;
  /** The mean place from the top of what it is wired to. */
  wanted: number;
}

/** Tall columns in several columns side by side, so that the whole has about a screen's shape. */
export function fold(boxes: ReadonlyMap<string, Box>, bonds: Bonds): Map<string, Box> {
  const { height } = size(boxes);
  let best = new Map(boxes);
  if (height <= tall) return best;
  const columns = columnsOf(boxes, bonds);
  for (let most = height; most >= tall / 4; most *= 0.94) {
    const next = packed(boxes, columns, most);
    if (unlike(next) < unlike(best)) best = next;
    if (ratio(next) > wide) break;
  }
  return best;
}

function size(boxes: ReadonlyMap<string, Box>): { width: number; height: number } {
  const all = [...boxes.values()];
  return {
    width: Math.max(...all.map(({ x, width }) => x + width)),
    height: Math.max(...all.map((box) => box.y + box.height)),
  };
}

const ratio = (boxes: ReadonlyMap<string, Box>): number => {
  const { width, height } = size(boxes);
  return width / height;
};

/** How far it is from the shape that is wanted, too tall or too wide. */
const unlike = (boxes: ReadonlyMap<string, Box>): number =>
  Math.abs(Math.log(ratio(boxes) / shape));

/** The columns from left to right, in each the stacks in the order of what they are wired to. */
function columnsOf(boxes: ReadonlyMap<string, Box>, bonds: Bonds): Stack[][] {
  const stackOf = new Map(bonds.stacks.flatMap((ids) => ids.map((id) => [id, [...ids]] as const)));
  const near = new Map<string, number[]>();
  const meet = (id: string, other: string) => {
    const box = boxes.get(other);
    if (box) near.set(id, [...(near.get(id) ?? []), box.y + box.height / 2]);
  };
  for (const { from, to } of bonds.wires) {
    meet(from, to);
    meet(to, from);
  }
  const columns = new Map<number, Stack[]>();
  for (const [id, box] of [...boxes].sort(([, a], [, b]) => a.x - b.x || a.y - b.y)) {
    const ids = stackOf.get(id) ?? [id];
    if (ids[0] !== id) continue;
    const places = ids.flatMap((one) => near.get(one) ?? []);
    const wanted = places.reduce((sum, y) => sum + y, 0) / places.length;
    const heights = ids.map((one) => (boxes.get(one)?.height ?? 0) + between);
    const height = heights.reduce((sum, one) => sum + one, 0);
    const stack = { ids, height, wanted: places.length > 0 ? wanted : box.y };
    columns.set(box.x, [...(columns.get(box.x) ?? []), stack]);
  }
  return [...columns.values()].map((stacks) => stacks.sort((a, b) => a.wanted - b.wanted));
}

/** Each column in as many as keep below a height; the next stack goes where there is most room. */
function packed(
  boxes: ReadonlyMap<string, Box>,
  columns: Stack[][],
  most: number,
): Map<string, Box> {
  const result = new Map<string, Box>();
  let x = 0;
  for (const stacks of columns) {
    const sum = stacks.reduce((all, { height }) => all + height, 0);
    const bottoms = new Array<number>(Math.max(1, Math.ceil(sum / most))).fill(0);
    const ids = stacks.flatMap((stack) => stack.ids);
    const width = Math.max(...ids.map((id) => boxes.get(id)?.width ?? 0));
    for (const stack of stacks) {
      const at = bottoms.indexOf(Math.min(...bottoms));
      for (const id of stack.ids) {
        const box = boxes.get(id) as Box;
        const y = bottoms[at] ?? 0;
        result.set(id, { ...box, x: x + at * (width + gap), y });
        bottoms[at] = y + box.height + between;
      }
    }
    x += bottoms.length * (width + gap);
  }
  return result;
}
