import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { eachOnItsOwnPage } from "../fixture-page";

let page: Page;

eachOnItsOwnPage(async (own) => {
  page = own;
  await page.keyboard.press("Control+e");
  await page.waitForFunction(() => document.activeElement?.closest(".query-editor"));
});

const hot =
  "SELECT T.$dtId, T.temperature FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Thermostat;1') AND T.temperature > 90";

const write = (text: string) => page.keyboard.insertText(text);
const told = (id: string) => page.getByTestId(id).innerText();
const eventually = (id: string, words: string) =>
  page.waitForFunction(
    ([id, words]) =>
      document.querySelector(`[data-testid="${id}"]`)?.textContent?.includes(words ?? ""),
    [id, words],
  );

test("a query by keyboard: rows, what was looked at, and the overlay that Esc takes away", async () => {
  await write("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')");
  await page.waitForSelector(".piece-keyword");
  expect(await page.locator(".piece-modelId").innerText()).toContain("Room;1");
  await page.keyboard.press("Control+Enter");
  await eventually("query-count", "24 rows");
  expect(await told("query-explain")).toContain("52 scanned, column temperature");
  await eventually("overlay-bar", "Query: 24 twins");
  expect(await page.getByTestId("query-row").first().getAttribute("data-twin")).toBe("Room_01");

  await page.getByTestId("query-rows").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForSelector('[data-testid="query-row"][aria-selected="true"]');
  await eventually("inspector-title", "Room_02");
  await page.keyboard.press("Escape");
  await page.waitForSelector('[data-testid="overlay-bar"]', { state: "detached" });
  expect(await page.getByTestId("query-overlay").getAttribute("aria-pressed")).toBe("false");
  await page.getByTestId("query-overlay").click();
  await eventually("overlay-bar", "24 twins");
});

test("a refused text has its sentence, and the caret where it is wrong", async () => {
  await write("SELECT T.temperature");
  await page.keyboard.press("Home");
  await page.keyboard.press("Control+Enter");
  await eventually("query-failure", "FROM is missing");
  await write(" FROM DIGITALTWINS T");
  await page.keyboard.press("Control+Enter");
  await eventually("query-count", "52 rows");
});

test("completion comes from the backend, and is taken by Enter", async () => {
  await page.keyboard.type("SELECT * FROM DIGITALTWINS T WHERE T.hum");
  await page.waitForSelector(".cm-tooltip-autocomplete li[aria-selected=true]");
  // The editor takes no key for a choice that has just appeared (75 ms): it may have been meant for the text.
  await page.waitForTimeout(150);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".cm-tooltip-autocomplete", { state: "detached" });
  expect(await page.locator(".cm-line").first().innerText()).toContain("T.humidity");
});

test("live rows come, change and go with the twins", async () => {
  await page.getByTestId("query-live").click();
  expect(await page.getByTestId("query-live").getAttribute("aria-pressed")).toBe("true");
  await page.locator(".query-editor .cm-content").focus();
  await write(hot);
  await page.keyboard.press("Control+Enter");
  await eventually("query-no-rows", "No row now");
  const set = (value: number) =>
    page.evaluate(
      (value) => window.fixture.write("thermo_0003", "/temperature", value, "f0", "REST", 1),
      value,
    );
  await set(95);
  await page.waitForSelector('[data-testid="query-row"][data-twin="thermo_0003"] .flash');
  await eventually("query-count", "1 row");
  await eventually("overlay-bar", "1 twin");
  await set(96.5);
  await eventually("query-rows", "96.5");
  await set(20);
  await eventually("query-no-rows", "No row now");
});

test("100,000 rows: only what is seen is there, pages load as they are reached", async () => {
  await write("SELECT TOP(100000) FROM DIGITALTWINS T");
  await page.keyboard.press("Control+Enter");
  await eventually("query-count", "100,000 rows");
  expect(await page.getByTestId("query-row").count()).toBeLessThan(60);
  expect(await page.locator(".query-foot").innerText()).toContain("1,000 of 100,000 loaded");
  await page.getByTestId("query-rows").evaluate((rows) => rows.scrollTo({ top: 1e9 }));
  await page.waitForFunction(() =>
    document.querySelector(".query-foot")?.textContent?.includes("2,000 of 100,000"),
  );
  await page.getByRole("button", { name: "$dtId" }).click();
  expect(await page.locator(".query-foot").innerText()).toContain("sorted among these only");
});

