import { Cell, Signal } from "../store/cell";
import type { Page } from "../store/page";
import type { GraphChange } from "../store/twinGraph";
import {
  between,
  type Camera,
  fitted,
  type Insets,
  type Point,
  panned,
  type Rect,
  type Size,
  toDrawing,
  toScreen,
  zoomedAt,
} from "./camera";
import { clusterAt, clusterRect } from "./clusters";
import { Drawing, type PathName } from "./draw/drawing";
import type { Picture } from "./draw/picture";
import { Sight } from "./draw/seen";
import { Dress, textOf } from "./dress";
import type { Column } from "./encoding/measure";
import { Frames } from "./frames";
import { makeScene, updateScene } from "./gather";
import { Glide } from "./glide";
import { frameAt, twinAt, twinsWithin } from "./hit";
import { litOf, type SceneLit } from "./lit";
import { readPalette } from "./palette";
import { followProperty } from "./propertyColumn";
import { boundsOf, moveTwin, type Scene } from "./scene";

const flightTime = 240;
const hitSlack = 3;
/** How near to the edge a revealed twin may stand, pixels. */
const margin = 48;
/** The pause before each frame that is drawn to time a path, ms. */
const trialAfter = 150;
/** How often heat is drawn anew while it decays, ms. */
const heatEvery = 250;

/** Where the camera goes; `to` is null for: fit the whole graph. */
interface Flight {
  from: Camera;
  to: Camera | null;
  began: number;
}

/** The drawing in its element: what is seen of it, and when it is drawn again. Knows no React. */
export class GraphSurface {
  readonly scene = new Cell<Scene | null>(null);
  /** The camera that is drawn now, on its way or at rest. */
  readonly camera = new Cell<Camera>({ x: 0, y: 0, zoom: 1 });
  readonly size = new Cell<Size>({ width: 0, height: 0 });
  /** A twin was clicked: the keyboard goes on from there. */
  readonly picked = new Signal<string>();
  /** How it is drawn at present. */
  readonly path = new Cell<PathName>("canvas");
  /** The rope of a box or lasso that is being drawn, screen points. */
  rope: Point[] = [];
  private palette = readPalette();
  private readonly dress = new Dress(this.palette);
  private readonly drawing: Drawing;
  /** What of the scene is seen; `null` without one. */
  sight: Sight | null = null;
  private column: Column | null = null;
  private group: Uint8Array | null = null;
  private lit: SceneLit | null = null;
  private hidesOthers = false;
  private insets: Insets = { top: 12, right: 12, bottom: 12, left: 12 };
  private flight: Flight | null = null;
  private glide: Glide | null = null;
  private focused: string | null = null;
  private hovered: number | null = null;
  private dragged: { id: string; at: Point } | null = null;
  private readonly frames = new Frames((now) => this.draw(now));
  private trial: ReturnType<typeof setTimeout> | undefined;
  private cooling: ReturnType<typeof setInterval> | undefined;
  private drawn = false;

  constructor(
    private readonly page: Page,
    private readonly element: HTMLElement,
    private readonly onFirstDrawing: () => void,
  ) {
    this.drawing = new Drawing(element, () => this.invalidate());
  }

  /** Begins to follow the graph, and to draw; answers how to stop. */
  attach(): () => void {
    const { instance, appearance, camera, selection, preferences, revealed, encoding, overlay } =
      this.page;
    this.rearrange(null);
    const resized = new ResizeObserver(() => this.resize());
    resized.observe(this.element);
    const redraw = () => this.invalidate();
    document.fonts.addEventListener("loadingdone", redraw);
    this.cooling = setInterval(() => this.cool(), heatEvery);
    const offs = [
      () => document.fonts.removeEventListener("loadingdone", redraw),
      instance.graphChanged.on((change) => this.take(change)),
      appearance.recoloured.on(() => {
        this.palette = readPalette();
        this.dress.recolour(this.palette);
        this.tellColours();
        this.invalidate();
      }),
      camera.subscribe(() => this.settle()),
      selection.id.subscribe(redraw),
      selection.group.subscribe(() => this.gather()),
      preferences.subscribe(() => {
        this.drawing.choose(preferences.get().renderer);
        redraw();
      }),
      encoding.subscribe(() => this.encode()),
      followProperty(this.page, (column) => {
        this.column = column;
        this.encode();
      }),
      revealed.on((id) => this.bringIntoView(id)),
      overlay.lit.subscribe(() => this.light()),
      overlay.fitted.on(() => this.fitLit()),
    ];
    this.drawing.choose(preferences.get().renderer);
    return () => {
      for (const off of offs) off();
      clearTimeout(this.trial);
      clearInterval(this.cooling);
      resized.disconnect();
      this.frames.stop();
      this.drawing.close();
    };
  }

