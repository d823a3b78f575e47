import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Notices } from "../store/notices";
import type { Selection } from "../store/selection";
import type { Follow } from "../wire/Follow";
import type { LayoutMethod } from "../wire/LayoutMethod";
import type { Views } from "../wire/Views";
import { readView, type View } from "./view";
import {
  everything,
  fromKept,
  hide,
  isEverything,
  isolate,
  isSame,
  Steps,
  show,
  shows,
  toKept,
  type Visibility,
} from "./visibility";

/** How far an expansion goes. */
export interface Reach {
  levels: number;
  follow: Follow;
  /** `$relationshipName`; `null` for all. */
  name: string | null;
  limit: number;
}

/** How the rest of the page looks at the graph. */
interface Looks {
  /** Selects a twin and brings it into view. */
  reveal: (id: string) => void;
  view: () => View;
  show: (view: View) => void;
}

/** What of the graph is looked at, and the ways back and forth. */
export class Explore {
  readonly visibility = new Cell<Visibility>(everything);
  /** How many twins are not shown. */
  readonly hiddenCount = new Cell(0);
  /** Twins seen one after the other, for back and forward. */
  readonly visited = new Cell<{ back: boolean; forward: boolean }>({ back: false, forward: false });
  readonly undoable = new Cell<{ undo: boolean; redo: boolean }>({ undo: false, redo: false });
  readonly saved = new Cell<Record<string, unknown>>({});
  readonly method = new Cell<LayoutMethod>("auto");
  /** The names of relationships that contain, where they were chosen; found otherwise. */
  readonly contains = new Cell<readonly string[] | null>(null);
  readonly hasFloorPlan = new Cell(false);
  private readonly steps = new Steps<Visibility>(everything);
  private readonly visits = new Steps<string | null>(null);
  private travelling = false;

  constructor(
    private readonly host: Host,
    private readonly instance: Instance,
    private readonly selection: Selection,
    private readonly notices: Notices,
    private readonly looks: Looks,
  ) {
    selection.id.subscribe((id) => {
      if (this.travelling || id === this.visits.current) return;
      this.visits.go(id);
      this.tell();
    });
    // Twins came or went: how many are hidden is another number.
    instance.graphChanged.on((change) => {
      if (change.structure) this.recount();
    });
  }

  /** Reads how a graph that opens was looked at; answers the view that was kept last. */
  async enter(): Promise<unknown> {
    const views = await ask(this.host, { type: "views" }, "views");
    this.take(views);
    return views.last;
  }

  /** Begins with what was shown of this graph. */
  restart(kept: unknown): void {
    this.steps.restart(fromKept(kept));
    this.visits.restart(this.selection.id.get());
    this.apply();
  }

  /** Reads anew what may have changed meanwhile: whether there is a floor plan. */
  async refresh(): Promise<void> {
    await this.attempt("The views of this graph cannot be read", () => this.enter());
  }

  kept(): unknown {
    return toKept(this.visibility.get());
  }

  /** What an action is about: the group, or else the selected twin. */
  chosen(): string[] {
    const group = [...this.selection.group.get()];
    const id = this.selection.id.get();
    if (group.length > 0) return group;
    return id === null ? [] : [id];
  }

  hide(): void {
    const ids = this.chosen();
    if (ids.length === 0) return;
    this.go(hide(this.visibility.get(), ids));
    this.selection.gather([], false);
    this.selection.select(null);
  }

  isolate(): void {
    const ids = this.chosen();
    if (ids.length > 0) this.go(isolate(ids));
  }

  showAll(): void {
    if (!isEverything(this.visibility.get())) this.go(everything);
  }

  /** When the step was made that `undo` takes back. */
  get latest(): number {
    return this.steps.since;
  }

  undo(): boolean {
    const done = this.steps.back();
    if (done) this.apply();
    return done;
  }

  redo(): boolean {
    const done = this.steps.forward();
    if (done) this.apply();
    return done;
  }

  /** Goes to the twin before, or to the next. */
  travel(forward: boolean): void {
    if (!(forward ? this.visits.forward() : this.visits.back())) return;
    const id = this.visits.current;
    this.travelling = true;
    if (id !== null && this.instance.graph.has(id)) this.looks.reveal(id);
    else this.selection.select(null);
    this.travelling = false;
    this.tell();
  }

