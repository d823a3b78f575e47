import type { Answer, DragEvent, Host } from "../src/host/host";
import { noRow } from "../src/store/rows";
import type { Failure } from "../src/wire/Failure";
import type { GraphMessage } from "../src/wire/GraphMessage";
import type { LayoutMethod } from "../src/wire/LayoutMethod";
import type { LimitsChoice } from "../src/wire/LimitsChoice";
import type { LogRequest } from "../src/wire/LogRequest";
import type { LogRow } from "../src/wire/LogRow";
import type { LogWindow } from "../src/wire/LogWindow";
import type { Neighbourhood } from "../src/wire/Neighbourhood";
import type { Phase } from "../src/wire/Phase";
import type { PropertyMessage } from "../src/wire/PropertyMessage";
import type { Request } from "../src/wire/Request";
import type { Response } from "../src/wire/Response";
import type { SimulationAction } from "../src/wire/SimulationAction";
import type { Status } from "../src/wire/Status";
import type { Target } from "../src/wire/Target";
import type { TwinDetail } from "../src/wire/TwinDetail";
import {
  type FixtureTwin,
  frames,
  kinds,
  makeRelationships,
  makeTwins,
  room,
  thermostat,
} from "./fixture-building";
import { FixtureFlow } from "./fixture-flow";
import { fixtureLimits } from "./fixture-limits";
import { FixtureQueries } from "./fixture-queries";
import { graphMessage, type PlayedTwin } from "./graph-message";

const routes = ["to-parent", "telemetry"];
const logKept = 5000;

/**
 * Plays the backend for looking at the page in a browser and for tests. Never part of the built
 * page. `step()` is one message of one device; `start()` makes them come by themselves.
 */
export class FixtureHost implements Host {
  session = 1;
  version = 1;
  phase: Phase = { phase: "ready" };
  target: Target = { kind: "sample" };
  twins = new Map(makeTwins().map((twin) => [twin.id, twin]));
  relationships = makeRelationships();
  problems: Status["problems"] = [];
  state: string | null = null;
  recent: Target[] = [];
  log: LogRow[] = [];
  /** What becomes of the events that an endpoint is handed. */
  fate: "delivered" | "waiting" | "deadLettered" = "delivered";
  firstDrawings = 0;
  throttled = 0;
  enforced: LimitsChoice = "service";
  queryLagSeconds: number | null = null;
  readonly queries = new FixtureQueries(this);
  readonly flow = new FixtureFlow();
  drag: (event: DragEvent) => void = () => undefined;
  arranging: number | null = null;
  lastView: unknown = null;
  private readonly saved = new Map<string, unknown>();
  private method: LayoutMethod = "auto";
  private contains: string[] | null = null;
  private before: Target = this.target;
  private opening: ReturnType<typeof setInterval> | undefined;
  patches: unknown[] = [];
  private readonly bodies = new Map<number, unknown>();
  private simulation = { speed: 1, paused: false, devices: 24, silenced: [] as string[] };
  private position = 0;
  private evicted = 0;
  private turn = 0;

  start(everyMs = 350): () => void {
    const timer = setInterval(() => {
      if (!this.simulation.paused) this.step();
    }, everyMs);
    return () => clearInterval(timer);
  }

  /** One device reports: message, thermostat, room. */
  step(): void {
    this.turn++;
    const number = (this.turn * 7) % 24 || 24;
    const id = `thermo_00${String(number).padStart(2, "0")}`;
    if (this.simulation.silenced.includes(id)) return;
    const thermo = this.twins.get(id);
    const parent = this.twins.get(`Room_${String(number).padStart(2, "0")}`);
    const reading = thermo?.properties[0];
    if (!thermo || !parent || !reading) return;
    const before = Number(reading.value);
    const drift = Math.sin(this.turn * 1.7) * 0.4 + (21.5 - before) * 0.02;
    const after = Math.round((before + drift) * 10) / 10;
    const trace = `${this.turn.toString(16).padStart(6, "0")}577b34da6a3ce929d0e0e47360`;
    this.record({
      kind: "deviceMessage",
      label: "Device message",
      subject: id,
      note: "24 bytes",
      trace,
      cause: "device",
      latency: 0,
    });
    this.record({
      kind: "telemetry",
      label: "Telemetry",
      subject: id,
      note: `temperatureReading ${after}`,
      trace,
      cause: `ingest, after ${id}`,
      latency: 0.8,
      routes: this.verdicts("telemetry"),
    });
    this.write(id, "/temperature", after, trace, `ingest, after ${id}`, 1.2);
    this.write(parent.id, "/currentTemp", after, trace, `propagate-to-parent, after ${id}`, 3.4);
  }

