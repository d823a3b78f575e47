import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import { scale, temperaturePaint } from "./scale";
import type { Scene } from "./scene";
import type { GraphSurface } from "./surface";

const width = 154;
const height = 40;
const binsPerDegree = 2;
const span = scale.high - scale.low;
const binCount = span * binsPerDegree;
const ticks = [15, 18, 21, 24, 27];

/** How many temperatures lie in each half degree; what is outside of the scale counts at its end. */
export function temperatureBins(scene: Scene): number[] {
  const bins = new Array<number>(binCount).fill(0);
  for (let at = 0; at < scene.ids.length; at++) {
    const value = scene.value[at] ?? Number.NaN;
    if (!scene.temperature[at] || scene.meanOf[at] || Number.isNaN(value)) continue;
    const bin = Math.floor((value - scale.low) * binsPerDegree);
    const inside = Math.min(binCount - 1, Math.max(0, bin));
    bins[inside] = (bins[inside] ?? 0) + 1;
  }
  return bins;
}

const across = (degrees: number): number =>
  (Math.min(span, Math.max(0, degrees - scale.low)) / span) * width;

/** The temperature scale with how the building's values spread over it. */
export function TemperatureKey({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  useGraphChanges(1000);
  const scene = useCell(surface.scene);
  const theme = useCell(page.appearance.theme);
  const selected = useCell(page.selection.id);
  if (!scene) return null;
  const bins = temperatureBins(scene);
  const most = Math.max(1, ...bins);
  const at = scene.index.get(selected ?? "") ?? -1;
  const mark = scene.temperature[at] ? (scene.value[at] ?? Number.NaN) : Number.NaN;
  return (
    <section className="card" aria-label="Temperature scale">
      <h3 className="card-head">Temperature, °C</h3>
      <svg className="scale" width={width} height={height + 40} aria-hidden="true">
        {bins.map((amount, bin) => (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its place
            key={bin}
            x={(bin * width) / binCount}
            y={height - (amount / most) * height}
            width={width / binCount - 0.5}
            height={(amount / most) * height}
            fill="var(--edge)"
          />
        ))}
        {Array.from({ length: span }, (_, degree) => scale.low + degree).map((degrees) => (
          <rect
            key={degrees}
            x={across(degrees)}
            y={height + 5}
            width={width / span - 0.5}
            height={12}
            fill={temperaturePaint(theme, degrees + 0.5).fill}
          />
        ))}
        {ticks.map((degrees) => (
          <text
            key={degrees}
            x={across(degrees)}
            y={height + 32}
            textAnchor={degrees === scale.low ? "start" : degrees === scale.high ? "end" : "middle"}
          >
            {degrees}
          </text>
        ))}
        {!Number.isNaN(mark) && (
          <path
            d={`M${across(mark) - 4} ${height - 1}h8l-4 6Z`}
            fill="var(--accent)"
            stroke="var(--panel)"
          />
        )}
      </svg>
    </section>
  );
}
