import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Overlay } from "./overlay";

const askAfter = 150;
/** How often the matches are taken anew while twins change, ms. */
const followEvery = 500;

export interface Filtered {
  twins: number;
  /** Whether it was read as a condition of the query language. */
  condition: boolean;
  problem: string | null;
}

/** The filter over the graph: highlights what it matches, or hides the rest. */
export class Filter {
  readonly text = new Cell("");
  readonly hides = new Cell(false);
  readonly result = new Cell<Filtered | null>(null);
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: Host,
    instance: Instance,
    private readonly overlay: Overlay,
  ) {
    const soon = () => this.pullAfter(askAfter);
    this.text.subscribe(soon);
    this.hides.subscribe(soon);
    instance.graphChanged.on((change) => {
      // What is only shown or hidden here changes no match.
      if (change.message && this.active()) this.pullAfter(followEvery, false);
    });
    overlay.lit.subscribe((lit) => {
      // Esc on the graph, or a query's matches in its place.
      if (this.result.get() && lit?.by !== "filter") this.clear();
    });
  }

  clear(): void {
    this.result.set(null);
    this.text.set("");
    this.overlay.clear("filter");
  }

  private active(): boolean {
    return this.text.get().trim() !== "";
  }

  private pullAfter(ms: number, anew = true): void {
    if (this.timer !== undefined && !anew) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.pull();
    }, ms);
  }

  private async pull(): Promise<void> {
    const text = this.text.get().trim();
    if (!this.active()) {
      this.clear();
      return;
    }
    try {
      const message = await ask(this.host, { type: "matchTwins", text }, "matches");
      if (text !== this.text.get().trim()) return;
      const { condition, problem } = message.head;
      this.overlay.show("filter", message, this.hides.get());
      this.result.set({ twins: message.twinRow.length, condition, problem });
    } catch (thrown) {
      const { message } = failureOf(thrown);
      this.result.set({ twins: 0, condition: false, problem: message });
    }
  }
}
