import type { Camera, Rect, Size } from "../camera";
import { faintTwin, type SceneLit } from "../lit";
import type { Scene } from "../scene";

/** What of the scene is on the screen, and how much of it is told apart. */
export interface Seen {
  /** Twins whose middle lies on the screen or just beside it. */
  twins: Int32Array;
  /** Relationships that are drawn as a matter of course. */
  edges: Int32Array;
  /** How strongly: less where so many would cover everything. */
  edgeStrength: number;
  ofSelected: Int32Array;
  ofHovered: Int32Array;
  /** Relationships that a query or filter matches. */
  ofLit: Int32Array;
  /** What a query or filter matches; `null` where there is none. */
  lit: SceneLit | null;
  /** Indexes of frames. */
  frames: Int32Array;
  /** 0: every twin is seen; 1: only the frames, as aggregates of what they hold. */
  far: number;
  /** The same for twins in no frame and the clusters that they are in. */
  cloud: number;
}

/** Screen pixels beside the screen where a twin still counts: for its label. */
const beside = 80;
/** The scales between which the twins of a frame become its aggregate. */
const aggregateFrom = 0.03;
const aggregateTo = 0.05;
/** How close twins in no frame may come before their clusters stand for them, pixels. */
const apart = 12;
const together = 7;
/** A relationship that is shorter on the screen tells nothing, pixels. */
const shortest = 8;
/** How much of the screen lines may cover before they fade, and before some are left out. */
const calmShare = 0.06;
const fullShare = 0.3;
const faintest = 0.12;
/** So many of one twin's relationships are lit up, and from how many on they are fainter. */
const mostOfOne = 600;
const clearOfOne = 120;
/** So many marks at most: more than this cannot be told apart on any screen. */
const mostMarks = 250_000;

