import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { usePage } from "../store/usePage";
import type { QueryProblem } from "../wire/QueryProblem";
import { editorOf } from "./editor";

interface EditorProps {
  onProblems: (problems: readonly QueryProblem[]) => void;
  /** Gets the view, for whoever puts the caret somewhere. */
  view: React.RefObject<EditorView | null>;
}

/** The text of the query. */
export function Editor({ onProblems, view }: EditorProps) {
  const { queries, overlay } = usePage();
  const place = useRef<HTMLDivElement>(null);
  const told = useRef(onProblems);
  told.current = onProblems;

  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      doc: queries.text.get(),
      extensions: editorOf({
        describe: (text) => queries.describe(text),
        offers: (text, at) => queries.offers(text, at),
        changed: (text) => queries.text.set(text),
        problems: (problems) => told.current(problems),
        run: () => void queries.start(),
        escape: () => {
          if (queries.run.get()?.running) {
            void queries.stop();
            return true;
          }
          return overlay.clear("query");
        },
      }),
    });
    view.current = made;
    // A text from elsewhere: the history, a sample, a kept query.
    const off = queries.text.subscribe((text) => {
      const { doc } = made.state;
      if (doc.toString() === text) return;
      made.dispatch({
        changes: { from: 0, to: doc.length, insert: text },
        selection: { anchor: text.length },
      });
    });
    return () => {
      off();
      made.destroy();
      view.current = null;
    };
  }, [queries, overlay, view]);

  return <div ref={place} className="query-editor" />;
}
