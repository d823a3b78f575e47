import { ask, failureOf } from "../host/ask";
import type { Host } from "../host/host";
import { Cell, Signal } from "../store/cell";
import type { Notices } from "../store/notices";
import type { Failure } from "../wire/Failure";
import type { TopologyState } from "../wire/TopologyState";
import { differences, same } from "./differences";
import { type Draft, draftOf, emptyDraft, idsOf, specOf, topologyOf } from "./draft";
import type { Edits, Places } from "./kept";
import { type Problem, problemsOf } from "./problems";

const checkAfter = 200;
/** Edits of one field within so many ms are undone as one. */
const oneEdit = 1500;
const mostUndone = 200;

/** What can be undone: the draft, and where a person put its nodes. */
export interface Sheet {
  readonly draft: Draft;
  readonly places: Places;
}

const isAnother = (before: Draft, now: Draft): boolean =>
  idsOf(now).length > 0 && !idsOf(now).some((id) => specOf(before, id));

/** The topology that is at work, the draft of the next one, and the way between them. */
export class Deployment {
  /** What is at work; `null` until it is known. */
  readonly state = new Cell<TopologyState | null>(null);
  /** Why that is not known. */
  readonly failure = new Cell<Failure | null>(null);
  /** The draft that the edits began with: what is at work, as far as they know. */
  readonly base = new Cell<Draft>(emptyDraft);
  readonly sheet = new Cell<Sheet>({ draft: emptyDraft, places: {} });
  /** Another topology came while there were edits here. */
  readonly theirs = new Cell<TopologyState | null>(null);
  /** What is wrong with the draft, or may not be meant. */
  readonly problems = new Cell<readonly Problem[]>([]);
  /** Whether the draft is still being checked; the problems are of an earlier one. */
  readonly checking = new Cell(false);
  readonly deploying = new Cell(false);
  /** What came from elsewhere has nothing in common with what was seen. */
  readonly replaced = new Signal<void>();
  readonly canUndo = new Cell(false);
  readonly canRedo = new Cell(false);
  private past: Sheet[] = [];
  private future: Sheet[] = [];
  private last = { key: "", at: 0 };
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = 0;
  private loading = false;
  /** Edits of the last time, until it is known what is at work. */
  private waiting: Edits | null = null;

  constructor(
    private readonly host: Host,
    private readonly notices: Notices,
  ) {}

  /** Forgets everything: another instance is open. */
  enter(places: Places, edits: Edits | null): void {
    this.waiting = edits;
    clearTimeout(this.timer);
    this.turn++;
    this.state.set(null);
    this.failure.set(null);
    this.theirs.set(null);
    this.problems.set([]);
    this.base.set(emptyDraft);
    this.begin({ draft: emptyDraft, places });
  }

  /** Asks what is at work. Edits stay; where both changed, `theirs` says so. */
  async load(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    const turn = this.turn;
    try {
      const state = await ask(this.host, { type: "topology" }, "topology");
      if (turn === this.turn) this.take(state);
    } catch (thrown) {
      if (turn === this.turn) this.failure.set(failureOf(thrown));
    } finally {
      this.loading = false;
    }
  }

  /** Whether something is not deployed. */
  edited(): boolean {
    return differences(this.base.get(), this.sheet.get().draft).length > 0;
  }

  /** What is not deployed, for the next time. */
  edits(): Edits | null {
    if (!this.state.get()) return this.waiting;
    return this.edited() ? { draft: this.sheet.get().draft, base: this.base.get() } : null;
  }

  /** The draft as it is to be; edits with the same `key` in a row are undone as one. */
  edit(draft: Draft, key = ""): void {
    this.change({ ...this.sheet.get(), draft }, key);
  }

  change(sheet: Sheet, key = ""): void {
    if (this.state.get()?.fixed) return;
    const before = this.sheet.get();
    const goesOn = key !== "" && key === this.last.key && Date.now() - this.last.at < oneEdit;
    this.last = { key, at: Date.now() };
    if (!goesOn) this.past = [...this.past, before].slice(-mostUndone);
    this.future = [];
    this.show(sheet);
  }

  /** Where nodes go; of a topology that cannot be edited, too. */
  place(places: Places): void {
    const sheet = { ...this.sheet.get(), places };
    if (this.state.get()?.fixed) this.show(sheet);
    else this.change(sheet);
  }

  undo(): void {
    const before = this.past.at(-1);
    if (!before) return;
    this.past = this.past.slice(0, -1);
    this.future = [...this.future, this.sheet.get()];
    this.last.key = "";
    this.show(before);
  }

