import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import {
  bracketMatching,
  HighlightStyle,
  indentUnit,
  StreamLanguage,
  syntaxHighlighting,
} from "@codemirror/language";
import { type Diagnostic, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";

/** A sentence about a place of a text. */
export interface Remark {
  /** From 1. */
  line: number;
  message: string;
  refused: boolean;
}

/** Grey steps, as all JSON here. */
const greys = HighlightStyle.define([
  { tag: tags.propertyName, class: "json-key" },
  { tag: [tags.string, tags.number, tags.bool, tags.null], class: "json-value" },
  { tag: tags.punctuation, class: "json-mark" },
  { tag: tags.comment, class: "code-comment" },
  { tag: tags.keyword, class: "code-keyword" },
]);

const words =
  /^(?:fn|let|const|if|else|switch|for|in|do|while|until|loop|continue|break|return|throw|try|catch|import|export|as|private|this|true|false|is_def_var)\b/;

/** As much of Rhai as colours need; what is right and wrong says the backend. */
const rhai = StreamLanguage.define<{ comment: boolean }>({
  startState: () => ({ comment: false }),
  token(stream, state) {
    if (state.comment || stream.match("/*")) {
      state.comment = !stream.match(/^.*?\*\//);
      if (state.comment) stream.skipToEnd();
      return "comment";
    }
    if (stream.match("//")) {
      stream.skipToEnd();
      return "comment";
    }
    if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^`[^`]*`?/)) return "string";
    if (stream.match(words)) return "keyword";
    if (stream.match(/^\d[\d_.]*/)) return "number";
    if (!stream.match(/^[A-Za-z_]\w*/)) stream.next();
    return null;
  },
  languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } } },
});

const languages: Record<"json" | "rhai", () => Extension> = { json, rhai: () => rhai };

interface CodeEditorProps {
  text: string;
  onChange: (text: string) => void;
  language: "json" | "rhai";
  label: string;
  testId: string;
  remarks: readonly Remark[];
  readOnly?: boolean;
}

/** A text with lines, colours and what is wrong with it. */
export function CodeEditor(props: CodeEditorProps) {
  const { text, onChange, language, label, testId, remarks, readOnly = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useRef(onChange);
  changed.current = onChange;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the text comes by the effect below
  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        indentUnit.of("  "),
        languages[language](),
        syntaxHighlighting(greys),
        search({ top: true }),
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({
          "aria-label": label,
          spellcheck: "false",
          "data-testid": testId,
        }),
        EditorView.updateListener.of((update) => {
          const own = update.transactions.some((each) => each.isUserEvent("take"));
          if (update.docChanged && !own) changed.current(update.state.doc.toString());
        }),
        keymap.of([
          ...searchKeymap,
          ...historyKeymap,
          ...lintKeymap,
          ...defaultKeymap,
          indentWithTab,
        ]),
      ],
    });
    view.current = made;
    return () => made.destroy();
  }, [language, label, testId, readOnly]);

  // A text from elsewhere: undo, revert, the other view of the draft.
  useEffect(() => {
    const shown = view.current;
    if (!shown || shown.state.doc.toString() === text) return;
    const { doc } = shown.state;
    shown.dispatch({ changes: { from: 0, to: doc.length, insert: text }, userEvent: "take" });
  }, [text]);

  useEffect(() => {
    const shown = view.current;
    if (!shown) return;
    const { doc } = shown.state;
    const found = remarks.map(({ line, message, refused }): Diagnostic => {
      const { from, to } = doc.line(Math.min(Math.max(1, line), doc.lines));
      return { from, to, severity: refused ? "error" : "warning", message };
    });
    shown.dispatch(setDiagnostics(shown.state, found));
  }, [remarks]);

  return <div ref={place} className="code-editor" />;
}
