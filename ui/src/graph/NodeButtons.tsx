import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Cell } from "../store/cell";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import { toScreen } from "./camera";
import { describe } from "./describe";
import { mostImportant, visibleTwins } from "./draw/seen";
import { type Direction, neighbour } from "./hit";
import { halfHeightOf, halfWidthOf } from "./scene";
import type { GraphSurface } from "./surface";

const mostButtons = 500;
const valuesEvery = 500;
const settledAfter = 80;

const directions: Record<string, Direction> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

/** A cell's value once it has stopped to change for a moment. */
function useSettled<T>(cell: Cell<T>): T {
  const [value, setValue] = useState(cell.get());
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const off = cell.subscribe(() => {
      clearTimeout(timer);
      timer = setTimeout(() => setValue(cell.get()), settledAfter);
    });
    setValue(cell.get());
    return () => {
      off();
      clearTimeout(timer);
    };
  }, [cell]);
  return value;
}

/**
 * The drawing for the keyboard, for screen readers and for tests: one button over each visible
 * twin. One of them is in the tab order, the arrow keys go from twin to twin, from one that was
 * clicked, too.
 */
export function NodeButtons({ surface }: { surface: GraphSurface }) {
  const page = usePage();
  const { graph } = page.instance;
  const scene = useCell(surface.scene);
  const camera = useSettled(surface.camera);
  const size = useSettled(surface.size);
  const selected = useCell(page.selection.id);
  useGraphChanges(valuesEvery);
  const [roving, setRoving] = useState<string | null>(null);
  const wanted = useRef<string | null>(null);
  /** The twin whose button gets the focus without its ring: it was clicked. */
  const clicked = useRef<string | null>(null);
  const list = useRef<HTMLFieldSetElement>(null);

  const focusOn = (id: string) =>
    list.current?.querySelector<HTMLElement>(`[data-twin-id="${CSS.escape(id)}"]`)?.focus();
  useEffect(() => {
    if (wanted.current) focusOn(wanted.current);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: it reads nothing but refs
  useEffect(
    () =>
      surface.picked.on((id) => {
        clicked.current = id;
        focusOn(id);
        clicked.current = null;
      }),
    [surface],
  );

  // With the twin that has the focus, as when it is hidden, its button goes: the next key is the
  // drawing's then.
  const held = list.current?.contains(document.activeElement) ?? false;
  useLayoutEffect(() => {
    if (held && document.activeElement === document.body) surface.takeKeyboard();
  });

  if (!scene) return null;
  const { sight } = surface;
  const twins = sight ? visibleTwins(scene, sight, camera, size) : new Int32Array(0);
  const visible = [...mostImportant(scene, twins, mostButtons)];
  const inOrder = [roving, selected].find(
    (id) => id !== null && visible.some((at) => scene.ids[at] === id),
  );

  const go = (from: string, direction: Direction) => {
    // A button outlives the scene that it was drawn for.
    const now = surface.scene.get();
    const at = now?.index.get(from);
    if (!now || at === undefined) return;
    const next = now.ids[neighbour(now, at, direction) ?? -1];
    if (next === undefined) return;
    wanted.current = next;
    setRoving(next);
    surface.bringIntoView(next);
  };

  return (
    <fieldset className="node-buttons" ref={list} aria-label="Twins">
      {visible.map((at, place) => {
        const id = scene.ids[at] ?? "";
        const { x, y } = toScreen(camera, size, { x: scene.x[at] ?? 0, y: scene.y[at] ?? 0 });
        const scale = (scene.scale[at] ?? 1) * camera.zoom;
        const width = halfWidthOf(scene.shape[at]) * scale;
        const height = halfHeightOf(scene.shape[at]) * scale;
        return (
          <NodeButton
            key={id}
            id={id}
            label={describe(scene, graph, at)}
            left={Math.round(x - width)}
            top={Math.round(y - height)}
            width={Math.round(2 * width)}
            height={Math.round(2 * height)}
            inTabOrder={inOrder === undefined ? place === 0 : id === inOrder}
            current={id === selected}
            onFocus={() => {
              wanted.current = null;
              setRoving(id);
              surface.focus(clicked.current === id ? null : id);
            }}
            onBlur={() => surface.focus(null)}
            onPick={() => {
              page.selection.select(id);
              surface.bringIntoView(id);
            }}
            onGo={(direction) => go(id, direction)}
          />
        );
      })}
    </fieldset>
  );
}

interface NodeButtonProps {
  id: string;
  label: string;
  left: number;
  top: number;
  width: number;
  height: number;
  inTabOrder: boolean;
  current: boolean;
  onFocus: () => void;
  onBlur: () => void;
  onPick: () => void;
  onGo: (direction: Direction) => void;
}

const NodeButton = memo(
  function NodeButton(props: NodeButtonProps) {
    const { left, top, width, height } = props;
    return (
      <button
        type="button"
        data-twin-id={props.id}
        aria-label={props.label}
        aria-pressed={props.current}
        tabIndex={props.inTabOrder ? 0 : -1}
        style={{ left, top, width, height }}
        onFocus={props.onFocus}
        onBlur={props.onBlur}
        onClick={props.onPick}
        onKeyDown={(event) => {
          const direction = directions[event.key];
          if (!direction) return;
          event.preventDefault();
          event.stopPropagation();
          props.onGo(direction);
        }}
      />
    );
  },
  (before, after) =>
    (["label", "left", "top", "width", "height", "inTabOrder", "current"] as const).every(
      (name) => before[name] === after[name],
    ),
);