  redo(): void {
    const after = this.future.at(-1);
    if (!after) return;
    this.future = this.future.slice(0, -1);
    this.past = [...this.past, this.sheet.get()];
    this.last.key = "";
    this.show(after);
  }

  /** Back to what is at work; that can be undone. */
  revert(): void {
    const theirs = this.theirs.get();
    if (theirs) this.takeTheirs();
    else this.edit(this.base.get());
  }

  /** Drops the edits for what came meanwhile; that can be undone. */
  takeTheirs(): void {
    const theirs = this.theirs.get();
    if (!theirs) return;
    this.adopt(theirs);
    this.edit(this.base.get());
  }

  /** Keeps the edits; a deploy puts them in place of what came meanwhile. */
  keepMine(): void {
    const theirs = this.theirs.get();
    if (theirs) this.adopt(theirs);
  }

  async deploy(): Promise<void> {
    const state = this.state.get();
    if (!state || this.deploying.get()) return;
    const { draft } = this.sheet.get();
    const turn = this.turn;
    this.deploying.set(true);
    try {
      const [topology, { files }, { revision }] = [topologyOf(draft), draft, state];
      const request = { type: "deploy", topology, files: { ...files }, revision } as const;
      const deployed = await ask(this.host, request, "topology");
      if (turn !== this.turn) return;
      this.adopt(deployed);
      // What was typed while it went on is an edit of what is at work now.
      if (this.sheet.get().draft === draft)
        this.show({ ...this.sheet.get(), draft: this.base.get() });
      const { file } = deployed;
      this.notices.say(file ? "Deployed and written to" : "Deployed", {
        lines: file ? [file] : ["The sample has no folder: it is kept until another is opened."],
      });
    } catch (thrown) {
      if (turn !== this.turn) return;
      const { message, details } = failureOf(thrown);
      this.notices.say(`Not deployed: ${message}`, { lines: details, failed: true });
      void this.load();
      this.checkSoon();
    } finally {
      this.deploying.set(false);
    }
  }

  private take(state: TopologyState): void {
    const known = this.state.get();
    const now = draftOf(state.topology, state.files);
    this.failure.set(null);
    const { waiting } = this;
    this.waiting = null;
    if (!known && waiting && !state.fixed && !same(now, waiting.draft)) {
      this.begin({ ...this.sheet.get(), draft: waiting.draft });
      this.adopt(state);
      if (same(now, waiting.base)) return;
      this.base.set(waiting.base);
      this.theirs.set(state);
    } else if (!known || !this.edited() || same(now, this.sheet.get().draft)) {
      const before = this.sheet.get().draft;
      this.adopt(state);
      this.begin({ ...this.sheet.get(), draft: now });
      if (known && isAnother(before, now)) this.replaced.emit();
    } else if (same(now, this.base.get())) this.adopt(state);
    else this.theirs.set(state);
  }

  private adopt(state: TopologyState): void {
    this.state.set(state);
    this.base.set(draftOf(state.topology, state.files));
    this.theirs.set(null);
  }

  private begin(sheet: Sheet): void {
    // What was undoable belongs to another topology.
    this.past = [];
    this.future = [];
    this.show(sheet);
  }

  private show(sheet: Sheet): void {
    const { draft } = this.sheet.get();
    this.sheet.set(sheet);
    this.canUndo.set(this.past.length > 0);
    this.canRedo.set(this.future.length > 0);
    if (sheet.draft !== draft) this.checkSoon();
  }

  private checkSoon(): void {
    clearTimeout(this.timer);
    // What cannot be edited was checked where it was made.
    if (this.state.get()?.fixed) {
      this.problems.set([]);
      this.checking.set(false);
      return;
    }
    this.checking.set(true);
    this.timer = setTimeout(() => void this.check(), checkAfter);
  }

  private async check(): Promise<void> {
    const { draft } = this.sheet.get();
    const turn = this.turn;
    try {
      const [topology, { files }] = [topologyOf(draft), draft];
      const request = { type: "checkTopology", topology, files: { ...files } } as const;
      const { problems, warnings } = await ask(this.host, request, "topologyNotes");
      if (turn !== this.turn || draft !== this.sheet.get().draft) return;
      this.problems.set(problemsOf(draft, problems, warnings));
      this.checking.set(false);
    } catch (thrown) {
      if (turn !== this.turn || draft !== this.sheet.get().draft) return;
      const { message } = failureOf(thrown);
      const unchecked = { path: "", message: `The draft could not be checked: ${message}` };
      this.problems.set(problemsOf(draft, [], [unchecked]));
      this.checking.set(false);
    }
  }
}
