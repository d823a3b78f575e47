import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StageBrowser } from "./browser";
import type { graphs } from "./graphs";

const folder = fileURLToPath(new URL("pictures/", import.meta.url));
const update = process.env.UPDATE_PICTURES === "1";
const paths = ["canvas", "webgl"] as const;

interface View {
  graph: keyof typeof graphs;
  count: number;
  theme: "light" | "dark";
  density?: number;
  /** The twin in the middle and the scale; the whole graph otherwise. */
  look?: [id: string, zoom: number];
  selected?: string;
  hovered?: string;
  /** Every so many twins are matched by a query. */
  lit?: number;
}

const views: Record<string, View> = {
  building: { graph: "building", count: 130, theme: "light" },
  "building-dark": { graph: "building", count: 130, theme: "dark" },
  "building-dense": { graph: "building", count: 130, theme: "light", density: 2 },
  near: { graph: "building", count: 130, theme: "dark", look: ["Room_3", 1.3], selected: "Room_3" },
  middle: { graph: "building", count: 4000, theme: "light", look: ["Room_500", 0.09] },
  far: { graph: "building", count: 100_000, theme: "light" },
  fading: { graph: "building", count: 20_000, theme: "dark", look: ["Room_3000", 0.04] },
  parallel: { graph: "parallel", count: 5000, theme: "light" },
  hub: { graph: "hub", count: 3000, theme: "light", hovered: "hub" },
  lit: { graph: "building", count: 130, theme: "dark", lit: 3 },
  "lit-far": { graph: "building", count: 20_000, theme: "light", lit: 50 },
  network: { graph: "network", count: 800, theme: "dark" },
  clusters: { graph: "network", count: 10_000, theme: "light" },
  parting: { graph: "network", count: 10_000, theme: "dark", look: ["twin_120", 0.25] },
  names: { graph: "names", count: 0, theme: "light" },
};

let browser: StageBrowser;
let page: Page;
let dense: Page;

beforeAll(async () => {
  browser = await StageBrowser.open();
  [page, dense] = await Promise.all([browser.page(folder), browser.page(folder, 2)]);
});
afterAll(() => browser?.close());

/** Shows a view; the page then has a `stage` to draw on either path. */
async function show(on: Page, view: View): Promise<void> {
  await on.evaluate(async (view) => {
    window.stage ??= new window.Stage(480, 300);
    const { stage } = window;
    stage.theme(view.theme);
    stage.more = {};
    stage.make(view.graph, view.count);
    if (view.look) stage.look(...view.look);
    const at = (id?: string) => stage.scene.index.get(id ?? "") ?? null;
    stage.more = { selected: at(view.selected), hovered: at(view.hovered) };
    stage.lit = null;
    if (view.lit) stage.light(view.lit);
  }, view);
}

/** Fonts that only some machines have are in it. */
const ofThisMachine = ["names"];

test.each(Object.entries(views))(
  "%s looks the same on both paths, and as it did",
  async (name, view) => {
    const on = view.density === 2 ? dense : page;
    await show(on, view);
    const file = `${folder}${name}.png`;
    const kept = !ofThisMachine.includes(name);
    if (update && kept) {
      mkdirSync(folder, { recursive: true });
      const url = await on.evaluate(() => window.stage.png("canvas"));
      writeFileSync(file, Buffer.from(url.split(",")[1] ?? "", "base64"));
    }
    if (kept) expect(existsSync(file), `${file}: make it with UPDATE_PICTURES=1`).toBe(true);
    const differs = await on.evaluate(
      async (address) => {
        const { stage } = window;
        const [canvas, webgl] = [stage.pixels("canvas"), stage.pixels("webgl")];
        const before = address ? await stage.kept(address) : canvas;
        return [
          stage.differing(canvas, webgl),
          stage.differing(canvas, before),
          stage.differing(webgl, before),
        ];
      },
      kept ? `/pictures/${name}.png` : null,
    );
    expect(differs[0], "one path and the other").toBeLessThan(0.004);
    expect(differs[1], "canvas and before").toBeLessThan(0.01);
    expect(differs[2], "WebGL and before").toBeLessThan(0.01);
  },
);