test("history, kept queries and samples", async () => {
  await page.getByTestId("query-sample").nth(1).click();
  await page.getByTestId("query-row").first().waitFor();
  await page.getByTestId("query-saved").click();
  await page.getByLabel("Name of the query").fill("Warm ones");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Warm ones", exact: true }).waitFor();
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => window.fixture.queries.saved["Warm ones"])).toContain("> 21.6");
  await page.getByTestId("query-past").click();
  expect(await page.getByRole("menuitem").count()).toBe(1);
  await page.keyboard.press("Escape");
  await page.getByTestId("query-export").click();
  await page.getByRole("menuitem").first().click();
  await page.getByText("Exported").first().waitFor();
  expect(await page.evaluate(() => window.fixture.queries.exported)).toEqual(["/home/me/rows.csv"]);
});

test("the filter takes a text or a condition, and takes a query's overlay over", async () => {
  await page.getByTestId("filter").click();
  await page.getByTestId("filter-input").fill("thermo_000");
  await eventually("overlay-bar", "Filter: 9 twins");
  expect(await told("filter-told")).toContain("9 twins by text");
  await page.getByTestId("filter-input").fill("temperature > 0");
  await eventually("filter-told", "24 twins by condition");
  await page.getByRole("radio", { name: "Hide the rest" }).click();
  await page.waitForFunction(() => !document.querySelector('[data-twin-id="Room_01"]'));
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await page.waitForSelector('[data-testid="overlay-bar"]', { state: "detached" });
  await page.waitForSelector('[data-twin-id="Room_01"]', { state: "attached" });
});

test("each tab has its text, its rows and its overlay, and lets go of them when it is closed", async () => {
  const kept = () => page.evaluate(() => window.fixture.queries.kept);
  const tab = (name: string) => page.getByRole("tab", { name });
  await write("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')");
  await page.keyboard.press("Control+Enter");
  await eventually("overlay-bar", "Query: 24 twins");

  await page.keyboard.press("Control+t");
  await page.waitForSelector('[data-testid="overlay-bar"]', { state: "detached" });
  await page.waitForFunction(() => document.activeElement?.closest(".query-editor"));
  expect(await page.locator(".query-editor .cm-content").innerText()).not.toContain("Room;1");
  await page.getByTestId("query-live").click();
  await page.locator(".query-editor .cm-content").focus();
  await write(hot);
  await page.keyboard.press("Control+Enter");
  await eventually("query-no-rows", "No row now");
  expect(await kept()).toBe(2);

  // A live query goes on while another tab is in sight.
  await page.keyboard.press("Control+PageUp");
  await eventually("overlay-bar", "Query: 24 twins");
  expect(await page.getByTestId("query-row").first().getAttribute("data-twin")).toBe("Room_01");
  await page.evaluate(() =>
    window.fixture.write("thermo_0003", "/temperature", 95, "f0", "REST", 1),
  );
  await tab("Query 2 1").waitFor();
  await tab("Query 2").click();
  await page.waitForSelector('[data-testid="query-row"][data-twin="thermo_0003"]');
  await eventually("overlay-bar", "1 twin");

  // What can be undone stays with its text.
  await page.keyboard.press("F2");
  await page.getByLabel("Name of the tab").fill("Hot");
  await page.keyboard.press("Enter");
  await tab("Hot 1").waitFor();
  await page.locator(".query-editor .cm-content").focus();
  await page.keyboard.press("Control+w");
  await eventually("overlay-bar", "Query: 24 twins");
  expect(await page.getByTestId("query-tab").count()).toBe(1);
  expect(await kept()).toBe(1);
  // The editor takes the other text over a little later than the graph its overlay.
  await page.locator(".query-editor .cm-content", { hasText: "Room;1" }).focus();
  await page.keyboard.press("Control+z");
  await page.waitForFunction(
    () => !document.querySelector(".query-editor .cm-content")?.textContent?.includes("Room;1"),
  );
});

test("tabs are kept with the graph that they are of", async () => {
  await write("SELECT * FROM DIGITALTWINS");
  await page.getByTestId("query-new").click();
  await page.getByRole("tab", { name: "Query 2" }).dblclick();
  await page.getByLabel("Name of the tab").fill("Two");
  await page.keyboard.press("Enter");
  await page.locator(".query-editor .cm-content").focus();
  await write("SELECT COUNT() FROM DIGITALTWINS");
  await page.waitForFunction(() => JSON.stringify(window.fixture.lastView).includes("COUNT()"));
  const open = (view: unknown) =>
    page.evaluate(async (view) => {
      const { fixture } = window;
      fixture.lastView = view;
      await fixture.call({ type: "open", target: { kind: "sample" }, anew: false });
    }, view);
  const before = await page.evaluate(() => window.fixture.lastView);
  await open(null);
  await page.waitForFunction(() => document.querySelectorAll(".query-tab").length === 1);
  await open(before);
  await page.getByRole("tab", { name: "Two" }).waitFor();
  expect(await page.locator(".query-editor .cm-content").innerText()).toContain("COUNT()");
  await page.getByRole("tab", { name: "Query 1" }).click();
  await page.waitForFunction(() =>
    document.querySelector(".query-editor .cm-content")?.textContent?.includes("SELECT *"),
  );
});

