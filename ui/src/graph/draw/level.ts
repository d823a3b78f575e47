/** What is told apart at which scale; the same on both paths. */

const ramp = (from: number, to: number, value: number): number =>
  Math.min(1, Math.max(0, (value - from) / (to - from)));

/** Arrow heads, CSS pixels long. */
export const headSize = 8;

/** Below some scale an outline would be all that is seen of a shape. */
export const outlineStrength = (zoom: number): number => ramp(0.12, 0.3, zoom);

export const headStrength = (zoom: number): number => (zoom >= 0.3 ? 1 : 0);
