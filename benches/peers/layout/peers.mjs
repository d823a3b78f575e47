// node peers.mjs LIBRARY EDGES COUNT SECONDS OUT: lays a graph out from a seeded random start, writes
// positions (x, y as f32) and prints the CPU seconds of the layout itself. Stops after SECONDS of them.
import fs from "node:fs";

const [library, edgesFile, countText, secondsText, out] = process.argv.slice(2);
const count = Number(countText);
const most = Number(secondsText);
const ends = new Uint32Array(fs.readFileSync(edgesFile).buffer.slice(0));

let state = 7;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
const side = Math.sqrt(count) * 30;
const start = Array.from({ length: count }, () => [(random() - 0.5) * side, (random() - 0.5) * side]);

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const runs = {
  async d3() {
    const { forceSimulation, forceManyBody, forceLink } = await import("d3-force");
    const nodes = start.map(([x, y], index) => ({ index, x, y }));
    const links = [];
    for (let at = 0; at < ends.length; at += 2) links.push({ source: ends[at], target: ends[at + 1] });
    const began = cpu();
    const simulation = forceSimulation(nodes)
      .stop()
      .force("charge", forceManyBody())
      .force("link", forceLink(links));
    let steps = 0;
    while (simulation.alpha() > simulation.alphaMin() && cpu() - began < most) {
      simulation.tick();
      steps++;
    }
    return { spent: cpu() - began, steps, at: nodes.map(({ x, y }) => [x, y]) };
  },
  async forceatlas2() {
    const { default: Graph } = await import("graphology");
    const { default: forceAtlas2 } = await import("graphology-layout-forceatlas2");
    const graph = new Graph({ multi: true, allowSelfLoops: true });
    start.forEach(([x, y], node) => graph.addNode(node, { x, y }));
    for (let at = 0; at < ends.length; at += 2) graph.addEdge(ends[at], ends[at + 1]);
    const settings = forceAtlas2.inferSettings(graph);
    const began = cpu();
    let steps = 0;
    while (steps < 500 && cpu() - began < most) {
      forceAtlas2.assign(graph, { iterations: 10, settings });
      steps += 10;
    }
    const at = start.map((_, node) => [graph.getNodeAttribute(node, "x"), graph.getNodeAttribute(node, "y")]);
    return { spent: cpu() - began, steps, at };
  },
};

const { spent, steps, at } = await runs[library]();
fs.writeFileSync(out, Buffer.from(Float32Array.from(at.flat()).buffer));
console.log(JSON.stringify({ cpu: spent, steps }));
