import {
  BoxSelect,
  Hand,
  Lasso,
  List,
  Maximize,
  Minus,
  PanelRightClose,
  PanelRightOpen,
  Plus,
} from "lucide-react";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { AppearanceMenu } from "./AppearanceMenu";
import { FilterMenu } from "./FilterMenu";
import { SearchBox } from "./SearchBox";
import type { GraphSurface } from "./surface";

const step = 1.25;

const tools = [
  { tool: "pan", icon: Hand, label: "Move the drawing and its twins" },
  { tool: "box", icon: BoxSelect, label: "Select by a box", keys: "Shift drag" },
  { tool: "lasso", icon: Lasso, label: "Select by a lasso", keys: "Alt drag" },
] as const;

interface GraphToolbarProps {
  surface: GraphSurface;
  /** Whether the list of twins is open. */
  listed: boolean;
  onList: () => void;
}

export function GraphToolbar({ surface, listed, onList }: GraphToolbarProps) {
  const page = usePage();
  const current = useCell(page.tool);
  const zoom = usePart(surface.camera, (camera) => inPercent(camera.zoom));
  const width = usePart(surface.size, (size) => size.width);
  const wanted = usePart(page.preferences, ({ legend }) => legend);
  const unready = useCell(surface.scene) === null;
  const legend = wanted ?? width >= 720;
  return (
    <div className="graph-toolbar" role="toolbar" aria-label="Graph">
      <SearchBox />
      <FilterMenu />
      <IconButton icon={List} label="List of twins" aria-pressed={listed} onClick={onList} />
      <span className="divider" />
      {tools.map(({ tool, ...button }) => (
        <IconButton
          key={tool}
          {...button}
          aria-pressed={tool === current}
          onClick={() => page.tool.set(tool)}
        />
      ))}
      <span className="divider" />
      <AppearanceMenu surface={surface} />
      <span className="stretch" />
      <IconButton
        icon={Minus}
        label="Zoom out"
        keys="−"
        disabled={unready}
        onClick={() => surface.zoom(1 / step)}
      />
      <span className="zoom number" title="Scale">
        {zoom}
      </span>
      <IconButton
        icon={Plus}
        label="Zoom in"
        keys="+"
        disabled={unready}
        onClick={() => surface.zoom(step)}
      />
      <Tooltip text="Fit the whole graph" keys="0">
        <Button look="quiet" icon={Maximize} disabled={unready} onClick={() => surface.fit()}>
          Fit
        </Button>
      </Tooltip>
      <IconButton
        icon={legend ? PanelRightClose : PanelRightOpen}
        label={legend ? "Hide the legend" : "Show the legend"}
        onClick={() => page.prefer({ legend: !legend })}
      />
    </div>
  );
}

const inPercent = (zoom: number): string =>
  `${zoom < 0.01 ? (zoom * 100).toPrecision(1) : Math.round(zoom * 100)}%`;
