import { KeyRound } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { Button } from "../../look/Controls";
import { useCell } from "../../store/cell";
import { usePage } from "../../store/usePage";
import { nameOf } from "../draft";
import type { InputProps } from "./Form";

const another = "\n";

/** A secret by its name. What it says goes into the secret store and is never shown again. */
export function Secret({ id, field, value, set, problems, readOnly }: InputProps<"secret">) {
  const { flow } = usePage();
  const { names, keptIn } = useCell(flow.secrets);
  const [making, setMaking] = useState(false);
  useEffect(() => void flow.refreshSecrets(), [flow]);
  const name = isSecret(value) ? value.secret : "";
  const missing = name !== "" && !names.includes(name);
  return (
    <>
      <span className="flow-node-choice">
        <select
          className="input mono"
          aria-label={field.label}
          aria-invalid={problems.some(({ refused }) => refused) || undefined}
          disabled={readOnly}
          value={making ? another : name}
          onChange={({ target }) => {
            setMaking(target.value === another);
            if (target.value === another) return;
            const none = target.value === "" && field.optional;
            set(none ? undefined : { secret: target.value });
          }}
        >
          <option value="">none</option>
          {missing && <option value={name}>{name}</option>}
          {names.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
          <option value={another}>Keep a new one …</option>
        </select>
        {name !== "" && !making && !readOnly && (
          <Button look="quiet" onClick={() => setMaking(true)}>
            Change
          </Button>
        )}
      </span>
      {missing && !making && (
        <p className="flow-remark">No secret “{name}” is kept on this machine yet.</p>
      )}
      {making && (
        <NewSecret
          wished={name || stemOf(id, field.field)}
          keptIn={keptIn}
          label={field.label}
          onDone={(kept) => {
            setMaking(false);
            if (kept !== null) set({ secret: kept });
          }}
        />
      )}
    </>
  );
}

const isSecret = (value: unknown): value is { secret: string } =>
  typeof value === "object" &&
  value !== null &&
  "secret" in value &&
  typeof value.secret === "string";

const stemOf = (id: string, field: string): string => `${nameOf(id)?.name ?? "secret"}-${field}`;

function NewSecret(props: {
  wished: string;
  keptIn: string;
  label: string;
  onDone: (name: string | null) => void;
}) {
  const { flow } = usePage();
  const [name, setName] = useState(props.wished);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [keeping, setKeeping] = useState(false);
  const about = useId();
  const ready = /^[\w.-]{1,127}$/.test(name) && text !== "" && !keeping;
  const keep = async () => {
    if (!ready) return;
    setKeeping(true);
    const failed = await flow.keepSecret(name, text);
    setKeeping(false);
    setProblem(failed);
    if (failed === null) props.onDone(name);
  };
  return (
    <form
      className="flow-secret"
      data-testid="new-secret"
      aria-describedby={about}
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <input
        className="input mono"
        aria-label={`Name of the secret, ${props.label}`}
        placeholder="Name"
        spellCheck={false}
        value={name}
        onChange={({ target }) => setName(target.value)}
      />
      <input
        className="input mono"
        type="password"
        autoComplete="off"
        aria-label={`The secret, ${props.label}`}
        placeholder="The secret itself"
        // biome-ignore lint/a11y/noAutofocus: it was just asked for
        autoFocus
        value={text}
        onChange={({ target }) => setText(target.value)}
      />
      <p id={about} className="hint">
        <KeyRound size={14} aria-hidden /> Kept in {props.keptIn || "the secret store"}, never in
        topology.json
      </p>
      {problem && (
        <p className="flow-remark" data-refused>
          {problem}
        </p>
      )}
      <span className="flow-secret-buttons">
        <Button look="quiet" onClick={() => props.onDone(null)}>
          Cancel
        </Button>
        <Button type="submit" disabled={!ready}>
          Keep
        </Button>
      </span>
    </form>
  );
}
