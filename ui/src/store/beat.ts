/**
 * Milliseconds until the clock is at the next multiple of `everyMs`, at least `least` from now.
 * What repeats keeps to this beat, so that changes of many parts come in one frame: on a software
 * renderer each frame costs the same, however little changed.
 */
export function untilBeat(everyMs: number, least = 0, now = performance.now()): number {
  return Math.ceil((now + Math.max(least, 1)) / everyMs) * everyMs - now;
}
