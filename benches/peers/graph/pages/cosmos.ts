import { Graph } from "@cosmos.gl/graph";
import { colours, fit, host, tour } from "./page";

const space = 4096;

window.load = async (graph) => {
  const whole = fit(graph);
  const longest = Math.max(...["x", "y"].map((axis) => spread(graph[axis as "x" | "y"])));
  const places = new Float32Array(2 * graph.ids.length);
  const points = new Float32Array(4 * graph.ids.length);
  graph.ids.forEach((_, at) => {
    places[2 * at] = (((graph.x[at] as number) - whole.x) / longest + 0.5) * space;
    places[2 * at + 1] = ((whole.y - (graph.y[at] as number)) / longest + 0.5) * space;
    const colour = Number.parseInt((colours[graph.kinds[at] as number] ?? "").slice(1), 16);
    const rgb = [colour >> 16, (colour >> 8) & 255, colour & 255].map((byte) => byte / 255);
    points.set([...rgb, 1], 4 * at);
  });
  const drawn = new Graph(host as HTMLDivElement, {
    spaceSize: space,
    enableSimulation: false,
    backgroundColor: "#ffffff",
    pointDefaultSize: 4,
    linkDefaultColor: "#cccccc",
    linkDefaultWidth: 1,
    fitViewOnInit: false,
    rescalePositions: false,
    pixelRatio: 1,
  });
  await drawn.ready;
  drawn.setPointPositions(places);
  drawn.setPointColors(points);
  drawn.setLinks(Float32Array.from(graph.edges));
  drawn.render();
  drawn.fitView(0);
  let begin = 0;
  window.move = (t) => {
    begin ||= drawn.getZoomLevel();
    drawn.setZoomLevel(begin * tour(t).near, 0);
  };
};

function spread(values: number[]): number {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return high - low || 1;
}
