import { draftOf } from "../src/flow/draft";
import { wiresOf } from "../src/flow/wiring";
import type { Counts } from "../src/wire/Counts";
import type { NodeState } from "../src/wire/NodeState";
import type { Request } from "../src/wire/Request";
import type { Response } from "../src/wire/Response";
import type { Topology } from "../src/wire/Topology";
import type { TopologyNote } from "../src/wire/TopologyNote";

/** As long as where it mostly is, and without a place to break. */
const keptIn = "/home/me/.local/share/twinscope/workspace-tower/secrets.json";

const updates =
  "type = 'Microsoft.DigitalTwins.Twin.Update' AND $body.modelId = 'dtmi:com:contoso:Thermostat;1'";

export const noTopology: Topology = {
  sources: {},
  functions: {},
  endpoints: {},
  routes: {},
  subscriptions: {},
};

/** Much of everything, as in the pictures of the look. */
export const playedTopology: Topology = {
  sources: {
    "iot-hub": {
      kind: "iotHub",
      devices: Array.from({ length: 24 }, (_, at) => `thermo_00${String(at + 1).padStart(2, "0")}`),
      function: "ingest",
    },
    http: { kind: "http", function: "ingest" },
  },
  functions: {
    ingest: { kind: "ingest", map: [{ from: "/temperature", property: "/temperature" }] },
    "propagate-to-parent": {
      kind: "propagateToParent",
      property: "temperature",
      relationship: "rel_has_thermostat",
      parentProperty: "currentTemp",
    },
    "to-time-series": { kind: "toTimeSeries", sink: "eh-series" },
    archive: { kind: "rhai", sinks: ["eh-audit"] },
  },
  endpoints: {
    "eg-twins": { kind: "eventGrid" },
    "eh-telemetry": { kind: "eventHub" },
    "sb-audit": { kind: "serviceBus" },
  },
  endpoints2019: {
    "eh-2019": {
      kind: "eventHub",
      eventTypes: ["TopologyOperation", "SpaceChange"],
      path: "eh-2019",
    },
  },
  routes: {
    "to-parent": { endpoint: "eg-twins", filter: updates },
    telemetry: { endpoint: "eh-telemetry", filter: "type = 'microsoft.iot.telemetry'" },
    audit: {
      endpoint: "sb-audit",
      filter: "STARTS_WITH(type, 'Microsoft.DigitalTwins.Relationship')",
    },
  },
  subscriptions: {
    parent: { endpoint: "eg-twins", function: "propagate-to-parent" },
    series: { endpoint: "eh-telemetry", function: "to-time-series" },
    archive: { endpoint: "sb-audit", function: "archive" },
  },
  sinks: { "eh-series": { kind: "eventHub" }, "eh-audit": { kind: "eventHub" } },
};

const script = `fn on_event(event) {
  publish("eh-audit", event.body, event.subject);
}
`;

/** Events a second of each source, and how many go on. */
const rates: Record<string, number> = {
  "sources/iot-hub": 79,
  "functions/ingest": 79,
  instance: 240,
  "routes/to-parent": 79,
  "routes/telemetry": 79,
  "routes/audit": 2.3,
  "endpoints/eg-twins": 79,
  "endpoints/eh-telemetry": 79,
  "endpoints/sb-audit": 2.3,
  "subscriptions/parent": 79,
  "subscriptions/series": 79,
  "functions/propagate-to-parent": 79,
  "functions/to-time-series": 79,
  "sinks/eh-series": 79,
  "endpoints2019/eh-2019": 1.4,
};

/** Plays the topology of the backend: what is deployed, what flows, and secrets. */
export class FixtureFlow {
  topology: Topology = playedTopology;
  files: Record<string, string> = { "functions/archive.rhai": script };
  revision = 1;
  fixed: string | null = null;
  notInFile: string[] = [];
  secrets: string[] = ["eh-primary"];
  /** What was kept under names; the page must never ask for it again. */
  readonly kept = new Map<string, string | null>();
  readonly sent: unknown[] = [];
  readonly triedNow: string[] = [];
  states: Record<string, NodeState> = {
    "endpoints/eh-telemetry": { kind: "secondaryKey" },
    "endpoints/sb-audit": { kind: "paused", until: new Date(Date.now() + 761_000).toISOString() },
  };
  /** Refuses every request about the topology. */
  broken = false;
  /** Milliseconds since the counting began; `null`: by the clock. */
  at: number | null = null;
  private readonly began = Date.now();

