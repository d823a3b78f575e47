import { type Draft, idOf, nameOf, own, type PartName, specOf } from "../draft";
import { endpointOf, takesMessages, takesNotifications } from "../wiring";
import { endpointWords } from "../words";

/** A field of a form: what it edits, by the name that it has in `topology.json`. */
export type Field =
  | {
      kind: "text";
      field: string;
      label: string;
      hint?: string;
      placeholder?: string;
      optional?: true;
      offers?: "properties" | "relationships";
    }
  | {
      kind: "number";
      field: string;
      label: string;
      hint?: string;
      placeholder?: string;
      optional?: true;
      unit?: string;
    }
  | {
      kind: "lines";
      field: string;
      label: string;
      hint?: string;
      placeholder?: string;
      optional?: true;
    }
  | {
      kind: "choice";
      field: string;
      label: string;
      options: readonly { value: string; label: string }[];
    }
  | { kind: "secret"; field: string; label: string; hint?: string; optional?: true }
  | { kind: "node"; field: string; label: string; nodes: readonly string[]; none: string }
  | { kind: "nodes"; field: string; label: string; nodes: readonly string[] }
  | {
      kind:
        | "map"
        | "twins"
        | "deviceFrom"
        | "eventTypes"
        | "filter"
        | "where"
        | "deadLetter"
        | "script"
        | "door";
      field: string;
      label: string;
    };

const pointerHint = "As JSON Pointer, such as /deviceId";
const functionsThat = (draft: Draft, takes: typeof takesMessages): string[] =>
  Object.entries(draft.parts.functions)
    .filter(([, spec]) => takes(spec))
    .map(([name]) => name);

const endpointKinds = Object.entries(endpointWords).map(([value, label]) => ({ value, label }));
const kind: Field = { kind: "choice", field: "kind", label: "Kind", options: endpointKinds };

const keys = (of2019: boolean): Field[] => {
  const hint = of2019
    ? "The connection string; of Event Grid the key"
    : "The connection string; of Event Grid the access key";
  return [
    { kind: "secret", field: "primary", label: "Primary", hint, optional: true },
    { kind: "secret", field: "secondary", label: "Secondary", optional: true },
  ];
};

/** The fields of a node's form, in order. */
export function fieldsOf(draft: Draft, id: string): Field[] {
  const node = nameOf(id);
  if (!node) return [];
  const { part, name } = node;
  switch (part) {
    case "sources":
      return sourceFields(draft, name);
    case "functions":
      return functionFields(draft, name);
    case "routes":
      return [
        {
          kind: "node",
          field: "endpoint",
          label: "Endpoint",
          nodes: Object.keys(draft.parts.endpoints),
          none: "none yet",
        },
        { kind: "filter", field: "filter", label: "Filter" },
      ];
    case "endpoints":
      return endpointFields(draft, name);
    case "endpoints2019":
      return [
        kind,
        { kind: "eventTypes", field: "eventTypes", label: "Event types" },
        {
          kind: "text",
          field: "path",
          label: "Path",
          hint: "The event hub or topic; of Event Grid the topic’s host name",
        },
        ...keys(true),
      ];
    case "subscriptions":
      return subscriptionFields(draft, id);
    case "sinks":
      return [
        { kind: "text", field: "entity", label: "Event hub", placeholder: name, optional: true },
        {
          kind: "secret",
          field: "connection",
          label: "Connection",
          hint: "Without one the event hub is embedded here",
          optional: true,
        },
      ];
  }
}

function sourceFields(draft: Draft, name: string): Field[] {
  const spec = own(draft.parts.sources, name);
  const to: Field = {
    kind: "node",
    field: "function",
    label: "Function",
    nodes: functionsThat(draft, takesMessages),
    none: "none yet",
  };
  const devices: Field = {
    kind: "lines",
    field: "devices",
    label: "Devices",
    hint: "Device ids, one a line",
    placeholder: "thermo_0001",
  };
  const device: Field = {
    kind: "text",
    field: "device",
    label: "Device id",
    optional: true,
    placeholder: "/deviceId",
  };
  switch (spec?.kind) {
    case "simulatedThermostats":
      return [
        devices,
        { kind: "number", field: "everySeconds", label: "Every", unit: "s" },
        {
          kind: "number",
          field: "seed",
          label: "Seed",
          optional: true,
          hint: "The same seed gives the same weather",
        },
        to,
      ];
    case "iotHub":
      return [devices, to];
    case "http":
      return [
        { kind: "door", field: "", label: "Address" },
        {
          ...device,
          hint: `Where it stands in the body. ${pointerHint}. Else ?device=… or a CloudEvent’s subject`,
        },
        to,
      ];
    case "mqtt":
      return [
        { kind: "text", field: "url", label: "Broker", placeholder: "mqtts://host:8883" },
        {
          kind: "secret",
          field: "credentials",
          label: "Credentials",
          hint: "user:password",
          optional: true,
        },
        {
          kind: "lines",
          field: "topics",
          label: "Topics",
          hint: "Topic filters, one a line",
          placeholder: "building/#",
        },
        { kind: "deviceFrom", field: "device", label: "Device id" },
        to,
      ];
    case "eventHub":
      return [
        {
          kind: "secret",
          field: "connection",
          label: "Connection",
          hint: "The connection string, with EntityPath",
        },
        {
          kind: "text",
          field: "consumerGroup",
          label: "Consumer group",
          placeholder: "$Default",
          optional: true,
        },
        {
          ...device,
          hint: `Where it stands in the body. ${pointerHint}. Else the annotation that an IoT hub makes`,
        },
        to,
      ];
    default:
      return [];
  }
}

