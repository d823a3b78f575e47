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
import { DropdownMenu } from "radix-ui";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { AppearanceMenu } from "./AppearanceMenu";
import { FilterMenu } from "./FilterMenu";
import { SearchBox } from "./SearchBox";
import type { GraphSurface } from "./surface";

const step = 1.25;
/** So wide a panel has room for all tools, pixels. */
const toolsFrom = 560;

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
      {width < toolsFrom ? (
        <ToolMenu />
      ) : (
        tools.map(({ tool, ...button }) => (
          <IconButton
            key={tool}
            {...button}
            aria-pressed={tool === current}
            onClick={() => page.tool.set(tool)}
          />
        ))
      )}
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
        <Button
          look="quiet"
          icon={Maximize}
          aria-label="Fit"
          disabled={unready}
          onClick={() => surface.fit()}
        >
          <span className="word">Fit</span>
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

/** The tools behind the one that is in use, where there is no room for all. */
function ToolMenu() {
  const { tool: chosen } = usePage();
  const current = useCell(chosen);
  const Icon = tools.find(({ tool }) => tool === current)?.icon ?? Hand;
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className="icon-button" aria-label="Tool" title="Tool">
        <Icon size={16} aria-hidden />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="start" sideOffset={4}>
          <DropdownMenu.RadioGroup value={current}>
            {tools.map(({ tool, icon: Own, label }) => (
              <DropdownMenu.RadioItem
                key={tool}
                value={tool}
                className="menu-item"
                onSelect={() => chosen.set(tool)}
              >
                <Own size={16} aria-hidden />
                {label}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const inPercent = (zoom: number): string =>
  `${zoom < 0.01 ? (zoom * 100).toPrecision(1) : Math.round(zoom * 100)}%`;
