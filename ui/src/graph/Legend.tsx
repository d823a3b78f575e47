import { Eye, EyeOff, SquareDashed } from "lucide-react";
import { Tooltip } from "../look/Controls";
import { count } from "../look/format";
import { ShapeIcon } from "../look/ShapeIcon";
import { useCell, usePart } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import type { RelationshipName } from "../wire/RelationshipName";
import { ScaleKey } from "./ScaleKey";
import type { Scene } from "./scene";
import type { GraphSurface } from "./surface";

/** What the shapes, lines and colours mean, and how many there are of each. */
export function Legend({ surface }: { surface: GraphSurface }) {
  const { graph } = usePage().instance;
  useGraphChanges(200, (change) => change.structure);
  const scene = useCell(surface.scene);
  if (!scene || graph.size === 0) return null;
  return (
    <>
      <ScaleKey surface={surface} />
      <section className="card" aria-label="Legend">
        <header className="card-head">
          <h3>Twins</h3>
          <span className="number">{count(graph.size)}</span>
        </header>
        {graph.kindsInOrder().map((kind) => (
          <Tooltip key={kind.model} text={<span className="mono">{kind.model}</span>}>
            <div className="legend-row">
              <ShapeIcon mark={kind.shape} size={16} />
              <span className="ellipsis">{kind.name}</span>
              <span className="number secondary">{count(kind.count)}</span>
            </div>
          </Tooltip>
        ))}
        {graph.relationshipNames.length > 0 && (
          <header className="card-head divided">
            <h3>Relationships</h3>
            <span className="number">{count(graph.relationshipCount)}</span>
          </header>
        )}
        {graph.relationshipNames.map((name) => (
          <NameRow key={name.name} name={name} framed={allFramed(scene, name.name)} />
        ))}
      </section>
    </>
  );
}

/** Whether frames show every relationship of a name, so that none is a line. */
function allFramed(scene: Scene, name: string): boolean {
  const number = scene.names.indexOf(name);
  return scene.name.every((of, edge) => of !== number || scene.framed[edge] === 1);
}

function NameRow({ name, framed }: { name: RelationshipName; framed: boolean }) {
  const page = usePage();
  const hiddenNames = usePart(page.preferences, (preferences) => preferences.hiddenNames);
  const number = <span className="number secondary">{count(name.count)}</span>;
  if (framed) {
    return (
      <Tooltip text="Drawn as frames around what is contained">
        <div className="legend-row">
          <SquareDashed size={16} aria-hidden />
          <span className="ellipsis">{name.name}</span>
          {number}
        </div>
      </Tooltip>
    );
  }
  const hidden = hiddenNames.includes(name.name);
  const toggle = () =>
    page.prefer({
      hiddenNames: hidden
        ? hiddenNames.filter((other) => other !== name.name)
        : [...hiddenNames, name.name],
    });
  return (
    <Tooltip
      text={hidden ? "Hidden, but for those of the selected twin. Show all" : "Hide on the drawing"}
    >
      <button
        type="button"
        className="legend-row"
        aria-pressed={!hidden}
        aria-label={`Show ${name.name}`}
        onClick={toggle}
      >
        {hidden ? <EyeOff size={16} aria-hidden /> : <Eye size={16} aria-hidden />}
        <span className="ellipsis">{name.name}</span>
        {number}
      </button>
    </Tooltip>
  );
}
