import type { Place } from "./boxes";
import { type Draft, draftOf, topologyOf } from "./draft";
import { readTopology } from "./readTopology";

/** Where a person put nodes, by id. */
export type Places = Readonly<Record<string, Place>>;

/** What part of the canvas is seen: an offset in pixels, and the scale. */
export interface Viewport {
  x: number;
  y: number;
  zoom: number;
}

/** A draft that is not deployed, and what it was made from. */
export interface Edits {
  draft: Draft;
  base: Draft;
}

/** What of the canvas is kept with the graph that it is of. */
export interface Kept {
  places: Places;
  /** `null`: all of it fits. */
  viewport: Viewport | null;
  /** Whether all of it is shown small in a corner, too. */
  overview: boolean;
  edits: Edits | null;
}

const written = (draft: Draft) => ({ topology: topologyOf(draft), files: draft.files });

/** As JSON. */
export const writeKept = ({ places, viewport, overview, edits }: Kept): unknown => ({
  places,
  viewport,
  overview,
  edits: edits && { draft: written(edits.draft), base: written(edits.base) },
});

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const isNumber = (value: unknown): value is number => Number.isFinite(value);

function readPlace(value: unknown): Place | null {
  if (!isFields(value)) return null;
  const { x, y } = value;
  return isNumber(x) && isNumber(y) ? { x, y } : null;
}

/** Reads what an earlier version of the page may have written: what does not fit is left out. */
export function readKept(value: unknown): Kept {
  const fields = isFields(value) ? value : {};
  const places: Record<string, Place> = {};
  for (const [id, each] of Object.entries(isFields(fields.places) ? fields.places : {})) {
    const place = readPlace(each);
    if (place) places[id] = place;
  }
  const { viewport } = fields;
  const at = readPlace(viewport);
  const zoom = isFields(viewport) ? viewport.zoom : null;
  const fine = at && isNumber(zoom) && zoom > 0;
  return {
    places,
    viewport: fine ? { ...at, zoom } : null,
    overview: fields.overview === true,
    edits: readEdits(fields.edits),
  };
}

function readEdits(value: unknown): Edits | null {
  if (!isFields(value)) return null;
  const [draft, base] = [readDraft(value.draft), readDraft(value.base)];
  return draft && base ? { draft, base } : null;
}

function readDraft(value: unknown): Draft | null {
  if (!isFields(value) || !isFields(value.files)) return null;
  const read = readTopology(JSON.stringify(value.topology ?? null));
  const files = Object.entries(value.files).filter(([, text]) => typeof text === "string");
  return "topology" in read
    ? draftOf(read.topology, Object.fromEntries(files) as Draft["files"])
    : null;
}
