import type { GraphMessage } from "../wire/GraphMessage";
import type { Kind } from "../wire/Kind";
import type { RelationshipName } from "../wire/RelationshipName";
import { EdgeRows, free, hidden, noRow, pinned, rowsIn, TwinRows, unplaced } from "./rows";

/** A twin of the drawing, read from its row. */
export interface TwinNode {
  id: string;
  row: number;
  /** Index into `kinds`. */
  kind: number;
  name: string | null;
  x: number;
  y: number;
  pinned: boolean;
  /** The twin that contains it, if one does. */
  parent: string | null;
  value: number | null;
  updated: number;
}

/** A frame around what one twin contains. */
export interface TwinFrame {
  twin: string;
  row: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A twin that changed in place. */
export interface TwinChange {
  id: string;
  before: number | null;
  after: number | null;
}

/** What an answer did to the graph. */
export interface GraphChange {
  /** Everything is another's: another session, or all anew. */
  replaced: boolean;
  /** Twins, relationships, kinds, frames or places came or went. */
  structure: boolean;
  /** Twins that were there before and changed. */
  twins: TwinChange[];
  /** Twins at an end of a relationship that came or went. */
  related: Set<string>;
  /** The message itself, for whoever mirrors the rows. `null`: only what is hidden changed. */
  message: GraphMessage | null;
}

const known = (value: number | undefined): number | null =>
  value === undefined || Number.isNaN(value) ? null : value;

/** The page's copy of the graph: columns, kept by deltas. */
export class TwinGraph {
  session: number | null = null;
  version: number | null = null;
  kinds: Kind[] = [];
  relationshipNames: RelationshipName[] = [];
  frames: TwinFrame[] = [];
  readonly rows = new TwinRows();
  readonly edges = new EdgeRows();
  private readonly rowOfId = new Map<string, number>();
  private edgeCount = 0;
  private isHidden: ((id: string) => boolean) | null = null;

  /** How many twins there are. */
  get size(): number {
    return this.rowOfId.size;
  }

  /** How many relationships there are. */
  get relationshipCount(): number {
    return this.edgeCount;
  }

  rowOf(id: string): number | undefined {
    return this.rowOfId.get(id);
  }

  has(id: string): boolean {
    return this.rowOfId.has(id);
  }

  /** One twin; what it answers does not follow later changes. */
  twin(id: string): TwinNode | undefined {
    const row = this.rowOfId.get(id);
    return row === undefined ? undefined : this.twinAt(row);
  }

  twinAt(row: number): TwinNode | undefined {
    const { rows } = this;
    if (rows.isFree(row)) return undefined;
    const parent = rows.parent[row] ?? noRow;
    return {
      id: rows.ids[row] ?? "",
      row,
      kind: rows.kind[row] ?? 0,
      name: rows.names[row] || null,
      x: rows.place[2 * row] ?? 0,
      y: rows.place[2 * row + 1] ?? 0,
      pinned: ((rows.flags[row] ?? 0) & pinned) !== 0,
      parent: rows.isFree(parent) ? null : (rows.ids[parent] ?? null),
      value: known(rows.value[row]),
      updated: rows.updated[row] ?? 0,
    };
  }

  /** The kinds, as people expect them: what contains most first. */
  kindsInOrder(): Kind[] {
    return this.kinds
      .filter((kind) => kind.count > 0)
      .sort((a, b) => b.level - a.level || a.name.localeCompare(b.name));
  }

  kindOf(twin: TwinNode): Kind | undefined {
    return this.kinds[twin.kind];
  }

  /** Takes an answer over. `null`: it does not follow on what is here, ask for all. */
  apply(message: GraphMessage): GraphChange | null {
    const { head } = message;
    if (head.startOver) this.clear();
    else if (head.session !== this.session) return null;
    this.session = head.session;
    this.version = head.revision;
    this.kinds = head.kinds ?? this.kinds;
    this.relationshipNames = head.relationshipNames ?? this.relationshipNames;
    const change: GraphChange = {
      replaced: head.startOver,
      structure: head.startOver || head.kinds !== null || head.relationshipNames !== null,
      twins: [],
      related: new Set(),
      message,
    };
    this.takeTwins(message, change);
    this.takePlaces(message, change);
    this.takeValues(message, change);
    this.takeEdges(message, change);
    this.takeFrames(message, change);
    return change;
  }

