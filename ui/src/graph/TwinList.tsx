import { useVirtualizer } from "@tanstack/react-virtual";
import { X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { IconButton } from "../look/Controls";
import { count } from "../look/format";
import { ShapeIcon } from "../look/ShapeIcon";
import { useCell } from "../store/cell";
import { useGraphChanges, usePage } from "../store/usePage";
import { valueInWords } from "./describe";
import { naturalOrder } from "./order";
import type { Scene } from "./scene";
import type { GraphSurface } from "./surface";

const rowHeight = 28;
const pageRows = 12;

/** Rows of the twins that are there, by id in natural order. */
const inOrder = (scene: Scene): number[] =>
  naturalOrder(scene.ids).filter((row) => !scene.absent[row]);

/** Those whose id or name has a text in it. */
function matching(scene: Scene, rows: number[], text: string): number[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return rows;
  const has = (own: string | undefined) => own?.toLowerCase().includes(wanted);
  return rows.filter((row) => has(scene.ids[row]) || has(scene.labels[row]));
}

/** The same twins as a list: for screen readers, for the keyboard, and to look one up. */
export function TwinList(props: { surface: GraphSurface; onClose: () => void }) {
  const page = usePage();
  const { graph } = page.instance;
  const scene = useCell(props.surface.scene);
  const selected = useCell(page.selection.id);
  useGraphChanges(1000);
  const [text, setText] = useState("");
  const all = useMemo(() => (scene ? inOrder(scene) : []), [scene]);
  const rows = useMemo(() => (scene ? matching(scene, all, text) : []), [scene, all, text]);
  const list = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => list.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const at = rows.findIndex((row) => scene?.ids[row] === selected);
  // Who opens it with a twin selected sees that one.
  const first = useRef(at);
  useEffect(() => {
    if (first.current >= 0) virtual.scrollToIndex(first.current, { align: "center" });
  }, [virtual]);
  if (!scene) return null;

  const go = (place: number) => {
    const inside = Math.min(rows.length - 1, Math.max(0, place));
    const id = scene.ids[rows[inside] ?? -1];
    if (id === undefined) return;
    page.reveal(id);
    virtual.scrollToIndex(inside);
  };
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + pageRows,
    PageUp: at - pageRows,
    Home: 0,
    End: rows.length - 1,
  };
  const onKey = (event: React.KeyboardEvent) => {
    const place = steps[event.key];
    if (event.key === "Escape") props.onClose();
    else if (place !== undefined) go(place);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <section className="twin-list" aria-label="List of twins" data-testid="twin-list">
      <header className="card-head">
        <h3>Twins</h3>
        <span className="number secondary">{count(rows.length)}</span>
        <IconButton icon={X} label="Close the list" onClick={props.onClose} />
      </header>
      <input
        className="input"
        aria-label="Only twins with"
        placeholder="Only twins with …"
        value={text}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKey}
      />
      <div
        className="twin-rows"
        ref={list}
        role="listbox"
        tabIndex={0}
        aria-label="Twins"
        aria-activedescendant={at >= 0 ? `twin-row-${at}` : undefined}
        onKeyDown={onKey}
      >
        <div style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index] ?? 0;
            const kind = graph.kinds[scene.kind[row] ?? 0];
            return (
              // biome-ignore lint/a11y/useFocusableInteractive: a listbox driven by aria-activedescendant
              // biome-ignore lint/a11y/useKeyWithClickEvents: see the listbox
              <div
                key={scene.ids[row]}
                id={`twin-row-${index}`}
                role="option"
                aria-selected={index === at}
                aria-setsize={rows.length}
                aria-posinset={index + 1}
                className="twin-row"
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => go(index)}
              >
                <ShapeIcon mark={kind?.shape ?? "circle"} />
                <bdi className="mono ellipsis">{scene.ids[row]}</bdi>
                {scene.labels[row] && <bdi className="ellipsis secondary">{scene.labels[row]}</bdi>}
                <span className="stretch" />
                <span className="number">{valueInWords(scene, row)}</span>
              </div>
            );
          })}
        </div>
      </div>
      {rows.length === 0 && (
        <p className="secondary">No twin has “{text.trim()}” in its id or name</p>
      )}
    </section>
  );
}
