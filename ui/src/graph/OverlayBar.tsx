import { Maximize, X } from "lucide-react";
import { Button, IconButton } from "../look/Controls";
import { counted } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";

/** What lies over the graph, and what can be done with what it matches. */
export function OverlayBar() {
  const { overlay } = usePage();
  const lit = useCell(overlay.lit);
  const grouped = usePart(usePage().selection.group, (group) => group.size > 0);
  if (!lit) return null;
  const none = lit.twinCount === 0;
  return (
    <output
      className={grouped ? "group-bar overlay-bar above" : "group-bar overlay-bar"}
      data-testid="overlay-bar"
    >
      <span className="number">
        {lit.by === "query" ? "Query" : "Filter"}: {counted(lit.twinCount, "twin")}
        {lit.edgeCount > 0 && `, ${counted(lit.edgeCount, "relationship")}`}
      </span>
      <Button look="quiet" disabled={none} onClick={() => overlay.select()}>
        Select
      </Button>
      <Button look="quiet" icon={Maximize} disabled={none} onClick={() => overlay.fitted.emit()}>
        Fit
      </Button>
      <IconButton icon={X} label="Clear" keys="Esc" onClick={() => overlay.clear()} />
    </output>
  );
}
