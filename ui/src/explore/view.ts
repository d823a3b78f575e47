import type { Camera } from "../graph/camera";
import { type Encoding, plainEncoding, readEncoding } from "../graph/encoding/encoding";

/**
 * How a graph is looked at: kept with the graph for the next time that it is opened, and under
 * names. Positions, pins and the layout are the backend's.
 */
export interface View {
  selection: string | null;
  /** `null`: the whole graph fits the panel. */
  camera: Camera | null;
  /** How its twins look. */
  encoding: Encoding;
  /** Which twins are shown, in the form of `visibility.ts`. */
  visibility: unknown;
  /** How the canvas of the topology is looked at, in the form of `flow/kept.ts`. */
  flow: unknown;
  /** The tabs of queries, in the form of `query/kept.ts`. */
  queries: unknown;
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

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

/** Reads what an earlier version of the page may have written: what does not fit is the default. */
export function readView(value: unknown): View {
  const fields = isFields(value) ? value : {};
  return {
    selection: typeof fields.selection === "string" ? fields.selection : null,
    camera: readCamera(fields.camera),
    encoding: fields.encoding === undefined ? plainEncoding : readEncoding(fields.encoding),
    visibility: fields.visibility ?? null,
    flow: fields.flow ?? null,
    queries: fields.queries ?? null,
  };
}
