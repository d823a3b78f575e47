import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { StageBrowser } from "./drawing/browser";
import type { FixtureHost } from "./fixture-host";

declare global {
  interface Window {
    fixture: FixtureHost;
  }
}

/** The page on its played backend, anew for each test of a file; nothing moves but what a test moves. */
export function eachOnItsOwnPage(take: (page: Page) => void | Promise<void>): void {
  let browser: StageBrowser;
  let page: Page | undefined;
  beforeAll(async () => {
    browser = await StageBrowser.open("fixture.html");
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    page = await browser.plain("?still&renderer=canvas");
    await page.waitForSelector("html[data-ready=true]");
    await take(page);
  });
  afterEach(() => page?.close());
}
