import { mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { StageBrowser } from "./browser";
import type { graphs } from "./graphs";

/** `make pictures`: the drawing to look at, far and near, light and dark. */
const folder = process.env.PICTURES;

const subjects: { graph: keyof typeof graphs; count: number; nears: number[]; at?: string }[] = [
  { graph: "building", count: 60, nears: [1] },
  { graph: "building", count: 10_000, nears: [1, 2.5, 8], at: "Room_1800" },
  { graph: "building", count: 100_000, nears: [1, 1.6, 3, 8, 30], at: "Room_18020" },
  { graph: "network", count: 10_000, nears: [1, 2.4, 4, 16], at: "twin_120" },
  { graph: "hub", count: 50_000, nears: [1, 20], at: "hub" },
  { graph: "parallel", count: 5000, nears: [1] },
  { graph: "isolated", count: 1_000_000, nears: [1, 100], at: "alone_500500" },
  { graph: "names", count: 0, nears: [1] },
];

test.runIf(folder)("pictures", { timeout: 600_000 }, async () => {
  mkdirSync(folder ?? "", { recursive: true });
  const browser = await StageBrowser.open();
  const page = await browser.page("");
  await page.evaluate(() => {
    window.stage = new window.Stage(1440, 900, 1);
  });
  for (const { graph, count, nears, at } of subjects) {
    await page.evaluate(([graph, count]) => window.stage.make(graph, count), [
      graph,
      count,
    ] as const);
    for (const near of nears) {
      for (const theme of ["light", "dark"] as const) {
        const url = await page.evaluate(
          ([near, theme, at]) => {
            const { stage } = window;
            stage.theme(theme);
            stage.fit();
            const zoom = stage.camera.zoom * near;
            if (at && near > 1) stage.look(at, zoom);
            else stage.camera = { ...stage.camera, zoom };
            return stage.png("canvas");
          },
          [near, theme, at] as const,
        );
        const file = `${folder}/${graph}-${count}-${near}x-${theme}.png`;
        writeFileSync(file, Buffer.from(url.split(",")[1] ?? "", "base64"));
      }
    }
  }
  await browser.close();
  expect(folder).toBeTruthy();
});
