import { useEffect, useRef, useState } from "react";
import { failureOf } from "../host/ask";
import { Button } from "../look/Controls";
import { plain } from "../look/format";
import { JsonText } from "../look/Json";
import { Problem } from "../look/Problem";
import { type Draft, type Edit, heldOf, patchOf, patchText } from "../store/edits";
import { usePage } from "../store/usePage";
import type { Failure } from "../wire/Failure";
import type { PropertyRow } from "../wire/PropertyRow";
import type { TwinDetail } from "../wire/TwinDetail";
import { choicesOf, inputKind, parse } from "./input";

interface EditorProps {
  twin: TwinDetail;
  property: PropertyRow;
  draft: Draft;
}

/** Changes one property: shows what it will send, and what the service says to it. */
export function PropertyEditor({ twin, property, draft }: EditorProps) {
  const { edits } = usePage();
  const [failure, setFailure] = useState<Failure | null>(null);
  const [sending, setSending] = useState(false);
  const editor = useRef<HTMLDivElement>(null);
  const parsed = parse(property, draft.text);
  const failed = failure !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was refused must be seen
  useEffect(() => {
    editor.current?.scrollIntoView({ block: "nearest" });
  }, [failed]);
  const edit: Edit | null = parsed.ok
    ? {
        twin: twin.id,
        path: property.path,
        name: property.name,
        before: draft.before,
        after: { set: true, value: parsed.value },
      }
    : null;

  const send = async (run: (edit: Edit) => Promise<void>) => {
    if (!edit || sending) return;
    setSending(true);
    setFailure(null);
    try {
      await run(edit);
      if (edits.draft.get() === draft) edits.draft.set(null);
    } catch (thrown) {
      setFailure(failureOf(thrown));
    } finally {
      setSending(false);
    }
  };
  const apply = () => send((one) => edits.apply(one, draft.etag));
  const discard = () => edits.draft.set(null);

  const onKey = (event: React.KeyboardEvent) => {
    const inLine = !(
      event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLButtonElement
    );
    if (event.key === "Escape") discard();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey || inLine)) void apply();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Enter and Escape of the input and buttons within
    <div ref={editor} className="property-editor" onKeyDown={onKey}>
      <div className="editor-line">
        <EditorInput
          property={property}
          text={draft.text}
          invalid={failure !== null || !parsed.ok}
          onChange={(text) => edits.draft.set({ ...draft, text })}
        />
        {property.unit && <span className="unit">{property.unit}</span>}
      </div>
      {!property.writable && (
        <p className="hint">Its model does not declare it writable; the service takes it anyway.</p>
      )}
      {edit ? (
        <div className="patch">
          <JsonText text={patchText(patchOf(edit))} />
        </div>
      ) : (
        !parsed.ok && (
          <Problem
            failure={{ code: "NotJson", message: parsed.message, details: [] }}
            testId="property-error"
          />
        )
      )}
      {failure && <Problem failure={failure} testId="property-error" />}
      <div className="editor-line">
        <Button
          look="primary"
          data-testid="property-apply"
          disabled={!edit || sending}
          onClick={() => void apply()}
        >
          Apply
        </Button>
        <Button onClick={discard}>Discard</Button>
        <span className="stretch" />
        <span className="key">Ctrl Enter</span>
      </div>
      {failure?.code === "PreconditionFailed" && (
        <Button
          onClick={() =>
            void send((one) => edits.applyToPresent({ ...one, before: heldOf(property) }))
          }
        >
          Apply to the present value{property.set ? `, ${plain(property.value)}` : ""}
        </Button>
      )}
    </div>
  );
}

interface InputProps {
  property: PropertyRow;
  text: string;
  invalid: boolean;
  onChange: (text: string) => void;
}

function EditorInput({ property, text, invalid, onChange }: InputProps) {
  const field = useRef<HTMLInputElement & HTMLSelectElement & HTMLTextAreaElement>(null);
  useEffect(() => {
    field.current?.focus();
    if (field.current instanceof HTMLInputElement) field.current.select();
  }, []);
  const shared = {
    ref: field,
    className: "input editor-input",
    "data-testid": "property-edit-input",
    "aria-label": `New value of ${property.name}`,
    "aria-invalid": invalid,
    value: text,
    spellCheck: false,
    onChange: (event: React.ChangeEvent<{ value: string }>) => onChange(event.target.value),
  };
  switch (inputKind(property)) {
    case "choice":
      return (
        <select {...shared}>
          {choicesOf(property).map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      );
    case "json":
      return <textarea {...shared} className="input editor-input mono" rows={6} />;
    case "text":
      return <input {...shared} autoComplete="off" />;
  }
}
