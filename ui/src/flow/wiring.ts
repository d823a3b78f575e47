import type { FunctionSpec } from "../wire/FunctionSpec";
import { change, type Draft, freeName, idOf, nameOf, own, put, specOf, theInstance } from "./draft";

/** A wire between two nodes, by their ids. */
export interface Wire {
  from: string;
  to: string;
}

export const wireId = ({ from, to }: Wire): string => `${from} → ${to}`;

/** The wire of an id; `null` where it is none. */
export function wireOf(id: string): Wire | null {
  const [from, to] = id.split(" → ");
  return from && to ? { from, to } : null;
}

export const takesMessages = ({ kind }: FunctionSpec): boolean =>
  kind === "ingest" || kind === "rhai";
export const takesNotifications = ({ kind }: FunctionSpec): boolean => kind !== "ingest";
export const writesToInstance = ({ kind }: FunctionSpec): boolean =>
  kind === "ingest" || kind === "propagateToParent" || kind === "rhai";

export const sinksOf = (spec: FunctionSpec): readonly string[] =>
  spec.kind === "toTimeSeries" ? [spec.sink] : spec.kind === "rhai" ? (spec.sinks ?? []) : [];

/** The id of the endpoint that a subscription names, of whichever generation; `null`: none. */
export function endpointOf({ parts }: Draft, endpoint: string): string | null {
  if (Object.hasOwn(parts.endpoints, endpoint)) return idOf("endpoints", endpoint);
  return Object.hasOwn(parts.endpoints2019, endpoint) ? idOf("endpoints2019", endpoint) : null;
}

/** All wires between nodes that are there. */
export function wiresOf(draft: Draft): Wire[] {
  const { parts } = draft;
  const wires: Wire[] = [];
  const wire = (from: string, to: string) => {
    if (to === theInstance || specOf(draft, to)) wires.push({ from, to });
  };
  for (const [name, source] of Object.entries(parts.sources)) {
    wire(idOf("sources", name), idOf("functions", source.function));
  }
  for (const [name, spec] of Object.entries(parts.functions)) {
    const from = idOf("functions", name);
    if (writesToInstance(spec)) wire(from, theInstance);
    for (const sink of sinksOf(spec)) wire(from, idOf("sinks", sink));
  }
  for (const [name, route] of Object.entries(parts.routes)) {
    wire(theInstance, idOf("routes", name));
    wire(idOf("routes", name), idOf("endpoints", route.endpoint));
  }
  for (const [name, { eventTypes }] of Object.entries(parts.endpoints2019)) {
    const to = idOf("endpoints2019", name);
    // A device's own messages do not pass the instance.
    if (eventTypes.length !== 1 || eventTypes[0] !== "DeviceMessage") wire(theInstance, to);
    else for (const source of Object.keys(parts.sources)) wire(idOf("sources", source), to);
  }
  for (const [name, { endpoint, function: called }] of Object.entries(parts.subscriptions)) {
    const id = idOf("subscriptions", name);
    const from = endpointOf(draft, endpoint);
    if (from) wire(from, id);
    wire(id, idOf("functions", called));
  }
  return wires;
}

/** What drawing a wire would do to the draft, or why it does not fit. */
export type Fit = { draft: Draft; selects?: string } | { refused: string };

const refuse = (refused: string): Fit => ({ refused });

/** What a wire from one node to another means. Both are ids. */
export function fit(draft: Draft, from: string, to: string): Fit {
  if (from === to) return refuse("A wire leads from one node to another.");
  const [start, end] = [nameOf(from)?.part ?? "instance", nameOf(to)?.part ?? "instance"];
  const name = nameOf(to)?.name ?? "";
  if (start === "sources") {
    if (end !== "functions") {
      return refuse(
        "A source’s messages go to a function that takes them: one of kind ingest or Rhai.",
      );
    }
    const target = own(draft.parts.functions, name);
    if (target && !takesMessages(target)) {
      return refuse(
        `“${name}” takes notifications. A source needs a function of kind ingest or Rhai.`,
      );
    }
    return { draft: change(draft, from, { function: name }) };
  }
  if (start === "instance") return fromInstance(draft, end, name);
  if (start === "routes") {
    if (end === "endpoints") return { draft: change(draft, from, { endpoint: name }) };
    if (end === "endpoints2019") {
      return refuse(
        "No routes lead to an endpoint of 2019: its event types do. Tick them in its form.",
      );
    }
    return refuse("A route leads to an endpoint.");
  }
  if (start === "endpoints" || start === "endpoints2019") return fromEndpoint(draft, from, to);
  if (start === "subscriptions") {
    const target = own(draft.parts.functions, name);
    if (end !== "functions" || !target) return refuse("A subscription calls a function.");
    const endpoint = own(draft.parts.subscriptions, nameOf(from)?.name ?? "")?.endpoint ?? "";
    const why = notCalled(draft, endpoint, name, target);
    return why === null ? { draft: change(draft, from, { function: name }) } : refuse(why);
  }
  if (start === "functions") return fromFunction(draft, from, to);
  return refuse("A sink is where data leaves: nothing leads on from it here.");
}

function fromInstance(draft: Draft, end: string, name: string): Fit {
  if (end === "routes") return refuse("Every route takes the instance’s notifications already.");
  if (end === "endpoints2019") {
    return refuse("An endpoint of 2019 takes events by their types. Tick them in its form.");
  }
  if (end !== "endpoints")
    return refuse("The instance’s notifications go through a route to an endpoint.");
  const route = freeName(draft, "routes", `to-${name}`.slice(0, 46));
  return {
    draft: put(draft, "routes", route, { endpoint: name, filter: "true" }),
    selects: idOf("routes", route),
  };
}

