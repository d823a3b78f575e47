// `make bench-graph`: Twinscope's drawing beside other libraries, on the same graph in the same
// headless Chromium on software GL, one after another.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const ui = join(here, "../../../ui");
const fromUi = createRequire(join(ui, "package.json"));
const { chromium } = fromUi("playwright-core");
const { build } = await import(fromUi.resolve("vite").replace(/index\.cjs$/, "dist/node/index.js"));

const sizes = process.argv.slice(2).map(Number);
const wanted = process.env.LIBRARIES?.split(",");
const steps = Number(process.env.STEPS ?? 40);
/** A library that is slow shows fewer steps, ms. */
const longest = 40_000;
const shots = process.env.PICTURES;

/** Library, its way of drawing, and beside which others it stands. */
const subjects = [
  ["nothing", "", "floor"],
  ["nothing", "canvas", "floor"],
  ["twinscope", "canvas", "2-D canvas"],
  ["force-graph", "", "2-D canvas"],
  ["cytoscape", "canvas", "2-D canvas"],
  ["twinscope", "webgl", "WebGL"],
  ["sigma", "", "WebGL"],
  ["cosmos", "", "WebGL"],
  ["cytoscape", "webgl", "WebGL"],
].filter(([library]) => !wanted || wanted.includes(library));

const address = "http://bench.test/";
const flags = [
  "--no-sandbox",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-background-networking",
  "--js-flags=--expose-gc",
];

/** CPU time of all processes below this one, ms: what a noisy machine leaves alone. */
function cpu() {
  const children = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
      const ticks = Number(fields[11]) + Number(fields[12]);
      children.set(fields[1], [...(children.get(fields[1]) ?? []), [pid, ticks * 10]]);
    } catch {
      // It ended meanwhile.
    }
  }
  const below = (pid) =>
    (children.get(pid) ?? []).reduce((sum, [child, own]) => sum + own + below(child), 0);
  return below(String(process.pid));
}

async function bundle(library) {
  const built = await build({
    root: here,
    configFile: false,
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"' },
    build: {
      write: false,
      assetsInlineLimit: 1e6,
      modulePreload: false,
      // A meter of cosmos that is off wants an export that its package has not.
      rolldownOptions: { input: join(here, "pages", `${library}.ts`), shimMissingExports: true },
    },
  });
  const files = [built].flat()[0].output;
  const code = files.find(({ type, isEntry }) => type === "chunk" && isEntry).code;
  const css = files.filter(({ fileName }) => fileName.endsWith(".css")).map(({ source }) => source);
  return { files, code, css: css.join("\n") };
}

/** The graph as JSON, made by the same code as the tests' one. */
async function graphOf(count) {
  const input = join(ui, "tests/drawing/graphs.ts");
  const built = await build({
    root: ui,
    configFile: false,
    logLevel: "error",
    build: { write: false, lib: { entry: input, formats: ["es"], fileName: "graphs" } },
  });
  const [{ code }] = [built].flat()[0].output;
  const { graphs } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const basis = graphs.building(count);
  const edges = [];
  basis.source.forEach((from, edge) => edges.push(from, basis.target[edge]));
  const plain = Object.fromEntries(
    Object.entries(basis).map(([key, value]) => [key, ArrayBuffer.isView(value) ? [...value] : value]),
  );
  return JSON.stringify({
    ids: basis.ids,
    kinds: plain.kind,
    x: plain.x,
    y: plain.y,
    edges,
    basis: plain,
  });
}

