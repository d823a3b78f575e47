import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import { remarkOn } from "../flow/words";
import { Button } from "../look/Controls";
import { clockMinute, count } from "../look/format";
import { Problem } from "../look/Problem";
import { useCell, usePart } from "../store/cell";
import type { LogSlice } from "../store/logView";
import { useGraphChanges, usePage } from "../store/usePage";
import type { LogRow } from "../wire/LogRow";
import { brackets } from "./brackets";
import { EventDetail } from "./EventDetail";
import { LogHead } from "./LogHead";
import { LogLine } from "./LogLine";
import "./log.css";

const rowHeight = 28;
const beyond = 12;
/** Web views lay out no more than some 30 million pixels. */
const mostRows = 1_000_000;
/** The service has six routes; without its limits there may be more. */
const mostColumns = 8;
const noRoutes: string[] = [];

/** The event log: a window of it, newest on top, and the event that is looked at. */
export function LogPanel() {
  const { log } = usePage();
  const selected = useCell(log.selected);
  useEffect(() => log.show(), [log]);
  return (
    <section className="log" aria-label="Event log" data-testid="log">
      <LogList />
      {selected !== null && <EventDetail />}
    </section>
  );
}

function LogList() {
  const { log, instance } = usePage();
  const slice = useCell(log.slice);
  const failure = useCell(log.failure);
  const live = useCell(log.until) === null;
  const all = usePart(instance.status, (status) => status?.routes ?? noRoutes);
  // Past that columns leave no room for what happened; an event's detail has every verdict.
  const routes = all.length > mostColumns ? noRoutes : all;
  useGraphChanges(200, (change) => change.structure);
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: Math.min(mostRows, slice?.matched ?? 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: beyond,
  });
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;

  useEffect(() => log.look(first, Math.max(40, last - first + 1 + beyond)), [log, first, last]);
  useEffect(() => {
    if (live) scroller.current?.scrollTo({ top: 0 });
  }, [live]);

  const joined = useMemo(() => brackets(slice?.rows ?? []), [slice]);
  const style = { "--routes": routes.length } as React.CSSProperties;
  const shownRow = (index: number) => slice?.rows[index - slice.offset];

  return (
    <div className={routes.length ? "log-list" : "log-list no-routes"} style={style}>
      <LogHead routes={routes} newer={live ? 0 : (slice?.newer ?? 0)} />
      {failure && failure.code !== "NotOpen" && !slice && (
        <div className="log-empty">
          <Problem failure={failure} />
        </div>
      )}
      {slice?.matched === 0 && <NoRows slice={slice} />}
      {/* biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them */}
      <div
        ref={scroller}
        className="log-rows"
        role="grid"
        aria-label="Events"
        aria-rowcount={slice?.matched ?? 0}
        tabIndex={0}
        onScroll={(event) => {
          // Away from the newest, rows must not move under the reader.
          if (event.currentTarget.scrollTop > 2) log.pause();
        }}
        onKeyDown={(event) => {
          const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (by === 0 || !slice) return;
          event.preventDefault();
          step(slice, log.selected.get(), by, (row, index) => {
            log.pause();
            void log.select(row.position);
            rows.scrollToIndex(index);
          });
        }}
      >
        <div style={{ height: rows.getTotalSize(), position: "relative" }}>
          {items.map((item) => {
            const row = shownRow(item.index);
            if (!row) return null;
            const bracket = joined[item.index - (slice?.offset ?? 0)] ?? "alone";
            return (
              <LogLine
                key={row.position}
                row={row}
                top={item.start}
                bracket={bracket}
                routes={routes}
                kinds={instance.graph.kinds}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Goes to the row above or below the selected one; to the newest where none is selected. */
function step(
  slice: LogSlice,
  selected: number | null,
  by: number,
  go: (row: LogRow, index: number) => void,
): void {
  const at = slice.rows.findIndex((row) => row.position === selected);
  const next = at < 0 ? 0 : at + by;
  const row = slice.rows[next];
  if (row) go(row, slice.offset + next);
}

function NoRows({ slice }: { slice: LogSlice }) {
  const { log, flow } = usePage();
  const atWork = useCell(flow.deployment.base);
  const known = usePart(flow.deployment.state, (state) => state !== null);
  const remark = known ? remarkOn(atWork, log.words()) : null;
  useEffect(() => {
    if (!known) void flow.deployment.load();
  }, [flow, known]);
  const clear = () => {
    log.filter.set("");
    log.followed.set(null);
    log.scope.set(null);
  };
  if (slice.scanned === 0) {
    return (
      <div className="empty log-empty">
        <strong>No events yet</strong>
        <p>Device messages, changes of twins and what routes did with them appear here.</p>
      </div>
    );
  }
  const since = slice.firstTime === null ? "" : `, log starts ${clockMinute(slice.firstTime)}`;
  return (
    <div className="empty log-empty">
      <p>
        No match in {count(slice.scanned)} scanned{since}
      </p>
      {remark && <p data-testid="log-remark">{remark}</p>}
      <Button onClick={clear}>Clear the filter</Button>
    </div>
  );
}