/** Why a subscription of an endpoint cannot call a function; `null` where it can. */
function notCalled(
  { parts }: Draft,
  endpoint: string,
  name: string,
  target: FunctionSpec,
): string | null {
  if (!takesNotifications(target)) {
    return `“${name}” takes device messages. A subscription needs a function that takes notifications.`;
  }
  const kind = (own(parts.endpoints, endpoint) ?? own(parts.endpoints2019, endpoint))?.kind;
  return target.kind === "webhook" && kind !== undefined && kind !== "eventGrid"
    ? `“${name}” is a webhook, which Event Grid calls. Subscribe it to an endpoint of that kind.`
    : null;
}

function fromEndpoint(draft: Draft, from: string, to: string): Fit {
  const [start, end] = [nameOf(from), nameOf(to)];
  if (end?.part === "subscriptions" && start) {
    return { draft: change(draft, to, { endpoint: start.name }) };
  }
  const target = end?.part === "functions" ? own(draft.parts.functions, end.name) : undefined;
  if (!target || !start || !end) {
    return refuse("An endpoint’s events go to a function, by a subscription.");
  }
  const why = notCalled(draft, start.name, end.name, target);
  if (why !== null) return refuse(why);
  const name = freeName(draft, "subscriptions", end.name);
  const made = { endpoint: start.name, function: end.name };
  return {
    draft: put(draft, "subscriptions", name, made),
    selects: idOf("subscriptions", name),
  };
}

function fromFunction(draft: Draft, from: string, to: string): Fit {
  const [start, end] = [nameOf(from), nameOf(to)];
  const spec = start ? own(draft.parts.functions, start.name) : undefined;
  if (!spec || !start) return refuse("There is no such function.");
  if (!end) {
    return refuse(
      writesToInstance(spec)
        ? `“${start.name}” writes to the instance already.`
        : `A function of kind ${spec.kind} does not write to the instance.`,
    );
  }
  if (end.part !== "sinks")
    return refuse("A function writes to the instance and publishes to sinks.");
  if (spec.kind === "toTimeSeries") return { draft: change(draft, from, { sink: end.name }) };
  if (spec.kind !== "rhai") {
    return refuse(
      `A function of kind ${spec.kind} publishes to no sink. One of kind time series or Rhai does.`,
    );
  }
  const sinks = spec.sinks ?? [];
  if (sinks.includes(end.name))
    return refuse(`“${start.name}” publishes to “${end.name}” already.`);
  return { draft: change(draft, from, { sinks: [...sinks, end.name] }) };
}

/** Without a wire, or why it stays. */
export function unwire(draft: Draft, { from, to }: Wire): Fit {
  const [start, end] = [nameOf(from), nameOf(to)];
  const spec = start?.part === "functions" ? own(draft.parts.functions, start.name) : undefined;
  if (start?.part === "sources" && end?.part === "functions") {
    return { draft: change(draft, from, { function: "" }) };
  }
  if (start?.part === "routes") return { draft: change(draft, from, { endpoint: "" }) };
  if (start?.part === "subscriptions") return { draft: change(draft, from, { function: "" }) };
  if (end?.part === "subscriptions") return { draft: change(draft, to, { endpoint: "" }) };
  if (end?.part === "sinks" && spec?.kind === "toTimeSeries") {
    return { draft: change(draft, from, { sink: "" }) };
  }
  if (end?.part === "sinks" && spec?.kind === "rhai") {
    const sinks = (spec.sinks ?? []).filter((sink) => sink !== end.name);
    return { draft: change(draft, from, { sinks: sinks.length > 0 ? sinks : undefined }) };
  }
  if (end?.part === "routes") {
    return refuse("Every route takes the instance’s notifications. Delete the route to end that.");
  }
  if (end?.part === "endpoints2019") {
    return refuse("An endpoint of 2019 takes events by their types. Untick them in its form.");
  }
  return refuse("What a function of this kind does, it does. Delete the function to end that.");
}

/** Whether a wire fits, and why not. */
export const refusal = (draft: Draft, from: string, to: string): string | null => {
  const fits = fit(draft, from, to);
  return "refused" in fits ? fits.refused : null;
};

/** Whether a wire from a node fits to any kind of node. */
export function leadsOn({ parts }: Draft, id: string): boolean {
  const node = nameOf(id);
  const spec = node?.part === "functions" ? own(parts.functions, node.name) : undefined;
  return node?.part !== "sinks" && (!spec || spec.kind === "rhai" || spec.kind === "toTimeSeries");
}

/** The nodes to which a wire from a node fits. */
export function targetsOf(draft: Draft, from: string): string[] {
  const part = nameOf(from)?.part;
  const parts =
    part === "sources" || part === "subscriptions"
      ? (["functions"] as const)
      : part === "functions"
        ? (["sinks"] as const)
        : part === "endpoints" || part === "endpoints2019"
          ? (["functions", "subscriptions"] as const)
          : (["endpoints"] as const);
  return parts
    .flatMap((part) => Object.keys(draft.parts[part]).map((name) => idOf(part, name)))
    .filter((to) => refusal(draft, from, to) === null);
}
