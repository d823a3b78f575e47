/** A measured value at a time. */
export interface Sample {
  time: number;
  value: number;
}

const samplesPerTwin = 600;
const twinsKept = 2000;

/** Values of twins seen since the page began: bounded per twin and in twins, oldest out first. */
export class History {
  private readonly series = new Map<string, Sample[]>();

  add(id: string, time: number, value: number): void {
    const samples = this.series.get(id) ?? [];
    const last = samples.at(-1);
    if (last && last.time >= time) return;
    samples.push({ time, value });
    if (samples.length > samplesPerTwin) samples.shift();
    // Setting anew keeps the map in order of last change.
    this.series.delete(id);
    this.series.set(id, samples);
    if (this.series.size > twinsKept) this.dropOldest();
  }

  of(id: string): readonly Sample[] {
    return this.series.get(id) ?? [];
  }

  clear(): void {
    this.series.clear();
  }

  private dropOldest(): void {
    const oldest = this.series.keys().next();
    if (!oldest.done) this.series.delete(oldest.value);
  }
}
