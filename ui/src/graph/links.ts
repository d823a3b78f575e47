/** So many relationships between the same two twins are told apart; the rest is a number. */
export const mostParallel = 9;
/** `bend` of a relationship that is not drawn, because too many run beside it. */
export const unseen = Number.NaN;

/** Which relationships touch each twin, and how those between the same two twins part. */
export interface Links {
  /** Where a twin's relationships begin in `edges`; one entry more than there are twins. */
  start: Uint32Array;
  edges: Uint32Array;
  /**
   * How far a relationship bows out on its way, in steps: 0 is straight. For a self loop: its place
   * among the loops of its twin, from 1.
   */
  bend: Float32Array;
  /** How many relationships join the same two twins. */
  parallel: Uint32Array;
}

export function link(count: number, source: Int32Array, target: Int32Array): Links {
  // No closures here: a hundred thousand twins are often the first thing that this code ever sees.
  const start = new Uint32Array(count + 1);
  for (let edge = 0; edge < source.length; edge++) {
    const from = source[edge] as number;
    const to = target[edge] as number;
    start[from + 1] = (start[from + 1] as number) + 1;
    if (from !== to) start[to + 1] = (start[to + 1] as number) + 1;
  }
  for (let at = 1; at <= count; at++) start[at] = (start[at] as number) + (start[at - 1] as number);
  const next = start.slice();
  const edges = new Uint32Array(start[count] as number);
  for (let edge = 0; edge < source.length; edge++) {
    const from = source[edge] as number;
    const to = target[edge] as number;
    const place = next[from] as number;
    edges[place] = edge;
    next[from] = place + 1;
    if (from === to) continue;
    const other = next[to] as number;
    edges[other] = edge;
    next[to] = other + 1;
  }
  return { start, edges, ...part(count, start, edges, source, target) };
}

/** Seen from the twin of the lower number, so that every pair is met once. */
function part(
  count: number,
  start: Uint32Array,
  edges: Uint32Array,
  source: Int32Array,
  target: Int32Array,
): { bend: Float32Array; parallel: Uint32Array } {
  const bend = new Float32Array(source.length);
  const parallel = new Uint32Array(source.length).fill(1);
  const together = new Uint32Array(count);
  const placed = new Uint32Array(count);
  for (let at = 0; at < count; at++) {
    const begin = start[at] as number;
    const end = start[at + 1] as number;
    for (let place = begin; place < end; place++) {
      const edge = edges[place] as number;
      const other = source[edge] === at ? (target[edge] as number) : (source[edge] as number);
      if (other >= at) together[other] = (together[other] as number) + 1;
    }
    for (let place = begin; place < end; place++) {
      const edge = edges[place] as number;
      const other = source[edge] === at ? (target[edge] as number) : (source[edge] as number);
      if (other < at) continue;
      const of = together[other] as number;
      const turn = placed[other] as number;
      const seen = Math.min(of, mostParallel);
      parallel[edge] = of;
      if (turn >= seen) bend[edge] = unseen;
      else if (other === at) bend[edge] = turn + 1;
      else bend[edge] = (turn - (seen - 1) / 2) * (source[edge] === at ? 1 : -1);
      // Both are as they were once the last of a pair has its place.
      const last = turn + 1 === of;
      if (last) together[other] = 0;
      placed[other] = last ? 0 : turn + 1;
    }
  }
  return { bend, parallel };
}
