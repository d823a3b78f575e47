import { Cell } from "../store/cell";
import type { Page } from "../store/page";
import type { GraphChange } from "../store/twinGraph";
import {
  between,
  type Camera,
  fitted,
  type Insets,
  type Point,
  panned,
  type Size,
  toDrawing,
  toScreen,
  zoomedAt,
} from "./camera";
import { drawPicture } from "./draw/draw";
import { glows } from "./draw/marks";
import { type Picture, visibleTwins } from "./draw/picture";
import { Frames } from "./frames";
import { twinAt } from "./hit";
import { readPalette } from "./palette";
import { makeScene, type Scene, updateScene } from "./scene";

const flightTime = 240;
const hitSlack = 3;
/** How near to the edge a revealed twin may stand, pixels. */
const margin = 48;

function clear(context: CanvasRenderingContext2D, colour: string): void {
  context.fillStyle = colour;
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
}

/** Where the camera goes; `to` is null for: fit the whole graph. */
interface Flight {
  from: Camera;
  to: Camera | null;
  began: number;
}

/** The drawing on its canvas: what is seen of it, and when it is drawn again. Knows no React. */
export class GraphSurface {
  readonly scene = new Cell<Scene | null>(null);
  /** The camera that is drawn now, on its way or at rest. */
  readonly camera = new Cell<Camera>({ x: 0, y: 0, zoom: 1 });
  readonly size = new Cell<Size>({ width: 0, height: 0 });
  private readonly context: CanvasRenderingContext2D;
  private palette = readPalette();
  private insets: Insets = { top: 12, right: 12, bottom: 12, left: 12 };
  private flight: Flight | null = null;
  private focused: string | null = null;
  private hovered: number | null = null;
  private dragged: { id: string; at: Point } | null = null;
  private readonly frames = new Frames((now) => this.draw(now));
  private drawn = false;

  constructor(
    private readonly page: Page,
    private readonly canvas: HTMLCanvasElement,
    private readonly onFirstDrawing: () => void,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("This web view has no 2-D canvas. Update WebKitGTK.");
    this.context = context;
  }

  /** Begins to follow the graph, and to draw; answers how to stop. */
  attach(): () => void {
    const { instance, appearance, camera, selection, preferences, revealed } = this.page;
    this.rearrange(null);
    const resized = new ResizeObserver(() => this.resize());
    resized.observe(this.canvas);
    const redraw = () => this.invalidate();
    document.fonts.addEventListener("loadingdone", redraw);
    const offs = [
      () => document.fonts.removeEventListener("loadingdone", redraw),
      instance.graphChanged.on((change) => this.take(change)),
      appearance.recoloured.on(() => {
        this.palette = readPalette();
        this.invalidate();
      }),
      camera.subscribe(() => this.settle()),
      selection.id.subscribe(() => this.invalidate()),
      preferences.subscribe(() => this.invalidate()),
      revealed.on((id) => this.bringIntoView(id)),
    ];
    return () => {
      for (const off of offs) off();
      resized.disconnect();
      this.frames.stop();
    };
  }

  /** What covers the edges of the panel, for fitting. */
  cover(insets: Insets): void {
    this.insets = insets;
    this.settle();
  }

  pan(dx: number, dy: number): void {
    this.flight = null;
    this.page.camera.set(panned(this.camera.get(), dx, dy));
  }

  zoomAt(at: Point, factor: number): void {
    this.flight = null;
    this.page.camera.set(zoomedAt(this.camera.get(), this.size.get(), at, factor));
  }

  /** Zooms about the middle of the panel. */
  zoom(factor: number): void {
    const { width, height } = this.size.get();
    this.flyTo(
      zoomedAt(this.camera.get(), this.size.get(), { x: width / 2, y: height / 2 }, factor),
    );
  }

  fit(): void {
    this.flyTo(null);
  }

  centre(id: string): void {
    const at = this.placeOf(id);
    if (at) this.flyTo({ ...at, zoom: Math.max(1, this.camera.get().zoom) });
  }

  /** Moves the camera only where the twin is not well in sight. */
  bringIntoView(id: string): void {
    const at = this.placeOf(id);
    if (!at) return;
    const size = this.size.get();
    const seen = toScreen(this.camera.get(), size, at);
    const inside =
      seen.x >= margin &&
      seen.y >= margin &&
      seen.x <= size.width - Math.max(margin, this.insets.right) &&
      seen.y <= size.height - margin;
    if (!inside || this.camera.get().zoom < 0.4) this.centre(id);
  }

  twinAt(at: Point): number | null {
    const scene = this.scene.get();
    if (!scene) return null;
    const camera = this.camera.get();
    return twinAt(scene, toDrawing(camera, this.size.get(), at), hitSlack / camera.zoom);
  }

