import { type IconName, iconNames } from "../icons";

/** How data becomes colour, size, letter and badge. Kept per target with its view. */
export interface Encoding {
  colour: ColourBy;
  /** Property whose value colours, where `colour` is `property`. */
  property: string;
  /** The ends of the scale; `null`: as far as the values go, or those of temperature. */
  range: Range | null;
  size: SizeBy;
  label: LabelBy;
  /** Whether the value stands on the twin. */
  values: boolean;
  /** Whether a twin without a value shows its model's icon. */
  icons: boolean;
  /** Icons by DTMI, where the one that the model's name asks for is not it. */
  models: Record<string, IconName>;
  /** The first that holds decides. */
  rules: Rule[];
}

export const colourings = ["value", "property", "model", "change", "none"] as const;
export type ColourBy = (typeof colourings)[number];
export const sizings = ["model", "value", "relationships"] as const;
export type SizeBy = (typeof sizings)[number];
export const labellings = ["id", "name", "none"] as const;
export type LabelBy = (typeof labellings)[number];
export const tests = ["above", "below", "equals", "missing"] as const;
export type RuleTest = (typeof tests)[number];
export const badges = ["none", "alert", "check", "flag", "star"] as const;
export type Badge = (typeof badges)[number];

export interface Range {
  low: number;
  high: number;
}

/** What twins look like whose value passes a test. */
export interface Rule {
  /** The DTMI that it is for; empty: every one. */
  model: string;
  test: RuleTest;
  than: number;
  /** Place among the colours of categories; `null`: the colour stays. */
  hue: number | null;
  badge: Badge;
}

export const plainEncoding: Encoding = {
  colour: "value",
  property: "",
  range: null,
  size: "model",
  label: "id",
  values: true,
  icons: true,
  models: {},
  rules: [],
};

const mostRules = 12;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const oneOf = <T extends string>(all: readonly T[], value: unknown, otherwise: T): T =>
  all.find((one) => one === value) ?? otherwise;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const finite = (value: unknown): value is number => Number.isFinite(value);

/** Reads what was kept: what does not fit is as it begins. */
export function readEncoding(value: unknown): Encoding {
  if (!isFields(value)) return plainEncoding;
  return {
    colour: oneOf(colourings, value.colour, plainEncoding.colour),
    property: text(value.property),
    range: readRange(value.range),
    size: oneOf(sizings, value.size, plainEncoding.size),
    label: oneOf(labellings, value.label, plainEncoding.label),
    values: value.values !== false,
    icons: value.icons !== false,
    models: readModels(value.models),
    rules: Array.isArray(value.rules)
      ? value.rules.filter(isFields).map(readRule).slice(0, mostRules)
      : [],
  };
}

function readModels(value: unknown): Record<string, IconName> {
  if (!isFields(value)) return {};
  const known = Object.entries(value).flatMap(([model, icon]) => {
    const name = iconNames.find((one) => one === icon);
    return name ? [[model, name] as const] : [];
  });
  return Object.fromEntries(known);
}

function readRange(value: unknown): Range | null {
  if (!isFields(value)) return null;
  const { low, high } = value;
  return finite(low) && finite(high) && low < high ? { low, high } : null;
}

const readRule = (rule: Fields): Rule => ({
  model: text(rule.model),
  test: oneOf(tests, rule.test, "above"),
  than: finite(rule.than) ? rule.than : 0,
  hue: finite(rule.hue) ? rule.hue : null,
  badge: oneOf(badges, rule.badge, "none"),
});
