import "../../src/look/fonts.css";
import "../../src/look/tokens.css";
import "../../src/graph/graph.css";
import { type Camera, fitted, type Rect } from "../../src/graph/camera";
import { Drawing, type PathName } from "../../src/graph/draw/drawing";
import {
  type Picture,
  screenHalfHeight,
  screenHalfWidth,
  spot,
} from "../../src/graph/draw/picture";
import { Sight } from "../../src/graph/draw/seen";
import { chooseLabels } from "../../src/graph/draw/text/labels";
import { Occupied } from "../../src/graph/draw/text/occupied";
import { Dress, textOf } from "../../src/graph/dress";
import { type Encoding, plainEncoding } from "../../src/graph/encoding/encoding";
import { frameAt, twinAt } from "../../src/graph/hit";
import { litOf, type SceneLit } from "../../src/graph/lit";
import { readPalette } from "../../src/graph/palette";
import { type Basis, moveTwin, type Scene, sceneOf, type TwinIndex } from "../../src/graph/scene";
import { graphs, kinds } from "./graphs";

/** Colours that differ by less, of 255, look the same. */
const visible = 40;

/** Made when it is first asked: drawing needs none. */
function indexOf(ids: string[]): TwinIndex {
  let made: Map<string, number> | undefined;
  return {
    get(id) {
      made ??= new Map(ids.map((id, at) => [id, at]));
      return made.get(id);
    },
  };
}

/** The drawing alone, without React and without a page around: for tests, pictures and figures. */
export class Stage {
  readonly host = document.getElementById("host") as HTMLElement;
  readonly drawing = new Drawing(this.host, () => undefined);
  scene!: Scene;
  private sight!: Sight;
  private dress = new Dress(readPalette());
  encoding: Encoding = plainEncoding;
  camera: Camera = { x: 0, y: 0, zoom: 1 };
  more: Partial<Picture> = {};
  lit: SceneLit | null = null;
  hidden = new Set<number>();

  constructor(
    readonly width: number,
    readonly height: number,
    private readonly density = window.devicePixelRatio,
  ) {
    this.host.style.width = `${width}px`;
    this.host.style.height = `${height}px`;
  }

  theme(name: "light" | "dark"): void {
    document.documentElement.dataset.theme = name;
    this.dress.recolour(readPalette());
  }

  load(basis: Basis): void {
    this.scene = sceneOf(basis, indexOf(basis.ids));
    this.sight = new Sight(this.scene);
    this.wear(this.encoding);
  }

  make(name: keyof typeof graphs, count: number): void {
    this.load(graphs[name](count));
    this.fit();
  }

  wear(encoding: Partial<Encoding>): void {
    this.encoding = { ...plainEncoding, ...encoding };
    this.dress.put(this.scene, { kinds }, this.encoding, null, performance.now(), true);
    this.drawing.changed();
  }

  fit(): void {
    const insets = { top: 12, right: 12, bottom: 12, left: 12 };
    const size = { width: this.width, height: this.height };
    this.camera = fitted(this.scene.bounds, size, insets);
  }

  look(id: string, zoom: number): void {
    const at = this.scene.index.get(id) ?? -1;
    this.camera = { x: this.scene.x[at] ?? 0, y: this.scene.y[at] ?? 0, zoom };
  }

  /** Lays what is matched over the drawing: every so many twins. */
  light(every: number): void {
    const twins = Uint8Array.from(this.scene.ids, (_, at) => (at % every === 0 ? 1 : 0));
    this.lit = litOf({ twins, edges: null, hides: false }, this.scene);
  }

  picture(): Picture {
    const size = { width: this.width, height: this.height };
    const { selected = null, hovered = null } = this.more;
    return {
      scene: this.scene,
      camera: this.camera,
      size,
      density: this.density,
      palette: readPalette(),
      table: this.dress.table,
      seen: this.sight.look(this.camera, size, this.hidden, selected, hovered, this.lit),
      selected,
      hovered,
      focused: null,
      group: null,
      rope: [],
      text: textOf({ kinds }, this.encoding),
      now: performance.now(),
      glow: "off",
      ...this.more,
    };
  }

  draw(path: PathName): void {
    this.drawing.choose(path);
    this.drawing.draw(this.picture());
    if (this.drawing.path !== path)
      throw new Error(`drawn by ${this.drawing.path}: ${this.drawing.noWebgl}`);
  }

  change(id: string, value: number): void {
    const at = this.scene.index.get(id) ?? -1;
    this.scene.value[at] = value;
    this.scene.own[at] = value;
    this.wear(this.encoding);
  }

  move(id: string, dx: number, dy: number): void {
    const at = this.scene.index.get(id) ?? -1;
    moveTwin(this.scene, at, (this.scene.x[at] ?? 0) + dx, (this.scene.y[at] ?? 0) + dy);
    this.drawing.changed();
  }

