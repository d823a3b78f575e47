import { counted } from "../look/format";
import type { EndpointKind } from "../wire/EndpointKind";
import type { EventType2019 } from "../wire/EventType2019";
import type { FunctionSpec } from "../wire/FunctionSpec";
import type { NodeState } from "../wire/NodeState";
import type { RouteSpec } from "../wire/RouteSpec";
import type { SourceSpec } from "../wire/SourceSpec";
import { type Draft, nameOf, own, type PartName, theInstance } from "./draft";
import { wireOf } from "./wiring";

/** Words for the parts of a topology. */

export const partWords: Record<PartName, string> = {
  sources: "Source",
  functions: "Function",
  routes: "Route",
  endpoints: "Endpoint",
  endpoints2019: "Endpoint, 2019",
  subscriptions: "Subscription",
  sinks: "Sink",
};

export const endpointWords: Record<EndpointKind, string> = {
  eventGrid: "Event Grid",
  eventHub: "Event Hub",
  serviceBus: "Service Bus",
};

export const functionWords: Record<FunctionSpec["kind"], string> = {
  ingest: "Ingest",
  propagateToParent: "To parent",
  toTimeSeries: "To time series",
  rhai: "Rhai function",
  webhook: "Webhook",
};

export const sourceWords: Record<SourceSpec["kind"], string> = {
  simulatedThermostats: "Simulated",
  iotHub: "IoT Hub",
  http: "HTTP door",
  mqtt: "MQTT broker",
  eventHub: "Event Hub",
};

export const eventTypes2019: readonly { type: EventType2019; hint: string }[] = [
  { type: "TopologyOperation", hint: "twins and relationships made, changed, deleted" },
  { type: "SensorChange", hint: "a sensor’s values" },
  { type: "SpaceChange", hint: "a space’s values" },
  { type: "UdfCustom", hint: "what a function sends by send_udf_custom" },
  { type: "DeviceMessage", hint: "devices’ own messages; alone, to an Event Hub" },
];

/** The name of a node, and what it is, for people. */
export const titleOf = (id: string): string =>
  id === theInstance ? "Instance" : (nameOf(id)?.name ?? id);

/** What kind of node it is: `Event Grid`, `Ingest`, `IoT Hub, 24 devices`. */
export function kindWords({ parts }: Draft, id: string): string {
  const node = nameOf(id);
  if (!node) return "Digital Twins instance";
  const { part, name } = node;
  const source = part === "sources" ? parts.sources[name] : undefined;
  if (source) {
    const words = sourceWords[source.kind];
    if (!("devices" in source)) return words;
    // A simulated thermostat is a device, too; the shorter words fit the node.
    const { length } = source.devices;
    return source.kind === "iotHub"
      ? `${words}, ${counted(length, "device")}`
      : `${length} simulated`;
  }
  const spec = part === "functions" ? parts.functions[name] : undefined;
  if (spec) return functionWords[spec.kind];
  const endpoint = part === "endpoints" ? parts.endpoints[name] : undefined;
  if (endpoint) return endpointWords[endpoint.kind];
  const old = part === "endpoints2019" ? parts.endpoints2019[name] : undefined;
  if (old) return `${endpointWords[old.kind]}, 2019`;
  const route = part === "routes" ? parts.routes[name] : undefined;
  if (route) return routeWords(route);
  return part === "sinks" ? "Sink, Event Hub" : partWords[part];
}

function routeWords({ filter }: RouteSpec): string {
  if (filter.trim() === "true") return "Route, everything";
  const { length } = splitConditions(filter);
  return `Route, ${counted(length, "condition")}`;
}

/** A condition of a filter in short: what it looks at, and what it wants. */
export interface Condition {
  subject: string;
  wanted: string;
}

const mostConditions = 3;
const splitConditions = (filter: string): string[] =>
  filter.split(/\s+AND\s+/i).filter((condition) => condition.trim() !== "");

/** The first conditions of a filter, for reading in passing; the filter itself is in the form. */
export function conditionsOf(filter: string): Condition[] {
  if (filter.trim() === "true") return [];
  return splitConditions(filter).slice(0, mostConditions).map(condition);
}

