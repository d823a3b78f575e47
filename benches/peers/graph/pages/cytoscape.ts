import cytoscape from "cytoscape";
import { colours, fit, height, host, tour, width } from "./page";

window.load = (graph, how) => {
  const whole = fit(graph);
  const elements: cytoscape.ElementDefinition[] = graph.ids.map((label, at) => ({
    data: { id: `n${at}`, label, kind: graph.kinds[at] },
    position: { x: graph.x[at] as number, y: graph.y[at] as number },
  }));
  for (let at = 0; at < graph.edges.length; at += 2) {
    const [source, target] = [`n${graph.edges[at]}`, `n${graph.edges[at + 1]}`];
    elements.push({ data: { id: `e${at}`, source, target } });
  }
  const drawn = cytoscape({
    container: host,
    elements,
    layout: { name: "preset", fit: false },
    renderer: { name: "canvas", webgl: how === "webgl" } as cytoscape.CytoscapeOptions["renderer"],
    pixelRatio: 1,
    minZoom: 1e-4,
    style: [
      { selector: "node", style: { width: 36, height: 36, "background-color": colours[4] } },
      ...colours.map((colour, kind) => ({
        selector: `node[kind=${kind}]`,
        style: { "background-color": colour },
      })),
      { selector: "edge", style: { width: 1, "line-color": "#cccccc", "curve-style": "haystack" } },
    ],
  });
  window.move = (t) => {
    const { near, aside, down } = tour(t);
    const zoom = whole.zoom * near;
    drawn.viewport({
      zoom,
      pan: { x: width / 2 - whole.x * zoom - aside, y: height / 2 - whole.y * zoom - down },
    });
  };
  window.move(0);
};
