import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { StageBrowser } from "../drawing/browser";
import type { FixtureHost } from "../fixture-host";

declare global {
  interface Window {
    fixture: FixtureHost;
  }
}

let browser: StageBrowser;
let page: Page;

beforeAll(async () => {
  browser = await StageBrowser.open("fixture.html");
});
afterAll(() => browser?.close());
afterEach(() => page?.close());

async function open(query = ""): Promise<void> {
  page = await browser.plain(`?still&renderer=canvas&${query}`);
  await show();
}

async function show(): Promise<void> {
  await page.waitForSelector("html[data-ready=true]");
  await page.getByRole("button", { name: "Flow", exact: true }).click();
  await node("instance").waitFor();
}

const node = (id: string) => page.getByTestId(`flow-node:${id}`);
const topology = () => page.evaluate(() => window.fixture.flow.topology);
const eventually = (id: string, words: string) =>
  page.waitForFunction(
    ([id, words]) =>
      document.querySelector(`[data-testid="${id}"]`)?.textContent?.includes(words ?? ""),
    [id, words],
  );

async function middle(id: string): Promise<{ x: number; y: number }> {
  const box = await page.getByTestId(id).boundingBox();
  if (!box) throw new Error(`${id} is not on the screen`);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Presses, moves and lets go, as a pointer does. */
async function drag(from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 8, from.y + 4);
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2);
  await page.mouse.move(to.x, to.y);
  await page.mouse.up();
}

/** Drags an item of the palette to a place of the canvas, given in parts of it. */
async function drop(offer: string, right: number, down: number): Promise<void> {
  const canvas = await page.getByTestId("flow-canvas").boundingBox();
  if (!canvas) throw new Error("There is no canvas");
  const at = { x: canvas.x + canvas.width * right, y: canvas.y + canvas.height * down };
  await page.getByTestId(`palette:${offer}`).scrollIntoViewIfNeeded();
  await drag(await middle(`palette:${offer}`), at);
}

const wire = async (from: string, to: string) =>
  drag(await middle(`port-out:${from}`), await middle(`port-in:${to}`));

/** Fits what there is, and waits until the canvas stands still: it may glide. */
async function fit(): Promise<void> {
  await page.getByTestId("flow-fit").click();
  await page.evaluate(async () => {
    const at = () => document.querySelector<HTMLElement>(".react-flow__viewport")?.style.transform;
    const wait = () => new Promise((done) => setTimeout(done, 300));
    for (let before: string | undefined; before !== at(); await wait()) before = at();
  });
}

test("thermostat to room is built on an empty canvas by dragging alone, and deployed", async () => {
  await open("nothing");
  expect(await page.getByTestId("flow-empty").innerText()).toContain("Nothing flows yet");
  await drop("source-simulatedThermostats", 0.12, 0.3);
  await drop("function-ingest", 0.12, 0.65);
  await drop("route", 0.6, 0.25);
  await drop("endpoint-eventGrid", 0.85, 0.25);
  await drop("function-propagateToParent", 0.85, 0.65);
  await eventually("flow-problems", "2 problems");
  await fit();
  await wire("sources/thermostats", "functions/ingest");
  await wire("routes/twin-updates", "endpoints/eg-twins");
  await wire("endpoints/eg-twins", "functions/propagate-to-parent");
  await node("subscriptions/propagate-to-parent").waitFor();
  await eventually("flow-problems", "No problems");
  await eventually("deploy-bar", "6 changes");
  await page.getByTestId("deploy").click();
  await page.getByTestId("deploy-bar").waitFor({ state: "detached" });
  const { sources, functions, routes, endpoints, subscriptions } = await topology();
  expect(sources.thermostats).toMatchObject({ kind: "simulatedThermostats", function: "ingest" });
  expect(
    sources.thermostats && "devices" in sources.thermostats && sources.thermostats.devices.length,
  ).toBe(24);
  expect(functions["propagate-to-parent"]).toEqual({
    kind: "propagateToParent",
    property: "temperature",
    relationship: "rel_has_thermostat",
    parentProperty: "currentTemp",
  });
  expect(routes["twin-updates"]?.endpoint).toBe("eg-twins");
  expect(endpoints["eg-twins"]).toEqual({ kind: "eventGrid" });
  expect(subscriptions["propagate-to-parent"]).toEqual({
    endpoint: "eg-twins",
    function: "propagate-to-parent",
  });
});

