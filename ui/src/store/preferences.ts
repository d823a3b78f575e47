import type { PathChoice } from "../graph/draw/drawing";

export type Theme = "system" | "dark" | "light";

/** The page's own state, kept by the backend between starts. */
export interface Preferences {
  theme: Theme;
  reduceMotion: boolean;
  glow: boolean;
  /** dockview's own JSON; `null` for the layout that the app begins with. */
  layout: unknown;
  logFilter: string;
  /** Queries that were run, the last first. */
  queries: readonly string[];
  hiddenNames: string[];
  /** Whether the legend shows; `null`: where there is room. */
  legend: boolean | null;
  renderer: PathChoice;
}

export const defaults: Preferences = {
  theme: "system",
  reduceMotion: false,
  glow: true,
  layout: null,
  logFilter: "",
  queries: [],
  hiddenNames: [],
  legend: null,
  renderer: "auto",
};

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isTheme = (value: unknown): value is Theme =>
  value === "system" || value === "dark" || value === "light";

const isPath = (value: unknown): value is PathChoice =>
  value === "auto" || value === "webgl" || value === "canvas";

/** Reads what an earlier version of the page may have written: what does not fit is the default. */
export function readPreferences(text: string | null): Preferences {
  let fields: unknown;
  try {
    fields = JSON.parse(text ?? "{}");
  } catch {
    return defaults;
  }
  if (!isFields(fields)) return defaults;
  const texts = (value: unknown) =>
    Array.isArray(value) ? value.filter((text) => typeof text === "string") : [];
  return {
    theme: isTheme(fields.theme) ? fields.theme : defaults.theme,
    reduceMotion: fields.reduceMotion === true,
    glow: fields.glow !== false,
    layout: isFields(fields.layout) ? fields.layout : null,
    logFilter: typeof fields.logFilter === "string" ? fields.logFilter : "",
    queries: texts(fields.queries),
    hiddenNames: texts(fields.hiddenNames),
    legend: typeof fields.legend === "boolean" ? fields.legend : null,
    renderer: isPath(fields.renderer) ? fields.renderer : defaults.renderer,
  };
}
