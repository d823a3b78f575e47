import { useLayoutEffect, useRef, useState } from "react";
import { age, count, plain, short } from "../look/format";
import { Swatch } from "../look/Swatch";
import { useCell } from "../store/cell";
import { heldOf } from "../store/edits";
import { useNow, usePage } from "../store/usePage";
import type { PropertyRow } from "../wire/PropertyRow";
import type { TwinDetail } from "../wire/TwinDetail";
import { textOf } from "./input";
import { PropertyEditor } from "./PropertyEditor";

export function PropertyList({ twin }: { twin: TwinDetail }) {
  const page = usePage();
  const now = useNow(1000);
  const draft = useCell(page.edits.draft);
  const kind = page.instance.graph.kinds.find(({ model }) => model === twin.model);
  if (twin.properties.length === 0) {
    return <p className="inspector-part hint">The model {twin.model} has no properties.</p>;
  }
  return (
    <div className="inspector-part properties">
      <header className="section-head">
        <h3>Properties</h3>
        <span className="number">{count(twin.properties.length)}</span>
      </header>
      {twin.properties.map((property) => {
        const editing = draft?.twin === twin.id && draft.path === property.path;
        return (
          <div
            key={property.path}
            className="property"
            data-testid="property-row"
            data-path={property.path}
          >
            <Row
              property={property}
              onTwin={property.name === kind?.valueProperty}
              now={now}
              editing={editing}
              onEdit={() =>
                page.edits.draft.set({
                  twin: twin.id,
                  path: property.path,
                  text: textOf(property),
                  before: heldOf(property),
                  etag: twin.etag,
                })
              }
            />
            {editing && <PropertyEditor twin={twin} property={property} draft={draft} />}
          </div>
        );
      })}
    </div>
  );
}

interface RowProps {
  property: PropertyRow;
  /** Whether its value stands on the twin. */
  onTwin: boolean;
  now: number;
  editing: boolean;
  onEdit: () => void;
}

function Row({ property, onTwin, now, editing, onEdit }: RowProps) {
  const { name, schema, unit, value, set } = property;
  const button = useRef<HTMLButtonElement>(null);
  const wasEditing = useRef(editing);
  // The focus comes back to the value when its editor closes.
  useLayoutEffect(() => {
    if (wasEditing.current && !editing && document.activeElement === document.body) {
      button.current?.focus();
    }
    wasEditing.current = editing;
  }, [editing]);
  const shown = set ? short(value) : "not set";
  return (
    <div className="property-row">
      <span className="mono property-name ellipsis" title={`${name}, ${schema}`}>
        {name}
      </span>
      <button
        ref={button}
        type="button"
        className={set ? "property-value" : "property-value unset"}
        data-testid="property-value"
        aria-label={`${name}: ${shown} ${unit}. Edit`}
        aria-expanded={editing}
        title={set ? plain(value) : "Set a value"}
        onClick={onEdit}
      >
        {set && <Swatch property={name} unit={unit} onTwin={onTwin} value={value} />}
        <Flash text={shown} />
        {set && unit && <span className="unit">{unit}</span>}
      </button>
      <span className="property-age number">
        {property.updated === null ? "" : age(property.updated, now)}
      </span>
    </div>
  );
}

/** A text that flashes when it changes, not when it first comes. */
function Flash({ text }: { text: string }) {
  const [seen, setSeen] = useState({ text, changes: 0 });
  if (seen.text !== text) setSeen({ text, changes: seen.changes + 1 });
  return (
    <span key={seen.changes} className={seen.changes > 0 ? "ellipsis flash" : "ellipsis"}>
      {text}
    </span>
  );
}
