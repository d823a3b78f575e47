import { noRow } from "../../store/rows";
import type { PropertyMessage } from "../../wire/PropertyMessage";
import type { Column } from "./measure";

/** A property as the encoding needs it: numbers where most values are, else labels. */
export function columnOf(message: PropertyMessage, rows: number): Column {
  const { row, number, label, head } = message;
  const numbers = number.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  if (2 * numbers >= row.length) {
    const values = new Float64Array(rows).fill(Number.NaN);
    row.forEach((at, place) => {
      values[at] = number[place] as number;
    });
    return { of: "numbers", values };
  }
  const codes = new Int32Array(rows).fill(-1);
  row.forEach((at, place) => {
    if (label[place] !== noRow) codes[at] = label[place] as number;
  });
  return byFrequency(codes, head.labels);
}

/** The most frequent labels first, so that each has a colour of its own. */
function byFrequency(codes: Int32Array, labels: string[]): Column {
  const counts = new Uint32Array(labels.length);
  for (const code of codes) if (code >= 0) counts[code] = (counts[code] as number) + 1;
  const order = [...labels.keys()].sort((a, b) => (counts[b] as number) - (counts[a] as number));
  const places = new Int32Array(labels.length);
  order.forEach((label, place) => {
    places[label] = place;
  });
  return {
    of: "labels",
    codes: codes.map((code) => (code < 0 ? -1 : (places[code] as number))),
    labels: order.map((label) => labels[label] ?? ""),
  };
}
