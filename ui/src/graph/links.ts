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
  const start = new Uint32Array(count + 1);
  const touch = (at: number) => {
    start[at + 1] = (start[at + 1] as number) + 1;
  };
  for (let edge = 0; edge < source.length; edge++) {
    touch(source[edge] as number);
    if (source[edge] !== target[edge]) touch(target[edge] as number);
  }
  for (let at = 1; at <= count; at++) start[at] = (start[at] as number) + (start[at - 1] as number);
  const next = start.slice();
  const edges = new Uint32Array(start[count] as number);
  const add = (at: number, edge: number) => {
    edges[next[at] as number] = edge;
    next[at] = (next[at] as number) + 1;
  };
  for (let edge = 0; edge < source.length; edge++) {
    add(source[edge] as number, edge);
    if (source[edge] !== target[edge]) add(target[edge] as number, edge);
  }
  return { start, edges, ...part(count, start, edges, source, target) };
}

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
    const [begin, end] = [start[at] as number, start[at + 1] as number];
    const otherOf = (edge: number) =>
      source[edge] === at ? (target[edge] as number) : (source[edge] as number);
    for (let place = begin; place < end; place++) {
      const other = otherOf(edges[place] as number);
      together[other] = (together[other] as number) + 1;
    }
    for (let place = begin; place < end; place++) {
      const edge = edges[place] as number;
      const other = otherOf(edge);
      if (other < at) continue;
      const of = together[other] as number;
      const seen = Math.min(of, mostParallel);
      const turn = placed[other] as number;
      placed[other] = turn + 1;
      parallel[edge] = of;
      if (turn >= seen) bend[edge] = unseen;
      else if (other === at) bend[edge] = turn + 1;
      else bend[edge] = (turn - (seen - 1) / 2) * (source[edge] === at ? 1 : -1);
    }
    for (let place = begin; place < end; place++) {
      const other = otherOf(edges[place] as number);
      together[other] = 0;
      placed[other] = 0;
    }
  }
  return { bend, parallel };
}
