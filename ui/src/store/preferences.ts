import type { Camera } from "../graph/camera";
import type { PathChoice } from "../graph/draw/drawing";
import { type Encoding, plainEncoding, readEncoding } from "../graph/encoding/encoding";
import type { Target } from "../wire/Target";

export type Theme = "system" | "dark" | "light";

/** Where the user was in what they had open. */
export interface View {
  /** `targetKey` of what was open. */
  target: string;
  selection: string | null;
  /** `null`: the whole graph fits the panel. */
  camera: Camera | null;
  /** How its twins look. */
  encoding: Encoding;
  /** Which twins are shown, in the form of `explore/visibility.ts`. */
  visibility: unknown;
}

/** The page's own state, kept by the backend between starts. */
export interface Preferences {
  theme: Theme;
  reduceMotion: boolean;
  glow: boolean;
  /** dockview's own JSON; `null` for the layout that the app begins with. */
  layout: unknown;
  logFilter: string;
  /** The query that was written last. */
  query: string;
  /** Queries that were run, the last first. */
  queries: readonly string[];
  hiddenNames: string[];
  /** Whether the legend shows; `null`: where there is room. */
  legend: boolean | null;
  renderer: PathChoice;
  /** Of what was open lately, the last first. */
  views: View[];
}

export const defaults: Preferences = {
  theme: "system",
  reduceMotion: false,
  glow: true,
  layout: null,
  logFilter: "",
  query: "",
  queries: [],
  hiddenNames: [],
  legend: null,
  renderer: "auto",
  views: [],
};

/** Names what is open, without its secrets. */
export function targetKey(target: Target): string {
  if (target.kind === "remote") return `remote ${target.endpoint}`;
  return target.kind === "workspace" ? `workspace ${target.path}` : "sample";
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isTheme = (value: unknown): value is Theme =>
  value === "system" || value === "dark" || value === "light";

const isPath = (value: unknown): value is PathChoice =>
  value === "auto" || value === "webgl" || value === "canvas";

function readCamera(value: unknown): Camera | null {
  if (!isFields(value)) return null;
  const { x, y, zoom } = value;
  const fine = [x, y, zoom].every(Number.isFinite);
  return fine &&
    typeof x === "number" &&
    typeof y === "number" &&
    typeof zoom === "number" &&
    zoom > 0
    ? { x, y, zoom }
    : null;
}

function readView(value: unknown): View | null {
  if (!isFields(value) || typeof value.target !== "string") return null;
  return {
    target: value.target,
    selection: typeof value.selection === "string" ? value.selection : null,
    camera: readCamera(value.camera),
    encoding: value.encoding === undefined ? plainEncoding : readEncoding(value.encoding),
    visibility: value.visibility ?? null,
  };
}

/** So many views are kept. */
export const mostViews = 20;

function readViews(value: unknown): View[] {
  if (!Array.isArray(value)) return [];
  return value
    .map(readView)
    .filter((view) => view !== null)
    .slice(0, mostViews);
}

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
    query: typeof fields.query === "string" ? fields.query : "",
    queries: texts(fields.queries),
    hiddenNames: texts(fields.hiddenNames),
    legend: typeof fields.legend === "boolean" ? fields.legend : null,
    renderer: isPath(fields.renderer) ? fields.renderer : defaults.renderer,
    views: readViews(fields.views),
  };
}
