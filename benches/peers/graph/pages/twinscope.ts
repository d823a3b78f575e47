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
  const [source, target] = [new Int32Array(edgeCount), new Int32Array(edgeCount)];
  for (let edge = 0; edge < edgeCount; edge++) {
    source[edge] = graph.edges[2 * edge] as number;
    target[edge] = graph.edges[2 * edge + 1] as number;
  }
  return {
    ...empty,
    ids: graph.ids,
    labels: [],
    absent: new Uint8Array(count),
    x: new Float32Array(graph.x),
    y: new Float32Array(graph.y),
    shape: new Uint8Array(full.shape),
    kind: new Uint16Array(graph.kinds),
    parent: new Int32Array(full.parent),
    own: new Float64Array(full.own),
    source,
    target,
    name: new Uint16Array(full.name),
    framed: new Uint8Array(full.framed),
    names: full.names,
    frames: full.frames,
  };
}
