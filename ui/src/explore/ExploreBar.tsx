import {
  ArrowLeft,
  ArrowRight,
  Bookmark,
  EyeOff,
  Focus,
  Network,
  Redo2,
  Route,
  Trash2,
  Undo2,
} from "lucide-react";
import { Popover } from "radix-ui";
import { useState } from "react";
import { Button, IconButton, Segments } from "../look/Controls";
import { count } from "../look/format";
import { Menu } from "../look/Menu";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import type { Follow } from "../wire/Follow";
import type { Reach } from "./explore";
import { LayoutMenu } from "./LayoutMenu";
import "./explore.css";

const follows: { value: Follow; label: string }[] = [
  { value: "outgoing", label: "Outgoing" },
  { value: "incoming", label: "Incoming" },
  { value: "both", label: "Both" },
];

/** What of the graph is looked at: back and forward, expand, hide, paths, layout, kept views. */
export function ExploreBar() {
  const { explore, selection } = usePage();
  const { undo, redo } = useCell(explore.undoable);
  const { back, forward } = useCell(explore.visited);
  const hidden = useCell(explore.hiddenCount);
  const group = useCell(selection.group);
  const selected = useCell(selection.id);
  const none = selected === null && group.size === 0;
  const ends = [...group];
  const two = ends.length === 2;
  return (
    <div className="explore-bar" role="toolbar" aria-label="Explore">
      <IconButton
        icon={ArrowLeft}
        label="Back to the twin before"
        keys="Alt ←"
        disabled={!back}
        onClick={() => explore.travel(false)}
      />
      <IconButton
        icon={ArrowRight}
        label="Forward"
        keys="Alt →"
        disabled={!forward}
        onClick={() => explore.travel(true)}
      />
      <span className="divider" />
      <ExpandMenu disabled={none} />
      <IconButton
        icon={Route}
        label={two ? "Shortest paths between the two" : "Shortest paths: select two twins"}
        disabled={!two}
        onClick={() => void explore.paths(ends[0] ?? "", ends[1] ?? "", "both")}
      />
      <IconButton
        icon={Focus}
        label="Show only the selected"
        keys="I"
        disabled={none}
        onClick={() => explore.isolate()}
      />
      <IconButton
        icon={EyeOff}
        label="Hide the selected"
        keys="H"
        disabled={none}
        onClick={() => explore.hide()}
      />
      <IconButton
        icon={Undo2}
        label="Undo hiding or showing"
        keys="Ctrl Z"
        disabled={!undo}
        onClick={() => explore.undo()}
      />
      <IconButton
        icon={Redo2}
        label="Redo"
        keys="Ctrl Shift Z"
        disabled={!redo}
        onClick={() => explore.redo()}
      />
      {hidden > 0 && (
        <Button look="quiet" title="Show all" onClick={() => explore.showAll()}>
          <span className="number secondary" data-testid="explore-hidden">
            {count(hidden)} hidden
          </span>
          <span className="word">Show all</span>
        </Button>
      )}
      <div className="explore-end">
        <LayoutMenu />
        <ViewsMenu />
      </div>
    </div>
  );
}

function ExpandMenu({ disabled }: { disabled: boolean }) {
  const { explore, instance } = usePage();
  useGraphChanges(500, (change) => change.structure);
  const [reach, setReach] = useState<Reach>({ levels: 1, follow: "both", name: null, limit: 200 });
  const [reached, setReached] = useState<{ shown: number; total: number } | null>(null);
  const change = (part: Partial<Reach>) => setReach({ ...reach, ...part });
  return (
    <Menu
      icon={<Network size={16} aria-hidden />}
      name="Expand"
      disabled={disabled}
      testId="expand"
    >
      <div className="explore-row">
        Levels
        <Segments
          label="Levels"
          value={String(reach.levels)}
          options={["1", "2", "3"].map((value) => ({ value, label: value }))}
          onChange={(levels) => change({ levels: Number(levels) })}
        />
      </div>
      <Segments
        label="Direction"
        value={reach.follow}
        options={follows}
        onChange={(follow) => change({ follow })}
      />
      <label className="explore-row">
        Relationship
        <select
          className="input"
          value={reach.name ?? ""}
          onChange={(event) => change({ name: event.target.value || null })}
        >
          <option value="">All</option>
          {instance.graph.relationshipNames.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="explore-row">
        At most
        <input
          className="input number"
          type="number"
          min={1}
          max={100000}
          value={reach.limit}
          onChange={(event) => change({ limit: Math.max(1, event.target.valueAsNumber || 1) })}
        />
      </label>
      <Button onClick={async () => setReached(await explore.expand(reach))}>
        <span data-testid="expand-now">Expand</span>
      </Button>
      {reached && (
        <output className="secondary number" data-testid="expanded">
          {count(reached.shown)} of {count(reached.total)}
        </output>
      )}
    </Menu>
  );
}

function ViewsMenu() {
  const { explore } = usePage();
  const saved = useCell(explore.saved);
  const [name, setName] = useState("");
  const names = Object.keys(saved);
  const save = () => {
    if (name.trim() === "") return;
    void explore.saveView(name.trim());
    setName("");
  };
  return (
    <Menu icon={<Bookmark size={16} aria-hidden />} name="Views" testId="views">
      {names.length === 0 && <p className="secondary">No view is kept yet.</p>}
      {names.map((each) => (
        <div key={each} className="explore-row">
          <Popover.Close asChild>
            <Button look="quiet" onClick={() => explore.openView(each)}>
              <span className="ellipsis">{each}</span>
            </Button>
          </Popover.Close>
          <IconButton
            icon={Trash2}
            label={`Forget ${each}`}
            onClick={() => void explore.forgetView(each)}
          />
        </div>
      ))}
      <form
        className="explore-row"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <input
          className="input"
          placeholder="Name"
          aria-label="Name of the view"
          maxLength={60}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button disabled={name.trim() === ""} onClick={save}>
          Keep
        </Button>
      </form>
    </Menu>
  );
}
