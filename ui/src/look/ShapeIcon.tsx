import type { LogKind } from "../wire/LogKind";
import type { Shape } from "../wire/Shape";

/** What a small mark stands for: a kind of twin, or what else an event can be about. */
export type Mark = Shape | "diamond" | "arrow" | "square";

const paths: Record<Mark, React.ReactElement> = {
  hexagon: <path d="M4.7 2.5h6.6L15 8l-3.7 5.5H4.7L1 8Z" />,
  rectangle: <rect x="1.5" y="4" width="13" height="8" rx="1.5" />,
  circle: <circle cx="8" cy="8" r="5" />,
  diamond: <path d="M8 2.5 13.5 8 8 13.5 2.5 8Z" />,
  arrow: <path d="M2 8h11M9 4l4 4-4 4" />,
  square: <path d="M3.5 2.5h6l3 3v8h-9Z" />,
};

export function ShapeIcon(props: { mark: Mark; size?: number }) {
  const size = props.size ?? 14;
  return (
    <svg
      className="shape"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={(1.25 * 16) / size}
      aria-hidden="true"
    >
      {paths[props.mark]}
    </svg>
  );
}

/** The mark of an event's subject: the shape of the twin, unless it is about something else. */
export function markOf(kind: LogKind, shape: Shape | undefined): Mark {
  if (kind === "deviceMessage") return "diamond";
  if (kind.startsWith("relationship")) return "arrow";
  if (kind === "model" || kind === "functionLog") return "square";
  return shape ?? "circle";
}