  hit(x: number, y: number): string | null {
    const { zoom } = this.camera;
    const at = {
      x: (x - this.width / 2) / zoom + this.camera.x,
      y: (y - this.height / 2) / zoom + this.camera.y,
    };
    return this.scene.ids[twinAt(this.scene, at, 3 / zoom) ?? -1] ?? null;
  }

  frame(x: number, y: number): number | null {
    return frameAt(this.scene, { x, y });
  }

  labels(): { id: string; text: string; look: string; x: number; y: number }[] {
    return chooseLabels(this.picture(), new Occupied(this.width, this.height)).map(
      ({ at, text, look, x, y }) => ({
        id: this.scene.ids[at] ?? "",
        text,
        look,
        x,
        y,
      }),
    );
  }

  /** What is on the canvases, drawn anew where a path is named. */
  pixels(path?: PathName): ImageData {
    if (path) this.draw(path);
    const [width, height] = [this.width * this.density, this.height * this.density];
    const context = new OffscreenCanvas(width, height).getContext(
      "2d",
    ) as OffscreenCanvasRenderingContext2D;
    for (const canvas of this.host.querySelectorAll("canvas")) context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, width, height);
  }

  png(path: PathName): string {
    const pixels = this.pixels(path);
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [pixels.width, pixels.height];
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
    return canvas.toDataURL("image/png");
  }

  async kept(address: string): Promise<ImageData> {
    const answer = await fetch(`${address}?${performance.now()}`);
    const picture = await createImageBitmap(await answer.blob());
    const { width, height } = picture;
    const context = new OffscreenCanvas(width, height).getContext(
      "2d",
    ) as OffscreenCanvasRenderingContext2D;
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, width, height);
  }

  /** The share of pixels, in a box where one is given, that anybody would see to differ. */
  differing(a: ImageData, b: ImageData, box?: Rect): number {
    if (a.width !== b.width || a.height !== b.height) return 1;
    const part = box ?? { x: 0, y: 0, width: this.width, height: this.height };
    const scale = (value: number) => Math.round(value * this.density);
    let [count, all] = [0, 0];
    for (let y = scale(part.y); y < scale(part.y + part.height); y++) {
      for (let x = scale(part.x); x < scale(part.x + part.width); x++) {
        const at = 4 * (y * a.width + x);
        all++;
        const off = (byte: number) =>
          Math.abs((a.data[at + byte] as number) - (b.data[at + byte] as number));
        if (Math.max(off(0), off(1), off(2)) > visible) count++;
      }
    }
    return count / all;
  }

  /** The share of pixels that are not the ground. */
  covered({ data }: ImageData): number {
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (Math.abs((data[at] as number) - (data[0] as number)) > 2) count++;
    }
    return (4 * count) / data.length;
  }

  /** Where a twin's shape is on the screen, CSS pixels. */
  boxOf(id: string): Rect {
    const at = this.scene.index.get(id) ?? -1;
    const picture = this.picture();
    const [{ x, y }, halfX, halfY] = [
      spot(picture, at),
      screenHalfWidth(picture, at),
      screenHalfHeight(picture, at),
    ];
    return { x: x - halfX, y: y - halfY, width: 2 * halfX, height: 2 * halfY };
  }

  /** How many rows of textures went to the GPU so far. */
  rowsSent(): number {
    return this.drawing.rowsSent;
  }

  /** Takes the WebGL context away, and gives it back when asked. */
  loseWebgl(): { lost: Promise<boolean>; restore: () => Promise<void> } {
    const canvas = this.host.querySelector("canvas") as HTMLCanvasElement;
    const extension = canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context");
    const heard = (name: string) =>
      new Promise<void>((resolve) =>
        canvas.addEventListener(name, () => setTimeout(resolve, 0), { once: true }),
      );
    const lost = heard("webglcontextlost").then(() => true);
    extension?.loseContext();
    return {
      lost,
      restore: () => {
        const back = heard("webglcontextrestored");
        extension?.restoreContext();
        return back;
      },
    };
  }

  /** The best of some frames, drawn to the end, ms. */
  time(path: PathName, trials: number): number {
    let best = Infinity;
    for (let trial = 0; trial < trials; trial++) {
      const began = performance.now();
      this.draw(path);
      this.finish();
      best = Math.min(best, performance.now() - began);
    }
    return best;
  }

  finish(): void {
    for (const canvas of this.host.querySelectorAll("canvas")) {
      const gl = canvas.getContext("webgl2");
      if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      else canvas.getContext("2d")?.getImageData(0, 0, 1, 1);
    }
  }
}

declare global {
  interface Window {
    Stage: typeof Stage;
    stage: Stage;
  }
}
window.Stage = Stage;
