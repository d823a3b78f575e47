import { expect, test } from "vitest";
import { differences, linesOf } from "./differences";
import { change, draftOf, put, remove, setFile } from "./draft";

const before = draftOf(
  {
    sources: {},
    functions: { mine: { kind: "rhai" } },
    endpoints: { eg: { kind: "eventGrid" } },
    routes: { all: { endpoint: "eg", filter: "true" } },
    subscriptions: {},
  },
  { "functions/mine.rhai": "a\nb\nc" },
);

test("what came, what went, and which fields are others", () => {
  let after = put(before, "sinks", "out", { kind: "eventHub" });
  after = change(after, "routes/all", { filter: "x" });
  after = remove(after, "endpoints/eg");
  expect(differences(before, after)).toEqual([
    {
      id: "routes/all",
      kind: "changed",
      fields: [
        { field: "endpoint", before: "eg", after: "" },
        { field: "filter", before: "true", after: "x" },
      ],
      lines: [],
    },
    {
      id: "endpoints/eg",
      kind: "removed",
      fields: [{ field: "kind", before: "eventGrid", after: undefined }],
      lines: [],
    },
    {
      id: "sinks/out",
      kind: "added",
      fields: [{ field: "kind", before: undefined, after: "eventHub" }],
      lines: [],
    },
  ]);
});

test("a function's text counts as the function's", () => {
  const after = setFile(before, "functions/mine.rhai", "a\nB\nc");
  const [difference] = differences(before, after);
  expect(difference).toMatchObject({ id: "functions/mine", kind: "changed", fields: [] });
  expect(difference?.lines.map(({ sign, text }) => sign + text)).toEqual([" a", "-b", "+B", " c"]);
});

test("the order of names is no difference", () => {
  const turned = draftOf(
    {
      sources: {},
      functions: { mine: { kind: "rhai" } },
      endpoints: { eg: { kind: "eventGrid" } },
      routes: { all: { filter: "true", endpoint: "eg" } },
      subscriptions: {},
    },
    before.files,
  );
  expect(differences(before, turned)).toEqual([]);
});

test.each([
  ["", "a", "+a"],
  ["a", "", "-a"],
  ["a\nb", "b", "-a  b"],
  ["x\na\nx", "a", "-x  a -x"],
])("lines from %j to %j", (old, now, expected) => {
  expect(
    linesOf(old, now)
      .map(({ sign, text }) => sign + text)
      .join(" "),
  ).toBe(expected);
});

test("texts too long to compare line by line are compared as a whole", () => {
  const many = (letter: string) => Array.from({ length: 2000 }, () => letter).join("\n");
  expect(linesOf(many("a"), many("b"))).toHaveLength(4000);
});
