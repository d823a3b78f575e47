import { ask, failureOf, Refused } from "../host/ask";
import type { Host } from "../host/host";
import type { Failure } from "../wire/Failure";
import type { TwinDetail } from "../wire/TwinDetail";
import { Cell } from "./cell";
import type { Instance } from "./instance";

/** The selected twin, and all about it as far as it is known. */
export class Selection {
  readonly id = new Cell<string | null>(null);
  /** Twins that are selected together, by box or lasso; the one of `id` need not be among them. */
  readonly group = new Cell<ReadonlySet<string>>(new Set());
  /** Of the selected twin, or `null` until it came. */
  readonly detail = new Cell<TwinDetail | null>(null);
  /** Why the detail cannot be had. */
  readonly failure = new Cell<Failure | null>(null);
  private running = false;
  private stale = false;

  constructor(
    private readonly host: Host,
    instance: Instance,
  ) {
    instance.graphChanged.on((change) => {
      const id = this.id.get();
      if (!id) return;
      if (change.replaced && !instance.graph.has(id)) this.select(null);
      else if (
        change.replaced ||
        change.related.has(id) ||
        change.twins.some((twin) => twin.id === id) ||
        !instance.graph.has(id)
      )
        this.refresh();
    });
    let silenced = "";
    instance.status.subscribe((status) => {
      const now = status?.simulation?.silenced.join(" ") ?? "";
      if (now !== silenced) this.refresh();
      silenced = now;
    });
  }

  select(id: string | null): void {
    if (id === this.id.get()) return;
    this.detail.set(null);
    this.failure.set(null);
    this.id.set(id);
    this.refresh();
  }

  /** Selects several at once, in place of those before or with them. */
  gather(ids: readonly string[], adds: boolean): void {
    const before = this.group.get();
    if (ids.length === 0 && (adds || before.size === 0)) return;
    this.group.set(new Set(adds ? [...before, ...ids] : ids));
  }

  /** Takes a twin into those that are selected together, or out. */
  toggle(id: string): void {
    const group = new Set(this.group.get());
    const selected = this.id.get();
    if (group.size === 0 && selected !== null) group.add(selected);
    if (!group.delete(id)) group.add(id);
    this.group.set(group);
  }

  /** Asks again; many calls while one is under way make one more. */
  refresh(): void {
    this.stale = true;
    if (!this.running) void this.pull();
  }

  private async pull(): Promise<void> {
    this.running = true;
    while (this.stale) {
      this.stale = false;
      const id = this.id.get();
      if (id) await this.pullTwin(id);
    }
    this.running = false;
  }

  private async pullTwin(id: string): Promise<void> {
    try {
      const detail = await ask(this.host, { type: "twin", id }, "twin");
      if (this.id.get() !== id) return;
      this.detail.set(detail);
      this.failure.set(null);
    } catch (thrown) {
      const failure = failureOf(thrown);
      // Between two sessions there is nothing to ask; the status says so.
      if (this.id.get() !== id || failure.code === "NotOpen") return;
      if (thrown instanceof Refused) this.detail.set(null);
      this.failure.set(failure);
    }
  }
}
