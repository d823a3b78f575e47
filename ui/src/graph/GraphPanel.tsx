import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { GraphEmpty } from "./GraphEmpty";
import { GraphToolbar } from "./GraphToolbar";
import { GroupBar } from "./GroupBar";
import { listen } from "./gestures";
import { pressKey } from "./keys";
import { Legend } from "./Legend";
import { Minimap } from "./Minimap";
import { NodeButtons } from "./NodeButtons";
import { OverlayBar } from "./OverlayBar";
import { GraphSurface } from "./surface";
import { TwinList } from "./TwinList";
import "./graph.css";
import { ExploreBar } from "../explore/ExploreBar";
import { ask } from "../host/ask";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";

const legendFrom = 720;
const legendWidth = 184;
const gap = 12;
/** The list of twins is so wide; where it leaves less than that, it is not heeded. */
const listWidth = 420;
const leastBeside = 160;
/** What the bar of an overlay takes at the lower edge. */
const barHeight = 56;

/** The drawing of the graph with what lies over it. */
export function GraphPanel() {
  const page = usePage();
  const drawing = useRef<HTMLDivElement>(null);
  const [surface, setSurface] = useState<GraphSurface | null>(null);
  const [listed, setListed] = useState(false);

  const firstDrawing = useCallback(() => {
    if (document.documentElement.dataset.ready) return;
    document.documentElement.dataset.ready = "true";
    // Only a measurement hangs on it: a failure has no effect that a person would see.
    ask(page.host, { type: "firstDrawing" }, "accepted").catch(() => undefined);
  }, [page]);

  useLayoutEffect(() => {
    if (!drawing.current) return;
    const made = new GraphSurface(page, drawing.current, firstDrawing);
    const detach = made.attach();
    const unlisten = listen(drawing.current, made, page);
    setSurface(made);
    return () => {
      unlisten();
      detach();
    };
  }, [page, firstDrawing]);

  const onKey = (event: React.KeyboardEvent) => {
    const inField = event.target instanceof HTMLInputElement;
    if (!surface || inField || event.ctrlKey || event.altKey || event.metaKey) return;
    if (pressKey(event.key, surface, page)) event.preventDefault();
  };

  return (
    <section className="graph" aria-label="Graph" onKeyDown={onKey}>
      {surface && (
        <GraphToolbar surface={surface} listed={listed} onList={() => setListed(!listed)} />
      )}
      {surface && <ExploreBar />}
      <div className="graph-ground">
        {/* Below the canvas: above it, the web view would blend a layer more in every frame. */}
        {surface && <NodeButtons surface={surface} />}
        <div
          ref={drawing}
          className="graph-canvas"
          data-testid="graph-canvas"
          role="img"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: keys pan and zoom the drawing
          tabIndex={0}
          aria-label="Drawing of the graph"
        />
        {surface && <Aside surface={surface} listed={listed} />}
        {surface && listed && <TwinList surface={surface} onClose={() => setListed(false)} />}
        <OverlayBar />
        <GroupBar />
        <GraphEmpty />
      </div>
    </section>
  );
}

/** Legend and overview at the right, where there is room or where the user wants them. */
function Aside({ surface, listed }: { surface: GraphSurface; listed: boolean }) {
  const page = usePage();
  const { width, height } = useCell(surface.size);
  const wanted = usePart(page.preferences, ({ legend }) => legend);
  const open = wanted ?? width >= legendFrom;
  const barred = usePart(page.overlay.lit, (lit) => lit !== null);
  useEffect(() => {
    const right = open ? legendWidth + 2 * gap : gap;
    const beside = listed && width - listWidth - right >= leastBeside;
    const left = beside ? listWidth + gap : gap;
    surface.cover({ top: gap, right, bottom: barred ? barHeight : gap, left });
  }, [surface, open, barred, listed, width]);
  if (!open || width === 0) return null;
  return (
    <aside className="graph-aside">
      <Legend surface={surface} />
      {height >= 560 && <Minimap surface={surface} />}
    </aside>
  );
}
