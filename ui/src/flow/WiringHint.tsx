import { useEffect, useState } from "react";
import { createPortal } from "react-dom";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { nodesAt } from "./Canvas";
import { refusal } from "./wiring";
import { titleOf } from "./words";

/** What a wire that is being drawn would do where it is, beside the pointer. */
export function WiringHint() {
  const { flow } = usePage();
  const from = useCell(flow.wiring);
  const [at, setAt] = useState<{ x: number; y: number; to: string | null } | null>(null);
  useEffect(() => {
    const move = ({ clientX: x, clientY: y }: PointerEvent) => {
      const from = flow.wiring.get();
      if (from === null) return;
      const found = nodesAt(x, y);
      const to = found.find((id) => refusal(flow.draft, from, id) === null) ?? found[0] ?? null;
      setAt({ x, y, to });
    };
    window.addEventListener("pointermove", move);
    return () => window.removeEventListener("pointermove", move);
  }, [flow]);
  if (from === null || !at?.to || at.to === from) return null;
  const refused = refusal(flow.draft, from, at.to);
  return createPortal(
    <div
      className="flow-hint"
      role="status"
      data-testid="wiring-hint"
      data-refused={refused !== null}
      style={{ left: at.x, top: at.y }}
    >
      {refused ?? `Wire ${titleOf(from)} to ${titleOf(at.to)}`}
    </div>,
    document.body,
  );
}
