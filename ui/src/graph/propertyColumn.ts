import { ask } from "../host/ask";
import type { Page } from "../store/page";
import { poll } from "../store/poll";
import { columnOf } from "./encoding/column";
import type { Column } from "./encoding/measure";

const askEvery = 2000;

/** The property that colours twins, asked for again and again while one does. Answers how to stop. */
export function followProperty(page: Page, take: (column: Column | null) => void): () => void {
  let shown = "";
  const pull = async () => {
    const { colour, property } = page.encoding.get();
    const name = colour === "property" ? property : "";
    if (name !== shown) take(null);
    shown = name;
    const { graph } = page.instance;
    if (!name || graph.session === null) return;
    try {
      const message = await ask(page.host, { type: "property", name }, "property");
      if (page.encoding.get().property === name) take(columnOf(message, graph.rows.count));
    } catch {
      // Between two sessions there is nothing to ask, and the next try comes soon.
    }
  };
  const { stop, now } = poll(askEvery, pull);
  const off = page.encoding.subscribe(now);
  return () => {
    off();
    stop();
  };
}
