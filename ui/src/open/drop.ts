import type { Target } from "../wire/Target";
import { fileEndings, lastPart } from "./targets";

/** What becomes of paths that are dropped on the window, in words; where they can be opened, as what. */
export interface Drop {
  title: string;
  /** Names of what is dropped, or why it cannot be opened. */
  lines: string[];
  /** `null`: it cannot be opened. */
  target: Target | null;
}

const mostNames = 5;
const endings = fileEndings.map((ending) => `.${ending}`).join(", ");

const isFile = (path: string): boolean =>
  fileEndings.includes(/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "");

/**
 * Files are opened together, a folder alone. Which path is a folder only the backend can see: a
 * single one without the ending of a file is taken for one, and the backend judges.
 */
export function dropOf(paths: string[]): Drop {
  const [only = ""] = paths;
  const strangers = paths.filter((path) => !isFile(path)).map(lastPart);
  if (paths.length === 1 && strangers.length === 1) {
    const title = `Open the workspace folder ${lastPart(only)}`;
    return { title, lines: [], target: { kind: "workspace", path: only } };
  }
  if (strangers.length > 0) {
    const lines = [
      `Not a file of twins and models: ${some(strangers).join(", ")}`,
      `Their names end in ${endings}. A workspace folder is opened alone.`,
    ];
    return { title: "These cannot be opened together", lines, target: null };
  }
  const names = paths.map(lastPart);
  const title = names.length === 1 ? `Open ${names[0]}` : `Open ${names.length} files together`;
  const lines = names.length === 1 ? [] : some(names);
  return { title, lines, target: { kind: "files", paths } };
}

const some = (names: string[]): string[] =>
  names.length <= mostNames
    ? names
    : [...names.slice(0, mostNames - 1), `and ${names.length - mostNames + 1} more`];
