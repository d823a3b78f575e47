import { getViewportForBounds, useReactFlow, useStoreApi } from "@xyflow/react";
import { useEffect } from "react";
import { usePage } from "../store/usePage";
import { type Box, boxesOf, shownBy } from "./boxes";
import type { Sheet } from "./deployment";
import type { Viewport } from "./kept";
import { extentOf, wirePaths } from "./wirePaths";

/** So small that 60 routes below each other are seen whole. */
export const zooms = { least: 0.05, most: 2 };
/** What is opened is to be read; what is fitted is to be seen whole. */
const readable = 0.75;
/** The bar above tells what is not deployed; it lies over the canvas, so that nothing moves. */
const barHeight = 38;
const edge = 16;
/** With the room around it: the legend lies over the canvas, too. */
const legendHeight = 48;
/** A wire that is drawn this near to the edge moves the canvas: no port that is fitted lies there. */
const panning = 48;
const padding = {
  x: `${panning}px`,
  top: `${barHeight + edge}px`,
  bottom: `${legendHeight}px`,
} as const;
/** How near to the edge a node is brought, in pixels. */
const near = 32;

interface Size {
  width: number;
  height: number;
}

/** All of a topology, at a scale of at least `least`. */
function whole({ draft, places }: Sheet, { width, height }: Size, least: number): Viewport {
  const boxes = boxesOf(draft, places);
  const extent = extentOf(boxes, wirePaths(draft, boxes));
  const at = getViewportForBounds(extent, width, height, least, 1, padding);
  // What does not fit begins at its top left.
  const wide = extent.width * at.zoom > width;
  const high = extent.height * at.zoom > height;
  return {
    zoom: at.zoom,
    x: wide ? edge - extent.x * at.zoom : at.x,
    y: high ? barHeight + edge - extent.y * at.zoom : at.y,
  };
}

/** What a topology is first seen by: readable, with its beginning. */
export const firstSight = (sheet: Sheet, size: Size): Viewport => whole(sheet, size, readable);

/** With a node in view, moved as little as brings it in: who sees it already keeps their place. */
function withNode(box: Box, { width, height }: Size, { x, y, zoom }: Viewport): Viewport {
  const scale = Math.max(zoom, readable);
  const shift = (at: number, size: number, offset: number, first: number, last: number) =>
    Math.max(Math.min(offset, last - (at + size) * scale), first - at * scale);
  return {
    x: shift(box.x, box.width, x, near, width - near),
    y: shift(box.y, box.height, y, near + barHeight, height - legendHeight),
    zoom: scale,
  };
}

/** Fits what there is, and brings a node into view, when that is asked for. */
export function useViewport(): void {
  const { flow, appearance } = usePage();
  const drawing = useReactFlow();
  const store = useStoreApi();
  useEffect(() => {
    const go = (to: Viewport) =>
      void drawing.setViewport(to, { duration: appearance.reducedMotion.get() ? 0 : 240 });
    // What is new is on the canvas with the next frame.
    const offs = [
      flow.fitted.on(() =>
        requestAnimationFrame(() =>
          go(whole(flow.deployment.sheet.get(), store.getState(), zooms.least)),
        ),
      ),
      flow.revealed.on((id) =>
        requestAnimationFrame(() => {
          const { draft, places } = flow.deployment.sheet.get();
          const box = boxesOf(draft, places).get(shownBy(draft, id));
          if (!box) return;
          const now = drawing.getViewport();
          const to = withNode(box, store.getState(), now);
          if (to.x !== now.x || to.y !== now.y || to.zoom !== now.zoom) go(to);
        }),
      ),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [flow, appearance, drawing, store]);
}
