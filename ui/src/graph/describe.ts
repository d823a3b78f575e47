import { plain, short } from "../look/format";
import type { TwinGraph } from "../store/twinGraph";
import { type Scene, unitOf } from "./scene";

/** A twin in words: `Room_11, Room, 22.6 °C`. */
export function describe(scene: Scene, graph: TwinGraph, at: number): string {
  const id = scene.ids[at] ?? "";
  const twin = graph.twin(id);
  const kind = twin ? graph.kindOf(twin)?.name : undefined;
  return [id, kind, valueInWords(scene, at)].filter(Boolean).join(", ");
}

/** Its value in words: `22.6 °C`, and of how many it is the mean. */
export function valueInWords(scene: Scene, at: number): string {
  const value = scene.value[at] ?? Number.NaN;
  if (Number.isNaN(value)) return "";
  const of = scene.meanOf[at] ?? 0;
  const unit = unitOf(scene, at) ? ` ${unitOf(scene, at)}` : "";
  return of > 0
    ? `${value.toFixed(1)}${unit} on average of ${plain(of)}`
    : `${short(value)}${unit}`;
}
