import { type Packed, parseColour } from "../colour";
import { categories, type Paint, ramp, type Theme } from "../scale";
import type { Scale } from "./measure";

/** Places in the table: the theme's own grey, then the scale, then the colours of rules. */
export const plain = 0;
export const scaleSteps = 240;
export const firstOfScale = 1;
export const hueCount = 8;
export const firstHue = firstOfScale + scaleSteps;
const size = 256;

/** What the numbers in `Scene.paint` mean, in the theme that applies. */
export interface Table {
  fill: Uint32Array;
  css: string[];
  ink: string[];
}

/** The colours of a scale in a theme, `panel` being that of a twin without one. */
export function tableOf(theme: Theme, scale: Scale, panel: string): Table {
  const table: Table = {
    fill: new Uint32Array(size).fill(parseColour(panel)),
    css: new Array<string>(size).fill(panel),
    ink: new Array<string>(size).fill(theme === "dark" ? "#ffffff" : "#000000"),
  };
  const set = (first: number, paints: Paint[]) =>
    paints.forEach(({ fill, ink }, place) => {
      table.fill[first + place] = parseColour(fill);
      table.css[first + place] = fill;
      table.ink[first + place] = ink;
    });
  set(firstOfScale, paintsOf(theme, scale));
  set(firstHue, categories(theme, hueCount));
  return table;
}

function paintsOf(theme: Theme, scale: Scale): Paint[] {
  if (scale.kind === "categories") return categories(theme, scaleSteps);
  return scale.kind === "none" ? [] : ramp(theme, scale.course, scaleSteps);
}

/** The colour that stands for a share of the whole table's scale, 0 to 1. */
export function paintAt(share: number): number {
  const step = Math.round(Math.min(1, Math.max(0, share)) * (scaleSteps - 1));
  return firstOfScale + step;
}

export const packedAt = (table: Table, paint: number): Packed => table.fill[paint] as number;
