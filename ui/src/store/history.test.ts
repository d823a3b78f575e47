import { expect, test } from "vitest";
import { History } from "./history";

test("samples are kept in order of time, once each", () => {
  const history = new History();
  history.add("a", 1, 20);
  history.add("a", 1, 20);
  history.add("a", 2, 21);
  expect(history.of("a")).toEqual([
    { time: 1, value: 20 },
    { time: 2, value: 21 },
  ]);
  expect(history.of("b")).toEqual([]);
});

test("it is bounded, the twin that changed longest ago goes first", () => {
  const history = new History();
  history.add("first", 1, 1);
  for (let twin = 0; twin < 2000; twin++) history.add(`t${twin}`, 1, 1);
  expect(history.of("first")).toEqual([]);
  for (let time = 2; time < 1000; time++) history.add("t7", time, 1);
  expect(history.of("t7")).toHaveLength(600);
  expect(history.of("t7").at(-1)?.time).toBe(999);
});
