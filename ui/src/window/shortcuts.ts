import type { Page } from "../store/page";

const inField = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement ||
  target instanceof HTMLTextAreaElement ||
  target instanceof HTMLSelectElement;

/** Keys that work in the whole window. Answers how to stop listening. */
export function listenToShortcuts(page: Page): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.altKey || event.shiftKey || !(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    if (key === "o") page.dialog.set("open");
    else if (key === "s") void page.saveToWorkspace();
    else if (key === ",") page.dialog.set("settings");
    else if (key === "z" && !inField(event.target)) void page.edits.undo();
    else return;
    event.preventDefault();
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}
