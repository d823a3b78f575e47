import {
  ConnectionLineType,
  type FinalConnectionState,
  getViewportForBounds,
  type NodeChange,
  ReactFlow,
  useReactFlow,
  useStoreApi,
} from "@xyflow/react";
import { useEffect, useMemo, useState } from "react";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { openInspector } from "../window/panels";
import { boxesOf, type Place, placesFor, shownBy } from "./boxes";
import { nameOf, theInstance } from "./draft";
import { InstanceNode } from "./InstanceNode";
import { PartNode } from "./PartNode";
import { WireEdge, type WireOfCanvas } from "./WireEdge";
import { extentOf, wirePaths } from "./wirePaths";
import { refusal } from "./wiring";
import { kindWords, titleOf } from "./words";

const nodeTypes = { part: PartNode, instance: InstanceNode };
const edgeTypes = { wire: WireEdge };
const grid: [number, number] = [8, 8];
const zooms = { least: 0.2, most: 2 };
/** What is opened is to be read; what is fitted is to be seen whole. */
const readable = 0.75;
/** The bar above tells what is not deployed; it lies over the canvas, so that nothing moves. */
const barHeight = 38;
const padding = { x: "16px", top: `${barHeight + 16}px`, bottom: "48px" } as const;
/** How near to the edge a node is brought, in pixels. */
const near = 32;

/** The ids of nodes at a point of the screen, what lies within another first. */
export function nodesAt(x: number, y: number): string[] {
  const found: string[] = [];
  let element = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-node]");
  // The port of a node is a child of it; its frame is around it.
  while (element) {
    if (element.dataset.node) found.push(element.dataset.node);
    element = element.parentElement?.closest<HTMLElement>("[data-node]");
  }
  return found;
}

/** The topology, drawn. */
export function Canvas() {
  const page = usePage();
  const { flow } = page;
  const { draft, places } = useCell(flow.deployment.sheet);
  const selection = useCell(flow.selection);
  const [moving, setMoving] = useState<Record<string, Place>>({});

  const boxes = useMemo(() => boxesOf(draft, { ...places, ...moving }), [draft, places, moving]);
  const nodes = useMemo(
    () =>
      [...boxes].map(([id, { x, y, width, height }]) => ({
        id,
        type: id === theInstance ? "instance" : "part",
        position: { x, y },
        width,
        height,
        measured: { width, height },
        selected: id === selection,
        data: {},
        ariaLabel: `${titleOf(id)}, ${kindWords(draft, id)}`,
      })),
    [boxes, draft, selection],
  );
  const edges = useMemo(
    () =>
      wirePaths(draft, boxes).map(
        (wire): WireOfCanvas => ({
          id: wire.id,
          type: "wire",
          source: shownBy(draft, wire.from),
          target: shownBy(draft, wire.to),
          sourceHandle: nameOf(wire.from)?.part === "subscriptions" ? wire.from : "out",
          targetHandle: "in",
          selected: wire.id === selection,
          ariaLabel: `Wire from ${titleOf(wire.from)} to ${titleOf(wire.to)}`,
          data: { wire },
        }),
      ),
    [boxes, draft, selection],
  );

  useViewport();

  const onNodesChange = (changes: NodeChange[]) => {
    for (const change of changes) {
      if (change.type === "select" && change.selected) flow.selection.set(change.id);
      if (change.type !== "position" || !change.position) continue;
      if (change.dragging) setMoving({ [change.id]: change.position });
      else {
        setMoving({});
        const sheet = flow.deployment.sheet.get();
        const kept = placesFor(sheet.draft, sheet.places);
        flow.deployment.place({ ...kept, [change.id]: change.position });
      }
    }
  };

  const endWire = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    const from = flow.wiring.get();
    flow.wiring.set(null);
    const point = "changedTouches" in event ? event.changedTouches[0] : event;
    const found = point ? nodesAt(point.clientX, point.clientY) : [];
    if (state.toNode) found.push(state.toNode.id);
    if (from === null || found.length === 0) return;
    const to = found.find((id) => refusal(flow.draft, from, id) === null) ?? found[0];
    if (to !== undefined && to !== from) flow.wire(from, to);
  };

  const viewport = flow.viewport.get();
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      onNodesChange={onNodesChange}
      onEdgesChange={(changes) => {
        for (const change of changes) {
          if (change.type === "select" && change.selected) flow.selection.set(change.id);
        }
      }}
      onNodeDoubleClick={() => openInspector(page)}
      onPaneClick={() => flow.selection.set(null)}
      onConnectStart={(_, { nodeId, handleId }) =>
        flow.wiring.set(nameOf(handleId ?? "") ? handleId : nodeId)
      }
      onConnectEnd={endWire}
      onMoveEnd={(_, at) => flow.viewport.set(at)}
      connectionLineType={ConnectionLineType.SmoothStep}
      connectionRadius={24}
      {...(viewport && { defaultViewport: viewport })}
      minZoom={zooms.least}
      maxZoom={zooms.most}
      snapToGrid
      snapGrid={grid}
      deleteKeyCode={null}
      selectionKeyCode={null}
      multiSelectionKeyCode={null}
      selectNodesOnDrag={false}
      nodeDragThreshold={3}
      zoomOnDoubleClick={false}
      proOptions={{ hideAttribution: true }}
    />
  );
}

/** Fits what there is, and brings a node into view, when that is asked for. */
function useViewport(): void {
  const { flow, appearance } = usePage();
  const drawing = useReactFlow();
  const store = useStoreApi();
  useEffect(() => {
    const fit = (least: number, duration: number) => {
      const { draft, places } = flow.deployment.sheet.get();
      const boxes = boxesOf(draft, places);
      const extent = extentOf(boxes, wirePaths(draft, boxes));
      const { width, height } = store.getState();
      const at = getViewportForBounds(extent, width, height, least, 1, padding);
      // What does not fit at a scale that can be read begins at its top left.
      const clipped = least > zooms.least && extent.width * at.zoom > width;
      const low = least > zooms.least && extent.height * at.zoom > height;
      if (clipped) at.x = 16 - extent.x * at.zoom;
      if (low) at.y = barHeight + 16 - extent.y * at.zoom;
      void drawing.setViewport(at, { duration });
    };
    const duration = () => (appearance.reducedMotion.get() ? 0 : 240);
    if (flow.viewport.get() === null) requestAnimationFrame(() => fit(readable, 0));
    const offs = [
      // What is new is on the canvas with the next frame.
      flow.fitted.on(() => requestAnimationFrame(() => fit(zooms.least, duration()))),
      flow.revealed.on((id) =>
        requestAnimationFrame(() => {
          const { draft, places } = flow.deployment.sheet.get();
          const box = boxesOf(draft, places).get(shownBy(draft, id));
          if (!box) return;
          const { width, height, transform } = store.getState();
          const [x, y, now] = transform;
          const zoom = Math.max(now, readable);
          // As little as brings it in: who sees it already keeps their place.
          const shift = (at: number, size: number, offset: number, room: number, edge = near) =>
            Math.max(Math.min(offset, room - near - (at + size) * zoom), edge - at * zoom);
          const to = {
            x: shift(box.x, box.width, x, width),
            y: shift(box.y, box.height, y, height, near + barHeight),
            zoom,
          };
          if (to.x !== x || to.y !== y || zoom !== now) {
            void drawing.setViewport(to, { duration: duration() });
          }
        }),
      ),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [flow, appearance, drawing, store]);
}
