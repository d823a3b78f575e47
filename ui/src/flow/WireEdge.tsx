import type { Edge, EdgeProps } from "@xyflow/react";
import { rate } from "../look/format";
import { usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { type Draft, nameOf, own, theInstance } from "./draft";
import { heatOf } from "./meters";
import { useDraft, useWireReading } from "./reading";
import { headOf, type WirePath } from "./wirePaths";

export type WireOfCanvas = Edge<{ wire: WirePath }, "wire">;

/** A wire with its traffic, as width and colour, and its rate in figures. */
export function WireEdge({ data, selected }: EdgeProps<WireOfCanvas>) {
  const { flow } = usePage();
  const draft = useDraft();
  const wire = data?.wire;
  const reading = useWireReading(wire?.id ?? "");
  const dropping = usePart(flow.meters.readings, ({ nodes }) => {
    const ends = nameOf(wire?.to ?? "")?.part;
    const drops = ends === "endpoints" || ends === "endpoints2019";
    return drops && (nodes.get(wire?.to ?? "")?.dropping ?? 0) > 0;
  });
  if (!wire) return null;
  const heat = dropping ? "drop" : heatOf(reading?.rate);
  const words = reading && reading.rate !== null ? `${rate(reading.rate)}/s` : "";
  const [x, y] = wire.label;
  const about = wire.feedback ? feedbackWords(draft, wire.from) : "";
  return (
    <g
      className="flow-wire"
      data-heat={heat}
      data-selected={selected}
      data-testid={`wire:${wire.id}`}
    >
      {selected && <path className="flow-wire-ring" d={wire.path} />}
      <path className="flow-wire-line" d={wire.path} />
      <path className="flow-wire-head" d={headOf(wire)} />
      {(wire.from === theInstance || wire.to === theInstance) && !wire.feedback && (
        <circle
          className="flow-wire-port"
          cx={wire.from === theInstance ? wire.start[0] : wire.tip[0]}
          cy={wire.from === theInstance ? wire.start[1] : wire.tip[1]}
          r="4"
        />
      )}
      <path className="react-flow__edge-interaction" d={wire.path} fill="none" strokeWidth="16" />
      {(words || about) && (
        <text className="flow-wire-rate number" x={x} y={y} textAnchor={wire.anchor}>
          {about && <tspan className="flow-wire-about">{about}</tspan>}
          {about && words ? "  " : ""}
          {words}
        </text>
      )}
    </g>
  );
}

/** What leads back: the property, and over which relationship. */
function feedbackWords(draft: Draft, from: string): string {
  const spec = own(draft.parts.functions, nameOf(from)?.name ?? "");
  if (spec?.kind !== "propagateToParent") return "";
  const { parentProperty, relationship } = spec;
  return parentProperty && relationship ? `${parentProperty} over ${relationship}` : "";
}
