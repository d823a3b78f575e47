import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import type { GraphMessage } from "../wire/GraphMessage";
import type { Status } from "../wire/Status";
import { Cell, Signal } from "./cell";
import { History } from "./history";
import { poll } from "./poll";
import { type GraphChange, TwinGraph } from "./twinGraph";

const statusEvery = 500;
/** While something opens, so that it is seen the moment it is there. */
const openingEvery = 40;
const graphEvery = 100;

/** What is open: its status and its graph, pulled from the backend. */
export class Instance {
  readonly status = new Cell<Status | null>(null);
  /** Why the backend does not answer; `null` while it does. */
  readonly silence = new Cell<string | null>(null);
  readonly graph = new TwinGraph();
  readonly graphChanged = new Signal<GraphChange>();
  readonly history = new History();
  /** How far the layout is, from 0 to 1; `null` while it has nothing to do. */
  readonly arranging = new Cell<number | null>(null);
  /** What is to be done before the graph of another session is asked for. */
  entering: (session: number) => Promise<void> = async () => undefined;
  private entered = 0;
  private statusPoll: { now: () => void } | undefined;
  private graphPoll: { now: () => void } | undefined;

  constructor(private readonly host: Host) {}

  start(): void {
    this.statusPoll = poll(statusEvery, () => this.pullStatus());
    this.graphPoll = poll(graphEvery, () => this.pullGraph());
  }

  /** Asks for the status at once: after an action whose effect it shows. */
  refresh(): void {
    this.statusPoll?.now();
  }

  private async pullStatus(): Promise<void> {
    try {
      const status = await ask(this.host, { type: "status" }, "status");
      // The same list stays the same object, so that what shows it need not be drawn again.
      const known = this.status.get();
      const same = known?.routes.join() === status.routes.join();
      this.status.set({ ...status, routes: same && known ? known.routes : status.routes });
      this.silence.set(null);
      if (status.phase.phase === "opening") setTimeout(() => this.refresh(), openingEvery);
      if (known?.session !== status.session) this.graphPoll?.now();
    } catch (thrown) {
      this.silence.set(failureOf(thrown).message);
    }
  }

  private async pullGraph(): Promise<void> {
    const status = this.status.get();
    // What is being opened is drawn as soon as there is something of it.
    if (!status || status.session === 0) return;
    const known = this.graph.session === status.session;
    try {
      await this.enter(status.session);
      const since = known ? this.graph.version : null;
      const message = await ask(this.host, { type: "graph", since }, "graph");
      // Something else may have been opened since the status was asked for.
      await this.enter(message.head.session);
      this.take(message);
    } catch (thrown) {
      // `NotOpen` between two sessions is no news; the status says what is.
      if (failureOf(thrown).code === "NoAnswer") this.silence.set(failureOf(thrown).message);
    }
  }

  private async enter(session: number): Promise<void> {
    if (this.entered === session) return;
    await this.entering(session);
    this.entered = session;
  }

  private take(message: GraphMessage): void {
    const change = this.graph.apply(message);
    this.arranging.set(change ? message.head.arranging : null);
    if (!change) {
      this.graph.session = null;
      return;
    }
    if (change.replaced) this.history.clear();
    const { ids } = this.graph.rows;
    message.valueRow.forEach((row, at) => {
      const [value, updated] = [message.value[at], message.valueUpdated[at]];
      if (value === undefined || updated === undefined || Number.isNaN(value)) return;
      this.history.add(ids[row] ?? "", updated, value);
    });
    const quiet = !change.structure && change.twins.length === 0;
    if (!quiet) this.graphChanged.emit(change);
  }
}
