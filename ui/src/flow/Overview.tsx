import { MiniMap } from "@xyflow/react";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";

/** All of the topology, small, in the colours of its states. A drag moves what is seen. */
export function Overview() {
  const { flow } = usePage();
  const shown = useCell(flow.overview);
  const { nodes } = useCell(flow.meters.readings);
  if (!shown) return null;
  return (
    <MiniMap
      className="flow-overview"
      ariaLabel="Overview of the topology"
      style={{ width: 160, height: 104 }}
      nodeClassName={({ id }) => `state-${nodes.get(id)?.state.kind ?? "none"}`}
      nodeBorderRadius={8}
      pannable
      zoomable
    />
  );
}
