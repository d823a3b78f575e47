import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell } from "../store/cell";
import { poll } from "../store/poll";
import type { Flow } from "../wire/Flow";
import type { NodeReport } from "../wire/NodeReport";
import { theInstance } from "./draft";
import { wireId } from "./wiring";

const askEvery = 1000;
/** Five minutes of rates. */
const rememberedRates = 300;

/** What a node did in the last second or so. */
export interface NodeReading extends NodeReport {
  /** A second; `null` until there are two answers. */
  taken: number | null;
  done: number | null;
  /** How many were dropped, for whatever reason: in all, and a second. */
  dropped: number;
  dropping: number;
  /** Milliseconds of work for one event, on the mean; `null` where none was handled. */
  millis: number | null;
}

export interface WireReading {
  /** Events in all. */
  events: number;
  bytes: number;
  /** Events a second; `null` until there are two answers. */
  rate: number | null;
}

export interface Readings {
  nodes: ReadonlyMap<string, NodeReading>;
  /** By the wire's id. */
  wires: ReadonlyMap<string, WireReading>;
}

const total = (dropped: Record<string, number>): number =>
  Object.values(dropped).reduce((sum, count) => sum + count, 0);

/** Rates are differences of two answers. Where counting began anew there is none yet. */
export function readingsOf(flow: Flow, before: Flow | null): Readings {
  const seconds = before ? (flow.atMillis - before.atMillis) / 1000 : 0;
  const per = (now: number, then: number | undefined): number | null =>
    then === undefined || seconds <= 0 || now < then ? null : (now - then) / seconds;
  const nodesBefore = new Map(before?.nodes.map((report) => [report.node, report.counts]));
  const wiresBefore = new Map(before?.wires.map((report) => [wireId(report), report.events]));
  const nodes = flow.nodes.map((report): [string, NodeReading] => {
    const { counts, node } = report;
    const then = nodesBefore.get(node);
    const dropped = total(counts.dropped);
    const handled = counts.done - (then?.done ?? 0);
    const busy = counts.busyNanos - (then?.busyNanos ?? 0);
    return [
      node,
      {
        ...report,
        taken: per(counts.taken, then?.taken),
        done: per(counts.done, then?.done),
        dropped,
        dropping: per(dropped, then && total(then.dropped)) ?? 0,
        millis: handled > 0 && busy > 0 ? busy / handled / 1e6 : null,
      },
    ];
  });
  const wires = flow.wires.map(({ events, bytes, ...ends }): [string, WireReading] => {
    const id = wireId(ends);
    return [id, { events, bytes, rate: per(events, wiresBefore.get(id)) }];
  });
  return { nodes: new Map(nodes), wires: new Map(wires) };
}

/** The step of the heat scale for a rate: 0 idle, 1 under 3, 2 under 30, 3 under 100, 4 from 100. */
export const heatOf = (rate: number | null | undefined): 0 | 1 | 2 | 3 | 4 =>
  !rate ? 0 : rate < 3 ? 1 : rate < 30 ? 2 : rate < 100 ? 3 : 4;

const nothing: Readings = { nodes: new Map(), wires: new Map() };

/** What nodes and wires of the topology at work do, asked for while somebody looks. */
export class Meters {
  readonly readings = new Cell<Readings>(nothing);
  /** The instance's notifications a second, oldest first. */
  readonly past = new Cell<readonly number[]>([]);
  /** Why there are no new answers; `null` while there are. */
  readonly silence = new Cell<string | null>(null);
  private before: Flow | null = null;

  constructor(
    private readonly host: Host,
    /** Told the revision of each answer. */
    private readonly told: (revision: number) => void,
  ) {}

  /** Pulls until the answer is called: the canvas is on screen. */
  show(): () => void {
    const polling = poll(askEvery, () => this.pull());
    return polling.stop;
  }

  enter(): void {
    this.before = null;
    this.readings.set(nothing);
    this.past.set([]);
  }

  private async pull(): Promise<void> {
    try {
      const flow = await ask(this.host, { type: "flow" }, "flow");
      const readings = readingsOf(flow, this.before);
      this.before = flow;
      this.readings.set(readings);
      this.silence.set(null);
      const rate = readings.nodes.get(theInstance)?.done;
      if (rate !== null && rate !== undefined) {
        this.past.set([...this.past.get(), rate].slice(-rememberedRates));
      }
      this.told(flow.revision);
    } catch (thrown) {
      this.silence.set(failureOf(thrown).message);
    }
  }
}
