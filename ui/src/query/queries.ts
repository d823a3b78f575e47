import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Notices } from "../store/notices";
import { poll } from "../store/poll";
import type { Failure } from "../wire/Failure";
import type { QueryForm } from "../wire/QueryForm";
import type { QueryOffers } from "../wire/QueryOffers";
import type { QueryOn } from "../wire/QueryOn";
import type { QueryRow } from "../wire/QueryRow";
import type { QueryRun } from "../wire/QueryRun";
import type { QueryText } from "../wire/QueryText";
import type { SampleQuery } from "../wire/SampleQuery";
import type { Overlay } from "./overlay";
import { type Mark, Rows } from "./rows";

const liveEvery = 250;
/** So many queries of the past are kept. */
export const mostPast = 50;

/** The query that is written, the one that was run, and its rows. */
export class Queries {
  readonly text = new Cell("");
  /** Who is asked; of an embedded instance it does not matter. */
  readonly on = new Cell<QueryOn>("graph");
  /** Whether the next run is kept live. */
  readonly live = new Cell(false);
  /** Whether the matches of a run are laid over the graph. */
  readonly overlays = new Cell(true);
  readonly run = new Cell<QueryRun | null>(null);
  /** The text that was run. */
  readonly asked = new Cell<string | null>(null);
  /** Why there is no run: the text was refused. */
  readonly failure = new Cell<Failure | null>(null);
  readonly rows = new Cell<readonly QueryRow[]>([]);
  /** Whether more pages follow the loaded ones. */
  readonly more = new Cell(false);
  readonly loading = new Cell(false);
  /** Rows of a live query that just came or changed. */
  readonly marks = new Cell<ReadonlyMap<number, Mark>>(new Map());
  readonly past = new Cell<readonly string[]>([]);
  readonly saved = new Cell<Record<string, string>>({});
  readonly samples = new Cell<readonly SampleQuery[]>([]);
  private readonly loaded = new Rows();
  private pages = 0;
  private revision: number | null = null;
  private turn = 0;
  private following: { stop: () => void } | null = null;

  constructor(
    private readonly host: Host,
    private readonly instance: Instance,
    private readonly overlay: Overlay,
    private readonly notices: Notices,
  ) {
    let session: number | null = null;
    instance.graphChanged.on(() => {
      if (instance.graph.session === session) return;
      session = instance.graph.session;
      this.enter();
    });
    this.overlays.subscribe((on) => {
      if (on) void this.relight();
      else overlay.clear("query");
    });
    overlay.lit.subscribe((lit) => {
      // Esc on the graph, or the filter in its place.
      if (lit?.by !== "query") this.overlays.set(false);
    });
  }

  /** Runs what is written, or another text, in place of what ran before. */
  async start(text = this.text.get()): Promise<void> {
    if (text.trim() === "") return;
    this.leave();
    const turn = ++this.turn;
    this.text.set(text);
    this.asked.set(text);
    this.remember(text);
    const remote = this.instance.status.get()?.kind === "remote";
    const on = remote && !this.live.get() ? this.on.get() : "graph";
    try {
      const request = { type: "runQuery", text, on, live: this.live.get() } as const;
      await this.watch(turn, await ask(this.host, request, "queryRun"));
    } catch (thrown) {
      if (turn !== this.turn) return;
      this.failure.set(failureOf(thrown));
      this.overlay.clear("query");
    }
  }

  /** Ends what runs; the rows that were found stay. */
  async stop(): Promise<void> {
    const run = this.run.get()?.run;
    if (run !== undefined) await this.quietly({ type: "stopQuery", run });
  }

  /** Gives up the file that is being written. */
  async stopExport(): Promise<void> {
    const run = this.run.get()?.run;
    if (run !== undefined) await this.quietly({ type: "stopExport", run });
  }

  /** Turns live on or off, and runs the query anew where there is one. */
  keepLive(live: boolean): void {
    this.live.set(live);
    const asked = this.asked.get();
    if (asked !== null && this.run.get()) void this.start(asked);
  }

  /** Loads the next page. */
  async loadMore(): Promise<void> {
    const run = this.run.get();
    if (!run || run.live || this.loading.get() || !this.more.get()) return;
    const turn = this.turn;
    this.loading.set(true);
    try {
      const request = { type: "queryRows", run: run.run, page: this.pages } as const;
      const { rows, more } = await ask(this.host, request, "queryRows");
      if (turn !== this.turn) return;
      if (rows.length > 0 || !more) {
        this.pages++;
        this.loaded.add(rows);
        this.rows.set(this.loaded.all());
        this.more.set(more);
      }
      if (run.on === "service") await this.retell(turn, run.run);
    } catch (thrown) {
      if (turn === this.turn) this.say("More rows cannot be loaded", thrown);
    } finally {
      this.loading.set(false);
    }
  }

