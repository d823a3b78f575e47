// Takes pictures of the page on the played backend: `npm run pictures -- FOLDER [SCENE]`.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), "twinscope-pictures-"));
/** Only scenes with this in their name. */
const only = process.argv[3] ?? "";
/** Most of the time is waiting for things to settle. */
const atOnce = 3;
const sizes = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
];

/** What is done on the page before the picture. */
const scenes = {
  building: async () => {},
  room: (page) => select(page, "Room_11"),
  event: async (page) => {
    await page.getByTestId("log-pause").click();
    await page.getByTestId("log-row").nth(1).click();
  },
  edit: async (page) => {
    await select(page, "Room_11");
    await page.locator('[data-path="/seats"]').getByTestId("property-value").click();
    await page.getByTestId("property-edit-input").fill("-3");
    await page.getByTestId("property-apply").click();
  },
  appearance: async (page) => {
    await page.getByTestId("appearance").click();
    await page.getByRole("radio", { name: "Property" }).click();
    await page.getByLabel("Property", { exact: true }).last().selectOption("usage");
    await page.getByLabel("Add a rule").click();
  },
  list: async (page) => {
    await page.getByLabel("List of twins").first().click();
    await page.getByLabel("Only twins with").fill("room");
    await page.keyboard.press("ArrowDown");
  },
  lasso: async (page) => {
    const box = await page.getByTestId("graph-canvas").boundingBox();
    await page.keyboard.down("Shift");
    await page.mouse.move(box.x + 200, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + 480, box.y + 200, { steps: 4 });
    await page.mouse.up();
    await page.keyboard.up("Shift");
  },
  open: (page) => page.keyboard.press("Control+o"),
  opening: (page) =>
    played(page, (host) => {
      const target = { kind: "files", paths: ["/home/me/campus.ndjson"] };
      const progress = { step: "Loading twins", done: 31_207, total: 100_000 };
      const told = { ...progress, secondsLeft: 13.2, quietSeconds: 0.1 };
      host.phase = { phase: "opening", target, ...told };
    }),
  quiet: (page) =>
    played(page, (host) => {
      const progress = { step: "Loading relationships", done: 12_000, total: null };
      const told = { ...progress, secondsLeft: null, quietSeconds: 8.4 };
      const target = { kind: "remote", endpoint: "https://slow:8443", ca: null };
      host.phase = { phase: "opening", target, ...told };
    }),
  failed: (page) =>
    played(page, (host) => {
      const target = { kind: "files", paths: ["/home/me/campus.ndjson"] };
      const of = (line) =>
        `/home/me/campus.ndjson, line ${line}, /$metadata/$model: There is no model dtmi:com:contoso:Rom;1. Import it too, or name another one.`;
      const details = Array.from({ length: 50 }, (_, at) => of(at + 31));
      details.push("2,952 more problems are not shown.");
      const message = "Nothing was loaded: 3002 problems. Mend the file, and open it again.";
      host.phase = { phase: "failed", target, failure: { code: "Files", message, details } };
    }),
  drop: (page) =>
    played(page, (host) => {
      const paths = ["/home/me/rooms.csv", "/home/me/rooms.models.json"];
      host.drag({ kind: "over", paths });
    }),
  "drop-refused": (page) =>
    played(page, (host) => {
      const paths = ["/home/me/rooms.csv", "/home/me/notes.txt"];
      host.drag({ kind: "over", paths });
    }),
  arranging: async (page) => {
    await played(page, (host) => {
      host.arranging = 0.42;
    });
    await page.getByTestId("contains").click();
  },
  expand: async (page) => {
    await select(page, "Room_11");
    await page.getByTestId("expand").click();
    await page.getByTestId("expand-now").click();
  },
  limits: (page) => page.getByTestId("limits-item").click(),
  "query-empty": openQuery,
  query: async (page) => {
    await ask(
      page,
      "SELECT * FROM DIGITALTWINS T\nWHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')",
    );
    await page.getByTestId("query-row").nth(2).click();
  },
  "query-list": async (page) => {
    await page.getByLabel("List of twins").first().click();
    await ask(page, "SELECT * FROM DIGITALTWINS T WHERE T.temperature > 21.6");
  },
  "query-live": async (page) => {
    await openQuery(page);
    await page.getByTestId("query-live").click();
    await ask(
      page,
      "SELECT T.$dtId, T.temperature FROM DIGITALTWINS T\nWHERE T.temperature > 21.6",
    );
    await page.waitForTimeout(2500);
  },
  "query-tabs": async (page) => {
    await ask(
      page,
      "SELECT * FROM DIGITALTWINS T\nWHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')",
    );
    await page.getByTestId("query-new").click();
    await page.getByTestId("query-live").click();
    await ask(
      page,
      "SELECT T.$dtId, T.temperature FROM DIGITALTWINS T\nWHERE T.temperature > 21.6",
    );
    await page.getByRole("tab", { name: "Query 2" }).dblclick();
    await page.getByLabel("Name of the tab").fill("Warm thermostats");
    await page.keyboard.press("Enter");
    await page.getByTestId("query-new").click();
    await openQuery(page);
  },
  "query-json": async (page) => {
    await ask(page, "SELECT TOP(100000) FROM DIGITALTWINS T");
    await page.getByRole("radio", { name: "JSON" }).click();
  },
  "query-many": async (page) => {
    await ask(page, "SELECT TOP(100000) FROM DIGITALTWINS T");
    await page.getByRole("button", { name: "$dtId" }).click();
    await page.getByTestId("query-explain").click();
  },
  "query-refused": async (page) => {
    await ask(page, "SELECT T.temprature\nFRM DIGITALTWINS T");
  },
  "query-complete": async (page) => {
    await openQuery(page);
    await page.keyboard.type("SELECT * FROM DIGITALTWINS T WHERE T.temprature > 3 AND T.");
  },
  flow: async (page) => {
    await flow(page);
    await page.getByTestId("flow-node:routes/to-parent").click();
  },
  "flow-edit": async (page) => {
    await flow(page);
    await page.getByTestId("flow-node:functions/ingest").click();
    await page.getByTestId("flow-delete").click();
    await page.getByTestId("flow-problems").click();
  },
  "flow-differences": async (page) => {
    await flow(page);
    await page.getByTestId("flow-node:routes/telemetry").click();
    await page.getByLabel("Put in a filter").selectOption({ label: "Everything" });
    await page.getByTestId("show-differences").click();
  },
  "flow-json": async (page) => {
    await flow(page);
    await page.getByTestId("flow-json").click();
  },
  "flow-large": async (page) => {
    await played(page, (host) => {
      const part = (name, count, make) =>
        Object.fromEntries(Array.from({ length: count }, (_, at) => [`${name}-${at}`, make(at)]));
      host.flow.change({
        sources: part("door", 20, (at) => ({
          kind: "http",
          device: "/id",
          function: `ingest-${at % 15}`,
        })),
        functions: {
          ...part("ingest", 15, () => ({
            kind: "ingest",
            map: [{ from: "/t", property: "/temperature" }],
          })),
          ...part("parent", 15, () => ({
            kind: "propagateToParent",
            property: "temperature",
            relationship: "has",
            parentProperty: "currentTemp",
          })),
        },
        endpoints: part("grid", 10, () => ({ kind: "eventGrid" })),
        routes: part("route", 60, (at) => ({
          endpoint: `grid-${at % 10}`,
          filter: `$body.modelId = 'dtmi:example:Model${at};1'`,
        })),
        subscriptions: part("take", 30, (at) => ({
          endpoint: `grid-${at % 10}`,
          function: `parent-${at % 15}`,
        })),
      });
    });
    await flow(page);
    await page.getByRole("button", { name: "Fit" }).last().click();
  },
  "query-filter": async (page) => {
    await page.getByTestId("filter").click();
    await page.getByTestId("filter-input").fill("thermo_000");
  },
};

