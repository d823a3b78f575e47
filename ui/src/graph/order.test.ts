import { expect, test } from "vitest";
import { naturalOrder } from "./order";

const sorted = (texts: string[]) => naturalOrder(texts).map((at) => texts[at]);

test.each([
  { what: "numbers by their size", in: ["Room_2", "Room_10", "Room_11", "Room_100"] },
  { what: "several numbers, one after another", in: ["B2-F3-R9", "B2-F3-R10", "B2-F11-R1", "B10"] },
  {
    what: "without case, and by it where nothing else differs",
    in: ["ROOM", "Room", "room", "Roomy"],
  },
  { what: "leading zeros do not count, but as the last word", in: ["a07", "a7", "a08", "a10"] },
  { what: "zero, alone and many", in: ["a", "a00", "a000", "a0001", "a2"] },
  {
    what: "numbers of more digits than a number holds",
    in: ["n9", "n99999999", "n100000000", "n12345678901234567890", "n12345678901234567891"],
  },
  { what: "a number before letters, as a digit is", in: ["a.b", "a2", "a10", "a_1", "ab"] },
  { what: "what begins alike, the shorter first", in: ["", "a", "a1", "a1b", "a1b2"] },
  { what: "a text that begins with a number", in: ["2nd", "10th", "x"] },
  { what: "other writing", in: ["Büro 2", "Büro 10", "غرفة", "会議室"] },
])("$what", ({ in: texts }) => {
  expect(sorted([...texts].reverse())).toEqual(texts);
  expect(sorted([...texts.slice(1), ...texts.slice(0, 1)])).toEqual(texts);
});

test("each text is there once, however often it comes", () => {
  expect(naturalOrder(["b", "a", "b", "a"])).toEqual([1, 3, 0, 2]);
  expect(naturalOrder([])).toEqual([]);
});
