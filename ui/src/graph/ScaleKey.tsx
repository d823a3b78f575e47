import { count, short } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import type { Scale } from "./encoding/measure";
import { paintOfCategory } from "./encoding/measure";
import { categories, type Paint, ramp, type Theme } from "./scale";
import { unitOf } from "./scene";
import type { GraphSurface } from "./surface";

const width = 158;
const height = 40;
const steps = 12;
/** Where numbers stand on the scale: as many as there is room for. */
const ticks = [0, 0.25, 0.5, 0.75, 1];
const fewTicks = [0, 0.5, 1];
const shortTick = 3;

/** What the colours mean: a scale with how the values spread over it, or categories with counts. */
export function ScaleKey({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  const scale = usePart(page.colours, (colours) => colours?.scale);
  const theme = useCell(page.appearance.theme);
  if (!scale || scale.kind === "none") return null;
  return (
    <section className="card" aria-label="Colours" data-testid="scale-key">
      <h3 className="card-head">{scale.title}</h3>
      {scale.kind === "range" ? (
        <RangeKey surface={surface} scale={scale} theme={theme} />
      ) : (
        <CategoryKey scale={scale} theme={theme} />
      )}
    </section>
  );
}

type Ranged = Extract<Scale, { kind: "range" }>;

function RangeKey(props: { surface: GraphSurface; scale: Ranged; theme: Theme }) {
  const { selection } = usePage();
  const selected = useCell(selection.id);
  useGraphChanges(1000);
  const { bins, low, high, course } = props.scale;
  const scene = useCell(props.surface.scene);
  const at = scene?.index.get(selected ?? "") ?? -1;
  const value =
    scene && at >= 0 && unitOf(scene, at) === props.scale.unit ? scene.value[at] : Number.NaN;
  const most = Math.max(1, ...bins);
  const paints: Paint[] = ramp(props.theme, course, 2 * steps + 1);
  const across = (number: number) =>
    Math.min(1, Math.max(0, (number - low) / (high - low))) * width;
  const top = bins.length > 0 ? height : 0;
  const textAt = (share: number) => tickText(low + share * (high - low), high - low);
  const roomy = ticks.every((share) => textAt(share).length <= shortTick);
  return (
    <svg className="scale" width={width} height={top + 40} aria-hidden="true">
      {bins.map((amount, bin) => (
        <rect
          // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its place
          key={bin}
          x={(bin * width) / bins.length}
          y={height - (amount / most) * height}
          width={width / bins.length - 0.5}
          height={(amount / most) * height}
          fill="var(--edge)"
        />
      ))}
      {Array.from({ length: steps }, (_, step) => (
        <rect
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place
          key={step}
          x={(step * width) / steps}
          y={top + 5}
          width={width / steps - 0.5}
          height={12}
          fill={paints[2 * step + 1]?.fill}
        />
      ))}
      {(roomy ? ticks : fewTicks).map((share) => (
        <text
          key={share}
          x={share * width}
          y={top + 32}
          textAnchor={share === 0 ? "start" : share === 1 ? "end" : "middle"}
        >
          {textAt(share)}
        </text>
      ))}
      {value !== undefined && !Number.isNaN(value) && (
        <path
          d={`M${across(value) - 4} ${top - 1}h8l-4 6Z`}
          fill="var(--accent)"
          stroke="var(--panel)"
        />
      )}
    </svg>
  );
}

/** A number on the scale with as many digits as tell the ticks apart. */
function tickText(value: number, span: number): string {
  if (Math.abs(value) >= 10_000) return `${short(Math.round(value / 1000))}k`;
  return short(Number(value.toFixed(Math.abs(span) >= 12 ? 0 : Math.abs(span) >= 1 ? 1 : 2)));
}

function CategoryKey(props: { scale: Extract<Scale, { kind: "categories" }>; theme: Theme }) {
  const first = paintOfCategory(0);
  const paints = categories(props.theme, props.scale.entries.length);
  return props.scale.entries.map(({ label, paint, count: of }) => (
    <div className="legend-row" key={label}>
      <span className="swatch" style={{ background: paints[paint - first]?.fill }} aria-hidden />
      <bdi className="ellipsis">{label}</bdi>
      <span className="number secondary">{count(of)}</span>
    </div>
  ));
}
