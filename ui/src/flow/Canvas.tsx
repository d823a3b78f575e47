import {
  ConnectionLineType,
  type FinalConnectionState,
  type NodeChange,
  ReactFlow,
} from "@xyflow/react";
import { memo, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { openInspector } from "../window/panels";
import { arrange, boxesOf, type Place, placedFreely, placesFor, shownBy } from "./boxes";
import { nameOf, theInstance } from "./draft";
import { InstanceNode } from "./InstanceNode";
import type { Viewport } from "./kept";
import { Overview } from "./Overview";
import { PartNode } from "./PartNode";
import { firstSight, useViewport, zooms } from "./viewport";
import { WireEdge, type WireOfCanvas } from "./WireEdge";
import { wirePaths } from "./wirePaths";
import { refusal } from "./wiring";
import { kindWords, titleOf } from "./words";

// What a node shows does not depend on where it is: a drag draws none of them again.
const Part = memo(PartNode, (a, b) => a.id === b.id && a.selected === b.selected);
const nodeTypes = { part: Part, instance: InstanceNode };
const edgeTypes = { wire: WireEdge };
const grid: [number, number] = [8, 8];
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

/** The topology, drawn once it is known how much room there is: so it stands still from the start. */
export function Canvas() {
  const { flow } = usePage();
  const place = useRef<HTMLDivElement>(null);
  const [first, setFirst] = useState(flow.viewport.get());
  useLayoutEffect(() => {
    const element = place.current;
    if (first || !element) return;
    const look = () => {
      const { clientWidth: width, clientHeight: height } = element;
      if (width > 0) setFirst(firstSight(flow.deployment.sheet.get(), { width, height }));
    };
    look();
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => watch.disconnect();
  }, [flow, first]);
  return (
    <div ref={place} className="flow-drawing">
      {first && <Drawing first={first} />}
    </div>
  );
}

/** With the objects of before for what is as it was: React Flow draws anew what is another object. */
function useUnchanged<T extends { id: string }>(all: T[]): T[] {
  const before = useRef(new Map<string, { object: T; text: string }>());
  return useMemo(() => {
    const now = all.map((object) => {
      const text = JSON.stringify(object);
      const known = before.current.get(object.id);
      return known?.text === text ? known : { object, text };
    });
    before.current = new Map(now.map((one) => [one.object.id, one]));
    return now.map(({ object }) => object);
  }, [all]);
}

function Drawing({ first }: { first: Viewport }) {
  const page = usePage();
  const { flow } = page;
  const { draft, places } = useCell(flow.deployment.sheet);
  const selection = useCell(flow.selection);
  const [moving, setMoving] = useState<Record<string, Place>>({});

  const arranged = useMemo(() => arrange(draft), [draft]);
  const boxes = useMemo(
    () => boxesOf(draft, { ...places, ...moving }, arranged),
    [draft, places, moving, arranged],
  );
  const nodes = useUnchanged(
    useMemo(
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
    ),
  );
  const edges = useUnchanged(
    useMemo(
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
    ),
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
        flow.deployment.place(placedFreely(sheet.draft, kept, change.id, change.position));
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
      defaultViewport={first}
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
    >
      <Overview />
    </ReactFlow>
  );
}
