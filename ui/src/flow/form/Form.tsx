import { useMemo } from "react";
import { usePart } from "../../store/cell";
import { usePage } from "../../store/usePage";
import { change, specOf } from "../draft";
import type { Problem } from "../problems";
import { useDraft, useProblems } from "../reading";
import { DeadLetter, DeviceFromField, EventTypes, Where } from "./choices";
import { type Field, fieldsOf } from "./fields";
import { Choice, Lines, NodeChoice, NodeChoices, NumberField, Text } from "./inputs";
import { Secret } from "./Secret";
import { MapTable, TwinsTable } from "./tables";
import { Door, Filter, Script } from "./texts";

/** What an input of the form needs. */
export interface InputProps<K extends Field["kind"] = Field["kind"]> {
  /** The node. */
  id: string;
  field: Extract<Field, { kind: K }>;
  value: unknown;
  /** Sets the field; `undefined` takes it away. */
  set: (value: unknown) => void;
  /** Sets several fields at once. */
  setAll: (fields: object) => void;
  /** What is wrong with the field. */
  problems: readonly Problem[];
  readOnly: boolean;
}

/** The form of a node: every field of its part of `topology.json`. */
export function Form({ id }: { id: string }) {
  const { deployment } = usePage().flow;
  const draft = useDraft();
  const fixed = usePart(deployment.state, (state) => state?.fixed != null);
  const problems = useProblems(id);
  const fields = useMemo(() => fieldsOf(draft, id), [draft, id]);
  const spec = specOf(draft, id);
  if (!spec) return null;
  const values = new Map<string, unknown>(Object.entries(spec));
  const setAll = (next: object) => {
    const key = `${id} ${Object.keys(next).join()}`;
    deployment.edit(change(deployment.sheet.get().draft, id, next), key);
  };
  const told = problems ?? [];
  const named = (problem: Problem, { field }: Field) =>
    field !== "" && (problem.field === field || problem.field.startsWith(`${field}/`));
  // What belongs to no field of the form is said above all.
  const others = told.filter((problem) => !fields.some((field) => named(problem, field)));
  return (
    <div className="flow-form" data-testid="flow-form">
      {others.map(({ message, field, refused }) => (
        <p key={field + message} className="flow-remark" data-refused={refused}>
          {message}
        </p>
      ))}
      {fields.map((field) => (
        <FormField
          key={`${field.kind} ${field.field}`}
          id={id}
          field={field}
          value={values.get(field.field)}
          set={(value) => setAll({ [field.field]: value })}
          setAll={setAll}
          problems={told.filter((problem) => named(problem, field))}
          readOnly={fixed}
        />
      ))}
    </div>
  );
}

function FormField(props: InputProps) {
  const { field, problems } = props;
  const hint = "hint" in field ? field.hint : undefined;
  const wide = ["map", "twins", "filter", "script", "eventTypes", "lines"].includes(field.kind);
  return (
    <div className="flow-field" data-wide={wide} data-testid={`field:${field.field || field.kind}`}>
      <span className="flow-label">{field.label}</span>
      <div className="flow-input">
        <Input {...props} />
        {hint && <p className="hint">{hint}</p>}
        {field.kind !== "script" &&
          problems.map(({ message, field: at, refused }) => (
            <p key={at + message} className="flow-remark" data-refused={refused}>
              {message}
            </p>
          ))}
      </div>
    </div>
  );
}

function Input(props: InputProps) {
  const { field } = props;
  switch (field.kind) {
    case "text":
      return <Text {...props} field={field} />;
    case "number":
      return <NumberField {...props} field={field} />;
    case "lines":
      return <Lines {...props} field={field} />;
    case "choice":
      return <Choice {...props} field={field} />;
    case "secret":
      return <Secret {...props} field={field} />;
    case "node":
      return <NodeChoice {...props} field={field} />;
    case "nodes":
      return <NodeChoices {...props} field={field} />;
    case "map":
      return <MapTable {...props} />;
    case "twins":
      return <TwinsTable {...props} />;
    case "deviceFrom":
      return <DeviceFromField {...props} />;
    case "eventTypes":
      return <EventTypes {...props} />;
    case "filter":
      return <Filter {...props} />;
    case "where":
      return <Where {...props} />;
    case "deadLetter":
      return <DeadLetter {...props} />;
    case "script":
      return <Script {...props} />;
    case "door":
      return <Door {...props} />;
  }
}