test("a live tab is followed again when its graph is opened again", async () => {
  await page.getByTestId("query-live").click();
  await page.locator(".query-editor .cm-content").focus();
  await write("SELECT * FROM DIGITALTWINS T WHERE IS_OF_MODEL(T, 'dtmi:com:contoso:Room;1')");
  await page.keyboard.press("Control+Enter");
  await eventually("query-count", "24 rows");
  await page.waitForFunction(() => JSON.stringify(window.fixture.lastView).includes("Room;1"));
  await page.evaluate(async () => {
    await window.fixture.call({ type: "open", target: { kind: "sample" }, anew: false });
  });
  await eventually("query-count", "24 rows");
  expect(await page.getByTestId("query-live").getAttribute("aria-pressed")).toBe("true");
  await eventually("overlay-bar", "24 twins");
});

test("there are so many tabs and no more, and the last one is never gone", async () => {
  for (let more = 0; more < 7; more++) await page.getByTestId("query-new").click();
  expect(await page.getByTestId("query-new").isDisabled()).toBe(true);
  await page.keyboard.press("Control+t");
  await page.getByText("There are 8 tabs of queries").first().waitFor();
  // The key puts the caret into the text with the next frame.
  await page.waitForFunction(() => document.activeElement?.closest(".query-editor"));
  await page.locator('.query-tab [aria-selected="true"]').focus();
  for (let left = 8; left > 0; left--) {
    await page.keyboard.press("Delete");
    await page.waitForFunction(
      (left) =>
        document.querySelectorAll(".query-tab").length === left &&
        document.activeElement?.closest(".query-tab"),
      Math.max(1, left - 1),
    );
  }
  expect(await page.getByTestId("query-tab").count()).toBe(1);
});

test("an export is cancelled, and says so", async () => {
  await page.evaluate(() => {
    window.fixture.queries.slow = true;
  });
  await write("SELECT TOP(100000) FROM DIGITALTWINS T");
  await page.keyboard.press("Control+Enter");
  await eventually("query-count", "100,000 rows");
  await page.getByTestId("query-export").click();
  await page.getByRole("menuitem").first().click();
  await page.getByRole("progressbar", { name: "Export" }).waitFor();
  await page.getByLabel("Cancel the export").click();
  await page.getByText("Export cancelled").first().waitFor();
  await page.getByRole("progressbar", { name: "Export" }).waitFor({ state: "detached" });
  expect(await page.getByTestId("query-row").count()).toBeGreaterThan(0);
});

test("of a remote instance the service is asked, or the copy; live is of the copy", async () => {
  const asked = () =>
    page.evaluate(() => window.fixture.queries.asked.map(({ on, live }) => [on, live]));
  await page.evaluate(() => {
    window.fixture.target = {
      kind: "remote",
      endpoint: "https://far:8443",
      ca: null,
      credential: { kind: "developerTools" },
    };
  });
  await page.getByTestId("query-on").waitFor();
  await page.getByRole("radio", { name: "Service" }).click();
  await page.locator(".query-editor .cm-content").focus();
  await write(hot);
  await page.keyboard.press("Control+Enter");
  await eventually("query-explain", "Service, 12.50 query units");

  await page.getByTestId("query-live").click();
  await eventually("query-no-rows", "No row now");
  expect(await page.getByRole("radio", { name: "Copy" }).getAttribute("aria-checked")).toBe("true");
  expect(await asked()).toEqual([
    ["service", false],
    ["graph", true],
  ]);
  await page.evaluate(() =>
    window.fixture.write("thermo_0003", "/temperature", 95, "f0", "REST", 1),
  );
  await page.waitForSelector('[data-testid="query-row"][data-twin="thermo_0003"]');

  // The service again ends live; what is no longer answered is said, and the rows stay.
  await page.evaluate(() => {
    window.fixture.queries.lost = true;
  });
  await eventually("query-failure", "no longer kept");
  expect(await page.getByTestId("query-row").count()).toBe(1);
  await page.getByRole("radio", { name: "Service" }).click();
  expect(await page.getByTestId("query-live").getAttribute("aria-pressed")).toBe("false");
});