  async call(request: Request): Promise<Answer> {
    switch (request.type) {
      case "open":
        return this.open(request.target);
      case "cancelOpening":
        return this.cancel();
      case "status":
        return { type: "status", ...this.status() };
      case "graph":
        return { type: "graph", ...this.graph(request.since) };
      case "property":
        return { type: "property", ...this.property(request.name) };
      case "twin": {
        const detail = this.detail(request.id);
        return detail
          ? { type: "twin", ...detail }
          : failed("DigitalTwinNotFound", `There is no digital twin ${request.id}.`);
      }
      case "patchTwin":
        return this.patch(request.id, request.patch, request.etag);
      case "place":
        for (const { id, at } of request.places) this.move(id, at);
        return { type: "accepted" };
      case "arrange":
        this.method = request.method;
        this.contains = request.contains;
        return { type: "accepted" };
      case "stopArranging":
        this.arranging = null;
        return { type: "accepted" };
      case "keepView":
        // Of something else that is open by now it is not kept, as in the backend.
        if (request.session === this.session) this.lastView = request.view;
        return { type: "accepted" };
      case "neighbours":
        return this.neighbours(request);
      case "paths":
        return { type: "paths", paths: [[request.from, request.to]], more: false };
      case "saveView":
        if (request.view === null) this.saved.delete(request.name);
        else this.saved.set(request.name, request.view);
        return this.views();
      case "views":
        return this.views();
      case "search":
        return this.search(request.text, request.limit);
      case "log":
        return { type: "log", ...this.window(request) };
      case "logEvent": {
        const row = this.log.find((one) => one.position === request.position);
        if (!row) return failed("EventGone", "The log let go of this event. Look at a newer one.");
        const trace = this.log.filter((one) => one.trace === row.trace);
        return { type: "logEvent", row, body: this.bodies.get(row.position) ?? null, trace };
      }
      case "limits":
        return { type: "limits", ...fixtureLimits(this) };
      case "chooseLimits":
        if (typeof request.limits === "object" && request.limits.file.includes("damaged")) {
          const place = "line 2, column 9: «twinz» is not the name of a limit";
          return failed("LimitsFile", `«${request.limits.file}», ${place}. Mend it.`);
        }
        this.enforced = request.limits;
        return { type: "limits", ...fixtureLimits(this) };
      case "chooseQueryLag":
        this.queryLagSeconds = request.seconds;
        return { type: "limits", ...fixtureLimits(this) };
      case "simulate":
        return this.simulate(request.action);
      case "saveToWorkspace":
        return { type: "saved", files: ["twins.ndjson", "views.json"] };
      case "saveUiState":
        this.state = request.state;
        return { type: "accepted" };
      case "uiState":
        return { type: "uiState", state: this.state, recent: this.recent };
      case "firstDrawing":
        this.firstDrawings++;
        return { type: "accepted" };
      default:
        return (
          this.flow.answer(request) ??
          this.queries.answer(request) ??
          failed("Fault", `Not played: ${request.type}.`)
        );
    }
  }

  async pickFolder(): Promise<string | null> {
    return "/home/me/contoso-building";
  }

  async pickFiles(): Promise<string[] | null> {
    return ["/home/me/campus.ndjson"];
  }

  onDrag(listener: (event: DragEvent) => void): void {
    this.drag = listener;
  }

  async pickFile(): Promise<string | null> {
    return "/home/me/ca.pem";
  }

  async pickSave(_title: string, name: string): Promise<string | null> {
    return `/home/me/${name}`;
  }

