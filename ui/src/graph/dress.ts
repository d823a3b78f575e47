import type { TwinGraph } from "../store/twinGraph";
import type { KindMark, TextChoice } from "./draw/picture";
import { apply } from "./encoding/apply";
import type { Encoding } from "./encoding/encoding";
import { type Column, measure, type Scale } from "./encoding/measure";
import { type Table, tableOf } from "./encoding/table";
import { iconFor } from "./icons";
import type { Palette } from "./palette";
import type { Scene } from "./scene";

/** How often the range and the histogram of a scale are taken anew while values change, ms. */
const measureEvery = 1000;

/** What the twins of a scene look like: the encoding applied, and what it means. */
export class Dress {
  scale: Scale = { kind: "none" };
  table: Table;
  private measuredAt = -Infinity;

  constructor(private palette: Palette) {
    this.table = tableOf(palette.theme, this.scale, palette.panel);
  }

  recolour(palette: Palette): void {
    this.palette = palette;
    this.table = tableOf(palette.theme, this.scale, palette.panel);
  }

  /** Puts the encoding on; `anew` where more than values changed. */
  put(
    scene: Scene,
    graph: Pick<TwinGraph, "kinds">,
    encoding: Encoding,
    column: Column | null,
    now: number,
    anew: boolean,
  ): boolean {
    if (anew || now - this.measuredAt > measureEvery) {
      this.measuredAt = now;
      this.scale = measure(scene, graph, encoding, column);
      this.recolour(this.palette);
    }
    const models = graph.kinds.map(({ model }) => model);
    return apply(scene, encoding, this.scale, column, models, now) || anew;
  }
}

/** What is written on twins, by the encoding. */
export function textOf(graph: Pick<TwinGraph, "kinds">, encoding: Encoding): TextChoice {
  return {
    names: encoding.label !== "none",
    people: encoding.label === "name",
    values: encoding.values,
    icons: encoding.icons,
    marks: graph.kinds.map(({ name, model }) => markOf(name, encoding.models[model])),
  };
}

const markOf = (name: string, chosen: KindMark["icon"] | undefined): KindMark => ({
  icon: chosen ?? iconFor(name),
  letter: [...name][0]?.toUpperCase() ?? "",
});
