import { Cell } from "./cell";

/** The result of an action, said in passing. */
export interface Notice {
  id: number;
  text: string;
  /** More lines: files, details. */
  lines: string[];
  failed: boolean;
  action?: { label: string; run: () => void };
}

/** Notices that are shown now, oldest first. */
export class Notices {
  readonly shown = new Cell<readonly Notice[]>([]);
  private next = 1;

  say(text: string, more: Partial<Omit<Notice, "id" | "text">> = {}): void {
    const notice = { id: this.next++, text, lines: [], failed: false, ...more };
    this.shown.set([...this.shown.get().slice(-2), notice]);
  }

  dismiss(id: number): void {
    this.shown.set(this.shown.get().filter((notice) => notice.id !== id));
  }
}
