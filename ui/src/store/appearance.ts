import type { Theme } from "../graph/scale";
import { Cell, Signal } from "./cell";
import type { Preferences } from "./preferences";

const query = (text: string): MediaQueryList => window.matchMedia(text);

/** Theme and motion as they apply now: what the user chose, or else what the system says. */
export class Appearance {
  readonly theme = new Cell<Theme>("dark");
  readonly reducedMotion = new Cell(false);
  /** Colours of the page changed. */
  readonly recoloured = new Signal<void>();

  constructor(preferences: Cell<Preferences>) {
    const light = query("(prefers-color-scheme: light)");
    const reduced = query("(prefers-reduced-motion: reduce)");
    const contrast = query("(prefers-contrast: more)");
    const apply = () => {
      const { theme, reduceMotion, glow } = preferences.get();
      const system = light.matches ? "light" : "dark";
      this.theme.set(theme === "system" ? system : theme);
      this.reducedMotion.set(reduceMotion || reduced.matches);
      const { dataset } = document.documentElement;
      dataset.theme = this.theme.get();
      dataset.motion = this.reducedMotion.get() ? "reduced" : "full";
      dataset.glow = glow ? "on" : "off";
      this.recoloured.emit();
    };
    apply();
    preferences.subscribe(apply);
    for (const media of [light, reduced, contrast]) media.addEventListener("change", apply);
  }
}