  /** Shows what is around the chosen twins and selects it; answers how many of how many. */
  async expand(reach: Reach): Promise<{ shown: number; total: number } | null> {
    const from = this.chosen();
    if (from.length === 0) return null;
    const names = reach.name === null ? null : [reach.name];
    const { levels, follow, limit } = reach;
    return this.attempt("Not expanded", async () => {
      const request = { type: "neighbours", from, levels, follow, names, limit } as const;
      const { twins, total } = await ask(this.host, request, "reached");
      this.go(show(this.visibility.get(), [...from, ...twins]));
      this.selection.gather([...from, ...twins], false);
      return { shown: twins.length, total };
    });
  }

  /** Selects the twins on the shortest paths between two. */
  async paths(from: string, to: string, follow: Follow): Promise<void> {
    await this.attempt("No path", async () => {
      const request = { type: "paths", from, to, follow, limit: 100 } as const;
      const { paths, more } = await ask(this.host, request, "paths");
      const [first] = paths;
      if (!first) {
        this.notices.say(`No relationships lead from ${from} to ${to}`);
        return;
      }
      const on = [...new Set(paths.flat())];
      this.go(show(this.visibility.get(), on));
      this.selection.gather(on, false);
      const how = paths.length === 1 ? "One path" : `${paths.length}${more ? "+" : ""} paths`;
      this.notices.say(`${how} of ${first.length - 1} relationships`, {
        lines: [first.join(" → ")],
      });
    });
  }

  /** Lays out anew; `contains` are the names of relationships that contain, `null` to find them. */
  async arrange(method: LayoutMethod, contains: readonly string[] | null): Promise<void> {
    await this.attempt("Not laid out", async () => {
      const names = contains && [...contains];
      await ask(this.host, { type: "arrange", method, contains: names }, "accepted");
      this.method.set(method);
      this.contains.set(contains);
    });
  }

  /** Ends a layout under way: everything stays where it is. */
  async stopArranging(): Promise<void> {
    await this.attempt("Not stopped", () => ask(this.host, { type: "stopArranging" }, "accepted"));
  }

  async saveView(name: string): Promise<void> {
    // It is of the graph: the canvas and the queries stay as they are when it is opened.
    await this.change({ name, view: { ...this.looks.view(), flow: null, queries: null } });
  }

  async forgetView(name: string): Promise<void> {
    await this.change({ name, view: null });
  }

  openView(name: string): void {
    const kept = this.saved.get()[name];
    if (kept === undefined) return;
    const view = readView(kept);
    this.selection.gather([], false);
    this.go(fromKept(view.visibility));
    this.looks.show(view);
  }

  private async change(to: { name: string; view: View | null }): Promise<void> {
    await this.attempt("The view was not kept", async () => {
      this.take(await ask(this.host, { type: "saveView", ...to }, "views"));
    });
  }

  private take({ saved, method, contains, floorPlan }: Views): void {
    this.saved.set(saved);
    this.method.set(method);
    this.contains.set(contains);
    this.hasFloorPlan.set(floorPlan);
  }

  private async attempt<T>(what: string, action: () => Promise<T>): Promise<T | null> {
    try {
      return await action();
    } catch (thrown) {
      const { message, code } = failureOf(thrown);
      if (code !== "NotOpen") this.notices.say(`${what}: ${message}`, { failed: true });
      return null;
    }
  }

  private go(to: Visibility): void {
    // What shows nothing else is no step: undoing it would do nothing.
    if (isSame(to, this.steps.current)) return;
    this.steps.go(to);
    this.apply();
  }

  private apply(): void {
    const now = this.steps.current;
    this.visibility.set(now);
    const { graph } = this.instance;
    graph.hide(isEverything(now) ? null : (id) => !shows(now, id));
    this.tell();
    this.instance.graphChanged.emit({
      replaced: false,
      structure: true,
      twins: [],
      related: new Set(),
      message: null,
    });
  }

  private recount(): void {
    this.hiddenCount.set(this.instance.graph.hiddenCount());
  }

  private tell(): void {
    const { steps, visits } = this;
    this.undoable.set({ undo: steps.canGoBack, redo: steps.canGoForward });
    this.visited.set({ back: visits.canGoBack, forward: visits.canGoForward });
  }
}
