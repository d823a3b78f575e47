import { CanvasPath } from "./canvas/path";
import type { Picture } from "./picture";
import { drawOverlay } from "./text/overlay";
import { WebglPath } from "./webgl/path";

export type PathName = "webgl" | "canvas";
/** `auto`: what is quicker here. */
export type PathChoice = PathName | "auto";

/** Frames of the picture at hand that are timed on each path. */
const trials = 3;
/** Times are taken again once so many times as much is on the screen. */
const growth = 4;

interface Layers {
  name: PathName;
  elements: HTMLCanvasElement[];
  context: CanvasRenderingContext2D;
  draw(picture: Picture): void;
  /** Waits until all is drawn: for measuring. */
  finish(): void;
}

/**
 * The canvases of the drawing. WebGL draws below a 2-D canvas with the text; without it one 2-D
 * canvas has all. A WebGL that is lost gives way to the other path until it is back.
 */
export class Drawing {
  private readonly canvas: Layers;
  private readonly canvasPath: CanvasPath;
  private webgl: (Layers & { path: WebglPath }) | null = null;
  private current: Layers;
  private choice: PathChoice = "auto";
  private quicker: PathName | null = null;
  private measured = 0;
  private trial = newTrial();
  private lost = false;
  /** Why there is no WebGL here; `null` while it is not known to fail. */
  noWebgl: string | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly onRestored: () => void,
  ) {
    const element = newCanvas();
    // Pixels come from this side: a canvas on the GPU would send them there and back.
    const context = contextOf(element, { alpha: false, willReadFrequently: true });
    this.canvasPath = new CanvasPath(context);
    this.canvas = {
      name: "canvas",
      elements: [element],
      context,
      draw: (picture) => this.canvasPath.draw(picture),
      finish: () => void context.getImageData(0, 0, 1, 1),
    };
    this.current = this.canvas;
    host.prepend(element);
  }

  get path(): PathName {
    return this.current.name;
  }

  /** How many rows of textures went to the GPU so far. */
  get rowsSent(): number {
    return this.webgl?.path.rowsSent ?? 0;
  }

  choose(choice: PathChoice): void {
    this.choice = choice;
  }

  /** Places, shapes or colours of the scene changed. */
  changed(): void {
    this.webgl?.path.changed();
  }

  /** Draws a frame; answers whether it should be drawn again soon, because something decays. */
  draw(picture: Picture): boolean {
    this.enter(this.wanted());
    return this.drawOn(this.current, picture);
  }

  /**
   * Whether the paths should be compared, now that nobody waits for a frame: what is on the screen
   * is much more than when they were.
   */
  undecided(picture: Picture): boolean {
    if (this.choice !== "auto" || this.lost || this.noWebgl !== null) return false;
    return this.quicker === null || marksOf(picture) > growth * this.measured;
  }

  /**
   * Draws the picture once on one of the paths, in turns; answers whether that was the last turn,
   * and the quicker path is taken from now on. A turn takes as long as a frame.
   */
  compare(picture: Picture): boolean {
    const webgl = this.openWebgl();
    if (!webgl) return true;
    const { trial } = this;
    const layers = trial.turn % 2 === 0 ? this.canvas : webgl;
    const began = performance.now();
    this.drawOn(layers, picture);
    layers.finish();
    trial[layers.name] = Math.min(trial[layers.name], performance.now() - began);
    trial.turn++;
    if (trial.turn < 2 * trials) return false;
    this.quicker = trial.webgl < trial.canvas ? "webgl" : "canvas";
    this.measured = Math.max(1000, marksOf(picture));
    this.trial = newTrial();
    this.enter(this.wanted());
    this.drawOn(this.current, picture);
    return true;
  }

  close(): void {
    this.webgl?.path.close();
    for (const element of this.host.querySelectorAll(":scope > canvas")) element.remove();
  }

  private wanted(): Layers {
    const name = this.choice === "auto" ? (this.quicker ?? "canvas") : this.choice;
    if (name === "canvas" || this.lost) return this.canvas;
    return this.openWebgl() ?? this.canvas;
  }

  private enter(layers: Layers): void {
    if (layers === this.current) return;
    for (const element of this.current.elements) element.remove();
    this.host.prepend(...layers.elements);
    this.current = layers;
  }

  private drawOn(layers: Layers, picture: Picture): boolean {
    for (const element of layers.elements) fitCanvas(element, picture);
    layers.draw(picture);
    return drawOverlay(picture, layers.context);
  }

  private openWebgl(): (Layers & { path: WebglPath }) | null {
    if (this.webgl || this.noWebgl !== null) return this.webgl;
    const [ground, text] = [newCanvas(), newCanvas()];
    try {
      const path = new WebglPath(ground);
      const context = contextOf(text, { alpha: true });
      this.webgl = {
        name: "webgl",
        elements: [ground, text],
        context,
        path,
        draw: (picture) => {
          path.draw(picture);
          context.setTransform(1, 0, 0, 1, 0, 0);
          context.clearRect(0, 0, text.width, text.height);
        },
        finish: () => path.finish(),
      };
      this.survive(ground);
    } catch (thrown) {
      this.noWebgl = thrown instanceof Error ? thrown.message : String(thrown);
    }
    return this.webgl;
  }

  /** A lost context is no error: the other path takes over, and WebGL begins anew once it is back. */
  private survive(ground: HTMLCanvasElement): void {
    ground.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lost = true;
      this.onRestored();
    });
    ground.addEventListener("webglcontextrestored", () => {
      this.lost = false;
      this.webgl = null;
      this.onRestored();
    });
  }
}

/** The best time of each path so far, ms. */
const newTrial = () => ({ turn: 0, canvas: Infinity, webgl: Infinity });

const marksOf = ({ seen }: Picture): number => seen.twins.length + seen.edges.length;

function newCanvas(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.className = "graph-layer";
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

function contextOf(
  canvas: HTMLCanvasElement,
  settings: CanvasRenderingContext2DSettings,
): CanvasRenderingContext2D {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("This web view has no 2-D canvas. Update WebKitGTK.");
  return context;
}

function fitCanvas(canvas: HTMLCanvasElement, { size, density }: Picture): void {
  const [width, height] = [Math.round(size.width * density), Math.round(size.height * density)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
