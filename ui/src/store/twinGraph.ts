import type { Frame } from "../wire/Frame";
import type { GraphDelta } from "../wire/GraphDelta";
import type { Kind } from "../wire/Kind";
import type { RelationshipEdge } from "../wire/RelationshipEdge";
import type { RelationshipName } from "../wire/RelationshipName";
import type { TwinNode } from "../wire/TwinNode";

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
}

/** The page's copy of the graph, kept by deltas. */
export class TwinGraph {
  session: number | null = null;
  version: number | null = null;
  kinds: Kind[] = [];
  relationshipNames: RelationshipName[] = [];
  frames: Frame[] = [];
  readonly twins = new Map<string, TwinNode>();
  readonly relationships = new Map<string, RelationshipEdge>();

  /** Takes an answer over. `null`: it does not follow on what is here, ask for all. */
  apply(delta: GraphDelta): GraphChange | null {
    if (delta.startOver) this.clear();
    else if (delta.session !== this.session) return null;
    this.session = delta.session;
    this.version = delta.version;
    const lists = this.takeLists(delta);
    const change: GraphChange = {
      replaced: delta.startOver,
      structure: delta.startOver || lists,
      twins: [],
      related: new Set(),
    };
    this.takeTwins(delta, change);
    this.takeRelationships(delta, change);
    return change;
  }

  kindOf(twin: TwinNode): Kind | undefined {
    return this.kinds[twin.kind];
  }

  private clear(): void {
    this.kinds = [];
    this.relationshipNames = [];
    this.frames = [];
    this.twins.clear();
    this.relationships.clear();
  }

  private takeLists(delta: GraphDelta): boolean {
    this.kinds = delta.kinds ?? this.kinds;
    this.relationshipNames = delta.relationshipNames ?? this.relationshipNames;
    this.frames = delta.frames ?? this.frames;
    return delta.kinds !== null || delta.relationshipNames !== null || delta.frames !== null;
  }

  private takeTwins(delta: GraphDelta, change: GraphChange): void {
    for (const id of delta.removedTwins) {
      if (this.twins.delete(id)) change.structure = true;
    }
    for (const twin of delta.twins) {
      const known = this.twins.get(twin.id);
      this.twins.set(twin.id, twin);
      if (!known || moved(known, twin)) change.structure = true;
      if (known && (known.value !== twin.value || known.updated !== twin.updated)) {
        change.twins.push({ id: twin.id, before: known.value, after: twin.value });
      }
    }
  }

  private takeRelationships(delta: GraphDelta, change: GraphChange): void {
    const touch = (edge: RelationshipEdge) => {
      change.structure = true;
      change.related.add(edge.source).add(edge.target);
    };
    for (const key of delta.removedRelationships) {
      const edge = this.relationships.get(key);
      if (edge) touch(edge);
      this.relationships.delete(key);
    }
    for (const edge of delta.relationships) {
      this.relationships.set(edge.key, edge);
      touch(edge);
    }
  }
}

const moved = (a: TwinNode, b: TwinNode): boolean =>
  a.x !== b.x ||
  a.y !== b.y ||
  a.kind !== b.kind ||
  a.parent !== b.parent ||
  a.pinned !== b.pinned ||
  a.name !== b.name;