  /** Changes a property as an outside client does. */
  write(
    id: string,
    path: string,
    value: unknown,
    trace: string,
    cause: string,
    latency: number,
  ): void {
    const twin = this.twins.get(id);
    const property = twin?.properties.find((one) => one.path === path);
    if (!twin || !property) return;
    const before = property.set ? String(property.value) : null;
    const now = Date.now();
    Object.assign(property, { value, set: true, updated: now });
    Object.assign(twin, { version: ++this.version, updated: now });
    const changes = [{ path: path.slice(1), before, after: String(value) }];
    const matched = this.verdicts(twin.kind === thermostat ? "to-parent" : "");
    this.record({
      kind: "twinUpdate",
      label: "Twin update",
      subject: id,
      changes,
      trace,
      cause,
      latency,
      routes: matched,
    });
  }

  private verdicts(matching: string): LogRow["routes"] {
    return routes.map((route) => {
      const matched = route === matching;
      return {
        route,
        endpoint: this.flow.topology.routes?.[route]?.endpoint ?? route,
        matched,
        fate: matched ? { kind: this.fate } : null,
        reason: matched
          ? null
          : `type = 'microsoft.iot.${route}', but type is Microsoft.DigitalTwins.Twin.Update`,
      };
    });
  }

  private record(
    row: Partial<LogRow> & Pick<LogRow, "kind" | "label" | "subject" | "trace" | "cause">,
  ): void {
    const twin = this.twins.get(row.subject);
    const full: LogRow = {
      position: ++this.position,
      time: Date.now(),
      model: twin ? (kinds[twin.kind]?.model ?? null) : null,
      changes: [],
      more: 0,
      note: "",
      routes: [],
      endpoints2019: [],
      latency: null,
      ...row,
    };
    this.log.push(full);
    const patch = full.changes.map((change) => ({
      op: "replace",
      path: `/${change.path}`,
      value: change.after,
    }));
    this.bodies.set(full.position, { modelId: full.model, patch });
    if (this.log.length > logKept) {
      this.bodies.delete(this.log.shift()?.position ?? 0);
      this.evicted++;
    }
  }

  private views(): Response {
    const saved = Object.fromEntries(this.saved);
    const { lastView: last, method, contains } = this;
    const floorPlan = this.target.kind === "sample";
    return { type: "views", saved, last, method, contains, floorPlan };
  }

  private cancel(): Response {
    clearInterval(this.opening);
    if (this.phase.phase === "opening") {
      this.phase = { phase: "ready" };
      this.target = this.before;
    }
    return { type: "accepted" };
  }

  private open(target: Target): Response {
    this.before = this.target;
    this.target = target;
    this.recent = [target, ...this.recent].slice(0, 8);
    this.session++;
    const at = (done: number): Phase => ({
      phase: "opening",
      target,
      step: "Loading twins",
      done,
      total: 52,
      secondsLeft: done > 0 ? (52 - done) / 13 : null,
      quietSeconds: 0,
    });
    this.phase = at(0);
    let done = 0;
    clearInterval(this.opening);
    this.opening = setInterval(() => {
      done += 13;
      this.phase = at(done);
      if (done < 52) return;
      clearInterval(this.opening);
      if (target.kind === "remote" && target.endpoint.includes("nowhere")) {
        const message = `${target.endpoint} does not answer: connection refused. Check the address, or start the instance.`;
        this.phase = {
          phase: "failed",
          target,
          failure: { code: "Unreachable", message, details: [] },
        };
        return;
      }
      this.twins = new Map(makeTwins().map((twin) => [twin.id, twin]));
      this.phase = { phase: "ready" };
    }, 300);
    return { type: "accepted" };
  }

  private status(): Status {
    const remote = this.target.kind === "remote";
    const name =
      this.target.kind === "workspace"
        ? (this.target.path.split("/").at(-1) ?? "")
        : "contoso-building";
    const since = Date.now() - 1000;
    return {
      session: this.session,
      phase: this.phase,
      target: this.target,
      kind: remote ? "remote" : "embedded",
      name: this.target.kind === "remote" ? new URL(this.target.endpoint).host : name,
      endpoint: "https://localhost:8443",
      ca: "/home/me/.local/share/twinscope/ca.pem",
      version: this.version,
      twins: this.twins.size,
      relationships: this.relationships.length,
      models: kinds.length,
      eventsPerSecond: this.log.slice(-200).filter((row) => row.time > since).length,
      commitMillis: remote ? null : 0.9,
      simulation: remote ? null : { ...this.simulation },
      sync: remote ? { reachable: true, ageSeconds: 0.4, error: null } : null,
      throttled: this.throttled,
      queryLagSeconds: this.queryLagSeconds,
      problems: this.problems,
      routes,
    };
  }

