import type { Fate } from "../wire/Fate";
import type { Handed } from "../wire/Handed";
import type { RouteVerdict } from "../wire/RouteVerdict";

/** What a route and its endpoint did with an event, in a word. */
export function verdictWord({ matched, fate }: Pick<RouteVerdict, "matched" | "fate">): string {
  if (!matched) return "not matched";
  // What is delivered, and what nobody knows any more, matched: that is what its column is about.
  return fate && fate.kind !== "delivered" ? fateWords(fate) : "matched";
}

const fateWords = (fate: Fate): string =>
  fate.kind === "deadLettered" ? "dead letter" : fate.kind;

/** Whether an event that an endpoint was handed did not get there. */
export const isLost = ({ fate }: Pick<RouteVerdict, "fate">): boolean =>
  fate?.kind === "deadLettered" || fate?.kind === "dropped";

/** What became of it at an endpoint of 2019 that was sent it directly. */
export function handedWords({ fate }: Handed): string {
  if (!fate) return "sent directly";
  return fate.kind === "dropped" ? `dropped, ${fate.reason}` : fateWords(fate);
}

/** The same in full: `matched, to eg-twins: delivered`. */
export function verdictWords({ matched, reason, endpoint, fate }: RouteVerdict): string {
  if (!matched) return reason ? `did not match: ${reason}` : "did not match";
  const to = `matched, to ${endpoint}`;
  if (!fate) return to;
  const why = fate.kind === "dropped" ? `, ${fate.reason}` : "";
  return `${to}: ${fateWords(fate)}${why}`;
}
