import type { Scene } from "./scene";

/** What of the graph is matched by a query or a filter, by the rows of the graph. */
export interface Lit {
  /** 1 for each row of a twin that is matched. */
  twins: Uint8Array;
  /** 1 for each row of a relationship; `null`: those between two matched twins. */
  edges: Uint8Array | null;
  /** Whether the others are not drawn at all, rather than faintly. */
  hides: boolean;
}

/** What is matched, by the numbers of a scene. */
export interface SceneLit {
  twins: Uint8Array;
  edges: Uint8Array;
}

/** How strongly twins and relationships are drawn that are not matched. */
export const faintTwin = 0.16;
export const faintEdge = 0.4;

export const isLit = (lit: Lit, row: number): boolean => lit.twins[row] === 1;

/** Rows as a mask of at least `count` places. */
export function maskOf(rows: Uint32Array, count: number): Uint8Array {
  const mask = new Uint8Array(count);
  for (const row of rows) if (row < count) mask[row] = 1;
  return mask;
}

/** Brings what is matched to a scene. */
export function litOf(lit: Lit, scene: Scene): SceneLit {
  const { source, target, edgeRow } = scene;
  const edges = new Uint8Array(source.length);
  for (let edge = 0; edge < edges.length; edge++) {
    const both = isLit(lit, source[edge] as number) && isLit(lit, target[edge] as number);
    edges[edge] = lit.edges === null ? Number(both) : (lit.edges[edgeRow[edge] as number] ?? 0);
  }
  const twins = new Uint8Array(scene.ids.length);
  twins.set(lit.twins.subarray(0, twins.length));
  return { twins, edges };
}
