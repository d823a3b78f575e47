import { Layers, X } from "lucide-react";
import { Popover } from "radix-ui";
import { useEffect, useState } from "react";
import { Button, IconButton, Segments, Tooltip } from "../look/Controls";
import { count, counted, millis } from "../look/format";
import { Problem } from "../look/Problem";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { QueryRun } from "../wire/QueryRun";
import { ExportMenu } from "./menus";
import { ResultJson } from "./ResultJson";
import { ResultTable } from "./ResultTable";
import { useQuery } from "./useQuery";

type Look = "table" | "json";
const looks: { value: Look; label: string }[] = [
  { value: "table", label: "Table" },
  { value: "json", label: "JSON" },
];

/** What a query found: nothing yet, why not, or its rows. */
export function Results() {
  const query = useQuery();
  const run = useCell(query.run);
  const failure = useCell(query.failure);
  const [look, setLook] = useState<Look>("table");
  return (
    <div className="query-results">
      {run && <ResultHead run={run} look={look} onLook={setLook} />}
      {failure && <Failed failure={failure} />}
      {run?.failure && run.failure.code !== "Cancelled" && <Failed failure={run.failure} />}
      {run ? <Found run={run} look={look} /> : !failure && <NothingYet />}
    </div>
  );
}

const Failed = ({ failure }: { failure: NonNullable<QueryRun["failure"]> }) => (
  <div className="query-failed">
    <Problem failure={failure} testId="query-failure" />
  </div>
);

function Found({ run, look }: { run: QueryRun; look: Look }) {
  const query = useQuery();
  const rows = useCell(query.rows);
  if (rows.length > 0) return look === "table" ? <ResultTable /> : <ResultJson />;
  if (run.running || (run.rows > 0 && !run.failure)) return <Searching run={run} />;
  if (run.failure) return null;
  return (
    <div className="empty" data-testid="query-no-rows">
      <strong>{run.live ? "No row now" : "No row"}</strong>
      <p>
        {run.live
          ? "Rows appear here the moment a twin fits the query."
          : "The query is fine; no twin fits it. Names and texts are case-sensitive."}
      </p>
    </div>
  );
}

function Searching({ run }: { run: QueryRun }) {
  const slow = run.millis > 1000;
  return (
    <div className="empty" role="status">
      {slow && <progress className="query-progress" aria-label="Query" />}
      <p>{slow ? `${counted(run.rows, "row")} after ${seconds(run.millis)}` : "Running"}</p>
    </div>
  );
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
const duration = (ms: number) => (ms < 999.5 ? `${millis(ms)} ms` : seconds(ms));

interface HeadProps {
  run: QueryRun;
  look: Look;
  onLook: (look: Look) => void;
}

function ResultHead({ run, look, onLook }: HeadProps) {
  const query = useQuery();
  const overlays = useCell(query.overlays);
  const found = run.twins + run.relationships > 0;
  return (
    <div className="query-head" role="toolbar" aria-label="Result">
      <Segments label="Show as" value={look} options={looks} onChange={onLook} />
      <span className="query-told number" data-testid="query-told">
        {run.live && !run.failure && <span className="live-dot" title="Live" />}
        <strong data-testid="query-count">
          {count(run.rows)}
          {run.complete ? "" : "+"} {run.rows === 1 && run.complete ? "row" : "rows"}
        </strong>
        {run.failure?.code === "Cancelled" && <span>cancelled</span>}
        {run.running && run.rows > 0 && <span>counting</span>}
        <span>{duration(run.millis)}</span>
      </span>
      <Explained run={run} />
      <span className="stretch" />
      <Exporting run={run} />
      <Tooltip
        text={
          found
            ? "Matched twins and relationships stand out on the graph"
            : "This result names no twin to show on the graph"
        }
        keys="Esc"
      >
        <Button
          icon={Layers}
          aria-pressed={overlays && found}
          disabled={!found && !run.live}
          data-testid="query-overlay"
          onClick={() => query.overlays.set(!overlays)}
        >
          On graph
        </Button>
      </Tooltip>
      <ExportMenu />
    </div>
  );
}

/** What was looked at to find the rows. */
function Explained({ run }: { run: QueryRun }) {
  if (run.on === "service") {
    return (
      <span className="secondary number" data-testid="query-explain">
        Service{run.charge !== null && `, ${run.charge.toFixed(2)} query units`}
      </span>
    );
  }
  const by = run.columns.length > 0 ? `, column ${run.columns.join(", ")}` : "";
  const first = run.steps[0]?.what ?? "Explain";
  return (
    <Popover.Root>
      <Popover.Trigger className="button quiet query-explain" data-testid="query-explain">
        <span className="ellipsis">
          {run.scanned !== null ? `${count(run.scanned)} scanned${by}` : first}
        </span>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover query-steps" align="start" sideOffset={4}>
          <table>
            <thead>
              <tr className="secondary">
                <th>Step</th>
                <th>Expected</th>
                <th>Left</th>
              </tr>
            </thead>
            <tbody>
              {run.steps.map((step, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
                <tr key={at}>
                  <td>{step.what}</td>
                  <td className="number">{count(Math.round(step.estimated))}</td>
                  <td className="number">{run.live ? "–" : count(step.reached)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {run.scanned !== null && (
            <p className="secondary number">
              {counted(
                run.scanned,
                "document, relationship or place",
                "documents, relationships or places",
              )}{" "}
              looked at
            </p>
          )}
          {run.columns.map((column) => (
            <p key={column} className="secondary">
              <span className="mono">{column}</span> read from its column
              {run.columnsMade.includes(column) && ", which was made for this query"}
            </p>
          ))}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}

function Exporting({ run }: { run: QueryRun }) {
  const query = useQuery();
  const of = run.export;
  if (!of?.running) return null;
  const known = run.complete && run.rows > 0;
  return (
    <span className="query-exporting number" role="status">
      <progress
        className="query-progress"
        aria-label="Export"
        max={known ? run.rows : undefined}
        value={known ? of.rows : undefined}
      />
      {count(of.rows)}
      <IconButton icon={X} label="Cancel the export" onClick={() => void query.stopExport()} />
    </span>
  );
}

/** Before the first query: what could be asked here. */
function NothingYet() {
  const { queries } = usePage();
  const query = useQuery();
  const samples = useCell(queries.samples);
  useEffect(() => {
    if (samples.length === 0) void queries.refresh();
  }, [queries, samples]);
  return (
    <div className="query-nothing">
      <p>Rows appear here, and on the graph. Try one of these:</p>
      {samples.map(({ title, text }) => (
        <button
          key={text}
          type="button"
          className="query-sample"
          data-testid="query-sample"
          onClick={() => void query.start(text)}
        >
          <strong>{title}</strong>
          <span className="mono">{text.replace(/\s+/g, " ")}</span>
        </button>
      ))}
    </div>
  );
}