  /** Shows the ring of the keyboard's focus. */
  focus(id: string | null): void {
    this.focused = id;
    this.invalidate();
  }

  hover(at: number | null): void {
    if (at === this.hovered) return;
    this.hovered = at;
    this.invalidate();
  }

  /** Moves a twin by hand, before it is placed. */
  drag(id: string, at: Point): void {
    // A drawing that is fitted anew would run away under the hand.
    if (!this.dragged) this.page.camera.set(this.camera.get());
    this.dragged = { id, at };
    this.applyDrag();
    this.invalidate();
  }

  /** Ends a drag: the twin stays where it is and is pinned there. */
  async drop(): Promise<void> {
    const dragged = this.dragged;
    if (!dragged) return;
    const placed = await this.page.place(dragged.id, [dragged.at.x, dragged.at.y]);
    if (this.dragged === dragged) this.dragged = null;
    if (!placed) this.rearrange(this.scene.get());
  }

  private placeOf(id: string): Point | null {
    const twin = this.page.instance.graph.twin(id);
    return twin ? { x: twin.x, y: twin.y } : null;
  }

  private take(change: GraphChange): void {
    const scene = this.scene.get();
    const { graph } = this.page.instance;
    if (change.replaced) this.dragged = null;
    if (!scene || change.structure) this.rearrange(change.replaced ? null : scene);
    if (change.replaced) this.hovered = null;
    const now = this.scene.get();
    if (now) updateScene(now, graph, change, performance.now());
    this.frames.soon();
  }

  private rearrange(before: Scene | null): void {
    const { graph } = this.page.instance;
    const hovered = before?.ids[this.hovered ?? -1];
    const scene = graph.session === null ? null : makeScene(graph, before, performance.now());
    this.hovered = scene?.index.get(hovered ?? "") ?? null;
    this.scene.set(scene);
    this.applyDrag();
    this.settle();
  }

  private applyDrag(): void {
    const scene = this.scene.get();
    const at = scene?.index.get(this.dragged?.id ?? "");
    if (!scene || at === undefined || !this.dragged) return;
    scene.x[at] = this.dragged.at.x;
    scene.y[at] = this.dragged.at.y;
  }

  private resize(): void {
    const { width, height } = this.canvas.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const density = window.devicePixelRatio;
    this.canvas.width = Math.round(width * density);
    this.canvas.height = Math.round(height * density);
    this.size.set({ width, height });
    this.settle();
    // A canvas is blank after its size changed: draw before the next paint.
    this.draw(performance.now());
  }

  private target(to: Camera | null): Camera {
    const bounds = this.scene.get()?.bounds ?? { x: 0, y: 0, width: 1, height: 1 };
    return to ?? fitted(bounds, this.size.get(), this.insets);
  }

  private settle(): void {
    if (!this.flight) this.camera.set(this.target(this.page.camera.get()));
    this.invalidate();
  }

  private flyTo(to: Camera | null): void {
    if (this.page.appearance.reducedMotion.get()) {
      this.page.camera.set(to);
      this.settle();
      return;
    }
    this.flight = { from: this.camera.get(), to, began: performance.now() };
    this.invalidate();
  }

  private fly(now: number): void {
    if (!this.flight) return;
    const { from, to, began } = this.flight;
    const t = (now - began) / flightTime;
    this.camera.set(between(from, this.target(to), t));
    if (t < 1) return;
    this.flight = null;
    this.page.camera.set(to);
  }

  private invalidate(): void {
    this.frames.next();
  }

  private draw(now: number): void {
    this.fly(now);
    const picture = this.picture(now);
    if (!picture) {
      clear(this.context, this.palette.canvas);
      return;
    }
    drawPicture(picture, window.devicePixelRatio);
    if (!this.drawn && picture.scene.ids.length > 0) {
      this.drawn = true;
      this.onFirstDrawing();
    }
    if (this.flight) this.frames.next();
    else if (glows(picture)) this.frames.soon();
  }

  private picture(now: number): Picture | null {
    const scene = this.scene.get();
    const size = this.size.get();
    if (!scene || size.width === 0) return null;
    const { glow, hiddenNames } = this.page.preferences.get();
    const calm = this.page.appearance.reducedMotion.get() ? "steady" : "decaying";
    const camera = this.camera.get();
    return {
      context: this.context,
      scene,
      camera,
      size,
      palette: this.palette,
      visible: visibleTwins(scene, camera, size),
      selected: scene.index.get(this.page.selection.id.get() ?? "") ?? null,
      focused: scene.index.get(this.focused ?? "") ?? null,
      hovered: this.hovered,
      hidden: new Set(hiddenNames.map((name) => scene.names.indexOf(name))),
      now,
      glow: glow ? calm : "off",
    };
  }
}
