import { Check, CircleAlert, Clock } from "lucide-react";
import { memo } from "react";
import { clock, millis, shortTrace } from "../look/format";
import { markOf, ShapeIcon } from "../look/ShapeIcon";
import { Swatch } from "../look/Swatch";
import { usePart } from "../store/cell";
import type { Page } from "../store/page";
import { usePage } from "../store/usePage";
import type { FieldChange } from "../wire/FieldChange";
import type { Kind } from "../wire/Kind";
import type { LogRow } from "../wire/LogRow";
import type { RouteVerdict } from "../wire/RouteVerdict";
import type { Bracket } from "./brackets";
import { isLost, verdictWord, verdictWords } from "./fate";

interface LineProps {
  row: LogRow;
  top: number;
  bracket: Bracket;
  routes: string[];
  kinds: readonly Kind[];
}

/** The twin that an event is about, if it is on the drawing. */
function twinOf(page: Page, row: LogRow): string | null {
  const { graph } = page.instance;
  if (graph.has(row.subject)) return row.subject;
  const source = row.subject.split("/")[0] ?? "";
  return graph.has(source) ? source : null;
}

/** Selects an event, and its twin in the graph. */
export function pickEvent(page: Page, row: LogRow): void {
  void page.log.select(row.position);
  const twin = twinOf(page, row);
  if (twin !== null) page.reveal(twin);
}

export const LogLine = memo(
  function LogLine({ row, top, bracket, routes, kinds }: LineProps) {
    const page = usePage();
    const selected = usePart(page.log.selected, (position) => position === row.position);
    const kind = kinds.find((one) => one.model === row.model);
    return (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the grid moves the selection with the arrow keys
      // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
      // biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them
      <div
        className="log-row log-grid"
        role="row"
        data-testid="log-row"
        data-kind={row.kind}
        data-subject={row.subject}
        data-trace={row.trace}
        data-position={row.position}
        aria-selected={selected}
        style={{ top }}
        onClick={() => pickEvent(page, row)}
      >
        <span className="mono log-time">{clock(row.time)}</span>
        <span className="ellipsis log-type">
          {row.kind === "failure" && <CircleAlert size={14} aria-hidden />}
          {row.label}
        </span>
        <span className="log-subject" title={row.subject}>
          <ShapeIcon mark={markOf(row.kind, kind?.shape)} />
          <span className="mono ellipsis">{row.subject}</span>
        </span>
        <Change row={row} kind={kind} />
        <span className="log-trace">
          <span className={`bracket ${bracket}`} aria-hidden />
          <span className="mono trace-id" title={`Trace ${row.trace}`}>
            {shortTrace(row.trace)}
          </span>
          <span className="ellipsis log-cause" title={row.cause}>
            {row.cause}
          </span>
        </span>
        {routes.map((route) => (
          <Verdict key={route} verdict={row.routes.find((one) => one.route === route)} />
        ))}
        <span className="log-latency number">
          {row.latency !== null && (
            <>
              {millis(row.latency)} <span className="unit">ms</span>
            </>
          )}
        </span>
      </div>
    );
  },
  (before, after) =>
    before.row.position === after.row.position &&
    sameVerdicts(before.row, after.row) &&
    before.top === after.top &&
    before.bracket === after.bracket &&
    before.routes === after.routes &&
    before.kinds === after.kinds,
);

/** What became of an event at an endpoint is known later than the event. */
const sameVerdicts = (before: LogRow, after: LogRow): boolean =>
  before.routes.length === after.routes.length &&
  before.routes.every((verdict, at) => verdict.fate?.kind === after.routes[at]?.fate?.kind);

const inWords = ({ path, before, after }: FieldChange): string =>
  `${path} ${before ?? "not set"} → ${after ?? "removed"}`;

/** `21.900000000000002` is 21.9: a number as text, without what binary fractions add. */
function tidy(text: string): string {
  const value = Number(text);
  return /^-?\d+\.\d{5,}/.test(text) && Number.isFinite(value)
    ? String(Number(value.toFixed(2)))
    : text;
}

/** A value in an event is text: a number where it reads as one. */
function inEvent(text: string | null): string | number | null {
  if (text === null || text.trim() === "") return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function Change({ row, kind }: { row: LogRow; kind: Kind | undefined }) {
  const first = row.changes[0];
  if (!first) return <span className="log-change ellipsis secondary">{row.note}</span>;
  const others = row.changes.length - 1 + row.more;
  const all = [...row.changes.map(inWords), ...(row.more ? [`and ${row.more} more`] : [])];
  const onTwin = kind?.valueProperty === first.path;
  const value = inEvent(first.after);
  return (
    <span className="log-change" title={all.join("\n")}>
      <span className="ellipsis">
        <span className="unit">
          {first.path} {first.before === null ? "" : `${tidy(first.before)} `}→{" "}
        </span>
        <strong className="number">{first.after === null ? "removed" : tidy(first.after)}</strong>
      </span>
      {others > 0 && <span className="unit">+{others}</span>}
      {value !== null && (
        <Swatch
          property={first.path}
          unit={onTwin ? kind.unit : ""}
          onTwin={onTwin}
          value={value}
        />
      )}
    </span>
  );
}

const iconOf = (verdict: RouteVerdict) =>
  isLost(verdict) ? CircleAlert : verdict.fate?.kind === "waiting" ? Clock : Check;

/** What a route did: matched, or a dash with the reason on hover, and what
 * became of it at the endpoint where that is not delivered; nothing where routes do not apply. */
function Verdict({ verdict }: { verdict: RouteVerdict | undefined }) {
  if (!verdict) return <span />;
  if (verdict.matched) {
    const Icon = iconOf(verdict);
    return (
      <span className="verdict" title={`${verdict.route} ${verdictWords(verdict)}`}>
        <Icon size={14} className={isLost(verdict) ? "lost" : verdict.fate?.kind} aria-hidden />
        <span>{verdictWord(verdict)}</span>
      </span>
    );
  }
  return (
    <span className="no-verdict" title={`${verdict.route} ${verdictWords(verdict)}`}>
      –
    </span>
  );
}
