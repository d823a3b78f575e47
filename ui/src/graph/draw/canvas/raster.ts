import { mix, type Packed } from "../../colour";
import { circle, hexagon, rectangle } from "../../scene";

const opaque = 256;
/** A corner of a smaller radius is a corner, pixels. */
const squareBelow = 1.6;

/** How far a point is outside of a shape around the origin; negative inside. As in `shaders.ts`. */
export function distance(
  shape: number,
  x: number,
  y: number,
  halfX: number,
  halfY: number,
  radius: number,
): number {
  const ax = Math.abs(x);
  const ay = Math.abs(y);
  if (shape === circle) return Math.sqrt(x * x + y * y) - halfX;
  if (shape === hexagon) {
    const slant = Math.sqrt(halfY * halfY + (halfX * halfX) / 4);
    return Math.max(ay - halfY, ((ax - halfX) * halfY + (ay * halfX) / 2) / slant);
  }
  const qx = ax - halfX + radius;
  const qy = ay - halfY + radius;
  const corner = qx > 0 && qy > 0 ? Math.sqrt(qx * qx + qy * qy) : Math.max(qx, qy);
  return corner - radius;
}

/**
 * Draws into pixels of its own, which come to the canvas at once. A path of the 2-D canvas costs
 * about a microsecond for each shape however small it is; here a shape costs what it covers, so
 * that a frame of 100,000 twins is as quick as one of a hundred. All measures are device pixels.
 */
export class Raster {
  private image = new ImageData(1, 1);
  private pixels = new Uint32Array(this.image.data.buffer);
  private width = 1;
  private height = 1;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  begin(width: number, height: number, ground: Packed): void {
    if (width !== this.width || height !== this.height) {
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      [this.width, this.height] = [width, height];
    }
    this.pixels.fill(ground);
  }

  /** Brings what was drawn to the canvas. */
  end(): void {
    this.context.putImageData(this.image, 0, 0);
  }

  /** A box with its edges between pixels. */
  box(x: number, y: number, halfX: number, halfY: number, fill: Packed, alpha: number): void {
    const x0 = x - halfX;
    const x1 = x + halfX;
    const y0 = y - halfY;
    const y1 = y + halfY;
    const left = Math.max(0, Math.floor(x0));
    const right = Math.min(this.width, Math.ceil(x1));
    const top = Math.max(0, Math.floor(y0));
    const bottom = Math.min(this.height, Math.ceil(y1));
    // Between these every pixel of a row is covered alike.
    const from = Math.max(left, Math.ceil(x0));
    const to = Math.min(right, Math.floor(x1));
    for (let row = top; row < bottom; row++) {
      const across = (Math.min(y1, row + 1) - Math.max(y0, row)) * alpha;
      const begin = row * this.width;
      if (to > from && across > 0.998) this.pixels.fill(fill, begin + from, begin + to);
      else for (let column = from; column < to; column++) this.over(begin + column, fill, across);
      for (let column = left; column < Math.min(from, right); column++) {
        this.over(begin + column, fill, across * (Math.min(x1, column + 1) - Math.max(x0, column)));
      }
      for (let column = Math.max(from, to); column < right; column++) {
        this.over(begin + column, fill, across * (Math.min(x1, column + 1) - column));
      }
    }
  }

