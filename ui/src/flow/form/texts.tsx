import { Copy } from "lucide-react";
import { useMemo } from "react";
import { IconButton } from "../../look/Controls";
import { copyText } from "../../look/copy";
import { useCell } from "../../store/cell";
import { usePage } from "../../store/usePage";
import { fileOf, nameOf, own, setFile } from "../draft";
import { knownOf } from "../known";
import { useDraft } from "../reading";
import { CodeEditor } from "./CodeEditor";
import type { InputProps } from "./Form";

/** Filters that are often wanted; those of a model come from the instance. */
const common = [
  { label: "Everything", filter: "true" },
  { label: "Twin updates", filter: "type = 'Microsoft.DigitalTwins.Twin.Update'" },
  { label: "Telemetry", filter: "type = 'microsoft.iot.telemetry'" },
  {
    label: "Twins created or deleted",
    filter:
      "type = 'Microsoft.DigitalTwins.Twin.Create' OR type = 'Microsoft.DigitalTwins.Twin.Delete'",
  },
  {
    label: "Relationships",
    filter: "STARTS_WITH(type, 'Microsoft.DigitalTwins.Relationship')",
  },
];

/** A filter in the route filter language. */
export function Filter({ field, value, set, problems, readOnly }: InputProps) {
  const { graph } = usePage().instance;
  const { models } = useMemo(() => knownOf(graph), [graph]);
  const text = typeof value === "string" ? value : "";
  const updates = models.map(({ model, name }) => ({
    label: `Updates of ${name}`,
    filter: `type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = '${model}'`,
  }));
  return (
    <>
      <textarea
        className="input mono"
        aria-label={field.label}
        aria-invalid={problems.some(({ refused }) => refused) || undefined}
        spellCheck={false}
        readOnly={readOnly}
        rows={Math.min(8, Math.max(3, Math.ceil(text.length / 26)))}
        value={text}
        onChange={({ target }) => set(target.value)}
      />
      {!readOnly && (
        <select
          className="input"
          aria-label="Put in a filter"
          value=""
          onChange={({ target }) => set(target.value)}
        >
          <option value="" disabled>
            Put in …
          </option>
          {[...common, ...updates].map(({ label, filter }) => (
            <option key={label} value={filter}>
              {label}
            </option>
          ))}
        </select>
      )}
    </>
  );
}

/** The text of a function of one's own. */
export function Script({ id, field, problems, readOnly }: InputProps) {
  const { deployment } = usePage().flow;
  const draft = useDraft();
  const name = nameOf(id)?.name ?? "";
  const spec = own(draft.parts.functions, name);
  const file = spec ? fileOf(name, spec) : null;
  const remarks = useMemo(
    () => problems.map(({ line, message, refused }) => ({ line: line ?? 1, message, refused })),
    [problems],
  );
  if (file === null) return null;
  return (
    <>
      <CodeEditor
        language="rhai"
        label={field.label}
        testId="script"
        text={draft.files[file] ?? ""}
        onChange={(text) =>
          deployment.edit(setFile(deployment.sheet.get().draft, file, text), file)
        }
        remarks={remarks}
        readOnly={readOnly}
      />
      {problems.map(({ line, message, refused }) => (
        <p key={`${line} ${message}`} className="flow-remark" data-refused={refused}>
          {line !== null && `Line ${line}: `}
          {message}
        </p>
      ))}
    </>
  );
}

/** The address to which messages are posted. */
export function Door({ id }: InputProps) {
  const { instance, notices } = usePage();
  const status = useCell(instance.status);
  const address = `${status?.endpoint ?? ""}/ingress/${nameOf(id)?.name ?? ""}`;
  return (
    <span className="flow-node-choice">
      <code className="mono ellipsis selectable" title={address}>
        POST {address}
      </code>
      <IconButton
        icon={Copy}
        label="Copy the address"
        onClick={async () => {
          const copied = await copyText(address);
          notices.say(copied ? "Copied the address" : "The clipboard cannot be used.", {
            failed: !copied,
          });
        }}
      />
    </span>
  );
}
