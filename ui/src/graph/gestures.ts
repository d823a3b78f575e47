import type { Page } from "../store/page";
import { type Point, toDrawing } from "./camera";
import type { GraphSurface } from "./surface";

/** A press that moves less is a click, pixels. */
const still = 4;
const doubleClick = 400;
const wheelSpeed = 0.0015;
const lineHeight = 16;

interface Press {
  from: Point;
  twin: string | null;
  /** What a drag from here does. */
  drag: "move" | "pan" | "box" | "lasso";
  /** Whether what is caught joins what is selected already. */
  adds: boolean;
  /** From the twin's middle to where it was grabbed, in drawing units. */
  grip: Point;
  moved: boolean;
}

/** Pointers on the drawing: pan, zoom, pinch, select, move. Answers how to stop listening. */
export function listen(canvas: HTMLElement, surface: GraphSurface, page: Page): () => void {
  const pointers = new Map<number, Point>();
  let press: Press | null = null;
  let lastClick = { time: 0, twin: "" };

  const pointOf = (event: MouseEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const drawingPoint = (at: Point): Point =>
    toDrawing(surface.camera.get(), surface.size.get(), at);
  const idAt = (at: Point): string | null =>
    surface.scene.get()?.ids[surface.twinAt(at) ?? -1] ?? null;

  function down(event: PointerEvent): void {
    if (event.button > 1) return;
    const at = pointOf(event);
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at);
    const twin = event.button === 0 ? idAt(at) : null;
    const middle = surface.placeOf(twin ?? "");
    const grabbed = drawingPoint(at);
    press = {
      from: at,
      twin,
      drag: dragOf(event, twin),
      adds: event.ctrlKey || event.metaKey,
      grip: middle ? { x: grabbed.x - middle.x, y: grabbed.y - middle.y } : { x: 0, y: 0 },
      moved: pointers.size > 1,
    };
  }

  /** Shift draws a box and Alt a lasso, as do the tools of the toolbar. */
  function dragOf(event: PointerEvent, twin: string | null): Press["drag"] {
    if (event.button !== 0) return "pan";
    if (event.altKey) return "lasso";
    if (event.shiftKey) return "box";
    const tool = page.tool.get();
    return tool === "pan" && twin ? "move" : tool;
  }

  function move(event: PointerEvent): void {
    const at = pointOf(event);
    const before = pointers.get(event.pointerId);
    if (!before || !press) {
      const over = surface.twinAt(at);
      surface.hover(over);
      const ready = page.tool.get() === "pan" ? "default" : "crosshair";
      canvas.style.cursor = over === null ? ready : "pointer";
      return;
    }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, at);
    if (other) {
      pinch(before, at, other);
      return;
    }
    press.moved ||= Math.hypot(at.x - press.from.x, at.y - press.from.y) > still;
    if (!press.moved) return;
    if (press.drag === "box") surface.stretch(boxOf(press.from, at));
    else if (press.drag === "lasso") surface.stretch([...surface.rope, at]);
    else if (press.drag === "move" && press.twin) {
      const to = drawingPoint(at);
      surface.drag(press.twin, { x: to.x - press.grip.x, y: to.y - press.grip.y });
    } else {
      canvas.style.cursor = "grabbing";
      surface.pan(at.x - before.x, at.y - before.y);
    }
  }

  function pinch(before: Point, at: Point, other: Point): void {
    const distance = (a: Point) => Math.hypot(a.x - other.x, a.y - other.y);
    const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
    surface.pan((at.x - before.x) / 2, (at.y - before.y) / 2);
    if (distance(before) > 0) surface.zoomAt(middle, distance(at) / distance(before));
  }

  function up(event: PointerEvent): void {
    pointers.delete(event.pointerId);
    canvas.style.cursor = "default";
    if (!press || pointers.size > 0) return;
    const { twin, moved, drag, adds, from } = press;
    press = null;
    if (!moved) click(twin ?? surface.aggregateAt(from)?.id ?? null, from, adds, event.timeStamp);
    else if (drag === "box" || drag === "lasso") page.selection.gather(surface.catch(), adds);
    else void surface.drop();
  }

  function cancel(event: PointerEvent): void {
    pointers.delete(event.pointerId);
    press = null;
    surface.stretch([]);
    void surface.drop();
  }

  function click(twin: string | null, at: Point, adds: boolean, time: number): void {
    if (adds && twin !== null) {
      page.selection.toggle(twin);
      return;
    }
    const again = twin !== null && lastClick.twin === twin && time - lastClick.time < doubleClick;
    lastClick = { time, twin: twin ?? "" };
    page.selection.select(twin);
    if (twin !== null) surface.picked.emit(twin);
    // A click beside those that are selected together lets them go, one on them looks at one.
    if (twin === null || !page.selection.group.get().has(twin)) page.selection.gather([], false);
    const aggregate = surface.twinAt(at) === null ? surface.aggregateAt(at) : null;
    if (again && aggregate) surface.show(aggregate.rect);
    else if (again) surface.centre(twin);
  }

  function wheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels =
      event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * lineHeight : event.deltaY;
    // A trackpad's pinch comes as small steps with Ctrl.
    const speed = event.ctrlKey ? wheelSpeed * 6 : wheelSpeed;
    surface.zoomAt(pointOf(event), Math.exp(-pixels * speed));
  }

  const leave = () => surface.hover(null);
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", cancel);
  canvas.addEventListener("pointerleave", leave);
  canvas.addEventListener("wheel", wheel, { passive: false });
  return () => {
    canvas.removeEventListener("pointerdown", down);
    canvas.removeEventListener("pointermove", move);
    canvas.removeEventListener("pointerup", up);
    canvas.removeEventListener("pointercancel", cancel);
    canvas.removeEventListener("pointerleave", leave);
    canvas.removeEventListener("wheel", wheel);
  };
}

const boxOf = (from: Point, to: Point): Point[] => [
  from,
  { x: to.x, y: from.y },
  to,
  { x: from.x, y: to.y },
];
