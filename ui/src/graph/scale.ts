/**
 * The temperature scale: 15 to 27 °C in two straight lines in OKLab that meet at 21 °C.
 * The middle is the quiet colour of the theme, so that what is normal recedes.
 */
export const scale = { low: 15, middle: 21, high: 27 } as const;

export type Theme = "dark" | "light";
type Lab = readonly [number, number, number];
type Lch = readonly [lightness: number, chroma: number, hue: number];

interface Anchors {
  cold: Lch;
  middle: Lch;
  warm: Lch;
  /** What just happened. */
  live: Lch;
}

const anchors: Record<Theme, Anchors> = {
  dark: {
    cold: [0.73, 0.13, 241],
    middle: [0.4, 0.003, 260],
    warm: [0.72, 0.165, 42],
    live: [0.79, 0.11, 187],
  },
  light: {
    cold: [0.6, 0.125, 245],
    middle: [0.93, 0.003, 260],
    warm: [0.62, 0.16, 42],
    live: [0.5, 0.09, 187],
  },
};

function toLab([lightness, chroma, hue]: Lch): Lab {
  const angle = (hue * Math.PI) / 180;
  return [lightness, chroma * Math.cos(angle), chroma * Math.sin(angle)];
}

/** OKLab to sRGB bytes, after Björn Ottosson's definition. */
function toBytes([lightness, a, b]: Lab): [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function gamma(linear: number): number {
  const light = Math.min(1, Math.max(0, linear));
  const encoded = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  return Math.round(encoded * 255);
}

function luminance(bytes: readonly number[]): number {
  const [r = 0, g = 0, b = 0] = bytes.map((byte) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** A fill, and the ink that reads best on it. */
export interface Paint {
  fill: string;
  ink: "#000000" | "#ffffff";
}

function paint(lab: Lab): Paint {
  const bytes = toBytes(lab);
  const light = luminance(bytes);
  const fill = `#${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  return { fill, ink: (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000000" : "#ffffff" };
}

/** How a scale runs: through a quiet middle to two sides, from quiet to strong, or to just now. */
export type Course = "diverging" | "rising" | "heat";

/** `steps` colours from the one end of a scale to the other, both included. */
export function ramp(theme: Theme, course: Course, steps: number, middleAt = 0.5): Paint[] {
  const { cold, middle, warm, live } = anchors[theme];
  const to: Lab = toLab(course === "heat" ? live : warm);
  const stops: [number, Lab][] =
    course === "diverging"
      ? [
          [0, toLab(cold)],
          [middleAt, toLab(middle)],
          [1, to],
        ]
      : [
          [0, toLab(middle)],
          [1, to],
        ];
  return Array.from({ length: steps }, (_, step) => paint(between(stops, step / (steps - 1))));
}

function between(stops: [number, Lab][], t: number): Lab {
  const next = Math.max(
    1,
    stops.findIndex(([at]) => at >= t),
  );
  const [[from, a], [to, b]] = [stops[next - 1] ?? first, stops[next] ?? first];
  const share = (t - from) / (to - from);
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

const first: [number, Lab] = [0, [0, 0, 0]];

/** Hues of kinds and categories. Violet is selection and teal is change: neither is among them. */
const hues = [250, 65, 145, 20, 100, 345, 225, 45] as const;

/** Colours of categories, easily told apart; as many as asked for, the last ones again and again. */
export function categories(theme: Theme, many: number): Paint[] {
  return Array.from({ length: many }, (_, place) => {
    const round = Math.floor(place / hues.length) % 2;
    const hue = hues[place % hues.length] ?? 0;
    const lightness = theme === "dark" ? 0.62 - round * 0.16 : 0.76 - round * 0.14;
    return paint(toLab([lightness, 0.11, hue]));
  });
}
