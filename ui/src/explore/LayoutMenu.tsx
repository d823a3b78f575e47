import { CircleStop, LayoutDashboard, SquareDashed } from "lucide-react";
import { IconButton } from "../look/Controls";
import { count } from "../look/format";
import { Menu } from "../look/Menu";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import type { LayoutMethod } from "../wire/LayoutMethod";

const methods: { value: LayoutMethod; label: string }[] = [
  { value: "auto", label: "Automatic" },
  { value: "hierarchy", label: "Hierarchy" },
  { value: "force", label: "Force" },
  { value: "layered", label: "Layers" },
  { value: "radial", label: "Rings" },
  { value: "byModel", label: "By model" },
  { value: "floorPlan", label: "Floor plan" },
];

/** How the graph is laid out, what contains in it, and how far a layout under way is. */
export function LayoutMenu() {
  const { explore } = usePage();
  const method = useCell(explore.method);
  const contains = useCell(explore.contains);
  const hasFloorPlan = useCell(explore.hasFloorPlan);
  const offered = methods.filter(
    ({ value }) => value !== "floorPlan" || hasFloorPlan || method === "floorPlan",
  );
  return (
    <>
      <Arranging />
      <label className="explore-layout">
        <LayoutDashboard className="word" size={16} aria-hidden />
        <span className="secondary word">Layout</span>
        <select
          className="input"
          data-testid="layout-method"
          aria-label="Layout"
          value={method}
          onFocus={() => void explore.refresh()}
          onChange={(event) => void explore.arrange(event.target.value as LayoutMethod, contains)}
        >
          {offered.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <ContainsMenu />
    </>
  );
}

/** How far a layout is that goes on for longer, and the way to end it. */
function Arranging() {
  const { explore, instance } = usePage();
  const done = useCell(instance.arranging);
  if (!done) return null;
  return (
    <span className="explore-layout" data-testid="arranging">
      <span className="secondary number">
        <span className="word">Laying out </span>
        {Math.round(done * 100)}%
      </span>
      <progress className="thin-progress" value={done} aria-label="Laying out" />
      <IconButton
        icon={CircleStop}
        label="Stop here: everything stays where it is"
        onClick={() => void explore.stopArranging()}
      />
    </span>
  );
}

/** Which relationships contain: found in the graph, or chosen. */
function ContainsMenu() {
  const { explore, instance } = usePage();
  useGraphChanges(500, (change) => change.structure);
  const method = useCell(explore.method);
  const chosen = useCell(explore.contains);
  const names = instance.graph.relationshipNames.filter((each) => each.count > 0);
  const holds = (name: string, found: boolean) => chosen?.includes(name) ?? found;
  const toggle = (name: string) => {
    const now = names.filter((each) => holds(each.name, each.contains)).map((each) => each.name);
    const next = now.includes(name) ? now.filter((each) => each !== name) : [...now, name];
    void explore.arrange(method, next);
  };
  return (
    <Menu
      icon={<SquareDashed size={16} aria-hidden />}
      name="Contains"
      disabled={names.length === 0}
      testId="contains"
    >
      <p className="secondary">What these relationships lead to is drawn within, or below.</p>
      <label className="explore-check">
        <input
          type="checkbox"
          checked={chosen === null}
          onChange={() =>
            void explore.arrange(
              method,
              chosen === null
                ? names.filter((each) => each.contains).map((each) => each.name)
                : null,
            )
          }
        />
        Found in the graph
      </label>
      <div className="explore-names">
        {names.map(({ name, count: many, contains }) => (
          <label key={name} className="explore-check">
            <input type="checkbox" checked={holds(name, contains)} onChange={() => toggle(name)} />
            <span className="ellipsis stretch" title={name}>
              {name}
            </span>
            <span className="secondary number">{count(many)}</span>
          </label>
        ))}
      </div>
    </Menu>
  );
}
