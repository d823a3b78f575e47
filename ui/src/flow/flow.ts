import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell, Signal } from "../store/cell";
import type { Instance } from "../store/instance";
import type { LogView } from "../store/logView";
import type { Notices } from "../store/notices";
import { boxesOf, type Place, placedFreely, shownBy } from "./boxes";
import { Deployment } from "./deployment";
import { type Draft, duplicate, idOf, nameOf, nameProblem, remove, rename, specOf } from "./draft";
import { readKept, type Viewport, writeKept } from "./kept";
import { knownOf } from "./known";
import { Meters } from "./meters";
import type { Offer } from "./offers";
import { thermostatToRoom } from "./start";
import { fit, unwire, type Wire, wireOf } from "./wiring";
import { logWords } from "./words";

/** The canvas of the topology: what is drawn, selected, edited and measured. */
export class FlowView {
  readonly deployment: Deployment;
  readonly meters: Meters;
  /** The id of the selected node or wire. */
  readonly selection = new Cell<string | null>(null);
  /** The id of the node from which a wire is being drawn. */
  readonly wiring = new Cell<string | null>(null);
  /** What is being dragged from the palette, and the node that it is over. */
  readonly dropping = new Cell<{ offer: Offer; over: string | null } | null>(null);
  readonly viewport = new Cell<Viewport | null>(null);
  /** Whether the canvas is what was used last, so that the inspector is about it. */
  readonly inFront = new Cell(false);
  /** Whether what a deploy would change is shown. */
  readonly comparing = new Cell(false);
  /** Whether all of it is shown small in a corner, too: where a person wants that, as it hides a corner. */
  readonly overview = new Cell(false);
  /** All of it is to be seen. */
  readonly fitted = new Signal<void>();
  /** A node to bring into view. */
  readonly revealed = new Signal<string>();
  /** A field to put the caret into: of the selected node. */
  readonly asked = new Signal<string>();
  /** The names of kept secrets, and where they are kept. */
  readonly secrets = new Cell<{ names: readonly string[]; keptIn: string }>({
    names: [],
    keptIn: "",
  });
  /** How many routes and endpoints there may be; `null` where there is no limit. */
  readonly limits = new Cell<{ routes: number | null; endpoints: number | null }>({
    routes: null,
    endpoints: null,
  });
  private session: number | null = null;
  private watched = 0;

  constructor(
    private readonly host: Host,
    private readonly instance: Instance,
    private readonly log: LogView,
    private readonly notices: Notices,
  ) {
    this.deployment = new Deployment(host, notices);
    this.meters = new Meters(host, (revision) => this.hear(revision));
    this.selection.subscribe((id) => this.scopeLog(id));
    this.deployment.replaced.on(() => this.fitted.emit());
    // What is at work now may name secrets that were kept meanwhile.
    this.deployment.base.subscribe(() => {
      if (this.watched > 0) void this.refreshSecrets();
    });
  }

  /** Another instance is open, with what was kept of its canvas. */
  enter(session: number | null, kept: unknown): void {
    if (session === this.session) return;
    this.session = session;
    const { places, viewport, overview, edits } = readKept(kept);
    this.selection.set(null);
    this.viewport.set(viewport);
    this.overview.set(overview);
    this.meters.enter();
    this.deployment.enter(places, edits);
    if (this.watched > 0) void this.deployment.load();
  }

  /** What is kept with the instance. */
  kept(): unknown {
    const { places } = this.deployment.sheet.get();
    return writeKept({
      places,
      viewport: this.viewport.get(),
      overview: this.overview.get(),
      edits: this.deployment.edits(),
    });
  }

  /** Asks for what is drawn until the answer is called. */
  show(): () => void {
    this.watched++;
    if (!this.deployment.state.get()) void this.deployment.load();
    void this.refreshSecrets();
    void this.refreshLimits();
    const stop = this.meters.show();
    // Whoever comes back may have kept a secret elsewhere.
    const back = () => void this.refreshSecrets();
    window.addEventListener("focus", back);
    return () => {
      this.watched--;
      stop();
      window.removeEventListener("focus", back);
      if (this.watched === 0) this.log.scope.set(null);
    };
  }

  get draft(): Draft {
    return this.deployment.sheet.get().draft;
  }

  /** Why nothing can be edited; `null` where it can. */
  get fixed(): string | null {
    return this.deployment.state.get()?.fixed ?? null;
  }

  /** Adds a node of a kind, where a person wants it or where the arrangement has room. */
  add(offer: Offer, at: Place | null, on: string | null = null): void {
    if (this.refuseFixed()) return;
    const { draft, places } = this.deployment.sheet.get();
    const added = offer.add(draft, knownOf(this.instance.graph));
    // A subscription that is dropped onto an endpoint is one of it.
    const wired = on && offer.part === "subscriptions" ? fit(added.draft, on, added.id) : null;
    const next = wired && "draft" in wired ? wired.draft : added.draft;
    const own = shownBy(next, added.id) === added.id;
    const placed = own ? placedFreely(next, places, added.id, at ?? undefined) : places;
    this.deployment.change({ draft: next, places: placed });
    this.selection.set(added.id);
    // What had to make way may be out of sight.
    const moved = placed[added.id];
    if (!at || moved?.x !== at.x || moved.y !== at.y) this.revealed.emit(added.id);
  }

