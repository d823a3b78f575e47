import { Plus, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { IconButton } from "../look/Controls";
import { count } from "../look/format";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { mostTabs } from "./kept";
import type { Query } from "./query";
import "./tabs.css";

/** The queries that are open, each with its text and rows. They stand beside the panel's own tab. */
export function QueryTabs() {
  const { queries } = usePage();
  const tabs = useCell(queries.tabs);
  const current = useCell(queries.current);
  const [renamed, setRenamed] = useState<Query | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const focus = () => requestAnimationFrame(() => selected(list.current)?.focus());

  // The chosen one is in sight where there are more than there is room for.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is chosen, or there are others
  useEffect(() => {
    const tab = selected(list.current)?.parentElement;
    tab?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current, tabs]);

  const onKey = (event: React.KeyboardEvent) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.key === "ArrowRight") queries.step(1);
    else if (event.key === "ArrowLeft") queries.step(-1);
    else if (event.key === "Delete") queries.close(current);
    else if (event.key === "F2") setRenamed(current);
    else return;
    event.preventDefault();
    if (event.key !== "F2") focus();
  };

  return (
    <div className="query-tabs">
      <div
        ref={list}
        className="query-tab-list"
        role="tablist"
        aria-label="Queries"
        onKeyDown={onKey}
      >
        {tabs.map((query) =>
          query === renamed ? (
            <Name
              key={query.number}
              query={query}
              onDone={() => {
                setRenamed(null);
                focus();
              }}
            />
          ) : (
            <Tab
              key={query.number}
              query={query}
              chosen={query === current}
              onRename={() => setRenamed(query)}
            />
          ),
        )}
      </div>
      <IconButton
        icon={Plus}
        label={tabs.length < mostTabs ? "New query" : `${mostTabs} queries are open: close one`}
        keys="Ctrl T"
        disabled={tabs.length >= mostTabs}
        data-testid="query-new"
        onClick={() => queries.add()}
      />
    </div>
  );
}

const selected = (list: HTMLElement | null) =>
  list?.querySelector<HTMLElement>('[aria-selected="true"]');

const titleOf = (name: string | null, { number }: Query): string => name ?? `Query ${number}`;

function Tab(props: { query: Query; chosen: boolean; onRename: () => void }) {
  const { query, chosen, onRename } = props;
  const { queries } = usePage();
  const name = useCell(query.name);
  const run = useCell(query.run);
  const title = titleOf(name, query);
  const live = run?.live === true && !run.failure;
  const rows = run ? `${count(run.rows)}${run.complete ? "" : "+"}` : null;
  return (
    <div className="query-tab" data-chosen={chosen} data-testid="query-tab">
      <button
        type="button"
        role="tab"
        aria-selected={chosen}
        tabIndex={chosen ? 0 : -1}
        title={`${title}. Double-click or F2 renames`}
        onClick={() => queries.choose(query)}
        onDoubleClick={onRename}
        onAuxClick={(event) => event.button === 1 && queries.close(query)}
      >
        {live && <span className="live-dot" title="Live" />}
        <span className="ellipsis">{title}</span>
        {rows !== null && <span className="number secondary">{rows}</span>}
      </button>
      <button
        type="button"
        className="panel-close"
        tabIndex={-1}
        aria-label={`Close ${title}`}
        title="Close"
        onClick={() => queries.close(query)}
      >
        <X size={14} aria-hidden />
      </button>
    </div>
  );
}

/** Takes another name: by Enter and on leaving, not by Escape. */
function Name({ query, onDone }: { query: Query; onDone: () => void }) {
  const { queries } = usePage();
  const done = useRef(false);
  const end = (name: string | null) => {
    if (done.current) return;
    done.current = true;
    if (name !== null) queries.rename(query, name);
    onDone();
  };
  return (
    <input
      className="input query-tab-name"
      aria-label="Name of the tab"
      maxLength={60}
      defaultValue={query.name.get() ?? ""}
      placeholder={titleOf(null, query)}
      // biome-ignore lint/a11y/noAutofocus: it stands where the name was that is to be changed
      autoFocus
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => end(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") end(event.currentTarget.value);
        else if (event.key === "Escape") end(null);
        event.stopPropagation();
      }}
    />
  );
}
