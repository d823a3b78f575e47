import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const address = "http://stage.test/";

/** Chromium with WebGL on the CPU, so that every machine draws the same. */
export const flags = [
  "--no-sandbox",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-background-networking",
  "--font-render-hinting=none",
];

/** What a page of the tests is made of, by path. */
async function bundle(html: string): Promise<Map<string, string | Uint8Array>> {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const input = fileURLToPath(new URL(`../${html}`, import.meta.url));
  // The page as it ships: the test runner's own setting would have React's slow build for developers.
  process.env.NODE_ENV = "production";
  const built = await build({
    root,
    configFile: false,
    logLevel: "error",
    build: { write: false, assetsInlineLimit: 0, rolldownOptions: { input } },
  });
  const [output] = Array.isArray(built) ? built : [built];
  if (!output || !("output" in output)) throw new Error("Vite built nothing");
  return new Map(
    output.output.map((file) => [file.fileName, file.type === "chunk" ? file.code : file.source]),
  );
}

const types: Record<string, string> = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  png: "image/png",
};

/** A page of the tests in a browser that needs no server. */
export class StageBrowser {
  private constructor(
    private readonly files: Map<string, string | Uint8Array>,
    private readonly browser: Browser,
    private readonly html: string,
  ) {}

  static async open(html = "drawing/stage.html"): Promise<StageBrowser> {
    if (!existsSync(executablePath)) {
      throw new Error(`There is no ${executablePath}. Install chromium, or set CHROMIUM.`);
    }
    const [files, browser] = await Promise.all([
      bundle(html),
      chromium.launch({ executablePath, args: flags }),
    ]);
    return new StageBrowser(files, browser, html);
  }

  /**
   * Opens the page as it is; `asked` is its address from the question mark on, `headers` are sent
   * with it.
   */
  async plain(asked = "", headers: Record<string, string> = {}): Promise<Page> {
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 800 } });
    await this.serve(page, "", headers);
    await page.goto(`${address}tests/${this.html}${asked}`);
    return page;
  }

  private async serve(
    page: Page,
    pictures = "",
    headers: Record<string, string> = {},
  ): Promise<void> {
    page.on("pageerror", (error) => console.error(error.message));
    await page.route(`${address}**`, async (route) => {
      const path = new URL(route.request().url()).pathname.slice(1);
      const picture = /^pictures\/([\w-]+\.png)$/.exec(path)?.[1];
      if (picture) return route.fulfill({ path: pictures + picture });
      const body = this.files.get(path);
      if (body === undefined) return route.fulfill({ status: 404 });
      const contentType = types[path.split(".").at(-1) ?? ""];
      return route.fulfill({ body: Buffer.from(body), contentType, headers });
    });
  }

  /** Opens the stage; `pictures` is the folder that it finds at `pictures/`. */
  async page(pictures: string, density = 1): Promise<Page> {
    const page = await this.browser.newPage({
      viewport: { width: 1280, height: 800 },
      deviceScaleFactor: density,
    });
    await this.serve(page, pictures);
    await page.goto(`${address}tests/${this.html}`);
    await page.waitForFunction(() => window.Stage !== undefined);
    const fonts = ["400 12px Inter", "600 12px Inter", '400 12px "JetBrains Mono"'];
    await page.evaluate((all) => Promise.all(all.map((font) => document.fonts.load(font))), fonts);
    return page;
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}