  answer(request: Request): Response | null {
    if (this.broken && ["topology", "flow"].includes(request.type)) {
      return failed("Fault", "The pipeline does not answer. Restart Twinscope.");
    }
    switch (request.type) {
      case "topology":
        return this.state();
      case "checkTopology": {
        if (this.fixed !== null) return failed("NotHere", this.fixed);
        const problems = check(request.topology as Topology, request.files);
        const unread = Object.keys((request.topology as Topology).endpoints).filter(
          (name) =>
            !Object.values((request.topology as Topology).routes).some((r) => r.endpoint === name),
        );
        const warnings = unread.map((name) => ({
          path: `/endpoints/${name}`,
          message: "No route leads to this endpoint.",
        }));
        return { type: "topologyNotes", problems, warnings };
      }
      case "deploy": {
        if (request.revision !== this.revision) {
          return failed("Conflict", "Another topology came since. Look at it, then deploy again.");
        }
        const topology = request.topology as Topology;
        const problems = check(topology, request.files);
        if (problems.length > 0) {
          return {
            ...failed("Topology", "Nothing was deployed."),
            details: problems.map((p) => p.message),
          } as Response;
        }
        this.topology = topology;
        this.files = { ...request.files };
        this.revision++;
        return this.state();
      }
      case "flow":
        return this.flow();
      case "sendMessage":
        this.sent.push(request);
        return { type: "accepted" };
      case "tryNow":
        this.triedNow.push(request.node);
        return { type: "accepted" };
      case "secrets":
        return { type: "secrets", names: this.secrets, keptIn };
      case "keepSecret": {
        this.kept.set(request.name, request.value);
        const others = this.secrets.filter((name) => name !== request.name);
        this.secrets = request.value === null ? others : [...others, request.name].sort();
        return { type: "secrets", names: this.secrets, keptIn };
      }
      default:
        return null;
    }
  }

  /** Changes the topology as an editor outside does. */
  change(topology: Topology): void {
    this.topology = topology;
    this.revision++;
  }

  private state(): Response {
    const { topology, files, revision, fixed, notInFile } = this;
    const file = fixed === null ? "/home/me/contoso-building/topology.json" : null;
    return { type: "topology", topology, files, revision, fixed, notInFile, file, warnings: [] };
  }

  private flow(): Response {
    // Of a remote instance its routes are known, and nothing is counted.
    if (this.fixed !== null) {
      return { type: "flow", atMillis: 0, revision: this.revision, nodes: [], wires: [] };
    }
    const atMillis = this.at ?? Date.now() - this.began;
    const seconds = atMillis / 1000;
    const draft = draftOf(this.topology, this.files);
    const wires = wiresOf(draft);
    const ids = ["instance", ...wires.flatMap(({ from, to }) => [from, to])];
    const nodes = [...new Set(ids)].map((node) => {
      const done = Math.floor((rates[node] ?? 0) * seconds);
      const paused = this.states[node]?.kind === "paused";
      const state = this.states[node] ?? { kind: done > 0 ? "healthy" : "idle" };
      const message = paused
        ? "Both keys were refused. Events are dropped until the pause ends; put in new keys."
        : null;
      const dropped: Record<string, number> = paused
        ? { "both keys were refused": done + 318 }
        : {};
      const counts = { ...nothing, taken: done, done, busyNanos: done * 800_000, dropped };
      return { node, state, message, counts };
    });
    const passed = wires.map(({ from, to }) => {
      const rate =
        to === "instance" ? 2 * (rates[from] ?? 0) : from === "instance" ? 240 : (rates[from] ?? 0);
      const events = Math.floor(rate * seconds);
      return { from, to, events, bytes: events * 312 };
    });
    return { type: "flow", atMillis, revision: this.revision, nodes, wires: passed };
  }
}

export const nothing: Counts = {
  taken: 0,
  done: 0,
  bytes: 0,
  failures: 0,
  retries: 0,
  repeated: 0,
  deadLettered: 0,
  busyNanos: 0,
  lag: 0,
  dropped: {},
};

/** As much of the backend's check as the page's tests need. */
function check(topology: Topology, files: Record<string, string>): TopologyNote[] {
  const notes: TopologyNote[] = [];
  const has = (part: object, name: string) => Object.hasOwn(part, name);
  for (const [name, { function: called }] of Object.entries(topology.sources)) {
    if (!has(topology.functions, called)) {
      notes.push({
        path: `/sources/${name}/function`,
        message: `There is no function «${called}».`,
      });
    }
  }
  for (const [name, route] of Object.entries(topology.routes)) {
    if (!has(topology.endpoints, route.endpoint)) {
      const message = `There is no endpoint «${route.endpoint}».`;
      notes.push({ path: `/routes/${name}/endpoint`, message });
    }
    if (/=\s*$|AND\s*$/i.test(route.filter)) {
      const message =
        "A value is missing at the end of the filter. Write one, as in type = 'microsoft.iot.telemetry'.";
      notes.push({ path: `/routes/${name}/filter`, message });
    }
  }
  for (const [name, spec] of Object.entries(topology.subscriptions)) {
    if (!has(topology.functions, spec.function)) {
      const message = `There is no function «${spec.function}».`;
      notes.push({ path: `/subscriptions/${name}/function`, message });
    }
  }
  for (const [file, text] of Object.entries(files)) {
    const line = text.split("\n").findIndex((each) => each.includes("oops"));
    const name = file.slice("functions/".length, -".rhai".length);
    const message = `${file}, line ${line + 1}, column 1: Unknown word “oops”.`;
    if (line >= 0) notes.push({ path: `/functions/${name}`, message });
  }
  return notes;
}

function failed(code: string, message: string): Response {
  return { type: "failed", code, message, details: [] };
}
