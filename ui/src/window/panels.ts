import type { DockviewApi } from "dockview-react";

export type PanelName = "graph" | "flow" | "topology" | "inspector" | "log" | "query";

export const panelTitles: Record<PanelName, string> = {
  graph: "Graph",
  flow: "Flow",
  topology: "topology.json",
  inspector: "Inspector",
  log: "Event log",
  query: "Query",
};

const inspectorWidth = 320;
const leastInspector = 260;
const logHeight = 280;
/** The editor beside its rows, or above them, needs more than the log. */
const queryHeight = 340;

/** Where each panel goes when it is opened. */
function add(api: DockviewApi, name: PanelName): void {
  const shared = { id: name, component: name, title: panelTitles[name] };
  if (name === "inspector") {
    api.addPanel({
      ...shared,
      minimumWidth: leastInspector,
      // In a narrow window the graph needs the room more.
      initialWidth: Math.max(leastInspector, Math.min(inspectorWidth, Math.round(api.width * 0.3))),
      position: { referencePanel: "graph", direction: "right" },
    });
  } else if (name === "log") {
    const inTheWay = Math.min(logHeight, Math.round(api.height * 0.36));
    api.addPanel({
      ...shared,
      minimumHeight: 120,
      initialHeight: inTheWay,
      position: { direction: "below" },
    });
  } else if (name === "query") {
    const drawer = api.getPanel("log");
    const panel = api.addPanel({
      ...shared,
      minimumHeight: 120,
      // Beside the log, so that the graph with its overlay stays in sight.
      position: drawer ? { referencePanel: drawer } : { direction: "below" },
    });
    const least = Math.min(queryHeight, Math.round(api.height * 0.46));
    if (panel.group.height < least) panel.group.api.setSize({ height: least });
  } else if (name === "flow" || name === "topology") {
    // A tab beside what is drawn already.
    const beside = ["flow", "graph"].find((other) => other !== name && api.getPanel(other));
    const position = beside ? { referencePanel: beside } : undefined;
    api.addPanel({
      ...shared,
      minimumWidth: 240,
      minimumHeight: 160,
      ...(position && { position }),
    });
  } else api.addPanel({ ...shared, minimumWidth: 240, minimumHeight: 160 });
}

/** The layout that the app begins with. */
export function arrange(api: DockviewApi): void {
  add(api, "graph");
  add(api, "log");
  add(api, "inspector");
  api.getPanel("graph")?.api.setActive();
}

/** Brings a panel to the front, opening it where it was closed. */
export function showPanel(api: DockviewApi, name: PanelName): void {
  if (!api.getPanel(name)) add(api, name);
  api.getPanel(name)?.api.setActive();
}

/** Brings the inspector onto the screen where it was closed, and leaves the focus where it is. */
export function openInspector({ dock }: { dock: { get(): DockviewApi | null } }): void {
  const api = dock.get();
  if (api && !api.getPanel("inspector")) showPanel(api, "inspector");
}