function functionFields(draft: Draft, name: string): Field[] {
  const spec = own(draft.parts.functions, name);
  const sinks = Object.keys(draft.parts.sinks);
  switch (spec?.kind) {
    case "ingest":
      return [
        { kind: "map", field: "map", label: "What goes where" },
        { kind: "twins", field: "twins", label: "Devices with another twin" },
      ];
    case "propagateToParent":
      return [
        {
          kind: "text",
          field: "property",
          label: "Property",
          hint: "The child’s",
          offers: "properties",
        },
        {
          kind: "text",
          field: "relationship",
          label: "Relationship",
          hint: "From parent to child",
          offers: "relationships",
        },
        {
          kind: "text",
          field: "parentProperty",
          label: "Sets",
          hint: "The parent’s property",
          offers: "properties",
        },
      ];
    case "toTimeSeries":
      return [
        {
          kind: "lines",
          field: "values",
          label: "Values",
          hint: "Members of the telemetry, one a line; all numbers where empty",
          optional: true,
        },
        { kind: "node", field: "sink", label: "Sink", nodes: sinks, none: "none yet" },
      ];
    case "rhai":
      return [
        { kind: "script", field: "text", label: "Code" },
        {
          kind: "text",
          field: "file",
          label: "File",
          placeholder: `functions/${name}.rhai`,
          optional: true,
        },
        { kind: "nodes", field: "sinks", label: "May publish to", nodes: sinks },
      ];
    case "webhook":
      return [
        {
          kind: "text",
          field: "url",
          label: "Address",
          placeholder: "http://localhost:7071/runtime/webhooks/EventGrid",
        },
        {
          kind: "secret",
          field: "query",
          label: "Query",
          hint: "What is added to the address and must not be read by others: code=…",
          optional: true,
        },
      ];
    default:
      return [];
  }
}

function endpointFields(draft: Draft, name: string): Field[] {
  const spec = own(draft.parts.endpoints, name);
  if (!spec) return [];
  const fields: Field[] = [kind];
  if (spec.kind !== "eventGrid") {
    const label = spec.kind === "eventHub" ? "Event hub" : "Topic";
    fields.push({ kind: "text", field: "entity", label, placeholder: name, optional: true });
  }
  fields.push({ kind: "where", field: "", label: "Where" });
  const withIdentity = spec.authentication === "identityBased";
  if (withIdentity || (spec.kind === "eventGrid" && (spec.address !== undefined || spec.primary))) {
    const placeholder = withIdentity
      ? "sb://NAMESPACE.servicebus.windows.net/"
      : "https://TOPIC.westeurope-1.eventgrid.azure.net/api/events";
    fields.push({ kind: "text", field: "address", label: "Address", placeholder, optional: true });
  }
  if (!withIdentity && (spec.primary || spec.secondary)) fields.push(...keys(false));
  fields.push({ kind: "deadLetter", field: "deadLetter", label: "Dead letters" });
  return fields;
}

function subscriptionFields(draft: Draft, id: string): Field[] {
  const spec = own(draft.parts.subscriptions, nameOf(id)?.name ?? "");
  const { endpoints, endpoints2019 } = draft.parts;
  const nodes = [...Object.keys(endpoints), ...Object.keys(endpoints2019)];
  const fields: Field[] = [
    { kind: "node", field: "endpoint", label: "Endpoint", nodes, none: "none yet" },
    {
      kind: "node",
      field: "function",
      label: "Function",
      nodes: functionsThat(draft, takesNotifications),
      none: "none yet",
    },
  ];
  const endpoint = endpointOf(draft, spec?.endpoint ?? "");
  const host = endpoint === null ? null : specOf(draft, endpoint);
  const of = host && "kind" in host ? host.kind : null;
  if (of === "eventHub" || spec?.consumerGroup !== undefined) {
    fields.push({
      kind: "text",
      field: "consumerGroup",
      label: "Consumer group",
      placeholder: "$Default",
      optional: true,
    });
  }
  if (of === "serviceBus" || spec?.filter !== undefined) {
    fields.push({
      kind: "text",
      field: "filter",
      label: "SQL filter",
      placeholder: "all messages",
      optional: true,
    });
  }
  return fields;
}

/** The node that a reference of a field names. */
export const refersTo = (draft: Draft, field: string, name: string): string | null => {
  const part: Record<string, PartName> = { function: "functions", sink: "sinks", sinks: "sinks" };
  if (field === "endpoint") return endpointOf(draft, name);
  const of = part[field];
  return of && own<unknown>(draft.parts[of], name) !== undefined ? idOf(of, name) : null;
};