  /** Writes all rows to a file that the user picks. */
  async export(form: QueryForm): Promise<void> {
    const run = this.run.get()?.run;
    const turn = this.turn;
    if (run === undefined) return;
    const path = await this.host.pickSave("Export all rows", `rows.${form}`, form);
    if (path === null || turn !== this.turn) return;
    if (!(await this.quietly({ type: "exportQuery", run, path, form }))) return;
    try {
      let told = await this.retell(turn, run);
      while (told?.export?.running) {
        await new Promise((go) => setTimeout(go, 100));
        told = await this.retell(turn, run);
      }
      const failure = told?.export?.failure;
      if (failure && failure.code !== "Cancelled")
        this.notices.say(failure.message, { failed: true });
      else if (told) this.notices.say(failure ? "Export cancelled" : "Exported", { lines: [path] });
    } catch (thrown) {
      if (turn === this.turn) this.say("Not exported", thrown);
    }
  }

  async save(name: string): Promise<void> {
    await this.keep(name, this.text.get());
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

  /** Follows a run until it ended, then loads its first page or follows its rows. */
  private async watch(turn: number, begun: QueryRun): Promise<void> {
    let run = begun;
    if (turn !== this.turn) {
      await this.quietly({ type: "stopQuery", run: run.run });
      return;
    }
    this.overlays.set(true);
    this.run.set(run);
    while (run.running) {
      if (!run.live && run.on === "graph" && run.rows > 0 && this.pages === 0)
        await this.loadFirst();
      run = await ask(this.host, { type: "queryRun", run: run.run }, "queryRun");
      if (turn !== this.turn) return;
      this.run.set(run);
    }
    if (run.live && !run.failure) this.follow(turn, run.run);
    else if (this.pages === 0) await this.loadFirst();
    await this.relight();
  }

  private async loadFirst(): Promise<void> {
    this.more.set(true);
    await this.loadMore();
  }

  private async retell(turn: number, run: number): Promise<QueryRun | null> {
    const told = await ask(this.host, { type: "queryRun", run }, "queryRun");
    if (turn !== this.turn) return null;
    this.run.set(told);
    if (told.on === "service") await this.relight();
    return told;
  }

  private follow(turn: number, run: number): void {
    this.following?.stop();
    this.following = poll(liveEvery, () => this.pullChanges(turn, run));
  }

  private async pullChanges(turn: number, run: number): Promise<void> {
    try {
      const request = { type: "queryChanges", run, since: this.revision } as const;
      const changes = await ask(this.host, request, "queryChanges");
      if (turn !== this.turn) return;
      this.revision = changes.revision;
      if (this.loaded.take(changes, performance.now())) {
        this.rows.set(this.loaded.all());
        this.marks.set(this.loaded.marks());
        await this.retell(turn, run);
        if (changes.startOver || changes.came.length > 0 || changes.went.length > 0) {
          await this.relight();
        }
      }
    } catch (thrown) {
      if (turn !== this.turn) return;
      this.following?.stop();
      this.failure.set(failureOf(thrown));
    }
  }

  /** Lays what the run matches over the graph. */
  private async relight(): Promise<void> {
    const run = this.run.get();
    if (!run || !this.overlays.get()) return;
    const turn = this.turn;
    try {
      const message = await ask(this.host, { type: "queryMatches", run: run.run }, "matches");
      if (turn !== this.turn || !this.overlays.get()) return;
      const nothing = message.twinRow.length === 0 && message.edgeRow.length === 0;
      // Nothing to point at: a COUNT, or no row. A graph that only fades would say nothing.
      if (nothing && !run.live) this.overlay.clear("query");
      else this.overlay.show("query", message);
    } catch (thrown) {
      this.say("The matches cannot be shown", thrown);
    }
  }

  private remember(text: string): void {
    const trimmed = text.trim();
    const others = this.past.get().filter((each) => each !== trimmed);
    this.past.set([trimmed, ...others].slice(0, mostPast));
  }

  /** Lets go of the run before. */
  private leave(): void {
    const before = this.run.get();
    if (before) void this.quietly({ type: "stopQuery", run: before.run });
    this.turn++;
    this.following?.stop();
    this.following = null;
    this.pages = 0;
    this.revision = null;
    this.loaded.clear();
    this.run.set(null);
    this.failure.set(null);
    this.rows.set([]);
    this.more.set(false);
    this.marks.set(new Map());
  }

  /** Another graph is open: its rows are none of this one. */
  private enter(): void {
    this.leave();
    this.asked.set(null);
    void this.refresh();
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

  private async keep(name: string, text: string | null): Promise<void> {
    try {
      const request = { type: "saveQuery", name, text } as const;
      this.saved.set((await ask(this.host, request, "savedQueries")).queries);
    } catch (thrown) {
      this.say("The query was not kept", thrown);
    }
  }

  private async quietly(request: Parameters<Host["call"]>[0]): Promise<boolean> {
    try {
      await ask(this.host, request, "accepted");
      return true;
    } catch (thrown) {
      this.say("Not done", thrown);
      return false;
    }
  }

  private say(what: string, thrown: unknown): void {
    this.notices.say(`${what}: ${failureOf(thrown).message}`, { failed: true });
  }
}
