import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { eachOnItsOwnPage } from "../fixture-page";

let page: Page;

eachOnItsOwnPage((own) => {
  page = own;
});

const select = async (twin: string, ...modifiers: ("Control" | "Shift")[]) => {
  const box = await page.locator(`[data-twin-id=${twin}]`).boundingBox();
  if (!box) throw new Error(`${twin} is not on the screen`);
  for (const key of modifiers) await page.keyboard.down(key);
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  for (const key of modifiers) await page.keyboard.up(key);
};
const onDrawing = (twin: string, is: boolean) =>
  page.locator(`[data-twin-id=${twin}]`).waitFor({ state: is ? "attached" : "detached" });
const hidden = () => page.getByTestId("explore-hidden").innerText();

test("isolate, undo and redo go through what is shown, and the list goes with them", async () => {
  await page.getByLabel("List of twins").first().click();
  const listed = page.getByTestId("twin-list").locator("header .number");
  const lists = (many: number) =>
    page.waitForFunction(
      (many) =>
        document.querySelector('[data-testid="twin-list"] header .number')?.textContent === many,
      String(many),
    );
  expect(await listed.innerText()).toBe("52");
  await page.getByTestId("twin-list").getByText("Room_05", { exact: true }).click();
  await page.getByLabel("Show only the selected").click();
  await lists(1);
  expect(await hidden()).toBe("51 hidden");
  await page.getByLabel("Undo hiding or showing").click();
  await lists(52);
  await page.getByLabel("Redo").click();
  await lists(1);
  await page.getByText("Show all").click();
  await lists(52);
  await page.getByLabel("Hide the selected").click();
  await lists(51);
  expect(await page.getByTestId("twin-list").getByText("Room_05", { exact: true }).count()).toBe(0);
  // The filter that hides the rest counts, too.
  await page.getByTestId("filter").click();
  await page.getByTestId("filter-input").fill("thermo_000");
  await page.getByRole("radio", { name: "Hide the rest" }).click();
  await lists(9);
});

test("the list opens at the selected twin", async () => {
  await select("Room_18");
  await page.getByLabel("List of twins").first().click();
  const list = page.getByTestId("twin-list").getByRole("listbox");
  await list.locator('[aria-selected="true"]').getByText("Room_18", { exact: true }).waitFor();
  const [row, room] = await Promise.all([
    list.locator('[aria-selected="true"]').boundingBox(),
    list.boundingBox(),
  ]);
  if (!row || !room) throw new Error("There is no list");
  expect(row.y).toBeGreaterThanOrEqual(room.y);
  expect(row.y + row.height).toBeLessThanOrEqual(room.y + room.height);
});

test("paths between two twins are selected and said", async () => {
  await select("Room_09");
  await select("Room_12", "Control");
  await page.getByLabel("Shortest paths between the two").click();
  await page.getByText("Room_09 → Room_12").first().waitFor();
  expect(await page.getByTestId("group-bar").innerText()).toContain("2 twins selected");
  // A click on one of them looks at it, a click beside them lets them go.
  await select("Room_12");
  expect(await page.getByTestId("group-bar").innerText()).toContain("2 twins selected");
  await select("Room_18");
  await page.getByTestId("group-bar").waitFor({ state: "detached" });
});

test("by keys: hide, take it back, hide again; an edit in between is taken back in its turn", async () => {
  await select("Room_11");
  await page.keyboard.press("h");
  await onDrawing("Room_11", false);
  await select("Room_12");
  await page.locator('[data-path="/seats"]').getByTestId("property-value").click();
  await page.getByTestId("property-edit-input").fill("12");
  await page.keyboard.press("Control+Enter");
  await page.getByTestId("property-edit-input").waitFor({ state: "detached" });
  await select("Room_13");
  await page.keyboard.press("h");
  await onDrawing("Room_13", false);

  await page.keyboard.press("Control+z");
  await onDrawing("Room_13", true);
  expect(await page.evaluate(() => window.fixture.patches.length)).toBe(1);
  await page.keyboard.press("Control+z");
  await page.getByText("Undone: seats of Room_12").first().waitFor();
  await onDrawing("Room_11", false);
  await page.keyboard.press("Control+z");
  await onDrawing("Room_11", true);
  await page.keyboard.press("Control+Shift+z");
  await onDrawing("Room_11", false);
});

test("an expansion that shows nothing new is no step to undo", async () => {
  await select("Room_11");
  await page.getByTestId("expand").click();
  await page.getByTestId("expand-now").click();
  await page.getByTestId("expanded").waitFor();
  expect(await page.getByLabel("Undo hiding or showing").isDisabled()).toBe(true);
});

test("a kept view brings back what was shown, selected and coloured", async () => {
  await select("Room_11");
  await page.getByLabel("Show only the selected").click();
  await page.getByTestId("views").click();
  await page.getByLabel("Name of the view").fill("One room");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "One room", exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("Show all").click();
  await onDrawing("Room_12", true);
  await select("Room_12");
  await page.getByTestId("views").click();
  await page.getByRole("button", { name: "One room", exact: true }).click();
  await onDrawing("Room_12", false);
  await page.getByTestId("inspector-title").getByText("Room_11").waitFor();
  await page.getByTestId("views").click();
  await page.getByLabel("Forget One room").click();
  await page.getByText("No view is kept yet.").waitFor();
});

test("after a click on a twin the arrows follow its relationships, after one beside they pan", async () => {
  const middleOf = async (id: string) => {
    const box = await page.locator(`[data-twin-id=${id}]`).boundingBox();
    if (!box) throw new Error(`${id} is not on the screen`);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const inspected = (id: string) => page.getByTestId("inspector-title").getByText(id).waitFor();
  const at = await middleOf("thermo_0011");
  await page.mouse.click(at.x, at.y);
  await inspected("thermo_0011");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await inspected("Room_11");
  expect(await middleOf("thermo_0011")).toEqual(at);
  // The focus is on what is hidden; the next key is the drawing's.
  await page.keyboard.press("h");
  await onDrawing("Room_11", false);
  await page.keyboard.press("u");
  await onDrawing("Room_11", true);
  // Between the rooms and their thermostats there is nothing.
  const room = await middleOf("Room_11");
  await page.mouse.click(room.x - 60, (room.y + at.y) / 2);
  await page.keyboard.press("ArrowUp");
  await page.waitForFunction(
    (top) =>
      (document.querySelector("[data-twin-id=Room_11]")?.getBoundingClientRect().y ?? 0) > top,
    room.y + 20,
  );
});
