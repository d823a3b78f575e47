import type { EditorView } from "@codemirror/view";
import { CircleAlert, CornerDownLeft, Info, Play, Radio, Square } from "lucide-react";
import { useEffect, useLayoutEffect, useRef } from "react";
import { Button, Segments, Tooltip } from "../look/Controls";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import type { QueryOn } from "../wire/QueryOn";
import type { QueryProblem } from "../wire/QueryProblem";
import { Editor } from "./Editor";
import { PastMenu, SavedMenu } from "./menus";
import { Results } from "./Results";
import { useQuery } from "./useQuery";
import "./query.css";

const ons: { value: QueryOn; label: string }[] = [
  { value: "graph", label: "Copy" },
  { value: "service", label: "Service" },
];

/** The query of the tab in sight, and what it found. */
export function QueryPanel() {
  const { queries } = usePage();
  const query = useQuery();
  /** Whether the keyboard was in the tab that was left: then it goes on in the next. */
  const inside = useRef(false);
  useEffect(() => void queries.refresh(), [queries]);
  return (
    <section
      className="query"
      aria-label="Query"
      data-testid="query"
      onKeyDown={(event) => {
        const by = { PageUp: -1, PageDown: 1 }[event.key];
        if (!event.ctrlKey || by === undefined) return;
        event.preventDefault();
        queries.step(by);
      }}
    >
      <Parts key={query.number} inside={inside} />
    </section>
  );
}

function Parts({ inside }: { inside: React.RefObject<boolean> }) {
  const { queries } = usePage();
  const query = useQuery();
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const problems = useCell(query.problems);
  const failure = useCell(query.failure);
  const known = useRef(failure);
  useLayoutEffect(() => {
    const parts = place.current;
    if (inside.current) view.current?.focus();
    return () => {
      inside.current = parts?.contains(document.activeElement) ?? false;
    };
  }, [inside]);
  // A refused text: the caret goes where it is wrong.
  useEffect(() => {
    if (!failure || failure === known.current) return;
    known.current = failure;
    void queries.describe(query.text.get()).then(
      ({ problems: found }) =>
        goTo(
          view.current,
          found.find(({ refused }) => refused),
        ),
      () => undefined,
    );
  }, [failure, queries, query]);

  return (
    <div ref={place} className="query-parts">
      <div className="query-write">
        <QueryBar />
        <Editor view={view} />
        <Advice problem={problems[0]} onGo={() => goTo(view.current, problems[0])} />
      </div>
      <Results />
    </div>
  );
}

function goTo(view: EditorView | null, problem: QueryProblem | undefined): void {
  if (!view || !problem) return;
  const anchor = Math.min(problem.from, view.state.doc.length);
  view.dispatch({ selection: { anchor }, scrollIntoView: true });
  view.focus();
}

function QueryBar() {
  const { instance } = usePage();
  const query = useQuery();
  const running = usePart(query.run, (run) => run?.running ?? false);
  const empty = usePart(query.text, (text) => text.trim() === "");
  const live = useCell(query.live);
  const on = useCell(query.on);
  const remote = usePart(instance.status, (status) => status?.kind === "remote");
  return (
    <div className="query-bar" role="toolbar" aria-label="Query">
      {running ? (
        <Tooltip text="End the query; what was found stays" keys="Esc">
          <Button icon={Square} data-testid="query-stop" onClick={() => void query.stop()}>
            Cancel
          </Button>
        </Tooltip>
      ) : (
        <Tooltip text="Run the query" keys="Ctrl Enter">
          <Button
            look="primary"
            icon={Play}
            disabled={empty}
            data-testid="query-run"
            onClick={() => void query.start()}
          >
            Run
          </Button>
        </Tooltip>
      )}
      <Tooltip
        text={
          live
            ? "Rows follow the twins. Press to keep them as they are"
            : "Keep the rows and the overlay in step with the twins"
        }
      >
        <Button
          icon={Radio}
          aria-pressed={live}
          data-testid="query-live"
          onClick={() => query.keepLive(!live)}
        >
          Live
        </Button>
      </Tooltip>
      {remote && (
        <Tooltip
          text={
            live
              ? "Live rows come from the copy of the graph that this app keeps"
              : "Copy: at once, of the graph as it is shown here. Service: asked by REST, counts query units"
          }
        >
          <span className="query-on" data-testid="query-on">
            <Segments
              label="Who runs the query"
              value={live ? "graph" : on}
              options={ons}
              onChange={(value) => {
                if (value === "service" && live) query.live.set(false);
                query.on.set(value);
              }}
            />
          </span>
        </Tooltip>
      )}
      <span className="stretch" />
      <PastMenu />
      <SavedMenu />
    </div>
  );
}

/** What is wrong with the text, in a sentence; a press goes there. */
function Advice({ problem, onGo }: { problem: QueryProblem | undefined; onGo: () => void }) {
  if (!problem) {
    return (
      <p className="query-advice hint">
        <CornerDownLeft size={14} aria-hidden /> Ctrl Enter runs, Ctrl Space completes
      </p>
    );
  }
  const Icon = problem.refused ? CircleAlert : Info;
  return (
    <button
      type="button"
      className="query-advice"
      data-refused={problem.refused}
      data-testid="query-advice"
      title={problem.message}
      onClick={onGo}
    >
      <Icon size={14} aria-hidden />
      <span aria-live="polite">{problem.message}</span>
    </button>
  );
}
