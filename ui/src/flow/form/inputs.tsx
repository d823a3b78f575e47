import { CornerDownRight } from "lucide-react";
import { useEffect, useId, useState } from "react";
import { IconButton } from "../../look/Controls";
import { usePage } from "../../store/usePage";
import { useDraft } from "../reading";
import type { InputProps } from "./Form";
import { refersTo } from "./fields";

/** Plain inputs. Each has the name of its label, for those who hear the page and for tests. */

const invalid = (problems: InputProps["problems"]) =>
  problems.some(({ refused }) => refused) || undefined;

export function Text({ field, value, set, problems, readOnly }: InputProps<"text">) {
  const offers = useOffers(field.offers);
  const list = useId();
  return (
    <>
      <input
        className="input mono"
        aria-label={field.label}
        aria-invalid={invalid(problems)}
        placeholder={field.placeholder}
        spellCheck={false}
        readOnly={readOnly}
        list={offers.length > 0 ? list : undefined}
        value={typeof value === "string" ? value : ""}
        onChange={({ target }) =>
          set(target.value === "" && field.optional ? undefined : target.value)
        }
      />
      {offers.length > 0 && (
        <datalist id={list}>
          {offers.map((offer) => (
            <option key={offer} value={offer} />
          ))}
        </datalist>
      )}
    </>
  );
}

/** What the instance's graph has, to choose from. */
function useOffers(of: "properties" | "relationships" | undefined): string[] {
  const { graph } = usePage().instance;
  if (of === "relationships") return graph.relationshipNames.map(({ name }) => name);
  return of ? [...new Set(graph.kinds.flatMap(({ properties }) => properties))].sort() : [];
}

export function NumberField({ field, value, set, problems, readOnly }: InputProps<"number">) {
  const [text, setText] = useState(String(value ?? ""));
  // What is typed may be no number yet; what comes from elsewhere is shown.
  useEffect(() => {
    setText((typed) => (typed !== "" && Number(typed) === value ? typed : String(value ?? "")));
  }, [value]);
  return (
    <span className="flow-number">
      <input
        className="input number"
        inputMode="decimal"
        aria-label={field.label}
        aria-invalid={invalid(problems) ?? (text !== "" && !Number.isFinite(Number(text)))}
        placeholder={field.placeholder}
        readOnly={readOnly}
        value={text}
        onChange={({ target }) => {
          setText(target.value);
          const typed = target.value.trim();
          if (typed === "" && field.optional) set(undefined);
          else if (typed !== "" && Number.isFinite(Number(typed))) set(Number(typed));
        }}
      />
      {field.unit && <span className="secondary">{field.unit}</span>}
    </span>
  );
}

const mostRows = 8;

export function Lines({ field, value, set, problems, readOnly }: InputProps<"lines">) {
  const lines = Array.isArray(value) ? value.map(String) : [];
  const [text, setText] = useState(lines.join("\n"));
  const shown = lines.join("\n");
  // An empty line that is being written is not in the list, and stays in the text.
  useEffect(() => {
    setText((typed) => (kept(typed).join("\n") === shown ? typed : shown));
  }, [shown]);
  return (
    <textarea
      className="input mono"
      aria-label={field.label}
      aria-invalid={invalid(problems)}
      placeholder={field.placeholder}
      spellCheck={false}
      readOnly={readOnly}
      rows={Math.min(mostRows, Math.max(2, lines.length))}
      value={text}
      onChange={({ target }) => {
        setText(target.value);
        const next = kept(target.value);
        set(next.length === 0 && field.optional ? undefined : next);
      }}
    />
  );
}

const kept = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

export function Choice({ field, value, set, readOnly }: InputProps<"choice">) {
  return (
    <select
      className="input"
      aria-label={field.label}
      disabled={readOnly}
      value={String(value ?? "")}
      onChange={({ target }) => set(target.value)}
    >
      {field.options.map(({ value: each, label }) => (
        <option key={each} value={each}>
          {label}
        </option>
      ))}
    </select>
  );
}

/** Another node, by its name; and the way there. */
export function NodeChoice({ field, value, set, problems, readOnly }: InputProps<"node">) {
  const { flow } = usePage();
  const draft = useDraft();
  const name = typeof value === "string" ? value : "";
  const id = refersTo(draft, field.field, name);
  const missing = name !== "" && !field.nodes.includes(name);
  return (
    <span className="flow-node-choice">
      <select
        className="input"
        aria-label={field.label}
        aria-invalid={invalid(problems)}
        disabled={readOnly}
        value={name}
        onChange={({ target }) => set(target.value)}
      >
        <option value="">{field.none}</option>
        {missing && <option value={name}>{name}</option>}
        {field.nodes.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
      {id && (
        <IconButton
          icon={CornerDownRight}
          label={`Go to ${name}`}
          onClick={() => flow.reveal(id)}
        />
      )}
    </span>
  );
}

export function NodeChoices({ field, value, set, readOnly }: InputProps<"nodes">) {
  const chosen = Array.isArray(value) ? value.map(String) : [];
  const all = [...new Set([...field.nodes, ...chosen])];
  if (all.length === 0) return <p className="hint">There is no sink yet.</p>;
  const toggle = (name: string, on: boolean) => {
    const next = on ? [...chosen, name] : chosen.filter((each) => each !== name);
    set(next.length > 0 ? next : undefined);
  };
  return (
    <ul className="flow-checks">
      {all.map((name) => (
        <li key={name}>
          <label>
            <input
              type="checkbox"
              disabled={readOnly}
              checked={chosen.includes(name)}
              onChange={({ target }) => toggle(name, target.checked)}
            />
            {name}
          </label>
        </li>
      ))}
    </ul>
  );
}
