import { Stage } from "../../../../ui/tests/drawing/stage";
import { graphs } from "../../../../ui/tests/drawing/graphs";
import { fit, height, tour, width } from "./page";

/** With labels, values, icons and a hit test in every frame. */
window.load = (graph, how) => {
  const stage = new Stage(width, height);
  window.stage = stage;
  stage.load(basisOf(graph));
  const whole = fit(graph);
  stage.camera = whole;
  const path = how === "webgl" ? "webgl" : "canvas";
  let waiting = false;
  const draw = () => {
    waiting = false;
    stage.draw(path);
    stage.hit(width / 2, height / 2);
  };
  window.move = (t) => {
    const { near, aside, down } = tour(t);
    const zoom = whole.zoom * near;
    stage.camera = { zoom, x: whole.x + aside / zoom, y: whole.y + down / zoom };
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  };
  window.move(0);
};

/** As the page does with what the backend sends: only typed arrays are kept. */
function basisOf(graph: typeof window.graph) {
  const empty = graphs.isolated(0);
  const count = graph.ids.length;
  const edgeCount = graph.edges.length / 2;
  const full = (graph as unknown as { basis: ReturnType<typeof graphs.building> }).basis;
  return {
    ...empty,
    ids: graph.ids,
    labels: new Array<string>(count).fill(""),
    absent: new Uint8Array(count),
    x: Float32Array.from(graph.x),
    y: Float32Array.from(graph.y),
    shape: Uint8Array.from(full.shape),
    kind: Uint16Array.from(graph.kinds),
    parent: Int32Array.from(full.parent),
    own: Float64Array.from(full.own),
    source: Int32Array.from({ length: edgeCount }, (_, edge) => graph.edges[2 * edge] as number),
    target: Int32Array.from({ length: edgeCount }, (_, edge) => graph.edges[2 * edge + 1] as number),
    name: Uint16Array.from(full.name),
    framed: Uint8Array.from(full.framed),
    names: full.names,
    frames: full.frames,
  };
}
