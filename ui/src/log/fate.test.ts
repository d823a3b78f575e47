import { expect, test } from "vitest";
import type { Fate } from "../wire/Fate";
import { handedWords, isLost, verdictWord, verdictWords } from "./fate";

const verdict = (matched: boolean, fate: Fate | null, reason: string | null = null) => ({
  route: "to-parent",
  endpoint: "eg-twins",
  matched,
  reason,
  fate,
});

test.each([
  [null, "sent directly", false],
  [{ kind: "waiting" }, "waiting", false],
  [{ kind: "delivered" }, "delivered", false],
  [
    { kind: "dropped", reason: "paused: both keys are refused" },
    "dropped, paused: both keys are refused",
    true,
  ],
] as [Fate | null, string, boolean][])("at an endpoint of 2019: %o", (fate, words, lost) => {
  expect(handedWords({ endpoint: "eh-2019", fate })).toBe(words);
  expect(isLost({ fate })).toBe(lost);
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
