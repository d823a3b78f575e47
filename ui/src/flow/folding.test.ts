import { expect, test } from "vitest";
import type { Box } from "./boxes";
import { fold } from "./folding";

const names = (kind: string, count: number) =>
  Array.from({ length: count }, (_, at) => `${kind}-${at}`);

/** Columns of so many nodes, each node wired to one of the next column. */
function topology(counts: readonly number[]) {
  const boxes = new Map<string, Box>();
  const wires: { from: string; to: string }[] = [];
  for (const [column, count] of counts.entries()) {
    for (const [at, id] of names(`c${column}`, count).entries()) {
      boxes.set(id, { x: column * 216, y: at * 96, width: 160, height: 76 });
      const next = counts[column + 1];
      if (next) wires.push({ from: id, to: `c${column + 1}-${Math.floor((at * next) / count)}` });
    }
  }
  return { boxes, bonds: { stacks: [], wires } };
}

const apart = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

test.each([[[1]], [[3, 2, 1, 6]], [[16, 4, 1, 16]]])("%j is small and left as it is", (counts) => {
  const { boxes, bonds } = topology(counts);
  expect([...fold(boxes, bonds)]).toEqual([...boxes]);
});

test.each([[[20, 15, 1, 60, 10, 18]], [[1, 1, 1, 200, 1, 1]], [[90, 90, 1, 90, 90, 90]]])(
  "%j gets the shape of a screen, nothing on another, the same every time",
  (counts) => {
    const { boxes, bonds } = topology(counts);
    const folded = fold(boxes, bonds);
    const all = [...folded.values()];
    expect(folded.size).toBe(boxes.size);
    for (const [at, a] of all.entries()) {
      for (const b of all.slice(at + 1)) expect(apart(a, b)).toBe(true);
    }
    const width = Math.max(...all.map((box) => box.x + box.width));
    const ratio = width / Math.max(...all.map((box) => box.y + box.height));
    // Columns that are as tall as each other fold in one step.
    expect(ratio).toBeGreaterThan(1.2);
    expect(ratio).toBeLessThan(2.2);
    const backwards = new Map([...boxes].reverse());
    expect(new Map(fold(backwards, bonds))).toEqual(folded);
  },
);

test("a stack stays one below the other", () => {
  const { boxes, bonds } = topology([60, 10]);
  const folded = fold(boxes, { ...bonds, stacks: [["c0-3", "c0-4"]] });
  expect(folded.get("c0-4")).toMatchObject({
    x: folded.get("c0-3")?.x,
    y: (folded.get("c0-3")?.y ?? 0) + 96,
  });
});
