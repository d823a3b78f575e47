/** Colours as the renderers take them: the bytes red, green, blue, alpha in a number, red lowest. */
export type Packed = number;

export const pack = (red: number, green: number, blue: number): Packed =>
  (red | (green << 8) | (blue << 16) | 0xff000000) >>> 0;

const parsed = new Map<string, Packed>();

/** Reads `#rgb`, `#rrggbb` and `rgb(r g b)`; what is none of these is black. */
export function parseColour(text: string): Packed {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const colour = read(text);
  // The colours of a theme are few.
  if (parsed.size < 1000) parsed.set(text, colour);
  return colour;
}

function read(text: string): Packed {
  const hex = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1];
  if (hex) {
    const wide = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
    const value = Number.parseInt(wide, 16);
    return pack(value >> 16, (value >> 8) & 255, value & 255);
  }
  const [red = 0, green = 0, blue = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
  return pack(red, green, blue);
}

export const cssOf = (colour: Packed): string =>
  `#${[colour & 255, (colour >> 8) & 255, (colour >> 16) & 255]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")}`;

/** The colour `share` (0 to 1) of the way from one to another. */
export function mix(from: Packed, to: Packed, share: number): Packed {
  const red = (from & 255) + ((to & 255) - (from & 255)) * share;
  const green = ((from >> 8) & 255) + (((to >> 8) & 255) - ((from >> 8) & 255)) * share;
  const blue = ((from >> 16) & 255) + (((to >> 16) & 255) - ((from >> 16) & 255)) * share;
  return pack(red + 0.5, green + 0.5, blue + 0.5);
}
