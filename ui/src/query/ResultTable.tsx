import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { memo, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../look/Controls";
import { count, plain, short } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import type { QueryRow } from "../wire/QueryRow";
import type { Mark } from "./rows";
import { type Column, cellOf, columnsOf, type Order, sorted, twinOf, widthsOf } from "./table";
import { useQuery } from "./useQuery";

const rowHeight = 28;
/** So near to the end of the loaded rows the next page is fetched. */
const ahead = 40;

/** The loaded rows, as far as they are on the screen. */
export function ResultTable() {
  const page = usePage();
  const { selection } = page;
  const query = useQuery();
  const rows = useCell(query.rows);
  const more = useCell(query.more);
  const marks = useCell(query.marks);
  const total = usePart(query.run, (run) => run?.rows ?? 0);
  const [order, setOrder] = useState<Order | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const columns = useSteady(useMemo(() => columnsOf(rows), [rows]));
  // biome-ignore lint/correctness/useExhaustiveDependencies: widths stay while rows come
  const widths = useMemo(() => widthsOf(columns, rows), [columns]);
  const by = columns.find(({ name }) => name === order?.column);
  const shown = useMemo(() => sorted(rows, by, order?.down ?? false), [rows, by, order]);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rows.length - ahead) void query.loadMore();
  }, [query, more, last, rows.length]);

  const step = (event: React.KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const chosen = selection.id.get();
    if (event.key === "Enter" && chosen !== null) page.reveal(chosen);
    else if (event.key === "Escape") page.overlay.clear("query");
    else if (by !== undefined) {
      const at = shown.findIndex((row) => twinOf(row) === chosen);
      const next = Math.min(shown.length - 1, Math.max(0, at < 0 ? 0 : at + by));
      const row = shown[next];
      if (row) selection.select(twinOf(row));
      virtual.scrollToIndex(next);
    } else return;
    event.preventDefault();
  };

  const style = { gridTemplateColumns: gridOf(widths) };
  return (
    <div className="query-table">
      {/* biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them */}
      <div
        ref={scroller}
        className="query-rows"
        role="grid"
        aria-label="Rows"
        aria-rowcount={total}
        tabIndex={0}
        onKeyDown={step}
        data-testid="query-rows"
      >
        {/* biome-ignore lint/a11y/useFocusableInteractive: its buttons have the focus */}
        {/* biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them */}
        <div className="query-columns" role="row" style={style}>
          {columns.map((column) => (
            <ColumnHead key={column.name} column={column} order={order} onOrder={setOrder} />
          ))}
        </div>
        <div className="query-body" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = shown[index];
            return row ? (
              <Line
                key={row.id}
                row={row}
                top={start}
                columns={columns}
                grid={style.gridTemplateColumns}
                mark={marks.get(row.id)}
              />
            ) : null;
          })}
        </div>
      </div>
      {(more || (order && rows.length < total)) && (
        <div className="query-foot secondary number">
          {count(rows.length)} of {count(total)} loaded
          {order && ", sorted among these only"}
          {more && (
            <Button look="quiet" data-testid="query-more" onClick={() => void query.loadMore()}>
              Load more
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

const gridOf = (widths: readonly number[]) =>
  widths
    .map((width, at) => (at === widths.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`))
    .join(" ");

/** The same columns stay the same object, so that rows need not be drawn again. */
function useSteady(columns: Column[]): Column[] {
  const before = useRef(columns);
  const names = (some: Column[]) => some.map(({ name }) => name).join("\n");
  if (names(before.current) !== names(columns)) before.current = columns;
  return before.current;
}

interface ColumnHeadProps {
  column: Column;
  order: Order | null;
  onOrder: (order: Order | null) => void;
}

function ColumnHead({ column: { name }, order, onOrder }: ColumnHeadProps) {
  const sort = order?.column !== name ? "none" : order.down ? "descending" : "ascending";
  const next: Record<typeof sort, Order | null> = {
    none: { column: name, down: false },
    ascending: { column: name, down: true },
    descending: null,
  };
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: its button has the focus
    // biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them
    <div role="columnheader" aria-sort={sort}>
      <button
        type="button"
        className="mono"
        title={`Sort by ${name}`}
        onClick={() => onOrder(next[sort])}
      >
        <span className="ellipsis">{name.replace("$metadata.", "")}</span>
        {sort === "ascending" && <ArrowUp size={14} aria-hidden />}
        {sort === "descending" && <ArrowDown size={14} aria-hidden />}
      </button>
    </div>
  );
}

interface LineProps {
  row: QueryRow;
  top: number;
  columns: readonly Column[];
  grid: string;
  mark: Mark | undefined;
}

const Line = memo(function Line({ row, top, columns, grid, mark }: LineProps) {
  const page = usePage();
  const twin = twinOf(row);
  const selected = usePart(page.selection.id, (id) => id !== null && id === twin);
  const style = { top, gridTemplateColumns: grid };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid moves the selection with the arrow keys
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    // biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them
    <div
      className="query-row"
      role="row"
      data-testid="query-row"
      data-twin={twin}
      aria-selected={selected}
      style={style}
      onClick={() => twin !== null && page.reveal(twin)}
    >
      {columns.map((column) => {
        const value = cellOf(row, column);
        const fresh = mark && (mark.cells === null || mark.cells.includes(column.name));
        return (
          // A mark of its own makes the glow begin anew.
          <Cell
            key={fresh ? `${column.name} ${mark.at}` : column.name}
            value={value}
            fresh={!!fresh}
          />
        );
      })}
    </div>
  );
});

function Cell({ value, fresh }: { value: unknown; fresh: boolean }) {
  const look = typeof value === "number" ? "number" : "mono";
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the grid has the focus
    // biome-ignore lint/a11y/useSemanticElements: rows are virtual, a table cannot hold them
    <span
      role="gridcell"
      className={`ellipsis ${look}${fresh ? " flash" : ""}`}
      title={plain(value)}
    >
      {value === undefined ? "" : short(value)}
    </span>
  );
}