  private property(name: string): PropertyMessage {
    const values = [...this.twins.values()].map(
      (twin) => twin.properties.find((property) => property.name === name)?.value ?? null,
    );
    const rows = [...values.keys()].filter((row) => values[row] !== null);
    const words = rows.map((row) => (typeof values[row] === "number" ? null : `${values[row]}`));
    const labels = [...new Set(words.filter((word) => word !== null))];
    return {
      head: { labels },
      row: Uint32Array.from(rows),
      number: Float64Array.from(rows, (row) => {
        const value = values[row];
        return typeof value === "number" ? value : Number.NaN;
      }),
      label: Uint32Array.from(words, (word) => (word === null ? noRow : labels.indexOf(word))),
    };
  }

  private graph(since: number | null): GraphMessage {
    const startOver = since === null || since > this.version;
    const rowOf = new Map([...this.twins.keys()].map((id, row) => [id, row]));
    const row = (id: string | null) => rowOf.get(id ?? "") ?? noRow;
    const twins = [...this.twins.values()].filter((twin) => startOver || twin.version > since);
    const names = [...new Set(this.relationships.map((edge) => edge.name))];
    const edges = this.relationships.map((edge, at) => ({
      row: at,
      source: row(edge.source),
      target: row(edge.target),
      name: names.indexOf(edge.name),
    }));
    const shown = frames.filter((frame) => this.twins.has(frame.twin));
    return graphMessage({
      session: this.session,
      revision: this.version,
      startOver,
      kinds: startOver ? kinds : null,
      arranging: this.arranging,
      relationshipNames: startOver
        ? names.map((name) => ({
            name,
            count: this.relationships.filter((edge) => edge.name === name).length,
            contains: name !== "rel_next_to",
          }))
        : null,
      twins: twins.map((twin) => played(twin, row)),
      edges: startOver ? edges : [],
      frameList: startOver ? shown.map((frame) => ({ ...frame, row: row(frame.twin) })) : null,
    });
  }

  private detail(id: string): TwinDetail | null {
    const twin = this.twins.get(id);
    const kind = kinds[twin?.kind ?? -1];
    if (!twin || !kind) return null;
    const ends = this.relationships.filter((edge) => edge.source === id || edge.target === id);
    const relations = ends.map((edge) => {
      const outgoing = edge.source === id;
      const other = outgoing ? edge.target : edge.source;
      const model = kinds[this.twins.get(other)?.kind ?? -1]?.model ?? "";
      return { key: edge.key, outgoing, name: edge.name, twin: other, model };
    });
    const set = twin.properties.filter((property) => property.set);
    return {
      id,
      model: kind.model,
      modelName: kind.name,
      name: twin.name,
      etag: `W/"${twin.version}"`,
      updated: twin.updated,
      properties: twin.properties.map((property) => ({ ...property })),
      relations,
      relationsTotal: relations.length,
      device: twin.kind === thermostat ? id : null,
      deviceSilenced: this.simulation.silenced.includes(id),
      body: {
        $dtId: id,
        $etag: `W/"${twin.version}"`,
        $metadata: { $model: kind.model },
        ...Object.fromEntries(set.map((property) => [property.name, property.value])),
      },
    };
  }

  private patch(id: string, patch: unknown[], etag: string | null): Response {
    this.patches.push(patch);
    const twin = this.twins.get(id);
    if (!twin) return failed("DigitalTwinNotFound", `There is no digital twin ${id}.`);
    if (etag !== null && etag !== `W/"${twin.version}"`) {
      return failed(
        "PreconditionFailed",
        `${id} changed since it was read. Read it again, then repeat the change.`,
      );
    }
    for (const step of patch) {
      const { op, path, value } = step as { op: string; path: string; value: unknown };
      const property = twin.properties.find((one) => one.path === path);
      if (!property) return failed("JsonPatchInvalid", `${path} is not in the model of ${id}.`);
      if (property.schema === "double" && op !== "remove" && typeof value !== "number") {
        return failed(
          "ValidationFailed",
          `${path} of ${id} must be a double, not ${JSON.stringify(value)}.`,
        );
      }
      if (path === "/seats" && Number(value) < 0) {
        return failed(
          "ValidationFailed",
          `${path} of ${id} must be 0 or more, not ${String(value)}.`,
        );
      }
      if (op === "remove") Object.assign(property, { set: false, value: null, updated: null });
      else this.write(id, path, value, "90be11577b34da6a3ce929d0e0e47360", "REST, this app", 1.1);
    }
    if (twin.kind === thermostat && !this.simulation.silenced.includes(id)) {
      this.simulation.silenced.push(id);
    }
    return { type: "patched", etag: `W/"${twin.version}"` };
  }

