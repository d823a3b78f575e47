import type { Page } from "../store/page";
import { showPanel } from "./panels";

const withoutText = ["button", "checkbox", "color", "file", "radio", "range", "reset", "submit"];

const inField = (target: EventTarget | null): boolean =>
  (target instanceof HTMLInputElement && !withoutText.includes(target.type)) ||
  target instanceof HTMLTextAreaElement ||
  (target instanceof HTMLElement && target.isContentEditable);

const inQuery = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest(".query, .query-tabs") !== null;

/** Where the keyboard goes in each panel. */
const entrances = [
  ".graph-canvas",
  ".flow-canvas",
  ".inspector-tabs .tab",
  ".log-rows",
  ".query-editor .cm-content",
];

/** Goes to the next panel that is on screen, or to the one before. */
function cyclePanels(by: number): void {
  const targets = entrances.flatMap((selector) => {
    const found = document.querySelector<HTMLElement>(selector);
    return found ? [found] : [];
  });
  const panel = (element: Element | null) =>
    element?.closest(".graph, .flow, .inspector, .log, .query");
  const here = panel(document.activeElement);
  const at = here ? targets.findIndex((target) => panel(target) === here) : by > 0 ? -1 : 0;
  targets[(at + by + targets.length) % targets.length]?.focus();
}

/** Opens the query panel and puts the caret into its text. */
function showQuery(page: Page): void {
  const dock = page.dock.get();
  if (!dock) return;
  showPanel(dock, "query");
  // The panel may have to be loaded first.
  let turns = 100;
  const caret = () => {
    const text = document.querySelector<HTMLElement>(".query-editor .cm-content");
    if (text) text.focus();
    else if (turns-- > 0) requestAnimationFrame(caret);
  };
  // Another tab may take the place of this one first.
  requestAnimationFrame(caret);
}

/** Keys that work in the whole window. Answers how to stop listening. */
export function listenToShortcuts(page: Page): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "F6") {
      event.preventDefault();
      cyclePanels(event.shiftKey ? -1 : 1);
      return;
    }
    const way = event.altKey && !event.ctrlKey && !inField(event.target) ? event.key : "";
    if (way === "ArrowLeft" || way === "ArrowRight") {
      page.explore.travel(way === "ArrowRight");
      event.preventDefault();
      return;
    }
    if (event.altKey || !(event.ctrlKey || event.metaKey)) return;
    const key = event.key.toLowerCase();
    const again = event.shiftKey ? key === "z" : key === "y";
    if (again && !inField(event.target)) {
      if (page.flow.inFront.get()) page.flow.redo();
      else page.explore.redo();
      event.preventDefault();
      return;
    }
    if (event.shiftKey) return;
    if (key === "o") page.dialog.set("open");
    else if (key === "s") void page.saveToWorkspace();
    else if (key === "e") showQuery(page);
    else if (key === "t") {
      page.queries.add();
      showQuery(page);
    } else if (key === "w" && inQuery(event.target)) page.queries.close(page.queries.current.get());
    else if (key === ",") page.dialog.set("settings");
    else if (key === "z" && !inField(event.target)) {
      if (page.flow.inFront.get()) page.flow.undo();
      else page.undo();
    } else if (key !== "a" || inField(event.target)) return;
    // Else the web view would select the text of the whole window.
    event.preventDefault();
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}
