import type { DockviewApi } from "dockview-react";
import { Explore } from "../explore/explore";
import { readView, type View } from "../explore/view";
import { FlowView } from "../flow/flow";
import type { Camera } from "../graph/camera";
import type { Colours } from "../graph/encoding/colours";
import { type Encoding, plainEncoding } from "../graph/encoding/encoding";
import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Filter } from "../query/filter";
import { Overlay } from "../query/overlay";
import { Queries } from "../query/queries";
import type { SimulationAction } from "../wire/SimulationAction";
import type { Target } from "../wire/Target";
import { Appearance } from "./appearance";
import { Cell, Signal } from "./cell";
import { Edits } from "./edits";
import { Instance } from "./instance";
import { LogView } from "./logView";
import { Notices } from "./notices";
import { defaults, type Preferences, readPreferences } from "./preferences";
import { Selection } from "./selection";

const saveAfter = 500;

/** What dragging on the drawing does. */
export type Tool = "pan" | "box" | "lasso";
export type DialogName = "open" | "settings" | "problems" | "limits";

/** Everything that the page knows, and what the user can do. */
export class Page {
  readonly notices = new Notices();
  readonly instance: Instance;
  readonly selection: Selection;
  readonly edits: Edits;
  readonly log: LogView;
  readonly explore: Explore;
  readonly overlay: Overlay;
  readonly filter: Filter;
  readonly queries: Queries;
  readonly flow: FlowView;
  readonly preferences = new Cell<Preferences>(defaults);
  readonly appearance = new Appearance(this.preferences);
  readonly recent = new Cell<Target[]>([]);
  /** `null`: the whole graph fits the panel. */
  readonly camera = new Cell<Camera | null>(null);
  /** What the drawing is coloured by; `null` until there is one. */
  readonly colours = new Cell<Colours | null>(null);
  /** How the twins of what is open look. */
  readonly encoding = new Cell<Encoding>(plainEncoding);
  readonly tool = new Cell<Tool>("pan");
  readonly dialog = new Cell<DialogName | null>(null);
  /** The panels, once they are there. */
  readonly dock = new Cell<DockviewApi | null>(null);
  /** Counts how often the panels were put back where they began. */
  readonly layoutReset = new Cell(0);
  /** A twin to bring into view. */
  readonly revealed = new Signal<string>();
  private saving: ReturnType<typeof setTimeout> | undefined;
  private saved = "";
  /** The session that the graph on screen is of, and its view as it was kept last. */
  private shown: { session: number; view: string } | null = null;
  /** How the graph of a session was looked at, asked for before the graph. */
  private next: { session: number; view: View } | null = null;
  /** The twin that was selected last time, until it is loaded or another is selected. */
  private awaited: string | null = null;

  constructor(readonly host: Host) {
    this.instance = new Instance(host);
    this.selection = new Selection(host, this.instance);
    this.edits = new Edits(host, this.selection, this.notices);
    this.log = new LogView(host);
    this.explore = new Explore(host, this.instance, this.selection, this.notices, {
      reveal: (id) => this.reveal(id),
      view: () => this.view(),
      show: (view) => this.show(view),
    });
    this.overlay = new Overlay(this.instance, this.selection);
    this.filter = new Filter(host, this.instance, this.overlay);
    this.queries = new Queries(host, this.instance, this.overlay, this.notices);
    this.flow = new FlowView(host, this.instance, this.log, this.notices);
  }

  /** Restores what was kept, then begins to pull. */
  async start(): Promise<void> {
    await this.restore();
    this.instance.entering = async (session) => {
      this.next = { session, view: readView(await this.explore.enter()) };
    };
    this.instance.graphChanged.on((change) => {
      this.enterSession();
      if (change.structure) this.selectAwaited();
    });
    const keep = () => this.keep();
    this.preferences.subscribe(keep);
    this.selection.id.subscribe(keep);
    this.camera.subscribe(keep);
    this.encoding.subscribe(keep);
    this.explore.visibility.subscribe(keep);
    this.log.filter.subscribe(keep);
    this.queries.changed.on(keep);
    this.queries.past.subscribe(keep);
    this.flow.viewport.subscribe(keep);
    this.flow.overview.subscribe(keep);
    this.flow.deployment.sheet.subscribe(keep);
    window.addEventListener("pagehide", () => void this.save());
    this.instance.start();
  }

  prefer(change: Partial<Preferences>): void {
    this.preferences.set({ ...this.preferences.get(), ...change });
  }

  /** Puts every panel back where it began. */
  resetLayout(): void {
    this.prefer({ layout: null });
    this.layoutReset.set(this.layoutReset.get() + 1);
  }

  /** Selects a twin and brings it into view. */
  reveal(id: string): void {
    this.selection.select(id);
    this.revealed.emit(id);
  }

  /** Opens something else; files `anew`: without what was made of them before. */
  async open(target: Target, anew = false): Promise<void> {
    if (await this.act({ type: "open", target, anew }, "Not opened")) {
      this.instance.refresh();
      this.dialog.set(null);
    }
  }

