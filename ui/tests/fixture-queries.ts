import type { Answer } from "../src/host/host";
import type { QueryPiece } from "../src/wire/QueryPiece";
import type { QueryRow } from "../src/wire/QueryRow";
import type { QueryRun } from "../src/wire/QueryRun";
import type { QueryText } from "../src/wire/QueryText";
import type { Request } from "../src/wire/Request";
import { type FixtureTwin, kinds } from "./fixture-building";

const pageRows = 1000;
const keywords = /^(SELECT|FROM|WHERE|AND|OR|NOT|JOIN|MATCH|RELATED|TOP)$/i;
const pieces =
  /(?<text>'[^']*')|(?<function>\b(?:IS_OF_MODEL|COUNT|TOP|STARTSWITH)\b)|(?<number>\b\d[\d.]*)|(?<word>[$\w]+)|(?<mark>[^\s])/g;

interface Played extends QueryRun {
  text: string;
  found: QueryRow[];
  ids: string[];
  revision: number;
}

/** What of the played backend the queries need. */
interface Graph {
  session: number;
  twins: ReadonlyMap<string, FixtureTwin>;
}

/**
 * Plays queries over the fixture: enough of the language for what is looked at and tested here.
 * A query of TOP(100000) has so many rows.
 */
export class FixtureQueries {
  saved: Record<string, string> = {};
  exported: string[] = [];
  /** What was asked to run. */
  asked: Extract<Request, { type: "runQuery" }>[] = [];
  /** Whether an export goes on until it is cancelled. */
  slow = false;
  /** Whether the instance no longer answers. */
  lost = false;
  private readonly runs = new Map<number, Played>();

  constructor(private readonly graph: Graph) {}

  answer(request: Request): Answer | null {
    switch (request.type) {
      case "queryText":
        return { type: "queryText", ...describe(request.text) };
      case "queryOffers":
        return { type: "queryOffers", ...offer(request.text.slice(0, request.at)) };
      case "sampleQueries":
        return { type: "sampleQueries", queries: this.graph.twins.size > 0 ? samples : [] };
      case "runQuery":
        this.asked.push(request);
        return this.run(request);
      case "queryRun": {
        const run = this.runs.get(request.run);
        if (run?.export?.running) run.export.rows += 1000;
        return run ? { type: "queryRun", ...run } : notThere;
      }
      case "stopQuery":
        return { type: "accepted" };
      case "forgetQuery":
        this.runs.delete(request.run);
        return { type: "accepted" };
      case "stopExport": {
        const written = this.runs.get(request.run)?.export;
        const failure = { code: "Cancelled", message: "The query was cancelled.", details: [] };
        if (written?.running) Object.assign(written, { running: false, failure });
        return { type: "accepted" };
      }
      case "queryRows": {
        const run = this.runs.get(request.run);
        if (!run) return notThere;
        const end = (request.page + 1) * pageRows;
        const rows = run.found.slice(end - pageRows, end);
        return { type: "queryRows", rows, more: end < run.found.length };
      }
      case "queryChanges":
        return this.changes(request.run, request.since);
      case "queryMatches":
        return this.matches(this.runs.get(request.run)?.ids ?? []);
      case "matchTwins":
        return this.filter(request.text);
      case "exportQuery": {
        const run = this.runs.get(request.run);
        this.exported.push(request.path);
        if (run) {
          const { path } = request;
          const rows = this.slow ? 0 : run.rows;
          run.export = { path, rows, running: this.slow, failure: null };
        }
        return { type: "accepted" };
      }
      case "saveQuery":
        if (request.text === null) delete this.saved[request.name];
        else this.saved[request.name] = request.text;
        return { type: "savedQueries", queries: { ...this.saved } };
      case "savedQueries":
        return { type: "savedQueries", queries: { ...this.saved } };
      default:
        return null;
    }
  }

  /** How many runs have their rows yet. */
  get kept(): number {
    return this.runs.size;
  }

  private run({ text, live, on }: Extract<Request, { type: "runQuery" }>): Answer {
    const problem = describe(text).problems.find(({ refused }) => refused);
    if (problem) {
      return { type: "failed", code: "SqlQueryError", message: problem.message, details: [] };
    }
    const found = this.find(text);
    const run: Played = {
      run: this.asked.length,
      on,
      live,
      running: false,
      failure: null,
      rows: found.length,
      complete: true,
      millis: 3.2,
      scanned: live ? null : this.graph.twins.size,
      charge: on === "service" ? 12.5 : null,
      steps: [{ what: "list T by model: 24", estimated: 24, reached: found.length }],
      columns: live ? [] : ["temperature"],
      columnsMade: [],
      twins: found.length,
      relationships: 0,
      export: null,
      text,
      found,
      ids: [...new Set(found.flatMap((row) => row.twins))],
      revision: 1,
    };
    if (/COUNT\(\)/i.test(text)) {
      run.found = [{ id: 0, twins: [], value: { COUNT: found.length } }];
      Object.assign(run, { rows: 1, twins: 0, ids: [] });
    }
    this.runs.set(run.run, run);
    return { type: "queryRun", ...run };
  }

