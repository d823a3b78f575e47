import { Plus, Trash2 } from "lucide-react";
import { useId } from "react";
import { Button, IconButton } from "../../look/Controls";
import { usePage } from "../../store/usePage";
import type { Mapping } from "../../wire/Mapping";
import type { InputProps } from "./Form";

const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && "from" in value;

/** What an ingest function does with the members of a message. */
export function MapTable({ value, set, readOnly }: InputProps) {
  const rows = Array.isArray(value) ? value.filter(isMapping) : [];
  const put = (at: number, row: Mapping) =>
    set(rows.map((each, index) => (index === at ? row : each)));
  return (
    <div className="flow-map">
      {rows.map((row, at) => (
        <MapRow
          // biome-ignore lint/suspicious/noArrayIndexKey: a mapping has no name but its place
          key={at}
          row={row}
          at={at + 1}
          readOnly={readOnly}
          put={(next) => put(at, next)}
          remove={() => set(rows.filter((_, index) => index !== at))}
        />
      ))}
      {rows.length === 0 && (
        <p className="hint">Nothing of a message is kept yet. Add a member of it.</p>
      )}
      {!readOnly && (
        <Button
          look="quiet"
          icon={Plus}
          onClick={() => set([...rows, { from: "/temperature", property: "/temperature" }])}
        >
          Add
        </Button>
      )}
    </div>
  );
}

interface MapRowProps {
  row: Mapping;
  at: number;
  readOnly: boolean;
  put: (row: Mapping) => void;
  remove: () => void;
}

function MapRow({ row, at, readOnly, put, remove }: MapRowProps) {
  const { graph } = usePage().instance;
  const list = useId();
  const { convert, component, property, telemetry, ...rest } = row;
  const toTelemetry = telemetry !== undefined;
  const target = telemetry ?? property ?? "";
  const without = (text: string) => text || undefined;
  const set = (fields: Partial<Mapping>) => {
    const entries = Object.entries({ ...row, ...fields }).filter(([, each]) => each !== undefined);
    put({ from: row.from, ...Object.fromEntries(entries) });
  };
  const input = (label: string, text: string, change: (text: string) => void, hint = "") => (
    <input
      className="input mono"
      aria-label={`${label}, mapping ${at}`}
      placeholder={hint}
      spellCheck={false}
      readOnly={readOnly}
      value={text}
      onChange={({ target }) => change(target.value)}
    />
  );
  return (
    <fieldset className="flow-map-row" data-testid={`mapping:${at}`}>
      {input("Member of the message", row.from, (from) => set({ from }), "/temperature")}
      <select
        className="input"
        aria-label={`What it becomes, mapping ${at}`}
        disabled={readOnly}
        value={toTelemetry ? "telemetry" : "property"}
        onChange={({ target: { value } }) => {
          const kept = { ...rest, ...(component && { component }), ...(convert && { convert }) };
          put(
            value === "telemetry"
              ? { ...kept, telemetry: target.replace(/^\//, "") }
              : { ...kept, property: target.startsWith("/") ? target : `/${target}` },
          );
        }}
      >
        <option value="property">sets property</option>
        <option value="telemetry">is sent as telemetry</option>
      </select>
      <input
        className="input mono"
        aria-label={`${toTelemetry ? "Telemetry" : "Property"}, mapping ${at}`}
        placeholder={toTelemetry ? "temperature" : "/temperature"}
        spellCheck={false}
        readOnly={readOnly}
        list={toTelemetry ? undefined : list}
        value={target}
        onChange={({ target: { value } }) =>
          set(toTelemetry ? { telemetry: value } : { property: value })
        }
      />
      <datalist id={list}>
        {[...new Set(graph.kinds.flatMap((kind) => kind.properties))].map((name) => (
          <option key={name} value={`/${name}`} />
        ))}
      </datalist>
      {!readOnly && <IconButton icon={Trash2} label={`Take mapping ${at} away`} onClick={remove} />}
      <details open={component !== undefined || convert !== undefined}>
        <summary className="hint">Component and unit</summary>
        {input(
          "Component",
          component ?? "",
          (text) => set({ component: without(text) }),
          "component",
        )}
        {input(
          "From unit",
          convert?.from ?? "",
          (from) =>
            set({ convert: from || convert?.to ? { from, to: convert?.to ?? "" } : undefined }),
          "degreeFahrenheit",
        )}
        {input(
          "To unit",
          convert?.to ?? "",
          (to) =>
            set({ convert: to || convert?.from ? { from: convert?.from ?? "", to } : undefined }),
          "degreeCelsius",
        )}
      </details>
    </fieldset>
  );
}

/** Devices whose twin has another id. */
export function TwinsTable({ value, set, readOnly }: InputProps) {
  const rows: [string, string][] = Object.entries(
    typeof value === "object" && value !== null ? value : {},
  ).map(([device, twin]) => [device, String(twin)]);
  const put = (next: [string, string][]) =>
    set(next.length > 0 ? Object.fromEntries(next) : undefined);
  const change = (at: number, row: [string, string]) =>
    put(rows.map((each, index) => (index === at ? row : each)));
  return (
    <div className="flow-map">
      {rows.map(([device, twin], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the device's id is what is being written
        <div key={at} className="flow-pair">
          <input
            className="input mono"
            aria-label={`Device ${at + 1}`}
            placeholder="device"
            spellCheck={false}
            readOnly={readOnly}
            value={device}
            onChange={({ target }) => change(at, [target.value, twin])}
          />
          <input
            className="input mono"
            aria-label={`Twin of device ${at + 1}`}
            placeholder="twin"
            spellCheck={false}
            readOnly={readOnly}
            value={twin}
            onChange={({ target }) => change(at, [device, target.value])}
          />
          {!readOnly && (
            <IconButton
              icon={Trash2}
              label={`Take device ${at + 1} away`}
              onClick={() => put(rows.filter((_, index) => index !== at))}
            />
          )}
        </div>
      ))}
      {rows.length === 0 && (
        <p className="hint">A device’s messages go to the twin of the same id.</p>
      )}
      {!readOnly && (
        <Button
          look="quiet"
          icon={Plus}
          disabled={rows.some(([device]) => device === "")}
          onClick={() => put([...rows, ["", ""]])}
        >
          Add
        </Button>
      )}
    </div>
  );
}
