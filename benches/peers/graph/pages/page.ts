/** The graph that every library gets: positions are fixed, nothing is laid out. */
export interface Graph {
  ids: string[];
  /** Number of the model. */
  kinds: number[];
  x: number[];
  y: number[];
  /** Indexes of source and target, one after another. */
  edges: number[];
}

declare global {
  interface Window {
    graph: Graph;
    /** Takes the graph, and draws it as a whole; `how` is a way of drawing, if there are several. */
    load: (graph: Graph, how: string) => Promise<void> | void;
    /** Shows a step of the tour, `t` from 0 to 1: five times as near, and once around. */
    move: (t: number) => void;
  }
}

export const host = document.getElementById("host") as HTMLElement;
export const width = 1280;
export const height = 800;
export const colours = ["#000000", "#663399", "#cc3333", "#3366cc", "#33aa33"];

/** The scale at which all of it is seen, and its middle. */
export function fit({ x, y }: Graph) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < x.length; at++) {
    left = Math.min(left, x[at] as number);
    right = Math.max(right, x[at] as number);
    top = Math.min(top, y[at] as number);
    bottom = Math.max(bottom, y[at] as number);
  }
  const zoom = 0.97 * Math.min(width / (right - left || 1), height / (bottom - top || 1));
  return { zoom, x: (left + right) / 2, y: (top + bottom) / 2 };
}

/** The tour: the scale, and by how many pixels the middle moves. */
export const tour = (t: number) => ({
  near: 1 + 4 * t,
  aside: 100 * Math.cos(2 * Math.PI * t),
  down: 100 * Math.sin(2 * Math.PI * t),
});
