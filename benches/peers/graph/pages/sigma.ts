import Graph from "graphology";
import Sigma from "sigma";
import { colours, height, host, tour, width } from "./page";

window.load = (graph) => {
  const made = new Graph({ multi: true });
  graph.ids.forEach((label, at) => {
    // Upwards is positive there.
    const [x, y] = [graph.x[at], -(graph.y[at] as number)];
    made.addNode(at, { x, y, size: 2, label, color: colours[graph.kinds[at] as number] });
  });
  for (let at = 0; at < graph.edges.length; at += 2) {
    made.addEdge(graph.edges[at], graph.edges[at + 1], { size: 0.5, color: "#cccccc" });
  }
  const sigma = new Sigma(made, host, { renderLabels: true });
  const camera = sigma.getCamera();
  window.move = (t) => {
    const { near, aside, down } = tour(t);
    camera.setState({
      x: 0.5 + aside / near / width,
      y: 0.5 - down / near / height,
      ratio: 1 / near,
    });
  };
};
