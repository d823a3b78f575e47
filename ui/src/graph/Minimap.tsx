import { useEffect, useRef } from "react";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import { readPalette } from "./palette";
import { temperaturePaint } from "./scale";
import { halfHeightOf, halfWidthOf, type Scene } from "./scene";
import type { GraphSurface } from "./surface";

const width = 184;
const height = 100;
const inset = 6;

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
  const camera = useCell(surface.camera);
  const size = useCell(surface.size);
  const theme = useCell(page.appearance.theme);
  const selected = useCell(page.selection.id);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `revision` stands for the values in the scene
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (canvas.current && context && scene) draw(canvas.current, context, scene, selected);
  }, [scene, selected, theme, revision]);

  if (!scene || scene.ids.length === 0) return null;
  const { scale, left, top } = fitOf(scene);
  const seen = {
    left: (camera.x - size.width / 2 / camera.zoom) * scale + left,
    top: (camera.y - size.height / 2 / camera.zoom) * scale + top,
    right: (camera.x + size.width / 2 / camera.zoom) * scale + left,
    bottom: (camera.y + size.height / 2 / camera.zoom) * scale + top,
  };
  const goTo = (event: React.PointerEvent<HTMLDivElement>) => {
    if (!(event.buttons & 1)) return;
    const box = event.currentTarget.getBoundingClientRect();
    page.camera.set({
      x: (event.clientX - box.left - left) / scale,
      y: (event.clientY - box.top - top) / scale,
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

function draw(
  canvas: HTMLCanvasElement,
  context: CanvasRenderingContext2D,
  scene: Scene,
  selected: string | null,
): void {
  const palette = readPalette();
  const density = window.devicePixelRatio;
  const { scale, left, top } = fitOf(scene);
  canvas.width = width * density;
  canvas.height = height * density;
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  context.strokeStyle = palette["cont-line"];
  for (const frame of scene.frames) {
    context.strokeRect(
      frame.x * scale + left,
      frame.y * scale + top,
      frame.width * scale,
      frame.height * scale,
    );
  }
  for (let at = 0; at < scene.ids.length; at++) {
    const value = scene.value[at] ?? Number.NaN;
    const coloured = scene.temperature[at] === 1 && !Number.isNaN(value);
    context.fillStyle = coloured ? temperaturePaint(palette.theme, value).fill : palette.edge;
    const halfX = Math.max(1, halfWidthOf(scene.shape[at]) * scale);
    const halfY = Math.max(1, halfHeightOf(scene.shape[at]) * scale);
    const [x, y] = [(scene.x[at] ?? 0) * scale + left, (scene.y[at] ?? 0) * scale + top];
    context.fillRect(x - halfX, y - halfY, 2 * halfX, 2 * halfY);
    if (scene.ids[at] === selected) {
      context.strokeStyle = palette.accent;
      context.lineWidth = 1.5;
      context.strokeRect(x - halfX - 2, y - halfY - 2, 2 * halfX + 4, 2 * halfY + 4);
      context.lineWidth = 1;
      context.strokeStyle = palette["cont-line"];
    }
  }
}