/** The page with large graphs: all of it, and as near as a floor. */
const larges = {
  "building-10000": "large=10000&changes=50",
  "building-100000": "large=100000&changes=50",
  "network-10000": "large=10000&graph=network&changes=50",
};
const near = async (page) => {
  const box = await page.getByTestId("graph-canvas").boundingBox();
  await page.mouse.move(box.x + box.width * 0.35, box.y + box.height * 0.45);
  for (let step = 0; step < 8; step++) await page.mouse.wheel(0, -240);
  await page.mouse.move(box.x + 4, box.y + 4);
};

/** Opens the query panel; its editor is a part of the page that is loaded late. */
async function openQuery(page) {
  await page.keyboard.press("Control+e");
  await page.waitForFunction(() => document.activeElement?.closest(".query-editor"));
}

/** Writes a query and runs it. */
async function ask(page, text) {
  await openQuery(page);
  await page.keyboard.insertText(text);
  await page.keyboard.press("Control+Enter");
  await page.waitForTimeout(400);
}

/** Shows the topology, with its rates. */
async function flow(page) {
  await page.getByRole("button", { name: "Flow", exact: true }).click();
  await page.waitForTimeout(2500);
}

/** Changes the played backend. */
const played = (page, change) => page.evaluate(`(${change})(window.fixture)`);

async function select(page, twin) {
  const box = await page.locator(`[data-twin-id=${twin}]`).boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
}

async function take({ name, theme, size, scene, query = "" }) {
  const page = await browser.newPage({ viewport: size });
  page.on("pageerror", (error) => console.error(name, error.message));
  await page.goto(`${address}tests/fixture.html?theme=${theme}&${query}`);
  await page.waitForSelector("html[data-ready=true]");
  await page.waitForTimeout(700);
  await scene(page);
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(folder, `${name}-${theme}-${size.width}.png`) });
  await page.close();
}

/** Every picture: each scene, in each theme and size. */
function pictures() {
  const far = async () => {};
  const all = [
    ...Object.entries(scenes).map(([name, scene]) => ({ name, scene })),
    ...Object.entries(larges).flatMap(([name, query]) => [
      { name: `${name}-far`, scene: far, query },
      { name: `${name}-near`, scene: near, query },
    ]),
  ].filter(({ name }) => name.includes(only));
  return ["dark", "light"].flatMap((theme) =>
    sizes.flatMap((size) => all.map((picture) => ({ ...picture, theme, size }))),
  );
}

mkdirSync(folder, { recursive: true });
const root = fileURLToPath(new URL("..", import.meta.url));
const outDir = mkdtempSync(join(tmpdir(), "twinscope-page-"));
await build({
  root,
  logLevel: "error",
  build: { outDir, rolldownOptions: { input: join(root, "tests/fixture.html") } },
});
const server = await preview({ root, build: { outDir }, preview: { port: 0, strictPort: false } });
const address = server.resolvedUrls.local[0];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const waiting = pictures();
const takeOn = async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    await take(next).catch((error) => {
      console.error(next.name, next.theme, next.size.width, error.message);
      process.exitCode = 1;
    });
  }
};
await Promise.all(Array.from({ length: atOnce }, takeOn));
await browser.close();
await server.close();
rmSync(outDir, { recursive: true });
console.log(folder);
