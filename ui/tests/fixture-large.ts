import type { SceneFrame } from "../src/graph/scene";
import type { Answer } from "../src/host/host";
import { noRow } from "../src/store/rows";
import type { GraphMessage } from "../src/wire/GraphMessage";
import type { Request } from "../src/wire/Request";
import { building, kinds, network, randomOf } from "./drawing/graphs";
import { FixtureHost } from "./fixture-host";
import { graphMessage } from "./graph-message";

/** As the layout would have it: a frame around all houses, of the first twin. */
function campusOf(frames: SceneFrame[]): SceneFrame[] {
  if (frames.length === 0) return [];
  const left = Math.min(...frames.map(({ x }) => x)) - 160;
  const top = Math.min(...frames.map(({ y }) => y)) - 240;
  const width = Math.max(...frames.map((frame) => frame.x + frame.width)) + 160 - left;
  const height = Math.max(...frames.map((frame) => frame.y + frame.height)) + 160 - top;
  return [{ x: left, y: top, width, height, twin: 0, outer: true }];
}

/** The played backend with a large graph, of which so many values change in a second. */
export class LargeHost extends FixtureHost {
  private readonly basis;
  private readonly withValue: number[];
  private readonly random = randomOf(3);
  private revision = 1;
  private changed = performance.now();

  constructor(
    graph: "building" | "network",
    count: number,
    private readonly changesPerSecond: number,
  ) {
    super();
    this.basis = graph === "building" ? building(count) : network(count);
    const { own } = this.basis;
    this.withValue = [...own.keys()].filter((row) => !Number.isNaN(own[row]));
  }

  override async call(request: Request): Promise<Answer> {
    const answer = await super.call(request);
    if (request.type === "graph") {
      return { type: "graph", ...(request.since === null ? this.all() : this.changes()) };
    }
    if (!("type" in answer) || answer.type !== "status") return answer;
    const { ids, source } = this.basis;
    return {
      ...answer,
      twins: ids.length,
      relationships: source.length,
      eventsPerSecond: this.changesPerSecond * 1.5,
    };
  }

  private all(): GraphMessage {
    const { ids, kind, parent, x, y, own, source, target, name, names, frames } = this.basis;
    const counts = (of: ArrayLike<number>, number: number) =>
      Array.from(of).reduce((sum, each) => sum + (each === number ? 1 : 0), 0);
    return graphMessage({
      session: this.session,
      revision: this.revision,
      startOver: true,
      kinds: kinds.map((each, number) => ({
        ...each,
        level: kinds.length - number,
        count: counts(kind, number),
      })),
      relationshipNames: names.map((each, number) => ({
        name: each,
        count: counts(name, number),
        contains: each === "contains",
      })),
      twins: ids.map((id, row) => ({
        row,
        id,
        kind: kind[row] ?? 0,
        parent: (parent[row] ?? -1) < 0 ? noRow : (parent[row] ?? noRow),
        x: x[row] ?? 0,
        y: y[row] ?? 0,
        value: own[row] ?? Number.NaN,
      })),
      edges: Array.from(source, (from, row) => ({
        row,
        source: from,
        target: target[row] ?? 0,
        name: name[row] ?? 0,
      })),
      frameList: [...campusOf(frames), ...frames].map(({ twin, ...place }) => ({
        ...place,
        row: twin,
      })),
    });
  }

  /** What has changed since it was asked the last time. */
  private changes(): GraphMessage {
    const now = performance.now();
    const many = Math.floor(((now - this.changed) / 1000) * this.changesPerSecond);
    if (many > 0) this.changed = now;
    const rows = Uint32Array.from({ length: many }, () => {
      const place = Math.floor(this.random() * this.withValue.length);
      return this.withValue[place] ?? 0;
    });
    const message = graphMessage({ session: this.session, revision: ++this.revision });
    return {
      ...message,
      valueRow: rows,
      value: Float64Array.from(rows, () => 18 + this.random() * 7),
      valueUpdated: new Float64Array(many).fill(Date.now()),
    };
  }
}
