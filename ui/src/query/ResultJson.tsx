import { json } from "@codemirror/lang-json";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useMemo, useRef } from "react";
import { Button } from "../look/Controls";
import { count } from "../look/format";
import { CopyJson } from "../look/Json";
import { useCell } from "../store/cell";
import { useQuery } from "./useQuery";

/** Rows that are written out; an editor lays out only what is on the screen, but has all of them. */
const mostWritten = 5000;

/** Grey steps, as all JSON here. */
const greys = HighlightStyle.define([
  { tag: tags.propertyName, class: "json-key" },
  { tag: [tags.string, tags.number, tags.bool, tags.null], class: "json-value" },
  { tag: tags.punctuation, class: "json-mark" },
]);

const reader = [
  EditorState.readOnly.of(true),
  EditorView.contentAttributes.of({ "aria-label": "Rows as JSON", tabindex: "0" }),
  drawSelection(),
  json(),
  syntaxHighlighting(greys),
  search({ top: true }),
  keymap.of(searchKeymap),
];

/** The loaded rows as the service answers them. */
export function ResultJson() {
  const query = useQuery();
  const rows = useCell(query.rows);
  const more = useCell(query.more);
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const values = useMemo(() => rows.slice(0, mostWritten).map(({ value }) => value), [rows]);

  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({ parent: place.current, extensions: reader });
    view.current = made;
    return () => made.destroy();
  }, []);
  useEffect(() => {
    const shown = view.current;
    if (!shown) return;
    const text = JSON.stringify(values, null, 2);
    const { doc } = shown.state;
    if (doc.toString() !== text)
      shown.dispatch({ changes: { from: 0, to: doc.length, insert: text } });
  }, [values]);

  const whole = values.length === 1 ? "row" : "rows";
  const what = more || rows.length > values.length ? "of the rows" : whole;
  return (
    <div className="query-table">
      <div ref={place} className="query-json" data-testid="query-json" />
      <div className="query-foot secondary number">
        {count(values.length)} {what}
        {more && rows.length < mostWritten && (
          <Button look="quiet" onClick={() => void query.loadMore()}>
            Load more
          </Button>
        )}
        <span className="stretch" />
        <CopyJson value={values} what="these rows" />
      </div>
    </div>
  );
}
