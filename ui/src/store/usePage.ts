import { createContext, useContext, useEffect, useReducer } from "react";
import { untilBeat } from "./beat";
import type { Page } from "./page";
import type { GraphChange } from "./twinGraph";

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("usePage outside of PageContext");
  return page;
}

/** Renders again after changes of the graph that matter, at most every `everyMs`. */
export function useGraphChanges(
  everyMs: number,
  matters: (change: GraphChange) => boolean = () => true,
): number {
  const { instance } = usePage();
  const [revision, bump] = useReducer((count: number) => count + 1, 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `matters` decides per change, a new function is not a new subscription
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = instance.graphChanged.on((change) => {
      if (timer === undefined && matters(change)) {
        timer = setTimeout(() => {
          timer = undefined;
          bump();
        }, untilBeat(everyMs));
      }
    });
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [instance, everyMs]);
  return revision;
}

/** The time now, renewed every `everyMs`: for ages. */
export function useNow(everyMs: number): number {
  const [now, renew] = useReducer(() => Date.now(), Date.now());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const next = () => {
      renew();
      timer = setTimeout(next, untilBeat(everyMs));
    };
    timer = setTimeout(next, untilBeat(everyMs));
    return () => clearTimeout(timer);
  }, [everyMs]);
  return now;
}