test("a picture that differs is seen to differ", async () => {
  await show(page, views.building as View);
  const differs = await page.evaluate(() => {
    const { stage } = window;
    const before = stage.pixels("canvas");
    stage.camera = { ...stage.camera, x: stage.camera.x + 40 };
    return stage.differing(before, stage.pixels("canvas"));
  });
  expect(differs).toBeGreaterThan(0.02);
});

test.each(paths)("a change of one twin shows on %s, and only there", async (path) => {
  await show(page, views.building as View);
  const [inside, all] = await page.evaluate((path) => {
    const { stage } = window;
    const before = stage.pixels(path);
    stage.change("Room_3", 27);
    const after = stage.pixels(path);
    const box = stage.boxOf("Room_3");
    return [stage.differing(before, after, box), stage.differing(before, after)];
  }, path);
  expect(inside).toBeGreaterThan(0.5);
  expect(all).toBeLessThan(0.01);
});

test.each(paths)("on %s a change fades; with reduced motion it stays, then goes", async (path) => {
  await show(page, views.building as View);
  const [fades, stays, goes, off] = await page.evaluate((path) => {
    const { stage } = window;
    stage.scene.changedAt[stage.scene.index.get("Room_3") ?? -1] = 1000;
    const at = (glow: "decaying" | "steady" | "off", after: number) => {
      stage.more = { glow, now: 1000 + after };
      return stage.pixels(path);
    };
    const differing = [
      stage.differing(at("decaying", 20), at("decaying", 800)),
      stage.differing(at("steady", 20), at("steady", 980)),
      stage.differing(at("steady", 20), at("steady", 1020)),
      stage.differing(at("off", 20), at("off", 1020)),
    ];
    stage.more = {};
    return differing;
  }, path);
  expect(fades).toBeGreaterThan(0);
  expect([stays, off]).toEqual([0, 0]);
  expect(goes).toBeGreaterThan(0);
});

test("an update sends the rows that changed, no more", async () => {
  const sent = await page.evaluate(() => {
    const { stage } = window;
    stage.make("building", 20_000);
    const rows = () => stage.rowsSent();
    const counts = [];
    stage.draw("webgl");
    for (const act of [
      () => undefined,
      () => stage.change("Room_3", 26),
      () => stage.move("Room_3", 5, 0),
    ]) {
      const before = rows();
      act();
      stage.draw("webgl");
      counts.push(rows() - before);
    }
    return counts;
  });
  expect(sent).toEqual([0, 1, 1]);
});

test("WebGL that is lost gives way, and comes back", async () => {
  const own = await browser.page(folder);
  await show(own, views.building as View);
  const seen = await own.evaluate(async () => {
    const { stage } = window;
    const before = stage.pixels("webgl");
    const gone = stage.loseWebgl();
    const lost = await gone.lost;
    stage.drawing.draw(stage.picture());
    const path = stage.drawing.path;
    const other = stage.differing(before, stage.pixels());
    await gone.restore();
    stage.drawing.draw(stage.picture());
    return {
      lost,
      path,
      other,
      again: stage.drawing.path,
      same: stage.differing(before, stage.pixels()),
    };
  });
  await own.close();
  expect(seen).toMatchObject({ lost: true, path: "canvas", again: "webgl" });
  expect(seen.other).toBeLessThan(0.004);
  expect(seen.same).toBe(0);
});

test("the quicker path is found in turns of one frame", async () => {
  await show(page, views.building as View);
  const seen = await page.evaluate(() => {
    const { stage } = window;
    stage.drawing.choose("auto");
    const picture = stage.picture();
    let turns = 1;
    while (!stage.drawing.compare(picture)) turns++;
    stage.drawing.draw(picture);
    const { path } = stage.drawing;
    return { turns, path, undecided: stage.drawing.undecided(picture) };
  });
  expect(seen.turns).toBe(6);
  expect(["canvas", "webgl"]).toContain(seen.path);
  expect(seen.undecided).toBe(false);
});

