import { useReactFlow, useStore } from "@xyflow/react";
import {
  Braces,
  CircleAlert,
  CircleCheck,
  Info,
  Map as MapIcon,
  Maximize,
  Minus,
  Network,
  Plus,
  Redo2,
  Undo2,
} from "lucide-react";
import { Popover } from "radix-ui";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { counted } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { showPanel } from "../window/panels";
import { FindNode } from "./FindNode";
import { titleOf } from "./words";

export function FlowToolbar() {
  const page = usePage();
  const { flow, appearance } = page;
  const drawing = useReactFlow();
  const zoom = useStore(({ transform }) => transform[2]);
  const canUndo = useCell(flow.deployment.canUndo);
  const canRedo = useCell(flow.deployment.canRedo);
  const overview = useCell(flow.overview);
  const duration = appearance.reducedMotion.get() ? 0 : 240;
  return (
    <div className="graph-toolbar" role="toolbar" aria-label="Flow">
      <FindNode />
      <IconButton
        icon={Undo2}
        label="Undo"
        keys="Ctrl Z"
        disabled={!canUndo}
        onClick={() => flow.undo()}
      />
      <IconButton
        icon={Redo2}
        label="Redo"
        keys="Ctrl Shift Z"
        disabled={!canRedo}
        onClick={() => flow.redo()}
      />
      <Tooltip text="Place all nodes in layers anew">
        <Button
          look="quiet"
          icon={Network}
          aria-label="Arrange"
          data-testid="flow-arrange"
          onClick={() => flow.arrange()}
        >
          <span className="word">Arrange</span>
        </Button>
      </Tooltip>
      <span className="stretch" />
      <Problems />
      <Tooltip text="The draft as topology.json">
        <Button
          look="quiet"
          icon={Braces}
          aria-label="JSON"
          data-testid="flow-json"
          onClick={() => {
            const dock = page.dock.get();
            if (dock) showPanel(dock, "topology");
          }}
        >
          <span className="word">JSON</span>
        </Button>
      </Tooltip>
      <span className="divider" />
      <IconButton
        icon={MapIcon}
        label="Overview"
        aria-pressed={overview}
        onClick={() => flow.overview.set(!overview)}
      />
      <IconButton
        icon={Minus}
        label="Zoom out"
        onClick={() => void drawing.zoomOut({ duration })}
      />
      <span className="zoom number" title="Scale">
        {Math.round(zoom * 100)}%
      </span>
      <IconButton icon={Plus} label="Zoom in" onClick={() => void drawing.zoomIn({ duration })} />
      <Tooltip text="Fit the whole topology">
        <Button
          look="quiet"
          icon={Maximize}
          aria-label="Fit"
          data-testid="flow-fit"
          onClick={() => flow.fitted.emit()}
        >
          <span className="word">Fit</span>
        </Button>
      </Tooltip>
    </div>
  );
}

/** What is wrong with the draft, all of it; a press goes there. */
export function Problems() {
  const { flow } = usePage();
  const problems = useCell(flow.deployment.problems);
  const checking = useCell(flow.deployment.checking);
  const silence = useCell(flow.meters.silence);
  const loaded = usePart(flow.deployment.state, (state) => state !== null);
  const refused = problems.filter((problem) => problem.refused).length;
  const warned = problems.length - refused;
  if (!loaded) return null;
  if (problems.length === 0) {
    return (
      <span className="flow-checked" data-testid="flow-problems" title={silence ?? undefined}>
        <CircleCheck size={16} aria-hidden />
        <span className="flow-problems-words">{checking ? "Checking …" : "No problems"}</span>
      </span>
    );
  }
  const Mark = refused > 0 ? CircleAlert : Info;
  const words = [
    refused > 0 && counted(refused, "problem"),
    warned > 0 && counted(warned, "warning"),
  ]
    .filter(Boolean)
    .join(", ");
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button
          look="quiet"
          data-testid="flow-problems"
          data-refused={refused > 0}
          aria-label={words}
          title={words}
        >
          <Mark size={16} className={refused > 0 ? "flow-refusing" : "flow-warning"} aria-hidden />
          <span className="flow-problems-words">{words}</span>
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          className="menu flow-problem-list"
          align="end"
          sideOffset={4}
          collisionPadding={8}
          aria-label="Problems of the draft"
        >
          {problems.map(({ node, field, line, message, refused }) => {
            const place = [node && titleOf(node), line === null ? field : `line ${line}`];
            const Icon = refused ? CircleAlert : Info;
            return (
              <Popover.Close asChild key={`${node} ${field} ${line} ${message}`}>
                <button
                  type="button"
                  className="flow-problem-item"
                  data-refused={refused}
                  onClick={() => node && flow.reveal(node)}
                >
                  <Icon
                    size={16}
                    className={refused ? "flow-refusing" : "flow-warning"}
                    aria-hidden
                  />
                  <span>
                    <span className="mono secondary">{place.filter(Boolean).join(", ")}</span>
                    {message}
                  </span>
                </button>
              </Popover.Close>
            );
          })}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
