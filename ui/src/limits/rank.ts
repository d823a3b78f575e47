import { count } from "../look/format";
import type { LimitUnit } from "../wire/LimitUnit";
import type { LimitUse } from "../wire/LimitUse";

/** How much of a limit is used, 0 to 1 and above; `null` where there is none, or it is not known. */
export function share(limit: LimitUse): number | null {
  if (limit.most === null || limit.highest === null) return null;
  return limit.highest / limit.most;
}

/** What was refused lately first, then what is nearest to its limit. */
export function ranked(limits: readonly LimitUse[]): LimitUse[] {
  const order = (limit: LimitUse) => share(limit) ?? -1;
  return [...limits].sort(
    (one, other) => other.refusedLately - one.refusedLately || order(other) - order(one),
  );
}

const KB = 1024;

/** A number of a limit: `2,000,000`, `32 KB`. */
export function amount(value: number, unit: LimitUnit): string {
  if (unit !== "bytes" || value < KB) return count(value);
  const [size, name] = value < KB * KB ? [value / KB, "KB"] : [value / KB / KB, "MB"];
  return `${Number.isInteger(size) ? size : size.toFixed(1)} ${name}`;
}

/** `0.5 %`, `93 %`; never 0 where something is used, and 100 only where all is. */
export function percent(part: number): string {
  if (part === 0) return "0 %";
  if (part < 0.001) return "< 0.1 %";
  if (part < 0.0995) return `${(part * 100).toFixed(1)} %`;
  return `${part >= 1 ? 100 : Math.min(99, Math.round(part * 100))} %`;
}
