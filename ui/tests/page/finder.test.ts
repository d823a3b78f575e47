import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { eachOnItsOwnPage } from "../fixture-page";

let page: Page;

eachOnItsOwnPage((own) => {
  page = own;
});

const twins = () => page.getByTestId("search-input");
const hits = () => page.locator(".finder-hits [role=option]");
const focused = () => page.evaluate(() => (document.activeElement as HTMLElement).dataset.testid);
const chosen = () =>
  page.evaluate(() => {
    const id = document.activeElement?.getAttribute("aria-activedescendant");
    const hit = id && document.getElementById(id);
    if (!hit) return null;
    const [box, list] = [hit, hit.closest(".finder-hits")].map((one) =>
      one?.getBoundingClientRect(),
    );
    return { text: hit.innerText, seen: !!box && !!list && box.bottom <= list.bottom + 1 };
  });
const selected = (twin: string) =>
  page
    .getByTestId("inspector-title")
    .filter({ hasText: new RegExp(`^${twin}$`) })
    .waitFor();

test("arrows go through the hits in sight, Enter goes there, Escape empties", async () => {
  await page.setViewportSize({ width: 1280, height: 500 });
  await page.keyboard.press("Control+f");
  await page.keyboard.type("room_");
  await hits().first().waitFor();
  expect(await chosen()).toMatchObject({ seen: true });
  for (let step = 0; step < 20; step++) await page.keyboard.press("ArrowDown");
  const last = await chosen();
  expect(last).toMatchObject({ text: await hits().last().innerText() });
  expect(last?.seen).toBe(true);
  await page.keyboard.press("Enter");
  await selected(last?.text.split(/\s/)[0] ?? "");
  expect(await hits().count()).toBe(0);
  await page.keyboard.press("Escape");
  expect(await twins().inputValue()).toBe("");
});

test("Enter before the answer came goes to the best hit", async () => {
  await page.keyboard.press("Control+f");
  await page.keyboard.type("Room_14");
  await page.keyboard.press("Enter");
  await selected("Room_14");
});

test("what nothing is found for is said", async () => {
  await page.keyboard.press("Control+f");
  await page.keyboard.type("nowhere");
  await page.getByText("No twin has “nowhere” in its id, name or model").waitFor();
  expect(await chosen()).toBeNull();
  await page.keyboard.press("Enter");
  expect(await twins().inputValue()).toBe("nowhere");
});

test("Ctrl F is for the finder on screen", async () => {
  await page.getByRole("button", { name: "Flow", exact: true }).click();
  await page.getByTestId("flow-find").waitFor();
  await page.keyboard.press("Control+f");
  expect(await focused()).toBe("flow-find");
  await page.keyboard.type("to-parent");
  await page.keyboard.press("Enter");
  await page.getByTestId("flow-inspector-title").filter({ hasText: "to-parent" }).waitFor();
});
