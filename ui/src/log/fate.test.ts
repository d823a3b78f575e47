import { expect, test } from "vitest";
import type { Fate } from "../wire/Fate";
import { isLost, verdictWord, verdictWords } from "./fate";

const verdict = (matched: boolean, fate: Fate | null, reason: string | null = null) => ({
  route: "to-parent",
  endpoint: "eg-twins",
  matched,
  reason,
  fate,
});

test.each([
  [verdict(false, null), "not matched", "did not match", false],
  [verdict(false, null, "a saw b"), "not matched", "did not match: a saw b", false],
  [verdict(true, null), "matched", "matched, to eg-twins", false],
  [verdict(true, { kind: "delivered" }), "matched", "matched, to eg-twins: delivered", false],
  [verdict(true, { kind: "waiting" }), "waiting", "matched, to eg-twins: waiting", false],
  [
    verdict(true, { kind: "deadLettered" }),
    "dead letter",
    "matched, to eg-twins: dead letter",
    true,
  ],
  [
    verdict(true, { kind: "dropped", reason: "refused" }),
    "dropped",
    "matched, to eg-twins: dropped, refused",
    true,
  ],
])("%o", (one, word, words, lost) => {
  expect(verdictWord(one)).toBe(word);
  expect(verdictWords(one)).toBe(words);
  expect(isLost(one)).toBe(lost);
});
