import { type Lit, maskOf } from "../graph/lit";
import { Cell, Signal } from "../store/cell";
import type { Instance } from "../store/instance";
import type { Selection } from "../store/selection";
import type { MatchMessage } from "../wire/MatchMessage";

/** Whose matches lie over the graph. */
export type LitBy = "query" | "filter";

/** What is matched, and by whom. */
export interface Overlaid extends Lit {
  by: LitBy;
  twinCount: number;
  edgeCount: number;
}

const sameOverlay = (one: Overlaid, other: Overlaid): boolean =>
  one.by === other.by &&
  one.hides === other.hides &&
  sameMask(one.twins, other.twins) &&
  sameMask(one.edges, other.edges);

const sameMask = (one: Uint8Array | null, other: Uint8Array | null): boolean =>
  one === other ||
  (one !== null &&
    other !== null &&
    one.length === other.length &&
    one.every((is, at) => is === other[at]));

/** The one overlay of the graph: what a query or the filter matches stands out. */
export class Overlay {
  readonly lit = new Cell<Overlaid | null>(null);
  /** The matches are to be shown as large as they go. */
  readonly fitted = new Signal<void>();

  constructor(
    private readonly instance: Instance,
    private readonly selection: Selection,
  ) {
    let session = instance.graph.session;
    instance.graphChanged.on(() => {
      if (session !== instance.graph.session) this.clear();
      session = instance.graph.session;
    });
  }

  /** Lays matches over the graph, in place of those before. */
  show(by: LitBy, message: MatchMessage, hides = false): void {
    const { graph } = this.instance;
    if (message.head.session !== graph.session) return;
    const { twinRow, edgeRow } = message;
    const next = {
      by,
      hides,
      twins: maskOf(twinRow, graph.rows.count),
      edges: edgeRow.length > 0 ? maskOf(edgeRow, graph.edges.count) : null,
      twinCount: twinRow.length,
      edgeCount: edgeRow.length,
    };
    // The same matches again would only have everything drawn anew.
    const now = this.lit.get();
    if (!now || !sameOverlay(now, next)) this.lit.set(next);
  }

  /** Takes the overlay away; answers whether there was one. */
  clear(by: LitBy | null = null): boolean {
    const now = this.lit.get();
    if (now === null || (by !== null && now.by !== by)) return false;
    this.lit.set(null);
    return true;
  }

  /** Selects what is matched. */
  select(): void {
    const lit = this.lit.get();
    if (!lit) return;
    const { ids } = this.instance.graph.rows;
    this.selection.gather(
      ids.filter((_, row) => lit.twins[row] === 1),
      false,
    );
  }
}
