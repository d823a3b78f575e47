import { expect, test } from "vitest";
import type { PropertyRow } from "../wire/PropertyRow";
import { choicesOf, inputKind, parse, textOf } from "./input";

const row = (schema: string, more: Partial<PropertyRow> = {}): PropertyRow => ({
  path: "/p",
  name: "p",
  schema,
  choices: [],
  unit: "",
  writable: true,
  value: null,
  set: false,
  updated: null,
  sourceTime: null,
  ...more,
});

test.each([
  ["double", "text"],
  ["string", "text"],
  ["dateTime", "text"],
  ["boolean", "choice"],
  ["Object", "json"],
  ["Map", "json"],
])("%s is typed as %s", (schema, kind) => expect(inputKind(row(schema))).toBe(kind));

test("an enum is chosen, by its value and not by its text", () => {
  const level = row("enum", { choices: [1, 2], value: 2, set: true });
  expect(choicesOf(level)).toEqual(["1", "2"]);
  expect(textOf(level)).toBe("2");
  expect(parse(level, "1")).toEqual({ ok: true, value: 1 });
});

test("numbers and booleans are sent as such", () => {
  expect(parse(row("double"), " 20.5 ")).toEqual({ ok: true, value: 20.5 });
  expect(parse(row("boolean"), "false")).toEqual({ ok: true, value: false });
});

test("what is no number goes to the service as it was typed", () => {
  expect(parse(row("double"), "warm")).toEqual({ ok: true, value: "warm" });
  expect(parse(row("integer"), "")).toEqual({ ok: true, value: "" });
  // JavaScript would make ...992 of it.
  expect(parse(row("long"), "9007199254740993")).toEqual({ ok: true, value: "9007199254740993" });
});

test("an object is typed as JSON, and must be JSON", () => {
  expect(parse(row("Object"), '{"a": 1}')).toEqual({ ok: true, value: { a: 1 } });
  expect(parse(row("Object"), "{a")).toMatchObject({ ok: false });
  expect(textOf(row("Object", { set: true, value: { a: 1 } }))).toBe('{\n  "a": 1\n}');
});
