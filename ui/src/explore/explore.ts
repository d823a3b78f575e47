import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Notices } from "../store/notices";
import type { Selection } from "../store/selection";
import type { Follow } from "../wire/Follow";
import type { LayoutMethod } from "../wire/LayoutMethod";
import {
  everything,
  fromKept,
  hide,
  isEverything,
  isolate,
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

/** A view that is kept under a name. */
interface SavedView {
  visibility: unknown;
  selection: string | null;
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
  private readonly steps = new Steps<Visibility>(everything);
  private readonly visits = new Steps<string | null>(null);
  private travelling = false;

  constructor(
    private readonly host: Host,
    private readonly instance: Instance,
    private readonly selection: Selection,
    private readonly notices: Notices,
    private readonly reveal: (id: string) => void,
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

  /** Begins with what was kept of this graph. */
  enter(kept: unknown): void {
    this.steps.restart(fromKept(kept));
    this.visits.restart(this.selection.id.get());
    this.apply();
    void this.refresh();
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
    if (id !== null && this.instance.graph.has(id)) this.reveal(id);
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

  async arrange(method: LayoutMethod): Promise<void> {
    await this.attempt("Not laid out", async () => {
      await ask(this.host, { type: "arrange", method, contains: null }, "accepted");
      this.method.set(method);
    });
  }

  async saveView(name: string): Promise<void> {
    const view: SavedView = { visibility: this.kept(), selection: this.selection.id.get() };
    await this.change({ name, view });
  }

  async forgetView(name: string): Promise<void> {
    await this.change({ name, view: null });
  }

  openView(name: string): void {
    const view = this.saved.get()[name] as Partial<SavedView> | undefined;
    if (!view) return;
    this.go(fromKept(view.visibility));
    if (typeof view.selection === "string") this.reveal(view.selection);
  }

  private async change(to: { name: string; view: SavedView | null }): Promise<void> {
    await this.attempt("The view was not kept", async () => {
      this.takeSaved(await ask(this.host, { type: "saveView", ...to }, "savedViews"));
    });
  }

  private async refresh(): Promise<void> {
    await this.attempt("The views of this graph cannot be read", async () => {
      this.takeSaved(await ask(this.host, { type: "savedViews" }, "savedViews"));
    });
  }

  private takeSaved(answer: { views: Record<string, unknown>; method: LayoutMethod }): void {
    this.saved.set(answer.views);
    this.method.set(answer.method);
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
