import { type Clusters, cluster } from "./clusters";
import { Grid } from "./grid";
import { type Links, link } from "./links";
import type { SceneFrame } from "./scene";

/** What follows from the arrays of a scene, made once with it. */
export interface Derived {
  grid: Grid;
  links: Links;
  /** 1 for a relationship that is no line: a frame shows it, or too many run beside it. */
  unlined: Uint8Array;
  /** The innermost frame that a twin is in, its own included; -1 for none. */
  frameOf: Int32Array;
  /** The higher, the sooner a twin has its label. */
  importance: Float32Array;
  /** How many twins are in each frame, at any depth. */
  held: Uint32Array;
  /** 1 for a frame around others that hold frames themselves: a campus. */
  campus: Uint8Array;
  /** What stands for twins in no frame, seen from far; `null` where they are few or all alike. */
  clusters: Clusters | null;
}

interface Basis {
  x: Float32Array;
  y: Float32Array;
  absent: Uint8Array;
  parent: Int32Array;
  source: Int32Array;
  target: Int32Array;
  framed: Uint8Array;
  frames: SceneFrame[];
}

const deepest = 32;

export function derive(basis: Basis): Derived {
  const { x, y, source, target, framed, frames, parent } = basis;
  const links = link(x.length, source, target);
  const frameOf = innermost(x.length, parent, frames);
  const importance = weigh(links, parent, frames);
  return {
    grid: new Grid(x, y, basis.absent),
    links,
    unlined: framed.map((is, edge) => (is || Number.isNaN(links.bend[edge]) ? 1 : 0)),
    frameOf,
    importance,
    held: countHeld(frameOf, parent, frames),
    campus: campusesOf(frameOf, parent, frames),
    clusters: cluster({ ...basis, frameOf, importance }),
  };
}

function innermost(count: number, parent: Int32Array, frames: SceneFrame[]): Int32Array {
  const own = new Int32Array(count).fill(-1);
  frames.forEach(({ twin }, frame) => {
    if (twin >= 0) own[twin] = frame;
  });
  return own.map((frame, at) => {
    let up = at;
    for (let depth = 0; frame < 0 && depth < deepest; depth++) {
      up = parent[up] as number;
      if (up < 0) break;
      frame = own[up] as number;
    }
    return frame;
  });
}

/** What holds frames comes first, then what has many relationships. */
function weigh(links: Links, parent: Int32Array, frames: SceneFrame[]): Float32Array {
  const weight = new Float32Array(parent.length);
  for (let at = 0; at < weight.length; at++) {
    weight[at] = Math.log2(1 + (links.start[at + 1] as number) - (links.start[at] as number));
  }
  for (const { twin } of frames) {
    let depth = 0;
    for (let up = twin; up >= 0 && depth < deepest; depth++) up = parent[up] as number;
    if (twin >= 0) weight[twin] = 100 - depth;
  }
  return weight;
}

function campusesOf(frameOf: Int32Array, parent: Int32Array, frames: SceneFrame[]): Uint8Array {
  const campus = new Uint8Array(frames.length);
  frames.forEach((frame, at) => {
    const around = frame.outer ? outerOf(at, frameOf, parent, frames) : -1;
    if (around >= 0) campus[around] = 1;
  });
  return campus;
}

function countHeld(frameOf: Int32Array, parent: Int32Array, frames: SceneFrame[]): Uint32Array {
  const held = new Uint32Array(frames.length);
  for (let at = 0; at < frameOf.length; at++) {
    let frame = frameOf[at] as number;
    // The owner is not in its own frame, but in the one around it.
    if (frame >= 0 && frames[frame]?.twin === at) frame = outerOf(frame, frameOf, parent, frames);
    for (let depth = 0; frame >= 0 && depth < deepest; depth++) {
      held[frame] = (held[frame] as number) + 1;
      frame = outerOf(frame, frameOf, parent, frames);
    }
  }
  return held;
}

function outerOf(
  frame: number,
  frameOf: Int32Array,
  parent: Int32Array,
  frames: SceneFrame[],
): number {
  const up = parent[frames[frame]?.twin ?? -1] ?? -1;
  return up < 0 ? -1 : (frameOf[up] as number);
}
