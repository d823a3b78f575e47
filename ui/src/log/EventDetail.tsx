import { Check, CircleAlert, Clock, Minus, X } from "lucide-react";
import { IconButton } from "../look/Controls";
import { clock, count, millis } from "../look/format";
import { CopyJson, Json } from "../look/Json";
import { Problem } from "../look/Problem";
import { markOf, ShapeIcon } from "../look/ShapeIcon";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { LogEventDetail } from "../wire/LogEventDetail";
import type { LogRow } from "../wire/LogRow";
import { handedWords, isLost, verdictWords } from "./fate";
import { pickEvent } from "./LogLine";

/** One event: what routes did with it, everything of its trace, its body. */
export function EventDetail() {
  const { log } = usePage();
  const detail = useCell(log.detail);
  const failure = useCell(log.detailFailure);
  return (
    <aside className="event-detail" data-testid="event-detail" aria-label="Event">
      <header className="event-head">
        {detail && (
          <>
            <strong>{detail.row.label}</strong>
            <span className="mono ellipsis">{detail.row.subject}</span>
            <span className="mono hint">{clock(detail.row.time)}</span>
          </>
        )}
        <span className="stretch" />
        <IconButton icon={X} label="Close the event" onClick={() => void log.select(null)} />
      </header>
      <div className="event-body">
        {failure && <Problem failure={failure} />}
        {detail && <Detail detail={detail} />}
      </div>
    </aside>
  );
}

function Detail({ detail: { row, body, trace } }: { detail: LogEventDetail }) {
  return (
    <>
      {row.note && <p className="selectable">{row.note}</p>}
      {row.routes.length > 0 && <Verdicts row={row} />}
      {row.endpoints2019.length > 0 && <DirectlySent row={row} />}
      <header className="section-head">
        <h3>Trace</h3>
        <span className="mono selectable ellipsis">{row.trace}</span>
      </header>
      <Trace row={row} trace={trace} />
      <header className="section-head">
        <h3>Body</h3>
        <CopyJson value={body} what="the body" />
      </header>
      <div className="event-json">
        <Json value={body} />
      </div>
    </>
  );
}

function Verdicts({ row }: { row: LogRow }) {
  return (
    <>
      <header className="section-head">
        <h3>Event routes</h3>
        <span className="number">
          {count(row.routes.filter((route) => route.matched).length)} of {count(row.routes.length)}{" "}
          matched
        </span>
      </header>
      {row.routes.map((verdict) => (
        <div key={verdict.route} className="event-verdict">
          {isLost(verdict) ? (
            <CircleAlert size={14} className="lost" aria-hidden />
          ) : verdict.matched ? (
            <Check size={14} className="matched" aria-hidden />
          ) : (
            <Minus size={14} aria-hidden />
          )}
          <span>{verdict.route}</span>
          <span className="unit selectable">{verdictWords(verdict)}</span>
        </div>
      ))}
    </>
  );
}

/** What became of a message, or of what a function sent, at endpoints of 2019. */
function DirectlySent({ row }: { row: LogRow }) {
  return (
    <>
      <header className="section-head">
        <h3>Endpoints of 2019</h3>
      </header>
      {row.endpoints2019.map((handed) => (
        <div key={handed.endpoint} className="event-verdict">
          {isLost(handed) ? (
            <CircleAlert size={14} className="lost" aria-hidden />
          ) : handed.fate?.kind === "waiting" ? (
            <Clock size={14} className="waiting" aria-hidden />
          ) : (
            <Check size={14} className="matched" aria-hidden />
          )}
          <span>{handed.endpoint}</span>
          <span className="unit selectable">{handedWords(handed)}</span>
        </div>
      ))}
    </>
  );
}

/** All rows of the trace in the order in which they happened, and when after its first. */
function Trace({ row, trace }: { row: LogRow; trace: LogRow[] }) {
  const page = usePage();
  const began = trace[0]?.time ?? row.time;
  const shape = (model: string | null) =>
    page.instance.graph.kinds.find((kind) => kind.model === model)?.shape;
  return (
    <div className="event-trace">
      {trace.map((step) => (
        <button
          key={step.position}
          type="button"
          aria-current={step.position === row.position}
          onClick={() => pickEvent(page, step)}
        >
          <ShapeIcon mark={markOf(step.kind, shape(step.model))} />
          <span className="nowrap">{step.label}</span>
          <span className="mono ellipsis">{step.subject}</span>
          <span className="stretch" />
          <span className="number hint">{millis(step.latency ?? step.time - began)} ms</span>
        </button>
      ))}
    </div>
  );
}
