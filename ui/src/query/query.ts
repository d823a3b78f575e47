import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Notices } from "../store/notices";
import { poll } from "../store/poll";
import type { Failure } from "../wire/Failure";
import type { QueryForm } from "../wire/QueryForm";
import type { QueryOn } from "../wire/QueryOn";
import type { QueryProblem } from "../wire/QueryProblem";
import type { QueryRow } from "../wire/QueryRow";
import type { QueryRun } from "../wire/QueryRun";
import type { Overlay } from "./overlay";
import { type Mark, Rows } from "./rows";

/** How often a live query is asked for its changes, ms: in sight, and while another tab is. */
const liveEvery = 250;
const hiddenEvery = 2000;

/** What a query needs of the rest of the page. */
export interface QueryGround {
  host: Host;
  instance: Instance;
  overlay: Overlay;
  notices: Notices;
  /** A text was run. */
  ran: (text: string) => void;
}

/** One tab: a query that is written, the run of it, and its rows. */
export class Query {
  /** What the user called it; `null`: only its number tells it from the others. */
  readonly name = new Cell<string | null>(null);
  readonly text = new Cell("");
  /** What is wrong with the text. */
  readonly problems = new Cell<readonly QueryProblem[]>([]);
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
  private readonly loaded = new Rows();
  private pages = 0;
  private revision: number | null = null;
  private turn = 0;
  private following: { stop: () => void } | null = null;
  private inSight = false;

  constructor(
    /** Tells it from the other tabs. */
    readonly number: number,
    private readonly ground: QueryGround,
  ) {
    this.overlays.subscribe(() => this.lay());
  }

  /** Comes into sight, with its matches over the graph, or leaves it. */
  show(inSight: boolean): void {
    if (inSight === this.inSight) return;
    this.inSight = inSight;
    if (inSight) this.lay();
    const run = this.run.get();
    if (this.following && run) this.follow(this.turn, run.run);
  }

  /** Runs what is written, or another text, in place of what ran before. */
  async start(text = this.text.get()): Promise<void> {
    if (text.trim() === "") return;
    this.ground.ran(text);
    await this.begin(text);
  }

  /** Follows a live query again that was kept with the graph. */
  resume(): void {
    const text = this.text.get();
    if (this.live.get() && text.trim() !== "") void this.begin(text);
  }

  private async begin(text: string): Promise<void> {
    this.leave();
    const turn = ++this.turn;
    this.text.set(text);
    this.asked.set(text);
    const remote = this.ground.instance.status.get()?.kind === "remote";
    const on = remote && !this.live.get() ? this.on.get() : "graph";
    try {
      const request = { type: "runQuery", text, on, live: this.live.get() } as const;
      await this.watch(turn, await ask(this.ground.host, request, "queryRun"));
    } catch (thrown) {
      if (turn !== this.turn) return;
      this.failure.set(failureOf(thrown));
      if (this.inSight) this.ground.overlay.clear("query");
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
      const { rows, more } = await ask(this.ground.host, request, "queryRows");
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
    const path = await this.ground.host.pickSave("Export all rows", `rows.${form}`, form);
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
        this.ground.notices.say(failure.message, { failed: true });
      else if (told)
        this.ground.notices.say(failure ? "Export cancelled" : "Exported", { lines: [path] });
    } catch (thrown) {
      if (turn === this.turn) this.say("Not exported", thrown);
    }
  }

  /** Follows a run until it ended, then loads its first page or follows its rows. */
  private async watch(turn: number, begun: QueryRun): Promise<void> {
    let run = begun;
    if (turn !== this.turn) {
      await this.quietly({ type: "forgetQuery", run: run.run });
      return;
    }
    this.overlays.set(true);
    this.run.set(run);
    while (run.running) {
      if (!run.live && run.on === "graph" && run.rows > 0 && this.pages === 0)
        await this.loadFirst();
      run = await ask(this.ground.host, { type: "queryRun", run: run.run }, "queryRun");
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
    const told = await ask(this.ground.host, { type: "queryRun", run }, "queryRun");
    if (turn !== this.turn) return null;
    this.run.set(told);
    if (told.on === "service") await this.relight();
    return told;
  }

  private follow(turn: number, run: number): void {
    this.following?.stop();
    const every = this.inSight ? liveEvery : hiddenEvery;
    const following = poll(every, () =>
      this.pullChanges(turn, run, () => this.following === following),
    );
    this.following = following;
  }

  private async pullChanges(turn: number, run: number, follows: () => boolean): Promise<void> {
    try {
      const request = { type: "queryChanges", run, since: this.revision } as const;
      const changes = await ask(this.ground.host, request, "queryChanges");
      // Another poll may be on its way by now, and an answer to this one come late.
      if (turn !== this.turn || !follows()) return;
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

  /** Lays its matches over the graph while it is in sight, or takes those away that are there. */
  private lay(): void {
    if (!this.inSight) return;
    if (this.overlays.get() && this.run.get()) void this.relight();
    else this.ground.overlay.clear("query");
  }

  /** Lays what the run matches over the graph. */
  private async relight(): Promise<void> {
    const run = this.run.get();
    const wanted = () => this.inSight && this.overlays.get();
    if (!run || !wanted()) return;
    const turn = this.turn;
    try {
      const message = await ask(
        this.ground.host,
        { type: "queryMatches", run: run.run },
        "matches",
      );
      if (turn !== this.turn || !wanted()) return;
      const nothing = message.twinRow.length === 0 && message.edgeRow.length === 0;
      // Nothing to point at: a COUNT, or no row. A graph that only fades would say nothing.
      if (nothing && !run.live) this.ground.overlay.clear("query");
      else this.ground.overlay.show("query", message);
    } catch (thrown) {
      this.say("The matches cannot be shown", thrown);
    }
  }

  /** Lets go of the run, and of its rows; `gone`: the graph that it was of is open no more. */
  leave(gone = false): void {
    const before = this.run.get();
    if (before && !gone) void this.quietly({ type: "forgetQuery", run: before.run });
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

  private async quietly(request: Parameters<Host["call"]>[0]): Promise<boolean> {
    try {
      await ask(this.ground.host, request, "accepted");
      return true;
    } catch (thrown) {
      this.say("Not done", thrown);
      return false;
    }
  }

  private say(what: string, thrown: unknown): void {
    this.ground.notices.say(`${what}: ${failureOf(thrown).message}`, { failed: true });
  }
}
