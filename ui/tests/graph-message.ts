import { noRow, pinned, unplaced } from "../src/store/rows";
import type { GraphHead } from "../src/wire/GraphHead";
import type { GraphMessage } from "../src/wire/GraphMessage";

/** A twin for a played message. */
export interface PlayedTwin {
  row: number;
  id: string;
  kind?: number;
  name?: string | null;
  parent?: number;
  x?: number;
  y?: number;
  pinned?: boolean;
  unplaced?: boolean;
  value?: number | null;
  updated?: number;
}

export interface PlayedEdge {
  row: number;
  source: number;
  target: number;
  name: number;
}

export interface PlayedFrame {
  row: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Played extends Partial<GraphHead> {
  gone?: number[];
  twins?: PlayedTwin[];
  goneEdges?: number[];
  edges?: PlayedEdge[];
  frameList?: PlayedFrame[] | null;
}

/** A message as the backend would send it: each twin with everything about it. */
export function graphMessage(played: Played): GraphMessage {
  const { gone = [], twins = [], goneEdges = [], edges = [], frameList = null, ...head } = played;
  const rows = Uint32Array.from(twins, (twin) => twin.row);
  return {
    head: {
      session: 1,
      revision: 2,
      startOver: false,
      arranging: null,
      kinds: null,
      relationshipNames: null,
      frames: frameList !== null,
      ...head,
    },
    goneRow: Uint32Array.from(gone),
    twinRow: rows,
    twinKind: Uint16Array.from(twins, (twin) => twin.kind ?? 0),
    twinParent: Uint32Array.from(twins, (twin) => twin.parent ?? noRow),
    twinId: twins.map((twin) => twin.id),
    twinName: twins.map((twin) => twin.name ?? ""),
    placeRow: rows,
    place: Float32Array.from(twins.flatMap((twin) => [twin.x ?? 0, twin.y ?? 0])),
    placeFlags: Uint8Array.from(
      twins,
      (twin) => (twin.pinned ? pinned : 0) | (twin.unplaced ? unplaced : 0),
    ),
    valueRow: rows,
    value: Float64Array.from(twins, (twin) => twin.value ?? Number.NaN),
    valueUpdated: Float64Array.from(twins, (twin) => twin.updated ?? 1),
    goneEdgeRow: Uint32Array.from(goneEdges),
    edgeRow: Uint32Array.from(edges, (edge) => edge.row),
    edgeEnds: Uint32Array.from(edges.flatMap((edge) => [edge.source, edge.target])),
    edgeName: Uint16Array.from(edges, (edge) => edge.name),
    frameRow: Uint32Array.from(frameList ?? [], (frame) => frame.row),
    framePlace: Float32Array.from(
      (frameList ?? []).flatMap(({ x, y, width, height }) => [x, y, width, height]),
    ),
  };
}
