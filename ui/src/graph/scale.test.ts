import { expect, test } from "vitest";
import { ramp, scale, type Theme } from "./scale";

// The table of the look: °C, dark fill and ink, light fill.
const table = [
  [15, "#51b1f1", "black", "#3286c5"],
  [16, "#539fd3", "black", "#5697cc"],
  [17, "#538db6", "black", "#74a7d3"],
  [18, "#527b9a", "black", "#91b8d9"],
  [19, "#4f6a7e", "white", "#aec8df"],
  [20, "#4b5963", "white", "#cad8e5"],
  [21, "#474849", "white", "#e7e8ea"],
  [22, "#63524c", "white", "#e6d2cb"],
  [23, "#805b4e", "white", "#e5bcad"],
  [24, "#9d644e", "white", "#e2a58f"],
  [25, "#bb6c4e", "black", "#de8f70"],
  [26, "#d9744c", "black", "#d97751"],
  [27, "#f87c49", "black", "#d35e2c"],
] as const;

const inks = { black: "#000000", white: "#ffffff" };

const perDegree = 20;
const paintOf = (theme: Theme, degrees: number) =>
  ramp(theme, "diverging", (scale.high - scale.low) * perDegree + 1)[
    (degrees - scale.low) * perDegree
  ];

test.each(table)("%d °C has the colours of the look", (degrees, dark, ink, light) => {
  expect(paintOf("dark", degrees)).toEqual({ fill: dark, ink: inks[ink] });
  expect(paintOf("light", degrees)).toEqual({ fill: light, ink: inks.black });
});
