/** Which twins are on the drawing. Never changed in place, so that a step back is the value before. */
export interface Visibility {
  /** Only these, where a selection was isolated. */
  readonly only: ReadonlySet<string> | null;
  /** None of these. */
  readonly hidden: ReadonlySet<string>;
}

export const everything: Visibility = { only: null, hidden: new Set() };

export const shows = ({ only, hidden }: Visibility, id: string): boolean =>
  (only === null || only.has(id)) && !hidden.has(id);

export const isEverything = ({ only, hidden }: Visibility): boolean =>
  only === null && hidden.size === 0;

const sameIds = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one.size === other.size && [...one].every((id) => other.has(id));

export const isSame = (one: Visibility, other: Visibility): boolean =>
  sameIds(one.hidden, other.hidden) &&
  (one.only === null || other.only === null
    ? one.only === other.only
    : sameIds(one.only, other.only));

export function hide(from: Visibility, ids: Iterable<string>): Visibility {
  return { only: from.only, hidden: new Set([...from.hidden, ...ids]) };
}

export function show(from: Visibility, ids: readonly string[]): Visibility {
  const hidden = new Set(from.hidden);
  for (const id of ids) hidden.delete(id);
  return { only: from.only && new Set([...from.only, ...ids]), hidden };
}

export const isolate = (ids: Iterable<string>): Visibility => ({
  only: new Set(ids),
  hidden: new Set(),
});

/** Twins named in what is kept between starts, at most. */
const mostKept = 200_000;

/** As it is kept; `null` for everything, and where it names too many twins. */
export function toKept({ only, hidden }: Visibility): unknown {
  const size = (only?.size ?? 0) + hidden.size;
  if (size === 0 || size > mostKept) return null;
  return { only: only && [...only], hidden: [...hidden] };
}

const isIds = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((id) => typeof id === "string");

export function fromKept(value: unknown): Visibility {
  if (typeof value !== "object" || value === null) return everything;
  const { only, hidden } = value as Record<string, unknown>;
  return {
    only: isIds(only) ? new Set(only) : null,
    hidden: new Set(isIds(hidden) ? hidden : []),
  };
}

const mostSteps = 100;

interface Step<T> {
  value: T;
  /** When it became the present one, by the clock of `performance.now()`. */
  since: number;
}

/** Values with the way back and forth between them. */
export class Steps<T> {
  private readonly before: Step<T>[] = [];
  private readonly after: Step<T>[] = [];
  private now: Step<T>;

  constructor(first: T) {
    this.now = { value: first, since: -Infinity };
  }

  get current(): T {
    return this.now.value;
  }

  /** When the step was made that would be taken back. */
  get since(): number {
    return this.canGoBack ? this.now.since : -Infinity;
  }

  get canGoBack(): boolean {
    return this.before.length > 0;
  }

  get canGoForward(): boolean {
    return this.after.length > 0;
  }

  go(to: T): void {
    this.before.push(this.now);
    if (this.before.length > mostSteps) this.before.shift();
    this.after.length = 0;
    this.now = { value: to, since: performance.now() };
  }

  back(): boolean {
    return this.move(this.before, this.after);
  }

  forward(): boolean {
    return this.move(this.after, this.before);
  }

  restart(at: T): void {
    this.before.length = 0;
    this.after.length = 0;
    this.now = { value: at, since: -Infinity };
  }

  private move(from: Step<T>[], to: Step<T>[]): boolean {
    const next = from.pop();
    if (next === undefined) return false;
    to.push(this.now);
    this.now = next;
    return true;
  }
}
