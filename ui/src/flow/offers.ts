import {
  ChartLine,
  CodeXml,
  CornerLeftUp,
  FileInput,
  Globe,
  HardDrive,
  Inbox,
  Layers,
  type LucideIcon,
  Radio,
  RadioTower,
  Route,
  Rss,
  Thermometer,
  Waypoints,
  Webhook,
  Zap,
} from "lucide-react";
import type { EndpointKind } from "../wire/EndpointKind";
import type { FunctionSpec } from "../wire/FunctionSpec";
import type { SourceSpec } from "../wire/SourceSpec";
import {
  type Draft,
  freeName,
  idOf,
  nameOf,
  type PartName,
  put,
  type Specs,
  setFile,
} from "./draft";
import { freeDevices, type Known } from "./known";

/** A kind of node that can be added: an item of the palette. */
export interface Offer {
  /** Stable, for tests and keys: `source-iotHub`. */
  key: string;
  label: string;
  icon: LucideIcon;
  part: PartName;
  /** What it does, in a sentence. */
  hint: string;
  /** With one of it, made for what is known of the instance, and the id that it got. */
  add(draft: Draft, known: Known): { draft: Draft; id: string };
}

export interface OfferGroup {
  title: string;
  offers: readonly Offer[];
}

function offer<P extends PartName>(
  part: P,
  stem: string,
  spec: Specs[P] | ((draft: Draft, known: Known) => Specs[P]),
  rest: Pick<Offer, "key" | "label" | "icon" | "hint">,
): Offer {
  return {
    ...rest,
    part,
    add: (draft, known) => {
      const name = freeName(draft, part, stem);
      const made = typeof spec === "function" ? spec(draft, known) : spec;
      return { draft: put(draft, part, name, made), id: idOf(part, name) };
    },
  };
}

export const sourceIcons: Record<SourceSpec["kind"], LucideIcon> = {
  iotHub: RadioTower,
  simulatedThermostats: Thermometer,
  http: Globe,
  mqtt: Radio,
  eventHub: Layers,
};
export const functionIcons: Record<FunctionSpec["kind"], LucideIcon> = {
  ingest: FileInput,
  propagateToParent: CornerLeftUp,
  toTimeSeries: ChartLine,
  rhai: CodeXml,
  webhook: Webhook,
};
export const endpointIcons: Record<EndpointKind, LucideIcon> = {
  eventGrid: Zap,
  eventHub: Layers,
  serviceBus: Inbox,
};

/** The icon of a node. */
export function iconOf({ parts }: Draft, id: string): LucideIcon {
  const node = nameOf(id);
  if (!node) return Waypoints;
  const { part, name } = node;
  const source = part === "sources" && parts.sources[name];
  if (source) return sourceIcons[source.kind];
  const spec = part === "functions" && parts.functions[name];
  if (spec) return functionIcons[spec.kind];
  const endpoint = part === "endpoints" && parts.endpoints[name];
  const old = part === "endpoints2019" && parts.endpoints2019[name];
  if (endpoint || old) return endpointIcons[endpoint ? endpoint.kind : old ? old.kind : "eventHub"];
  return part === "routes" ? Route : part === "subscriptions" ? Rss : HardDrive;
}

/** What a function of one's own begins with. */
export const firstScript = `// Called with each message of a source that leads here.
fn on_message(message) {
  log("a message of " + message.device);
}

// Called with each notification that a subscription brings.
fn on_event(event) {
  log("an event about " + event.twin);
}
`;

const rhai: Offer = {
  key: "function-rhai",
  label: "Rhai",
  icon: CodeXml,
  part: "functions",
  hint: "A function of your own, in Rhai",
  add: (draft) => {
    const name = freeName(draft, "functions", "my-function");
    const added = put(draft, "functions", name, { kind: "rhai" });
    const file = `functions/${name}.rhai`;
    const text = draft.files[file] ?? firstScript;
    return { draft: setFile(added, file, text), id: idOf("functions", name) };
  },
};

const kinds = [
  { kind: "eventGrid", stem: "eg", what: "Event Grid", icon: Zap },
  { kind: "eventHub", stem: "eh", what: "Event Hub", icon: Layers },
  { kind: "serviceBus", stem: "sb", what: "Service Bus", icon: Inbox },
] as const;

