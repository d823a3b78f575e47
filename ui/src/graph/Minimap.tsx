import { useEffect, useRef } from "react";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import { parseColour } from "./colour";
import { Raster } from "./draw/canvas/raster";
import { plain } from "./encoding/table";
import { readPalette } from "./palette";
import { halfHeightOf, halfWidthOf, type Scene } from "./scene";
import type { GraphSurface } from "./surface";

const width = 184;
const height = 100;
const inset = 6;
const mostSpecks = 50_000;

/** Drawing units to the overview: scale, then offset. */
function fitOf({ bounds }: Scene) {
  const scale = Math.min((width - 2 * inset) / bounds.width, (height - 2 * inset) / bounds.height);
  return {
    scale,
    left: (width - bounds.width * scale) / 2 - bounds.x * scale,
    top: (height - bounds.height * scale) / 2 - bounds.y * scale,
  };
}

/** The whole graph small, with what the panel shows of it. A press goes there. */
export function Minimap({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  const canvas = useRef<HTMLCanvasElement>(null);
  const revision = useGraphChanges(1000);
  const scene = useCell(surface.scene);
  const colours = useCell(page.colours);
  const camera = useCell(surface.camera);
  const size = useCell(surface.size);
  const selected = useCell(page.selection.id);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `revision` stands for the values in the scene
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (canvas.current && context && scene && colours) {
      draw(canvas.current, context, scene, colours.table.fill, selected);
    }
  }, [scene, colours, selected, revision]);

  if (!scene || scene.ids.length === 0) return null;
  const fit = fitOf(scene);
  const seen = {
    left: (camera.x - size.width / 2 / camera.zoom) * fit.scale + fit.left,
    top: (camera.y - size.height / 2 / camera.zoom) * fit.scale + fit.top,
    right: (camera.x + size.width / 2 / camera.zoom) * fit.scale + fit.left,
    bottom: (camera.y + size.height / 2 / camera.zoom) * fit.scale + fit.top,
  };
  const goTo = (event: React.PointerEvent<HTMLDivElement>) => {
    if (!(event.buttons & 1)) return;
    const box = event.currentTarget.getBoundingClientRect();
    page.camera.set({
      x: (event.clientX - box.left - fit.left) / fit.scale,
      y: (event.clientY - box.top - fit.top) / fit.scale,
      zoom: camera.zoom,
    });
  };
  const clip = (value: number, most: number) => Math.min(most, Math.max(0, value));
  const edges = {
    left: clip(seen.left, width - 2),
    top: clip(seen.top, height - 2),
    right: clip(seen.right, width - 2),
    bottom: clip(seen.bottom, height - 2),
  };
  return (
    <div
      className="card minimap"
      aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        goTo(event);
      }}
      onPointerMove={goTo}
    >
      <canvas ref={canvas} style={{ width: width - 2, height: height - 2 }} />
      <div
        className="minimap-seen"
        style={{
          left: edges.left,
          top: edges.top,
          width: Math.max(4, edges.right - edges.left),
          height: Math.max(4, edges.bottom - edges.top),
        }}
      />
    </div>
  );
}

/** Places in the overview, device pixels. */
function draw(
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
  scene: Scene,
  fill: Uint32Array,
  selected: string | null,
): void {
  const palette = readPalette();
  const density = window.devicePixelRatio;
  const fit = fitOf(scene);
  const [scale, left, top] = [fit.scale * density, fit.left * density, fit.top * density];
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const raster = new Raster(context);
  raster.begin(canvas.width, canvas.height, parseColour(palette.panel));
  const line = parseColour(palette["cont-line"]);
  for (const frame of scene.frames) {
    const x = Math.round(frame.x * scale + left);
    const y = Math.round(frame.y * scale + top);
    const right = Math.round((frame.x + frame.width) * scale + left);
    const bottom = Math.round((frame.y + frame.height) * scale + top);
    if (bottom - y > 2) raster.frame(x, y, right, bottom, 0, null, line, 1);
  }
  const quiet = parseColour(palette.edge);
  // Where there are more twins than pixels, some of them show the same.
  const step = Math.ceil(scene.ids.length / mostSpecks);
  const { all } = scene.grid;
  for (let place = 0; place < all.length; place += step) {
    const at = all[place] as number;
    if (scene.absent[at]) continue;
    const halfX = Math.max(0.5, halfWidthOf(scene.shape[at]) * scale);
    const halfY = Math.max(0.5, halfHeightOf(scene.shape[at]) * scale);
    const [x, y] = [(scene.x[at] as number) * scale + left, (scene.y[at] as number) * scale + top];
    const paint = scene.paint[at] as number;
    raster.box(x, y, halfX, halfY, paint === plain ? quiet : (fill[paint] as number), 1);
  }
  raster.end();
  const at = scene.index.get(selected ?? "");
  if (at === undefined || scene.absent[at]) return;
  const [x, y] = [(scene.x[at] as number) * scale + left, (scene.y[at] as number) * scale + top];
  const [halfX, halfY] = [
    Math.max(1, halfWidthOf(scene.shape[at]) * scale) + 2,
    Math.max(1, halfHeightOf(scene.shape[at]) * scale) + 2,
  ];
  context.strokeStyle = palette.accent;
  context.lineWidth = 1.5 * density;
  context.strokeRect(x - halfX, y - halfY, 2 * halfX, 2 * halfY);
}