  private find(text: string): QueryRow[] {
    const model = /IS_OF_MODEL\(\w*,?\s*'([^']+)'/.exec(text)?.[1];
    const [, property, than] = /\.(\w+)\s*>\s*([\d.]+)/.exec(text) ?? [];
    const matching = [...this.graph.twins.values()].filter(
      (twin) =>
        (model === undefined || kinds[twin.kind]?.model === model) &&
        (property === undefined || Number(propertyOf(twin, property)) > Number(than)),
    );
    const rows = matching.map((twin, id) => ({ id, twins: [twin.id], value: documentOf(twin) }));
    if (!text.includes("TOP(100000)")) return rows;
    return Array.from({ length: 100_000 }, (_, id) => {
      const row = rows[id % rows.length] as QueryRow;
      return { ...row, id, value: { ...row.value, number: id } };
    });
  }

  private changes(number: number, since: number | null): Answer {
    const run = this.runs.get(number);
    if (!run || this.lost) return notThere;
    const now = this.find(run.text);
    const idOf = (row: QueryRow) => row.twins[0] ?? "";
    const before = new Map(run.found.map((row) => [idOf(row), row]));
    const told = now.map((row) => ({ ...row, id: rowNumber(idOf(row)) }));
    const there = new Set(told.map(idOf));
    const differs = (row: QueryRow) =>
      JSON.stringify(before.get(idOf(row))?.value) !== JSON.stringify(row.value);
    run.found = told;
    Object.assign(run, { rows: told.length, twins: told.length, ids: [...there] });
    const shared = { type: "queryChanges", revision: 1 } as const;
    if (since === null) {
      return { ...shared, startOver: true, came: told, went: [], changed: [] };
    }
    return {
      ...shared,
      startOver: false,
      came: told.filter((row) => !before.has(idOf(row))),
      went: [...before.keys()].filter((id) => !there.has(id)).map(rowNumber),
      changed: told.filter((row) => before.has(idOf(row)) && differs(row)),
    };
  }

  private filter(text: string): Answer {
    const condition = /[<>=(]/.test(text);
    const ids = condition
      ? this.find(`T.${text}`).flatMap((row) => row.twins)
      : [...this.graph.twins.keys()].filter((id) => id.toLowerCase().includes(text.toLowerCase()));
    return this.matches(ids, condition);
  }

  private matches(ids: readonly string[], condition = false): Answer {
    const rowOf = new Map([...this.graph.twins.keys()].map((id, row) => [id, row]));
    return {
      type: "matches",
      head: { session: this.graph.session, condition, problem: null },
      twinRow: Uint32Array.from(ids.flatMap((id) => rowOf.get(id) ?? [])),
      edgeRow: new Uint32Array(0),
    };
  }
}

const notThere: Answer = {
  type: "failed",
  code: "NotThere",
  message: "These rows are no longer kept. Run the query again.",
  details: [],
};

/** The same number for the same twin. */
const rowNumber = (id: string): number =>
  [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_000_003, 7);

const propertyOf = (twin: FixtureTwin, name: string): unknown =>
  twin.properties.find((property) => property.name === name)?.value;

function documentOf(twin: FixtureTwin): Record<string, unknown> {
  const set = twin.properties.filter((property) => property.set);
  return {
    $dtId: twin.id,
    $etag: `W/"${twin.version}"`,
    $metadata: { $model: kinds[twin.kind]?.model },
    ...Object.fromEntries(set.map(({ name, value }) => [name, value])),
  };
}

function describe(text: string): QueryText {
  const found: QueryPiece[] = [];
  for (const { 0: whole, index, groups } of text.matchAll(pieces)) {
    const kind = groups?.text
      ? whole.startsWith("'dtmi")
        ? "modelId"
        : "text"
      : groups?.function
        ? "function"
        : groups?.number
          ? "number"
          : groups?.mark
            ? "mark"
            : keywords.test(whole)
              ? "keyword"
              : text[index - 1] === "."
                ? "property"
                : "alias";
    found.push({ from: index, to: index + whole.length, kind });
  }
  const end = text.length;
  const problems =
    text.trim() === "" || /FROM\s+\w+/i.test(text)
      ? []
      : [
          {
            from: end,
            to: end,
            refused: true,
            message: "FROM is missing: say what to look at, as in FROM DIGITALTWINS.",
          },
        ];
  const wrong = text.indexOf("temprature");
  if (wrong >= 0) {
    const message = "No model has a property temprature. Names are case-sensitive.";
    problems.push({ from: wrong, to: wrong + 10, refused: false, message });
  }
  return { pieces: found, problems };
}

function offer(before: string) {
  const written = /[$\w]*$/.exec(before)?.[0] ?? "";
  const all = [
    { text: "$dtId", kind: "property", detail: "" },
    { text: "currentTemp", kind: "property", detail: "double" },
    { text: "humidity", kind: "property", detail: "double" },
    { text: "temperature", kind: "property", detail: "double" },
    { text: "WHERE", kind: "keyword", detail: "" },
    { text: "IS_OF_MODEL", kind: "function", detail: "" },
  ] as const;
  const items = all.filter(({ text }) => text.toLowerCase().startsWith(written.toLowerCase()));
  return { from: before.length - written.length, items: [...items] };
}

const samples = [
  {
    title: "Every Room",
    text: "SELECT * FROM DIGITALTWINS T\nWHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')",
  },
  {
    title: "Thermostat above 21.6, by temperature",
    text: "SELECT T.$dtId, T.temperature FROM DIGITALTWINS T\nWHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Thermostat;1') AND T.temperature > 21.6",
  },
  {
    title: "What Room_01 has by rel_has_thermostat",
    text: "SELECT A, B FROM DIGITALTWINS\nMATCH (A)-[R:rel_has_thermostat]->(B)\nWHERE A.$dtId = 'Room_01'",
  },
];
