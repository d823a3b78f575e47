import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell, Signal } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Notices } from "../store/notices";
import type { QueryOffers } from "../wire/QueryOffers";
import type { QueryText } from "../wire/QueryText";
import type { SampleQuery } from "../wire/SampleQuery";
import { type KeptTabs, mostTabs, readTabs } from "./kept";
import type { Overlay } from "./overlay";
import { Query, type QueryGround } from "./query";

/** So many queries of the past are kept. */
export const mostPast = 50;

/** The tabs of queries, and what they share: those of the past, and those under names. */
export class Queries {
  readonly tabs: Cell<readonly Query[]>;
  /** The tab in sight. */
  readonly current: Cell<Query>;
  /** What is kept of the tabs changed. */
  readonly changed = new Signal<void>();
  readonly past = new Cell<readonly string[]>([]);
  readonly saved = new Cell<Record<string, string>>({});
  readonly samples = new Cell<readonly SampleQuery[]>([]);
  private readonly ground: QueryGround;

  constructor(
    private readonly host: Host,
    instance: Instance,
    overlay: Overlay,
    private readonly notices: Notices,
  ) {
    this.ground = { host, instance, overlay, notices, ran: (text) => this.remember(text) };
    const first = this.make([]);
    this.tabs = new Cell<readonly Query[]>([first]);
    this.current = new Cell(first);
    first.show(true);
    overlay.lit.subscribe((lit) => {
      // Esc on the graph, or the filter in its place.
      if (lit?.by !== "query") this.current.get().overlays.set(false);
    });
  }

  /** Opens another tab, where there are not too many already. */
  add(): void {
    const tabs = this.tabs.get();
    if (tabs.length >= mostTabs) {
      const text = `There are ${mostTabs} tabs of queries. Close one to open another.`;
      this.notices.say(text, { failed: true });
      return;
    }
    const made = this.make(tabs);
    this.tabs.set([...tabs, made]);
    this.choose(made);
  }

  choose(query: Query): void {
    const before = this.current.get();
    if (query === before) return;
    before.show(false);
    this.current.set(query);
    query.show(true);
    this.changed.emit();
  }

  /** Goes to the next tab, or to the one before. */
  step(by: number): void {
    const tabs = this.tabs.get();
    const at = tabs.indexOf(this.current.get());
    const next = tabs[(at + by + tabs.length) % tabs.length];
    if (next) this.choose(next);
  }

  /** Closes a tab and lets go of its rows. The last one is left, empty. */
  close(query: Query): void {
    const tabs = this.tabs.get();
    const others = tabs.filter((each) => each !== query);
    const next = others[Math.max(0, tabs.indexOf(query) - 1)] ?? this.make([]);
    this.tabs.set(others.length > 0 ? others : [next]);
    if (query === this.current.get()) this.choose(next);
    query.leave();
    this.changed.emit();
  }

  rename(query: Query, name: string): void {
    query.name.set(name.trim() || null);
    this.changed.emit();
  }

  /** Another graph is open: its tabs are those that were kept with it, and no rows are of it. */
  restart(kept: unknown): void {
    const { tabs, at } = readTabs(kept);
    for (const before of this.tabs.get()) {
      before.show(false);
      before.leave(true);
    }
    const made: Query[] = [];
    for (const { name, text, live } of tabs) {
      const query = this.make(made);
      query.name.set(name);
      query.text.set(text);
      query.live.set(live);
      made.push(query);
    }
    const [first = this.make(made)] = made;
    if (made.length === 0) made.push(first);
    this.tabs.set(made);
    const current = made[at] ?? first;
    this.current.set(current);
    current.show(true);
    for (const query of made) query.resume();
    void this.refresh();
  }

  kept(): KeptTabs {
    const tabs = this.tabs.get();
    return {
      tabs: tabs.map(({ name, text, live }) => ({
        name: name.get(),
        text: text.get(),
        live: live.get(),
      })),
      at: tabs.indexOf(this.current.get()),
    };
  }

  /** Keeps the text of the tab in sight under a name. */
  async save(name: string): Promise<void> {
    await this.keep(name, this.current.get().text.get());
    this.notices.say(`Kept ${name}`);
  }

  async forget(name: string): Promise<void> {
    await this.keep(name, null);
  }

  /** What an editor shows of a text. */
  describe(text: string): Promise<QueryText> {
    return ask(this.host, { type: "queryText", text }, "queryText");
  }

  offers(text: string, at: number): Promise<QueryOffers> {
    return ask(this.host, { type: "queryOffers", text, at }, "queryOffers");
  }

  /** Reads anew which queries are kept and which could be tried. */
  async refresh(): Promise<void> {
    try {
      const { queries } = await ask(this.host, { type: "savedQueries" }, "savedQueries");
      this.saved.set(queries);
      this.samples.set((await ask(this.host, { type: "sampleQueries" }, "sampleQueries")).queries);
    } catch (thrown) {
      if (failureOf(thrown).code !== "NotOpen") this.say("Kept queries cannot be read", thrown);
    }
  }

  /** A new tab, with the smallest number that none of the others has. */
  private make(others: readonly Query[]): Query {
    let number = 1;
    while (others.some((other) => other.number === number)) number++;
    const query = new Query(number, this.ground);
    query.text.subscribe(() => this.changed.emit());
    query.live.subscribe(() => this.changed.emit());
    return query;
  }

  private remember(text: string): void {
    const trimmed = text.trim();
    const others = this.past.get().filter((each) => each !== trimmed);
    this.past.set([trimmed, ...others].slice(0, mostPast));
  }

  private async keep(name: string, text: string | null): Promise<void> {
    try {
      const request = { type: "saveQuery", name, text } as const;
      this.saved.set((await ask(this.host, request, "savedQueries")).queries);
    } catch (thrown) {
      this.say("The query was not kept", thrown);
    }
  }

  private say(what: string, thrown: unknown): void {
    this.notices.say(`${what}: ${failureOf(thrown).message}`, { failed: true });
  }
}
