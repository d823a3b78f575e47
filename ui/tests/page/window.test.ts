import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { eachOnItsOwnPage } from "../fixture-page";

let page: Page;

eachOnItsOwnPage((own) => {
  page = own;
});

const drag = (kind: "over" | "dropped", ...paths: string[]) =>
  page.evaluate(([kind, paths]) => window.fixture.drag({ kind, paths }), [kind, paths] as const);
const target = () => page.evaluate(() => window.fixture.target);

test("files over the window say what becomes of them, and open when they are dropped", async () => {
  await drag("over", "/home/me/rooms.csv", "/home/me/rooms.models.json");
  const ground = page.getByTestId("drop-ground");
  expect(await ground.innerText()).toContain("Open 2 files together");
  expect(await ground.innerText()).toContain("In place of Sample building");
  await drag("dropped", "/home/me/rooms.csv", "/home/me/rooms.models.json");
  await ground.waitFor({ state: "detached" });
  await page.waitForFunction(() => window.fixture.target.kind === "files");
  expect(await target()).toEqual({
    kind: "files",
    paths: ["/home/me/rooms.csv", "/home/me/rooms.models.json"],
  });
});

test("what cannot be opened is refused in words, and what is open stays", async () => {
  await drag("over", "/home/me/rooms.csv", "/home/me/notes.txt");
  expect(await page.getByTestId("drop-ground").getAttribute("data-refused")).toBe("true");
  await drag("dropped", "/home/me/rooms.csv", "/home/me/notes.txt");
  await page.getByText("Not a file of twins and models: notes.txt").waitFor();
  expect(await target()).toEqual({ kind: "sample" });
});

test("what can be opened is chosen by arrows, round both ends", async () => {
  await page.evaluate(() => {
    window.fixture.recent = [{ kind: "workspace", path: "/home/me/tower" }];
  });
  await page.keyboard.press("Control+o");
  const focused = (words: string) =>
    page.waitForFunction(
      (words) =>
        document.activeElement?.matches(".choice") &&
        document.activeElement.textContent?.includes(words),
      words,
    );
  await page.getByRole("dialog", { name: "Open" }).getByText("Opened lately").waitFor();
  await focused("Sample building");
  await page.keyboard.press("ArrowDown");
  await focused("Workspace folder");
  await page.keyboard.press("End");
  await focused("tower");
  await page.keyboard.press("ArrowDown");
  await focused("Sample building");
  await page.keyboard.press("ArrowUp");
  await focused("tower");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => window.fixture.target.kind === "workspace");
});

test.each([900, 800])(
  "at %d pixels every control of the bars is within its panel",
  async (width) => {
    await page.setViewportSize({ width, height: 600 });
    await page.evaluate(() => {
      window.fixture.arranging = 0.4;
      window.fixture.write("thermo_0003", "/temperature", 20, "f0", "REST", 1);
    });
    await page.locator("[data-twin-id=Room_11]").focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Hide the selected").click();
    await page.getByTestId("explore-hidden").waitFor();
    const outside = await page.evaluate(() => {
      const panel = document.querySelector(".graph")?.getBoundingClientRect();
      if (!panel) return ["no panel"];
      return [
        ...document.querySelectorAll(
          ".graph :is(.graph-toolbar, .explore-bar) :is(button, select, input)",
        ),
      ]
        .filter((each) => {
          const box = each.getBoundingClientRect();
          return box.width > 0 && (box.left < panel.left || box.right > panel.right);
        })
        .map((each) => each.getAttribute("aria-label") ?? each.textContent);
    });
    expect(outside).toEqual([]);
    // What is only an icon now still has its name.
    await page.getByRole("button", { name: "Appearance" }).click();
    await page.getByRole("dialog", { name: "Appearance" }).waitFor();
  },
);

test("a swatch has the colour of the drawing, whatever colours it", async () => {
  await page.locator("[data-twin-id=Room_11]").focus();
  await page.keyboard.press("Enter");
  const swatch = (path: string) => page.locator(`[data-path="/${path}"] .swatch`);
  await swatch("currentTemp").waitFor();
  expect(await swatch("usage").count()).toBe(0);
  await page.getByTestId("appearance").click();
  await page.getByRole("radio", { name: "Property" }).click();
  await page.getByLabel("Property", { exact: true }).last().selectOption("usage");
  await page.keyboard.press("Escape");
  await swatch("usage").waitFor();
  expect(await swatch("currentTemp").count()).toBe(0);
  const of = (selector: string) =>
    page.locator(selector).evaluate((each) => getComputedStyle(each).backgroundColor);
  expect(await of('[data-path="/usage"] .swatch')).toBe(
    await of('[data-testid="scale-key"] .swatch'),
  );
});

