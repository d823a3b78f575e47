import { count, rough } from "../look/format";
import type { Phase } from "../wire/Phase";

type Going = Extract<Phase, { phase: "opening" }>;

/** Silence of so many seconds is worth a word. */
const silence = 3;

/** What is done now, how many of how many, how long it takes yet, and whether nothing is heard. */
export function Progress({ of }: { of: Going }) {
  const { step, done, total, secondsLeft, quietSeconds } = of;
  const counted = total !== null ? `${count(done)} of ${count(total)}` : done > 0 && count(done);
  return (
    <>
      <p className="opening-step secondary number">
        <span data-testid="opening-step">
          {step} {counted}
        </span>
        <span data-testid="opening-left">
          {quietSeconds >= silence
            ? `Nothing heard for ${count(Math.floor(quietSeconds))} s`
            : secondsLeft !== null && `About ${rough(secondsLeft)} left`}
        </span>
      </p>
      <progress value={total ? done : undefined} max={total ?? undefined} aria-label={step} />
    </>
  );
}
