import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import type { Failure } from "../wire/Failure";
import type { LogEventDetail } from "../wire/LogEventDetail";
import type { LogWindow } from "../wire/LogWindow";
import { Cell } from "./cell";
import { poll } from "./poll";

const windowEvery = 200;
/** What became of the event in sight, and what its trace came to. */
const detailEvery = 1000;

/** The rows that were asked for last, and where in the log they begin. */
export interface LogSlice extends LogWindow {
  offset: number;
}

/** What of the event log is looked at. The log itself stays in the backend. */
export class LogView {
  readonly filter = new Cell("");
  /** The twin that is followed: what is about it, or caused by it, is shown. */
  readonly followed = new Cell<string | null>(null);
  /** The node or wire of the topology whose events are shown, in the filter's words. */
  readonly scope = new Cell<string | null>(null);
  /** The newest position that is shown; `null` while live. */
  readonly until = new Cell<number | null>(null);
  readonly slice = new Cell<LogSlice | null>(null);
  readonly failure = new Cell<Failure | null>(null);
  /** Position of the event whose detail is shown. */
  readonly selected = new Cell<number | null>(null);
  readonly detail = new Cell<LogEventDetail | null>(null);
  readonly detailFailure = new Cell<Failure | null>(null);
  private range = { offset: 0, limit: 60 };
  private polling: ReturnType<typeof poll> | undefined;

  private session: number | null = null;

  constructor(private readonly host: Host) {
    this.filter.subscribe(() => this.look(0, this.range.limit));
    this.followed.subscribe(() => this.look(0, this.range.limit));
    this.scope.subscribe(() => this.look(0, this.range.limit));
    this.until.subscribe(() => this.polling?.now());
  }

  /** Pulls until the answer is called: the log is on screen. */
  show(): () => void {
    const polling = poll(windowEvery, () => this.pull());
    const following = poll(detailEvery, () => this.followDetail());
    this.polling = polling;
    return () => {
      polling.stop();
      following.stop();
      this.polling = undefined;
    };
  }

  /** Says which rows are on screen, newest first. */
  look(offset: number, limit: number): void {
    this.range = { offset, limit };
    this.polling?.now();
  }

  pause(): void {
    const slice = this.slice.get();
    if (slice && this.until.get() === null) this.until.set(slice.newest);
  }

  resume(): void {
    this.range = { ...this.range, offset: 0 };
    this.until.set(null);
  }

  async select(position: number | null): Promise<void> {
    this.selected.set(position);
    this.detailFailure.set(null);
    if (position === null) {
      this.detail.set(null);
      return;
    }
    try {
      const detail = await ask(this.host, { type: "logEvent", position }, "logEvent");
      if (this.selected.get() === position) this.detail.set(detail);
    } catch (thrown) {
      if (this.selected.get() !== position) return;
      this.detail.set(null);
      this.detailFailure.set(failureOf(thrown));
    }
  }

  /** What is shown of an event stays when the log lets go of it. */
  private async followDetail(): Promise<void> {
    const before = this.detail.get();
    if (!before) return;
    const { position } = before.row;
    const now = await ask(this.host, { type: "logEvent", position }, "logEvent").catch(() => null);
    if (!now || this.detail.get() !== before) return;
    const told = ({ row, trace }: LogEventDetail) =>
      JSON.stringify([row.routes, row.endpoints2019, trace]);
    // The body never changes.
    if (told(now) !== told(before)) this.detail.set({ ...now, body: before.body });
  }

  /** Everything that the log is filtered by. */
  words(): string {
    const followed = this.followed.get();
    return [followed && `about:${followed}`, this.scope.get(), this.filter.get().trim()]
      .filter(Boolean)
      .join(" ");
  }

  private async pull(): Promise<void> {
    const { offset, limit } = this.range;
    const asked = { filter: this.words(), until: this.until.get(), offset, limit };
    try {
      const window = await ask(this.host, { type: "log", ...asked }, "log");
      if (asked.filter !== this.words() || asked.until !== this.until.get()) return;
      if (window.session !== this.session) this.enter(window.session);
      this.slice.set({ ...window, offset });
      this.failure.set(null);
    } catch (thrown) {
      this.failure.set(failureOf(thrown));
    }
  }

  /** Positions and twins of another session mean nothing in this one. */
  private enter(session: number): void {
    const first = this.session === null;
    this.session = session;
    if (first) return;
    this.until.set(null);
    this.followed.set(null);
    this.scope.set(null);
    void this.select(null);
  }
}