  /** Why there is no WebGL here; `null` while none is known to fail. */
  get noWebgl(): string | null {
    return this.drawing.noWebgl;
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

  /** Shows a part of the drawing as large as it goes. */
  show(part: Rect): void {
    this.flyTo(fitted(part, this.size.get(), this.insets));
  }

  /** To the middle of what nothing covers. */
  centre(id: string): void {
    const at = this.placeOf(id);
    if (!at) return;
    const zoom = Math.max(1, this.camera.get().zoom);
    const { left, right } = this.insets;
    this.flyTo({ x: at.x - (left - right) / 2 / zoom, y: at.y, zoom });
  }

  /** Moves the camera only where the twin is not well in sight. */
  bringIntoView(id: string): void {
    const at = this.placeOf(id);
    if (!at) return;
    const size = this.size.get();
    const seen = toScreen(this.camera.get(), size, at);
    const inside =
      seen.x >= Math.max(margin, this.insets.left) &&
      seen.y >= margin &&
      seen.x <= size.width - Math.max(margin, this.insets.right) &&
      seen.y <= size.height - margin;
    if (!inside || this.camera.get().zoom < 0.4) this.centre(id);
  }

  twinAt(at: Point): number | null {
    const scene = this.scene.get();
    if (!scene) return null;
    const camera = this.camera.get();
    const found = twinAt(scene, this.toDrawing(at), hitSlack / camera.zoom);
    return found === null || this.sight?.isFolded(camera, found) ? null : found;
  }

  /** Where one thing stands for many, at a point: by which twin it goes, and where they are. */
  aggregateAt(at: Point): { id: string; rect: Rect } | null {
    const scene = this.scene.get();
    const camera = this.camera.get();
    if (!scene || !this.sight) return null;
    const frame = this.sight.isFar(camera)
      ? scene.frames[frameAt(scene, this.toDrawing(at)) ?? -1]
      : undefined;
    const id = scene.ids[frame?.twin ?? -1];
    if (frame && id !== undefined) return { id, rect: frame };
    const { clusters } = scene;
    if (!clusters || !this.sight.isCloud(camera)) return null;
    const own = clusterAt(clusters, this.toDrawing(at));
    const hub = own === null ? undefined : scene.ids[clusters.hub[own] ?? -1];
    return own === null || hub === undefined ? null : { id: hub, rect: clusterRect(clusters, own) };
  }

  toDrawing(at: Point): Point {
    return toDrawing(this.camera.get(), this.size.get(), at);
  }

  /** Draws the rope of a selection by box or lasso. */
  stretch(rope: Point[]): void {
    this.rope = rope;
    this.invalidate();
  }

  /** Ends a box or lasso: what is in it. */
  catch(): string[] {
    const scene = this.scene.get();
    const rope = this.rope.map((point) => this.toDrawing(point));
    this.stretch([]);
    if (!scene || rope.length < 3) return [];
    return twinsWithin(scene, rope).map((at) => scene.ids[at] ?? "");
  }

  /** From now on has the keys of the drawing as a whole. */
  takeKeyboard(): void {
    this.element.focus({ preventScroll: true });
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

  /** Where a twin stands; `null` for none of that id, or none that is drawn. */
  placeOf(id: string): Point | null {
    const scene = this.scene.get();
    const at = scene?.index.get(id);
    if (!scene || at === undefined || scene.absent[at]) return null;
    return { x: scene.x[at] as number, y: scene.y[at] as number };
  }

  private take(change: GraphChange): void {
    const scene = this.scene.get();
    const { graph } = this.page.instance;
    if (change.replaced) this.dragged = null;
    const structure = !scene || change.structure;
    if (structure) this.rearrange(change.replaced ? null : scene);
    if (change.replaced) this.hovered = null;
    const now = this.scene.get();
    if (!now) return;
    updateScene(now, graph, change, performance.now());
    this.dressUp(false);
    this.frames.soon();
  }

  private rearrange(before: Scene | null): void {
    const { graph } = this.page.instance;
    const hovered = before?.ids[this.hovered ?? -1];
    const now = performance.now();
    const scene =
      graph.session === null ? null : makeScene(graph, before, now, this.page.overlay.lit.get());
    this.hovered = scene?.index.get(hovered ?? "") ?? null;
    this.sight = scene ? new Sight(scene) : null;
    this.glide = null;
    if (scene) this.dressScene(scene, true);
    this.scene.set(scene);
    this.applyDrag();
    if (scene && before && !this.page.appearance.reducedMotion.get()) {
      this.glide = Glide.between(before, scene, now);
    }
    this.takeLit();
    this.gather();
    this.settle();
  }

  private encode(): void {
    this.dressUp(true);
    this.invalidate();
  }

  private dressUp(anew: boolean): void {
    const scene = this.scene.get();
    if (scene) this.dressScene(scene, anew);
  }

  private dressScene(scene: Scene, anew: boolean): void {
    const { instance, encoding } = this.page;
    const now = performance.now();
    const { column, dress } = this;
    if (dress.put(scene, instance.graph, encoding.get(), column, now, anew)) this.drawing.changed();
    this.tellColours();
  }

  private tellColours(): void {
    const { colours, encoding } = this.page;
    const { scale, table } = this.dress;
    if (colours.get()?.table !== table) colours.set({ encoding: encoding.get(), scale, table });
  }

  /** Heat decays without a change of the graph. */
  private cool(): void {
    if (this.page.encoding.get().colour !== "change" || document.hidden) return;
    this.dressUp(false);
    this.frames.soon();
  }

  /** Another overlay: where one hides, other twins are there. */
  private light(): void {
    const hides = this.page.overlay.lit.get()?.hides ?? false;
    if (hides || this.hidesOthers) this.rearrange(this.scene.get());
    this.hidesOthers = hides;
    this.takeLit();
    this.invalidate();
  }

  private takeLit(): void {
    const scene = this.scene.get();
    const lit = this.page.overlay.lit.get();
    this.lit = scene && lit && !lit.hides ? litOf(lit, scene) : null;
  }

  /** Shows all that is matched, as large as it goes. */
  private fitLit(): void {
    const scene = this.scene.get();
    const lit = this.page.overlay.lit.get();
    if (!scene || !lit) return;
    const part = boundsOf(scene, (at) => lit.twins[at] === 1);
    if (part) this.show(part);
  }

  /** Takes over which twins are selected together. */
  private gather(): void {
    const scene = this.scene.get();
    const ids = this.page.selection.group.get();
    this.group = null;
    if (scene && ids.size > 0) {
      const group = new Uint8Array(scene.ids.length);
      for (const id of ids) {
        const at = scene.index.get(id);
        if (at !== undefined) group[at] = 1;
      }
      this.group = group;
    }
    this.invalidate();
  }

  private applyDrag(): void {
    const scene = this.scene.get();
    const at = scene?.index.get(this.dragged?.id ?? "");
    if (!scene || at === undefined || !this.dragged) return;
    moveTwin(scene, at, this.dragged.at.x, this.dragged.at.y);
    this.drawing.changed();
  }

  private resize(): void {
    const { width, height } = this.element.getBoundingClientRect();
    if (width === 0 || height === 0) return;
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
    if (this.glide) {
      this.drawing.changed();
      if (!this.glide.step(now)) this.glide = null;
      this.applyDrag();
    }
    const picture = this.picture(now);
    if (!picture) return;
    const glows = this.drawing.draw(picture);
    this.path.set(this.drawing.path);
    if (!this.drawn && picture.scene.ids.length > 0) {
      this.drawn = true;
      this.onFirstDrawing();
    }
    if (this.flight || this.glide) this.frames.next();
    else if (glows) this.frames.soon();
    this.compareSoon(picture);
  }

  /** The quicker path is found by drawing on both in turns, with pauses for whoever waits. */
  private compareSoon(picture: Picture): void {
    if (this.trial !== undefined || !this.drawing.undecided(picture)) return;
    this.trial = setTimeout(() => {
      this.trial = undefined;
      const now = this.picture(performance.now());
      if (!now || document.hidden) return;
      if (this.drawing.compare(now)) this.path.set(this.drawing.path);
      else this.compareSoon(now);
    }, trialAfter);
  }

  private picture(now: number): Picture | null {
    const scene = this.scene.get();
    const size = this.size.get();
    if (!scene || !this.sight || size.width === 0) return null;
    const { glow, hiddenNames } = this.page.preferences.get();
    const calm = this.page.appearance.reducedMotion.get() ? "steady" : "decaying";
    const camera = this.camera.get();
    const selected = scene.index.get(this.page.selection.id.get() ?? "") ?? null;
    const hidden = new Set(hiddenNames.map((name) => scene.names.indexOf(name)));
    return {
      scene,
      camera,
      size,
      density: window.devicePixelRatio,
      palette: this.palette,
      table: this.dress.table,
      seen: this.sight.look(camera, size, hidden, selected, this.hovered, this.lit),
      selected,
      focused: scene.index.get(this.focused ?? "") ?? null,
      hovered: this.hovered,
      group: this.group,
      rope: this.rope,
      text: textOf(this.page.instance.graph, this.page.encoding.get()),
      now,
      glow: glow ? calm : "off",
    };
  }
}
