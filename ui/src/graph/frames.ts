import { untilBeat } from "../store/beat";

/** What a living building may take of the time, so that a slow machine is not busy with glowing. */
const share = 0.25;
const shortest = 50;
const longest = 250;
const beat = 50;
/** How fast the measured time follows, 0 to 1. */
const following = 0.2;

/** The pause between frames that nobody waits for, in ms, where one takes `cost` ms. */
export const pauseFor = (cost: number): number =>
  Math.min(longest, Math.max(shortest, cost / share));

/**
 * When to draw: with the next frame for what a hand does, and after a pause for what only lives.
 * The pause follows from how long frames take here: WebKitGTK on a software renderer composes the
 * whole window anew for each.
 */
export class Frames {
  private requested = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private cost = 1000 / 60;
  private last = 0;

  constructor(private readonly draw: (now: number) => void) {}

  /** Draws with the next frame. */
  next(): void {
    if (this.requested) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.requested = requestAnimationFrame(() => {
      this.requested = 0;
      this.last = performance.now();
      this.draw(this.last);
      this.measure(this.last);
    });
  }

  /** Draws when the pause since the last frame is over. */
  soon(): void {
    if (this.requested || this.timer !== undefined) return;
    const left = this.last + pauseFor(this.cost) - performance.now();
    this.timer = setTimeout(() => this.next(), untilBeat(beat, left));
  }

  stop(): void {
    cancelAnimationFrame(this.requested);
    clearTimeout(this.timer);
  }

  /** The frame after this one comes once this one is on the screen. */
  private measure(began: number): void {
    requestAnimationFrame(() => {
      const cost = Math.min(1000, performance.now() - began);
      this.cost += (cost - this.cost) * following;
    });
  }
}
