import { plain as inFull } from "../../look/format";
import type { Encoding } from "./encoding";
import type { Scale } from "./measure";
import { paintAt, type Table } from "./table";

/** What the drawing is coloured by now, for whoever shows the same colours elsewhere. */
export interface Colours {
  encoding: Encoding;
  scale: Scale;
  table: Table;
}

/** A value of a property, as it stands in a list or in an event. */
export interface Valued {
  /** Name of the property, as the models have it. */
  property: string;
  /** Its unit, or empty. */
  unit: string;
  /** Whether it is the value that stands on its twin. */
  onTwin: boolean;
  value: unknown;
}

/** The colour that a value has on the drawing; `null` where its property colours nothing there. */
export function colourOf(colours: Colours | null, valued: Valued): string | null {
  if (!colours) return null;
  const { encoding, scale, table } = colours;
  const css = (paint: number | undefined) =>
    paint === undefined ? null : (table.css[paint] ?? null);
  const { property, unit, onTwin, value } = valued;
  const colouring =
    encoding.colour === "property"
      ? property === encoding.property
      : // A set point in °C is read on the same scale as the temperature.
        encoding.colour === "value" &&
        scale.kind === "range" &&
        unit === scale.unit &&
        (onTwin || unit !== "");
  if (!colouring || value === null || value === undefined) return null;
  if (scale.kind === "range") {
    if (typeof value !== "number" || Number.isNaN(value)) return null;
    return css(paintAt((value - scale.low) / (scale.high - scale.low || 1)));
  }
  if (scale.kind === "none") return null;
  const label = inFull(value);
  return css(scale.entries.find((entry) => entry.label === label)?.paint);
}
