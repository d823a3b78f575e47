import { Search } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { ask, failureOf } from "../host/ask";
import { count } from "../look/format";
import { usePage } from "../store/usePage";
import type { SearchHit } from "../wire/SearchHit";

const askAfter = 120;
const most = 12;

interface Found {
  text: string;
  hits: SearchHit[];
  total: number;
  failure: string | null;
}

/** Asks for twins a moment after typing stopped; `null` until the first answer. */
function useSearch(text: string): Found | null {
  const { host } = usePage();
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    if (!text) {
      setFound(null);
      return;
    }
    let late = false;
    const timer = setTimeout(async () => {
      try {
        const answer = await ask(host, { type: "search", text, limit: most }, "found");
        if (!late) setFound({ text, hits: answer.hits, total: answer.total, failure: null });
      } catch (thrown) {
        if (!late) setFound({ text, hits: [], total: 0, failure: failureOf(thrown).message });
      }
    }, askAfter);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [host, text]);
  return found;
}

/** Finds a twin by id, name or model, and goes there. */
export function SearchBox() {
  const page = usePage();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const [hurried, setHurried] = useState(false);
  const found = useSearch(text.trim());
  const shown = open && text.trim() !== "" && found !== null;

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "f" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);

  const pick = useCallback(
    (hit: SearchHit | undefined) => {
      if (!hit) return;
      setOpen(false);
      page.reveal(hit.id);
    },
    [page],
  );
  // Enter may come before the answer to what was typed: then the best answer is picked as it comes.
  const answered = found?.text === text.trim();
  useEffect(() => {
    if (!hurried || !answered) return;
    setHurried(false);
    pick(found?.hits[0]);
  }, [hurried, answered, found, pick]);

  const onKey = (event: React.KeyboardEvent) => {
    const hits = found?.hits ?? [];
    if (event.key === "ArrowDown") setAt(Math.min(hits.length - 1, at + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter" && answered) pick(hits[at]);
    else if (event.key === "Enter") setHurried(true);
    else if (event.key === "Escape" && text) {
      setText("");
      setOpen(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <search className="search">
      <Search size={16} aria-hidden />
      <input
        ref={input}
        className="input"
        data-testid="search-input"
        placeholder="Find by id, name or model"
        role="combobox"
        aria-label="Find a twin"
        aria-expanded={shown}
        aria-controls="search-hits"
        aria-activedescendant={shown && found.hits[at] ? `search-hit-${at}` : undefined}
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
          setHurried(false);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKey}
      />
      <span className="key">Ctrl F</span>
      {shown && <Hits found={found} at={at} onPick={pick} />}
    </search>
  );
}

function Hits(props: { found: Found; at: number; onPick: (hit: SearchHit) => void }) {
  const { hits, total, text, failure } = props.found;
  return (
    <div className="menu search-hits" id="search-hits" role="listbox" aria-label="Twins found">
      {hits.map((hit, place) => (
        // The input keeps the focus: a press must not take it, and keys go through it.
        // biome-ignore lint/a11y/useFocusableInteractive: a listbox driven by aria-activedescendant
        // biome-ignore lint/a11y/useKeyWithClickEvents: see the input
        <div
          key={hit.id}
          id={`search-hit-${place}`}
          role="option"
          aria-selected={place === props.at}
          className="menu-item"
          data-highlighted={place === props.at || undefined}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => props.onPick(hit)}
        >
          <span className="mono">{hit.id}</span>
          {hit.name && <span className="ellipsis">{hit.name}</span>}
          <span className="stretch" />
          <span className="secondary">{hit.model}</span>
        </div>
      ))}
      {failure && <p className="menu-label secondary">{failure}</p>}
      {!failure && hits.length === 0 && (
        <p className="menu-label secondary">No twin has “{text}” in its id, name or model</p>
      )}
      {total > hits.length && (
        <p className="menu-label secondary">
          {count(hits.length)} of {count(total)} shown
        </p>
      )}
    </div>
  );
}
