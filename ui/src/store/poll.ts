import { untilBeat } from "./beat";

/**
 * Asks again and again while the page is visible, `everyMs` apart and never two at once; what takes
 * longer rests as long as it took, so that there is time for a hand. `ask` handles its own errors.
 */
export function poll(
  everyMs: number,
  ask: () => Promise<void>,
): { stop: () => void; now: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = false;
  let again = false;
  let stopped = false;

  async function run(): Promise<void> {
    clearTimeout(timer);
    if (stopped || document.hidden) return;
    if (running) {
      again = true;
      return;
    }
    running = true;
    const began = performance.now();
    await ask();
    running = false;
    const wait = again ? 0 : untilBeat(everyMs, performance.now() - began);
    again = false;
    if (!stopped) timer = setTimeout(run, wait);
  }

  const shown = () => void run();
  document.addEventListener("visibilitychange", shown);
  void run();
  return {
    now: shown,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    },
  };
}
