import { expect, test } from "vitest";
import { nothing } from "../../tests/fixture-flow";
import type { Counts } from "../wire/Counts";
import type { Flow } from "../wire/Flow";
import { heatOf, readingsOf } from "./meters";

const flow = (atMillis: number, counts: Partial<Counts>, events: number): Flow => ({
  atMillis,
  revision: 1,
  nodes: [
    {
      node: "routes/a",
      state: { kind: "healthy" },
      message: null,
      counts: { ...nothing, ...counts },
    },
  ],
  wires: [{ from: "instance", to: "routes/a", events, bytes: 0 }],
});
const first = flow(1000, { taken: 10, done: 5, dropped: { full: 1 } }, 10);

test("one answer has counts and no rates", () => {
  const { nodes, wires } = readingsOf(first, null);
  expect(nodes.get("routes/a")).toMatchObject({ taken: null, done: null, dropped: 1, dropping: 0 });
  expect(wires.get("instance → routes/a")).toMatchObject({ events: 10, rate: null });
});

test("rates are what two answers differ by, for each second between them", () => {
  const next = flow(
    3000,
    { taken: 30, done: 9, busyNanos: 8e6, dropped: { full: 3, late: 2 } },
    30,
  );
  const { nodes, wires } = readingsOf(next, first);
  expect(nodes.get("routes/a")).toMatchObject({
    taken: 10,
    done: 2,
    dropped: 5,
    dropping: 2,
    millis: 2,
  });
  expect(wires.get("instance → routes/a")).toMatchObject({ rate: 10 });
});

test("counting that began anew, a clock that stood still and a new node have no rate", () => {
  expect(readingsOf(flow(2000, { taken: 1 }, 1), first).nodes.get("routes/a")?.taken).toBeNull();
  expect(readingsOf(flow(1000, { taken: 20 }, 20), first).nodes.get("routes/a")?.taken).toBeNull();
  const empty: Flow = { ...first, nodes: [], wires: [] };
  expect(readingsOf(first, empty).nodes.get("routes/a")).toMatchObject({
    taken: null,
    dropping: 0,
  });
});

test.each([
  [null, 0],
  [0, 0],
  [0.4, 1],
  [3, 2],
  [30, 3],
  [99.9, 3],
  [100, 4],
])("the heat of %s is step %i", (rate, step) => {
  expect(heatOf(rate)).toBe(step);
});
