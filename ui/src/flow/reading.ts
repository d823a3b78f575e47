import { useMemo } from "react";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { type Boxes, boxesOf } from "./boxes";
import { type Difference, differences } from "./differences";
import type { Draft } from "./draft";
import type { NodeReading, WireReading } from "./meters";
import { byNode, type Problem } from "./problems";

/** What components read of the canvas. */

export const useDraft = (): Draft => usePart(usePage().flow.deployment.sheet, ({ draft }) => draft);

export function useBoxes(): Boxes {
  const { draft, places } = useCell(usePage().flow.deployment.sheet);
  return useMemo(() => boxesOf(draft, places), [draft, places]);
}

export const useReading = (id: string): NodeReading | undefined =>
  usePart(usePage().flow.meters.readings, ({ nodes }) => nodes.get(id));

export const useWireReading = (id: string): WireReading | undefined =>
  usePart(usePage().flow.meters.readings, ({ wires }) => wires.get(id));

let compared: { base: Draft; draft: Draft; list: readonly Difference[] } | null = null;

/** What a deploy would change; compared once for all who show it. */
export function useDifferences(): readonly Difference[] {
  const draft = useDraft();
  const base = useCell(usePage().flow.deployment.base);
  if (compared?.base !== base || compared.draft !== draft) {
    compared = { base, draft, list: differences(base, draft) };
  }
  return compared.list;
}

let counted: { problems: readonly Problem[]; map: ReadonlyMap<string, readonly Problem[]> } | null =
  null;

/** The problems of a node; the list stays the same one while the problems do. */
export const useProblems = (id: string): readonly Problem[] | undefined =>
  usePart(usePage().flow.deployment.problems, (problems) => {
    if (counted?.problems !== problems) counted = { problems, map: byNode(problems) };
    return counted.map.get(id);
  });
