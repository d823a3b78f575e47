import ForceGraph from "force-graph";
import { colours, fit, height, host, tour, width } from "./page";

window.load = (graph) => {
  const whole = fit(graph);
  const nodes = graph.ids.map((name, id) => {
    const [x, y] = [graph.x[id], graph.y[id]];
    return { id, name, x, y, fx: x, fy: y, color: colours[graph.kinds[id] as number] };
  });
  const links = [];
  for (let at = 0; at < graph.edges.length; at += 2) {
    links.push({ source: graph.edges[at], target: graph.edges[at + 1] });
  }
  const drawn = new ForceGraph(host)
    .width(width)
    .height(height)
    .minZoom(1e-4)
    .cooldownTicks(0)
    .warmupTicks(0)
    .nodeRelSize(12)
    .linkColor(() => "#cccccc")
    .enablePointerInteraction(false)
    .graphData({ nodes, links });
  window.move = (t) => {
    const { near, aside, down } = tour(t);
    const zoom = whole.zoom * near;
    drawn.zoom(zoom, 0);
    drawn.centerAt(whole.x + aside / zoom, whole.y + down / zoom, 0);
  };
  window.move(0);
};
