import { plain } from "../look/format";
import type { PropertyRow } from "../wire/PropertyRow";

/** How a property is typed in. */
export type InputKind = "text" | "choice" | "json";

const texts = ["string", "date", "datetime", "time", "duration", "uuid", "bytes", "decimal"];
const numbers = ["double", "float", "integer", "long", "byte", "short"];
const booleans = ["true", "false"];

const is = (row: PropertyRow, schemas: string[]) => schemas.includes(row.schema.toLowerCase());

/** What can be chosen, for an enum and a boolean. */
export function choicesOf(row: PropertyRow): string[] {
  return row.schema.toLowerCase() === "boolean" ? booleans : row.choices.map(plain);
}

export function inputKind(row: PropertyRow): InputKind {
  if (choicesOf(row).length > 0) return "choice";
  return is(row, texts) || is(row, numbers) ? "text" : "json";
}

/** The text that an edit begins with. */
export function textOf(row: PropertyRow): string {
  if (!row.set) return inputKind(row) === "choice" ? (choicesOf(row)[0] ?? "") : "";
  return inputKind(row) === "json" ? JSON.stringify(row.value, null, 2) : plain(row.value);
}

export type Parsed = { ok: true; value: unknown } | { ok: false; message: string };

/**
 * The JSON value that a text means for a property. Whether it is valid is the service's to say:
 * a number that is none goes out as text, and so does one that JavaScript would round.
 */
export function parse(row: PropertyRow, text: string): Parsed {
  if (row.schema.toLowerCase() === "boolean") return { ok: true, value: text === "true" };
  const choice = row.choices.find((one) => plain(one) === text);
  if (choice !== undefined) return { ok: true, value: choice };
  if (is(row, numbers)) return { ok: true, value: numberOr(text) };
  if (inputKind(row) === "text") return { ok: true, value: text };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { ok: false, message: `This is not JSON: ${reason}` };
  }
}

function numberOr(text: string): number | string {
  const trimmed = text.trim();
  const value = Number(trimmed);
  const rounded = /^-?\d+$/.test(trimmed) && !Number.isSafeInteger(value);
  return trimmed === "" || !Number.isFinite(value) || rounded ? text : value;
}