  /** Gives up what is being opened. */
  async cancelOpening(): Promise<void> {
    if (await this.act({ type: "cancelOpening" }, "Not cancelled")) this.instance.refresh();
  }

  async simulate(action: SimulationAction): Promise<void> {
    if (await this.act({ type: "simulate", action }, "The simulation did not change")) {
      this.instance.refresh();
      this.selection.refresh();
    }
  }

  /** Takes back what was done last: an edit of a property, or what was hidden or shown. */
  undo(): void {
    if (this.explore.latest > this.edits.latest) this.explore.undo();
    else void this.edits.undo();
  }

  place(id: string, at: [number, number] | null): Promise<boolean> {
    return this.act({ type: "place", places: [{ id, at }] }, "Not moved");
  }

  async saveToWorkspace(): Promise<void> {
    const target = this.instance.status.get()?.target;
    if (target?.kind !== "workspace") {
      this.notices.say("Only a workspace folder can be saved to. Open one first.", {
        failed: true,
        action: { label: "Open", run: () => this.dialog.set("open") },
      });
      return;
    }
    try {
      const { files } = await ask(this.host, { type: "saveToWorkspace" }, "saved");
      this.notices.say(files.length ? "Saved to the workspace" : "Nothing to save", {
        lines: files,
      });
    } catch (thrown) {
      this.fail("Not saved", thrown);
    }
  }

  fail(what: string, thrown: unknown): void {
    const { message, details } = failureOf(thrown);
    this.notices.say(`${what}: ${message}`, { lines: details, failed: true });
  }

  /** Reads anew what was opened lately. */
  async refreshRecent(): Promise<void> {
    try {
      this.recent.set((await ask(this.host, { type: "uiState" }, "uiState")).recent);
    } catch (thrown) {
      this.fail("What was opened lately cannot be read", thrown);
    }
  }

  private async act(request: Parameters<Host["call"]>[0], otherwise: string): Promise<boolean> {
    try {
      await ask(this.host, request, "accepted");
      return true;
    } catch (thrown) {
      this.fail(otherwise, thrown);
      return false;
    }
  }

  private async restore(): Promise<void> {
    try {
      const { state, recent } = await ask(this.host, { type: "uiState" }, "uiState");
      const preferences = readPreferences(state);
      this.preferences.set(preferences);
      this.log.filter.set(preferences.logFilter);
      this.queries.past.set(preferences.queries);
      this.recent.set(recent);
    } catch (thrown) {
      this.fail("The layout of last time cannot be read", thrown);
    }
  }

  /** Comes back to where the user was, when the graph of another session is here. */
  private enterSession(): void {
    const { session } = this.instance.graph;
    if (session === null || session === this.shown?.session) return;
    const view = this.next?.session === session ? this.next.view : readView(null);
    this.shown = { session, view: "" };
    this.edits.forget();
    this.selection.group.set(new Set());
    this.show(view);
    this.explore.restart(view.visibility);
    this.flow.enter(session, view.flow);
    this.queries.restart(view.queries);
    this.shown.view = JSON.stringify(this.view());
  }

  /** How the graph is looked at now. */
  private view(): View {
    return {
      selection: this.selection.id.get() ?? this.awaited,
      camera: this.camera.get(),
      encoding: this.encoding.get(),
      visibility: this.explore.kept(),
      flow: this.flow.kept(),
      queries: this.queries.kept(),
    };
  }

  /** Looks at the graph so, but for what is shown of it. */
  private show({ camera, encoding, selection }: View): void {
    this.camera.set(camera);
    this.encoding.set(encoding);
    this.selection.select(null);
    this.awaited = selection;
    this.selectAwaited();
  }

  /** What was selected may come with a later page of the graph. */
  private selectAwaited(): void {
    const id = this.awaited;
    if (id === null) return;
    if (this.selection.id.get() !== null) this.awaited = null;
    else if (this.instance.graph.has(id)) {
      this.awaited = null;
      this.selection.select(id);
    }
  }

  private keep(): void {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => void this.save(), saveAfter);
  }

  private async save(): Promise<void> {
    clearTimeout(this.saving);
    await this.saveView();
    const logFilter = this.log.filter.get();
    const queries = this.queries.past.get();
    const state = JSON.stringify({ ...this.preferences.get(), logFilter, queries });
    if (state === this.saved) return;
    this.saved = state;
    await this.act({ type: "saveUiState", state }, "The layout cannot be kept");
  }

  private async saveView(): Promise<void> {
    const { shown } = this;
    const view = this.view();
    const text = JSON.stringify(view);
    // Between two sessions there is nothing to keep.
    if (!shown || shown.session !== this.instance.graph.session || text === shown.view) return;
    shown.view = text;
    try {
      await ask(this.host, { type: "keepView", session: shown.session, view }, "accepted");
    } catch (thrown) {
      if (failureOf(thrown).code !== "NotOpen") this.fail("The view cannot be kept", thrown);
    }
  }
}
