import { expect, test } from "vitest";
import { ColumnReader } from "./columns";

/** A message with these parts; the length of each counts elements. */
function message(parts: { bytes: Uint8Array; length: number }[]): ArrayBuffer {
  const padded = (length: number) => Math.ceil(length / 8) * 8;
  const size = parts.reduce((sum, { bytes }) => sum + 8 + padded(bytes.length), 0);
  const all = new Uint8Array(size);
  let at = 0;
  for (const { bytes, length } of parts) {
    new DataView(all.buffer).setUint32(at, length, true);
    all.set(bytes, at + 8);
    at += 8 + padded(bytes.length);
  }
  return all.buffer;
}

const bytesOf = (array: ArrayBufferView & { length: number }) => ({
  bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  length: array.length,
});
const text = (of: string) => bytesOf(new TextEncoder().encode(of));

test("parts are read in order, each from where it begins", () => {
  const from = new ColumnReader(
    message([
      text('{"a":1}'),
      bytesOf(Uint16Array.of(7, 8, 9)),
      bytesOf(Float64Array.of(0.5)),
      bytesOf(Uint8Array.of()),
      bytesOf(Float32Array.of(-1, 2.5)),
    ]),
  );
  expect(from.json()).toEqual({ a: 1 });
  expect([...from.u16()]).toEqual([7, 8, 9]);
  expect([...from.f64()]).toEqual([0.5]);
  expect(from.u8()).toHaveLength(0);
  expect([...from.f32()]).toEqual([-1, 2.5]);
});

test("texts end where their UTF-16 units do", () => {
  const texts = ["", "Küche", "🏢", "\uFEFFx", "غرفة"];
  let end = 0;
  const ends = Uint32Array.from(texts, (one) => (end += one.length));
  expect(new ColumnReader(message([bytesOf(ends), text(texts.join(""))])).texts()).toEqual(texts);
});
