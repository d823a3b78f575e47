import { ArrowLeft, ArrowRight } from "lucide-react";
import { count } from "../look/format";
import { ShapeIcon } from "../look/ShapeIcon";
import { usePage } from "../store/usePage";
import type { TwinDetail } from "../wire/TwinDetail";

/** Relationships in and out; a click goes to the twin at the other end. */
export function Relations({ twin }: { twin: TwinDetail }) {
  const page = usePage();
  const shapes = new Map(page.instance.graph.kinds.map((kind) => [kind.model, kind.shape]));
  const { relations, relationsTotal } = twin;
  const inOrder = [...relations].sort(
    (a, b) => Number(a.outgoing) - Number(b.outgoing) || a.name.localeCompare(b.name),
  );
  return (
    <div className="inspector-part">
      <header className="section-head">
        <h3>Relationships</h3>
        <span className="number">
          {relations.length < relationsTotal
            ? `${count(relations.length)} of ${count(relationsTotal)}`
            : count(relationsTotal)}
        </span>
      </header>
      {relationsTotal === 0 && <p className="hint">Nothing is related to {twin.id}.</p>}
      {inOrder.map((relation) => {
        const Arrow = relation.outgoing ? ArrowRight : ArrowLeft;
        return (
          <button
            key={`${relation.key} ${relation.outgoing}`}
            type="button"
            className="relation"
            data-testid="relation"
            data-twin={relation.twin}
            aria-label={`${relation.name} ${relation.outgoing ? "to" : "from"} ${relation.twin}`}
            onClick={() => page.reveal(relation.twin)}
          >
            <Arrow size={14} aria-hidden />
            <span className="mono relation-name ellipsis" title={relation.name}>
              {relation.name}
            </span>
            <ShapeIcon mark={shapes.get(relation.model) ?? "circle"} />
            <span className="mono ellipsis" title={relation.twin}>
              {relation.twin}
            </span>
          </button>
        );
      })}
    </div>
  );
}