export const palette: readonly OfferGroup[] = [
  {
    title: "Source",
    offers: [
      offer(
        "sources",
        "iot-hub",
        (draft, known) => ({ kind: "iotHub", devices: freeDevices(draft, known), function: "" }),
        {
          key: "source-iotHub",
          label: "IoT Hub",
          icon: RadioTower,
          hint: "Devices that connect to the embedded IoT hub",
        },
      ),
      offer(
        "sources",
        "thermostats",
        (draft, known) => ({
          kind: "simulatedThermostats",
          devices: freeDevices(draft, known),
          everySeconds: 3,
          function: "",
        }),
        {
          key: "source-simulatedThermostats",
          label: "Simulated",
          icon: Thermometer,
          hint: "Thermostats that Twinscope simulates",
        },
      ),
      offer(
        "sources",
        "http",
        { kind: "http", function: "" },
        {
          key: "source-http",
          label: "HTTP",
          icon: Globe,
          hint: "JSON and CloudEvents by POST /ingress/NAME",
        },
      ),
      offer(
        "sources",
        "mqtt",
        {
          kind: "mqtt",
          url: "mqtt://localhost:1883",
          topics: ["devices/#"],
          device: { topicLevel: 1 },
          function: "",
        },
        {
          key: "source-mqtt",
          label: "MQTT",
          icon: Radio,
          hint: "Topics of an MQTT broker elsewhere",
        },
      ),
      offer(
        "sources",
        "event-hub",
        { kind: "eventHub", connection: { secret: "" }, function: "" },
        {
          key: "source-eventHub",
          label: "Event Hub",
          icon: Layers,
          hint: "An event hub elsewhere, or an IoT hub’s compatible endpoint",
        },
      ),
    ],
  },
  {
    title: "Process",
    offers: [
      offer("functions", "ingest", (_, { map }) => ({ kind: "ingest", map: [...map] }), {
        key: "function-ingest",
        label: "Ingest",
        icon: FileInput,
        hint: "Sets a device’s telemetry on its twin",
      }),
      offer(
        "functions",
        "propagate-to-parent",
        (_, { propagation }) => ({ kind: "propagateToParent", ...propagation }),
        {
          key: "function-propagateToParent",
          label: "To parent",
          icon: CornerLeftUp,
          hint: "Copies a child’s property to its parent",
        },
      ),
      offer(
        "functions",
        "to-time-series",
        { kind: "toTimeSeries", sink: "" },
        {
          key: "function-toTimeSeries",
          label: "Time series",
          icon: ChartLine,
          hint: "Publishes telemetry as time-series events to a sink",
        },
      ),
      rhai,
      offer(
        "functions",
        "webhook",
        { kind: "webhook", url: "" },
        {
          key: "function-webhook",
          label: "Webhook",
          icon: Webhook,
          hint: "Azure Functions, Logic Apps: called by Event Grid",
        },
      ),
      offer("routes", "twin-updates", (_, { filter }) => ({ endpoint: "", filter }), {
        key: "route",
        label: "Route",
        icon: Route,
        hint: "Which notifications go to an endpoint",
      }),
    ],
  },
  {
    title: "Endpoint",
    offers: kinds.map(({ kind, stem, what, icon }) =>
      offer(
        "endpoints",
        `${stem}-twins`,
        { kind },
        {
          key: `endpoint-${kind}`,
          label: what,
          icon,
          hint: `An ${what === "Service Bus" ? "endpoint in a Service Bus topic" : `${what} endpoint`} for routes`,
        },
      ),
    ),
  },
  {
    title: "Receive",
    offers: [
      offer(
        "subscriptions",
        "subscription",
        { endpoint: "", function: "" },
        {
          key: "subscription",
          label: "Subscription",
          icon: Rss,
          hint: "Takes an endpoint’s events; drop it onto one",
        },
      ),
      offer(
        "sinks",
        "series",
        { kind: "eventHub" },
        {
          key: "sink",
          label: "Sink",
          icon: HardDrive,
          hint: "An event hub that functions publish to",
        },
      ),
    ],
  },
  {
    title: "Endpoint, 2019",
    offers: kinds.map(({ kind, stem, what, icon }) =>
      offer(
        "endpoints2019",
        `${stem}-2019`,
        { kind, eventTypes: ["TopologyOperation"], path: `${stem}-2019` },
        {
          key: `endpoint2019-${kind}`,
          label: what,
          icon,
          hint: `${what} by the rules of 2019: takes events by their types`,
        },
      ),
    ),
  },
];

export const offerOf = (key: string): Offer | undefined =>
  palette.flatMap(({ offers }) => offers).find((offer) => offer.key === key);
