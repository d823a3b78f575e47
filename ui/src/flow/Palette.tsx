import { useReactFlow } from "@xyflow/react";
import { useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { Tooltip } from "../look/Controls";
import { usePage } from "../store/usePage";
import { portY } from "./boxes";
import { nodesAt } from "./Canvas";
import { type Offer, palette } from "./offers";

/** How far a pointer goes before it drags. */
const slack = 4;
/** Where in the new node the pointer is. */
const hold = 64;
const grid = 8;

interface Held {
  offer: Offer;
  x: number;
  y: number;
}

/**
 * Drags an item by pointer events: HTML's own dragging is not told to a page in every web view.
 * Answers what is held, and what begins it.
 */
function useDragging() {
  const { flow } = usePage();
  const drawing = useReactFlow();
  const [held, setHeld] = useState<Held | null>(null);
  /** Whether the press that is going on was a drag, so that its click adds nothing. */
  const dragged = useRef(false);
  const end = useRef<() => void>(() => undefined);
  useEffect(() => () => end.current(), []);

  const begin = (offer: Offer, press: React.PointerEvent) => {
    if (press.button !== 0) return;
    dragged.current = false;
    const move = (event: PointerEvent) => {
      const far = Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY);
      if (far > slack) dragged.current = true;
      if (!dragged.current) return;
      setHeld({ offer, x: event.clientX, y: event.clientY });
      const over = nodesAt(event.clientX, event.clientY).at(-1) ?? null;
      const before = flow.dropping.get();
      if (before?.over !== over || before === null) flow.dropping.set({ offer, over });
    };
    const drop = (event: PointerEvent) => {
      end.current();
      const under = document.elementFromPoint(event.clientX, event.clientY);
      if (!dragged.current || !under?.closest(".flow-canvas")) return;
      const at = drawing.screenToFlowPosition({ x: event.clientX, y: event.clientY });
      const snapped = (value: number) => Math.round(value / grid) * grid;
      const place = { x: snapped(at.x - hold), y: snapped(at.y - portY) };
      flow.add(offer, place, nodesAt(event.clientX, event.clientY).at(-1) ?? null);
    };
    const giveUp = (event: KeyboardEvent) => {
      if (event.key === "Escape") end.current();
    };
    end.current = () => {
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", drop);
      window.removeEventListener("pointercancel", end.current);
      window.removeEventListener("keydown", giveUp);
      setHeld(null);
      flow.dropping.set(null);
    };
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", drop);
    window.addEventListener("pointercancel", end.current);
    window.addEventListener("keydown", giveUp);
  };
  return { held, begin, dragged };
}

/** What can be added: dragged onto the canvas, or put there by Enter. */
export function Palette() {
  const { flow } = usePage();
  const { held, begin, dragged } = useDragging();
  return (
    <aside className="flow-palette" aria-label="Palette">
      {palette.map(({ title, offers }) => (
        <section key={title}>
          <h3>{title}</h3>
          {offers.map((offer) => (
            <Tooltip
              key={offer.key}
              closed={held !== null}
              text={`${offer.hint}. Drag it onto the canvas, or press Enter to add it`}
            >
              <button
                type="button"
                className="flow-offer"
                data-testid={`palette:${offer.key}`}
                data-held={held?.offer === offer || undefined}
                onPointerDown={(event) => begin(offer, event)}
                onClick={() => {
                  if (!dragged.current) flow.add(offer, null);
                  dragged.current = false;
                }}
              >
                <offer.icon size={16} aria-hidden />
                <span>{offer.label}</span>
              </button>
            </Tooltip>
          ))}
        </section>
      ))}
      {held &&
        createPortal(
          <div className="flow-held" style={{ left: held.x, top: held.y }}>
            <held.offer.icon size={16} aria-hidden />
            {held.offer.label}
          </div>,
          document.body,
        )}
    </aside>
  );
}
