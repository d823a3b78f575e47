import { expect, test } from "vitest";
import { between, fitted, maxZoom, panned, toDrawing, toScreen, zoomedAt } from "./camera";

const size = { width: 800, height: 600 };
const camera = { x: 100, y: 50, zoom: 2 };
const none = { top: 0, right: 0, bottom: 0, left: 0 };

test("the camera's point is in the middle of the screen", () => {
  expect(toScreen(camera, size, { x: 100, y: 50 })).toEqual({ x: 400, y: 300 });
});

test("screen and drawing points are each other's inverse", () => {
  const at = { x: 12.5, y: 480 };
  expect(toScreen(camera, size, toDrawing(camera, size, at))).toEqual(at);
});

test("panning moves the drawing with the pointer", () => {
  const before = toDrawing(camera, size, { x: 200, y: 200 });
  expect(toScreen(panned(camera, 30, -10), size, before)).toEqual({ x: 230, y: 190 });
});

test.each([0.5, 1.1, 3])("zooming by %d leaves the point under the pointer", (factor) => {
  const at = { x: 700, y: 90 };
  const under = toDrawing(camera, size, at);
  const after = toScreen(zoomedAt(camera, size, at, factor), size, under);
  expect(after.x).toBeCloseTo(at.x);
  expect(after.y).toBeCloseTo(at.y);
});

test("zoom has an end", () => {
  expect(zoomedAt(camera, size, { x: 0, y: 0 }, 1e9).zoom).toBe(maxZoom);
});

test("fitting shows the whole beside what covers the edges", () => {
  const bounds = { x: 0, y: 0, width: 1000, height: 100 };
  const insets = { ...none, right: 300 };
  const fit = fitted(bounds, size, insets);
  expect(fit.zoom).toBe(0.5);
  expect(toScreen(fit, size, { x: 0, y: 50 })).toEqual({ x: 0, y: 300 });
  expect(toScreen(fit, size, { x: 1000, y: 50 })).toEqual({ x: 500, y: 300 });
});

test("fitting does not enlarge a small graph", () => {
  expect(fitted({ x: 0, y: 0, width: 10, height: 10 }, size, none).zoom).toBe(1);
});

test("a flight begins and ends where it should", () => {
  const to = { x: 0, y: 0, zoom: 0.5 };
  expect(between(camera, to, 0)).toEqual(camera);
  expect(between(camera, to, 1)).toEqual(to);
  expect(between(camera, to, 0.5).zoom).toBeCloseTo(1);
});
