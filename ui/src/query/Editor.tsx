import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useLayoutEffect, useRef } from "react";
import { usePage } from "../store/usePage";
import { editorOf } from "./editor";
import type { Query } from "./query";
import { useQuery } from "./useQuery";

/** Caret, scroll position and what can be undone, of the tabs that are not in sight. */
const left = new WeakMap<Query, EditorState>();

/** The text of a query; `view` is for whoever puts the caret somewhere. */
export function Editor({ view }: { view: React.RefObject<EditorView | null> }) {
  const { queries, overlay } = usePage();
  const query = useQuery();
  const place = useRef<HTMLDivElement>(null);

  // Before the next paint, so that the caret can be put into it at once.
  useLayoutEffect(() => {
    if (!place.current) return;
    const extensions = editorOf({
      describe: (text) => queries.describe(text),
      offers: (text, at) => queries.offers(text, at),
      changed: (text) => query.text.set(text),
      problems: (problems) => query.problems.set(problems),
      run: () => void query.start(),
      escape: () => {
        if (query.run.get()?.running) {
          void query.stop();
          return true;
        }
        return overlay.clear("query");
      },
    });
    const state = left.get(query) ?? EditorState.create({ doc: query.text.get(), extensions });
    const made = new EditorView({ parent: place.current, state });
    view.current = made;
    // A text from elsewhere: the history, a sample, a kept query.
    const off = query.text.subscribe((text) => {
      const { doc } = made.state;
      if (doc.toString() === text) return;
      made.dispatch({
        changes: { from: 0, to: doc.length, insert: text },
        selection: { anchor: text.length },
      });
    });
    return () => {
      off();
      left.set(query, made.state);
      made.destroy();
      view.current = null;
    };
  }, [queries, query, overlay, view]);

  return <div ref={place} className="query-editor" />;
}