  /** A shape with its outline of `outlined` strength, one line inside of its edge. */
  shape(
    shape: number,
    x: number,
    y: number,
    halfX: number,
    halfY: number,
    radius: number,
    fill: Packed,
    line: Packed,
    outlined: number,
    lineWidth: number,
    alpha: number,
  ): void {
    if (shape === rectangle && radius < squareBelow) {
      this.plate(x, y, halfX, halfY, fill, line, outlined, lineWidth, alpha);
      return;
    }
    const left = Math.max(0, Math.floor(x - halfX - 1));
    const right = Math.min(this.width, Math.ceil(x + halfX + 1));
    const top = Math.max(0, Math.floor(y - halfY - 1));
    const bottom = Math.min(this.height, Math.ceil(y + halfY + 1));
    const { pixels } = this;
    // So deep inside that neither the edge nor the outline is near.
    const deep = outlined > 0 ? -lineWidth - 0.5 : -0.5;
    const beyond = (halfX + 0.5) * (halfX + 0.5);
    const within = halfX + deep > 0 ? (halfX + deep) * (halfX + deep) : -1;
    for (let row = top; row < bottom; row++) {
      const dy = row + 0.5 - y;
      const begin = row * this.width;
      for (let column = left; column < right; column++) {
        const dx = column + 0.5 - x;
        let d: number;
        if (shape === circle) {
          const square = dx * dx + dy * dy;
          if (square >= beyond) continue;
          d = square < within ? deep - 1 : Math.sqrt(square) - halfX;
        } else {
          d = distance(shape, dx, dy, halfX, halfY, radius);
          if (d >= 0.5) continue;
        }
        if (d < deep && alpha === 1) {
          // All shapes are even: what lies between this pixel and its mirror image is as deep.
          const mirror = Math.min(right, Math.floor(x - dx));
          if (mirror > column) {
            pixels.fill(fill, begin + column, begin + mirror);
            column = mirror - 1;
            continue;
          }
        }
        const inside = Math.min(1, 0.5 - d);
        this.over(begin + column, fill, inside * alpha);
        const edge = outlined * Math.min(1, 0.5 + d + lineWidth);
        if (edge > 0) this.over(begin + column, line, edge * inside * alpha);
      }
    }
  }

  /** A rectangle whose corners are too small to be round. */
  private plate(
    x: number,
    y: number,
    halfX: number,
    halfY: number,
    fill: Packed,
    line: Packed,
    outlined: number,
    lineWidth: number,
    alpha: number,
  ): void {
    if (outlined === 0) {
      this.box(x, y, halfX, halfY, fill, alpha);
      return;
    }
    this.box(x, y, halfX, halfY, mix(fill, line, outlined), alpha);
    if (halfX > lineWidth && halfY > lineWidth) {
      this.box(x, y, halfX - lineWidth, halfY - lineWidth, fill, alpha);
    }
  }

  /** A rectangle with round corners: filled or not, and its line inside. Its edges are whole. */
  frame(
    left: number,
    top: number,
    right: number,
    bottom: number,
    radius: number,
    fill: Packed | null,
    line: Packed,
    lineWidth: number,
  ): void {
    // Only the corners are not as wide as whole pixels.
    const corner = radius < 1 ? 0 : Math.ceil(radius);
    const first = Math.max(0, top);
    const last = Math.min(this.height, bottom);
    for (let row = first; row < last; row++) {
      const inCorner = row < top + corner || row >= bottom - corner;
      const inset = inCorner ? corner : 0;
      if (row < top + lineWidth || row >= bottom - lineWidth) {
        this.span(row, left + inset, right - inset, line);
      } else {
        if (!inCorner) this.span(row, left, left + lineWidth, line);
        if (!inCorner) this.span(row, right - lineWidth, right, line);
        if (fill !== null) {
          const off = Math.max(inset, inCorner ? 0 : lineWidth);
          this.span(row, left + off, right - off, fill);
        }
      }
      if (inCorner) this.corners(row, left, top, right, bottom, radius, fill, line, lineWidth);
    }
  }

  /** A part of a row, in one colour. */
  private span(row: number, from: number, to: number, colour: Packed): void {
    const [begin, end] = [Math.max(0, from), Math.min(this.width, to)];
    if (end > begin) this.pixels.fill(colour, row * this.width + begin, row * this.width + end);
  }

  /** The ends of a row that runs through round corners. */
  private corners(
    row: number,
    left: number,
    top: number,
    right: number,
    bottom: number,
    radius: number,
    fill: Packed | null,
    line: Packed,
    lineWidth: number,
  ): void {
    const [halfX, halfY] = [(right - left) / 2, (bottom - top) / 2];
    const [dy, size] = [row + 0.5 - top - halfY, Math.ceil(radius)];
    for (let step = 0; step < 2 * size; step++) {
      const column = step < size ? left + step : right - 2 * size + step;
      if (column < 0 || column >= this.width) continue;
      const d = distance(1, column + 0.5 - left - halfX, dy, halfX, halfY, radius);
      const inside = Math.min(1, Math.max(0, 0.5 - d));
      const at = row * this.width + column;
      if (fill !== null) this.over(at, fill, inside);
      this.over(at, line, inside * Math.min(1, Math.max(0, 0.5 + d + lineWidth)));
    }
  }