async function measure(browser, { files, code, css }, how, graph, picture) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(180_000);
  page.on("pageerror", (error) => console.error(error.message));
  const html = `<!doctype html><style>body{margin:0}#host{position:relative;width:1280px;height:800px}${css}</style><div id="host"></div><script type="module">${code}</script>`;
  await page.route(`${address}**`, (route) => {
    const path = new URL(route.request().url()).pathname.slice(1);
    if (path === "") return route.fulfill({ body: html, contentType: "text/html" });
    if (path === "graph.json") return route.fulfill({ body: graph, contentType: "application/json" });
    const file = files.find(({ fileName }) => fileName.endsWith(path));
    return file
      ? route.fulfill({ body: Buffer.from(file.code ?? file.source), contentType: file.code ? "text/javascript" : undefined })
      : route.fulfill({ status: 404 });
  });
  await page.goto(address);
  await page.waitForFunction(() => window.load !== undefined);
  await page.evaluate(async () => {
    window.graph = await (await fetch("graph.json")).json();
    window.gc();
  });
  const session = await page.context().newCDPSession(page);
  const heap = async () => {
    const { usedSize, backingStorageSize = 0 } = await session.send("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
  };
  const before = await heap();
  const cpuAtFirst = cpu();
  const opened = await page.evaluate(async (how) => {
    window.frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    // Reading a pixel waits until all is drawn.
    window.finish = () => {
      for (const canvas of document.querySelectorAll("canvas")) {
        if (!canvas.width || !canvas.height) continue;
        const gl = canvas.getContext("webgl2") ?? canvas.getContext("webgl");
        if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
        else canvas.getContext("2d")?.getImageData(0, 0, 1, 1);
      }
    };
    const began = performance.now();
    await window.load(window.graph, how);
    const loaded = performance.now();
    await window.frame();
    await window.frame();
    window.finish();
    return { load: loaded - began, first: performance.now() - began };
  }, how);
  const cpuFirst = cpu() - cpuAtFirst;
  await page.evaluate(async () => {
    for (let step = 0; step < 3; step++) {
      window.move(step / 300);
      await window.frame();
      window.finish();
    }
  });
  const cpuBefore = cpu();
  const took = await page.evaluate(
    async ([steps, longest]) => {
      const times = [];
      const began = performance.now();
      for (let step = 0; step < steps && performance.now() - began < longest; step++) {
        const start = performance.now();
        window.move(step / steps);
        await window.frame();
        await window.frame();
        window.finish();
        times.push(performance.now() - start);
      }
      return times;
    },
    [steps, longest],
  );
  const cpuAfter = cpu();
  await page.evaluate(() => window.gc());
  const after = await heap();
  if (picture) await page.screenshot({ path: picture });
  await page.close();
  const sorted = took.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return {
    ...opened,
    cpuFirst,
    cpu: (cpuAfter - cpuBefore) / sorted.length,
    p50: at(0.5),
    p95: at(0.95),
    frames: sorted.length,
    heap: (after - before) / 1e6,
  };
}

const columns = ["beside", "library", "load ms", "first picture ms", "CPU ms to it", "frame p50 ms", "p95 ms", "CPU ms a frame", "frames", "heap MB"];
const row = (cells) => `| ${cells.join(" | ")} |`;

const bundles = new Map();
for (const [library] of subjects) {
  if (!bundles.has(library)) bundles.set(library, await bundle(library));
}
if (shots) mkdirSync(shots, { recursive: true });
for (const size of sizes.length ? sizes : [1000, 10_000, 100_000]) {
  const graph = await graphOf(size);
  const { ids, edges } = JSON.parse(graph);
  console.log(`\n${ids.length} twins, ${edges.length / 2} relationships, 1280×800, software GL\n`);
  console.log(row(columns));
  console.log(row(columns.map(() => "---")));
  for (const [library, how, beside] of subjects) {
    // Each in a browser of its own, so that none pays for the one before.
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: flags,
    });
    const name = how ? `${library}, ${how}` : library;
    try {
      const picture = shots && join(shots, `${library}-${how || "only"}-${size}.png`);
      const { load, first, cpuFirst, p50, p95, cpu, frames, heap } = await measure(browser, bundles.get(library), how, graph, picture);
      const whole = [load, first, cpuFirst, p50, p95, cpu].map((ms) => ms.toFixed(ms < 10 ? 1 : 0));
      console.log(row([beside, name, ...whole, frames, heap.toFixed(1)]));
    } catch (error) {
      console.log(row([beside, name, error.message.split("\n")[0], "", "", "", "", "", ""]));
    }
    await browser.close();
  }
}
