import { type Packed, parseColour } from "../../colour";
import { faintEdge } from "../../lit";
import { frameBox, framePaint } from "../frames";
import { Route } from "../geometry";
import { headSize, headStrength, outlineStrength } from "../level";
import { least, newEnd, type Picture, place } from "../picture";
import { strengthOf, strengthOfOne } from "../seen";
import { Raster } from "./raster";

/** The drawing without text on a 2-D canvas, by pixels of its own. */
export class CanvasPath {
  private readonly raster: Raster;
  private readonly route = new Route();
  private readonly from = newEnd();
  private readonly to = newEnd();

  constructor(context: CanvasRenderingContext2D) {
    this.raster = new Raster(context);
  }

  draw(picture: Picture): void {
    const { size, density, palette, seen } = picture;
    const [width, height] = [size.width * density, size.height * density];
    this.raster.begin(Math.round(width), Math.round(height), parseColour(palette.canvas));
    this.drawFrames(picture);
    const strength = seen.edgeStrength * (seen.lit ? faintEdge : 1);
    this.drawEdges(picture, seen.edges, palette.edge, 1, strength);
    this.drawEdges(picture, seen.ofLit, palette.text2, 1.5, strengthOfOne(seen.ofLit));
    this.drawEdges(picture, seen.ofHovered, palette.text2, 1.5, strengthOfOne(seen.ofHovered));
    this.drawEdges(picture, seen.ofSelected, palette.accent, 1.5, strengthOfOne(seen.ofSelected));
    this.drawTwins(picture);
    this.raster.end();
  }

  private drawFrames(picture: Picture): void {
    const line = parseColour(picture.palette["cont-line"]);
    const lineWidth = Math.max(1, Math.round(picture.density));
    for (const at of picture.seen.frames) {
      const { left, top, right, bottom, radius } = frameBox(picture, at);
      const fill = framePaint(picture, at);
      this.raster.frame(left, top, right, bottom, radius, fill, line, lineWidth);
    }
  }

  private drawEdges(
    picture: Picture,
    edges: Int32Array,
    ink: string,
    width: number,
    strength: number,
  ): void {
    const { scene, density, camera } = picture;
    const colour = parseColour(ink);
    const heads = headStrength(camera.zoom) > 0 && strength === 1;
    const { source, target, links } = scene;
    const { from, to, route, raster } = this;
    const scale = camera.zoom * density;
    for (const edge of edges) {
      const [a, b] = [source[edge] as number, target[edge] as number];
      place(picture, a, from);
      place(picture, b, to);
      if (!route.go(from, to, links.bend[edge] as number, a === b, scale, density)) continue;
      const { points, count } = route;
      for (let at = 0; at + 1 < count; at++) {
        raster.line(
          points[2 * at] as number,
          points[2 * at + 1] as number,
          points[2 * at + 2] as number,
          points[2 * at + 3] as number,
          width * density,
          colour,
          strength,
        );
      }
      if (heads) this.drawHead(colour, scale, density, a === b);
    }
  }

  private drawHead(colour: Packed, scale: number, density: number, loop: boolean): void {
    const { points, count } = this.route;
    const [x, y] = [points[2 * count - 2] as number, points[2 * count - 1] as number];
    const [backX, backY] = [points[2 * count - 4] as number, points[2 * count - 3] as number];
    const length = Math.hypot(x - backX, y - backY) || 1;
    const span = loop
      ? 27 * scale
      : Math.hypot(x - (points[0] as number), y - (points[1] as number));
    const size = Math.min(headSize * density, span / 2);
    const [dx, dy] = [((x - backX) / length) * size, ((y - backY) / length) * size];
    this.raster.triangle(
      x,
      y,
      x - dx - dy * 0.45,
      y - dy + dx * 0.45,
      x - dx + dy * 0.45,
      y - dy - dx * 0.45,
      colour,
    );
  }

  private drawTwins(picture: Picture): void {
    const { scene, seen, table, palette, density, camera } = picture;
    const outlined = outlineStrength(camera.zoom);
    const line = parseColour(palette.edge);
    const lineWidth = Math.max(1, Math.round(density));
    const radius = 4 * Math.min(1, camera.zoom) * density;
    const fades = seen.far > 0 || seen.cloud > 0 || seen.lit !== null;
    const { raster, from } = this;
    for (const at of seen.twins) {
      place(picture, at, from);
      const fill = table.fill[scene.paint[at] as number] as number;
      const alpha = fades ? strengthOf(seen, scene, at) : 1;
      if (from.halfX < 2 || from.halfY < least) {
        raster.box(from.x, from.y, from.halfX, from.halfY, fill, alpha);
        continue;
      }
      const { x, y, halfX, halfY, shape } = from;
      raster.shape(shape, x, y, halfX, halfY, radius, fill, line, outlined, lineWidth, alpha);
    }
  }
}
