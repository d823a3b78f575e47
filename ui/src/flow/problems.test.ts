import { expect, test } from "vitest";
import { draftOf } from "./draft";
import { byNode, problemsOf } from "./problems";

const draft = draftOf(
  {
    sources: { hub: { kind: "iotHub", devices: [], function: "" } },
    functions: { mine: { kind: "rhai" }, series: { kind: "toTimeSeries", sink: "" } },
    endpoints: { eg: { kind: "eventGrid" } },
    routes: { open: { endpoint: "", filter: "" } },
    subscriptions: { sub: { endpoint: "", function: "mine" } },
  },
  {},
);
const said = (path: string, message = "It is wrong.") => [{ path, message }];

test.each([
  ["/endpoints/eg/address", "endpoints/eg", "address", null],
  ["/functions/series/map/0/from", "functions/series", "map/0/from", null],
  ["/functions/se~1ries~0", "functions/se/ries~", "", null],
  ["functions/mine.rhai:12", "functions/mine", "text", 12],
  ["functions/mine.rhai, line 3, column 4", "functions/mine", "text", 3],
  ["/routes", null, "/routes", null],
  ["line 3, column 4", null, "line 3, column 4", null],
])("%s is placed", (path, node, field, line) => {
  const problems = problemsOf(draft, said(path), []);
  expect(problems.at(-1)).toMatchObject({ node, field, line, refused: true });
});

test.each([
  ["functions/mine.rhai, line 3, column 5: Unexpected ;", 3, "Unexpected ;"],
  ["functions/mine.rhai, line 3: Unexpected ;", 3, "Unexpected ;"],
  ["functions/mine.rhai: It has no on_event.", null, "It has no on_event."],
])("%s is about the function's text", (message, line, rest) => {
  const problems = problemsOf(draft, said("/functions/mine", message), []);
  expect(problems.at(-1)).toMatchObject({
    node: "functions/mine",
    field: "text",
    line,
    message: rest,
  });
});

test("what is not wired yet is said once, in place of that there is no function of no name", () => {
  const problems = problemsOf(draft, said("/sources/hub/function", "There is no function «»."), []);
  expect(problems.map(({ node, message }) => [node, message])).toEqual([
    ["sources/hub", "Wire it to a function."],
    ["functions/series", "Wire it to a sink."],
    ["routes/open", "Wire it to an endpoint."],
    ["subscriptions/sub", "Put it on an endpoint, or wire one to it."],
  ]);
});

test("the refusing ones of a node come first", () => {
  const warned = problemsOf(draft, said("/endpoints/eg", "No."), said("/endpoints/eg", "Maybe."));
  const list = byNode([...warned].reverse()).get("endpoints/eg");
  expect(list?.map(({ message }) => message)).toEqual(["No.", "Maybe."]);
});
