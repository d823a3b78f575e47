/** How numbers, times and values are written. */

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** How long ago: `now`, `0.4 s`, `12 s`, `4 min`, `3 h`, `2 d`. */
export function age(then: number, now: number): string {
  const seconds = (now - then) / 1000;
  if (seconds < 0.1) return "now";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < minute) return `${Math.round(seconds)} s`;
  if (seconds < hour) return `${Math.floor(seconds / minute)} min`;
  if (seconds < day) return `${Math.floor(seconds / hour)} h`;
  return `${Math.floor(seconds / day)} d`;
}

const pad = (value: number, digits: number) => String(value).padStart(digits, "0");

/** Time of day with milliseconds, `09:41:27.318`. */
export function clock(time: number): string {
  const at = new Date(time);
  return `${clockMinute(time)}:${pad(at.getSeconds(), 2)}.${pad(at.getMilliseconds(), 3)}`;
}

/** Time of day to the minute, `09:41`. */
export function clockMinute(time: number): string {
  const at = new Date(time);
  return `${pad(at.getHours(), 2)}:${pad(at.getMinutes(), 2)}`;
}

const grouped = new Intl.NumberFormat("en-US");

/** A count with grouped digits, `48,312`. */
export const count = (value: number): string => grouped.format(value);

/** `1 twin`, `51 twins`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** How long something still takes, about: `8 s`, `90 s`, `3 min`. */
export function rough(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds));
  return whole <= 90 ? `${whole} s` : `${Math.ceil(whole / minute)} min`;
}

/** Events per second: `0`, `2.3`, `240`, `1.2k`. */
export function rate(perSecond: number): string {
  if (perSecond >= 999.5) return `${(perSecond / 1000).toFixed(1)}k`;
  if (perSecond >= 9.95) return String(Math.round(perSecond));
  return perSecond === 0 ? "0" : perSecond.toFixed(1);
}

/** A duration in milliseconds, `0.3`, `5.8`, `120`. */
export const millis = (value: number): string =>
  value < 99.95 ? value.toFixed(1) : count(Math.round(value));

/** The number on a node: one digit after the point, no more than four digits before a `k`. */
export function onNode(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)}k`;
  if (size >= 1000) return value.toFixed(0);
  return value.toFixed(1);
}

/** Cuts digits that only binary fractions make: 21.900000000000002 is 21.9. */
const exact = (value: number): string =>
  Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(12)));

/** A property's value as text on one line. */
export function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return exact(value);
  return value === undefined ? "" : JSON.stringify(value);
}

/** A value for people: a measured number has two digits at most. The exact one is in the tooltip. */
export function short(value: unknown): string {
  if (typeof value !== "number" || Number.isInteger(value)) return plain(value);
  return Math.abs(value) < 0.01 ? exact(value) : String(Number(value.toFixed(2)));
}

/** The 6 digits of a trace id that tell neighbours apart. */
export const shortTrace = (trace: string): string => trace.slice(0, 6);
