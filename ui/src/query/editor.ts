import {
  acceptCompletion,
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { type Diagnostic, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState, type Extension, Prec, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  keymap,
  placeholder,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import type { QueryOffers } from "../wire/QueryOffers";
import type { QueryPiece } from "../wire/QueryPiece";
import type { QueryProblem } from "../wire/QueryProblem";
import type { QueryText } from "../wire/QueryText";

/** What the editor asks of the rest of the page. */
export interface EditorDoor {
  describe(text: string): Promise<QueryText>;
  offers(text: string, at: number): Promise<QueryOffers>;
  changed(text: string): void;
  problems(problems: readonly QueryProblem[]): void;
  run(): void;
  escape(): boolean;
}

const setPieces = StateEffect.define<readonly QueryPiece[]>();

/** The colours of a text: what the backend's parser says that each piece is. */
const pieces = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (shown, change) => {
    const moved = shown.map(change.changes);
    const said = change.effects.find((effect) => effect.is(setPieces));
    return said ? decorate(said.value, change.state.doc.length) : moved;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function decorate(said: readonly QueryPiece[], length: number): DecorationSet {
  const ranges = said
    .filter(({ from, to }) => from < to && to <= length)
    .map(({ from, to, kind }) => Decoration.mark({ class: `piece-${kind}` }).range(from, to));
  return Decoration.set(ranges);
}

/** After so long without a key the text is looked at, ms. */
const describeAfter = 40;

/** Has the text looked at after each change. An answer to an earlier text is dropped. */
const description = (door: EditorDoor) =>
  ViewPlugin.fromClass(
    class {
      private timer: ReturnType<typeof setTimeout> | undefined;

      constructor(private readonly view: EditorView) {
        this.soon(0);
      }

      update(update: ViewUpdate) {
        if (update.docChanged) this.soon(describeAfter);
      }

      destroy() {
        clearTimeout(this.timer);
      }

      private soon(ms: number) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => void this.look(), ms);
      }

      private async look() {
        const { doc } = this.view.state;
        // Where nothing is open yet there is nobody to ask; the next key asks again.
        const said = await door.describe(doc.toString()).catch(() => null);
        if (!said || doc !== this.view.state.doc) return;
        this.view.dispatch({ effects: setPieces.of(said.pieces) });
        this.view.dispatch(
          setDiagnostics(this.view.state, said.problems.map(diagnosticOf(doc.length))),
        );
        door.problems(said.problems);
      }
    },
  );

const diagnosticOf =
  (length: number) =>
  ({ from, to, refused, message }: QueryProblem): Diagnostic => ({
    from: Math.min(from, length),
    to: Math.min(to, length),
    severity: refused ? "error" : "warning",
    message,
  });

/** Letters that go on with a word, or call for one. */
const beginning = /[\w$.'"([:;-]+$/;

async function complete(
  door: EditorDoor,
  context: CompletionContext,
): Promise<CompletionResult | null> {
  if (!context.explicit && !context.matchBefore(beginning)) return null;
  const said = await door.offers(context.state.doc.toString(), context.pos).catch(() => null);
  if (!said || context.aborted) return null;
  const written = context.state.sliceDoc(said.from, context.pos);
  const wanted = said.items.filter(({ kind }) => context.explicit || kind !== "mark");
  // What stands there already is no offer.
  if (wanted.length === 0 || (wanted.length === 1 && wanted[0]?.text === written)) return null;
  const options: Completion[] = wanted.map(({ text, kind, detail }, at) => ({
    label: text,
    type: kind,
    detail,
    // The order is the backend's.
    boost: -at / 100,
    apply: kind === "function" ? `${text}(` : text,
  }));
  return { from: said.from, options, filter: false };
}

/** A query editor; all that it knows of the language comes through the door. */
export function editorOf(door: EditorDoor): Extension {
  return [
    history(),
    drawSelection(),
    closeBrackets(),
    pieces,
    description(door),
    autocompletion({
      override: [(context) => complete(door, context)],
      icons: false,
      addToOptions: [{ render: kindOf, position: 90 }],
    }),
    placeholder("SELECT * FROM DIGITALTWINS"),
    EditorState.tabSize.of(2),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({
      "aria-label": "Query",
      spellcheck: "false",
      "data-testid": "query-editor",
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) door.changed(update.state.doc.toString());
    }),
    Prec.highest(
      keymap.of([
        {
          key: "Mod-Enter",
          run: () => {
            door.run();
            return true;
          },
        },
        {
          key: "Escape",
          run: (view) => completionStatus(view.state) === null && door.escape(),
        },
        { key: "Tab", run: acceptCompletion },
      ]),
    ),
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...historyKeymap,
      ...lintKeymap,
      ...defaultKeymap,
    ]),
  ];
}

const words: Record<string, string> = {
  alias: "collection",
  property: "property",
  relationshipName: "relationship",
  modelId: "model",
  keyword: "keyword",
  function: "function",
  mark: "sign",
};

function kindOf({ type }: Completion): HTMLElement {
  const kind = document.createElement("span");
  kind.className = `offer-kind piece-${type}`;
  kind.textContent = words[type ?? ""] ?? "";
  return kind;
}