test("the same by keyboard: Enter adds, “Wire to” connects, arrows move, Ctrl Z takes back", async () => {
  await open("nothing");
  await page.getByTestId("palette:source-http").focus();
  await page.keyboard.press("Enter");
  await node("sources/http").waitFor();
  await page.getByTestId("palette:function-ingest").focus();
  await page.keyboard.press("Enter");
  await page.locator('.react-flow__node[data-id="sources/http"]').focus();
  await page.keyboard.press("Enter");
  await eventually("flow-inspector-title", "http");
  const before = await node("sources/http").boundingBox();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(
    (y) =>
      (document.querySelector('[data-testid="flow-node:sources/http"]')?.getBoundingClientRect()
        .y ?? 0) > y,
    (before?.y ?? 0) + 4,
  );
  await page.keyboard.press("w");
  await page.getByRole("menuitem", { name: /ingest/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator('[data-testid="wire:sources/http → functions/ingest"]').waitFor();
  // The focus goes back to where the key was pressed.
  await page.waitForFunction(
    () => document.activeElement?.getAttribute("data-id") === "sources/http",
  );
  await page.keyboard.press("Control+z");
  await page
    .locator('[data-testid="wire:sources/http → functions/ingest"]')
    .waitFor({ state: "detached" });
  await page.keyboard.press("Control+Shift+Z");
  await page.locator('[data-testid="wire:sources/http → functions/ingest"]').waitFor();
  await page.keyboard.press("Delete");
  await node("sources/http").waitFor({ state: "detached" });
  await page.keyboard.press("Control+z");
  await node("sources/http").waitFor();
});

test("a wire that does not fit says why while it is drawn, and is refused", async () => {
  await open();
  const from = await middle("port-out:sources/iot-hub");
  const to = await middle("flow-node:endpoints/eg-twins");
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 20, from.y, { steps: 2 });
  await page.mouse.move(to.x, to.y - 20, { steps: 4 });
  await eventually("wiring-hint", "go to a function");
  expect(await node("endpoints/eg-twins").getAttribute("data-fits")).toBe("no");
  expect(await node("functions/ingest").getAttribute("data-fits")).toBe("yes");
  await page.mouse.up();
  await page.getByText("A source’s messages go to a function").first().waitFor();
  expect(await page.getByTestId("deploy-bar").count()).toBe(0);
});

test("a wire is selected by a click, and taken away", async () => {
  await open();
  await page.locator('[data-testid="wire:routes/to-parent → endpoints/eg-twins"]').waitFor();
  const at = await page.evaluate(() => {
    const wire = document.querySelector<SVGPathElement>(
      '[data-testid="wire:routes/to-parent → endpoints/eg-twins"] .flow-wire-line',
    );
    const half = wire?.getPointAtLength(wire.getTotalLength() / 2);
    const shown = half?.matrixTransform(wire?.getScreenCTM() ?? new DOMMatrix());
    return { x: shown?.x ?? 0, y: shown?.y ?? 0 };
  });
  await page.mouse.click(at.x, at.y);
  await eventually("flow-inspector-title", "to-parent → eg-twins");
  await page.keyboard.press("Delete");
  await eventually("deploy-bar", "endpoint of to-parent");
  await node("routes/to-parent").click();
  await eventually("field:endpoint", "Wire it to an endpoint.");
});

test("state, rate and drops are on nodes and wires", async () => {
  await open();
  await page.waitForSelector('[data-testid="wire:instance → routes/to-parent"][data-heat="4"]');
  await page.waitForSelector(
    '[data-testid="wire:routes/audit → endpoints/sb-audit"][data-heat="drop"]',
  );
  expect(await node("endpoints/sb-audit").innerText()).toMatch(/Paused, 12:\d\d left/);
  expect(await node("endpoints/eh-telemetry").innerText()).toContain("On secondary key");
  await node("endpoints/sb-audit").click({ position: { x: 40, y: 12 } });
  await eventually("flow-figures", "both keys were refused");
  await page.getByTestId("flow-try-now").click();
  await expect
    .poll(() => page.evaluate(() => window.fixture.flow.triedNow))
    .toEqual(["endpoints/sb-audit"]);
  await node("endpoints/eh-telemetry").click({ position: { x: 40, y: 12 } });
  await eventually("flow-figures", "Delivered");
  expect(await page.getByTestId("flow-try-now").count()).toBe(0);
});

test("a form edits the draft: dashed until deployed, differences readable, revert can be undone", async () => {
  await open();
  await node("routes/telemetry").click();
  await page.getByLabel("Filter", { exact: true }).fill("type = ");
  await eventually("field:filter", "A value is missing");
  expect(await node("routes/telemetry").getAttribute("data-edited")).toBe("true");
  expect(await page.getByTestId("deploy").getAttribute("aria-disabled")).toBe("true");
  await page.getByTestId("flow-problems").click();
  await page.getByRole("button", { name: /telemetry.*filter/ }).click();
  await page.getByLabel("Put in a filter").selectOption({ label: "Everything" });
  await eventually("flow-problems", "No problems");
  await page.getByLabel("Name", { exact: true }).fill("all");
  await page.getByLabel("Name", { exact: true }).press("Enter");
  await node("routes/all").waitFor();
  await page.getByTestId("show-differences").click();
  await eventually("differences", "microsoft.iot.telemetry");
  await page.keyboard.press("Escape");
  await page.getByTestId("revert").click();
  await node("routes/telemetry").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await node("routes/all").waitFor();
});

test("a connection string goes into the secret store, and only its name into the draft", async () => {
  await open();
  await node("endpoints/eh-telemetry").click({ position: { x: 40, y: 12 } });
  await page.getByRole("radio", { name: "Key" }).click();
  await page.getByLabel("Primary", { exact: true }).selectOption({ label: "Keep a new one …" });
  await page
    .getByLabel("The secret, Primary", { exact: true })
    .fill("Endpoint=sb://x/;SharedAccessKey=hush");
  const overhang = (box: Element) => box.scrollWidth - box.clientWidth;
  expect(await page.getByTestId("new-secret").evaluate(overhang)).toBe(0);
  await page.getByRole("button", { name: "Keep", exact: true }).click();
  await page.getByTestId("new-secret").waitFor({ state: "detached" });
  const kept = await page.evaluate(() => [...window.fixture.flow.kept]);
  expect(kept).toEqual([["eh-telemetry-primary", "Endpoint=sb://x/;SharedAccessKey=hush"]]);
  await page.getByTestId("flow-json").click();
  await page.getByTestId("topology-editor").waitFor();
  expect(await page.getByTestId("topology-editor").innerText()).not.toContain("hush");
  await page.getByTestId("deploy").click();
  await page.getByTestId("deploy-bar").waitFor({ state: "detached" });
  const { endpoints } = await topology();
  expect(endpoints["eh-telemetry"]?.primary).toEqual({ secret: "eh-telemetry-primary" });
});

test("a secret that is kept or forgotten elsewhere is known when one comes back to the window", async () => {
  await open();
  await node("endpoints/eh-telemetry").click({ position: { x: 40, y: 12 } });
  await page.getByRole("radio", { name: "Key" }).click();
  await page.getByLabel("Primary", { exact: true }).selectOption("eh-primary");
  const remark = page.getByText("No secret “eh-primary” is kept");
  expect(await remark.count()).toBe(0);
  const elsewhere = (names: string[]) =>
    page.evaluate((names) => {
      window.fixture.flow.secrets = names;
    }, names);
  await elsewhere([]);
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await remark.waitFor();
  await elsewhere(["eh-primary"]);
  // Or when the inspector opens on a node that names one.
  await node("routes/telemetry").click({ position: { x: 40, y: 12 } });
  await node("endpoints/eh-telemetry").click({ position: { x: 40, y: 12 } });
  await remark.waitFor({ state: "detached" });
  // Or when the draft was deployed.
  await elsewhere([]);
  await page.getByTestId("deploy").click();
  await remark.waitFor();
});

test("topology.json and the canvas are two views of one draft", async () => {
  await open();
  await page.getByTestId("flow-json").click();
  const editor = page.getByTestId("topology-editor");
  await editor.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.insertText("{");
  await eventually("json-mistake", "not JSON yet");
  await page.keyboard.press("Backspace");
  await page.getByTestId("json-mistake").waitFor({ state: "detached" });
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(
    '{"sources":{},"functions":{},"endpoints":{"only":{"kind":"eventHub"}},"routes":{},"subscriptions":{}}',
  );
  await page.getByTestId("deploy-bar").waitFor();
  await page.getByRole("button", { name: "Flow", exact: true }).click();
  await node("endpoints/only").waitFor();
  expect(await node("endpoints/eg-twins").count()).toBe(0);
  // Once the draft is checked it can be opened.
  await eventually("flow-problems", "1 warning");
  await page.getByTestId("flow-problems").click();
  await page.getByText("No route leads to this endpoint.").first().waitFor();
});

test("a change from elsewhere comes by itself, or asks where there are edits", async () => {
  await open();
  const change = (name: string) =>
    page.evaluate((name) => {
      const { topology } = window.fixture.flow;
      const endpoints = { ...topology.endpoints, [name]: { kind: "eventHub" as const } };
      window.fixture.flow.change({ ...topology, endpoints });
    }, name);
  await change("eh-one");
  await node("endpoints/eh-one").waitFor();
  await page.getByTestId("palette:sink").focus();
  await page.keyboard.press("Enter");
  await change("eh-two");
  await page.getByTestId("flow-theirs").waitFor();
  expect(await node("sinks/series").count()).toBe(1);
  await page.getByTestId("keep-mine").click();
  await eventually("deploy-bar", "2 changes");
  await change("eh-three");
  await page.getByTestId("take-theirs").click();
  await node("endpoints/eh-three").waitFor();
  expect(await node("sinks/series").count()).toBe(0);
});

test("another topology is seen whole; the overview shows it small, and stays", async () => {
  await open("nothing");
  await page.evaluate(() => {
    const sinks: Record<string, { kind: "eventHub" }> = {};
    for (let at = 0; at < 12; at++) sinks[`s${at}`] = { kind: "eventHub" };
    window.fixture.flow.change({ ...window.fixture.flow.topology, sinks });
  });
  await node("sinks/s11").waitFor();
  await page.waitForFunction(() => {
    const canvas = document.querySelector('[data-testid="flow-canvas"]')?.getBoundingClientRect();
    const last = document
      .querySelector('[data-testid="flow-node:sinks/s9"]')
      ?.getBoundingClientRect();
    return canvas && last && last.bottom <= canvas.bottom && last.right <= canvas.right;
  });
  expect(await page.locator(".flow-overview").count()).toBe(0);
  await page.getByRole("button", { name: "Overview", exact: true }).click();
  await page.locator(".flow-overview").waitFor();
  expect(await page.locator(".flow-overview .react-flow__minimap-node").count()).toBe(13);
});

test("a click filters the log; a remote instance can be looked at only; failures can be tried again", async () => {
  await open("fixed");
  expect(await page.getByTestId("flow-fixed").innerText()).toContain("elsewhere");
  expect(await page.getByTestId("palette:route").count()).toBe(0);
  await node("functions/propagate-to-parent").click();
  await eventually("log-scope", "propagate-to-parent");
  await page.waitForFunction(() =>
    [...document.querySelectorAll('[data-testid="log-row"]')].every((row) =>
      row.textContent?.includes("propagate-to-parent"),
    ),
  );
  expect(
    await page.getByLabel("Property", { exact: true }).getAttribute("readonly"),
  ).not.toBeNull();
  await page.close();
  page = await browser.plain("?still&renderer=canvas&broken");
  await page.waitForSelector("html[data-ready=true]");
  await page.getByRole("button", { name: "Flow", exact: true }).click();
  await eventually("flow-failure", "does not answer");
  await page.evaluate(() => {
    window.fixture.flow.broken = false;
  });
  await page.getByRole("button", { name: "Try again" }).click();
  await node("routes/to-parent").waitFor();
});

test("the log shows what went through a node or wire, and what became of it", async () => {
  await open();
  const rows = () => page.getByTestId("log-row");
  const words = async () => (await page.getByTestId("log-scope").innerText()).trim();
  const type = async (filter: string) => {
    await page.getByLabel("Filter the event log").fill(filter);
  };
  await page.evaluate(() => {
    window.fixture.fate = "deadLettered";
    window.fixture.write("thermo_0001", "/temperature", 44, "0af7651916cd43dd", "REST", 1);
  });
  // The log is not on the screen: a key brings it there.
  await page.getByLabel("Close Event log").click();
  await page.getByTestId("log").waitFor({ state: "detached" });
  await node("endpoints/eg-twins").click();
  await page.keyboard.press("l");
  await eventually("log-scope", "endpoint:eg-twins");
  await eventually("log-row", "dead letter");
  expect(await rows().count()).toBeGreaterThan(0);
  await rows().first().click();
  await eventually("event-detail", "matched, to eg-twins: dead letter");
  // A wire, by the button of its inspector.
  await page.evaluate(() => {
    const wire = '[data-id="routes/audit → endpoints/sb-audit"]';
    document
      .querySelector(`.react-flow__edge${wire}`)
      ?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  });
  await page.getByTestId("flow-show-in-log").click();
  expect(await words()).toBe("route:audit endpoint:sb-audit");
  await page.getByText("No match in").waitFor();
  expect(await page.getByTestId("log-remark").count()).toBe(0);
  // It is taken away, and a name that nothing has is told apart from one that nothing went through.
  await page.getByTestId("log-scope").click();
  await rows().first().waitFor();
  await type("route:to-parents");
  await eventually("log-remark", "There is no route “to-parents”");
  await type("route:to-parent");
  await rows().first().waitFor();
  const offered = await page.evaluate(() =>
    [...document.querySelectorAll("datalist option")].map((option) => option.getAttribute("value")),
  );
  expect(offered).toContain("subscription:parent");
});

test("what a person moved, and what is not deployed, is there when the page comes back", async () => {
  await open();
  const from = await middle("flow-node:functions/ingest");
  await drag(from, { x: from.x + 30, y: from.y + 80 });
  await node("functions/ingest").click();
  await page.getByTestId("flow-delete").click();
  await page.waitForFunction(() => {
    const view = window.fixture.lastView as { flow?: { edits?: object } } | null;
    return view?.flow?.edits;
  });
  const kept = await page.evaluate(() => JSON.stringify(window.fixture.lastView));
  expect(JSON.parse(kept).flow.places).toHaveProperty("functions/ingest");
  await page.addInitScript((view) => sessionStorage.setItem("view", view), kept);
  await page.reload();
  await show();
  await eventually("deploy-bar", "ingest");
  expect(await node("functions/ingest").count()).toBe(0);
  await page.getByRole("button", { name: "Revert" }).click();
  await node("functions/ingest").waitFor();
});

test("the shell's policy holds: no inline script, no other origin", async () => {
  const shell = JSON.parse(
    readFileSync(new URL("../../../tauri.conf.json", import.meta.url), "utf8"),
  );
  const { csp } = shell.app.security;
  page = await browser.plain("?still&renderer=canvas", { "content-security-policy": csp });
  const refused: string[] = [];
  page.on("console", (message) => message.type() === "error" && refused.push(message.text()));
  await page.reload();
  await show();
  await node("routes/to-parent").click();
  await page.getByTestId("flow-json").click();
  await page.getByTestId("topology-editor").waitFor();
  expect(refused).toEqual([]);
});
