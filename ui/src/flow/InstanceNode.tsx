import { Handle, type NodeProps, Position } from "@xyflow/react";
import { Waypoints } from "lucide-react";
import { count, rate } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { theInstance } from "./draft";
import { useFits } from "./PartNode";
import { useDraft, useReading } from "./reading";

const width = 114;
const height = 44;

/** The spine: all that comes goes in here, all that goes out begins here. */
export function InstanceNode({ selected }: NodeProps) {
  const { instance, flow } = usePage();
  const most = useCell(flow.limits);
  const status = useCell(instance.status);
  const draft = useDraft();
  const { parts } = draft;
  const reading = useReading(theInstance);
  const fits = useFits(theInstance);
  const endpoints = Object.keys(parts.endpoints).length;
  return (
    <div
      className="flow-node flow-instance"
      data-testid={`flow-node:${theInstance}`}
      data-node={theInstance}
      data-selected={selected}
      data-fits={fits}
    >
      <div className="flow-node-body">
        <div className="flow-node-head">
          <Waypoints size={16} aria-hidden />
          <strong>Instance</strong>
        </div>
        <p className="flow-node-kind ellipsis" title={status?.name}>
          {status?.name}
        </p>
        <Row name="Twins" value={count(status?.twins ?? 0)} />
        <Row name="Relationships" value={count(status?.relationships ?? 0)} />
        <Row name="Models" value={count(status?.models ?? 0)} />
        <hr />
        <Use name="Routes" now={Object.keys(parts.routes).length} most={most.routes} />
        <Use name="Endpoints" now={endpoints} most={most.endpoints} />
        <hr />
        <Row
          name="Events/s"
          value={reading?.done === null || reading?.done === undefined ? "–" : rate(reading.done)}
        />
        <Past />
      </div>
      <Handle
        type="target"
        position={Position.Left}
        id="in"
        className="flow-side"
        isConnectableStart={false}
        data-testid={`port-in:${theInstance}`}
        aria-label="Wire to the instance"
      />
      <Handle
        type="source"
        position={Position.Right}
        id="out"
        className="flow-side"
        data-testid={`port-out:${theInstance}`}
        aria-label="Wire from the instance"
      />
    </div>
  );
}

const Row = ({ name, value }: { name: string; value: string }) => (
  <p className="flow-figure">
    <span>{name}</span>
    <span className="number">{value}</span>
  </p>
);

function Use({ name, now, most }: { name: string; now: number; most: number | null }) {
  if (most === null) return <Row name={name} value={count(now)} />;
  return (
    <div className="flow-use">
      <Row name={name} value={`${now} of ${most}`} />
      <div className="flow-bar" data-full={now > most}>
        <span style={{ width: `${Math.min(100, (now / most) * 100)}%` }} />
      </div>
    </div>
  );
}

/** The rates of the last minutes. */
function Past() {
  const past = usePart(usePage().flow.meters.past, (rates) => rates);
  const peak = Math.max(...past, 1);
  const step = width / Math.max(past.length - 1, 1);
  const points = past.map(
    (each, at) =>
      `${(at * step).toFixed(1)} ${(height - 2 - (each / peak) * (height - 4)).toFixed(1)}`,
  );
  return (
    <svg className="flow-past" width={width} height={height} aria-hidden="true">
      {past.length > 1 && <path d={`M${points.join("L")}`} />}
    </svg>
  );
}
