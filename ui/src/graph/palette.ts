import type { Theme } from "./scale";

const names = [
  "canvas",
  "panel",
  "active",
  "line2",
  "edge",
  "cont",
  "cont-line",
  "text",
  "text2",
  "text3",
  "accent",
  "live",
  "ok",
  "retry",
  "drop",
  "float",
] as const;

/** The colours of the page's theme as the canvas needs them. */
export type Palette = Record<(typeof names)[number], string> & { theme: Theme };

/** Reads the colours that apply now. */
export function readPalette(): Palette {
  const root = document.documentElement;
  const style = getComputedStyle(root);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const theme: Theme = root.dataset.theme === "light" ? "light" : "dark";
  const entries = names.map((name) => [name, colour(name)] as const);
  return { ...(Object.fromEntries(entries) as Record<(typeof names)[number], string>), theme };
}
