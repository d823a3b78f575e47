import type { TopologyNote } from "../wire/TopologyNote";
import { type Draft, fileOf, idOf, type NodeName, nameOf, own, partNames } from "./draft";

/** A sentence about a part, placed. */
export interface Problem {
  /** The node that it is about; `null`: the topology as a whole. */
  node: string | null;
  /** The field of the node, as a path without its beginning: `map/0/from`. */
  field: string;
  /** Of a function's text: the line, from 1. */
  line: number | null;
  message: string;
  /** Whether it keeps the topology from being deployed. */
  refused: boolean;
}

const plainStep = (step: string): string => step.replaceAll("~1", "/").replaceAll("~0", "~");

/** What the backend said of a draft, and what is not wired yet. */
export function problemsOf(
  draft: Draft,
  problems: readonly TopologyNote[],
  warnings: readonly TopologyNote[],
): Problem[] {
  const open = unwired(draft);
  const known = new Set(open.map(({ node, field }) => `${node}/${field}`));
  const said = [
    ...problems.map((note) => placed(draft, note, true)),
    ...warnings.map((note) => placed(draft, note, false)),
  ];
  // What is empty because it is not wired yet is said once, and in a person's words.
  return [...open, ...said.filter(({ node, field }) => !known.has(`${node}/${field}`))];
}

function placed(draft: Draft, { path, message }: TopologyNote, refused: boolean): Problem {
  const steps = path.split("/").slice(1).map(plainStep);
  const node = steps.length > 1 ? nameOf(`${steps[0]}/${steps[1]}`) : null;
  if (path.startsWith("/") && node) {
    const field = steps.slice(2).join("/");
    const inText = ofText(draft, node, message);
    return { node: idOf(node.part, node.name), field, line: null, message, ...inText, refused };
  }
  for (const [name, spec] of Object.entries(draft.parts.functions)) {
    const file = fileOf(name, spec);
    if (file === null || !path.startsWith(file)) continue;
    const line = /\d+/.exec(path.slice(file.length))?.[0];
    const at = line === undefined ? null : Number(line);
    return { node: idOf("functions", name), field: "text", line: at, message, refused };
  }
  return { node: null, field: path, line: null, message, refused };
}

/** A sentence that begins with a function's file, and the line in it, is about its text. */
function ofText(draft: Draft, { part, name }: NodeName, message: string): Partial<Problem> {
  const spec = part === "functions" ? own(draft.parts.functions, name) : undefined;
  const file = spec ? fileOf(name, spec) : null;
  if (file === null || !message.startsWith(file)) return {};
  const found = /^(?:, line (\d+)(?:, column \d+)?)?: /.exec(message.slice(file.length));
  if (!found) return {};
  const line = found[1] === undefined ? null : Number(found[1]);
  return { field: "text", line, message: message.slice(file.length + found[0].length) };
}

/** What leads nowhere yet. */
function unwired({ parts }: Draft): Problem[] {
  const open = (node: string, field: string, message: string): Problem => ({
    node,
    field,
    line: null,
    message,
    refused: true,
  });
  return partNames.flatMap((part) =>
    Object.entries(parts[part]).flatMap(([name, spec]) => {
      const id = idOf(part, name);
      const found: Problem[] = [];
      if ("function" in spec && spec.function === "") {
        found.push(open(id, "function", "Wire it to a function."));
      }
      if ("endpoint" in spec && spec.endpoint === "") {
        const message =
          part === "routes"
            ? "Wire it to an endpoint."
            : "Put it on an endpoint, or wire one to it.";
        found.push(open(id, "endpoint", message));
      }
      if ("sink" in spec && spec.sink === "") found.push(open(id, "sink", "Wire it to a sink."));
      return found;
    }),
  );
}

/** The problems of each node, the refusing ones first. */
export function byNode(problems: readonly Problem[]): ReadonlyMap<string, readonly Problem[]> {
  const map = new Map<string, Problem[]>();
  for (const problem of problems) {
    if (problem.node === null) continue;
    const list = map.get(problem.node) ?? [];
    list.push(problem);
    map.set(problem.node, list);
  }
  for (const list of map.values()) list.sort((a, b) => Number(b.refused) - Number(a.refused));
  return map;
}
