import type { GraphMessage } from "../wire/GraphMessage";
import type { MatchMessage } from "../wire/MatchMessage";
import type { PropertyMessage } from "../wire/PropertyMessage";
import type { Request } from "../wire/Request";
import type { Response } from "../wire/Response";

/** An answer: most are JSON, large ones are columns. */
export type Answer =
  | Response
  | ({ type: "graph" } & GraphMessage)
  | ({ type: "property" } & PropertyMessage)
  | ({ type: "matches" } & MatchMessage);

/** Files and folders dragged over the window, with their paths. */
export type DragEvent = { kind: "left" } | { kind: "over" | "dropped"; paths: string[] };

/** Everything that the page needs of the machine that it runs on. The only door to the backend. */
export interface Host {
  call(request: Request): Promise<Answer>;
  /** Lets the user pick a folder; `null` where they changed their mind. */
  pickFolder(title: string): Promise<string | null>;
  /** Lets the user pick a file; `null` where they changed their mind. */
  pickFile(title: string, extensions: string[]): Promise<string | null>;
  /** Lets the user say where a file goes; `null` where they changed their mind. */
  pickSave(title: string, name: string, extension: string): Promise<string | null>;
  /** Lets the user pick several files; `null` where they changed their mind. */
  pickFiles(title: string, extensions: string[]): Promise<string[] | null>;
  /** Tells of files and folders that are dragged over the window, left again, or dropped on it. */
  onDrag(listener: (event: DragEvent) => void): void;
}
