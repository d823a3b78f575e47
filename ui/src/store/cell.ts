import { useSyncExternalStore } from "react";

/** Calls whoever listens. */
export class Signal<T> {
  private readonly listeners = new Set<(value: T) => void>();

  readonly on = (listener: (value: T) => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  emit(value: T): void {
    for (const listener of [...this.listeners]) listener(value);
  }
}

/** A value that changes, and says so. */
export class Cell<T> {
  private readonly changed = new Signal<T>();

  constructor(private value: T) {}

  readonly get = (): T => this.value;

  readonly subscribe = (listener: (value: T) => void): (() => void) => this.changed.on(listener);

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    this.changed.emit(value);
  }
}

export const useCell = <T>(cell: Cell<T>): T => useSyncExternalStore(cell.subscribe, cell.get);

/** A part of a cell's value; `pick` must answer the same object for the same part. */
export const usePart = <T, P>(cell: Cell<T>, pick: (value: T) => P): P =>
  useSyncExternalStore(cell.subscribe, () => pick(cell.get()));
