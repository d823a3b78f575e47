import type { Page } from "../store/page";
import type { GraphSurface } from "./surface";

const panStep = 64;
const zoomStep = 1.25;

/** What a key does on the drawing; whether it does anything. */
export function pressKey(key: string, surface: GraphSurface, page: Page): boolean {
  switch (key) {
    case "0":
      surface.fit();
      return true;
    case "+":
    case "=":
      surface.zoom(zoomStep);
      return true;
    case "-":
      surface.zoom(1 / zoomStep);
      return true;
    case "ArrowLeft":
      surface.pan(panStep, 0);
      return true;
    case "ArrowRight":
      surface.pan(-panStep, 0);
      return true;
    case "ArrowUp":
      surface.pan(0, panStep);
      return true;
    case "ArrowDown":
      surface.pan(0, -panStep);
      return true;
    case "h":
      page.explore.hide();
      return true;
    case "i":
      page.explore.isolate();
      return true;
    case "u":
      return page.explore.undo();
    case "r":
      return page.explore.redo();
    case "Escape":
      // One step at a time: what lies over the graph first, then the selection.
      if (page.overlay.clear()) return true;
      page.selection.select(null);
      page.selection.gather([], false);
      page.tool.set("pan");
      return true;
    default:
      return false;
  }
}
