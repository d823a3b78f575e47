import { Maximize, Minus, PanelRightClose, PanelRightOpen, Plus } from "lucide-react";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { SearchBox } from "./SearchBox";
import type { GraphSurface } from "./surface";

const step = 1.25;

export function GraphToolbar({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  const zoom = usePart(surface.camera, (camera) => Math.round(camera.zoom * 100));
  const width = usePart(surface.size, (size) => size.width);
  const wanted = usePart(page.preferences, ({ legend }) => legend);
  const unready = useCell(surface.scene) === null;
  const legend = wanted ?? width >= 720;
  return (
    <div className="graph-toolbar" role="toolbar" aria-label="Graph">
      <SearchBox />
      <span className="stretch" />
      <IconButton
        icon={Minus}
        label="Zoom out"
        keys="−"
        disabled={unready}
        onClick={() => surface.zoom(1 / step)}
      />
      <span className="zoom number" title="Scale">
        {zoom}%
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
