/** So many tabs of queries at most: the backend keeps the rows of each. */
export const mostTabs = 8;
const mostText = 64 * 1024;
const mostName = 60;

/** The tabs of a graph's queries as they are kept with it: texts, not rows. */
export interface KeptTabs {
  tabs: KeptTab[];
  /** Which one was in sight. */
  at: number;
}

interface KeptTab {
  name: string | null;
  text: string;
  live: boolean;
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

/** Reads what an earlier version of the page may have written: what does not fit is left out. */
export function readTabs(value: unknown): KeptTabs {
  const fields = isFields(value) ? value : {};
  const list = Array.isArray(fields.tabs) ? fields.tabs : [];
  const tabs = list.filter(isFields).slice(0, mostTabs).map(readTab);
  const at = typeof fields.at === "number" && tabs[fields.at] !== undefined ? fields.at : 0;
  return { tabs, at };
}

const readTab = ({ name, text, live }: Fields): KeptTab => ({
  name: typeof name === "string" && name.trim() !== "" ? name.slice(0, mostName) : null,
  text: typeof text === "string" && text.length <= mostText ? text : "",
  live: live === true,
});
