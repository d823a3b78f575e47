import type { Topology } from "../wire/Topology";
import { type Draft, draftOf, partNames, topologyOf } from "./draft";

interface Mistake {
  line: number;
  message: string;
  refused: true;
}

type Read = { topology: Topology; draft: (before: Draft) => Draft } | { mistake: Mistake };

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The kinds that can be drawn; what else is wrong the backend says. */
const kinds: Partial<Record<(typeof partNames)[number], readonly string[]>> = {
  sources: ["simulatedThermostats", "iotHub", "http", "mqtt", "eventHub"],
  functions: ["ingest", "propagateToParent", "toTimeSeries", "rhai", "webhook"],
  endpoints: ["eventGrid", "eventHub", "serviceBus"],
  endpoints2019: ["eventGrid", "eventHub", "serviceBus"],
  sinks: ["eventHub"],
};

/** Lists and texts without which a part cannot be drawn. */
const needed: Record<string, "list" | "text"> = {
  "sources simulatedThermostats devices": "list",
  "sources iotHub devices": "list",
  "sources mqtt topics": "list",
  "functions ingest map": "list",
  "endpoints2019 eventGrid eventTypes": "list",
  "endpoints2019 eventHub eventTypes": "list",
  "endpoints2019 serviceBus eventTypes": "list",
  "routes  filter": "text",
  "routes  endpoint": "text",
  "subscriptions  endpoint": "text",
  "subscriptions  function": "text",
};

/** Reads a text as a topology that can be drawn, or says what is wrong with it and where. */
export function readTopology(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    return { mistake: notJson(text, thrown) };
  }
  const lines = pathsOf(text);
  const wrong = (path: string, message: string): Read => ({
    mistake: { line: lines(path), message, refused: true },
  });
  if (!isFields(value)) return wrong("", "A topology is an object.");
  for (const name of Object.keys(value)) {
    if (name === "$schema" || partNames.some((part) => part === name)) continue;
    return wrong(name, `There is no part “${name}”. The parts are ${partNames.join(", ")}.`);
  }
  for (const part of partNames) {
    const specs = value[part] ?? {};
    if (!isFields(specs)) return wrong(part, `“${part}” is an object, with a name for each.`);
    for (const [name, spec] of Object.entries(specs)) {
      const path = `${part}/${name}`;
      if (!isFields(spec)) return wrong(path, `“${name}” is an object.`);
      const known = kinds[part];
      const kind = typeof spec.kind === "string" ? spec.kind : "";
      if (known && !known.includes(kind)) {
        return wrong(`${path}/kind`, `“kind” of “${name}” is one of ${known.join(", ")}.`);
      }
      for (const [key, is] of Object.entries(needed)) {
        const [of, needs, field = ""] = key.split(" ");
        if (of !== part || (needs !== "" && needs !== kind)) continue;
        const fine = is === "list" ? Array.isArray(spec[field]) : typeof spec[field] === "string";
        if (!fine) return wrong(path, `“${name}” needs “${field}”, a ${is}.`);
      }
    }
  }
  const read = value as Topology;
  const withAll = (draft: Draft): Draft => ({ ...draftOf(read, draft.files) });
  return { topology: topologyOf(draftOf(read, {})), draft: withAll };
}

const plainList =
  /\[\n\s+((?:"(?:[^"\\]|\\.)*"|[\d.-]+)(?:,\n\s+(?:"(?:[^"\\]|\\.)*"|[\d.-]+))*)\n(\s*)\]/g;
const widest = 96;

/** A topology as a person writes it: lists of names fill their lines. */
export function writeTopology(topology: Topology): string {
  return JSON.stringify(topology, null, 2).replace(plainList, (_, list: string, indent: string) => {
    const items = list.split(/,\n\s+/);
    const short = `[${items.join(", ")}]`;
    if (indent.length + short.length <= widest - 16) return short;
    const lines: string[] = [];
    for (const item of items) {
      const last = lines.at(-1);
      if (last !== undefined && indent.length + last.length + item.length + 4 <= widest) {
        lines[lines.length - 1] = `${last} ${item},`;
      } else lines.push(`${item},`);
    }
    return `[\n${indent}  ${lines.join(`\n${indent}  `).replace(/,$/, "")}\n${indent}]`;
  });
}

function notJson(text: string, thrown: unknown): Mistake {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  // Browsers say the place in different words; where there is none it is the end.
  const position = /position (\d+)/.exec(said)?.[1];
  const line = /line (\d+)/.exec(said)?.[1];
  const before = position === undefined ? text : text.slice(0, Number(position));
  const at = line === undefined ? before.split("\n").length : Number(line);
  return { line: at, message: `This is not JSON yet: ${said}.`, refused: true };
}

/** Answers the line of a path's name in a JSON text that is indented, or of what holds it. */
export function pathsOf(text: string): (path: string) => number {
  const lines = text.split("\n");
  return (path) => {
    let [at, depth] = [0, 0];
    for (const step of path.split("/")) {
      if (step === "") continue;
      const name = JSON.stringify(step);
      const indent = depth;
      const found = lines.findIndex((line, index) => {
        if (index < at) return false;
        const trimmed = line.trimStart();
        return trimmed.startsWith(name) && line.length - trimmed.length >= indent;
      });
      if (found < 0) break;
      at = found;
      depth = (lines[found] ?? "").length - (lines[found] ?? "").trimStart().length + 1;
    }
    return at + 1;
  };
}
