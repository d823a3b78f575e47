import { ask, Refused } from "../host/ask";
import type { Host } from "../host/host";
import type { PropertyRow } from "../wire/PropertyRow";
import type { TwinDetail } from "../wire/TwinDetail";
import { Cell } from "./cell";
import type { Notices } from "./notices";
import type { Selection } from "./selection";

/** A value, or that there is none. */
export type Held = { set: true; value: unknown } | { set: false };

/** A property of a twin, to be changed from one value to another. */
export interface Edit {
  twin: string;
  path: string;
  name: string;
  before: Held;
  after: Held;
}

type PatchStep =
  | { op: "add" | "replace"; path: string; value: unknown }
  | { op: "remove"; path: string };

/** The JSON Patch of an edit. */
export function patchOf(edit: Edit): PatchStep[] {
  if (!edit.after.set) return [{ op: "remove", path: edit.path }];
  const op = edit.before.set ? "replace" : "add";
  return [{ op, path: edit.path, value: edit.after.value }];
}

/** A JSON Patch as text, a line for each part of a step: narrow, and no line for a lone bracket. */
export function patchText(steps: PatchStep[]): string {
  const parts = steps.map((step) => {
    const fields = Object.entries(step).map(([name, value]) => {
      const text = JSON.stringify(value, null, 2).replaceAll("\n", "\n   ");
      return `"${name}": ${text}`;
    });
    return `{ ${fields.join(",\n   ")} }`;
  });
  return `[${parts.join(",\n ")}]`;
}

export const heldOf = (row: PropertyRow): Held =>
  row.set ? { set: true, value: row.value } : { set: false };

const sameHeld = (a: Held, b: Held): boolean =>
  a.set === b.set && (!a.set || !b.set || JSON.stringify(a.value) === JSON.stringify(b.value));

/** An edit that is being typed. */
export interface Draft {
  twin: string;
  path: string;
  text: string;
  /** What the user saw when the edit began. */
  before: Held;
  etag: string;
}

const tries = 4;
const undoable = 50;

/** Sends edits of properties, and takes them back. */
export class Edits {
  /** Kept while another twin is looked at. */
  readonly draft = new Cell<Draft | null>(null);
  private readonly applied: { edit: Edit; at: number }[] = [];

  constructor(
    private readonly host: Host,
    private readonly selection: Selection,
    private readonly notices: Notices,
  ) {}

  /**
   * Applies an edit if the property still has the value that the user saw. Another property of a
   * living twin changes all the time, so a stale ETag alone is tried again with the fresh one.
   */
  async apply(edit: Edit, etag: string): Promise<void> {
    await this.send(edit, etag);
    this.remember(edit);
  }

  /** Applies an edit whatever the property holds by now. */
  async applyToPresent(edit: Edit): Promise<void> {
    await this.patch(edit, null);
    this.remember(edit);
  }

  /** Puts the value before the last applied edit back, unless it was changed again since. */
  async undo(): Promise<void> {
    const edit = this.applied.at(-1)?.edit;
    if (!edit) {
      this.notices.say("Nothing to undo");
      return;
    }
    const back = { ...edit, before: edit.after, after: edit.before };
    try {
      const twin = await ask(this.host, { type: "twin", id: edit.twin }, "twin");
      if (!sameHeld(heldAt(twin, edit.path), back.before)) {
        this.applied.pop();
        this.notices.say(`Not undone: ${edit.name} of ${edit.twin} was changed again since`, {
          failed: true,
        });
        return;
      }
      await this.send(back, twin.etag);
      this.applied.pop();
      this.selection.refresh();
      this.notices.say(`Undone: ${edit.name} of ${edit.twin}`);
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      this.notices.say(`Not undone: ${text}`, { failed: true });
    }
  }

  /** When the edit was made that `undo` takes back, by the clock of `performance.now()`. */
  get latest(): number {
    return this.applied.at(-1)?.at ?? -Infinity;
  }

  /** Another instance is open: what was edited is not of it. */
  forget(): void {
    this.applied.length = 0;
    this.draft.set(null);
  }

  private remember(edit: Edit): void {
    this.applied.push({ edit, at: performance.now() });
    if (this.applied.length > undoable) this.applied.shift();
    this.selection.refresh();
    this.notices.say(`Changed ${edit.name} of ${edit.twin}`, {
      action: { label: "Undo", run: () => void this.undo() },
    });
  }

  private async send(edit: Edit, etag: string, left = tries): Promise<void> {
    try {
      await this.patch(edit, etag);
    } catch (thrown) {
      const stale = thrown instanceof Refused && thrown.failure.code === "PreconditionFailed";
      if (!stale || left === 1) throw thrown;
      const fresh = await ask(this.host, { type: "twin", id: edit.twin }, "twin");
      if (!sameHeld(heldAt(fresh, edit.path), edit.before)) throw thrown;
      await this.send(edit, fresh.etag, left - 1);
    }
  }

  private async patch(edit: Edit, etag: string | null): Promise<void> {
    const request = { type: "patchTwin", id: edit.twin, patch: patchOf(edit), etag } as const;
    await ask(this.host, request, "patched");
  }
}

function heldAt(twin: TwinDetail, path: string): Held {
  const row = twin.properties.find((property) => property.path === path);
  return row ? heldOf(row) : { set: false };
}
