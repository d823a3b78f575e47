import { useEffect, useState } from "react";
import { ask, failureOf } from "../host/ask";
import { type Answer, Finder } from "../look/Finder";
import { count } from "../look/format";
import { usePage } from "../store/usePage";
import type { SearchHit } from "../wire/SearchHit";

const askAfter = 120;
const most = 12;

/** Asks for twins a moment after typing stopped; `null` until the first answer. */
function useSearch(text: string): Answer<SearchHit> | null {
  const { host } = usePage();
  const [found, setFound] = useState<Answer<SearchHit> | null>(null);
  useEffect(() => {
    if (!text) {
      setFound(null);
      return;
    }
    let late = false;
    const timer = setTimeout(async () => {
      try {
        const { hits, total } = await ask(host, { type: "search", text, limit: most }, "found");
        if (!late) setFound({ text, hits, note: noteOn(text, hits.length, total) });
      } catch (thrown) {
        if (!late) setFound({ text, hits: [], note: failureOf(thrown).message });
      }
    }, askAfter);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [host, text]);
  return found;
}

function noteOn(text: string, shown: number, total: number): string | undefined {
  if (total === 0) return `No twin has “${text}” in its id, name or model`;
  return total > shown ? `${count(shown)} of ${count(total)} shown` : undefined;
}

/** Finds a twin by id, name or model, and goes there. */
export function SearchBox() {
  const page = usePage();
  const [text, setText] = useState("");
  const answer = useSearch(text.trim());
  return (
    <Finder
      label="Find a twin"
      placeholder="Find by id, name or model"
      testId="search-input"
      text={text}
      onText={setText}
      answer={answer}
      keyOf={(hit) => hit.id}
      onPick={(hit) => page.reveal(hit.id)}
    >
      {(hit) => (
        <>
          <bdi className="mono ellipsis">{hit.id}</bdi>
          {hit.name && <bdi className="ellipsis">{hit.name}</bdi>}
          <span className="stretch" />
          <span className="secondary ellipsis">{hit.model}</span>
        </>
      )}
    </Finder>
  );
}