  private move(id: string, at: [number, number] | null): void {
    const twin = this.twins.get(id);
    if (!twin) return;
    const [x, y] = at ?? [twin.x, twin.y];
    Object.assign(twin, { x, y, pinned: at !== null, version: ++this.version });
  }

  private neighbours({ from, levels, follow, limit }: Neighbourhood): Answer {
    const seen = new Set(from);
    let level = from;
    for (let far = 0; far < levels; far++) {
      const next = this.relationships.flatMap((edge) => [
        ...(follow !== "incoming" && level.includes(edge.source) ? [edge.target] : []),
        ...(follow !== "outgoing" && level.includes(edge.target) ? [edge.source] : []),
      ]);
      level = [...new Set(next)].filter((id) => !seen.has(id));
      for (const id of level) seen.add(id);
    }
    const twins = [...seen].slice(from.length);
    return { type: "reached", twins: twins.slice(0, limit), total: twins.length };
  }

  private search(text: string, limit: number): Response {
    const wanted = text.toLowerCase();
    const hits = [...this.twins.values()]
      .map(({ id, name, kind }) => ({ id, name, model: kinds[kind]?.name ?? "" }))
      .filter((hit) => `${hit.id} ${hit.name} ${hit.model}`.toLowerCase().includes(wanted));
    return { type: "found", hits: hits.slice(0, limit), total: hits.length };
  }

  private window({ filter, until, offset, limit }: LogRequest): LogWindow {
    const words = filter.toLowerCase().replace("about:", "").split(/\s+/).filter(Boolean);
    const matches = (row: LogRow) => {
      const changes = row.changes.map(
        (change) => `${change.path} ${change.before} ${change.after}`,
      );
      const text = [row.label, row.subject, ...changes, row.note, row.trace, row.cause]
        .join(" ")
        .toLowerCase();
      return words.every((word) => {
        const [, kind, name] =
          /^(route|endpoint|function|source|subscription):(.*)$/.exec(word) ?? [];
        if (!kind) return text.includes(word);
        const matched = row.routes.filter((one) => one.matched);
        if (kind === "route") return matched.some((one) => one.route === name);
        if (kind === "endpoint") return matched.some((one) => one.endpoint === name);
        return kind === "function" && row.cause.startsWith(`${name}, after `);
      });
    };
    const matching = this.log.filter(matches).reverse();
    const shown = matching.filter((row) => until === null || row.position <= until);
    return {
      session: this.session,
      rows: shown.slice(offset, offset + limit),
      matched: shown.length,
      scanned: this.log.length,
      firstTime: this.log[0]?.time ?? null,
      newest: this.position,
      newer: matching.length - shown.length,
      evicted: this.evicted,
      dropped: 0,
    };
  }

  private simulate(action: SimulationAction): Response {
    if (action.kind === "pause") this.simulation.paused = true;
    if (action.kind === "resume") this.simulation.paused = false;
    if (action.kind === "speed") this.simulation.speed = action.factor;
    if (action.kind === "unsilence") {
      const { silenced } = this.simulation;
      this.simulation.silenced =
        action.device === null ? [] : silenced.filter((id) => id !== action.device);
    }
    return { type: "accepted" };
  }
}

function failed(code: string, message: string): Response {
  const failure: Failure = { code, message, details: [] };
  return { type: "failed", ...failure };
}

function played(twin: FixtureTwin, row: (id: string | null) => number): PlayedTwin {
  const valued =
    twin.kind === room ? "currentTemp" : twin.kind === thermostat ? "temperature" : null;
  const value = twin.properties.find((property) => property.name === valued)?.value;
  return {
    ...twin,
    row: row(twin.id),
    parent: row(twin.parent),
    value: typeof value === "number" ? value : null,
  };
}