function condition(text: string): Condition {
  const equals = /^\s*\(?\s*([\w$.]+)\s*=\s*'([^']*)'\s*\)?\s*$/.exec(text);
  if (equals) {
    const [, subject = "", value = ""] = equals;
    return { subject: subject.replace(/^\$?body\.modelId$/, "model"), wanted: shortValue(value) };
  }
  const starts = /^\s*STARTS_WITH\s*\(\s*([\w$.]+)\s*,\s*'([^']*)'\s*\)\s*$/i.exec(text);
  if (starts) return { subject: starts[1] ?? "", wanted: `${shortValue(starts[2] ?? "")}…` };
  return { subject: "", wanted: text.trim() };
}

/** `Microsoft.DigitalTwins.Twin.Update` is Twin update, `dtmi:com:contoso:Room;1` is Room. */
function shortValue(value: string): string {
  const model = /^dtmi:(?:.*:)?([^:;]+)(?:;\d+)?$/.exec(value)?.[1];
  if (model) return model;
  const type = /^microsoft\.(?:digitaltwins|iot)\.(.+)$/i.exec(value)?.[1];
  if (!type) return value;
  const words = type.replaceAll(".", " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A time that is left: `0:41`, `12:41`, `1:02:03`. */
export function left(until: string, now: number): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - now) / 1000));
  if (Number.isNaN(seconds)) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = two(seconds % 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** A state in words, counted down to where it ends. */
export function stateWords(state: NodeState, now: number): string {
  switch (state.kind) {
    case "idle":
      return "Idle";
    case "healthy":
      return "Healthy";
    case "provisioning":
      return `Provisioning, ${left(state.until, now)} left`;
    case "secondaryKey":
      return "On secondary key";
    case "retrying":
      return `Retry ${state.attempt} in ${left(state.at, now)}`;
    case "paused":
      return `Paused, ${left(state.until, now)} left`;
    case "deadLettering":
      return "Dead-lettering";
    case "failed":
      return "Failed";
  }
}

/** The log's words for nodes, and the parts of the topology that they stand for. */
const nodeWords: Record<string, readonly PartName[]> = {
  route: ["routes"],
  endpoint: ["endpoints", "endpoints2019"],
  function: ["functions"],
  source: ["sources"],
  subscription: ["subscriptions"],
  sink: ["sinks"],
};

const logWord = ({ part, name }: { part: PartName; name: string }): string | null => {
  const word = Object.entries(nodeWords).find(([, parts]) => parts.includes(part));
  return word ? `${word[0]}:${name}` : null;
};

/** What the event log can be filtered to for a node or wire at work; `null` where to nothing. */
export function logWords(atWork: Draft, id: string): string | null {
  const wire = wireOf(id);
  const nodes = (wire ? [wire.from, wire.to] : [id]).map(nameOf);
  const there = nodes.filter((node) => node && own<unknown>(atWork.parts[node.part], node.name));
  // What is not at work yet has no events.
  if (there.length < nodes.filter(Boolean).length) return null;
  const words = there.flatMap((node) => (node ? (logWord(node) ?? []) : []));
  return words.join(" ") || null;
}

/** All words for nodes that the log's filter takes. */
export const allLogWords = ({ parts }: Draft): string[] =>
  Object.entries(nodeWords).flatMap(([word, of]) =>
    of.flatMap((part) => Object.keys(parts[part]).map((name) => `${word}:${name}`)),
  );

/** What is to be said of a filter's words for nodes where it takes nothing; `null`: nothing. */
export function remarkOn(atWork: Draft, filter: string): string | null {
  for (const word of filter.split(/\s+/)) {
    const [, kind = "", name = ""] = /^(\w+):(.*)$/.exec(word) ?? [];
    const parts = nodeWords[kind.toLowerCase()];
    if (!parts) continue;
    const isIn = (part: PartName) =>
      Object.keys(atWork.parts[part]).some((one) => one.toLowerCase() === name.toLowerCase());
    const part = parts.find(isIn);
    if (!part) return `There is no ${kind.toLowerCase()} “${name}” in the topology at work.`;
    if (part === "endpoints2019") {
      return `Of “${name}”, an endpoint of 2019, the log has messages of devices, what functions sent it, and what it could not do. Its figures are on the canvas.`;
    }
  }
  return null;
}