  /** Hides exactly the twins that `isHidden` says, those too that come later. `null`: none. */
  hide(isHidden: ((id: string) => boolean) | null): void {
    this.isHidden = isHidden;
    const { rows } = this;
    for (let row = 0; row < rows.count; row++) {
      const flags = rows.flags[row] ?? free;
      const hide = (flags & free) === 0 && isHidden?.(rows.ids[row] ?? "");
      rows.flags[row] = hide ? flags | hidden : flags & ~hidden;
    }
  }

  /** How many twins are hidden. */
  hiddenCount(): number {
    if (!this.isHidden) return 0;
    const { rows } = this;
    let count = 0;
    for (let row = 0; row < rows.count; row++) if ((rows.flags[row] ?? 0) & hidden) count++;
    return count;
  }

  private clear(): void {
    this.kinds = [];
    this.relationshipNames = [];
    this.frames = [];
    this.rows.clear();
    this.edges.clear();
    this.rowOfId.clear();
    this.edgeCount = 0;
  }

  private takeTwins(message: GraphMessage, change: GraphChange): void {
    const { rows } = this;
    for (const row of message.goneRow) {
      if (rows.isFree(row)) continue;
      this.rowOfId.delete(rows.ids[row] ?? "");
      rows.flags[row] = free | unplaced;
      rows.parent[row] = noRow;
      change.structure = true;
    }
    rows.grow(rowsIn(message.twinRow));
    message.twinRow.forEach((row, at) => {
      const id = message.twinId[at] ?? "";
      rows.ids[row] = id;
      rows.names[row] = message.twinName[at] ?? "";
      rows.kind[row] = message.twinKind[at] ?? 0;
      rows.parent[row] = message.twinParent[at] ?? noRow;
      if (rows.isFree(row)) {
        rows.flags[row] = this.isHidden?.(id) ? unplaced | hidden : unplaced;
        rows.value[row] = Number.NaN;
        rows.updated[row] = Number.NaN;
        this.rowOfId.set(id, row);
      }
      change.structure = true;
    });
  }

  private takePlaces(message: GraphMessage, change: GraphChange): void {
    const { rows } = this;
    message.placeRow.forEach((row, at) => {
      rows.place[2 * row] = message.place[2 * at] ?? 0;
      rows.place[2 * row + 1] = message.place[2 * at + 1] ?? 0;
      const kept = (rows.flags[row] ?? 0) & hidden;
      rows.flags[row] = (message.placeFlags[at] ?? 0) | kept;
      change.structure = true;
    });
  }

  private takeValues(message: GraphMessage, change: GraphChange): void {
    const { rows } = this;
    message.valueRow.forEach((row, at) => {
      const before = rows.value[row] ?? Number.NaN;
      const after = message.value[at] ?? Number.NaN;
      const updated = message.valueUpdated[at] ?? 0;
      const was = rows.updated[row] ?? Number.NaN;
      rows.value[row] = after;
      rows.updated[row] = updated;
      // A new twin is no change in place.
      if (!change.replaced && !Number.isNaN(was) && (was !== updated || !Object.is(before, after)))
        change.twins.push({
          id: rows.ids[row] ?? "",
          before: known(before),
          after: known(after),
        });
    });
  }

  private takeEdges(message: GraphMessage, change: GraphChange): void {
    const { rows, edges } = this;
    const touch = (row: number) => {
      change.structure = true;
      if (change.replaced) return;
      for (const end of [edges.source(row), edges.target(row)]) {
        const id = rows.ids[end];
        if (id !== undefined) change.related.add(id);
      }
    };
    for (const row of message.goneEdgeRow) {
      if (row >= edges.count || edges.source(row) === noRow) continue;
      touch(row);
      edges.ends.fill(noRow, 2 * row, 2 * row + 2);
      this.edgeCount--;
    }
    edges.grow(rowsIn(message.edgeRow));
    message.edgeRow.forEach((row, at) => {
      if (edges.source(row) === noRow) this.edgeCount++;
      else touch(row);
      edges.ends[2 * row] = message.edgeEnds[2 * at] ?? noRow;
      edges.ends[2 * row + 1] = message.edgeEnds[2 * at + 1] ?? noRow;
      edges.name[row] = message.edgeName[at] ?? 0;
      touch(row);
    });
  }

  private takeFrames(message: GraphMessage, change: GraphChange): void {
    if (!message.head.frames) return;
    change.structure = true;
    this.frames = Array.from(message.frameRow, (row, at) => ({
      row,
      twin: this.rows.ids[row] ?? "",
      x: message.framePlace[4 * at] ?? 0,
      y: message.framePlace[4 * at + 1] ?? 0,
      width: message.framePlace[4 * at + 2] ?? 0,
      height: message.framePlace[4 * at + 3] ?? 0,
    }));
  }
}
