import { colourOf } from "../graph/encoding/colours";
import { age, onNode } from "../look/format";
import { useCell } from "../store/cell";
import type { Sample } from "../store/history";
import { useGraphChanges, usePage } from "../store/usePage";
import type { TwinDetail } from "../wire/TwinDetail";

const width = 236;
const height = 36;
const pad = 5;

/** The line through samples as an SVG path, time across and value up. */
function sparkPath(samples: readonly Sample[]): { path: string; end: [number, number] } {
  const first = samples[0]?.time ?? 0;
  const span = Math.max(1, (samples.at(-1)?.time ?? 0) - first);
  const values = samples.map((sample) => sample.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = Math.max(high - low, 1e-9);
  const points = samples.map(({ time, value }): [number, number] => [
    ((time - first) / span) * (width - 2 * pad) + pad,
    high === low ? height / 2 : height - pad - ((value - low) / range) * (height - 2 * pad),
  ]);
  const path = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  return { path: `M${path}`, end: points.at(-1) ?? [0, 0] };
}

/** The value that stands on the node, since the app was opened. */
export function Sparkline({ twin }: { twin: TwinDetail }) {
  const { instance, colours } = usePage();
  const colouring = useCell(colours);
  useGraphChanges(200, (change) => change.twins.some((one) => one.id === twin.id));
  const kind = instance.graph.kinds.find((one) => one.model === twin.model);
  if (!kind?.valueProperty) return null;
  const samples = instance.history.of(twin.id);
  const last = samples.at(-1);
  if (!last || samples.length < 2) {
    return (
      <div className="inspector-part">
        <header className="section-head">
          <h3 className="mono">{kind.valueProperty}</h3>
          <span>no change since opened</span>
        </header>
      </div>
    );
  }
  const values = samples.map((sample) => sample.value);
  const [low, high] = [onNode(Math.min(...values)), onNode(Math.max(...values))];
  const { path, end } = sparkPath(samples);
  const property = kind.valueProperty;
  const valued = { property, unit: kind.unit, onTwin: true, value: last.value };
  return (
    <div className="inspector-part">
      <header className="section-head">
        <h3 className="mono">{kind.valueProperty}</h3>
        <span className="number">
          last {age(samples[0]?.time ?? last.time, last.time)},{" "}
          {low === high ? low : `${low} to ${high}`}
        </span>
      </header>
      <div className="spark">
        <svg width={width} height={height} aria-hidden="true">
          <path
            d={path}
            fill="none"
            stroke="var(--text2)"
            strokeWidth="1.25"
            strokeLinejoin="round"
          />
          <circle
            cx={end[0]}
            cy={end[1]}
            r="3"
            fill={colourOf(colouring, valued) ?? "var(--text2)"}
            stroke="var(--text)"
          />
        </svg>
        <strong className="number">{onNode(last.value)}</strong>
      </div>
    </div>
  );
}