/** How many pixels of the drawing are teal, before a change of a twin and again and again after it. */
const tealAfter = (value: number) =>
  page.evaluate(async (value) => {
    const layers = [...document.querySelectorAll<HTMLCanvasElement>(".graph-canvas canvas")];
    const teal = (layer: HTMLCanvasElement) => {
      const pixels = layer.getContext("2d")?.getImageData(0, 0, layer.width, layer.height).data;
      let found = 0;
      for (let at = 0; pixels && at < pixels.length; at += 4) {
        const [red = 0, green = 0, blue = 0] = pixels.subarray(at, at + 3);
        if (green - red > 24 && blue - red > 16) found++;
      }
      return found;
    };
    const look = () => layers.reduce((sum, layer) => sum + teal(layer), 0);
    const seen = [look()];
    window.fixture.write("Room_03", "/currentTemp", value, "f0", "REST", 1);
    const until = performance.now() + 2500;
    while (performance.now() < until) {
      await new Promise(requestAnimationFrame);
      seen.push(look());
    }
    return seen;
  }, value);

test("with reduced motion nothing fades or glides: a change is a ring that stays, then goes", async () => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.waitForSelector("html[data-motion=reduced]");
  const seen = await tealAfter(25);
  expect(new Set(seen).size).toBe(2);
  expect(seen.at(-1)).toBe(seen[0]);

  const [soon, late, transition] = await page.evaluate(async () => {
    const frames = async (many: number) => {
      for (let frame = 0; frame < many; frame++) await new Promise(requestAnimationFrame);
      return document.querySelector(".zoom")?.textContent;
    };
    const button = document.querySelector<HTMLElement>("[aria-label='Zoom in']");
    button?.click();
    const transition = button && getComputedStyle(button).transitionDuration;
    return [await frames(2), await frames(60), transition];
  });
  expect(soon).toBe(late);
  expect(transition).toBe("0s");
});

test("a file of limits is named or picked; what is wrong with it is said, and the limits stay", async () => {
  await page.getByTestId("limits-item").click();
  const limits = page.getByTestId("limits");
  const chosen = async () =>
    (
      await limits
        .getByRole("radiogroup", { name: "Limits" })
        .locator("[aria-checked=true]")
        .innerText()
    ).trim();
  expect(await chosen()).toBe("The service's");
  expect(await page.getByTestId("limits-file").count()).toBe(0);
  await limits.getByRole("radio", { name: "A file's" }).click();
  const path = limits.getByLabel("File of limits");
  await path.fill("/home/me/damaged.json");
  await path.press("Enter");
  const refused = page.getByTestId("limits-refused");
  await refused.waitFor();
  expect(await refused.innerText()).toContain("line 2, column 9");
  // At its field, which says so to those who do not see it.
  expect(await path.getAttribute("aria-invalid")).toBe("true");
  expect(await path.getAttribute("aria-describedby")).toBe(await refused.getAttribute("id"));
  const below = (await refused.boundingBox())?.y ?? 0;
  const field = (await path.boundingBox())?.y ?? 0;
  expect(below - field).toBeGreaterThan(0);
  expect(below - field).toBeLessThan(60);
  expect(await page.evaluate(() => window.fixture.enforced)).toBe("service");
  // It stays there until something else is chosen, however often the table is read.
  await page.waitForTimeout(1_200);
  expect(await refused.count()).toBe(1);
  await path.fill("/home/me/limits.json");
  await path.press("Enter");
  await refused.waitFor({ state: "detached" });
  await limits.getByText("Read again").waitFor();
  expect(await page.evaluate(() => window.fixture.enforced)).toEqual({
    file: "/home/me/limits.json",
  });
  expect(await chosen()).toBe("A file's");
  await limits.getByText("Pick …").click();
  await page.waitForFunction(() => JSON.stringify(window.fixture.enforced).includes("ca.pem"));
  await limits.getByRole("radio", { name: "None" }).click();
  await page.getByTestId("limits-file").waitFor({ state: "detached" });
  expect(await page.evaluate(() => window.fixture.enforced)).toBe("none");
});

test("Ctrl+A is a field's; elsewhere the web view would select the whole window with it", async () => {
  const [outside, inField, onCheckbox] = await page.evaluate(() => {
    const field = document.createElement("input");
    document.body.append(field);
    const taken = (target: Element) => {
      const init = { key: "a", ctrlKey: true, bubbles: true, cancelable: true };
      return !target.dispatchEvent(new KeyboardEvent("keydown", init));
    };
    const checkbox = document.createElement("input");
    checkbox.type = "checkbox";
    document.body.append(checkbox);
    return [taken(document.body), taken(field), taken(checkbox)];
  });
  expect([outside, inField, onCheckbox]).toEqual([true, false, true]);
});
