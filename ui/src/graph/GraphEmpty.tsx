import { Button } from "../look/Controls";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";

/** What the panel says while there is nothing to draw. */
export function GraphEmpty() {
  const page = usePage();
  const status = useCell(page.instance.status);
  useGraphChanges(100, (change) => change.structure);
  const { graph } = page.instance;
  const open = <Button onClick={() => page.dialog.set("open")}>Open something else</Button>;
  if (graph.session === null) {
    // Opening and failing have their own words over the panel.
    if (status?.phase.phase !== "ready") return null;
    return <div className="empty graph-empty">Loading the graph …</div>;
  }
  if (graph.size > 0) return null;
  return (
    <div className="empty graph-empty">
      <strong>No twins yet</strong>
      <p>
        Twins and their relationships are drawn here.{" "}
        {status?.endpoint && (
          <>
            Create some through <span className="mono selectable">{status.endpoint}</span>, or open
            a workspace that has them.
          </>
        )}
      </p>
      {open}
    </div>
  );
}