const smooth = (from: number, to: number, value: number): number => {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

/** Finds what is seen; its arrays are used again for the next frame. */
export class Sight {
  private readonly found: Int32Array;
  private readonly twins: Int32Array;
  private readonly edges: Int32Array;

  constructor(private readonly scene: Scene) {
    this.found = new Int32Array(scene.ids.length);
    this.twins = new Int32Array(scene.ids.length);
    this.edges = new Int32Array(scene.source.length);
  }

  /** Whether the twins of a frame are too small to be told apart. */
  isFar(camera: Camera): boolean {
    return this.farness(camera) > 0.5;
  }

  /** Whether clusters stand for the twins that no frame holds. */
  isCloud(camera: Camera): boolean {
    return this.cloudness(camera) > 0.5;
  }

  /** Whether something else stands for a twin. */
  isFolded(camera: Camera, at: number): boolean {
    const { frameOf, frames, clusters } = this.scene;
    const frame = frameOf[at] as number;
    if (frame < 0) return (clusters?.of[at] ?? -1) >= 0 && this.isCloud(camera);
    return frames[frame]?.twin !== at && this.isFar(camera);
  }

  private farness(camera: Camera): number {
    const framed = this.scene.frames.length > 0;
    return framed ? 1 - smooth(aggregateFrom, aggregateTo, camera.zoom) : 0;
  }

  private cloudness(camera: Camera): number {
    const { clusters } = this.scene;
    return clusters ? 1 - smooth(together, apart, clusters.spacing * camera.zoom) : 0;
  }

  look(
    camera: Camera,
    size: Size,
    hidden: ReadonlySet<number>,
    selected: number | null,
    hovered: number | null,
    lit: SceneLit | null = null,
  ): Seen {
    const { scene } = this;
    const rect = around(camera, size, beside);
    const far = this.farness(camera);
    const cloud = this.cloudness(camera);
    const edges = this.seeEdges(rect, camera, size, hidden, far, cloud);
    return {
      twins: this.seeTwins(rect, far, cloud, lit),
      ...edges,
      ofSelected: this.edgesOf(selected),
      ofHovered: hovered === selected ? empty : this.edgesOf(hovered, hidden),
      ofLit: lit ? this.seeLit(lit, rect, camera, size) : empty,
      lit,
      frames: seeFrames(scene, rect),
      far,
      cloud,
    };
  }

  private seeTwins(rect: Rect, far: number, cloud: number, lit: SceneLit | null): Int32Array {
    const { scene, found, twins } = this;
    const count = scene.grid.within(rect, found);
    const step = Math.ceil(count / mostMarks);
    const { absent, frameOf } = scene;
    const clusterOf = cloud === 1 ? scene.clusters?.of : undefined;
    let seen = 0;
    for (let place = 0; place < count; place += step) {
      const at = found[place] as number;
      if (absent[at]) continue;
      const folded = far === 1 && (frameOf[at] as number) >= 0;
      const clustered = clusterOf !== undefined && (clusterOf[at] as number) >= 0;
      // What is matched is seen from however far.
      if ((folded || clustered) && lit?.twins[at] !== 1) continue;
      twins[seen++] = at;
    }
    return twins.subarray(0, seen);
  }

  private seeEdges(
    rect: Rect,
    camera: Camera,
    size: Size,
    hidden: ReadonlySet<number>,
    far: number,
    cloud: number,
  ): { edges: Int32Array; edgeStrength: number } {
    const { scene, edges } = this;
    const { x, y, source, target, name, unlined, absent, frameOf } = scene;
    const clusterOf = cloud > 0.5 ? scene.clusters?.of : undefined;
    const [left, top] = [rect.x, rect.y];
    const [right, bottom] = [left + rect.width, top + rect.height];
    const least = shortest / camera.zoom;
    let [count, length] = [0, 0];
    for (let edge = 0; edge < source.length; edge++) {
      if (unlined[edge] || hidden.has(name[edge] as number)) continue;
      const a = source[edge] as number;
      const b = target[edge] as number;
      const ax = x[a] as number;
      const ay = y[a] as number;
      const bx = x[b] as number;
      const by = y[b] as number;
      if (ax < left && bx < left) continue;
      if (ay < top && by < top) continue;
      if (ax > right && bx > right) continue;
      if (ay > bottom && by > bottom) continue;
      const long = Math.abs(ax - bx) + Math.abs(ay - by);
      if (long < least && a !== b) continue;
      if (absent[a] || absent[b]) continue;
      if (clusterOf && (clusterOf[a] as number) >= 0 && (clusterOf[b] as number) >= 0) continue;
      if (far === 1 && frameOf[a] === frameOf[b] && (frameOf[a] as number) >= 0) continue;
      edges[count++] = edge;
      length += long;
    }
    const covered = (length * camera.zoom) / (size.width * size.height);
    const kept = thin(edges, count, covered / fullShare);
    const strength = Math.max(faintest, Math.min(1, calmShare / covered || 1));
    return { edges: edges.subarray(0, kept), edgeStrength: strength };
  }

  /** Matched relationships on the screen, those too that are hidden by name. */
  private seeLit(lit: SceneLit, rect: Rect, camera: Camera, size: Size): Int32Array {
    const { x, y, source, target, framed, links } = this.scene;
    const right = rect.x + rect.width;
    const bottom = rect.y + rect.height;
    const seen: number[] = [];
    let length = 0;
    for (let edge = 0; edge < lit.edges.length; edge++) {
      if (lit.edges[edge] !== 1 || framed[edge] || Number.isNaN(links.bend[edge])) continue;
      const [a, b] = [source[edge] as number, target[edge] as number];
      const [ax, ay, bx, by] = [x[a], y[a], x[b], y[b]] as [number, number, number, number];
      if (Math.max(ax, bx) < rect.x || Math.min(ax, bx) > right) continue;
      if (Math.max(ay, by) < rect.y || Math.min(ay, by) > bottom) continue;
      seen.push(edge);
      length += Math.abs(ax - bx) + Math.abs(ay - by);
    }
    const edges = Int32Array.from(seen);
    const covered = (length * camera.zoom) / (size.width * size.height);
    return edges.subarray(0, thin(edges, edges.length, covered / fullShare));
  }

  /** Relationships of one twin, those too that are hidden by name unless they stay so. */
  private edgesOf(at: number | null, hidden?: ReadonlySet<number>): Int32Array {
    if (at === null) return empty;
    const { links, framed, name, source, target, absent } = this.scene;
    const own = links.edges.subarray(links.start[at], links.start[at + 1]);
    const drawn = Int32Array.from(own).filter(
      (edge) =>
        !framed[edge] &&
        !hidden?.has(name[edge] as number) &&
        !Number.isNaN(links.bend[edge]) &&
        !absent[source[edge] as number] &&
        !absent[target[edge] as number],
    );
    return drawn.subarray(0, thin(drawn, drawn.length, drawn.length / mostOfOne));
  }
}

const empty = new Int32Array(0);

/** The part of the drawing on the screen and `margin` pixels around. */
export function around(camera: Camera, size: Size, margin: number): Rect {
  const [width, height] = [size.width + 2 * margin, size.height + 2 * margin];
  return {
    x: camera.x - width / 2 / camera.zoom,
    y: camera.y - height / 2 / camera.zoom,
    width: width / camera.zoom,
    height: height / camera.zoom,
  };
}

function seeFrames({ frames }: Scene, rect: Rect): Int32Array {
  const seen: number[] = [];
  frames.forEach((frame, at) => {
    if (
      frame.x < rect.x + rect.width &&
      frame.y < rect.y + rect.height &&
      frame.x + frame.width > rect.x &&
      frame.y + frame.height > rect.y
    )
      seen.push(at);
  });
  return Int32Array.from(seen);
}

/** Keeps every so many, spread evenly, where there are `excess` times too many. */
function thin(edges: Int32Array, count: number, excess: number): number {
  if (excess <= 1) return count;
  let kept = 0;
  for (let place = 0; place < count; place++) {
    const edge = edges[place] as number;
    // By the relationship itself, so that the same ones stay while the drawing moves.
    if (chanceOf(edge) * excess <= 1) edges[kept++] = edge;
  }
  return kept;
}

/** A number from 0 to 1 that looks like chance, always the same for the same relationship. */
function chanceOf(edge: number): number {
  let mixed = Math.imul(edge ^ (edge >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 0x100000000;
}

/**
 * How strongly a twin is drawn: less where its frame or its cluster begins to stand for it, and
 * faintly where others are matched.
 */
export function strengthOf({ far, cloud, lit }: Seen, scene: Scene, at: number): number {
  if (lit?.twins[at] === 1) return 1;
  const { frameOf, clusters } = scene;
  const most = lit ? faintTwin : 1;
  if ((frameOf[at] as number) >= 0) return most * (1 - far);
  return clusters && (clusters.of[at] as number) >= 0 ? most * (1 - cloud) : most;
}

/** How strongly the relationships of one twin are drawn. */
export const strengthOfOne = (edges: Int32Array): number =>
  Math.max(0.3, Math.min(1, clearOfOne / edges.length));

/** Twins on the screen that are drawn by themselves, for what stands over the drawing. */
export function visibleTwins(scene: Scene, sight: Sight, camera: Camera, size: Size): Int32Array {
  const found = new Int32Array(scene.ids.length);
  const rect = around(camera, size, beside);
  const count = scene.grid.within(rect, found);
  return found
    .subarray(0, count)
    .filter(
      (at) =>
        !scene.absent[at] &&
        inside(rect, scene.x[at] as number, scene.y[at] as number) &&
        !sight.isFolded(camera, at),
    );
}

const inside = (rect: Rect, x: number, y: number): boolean =>
  x >= rect.x && y >= rect.y && x <= rect.x + rect.width && y <= rect.y + rect.height;

/** The most important of some twins, in the order of the scene. */
export function mostImportant(scene: Scene, twins: Int32Array, most: number): Int32Array {
  if (twins.length <= most) return twins.slice().sort();
  const weights = Float32Array.from(twins, (at) => scene.importance[at] as number).sort();
  const least = weights[twins.length - most] as number;
  const above = twins.filter((at) => (scene.importance[at] as number) > least);
  const equal = twins.filter((at) => (scene.importance[at] as number) === least);
  const first = new Int32Array(most);
  first.set(above);
  first.set(equal.subarray(0, most - above.length), above.length);
  return first.sort();
}
