import { expect, test } from "vitest";
import { type Colours, colourOf } from "./colours";
import { type Encoding, plainEncoding } from "./encoding";
import type { Scale } from "./measure";
import { firstOfScale, scaleSteps, tableOf } from "./table";

const range = {
  kind: "range",
  course: "diverging",
  low: 15,
  high: 27,
  bins: [] as number[],
} as const;
const temperature: Scale = { ...range, title: "Temperature, °C", unit: "°C" };
const level: Scale = { ...range, title: "level", unit: "" };
const usage: Scale = {
  kind: "categories",
  title: "usage",
  entries: [{ label: "true", paint: firstOfScale + 2, count: 1 }],
};

const coloured = (scale: Scale, part: Partial<Encoding>): Colours => ({
  encoding: { ...plainEncoding, ...part },
  scale,
  table: tableOf("dark", scale, "#1a1a1a"),
});
const byValue = coloured(temperature, {});
const byLevel = coloured(level, { colour: "property", property: "level" });
const byFlag = coloured(usage, { colour: "property", property: "occupied" });
const byModel = coloured(usage, { colour: "model" });
const third = byFlag.table.css[firstOfScale + 2];

const asked = { property: "temperature", unit: "°C", onTwin: true, value: 15 };

test.each([
  ["a value on the scale of the twins", byValue, asked, byValue.table.css[firstOfScale]],
  ["beyond its end", byValue, { ...asked, value: 99 }, byValue.table.css[scaleSteps]],
  ["another property of that unit", byValue, { ...asked, onTwin: false }, byValue.table.css[1]],
  ["one of another unit", byValue, { ...asked, unit: "%" }, null],
  ["one that is not set", byValue, { ...asked, value: null }, null],
  ["a word where numbers are coloured", byValue, { ...asked, value: "warm" }, null],
  ["another property than that which colours", byLevel, asked, null],
  ["the property that colours", byLevel, { ...asked, property: "level" }, byLevel.table.css[1]],
  ["a category", byFlag, { ...asked, property: "occupied", unit: "", value: true }, third],
  ["a category that is not there", byFlag, { ...asked, property: "occupied", value: false }, null],
  ["any value while models colour", byModel, asked, null],
  ["any value before there is a drawing", null, asked, null],
])("%s", (_, colours, valued, fill) => {
  expect(colourOf(colours, valued)).toBe(fill);
});
