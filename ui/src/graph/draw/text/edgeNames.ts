import { count } from "../../../look/format";
import { mostParallel } from "../../links";
import { Route } from "../geometry";
import {
  mono,
  newEnd,
  type Picture,
  place,
  screenHalfHeight,
  screenHalfWidth,
  spot,
} from "../picture";
import type { Occupied } from "./occupied";

const namesFrom = 1.2;
/** Those of one twin are read from this scale on; below, they would cover what they name. */
const askedFrom = 0.5;
const nameSize = 12;
const nameGap = 8;
const head = 8;
const most = 200;
const none = new Int32Array(0);

/** Names of the relationships that were asked for, by selecting a twin: they come before all. */
export function drawAskedNames(
  picture: Picture,
  context: CanvasRenderingContext2D,
  taken: Occupied,
): void {
  const { seen, camera } = picture;
  if (camera.zoom < askedFrom) return;
  const names = new EdgeNames(picture, context, taken);
  names.draw(seen.ofSelected, true);
  names.draw(seen.ofHovered, true);
}

/** Names of relationships where there is room between the twins and what is written; from afar only how many run beside each other where not all are drawn. */
export function drawEdgeNames(
  picture: Picture,
  context: CanvasRenderingContext2D,
  taken: Occupied,
): void {
  const { seen, camera } = picture;
  const near = camera.zoom >= namesFrom && seen.edges.length <= most;
  const named = near ? seen.edges : bundles(picture);
  if (named.length === 0) return;
  for (const at of seen.twins) {
    const { x, y } = spot(picture, at);
    const [halfX, halfY] = [screenHalfWidth(picture, at), screenHalfHeight(picture, at)];
    taken.cover(x - halfX, y - halfY, 2 * halfX, 2 * halfY);
  }
  new EdgeNames(picture, context, taken).draw(named, false);
}

/** Of each pair of twins with more relationships than are drawn, the one in the middle. */
function bundles({ scene, seen, camera }: Picture): Int32Array {
  if (camera.zoom < askedFrom) return none;
  const { parallel, bend } = scene.links;
  return seen.edges.filter((edge) => {
    const middle = scene.source[edge] === scene.target[edge] ? 1 : 0;
    return (parallel[edge] as number) > mostParallel && bend[edge] === middle;
  });
}

/** Beside a line that is rather upright, and on one that is rather level. */
class EdgeNames {
  private readonly route = new Route();
  private readonly from = newEnd();
  private readonly to = newEnd();

  constructor(
    private readonly picture: Picture,
    private readonly context: CanvasRenderingContext2D,
    private readonly taken: Occupied,
  ) {
    context.font = `400 ${nameSize}px ${mono}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
  }

  draw(edges: Int32Array, asked: boolean): void {
    if (edges.length > most) return;
    const { scene } = this.picture;
    for (const edge of edges) {
      const [a, b] = [scene.source[edge] as number, scene.target[edge] as number];
      place(this.picture, a, this.from);
      place(this.picture, b, this.to);
      const bend = scene.links.bend[edge] as number;
      const { zoom } = this.picture.camera;
      const { density } = this.picture;
      if (this.route.go(this.from, this.to, bend, a === b, zoom * density, density)) {
        this.write(edge, asked);
      }
    }
  }

  private write(edge: number, asked: boolean): void {
    const { context, picture } = this;
    const { scene, palette, density, camera } = picture;
    const of = scene.links.parallel[edge] as number;
    const name = scene.names[scene.name[edge] as number] ?? "";
    const many = of > mostParallel;
    const near = asked || camera.zoom >= namesFrom;
    const alone = many ? `${name}, 1 of ${count(of)}` : name;
    const text = near ? alone : `${mostParallel} of ${count(of)}`;
    const width = context.measureText(text).width;
    const { points } = this.route;
    const end = 2 * (this.route.count - 1);
    const middle = 2 * Math.floor(this.route.count / 2);
    const at = (place: number) => (points[place] as number) / density;
    const straight = this.route.count === 2;
    const [spanX, spanY] = [Math.abs(at(end) - at(0)), Math.abs(at(end + 1) - at(1))];
    const upright = spanY > spanX;
    const room = asked ? Infinity : scene.slots.of(scene.source[edge] as number) * camera.zoom;
    // Between two shapes there may be no room; the inspector has the name then.
    const needed = upright ? width + 2 * nameGap : width + 2 * head;
    if (needed > (upright ? room : spanX)) return;
    const x = straight ? (at(0) + at(end)) / 2 : at(middle);
    const y = straight ? (at(1) + at(end + 1)) / 2 : at(middle + 1);
    const left = x + (upright ? nameGap : -width / 2);
    const apart = asked ? nameGap / 2 : 0;
    const free = this.taken.take(left - apart, y - nameSize / 2, width + 2 * apart, nameSize);
    if (!free) return;
    context.fillStyle = palette.cont;
    context.globalAlpha = 0.9;
    context.fillRect(left - 3, y - nameSize * 0.7, width + 6, nameSize * 1.4);
    context.globalAlpha = 1;
    context.fillStyle = palette.text2;
    context.fillText(text, left, y + 0.5);
  }
}