  /** A straight line with smooth edges. */
  line(
    ax: number,
    ay: number,
    bx: number,
    by: number,
    width: number,
    colour: Packed,
    alpha: number,
  ): void {
    const flat = Math.abs(bx - ax) >= Math.abs(by - ay);
    if (flat) this.run(ax, ay, bx, by, width, colour, alpha, 1, this.width, this.height);
    else this.run(ay, ax, by, bx, width, colour, alpha, this.width, this.height, this.width);
  }

  /** Goes along the longer way, pixel by pixel; `along` is 1 where that is sideways. */
  private run(
    from: number,
    low: number,
    to: number,
    high: number,
    width: number,
    colour: Packed,
    alpha: number,
    along: number,
    length: number,
    across: number,
  ): void {
    if (from > to) {
      this.run(to, high, from, low, width, colour, alpha, along, length, across);
      return;
    }
    const slope = to === from ? 0 : (high - low) / (to - from);
    const half = (width / 2) * Math.sqrt(1 + slope * slope);
    const step = along === 1 ? this.width : 1;
    const first = Math.max(0, Math.floor(from));
    const last = Math.min(length, Math.ceil(to));
    for (let at = first; at < last; at++) {
      const covered = Math.min(to, at + 1) - Math.max(from, at);
      const middle = low + (Math.max(from, Math.min(to, at + 0.5)) - from) * slope;
      const upper = middle - half;
      const lower = middle + half;
      const end = Math.min(across, Math.ceil(lower));
      for (let beside = Math.max(0, Math.floor(upper)); beside < end; beside++) {
        const share = Math.min(lower, beside + 1) - Math.max(upper, beside);
        this.over(at * along + beside * step, colour, share * covered * alpha);
      }
    }
  }

  /** A filled triangle with smooth edges. */
  triangle(
    ax: number,
    ay: number,
    bx: number,
    by: number,
    cx: number,
    cy: number,
    colour: Packed,
  ): void {
    const turn = Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));
    if (turn === 0) return;
    // How far outside of a side a point is: nx * x + ny * y - n.
    const [ab, bc, ca] = [
      turn / Math.hypot(bx - ax, by - ay),
      turn / Math.hypot(cx - bx, cy - by),
      turn / Math.hypot(ax - cx, ay - cy),
    ];
    const [abX, abY] = [(by - ay) * ab, (ax - bx) * ab];
    const [bcX, bcY] = [(cy - by) * bc, (bx - cx) * bc];
    const [caX, caY] = [(ay - cy) * ca, (cx - ax) * ca];
    const [abN, bcN, caN] = [abX * ax + abY * ay, bcX * bx + bcY * by, caX * cx + caY * cy];
    const left = Math.max(0, Math.floor(Math.min(ax, bx, cx)));
    const right = Math.min(this.width, Math.ceil(Math.max(ax, bx, cx)));
    const top = Math.max(0, Math.floor(Math.min(ay, by, cy)));
    const bottom = Math.min(this.height, Math.ceil(Math.max(ay, by, cy)));
    for (let row = top; row < bottom; row++) {
      const y = row + 0.5;
      for (let column = left; column < right; column++) {
        const x = column + 0.5;
        const d = Math.max(
          abX * x + abY * y - abN,
          bcX * x + bcY * y - bcN,
          caX * x + caY * y - caN,
        );
        if (d < 0.5) this.over(row * this.width + column, colour, Math.min(1, 0.5 - d));
      }
    }
  }

  /** Lays a colour over a pixel. */
  private over(at: number, colour: Packed, alpha: number): void {
    const a = (alpha * opaque + 0.5) | 0;
    if (a <= 0) return;
    const under = this.pixels[at] as number;
    const rb =
      ((Math.imul(under & 0xff00ff, opaque - a) + Math.imul(colour & 0xff00ff, a)) >>> 8) &
      0xff00ff;
    const g =
      ((Math.imul(under & 0xff00, opaque - a) + Math.imul(colour & 0xff00, a)) >>> 8) & 0xff00;
    this.pixels[at] = rb | g | 0xff000000;
  }
}