  /** Begins with simulated thermostats whose temperature reaches their room. */
  startThermostats(): void {
    if (this.refuseFixed()) return;
    const { draft, id } = thermostatToRoom(this.draft, knownOf(this.instance.graph));
    this.deployment.edit(draft);
    this.selection.set(id);
    this.fitted.emit();
  }

  /** Draws a wire; a sentence says why it does not fit. */
  wire(from: string, to: string): void {
    if (this.refuseFixed()) return;
    const fits = fit(this.draft, from, to);
    if ("refused" in fits) {
      this.notices.say(fits.refused, { failed: true });
      return;
    }
    this.deployment.edit(fits.draft);
    if (fits.selects) this.selection.set(fits.selects);
  }

  /** Takes the selected node or wire away. */
  remove(id: string): void {
    if (this.refuseFixed()) return;
    const wire = wireOf(id);
    if (wire) this.unwire(wire);
    else if (specOf(this.draft, id)) {
      this.deployment.edit(remove(this.draft, id));
      this.selection.set(null);
    }
  }

  private unwire(wire: Wire): void {
    const fits = unwire(this.draft, wire);
    if ("refused" in fits) {
      this.notices.say(fits.refused, { failed: true });
      return;
    }
    this.deployment.edit(fits.draft);
    this.selection.set(null);
  }

  duplicate(id: string): void {
    if (this.refuseFixed() || !specOf(this.draft, id)) return;
    const copied = duplicate(this.draft, id);
    const { places } = this.deployment.sheet.get();
    const box = boxesOf(this.draft, places).get(id);
    const at = box && { x: box.x + 24, y: box.y + box.height + 16 };
    this.deployment.change({
      draft: copied.draft,
      places: at ? placedFreely(copied.draft, places, copied.id, at) : places,
    });
    this.selection.set(copied.id);
  }

  /** Gives a node another name. Answers why it cannot have it. */
  rename(id: string, name: string): string | null {
    const node = nameOf(id);
    const problem = nameProblem(this.draft, id, name);
    if (!node || problem !== null || name === node.name) return problem;
    const { [id]: place, ...places } = this.deployment.sheet.get().places;
    const renamed = idOf(node.part, name);
    this.deployment.change({
      draft: rename(this.draft, id, name),
      places: place ? { ...places, [renamed]: place } : places,
    });
    this.selection.set(renamed);
    return null;
  }

  /** Gives all nodes to the arrangement. */
  arrange(): void {
    this.deployment.place({});
    this.fitted.emit();
  }

  /** Selects a node or wire and brings it into view. */
  reveal(id: string): void {
    this.selection.set(id);
    this.revealed.emit(shownBy(this.draft, id));
  }

  undo(): void {
    this.deployment.undo();
    this.dropSelection();
  }

  redo(): void {
    this.deployment.redo();
    this.dropSelection();
  }

  async refreshSecrets(): Promise<void> {
    try {
      const { names, keptIn } = await ask(this.host, { type: "secrets" }, "secrets");
      this.secrets.set({ names, keptIn });
    } catch {
      // The fields that need them say that none is known; keeping one says what is wrong.
    }
  }

  /** Keeps a secret under a name. Answers what went wrong. */
  async keepSecret(name: string, value: string): Promise<string | null> {
    try {
      const request = { type: "keepSecret", name, value } as const;
      const { names, keptIn } = await ask(this.host, request, "secrets");
      this.secrets.set({ names, keptIn });
      return null;
    } catch (thrown) {
      return failureOf(thrown).message;
    }
  }

  /** Sends a message as a source does. Answers what went wrong. */
  async send(source: string, device: string, body: unknown): Promise<string | null> {
    try {
      await ask(this.host, { type: "sendMessage", source, device, body }, "accepted");
      return null;
    } catch (thrown) {
      return failureOf(thrown).message;
    }
  }

  /** Has an endpoint that waits or pauses try at once. */
  async tryNow(node: string): Promise<void> {
    try {
      await ask(this.host, { type: "tryNow", node }, "accepted");
    } catch (thrown) {
      this.notices.say(failureOf(thrown).message, { failed: true });
    }
  }

  private async refreshLimits(): Promise<void> {
    try {
      const { limits } = await ask(this.host, { type: "limits" }, "limits");
      const most = (name: string) => limits.find((limit) => limit.name === name)?.most ?? null;
      this.limits.set({ routes: most("eventRoutes"), endpoints: most("endpoints") });
    } catch {
      // Without an instance there are none; a topology past them is refused with a sentence.
    }
  }

  private refuseFixed(): boolean {
    if (this.fixed !== null) this.notices.say(this.fixed, { failed: true });
    return this.fixed !== null;
  }

  private dropSelection(): void {
    const id = this.selection.get();
    if (id !== null && nameOf(id) && !specOf(this.draft, id)) this.selection.set(null);
  }

  private hear(revision: number): void {
    const known = this.deployment.theirs.get() ?? this.deployment.state.get();
    if (known && known.revision !== revision && !this.deployment.deploying.get()) {
      void this.deployment.load();
    }
  }

  /** Has the log show what went through a node or wire. */
  scopeLog(id: string | null): void {
    this.log.scope.set(id === null ? null : logWords(this.deployment.base.get(), id));
  }
}
