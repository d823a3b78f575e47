import { Crosshair, ListFilter, Pause, Workflow, X } from "lucide-react";
import { useId, useMemo } from "react";
import { allLogWords } from "../flow/words";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { count } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";

/** Filter, follow and pause. It stands in the drawer's head, beside the tab. */
export function LogToolbar() {
  const { log } = usePage();
  const until = useCell(log.until);
  const paused = until !== null;
  return (
    <div className="log-toolbar" role="toolbar" aria-label="Event log">
      <Filter />
      <Lost />
      <Scope />
      <Follow />
      <Tooltip
        text={paused ? "Show new events again" : "Freeze the view; events are still recorded"}
      >
        <Button
          icon={Pause}
          aria-pressed={paused}
          data-testid="log-pause"
          onClick={() => (paused ? log.resume() : log.pause())}
        >
          {paused ? "Paused" : "Pause"}
        </Button>
      </Tooltip>
    </div>
  );
}

const hint = `Words that must all occur in type, subject, change, note, trace or cause.
about:ID is what is about a twin or device, or caused by it.
route:NAME is what an event route matched, endpoint:NAME what an endpoint was handed,
function:NAME what a function was called for or made, source:NAME what a source brought,
subscription:NAME what came to a subscription, sink:NAME what was led to a sink.`;

function Filter() {
  const { log, flow } = usePage();
  const offers = useId();
  const atWork = useCell(flow.deployment.base);
  const words = useMemo(() => allLogWords(atWork), [atWork]);
  const filter = useCell(log.filter);
  // The last word is what is completed.
  const before = filter.slice(0, filter.lastIndexOf(" ") + 1);
  const matched = usePart(log.slice, (slice) => slice?.matched);
  const scanned = usePart(log.slice, (slice) => slice?.scanned);
  return (
    <div className="log-filter">
      <ListFilter size={16} aria-hidden />
      <input
        className="input"
        data-testid="log-filter"
        placeholder="Filter by text, about:TWIN, route:NAME, endpoint:NAME …"
        title={hint}
        aria-label="Filter the event log"
        list={offers}
        spellCheck={false}
        value={filter}
        onChange={(event) => log.filter.set(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") log.filter.set("");
        }}
      />
      <datalist id={offers}>
        {words.map((word) => (
          <option key={word} value={before + word} />
        ))}
      </datalist>
      {matched !== undefined && scanned !== undefined && (
        <span className="log-matched number" aria-live="off">
          {count(matched)} of {count(scanned)}
        </span>
      )}
      {filter && (
        <IconButton icon={X} label="Clear the filter" onClick={() => log.filter.set("")} />
      )}
    </div>
  );
}

/** The part of the topology that was clicked on the canvas. */
function Scope() {
  const { log } = usePage();
  const scope = useCell(log.scope);
  if (!scope) return null;
  return (
    <Tooltip text="Only what went through this part of the topology. Press to show all again">
      <Button
        icon={Workflow}
        aria-pressed
        data-testid="log-scope"
        onClick={() => log.scope.set(null)}
      >
        <span className="mono ellipsis">{scope}</span>
        <X size={14} aria-hidden />
      </Button>
    </Tooltip>
  );
}

/** What the log could not keep: said whenever it is not nothing. */
function Lost() {
  const { log } = usePage();
  const evicted = usePart(log.slice, (slice) => slice?.evicted ?? 0);
  const dropped = usePart(log.slice, (slice) => slice?.dropped ?? 0);
  return (
    <>
      {evicted > 0 && (
        <Tooltip text="The oldest rows were let go of: the log is bounded">
          <span className="secondary number">{count(evicted)} evicted</span>
        </Tooltip>
      )}
      {dropped > 0 && (
        <Tooltip text="Observations that came too fast to be kept. Changes of twins are never dropped">
          <span className="dropped number">{count(dropped)} dropped</span>
        </Tooltip>
      )}
    </>
  );
}

function Follow() {
  const { log, selection } = usePage();
  const followed = useCell(log.followed);
  const selected = useCell(selection.id);
  const why = followed
    ? "Show the events of all twins again"
    : selected
      ? `Show only events with ${selected}`
      : "Select a twin first";
  return (
    <Tooltip text={why}>
      <Button
        icon={Crosshair}
        aria-pressed={followed !== null}
        disabled={!followed && !selected}
        onClick={() => log.followed.set(followed ? null : selected)}
      >
        {followed ? `Following ${followed}` : "Follow a twin"}
      </Button>
    </Tooltip>
  );
}
