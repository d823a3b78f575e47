import {
  type DockviewApi,
  DockviewReact,
  type IDockviewHeaderActionsProps,
  type IDockviewPanelHeaderProps,
  type IDockviewPanelProps,
  type SerializedDockview,
} from "dockview-react";
import {
  Braces,
  PanelRight,
  ScrollText,
  SquareTerminal,
  Waypoints,
  Workflow,
  X,
} from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useState } from "react";
import "dockview-react/dist/styles/dockview.css";
import "./dock.css";
import { GraphPanel } from "../graph/GraphPanel";
import { Inspector } from "../inspector/Inspector";
import { LogPanel } from "../log/LogPanel";
import { LogToolbar } from "../log/LogToolbar";
import { QueryTabs } from "../query/QueryTabs";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { Boundary } from "./Boundary";
import { arrange, type PanelName, panelTitles } from "./panels";

// Its editor is a third of the page: what draws the graph comes first.
const QueryPanel = lazy(() =>
  import("../query/QueryPanel").then((part) => ({ default: part.QueryPanel })),
);

// Neither is needed for the first picture.
const FlowPanel = lazy(() =>
  import("../flow/FlowPanel").then((part) => ({ default: part.FlowPanel })),
);
const TopologyText = lazy(() =>
  import("../flow/TopologyText").then((part) => ({ default: part.TopologyText })),
);

const components: Record<PanelName, (props: IDockviewPanelProps) => React.ReactNode> = {
  graph: () => (
    <Boundary of="graph">
      <GraphPanel />
    </Boundary>
  ),
  flow: ({ api }) => (
    <Boundary of="flow">
      <Suspense>{useShown(api) && <FlowPanel />}</Suspense>
    </Boundary>
  ),
  topology: ({ api }) => (
    <Boundary of="topology">
      <Suspense>{useShown(api) && <TopologyText />}</Suspense>
    </Boundary>
  ),
  inspector: () => (
    <Boundary of="inspector">
      <Inspector />
    </Boundary>
  ),
  query: () => (
    <Boundary of="query">
      <Suspense>
        <QueryPanel />
      </Suspense>
    </Boundary>
  ),
  log: ({ api }) => <Boundary of="event log">{useShown(api) && <LogPanel />}</Boundary>,
};

const icons = {
  graph: Waypoints,
  flow: Workflow,
  topology: Braces,
  inspector: PanelRight,
  log: ScrollText,
  query: SquareTerminal,
};
const theme = { name: "twinscope", className: "dockview-theme-twinscope" };

/** Whether a panel is on screen: a log that nobody sees asks for nothing. */
function useShown(api: IDockviewPanelProps["api"]): boolean {
  const [shown, setShown] = useState(api.isVisible);
  useEffect(() => {
    const change = api.onDidVisibilityChange(({ isVisible }) => setShown(isVisible));
    return () => change.dispose();
  }, [api]);
  return shown;
}

function Tab({ api }: IDockviewPanelHeaderProps) {
  const name = api.id as PanelName;
  const Icon = icons[name];
  return (
    <div className="panel-tab">
      <Icon size={16} aria-hidden />
      <span>{panelTitles[name]}</span>
      {name !== "graph" && (
        <button
          type="button"
          className="panel-close"
          aria-label={`Close ${panelTitles[name]}`}
          title="Close"
          onPointerDown={(event) => event.stopPropagation()}
          onClick={() => api.close()}
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </div>
  );
}

function HeaderActions({ activePanel }: IDockviewHeaderActionsProps) {
  if (activePanel?.id === "log") return <LogToolbar />;
  return activePanel?.id === "query" ? <QueryTabs /> : null;
}

/** The panels, each where the user left it. */
export function Dock() {
  const page = usePage();
  const [api, setApi] = useState<DockviewApi | null>(null);
  const reset = useCell(page.layoutReset);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a reset arranges the panels anew
  useEffect(() => {
    if (!api) return;
    restore(api, page.preferences.get().layout);
    const change = api.onDidLayoutChange(() => page.prefer({ layout: api.toJSON() }));
    page.dock.set(api);
    // The inspector is about what was used last: twins, or nodes of the topology.
    const turn = () => {
      const { id } = api.activePanel ?? {};
      if (id === "flow" || id === "topology") page.flow.inFront.set(true);
      else if (id === "graph" || id === "query") page.flow.inFront.set(false);
    };
    turn();
    const active = api.onDidActivePanelChange(turn);
    return () => {
      change.dispose();
      active.dispose();
    };
  }, [api, page, reset]);

  const onReady = useCallback((event: { api: DockviewApi }) => setApi(event.api), []);
  return (
    <DockviewReact
      className="dock"
      theme={theme}
      components={components}
      defaultTabComponent={Tab}
      rightHeaderActionsComponent={HeaderActions}
      dndStrategy="pointer"
      disableFloatingGroups
      onReady={onReady}
    />
  );
}

/** Puts the panels where they were; where that cannot be read, where they begin. */
function restore(api: DockviewApi, layout: unknown): void {
  if (layout !== null) {
    try {
      api.fromJSON(layout as SerializedDockview);
      if (api.getPanel("graph")) return;
    } catch {
      // A layout of another version of the app: the first one is right.
    }
  }
  api.clear();
  arrange(api);
}
