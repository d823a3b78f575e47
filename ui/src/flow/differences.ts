import type { FunctionSpec } from "../wire/FunctionSpec";
import { type Draft, fileOf, idOf, partNames } from "./draft";

/** A field that is another: absent where `undefined`. */
export interface FieldDifference {
  field: string;
  before: unknown;
  after: unknown;
}

/** A line of a text: there before, after, or both. */
export interface LineDifference {
  sign: " " | "-" | "+";
  text: string;
}

/** A part that came, went or is another. */
export interface Difference {
  id: string;
  kind: "added" | "removed" | "changed";
  fields: FieldDifference[];
  /** Of the function's text, where that is another. */
  lines: LineDifference[];
}

export const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** As JSON with names in one order, so that only what is said counts. */
const canonical = (value: unknown): string => JSON.stringify(ordered(value)) ?? "";

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, ordered(inner)]));
}

function fieldsOf(before: object, after: object): FieldDifference[] {
  const [old, now] = [Object.entries(before), Object.entries(after)];
  const names = new Set([...old, ...now].map(([name]) => name));
  const [was, is] = [new Map(old), new Map(now)];
  return [...names]
    .filter((name) => !same(was.get(name), is.get(name)))
    .map((field) => ({ field, before: was.get(field), after: is.get(field) }));
}

/** What a deploy would change, in the order in which data passes the parts. */
export function differences(before: Draft, after: Draft): Difference[] {
  return partNames.flatMap((part) => {
    const names = new Set([...Object.keys(before.parts[part]), ...Object.keys(after.parts[part])]);
    return [...names].flatMap((name): Difference[] => {
      const [old, now] = [before.parts[part][name], after.parts[part][name]];
      const fields = fieldsOf(old ?? {}, now ?? {});
      const text = (draft: Draft, spec: typeof old) =>
        part === "functions" && spec ? textOf(draft, name, spec as FunctionSpec) : "";
      const lines = linesOf(text(before, old), text(after, now));
      const kind = !old ? "added" : !now ? "removed" : "changed";
      const none = kind === "changed" && fields.length === 0 && lines.length === 0;
      return none ? [] : [{ id: idOf(part, name), kind, fields, lines }];
    });
  });
}

const textOf = (draft: Draft, name: string, spec: FunctionSpec): string =>
  draft.files[fileOf(name, spec) ?? ""] ?? "";

/** More lines than this are compared as a whole: the table below grows with their product. */
const mostLines = 1500;

/** The lines of two texts; none where they are the same. */
export function linesOf(before: string, after: string): LineDifference[] {
  if (before === after) return [];
  const old = before === "" ? [] : before.split("\n");
  const now = after === "" ? [] : after.split("\n");
  const gone = (text: string): LineDifference => ({ sign: "-", text });
  const come = (text: string): LineDifference => ({ sign: "+", text });
  if (old.length * now.length > mostLines * mostLines) return [...old.map(gone), ...now.map(come)];
  // The longest common subsequence, from the end.
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i * width + j] =
        old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: LineDifference[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [a, b] = [old[i], now[j]];
    if (a !== undefined && a === b) {
      lines.push({ sign: " ", text: a });
      i++;
      j++;
    } else if (a !== undefined && (b === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(gone(a));
      i++;
    } else if (b !== undefined) {
      lines.push(come(b));
      j++;
    }
  }
  return lines;
}