test("what is hit is what is seen there", async () => {
  await show(page, { ...(views.building as View), look: ["Room_7", 1] });
  const hits = await page.evaluate(() => {
    const { stage } = window;
    const at = (id: string, dx: number, dy: number) => {
      const box = stage.boxOf(id);
      return stage.hit(box.x + box.width * dx, box.y + box.height * dy);
    };
    return {
      middle: at("Room_7", 0.5, 0.5),
      corner: at("Room_7", 0.02, 0.05),
      beside: at("Room_7", 1.17, 0.5),
      round: at("thermo_9", 0.5, 0.5),
      roundCorner: at("thermo_9", 0.02, 0.02),
      moved: (() => {
        stage.move("Room_7", 0, -2000);
        return at("Room_7", 0.5, 0.5);
      })(),
    };
  });
  expect(hits).toEqual({
    middle: "Room_7",
    corner: "Room_7",
    beside: null,
    round: "thermo_9",
    roundCorner: null,
    moved: "Room_7",
  });
});

test("among 100,000 every twin is hit where it is", async () => {
  const each = await page.evaluate(() => {
    const { stage } = window;
    stage.make("building", 100_000);
    const ids = stage.scene.ids.filter((_, at) => at % 997 === 0);
    let took = 0;
    const missed = ids.filter((id) => {
      stage.look(id, 1);
      const began = performance.now();
      const hit = stage.hit(stage.width / 2, stage.height / 2);
      took += performance.now() - began;
      return hit !== id;
    });
    return { ms: took / ids.length, missed };
  });
  expect(each.missed).toEqual([]);
  console.log(`a hit among 100,000 twins: ${each.ms.toFixed(3)} ms`);
});

describe("labels", () => {
  const labels = (view: View) =>
    show(page, view).then(() => page.evaluate(() => window.stage.labels()));

  test("do not cover each other, and the chosen twin always has one", async () => {
    const all = await labels({ ...(views.near as View), hovered: "thermo_2" });
    expect(all.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["Room_3", "thermo_2", "Room_4"]),
    );
    const twins = all.filter(({ look }) => look === "twin");
    for (const a of twins) {
      for (const b of twins) {
        if (a === b || Math.abs(a.y - b.y) >= 12) continue;
        expect(Math.abs(a.x - b.x)).toBeGreaterThan(12);
      }
    }
  });

  test("far away are those of frames, with how many twins each holds", async () => {
    const all = await labels({ ...(views.far as View), look: ["Building_40", 0.045] });
    expect(all.length).toBeGreaterThan(5);
    expect(new Set(all.map(({ look }) => look))).toEqual(new Set(["outer"]));
    expect(all.find(({ id }) => id === "Building_40")?.text).toMatch(/^Building_40/);
  });

  test("of odd names are on one line, short, and not turned around", async () => {
    const all = await labels(views.names as View);
    expect(all.length).toBeGreaterThan(4);
    for (const { text } of all) {
      expect(text.length).toBeLessThan(80);
      expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
    }
    expect(all.some(({ text }) => text.endsWith("onerror=alert(1)>"))).toBe(true);
  });
});

test.each([
  ["hub", 50_000],
  ["parallel", 5000],
  ["isolated", 1_000_000],
  ["network", 50_000],
] as const)("%s of %i is drawn, and neither freezes nor covers all", async (graph, count) => {
  const drawn = await page.evaluate(
    ([graph, count]) => {
      const { stage } = window;
      stage.make(graph, count);
      stage.theme("light");
      stage.more = { selected: 0 };
      const began = performance.now();
      const pixels = stage.pixels("canvas");
      return { ms: performance.now() - began, covered: stage.covered(pixels) };
    },
    [graph, count] as const,
  );
  console.log(`${graph} of ${count}: ${drawn.ms.toFixed(0)} ms a frame`);
  expect(drawn.covered).toBeGreaterThan(0.001);
  expect(drawn.covered).toBeLessThan(0.9);
});
