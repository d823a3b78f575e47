import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { usePage } from "../store/usePage";
import { idsOf, theInstance } from "./draft";
import { iconOf } from "./offers";
import { useDraft } from "./reading";
import { kindWords, titleOf } from "./words";

const most = 12;

/** Finds a node by name or kind, and goes there. */
export function FindNode() {
  const { flow } = usePage();
  const draft = useDraft();
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const words = text.trim().toLowerCase();
  const found = [theInstance, ...idsOf(draft)]
    .filter((id) => `${id} ${kindWords(draft, id)}`.toLowerCase().includes(words))
    .slice(0, most);
  const shown = open && words !== "";

  useEffect(() => {
    // The graph has the same key; who is on screen takes it.
    const focus = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "f" || !(event.ctrlKey || event.metaKey)) return;
      const near = input.current?.closest(".flow")?.contains(document.activeElement);
      if (!near && document.querySelector(".graph")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      input.current?.select();
      input.current?.focus();
    };
    window.addEventListener("keydown", focus, { capture: true });
    return () => window.removeEventListener("keydown", focus, { capture: true });
  }, []);

  const pick = (id: string | undefined) => {
    if (id === undefined) return;
    setOpen(false);
    flow.reveal(id);
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter") pick(found[at]);
    else if (event.key === "Escape" && text) {
      setText("");
      setOpen(false);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <search className="search flow-find">
      <Search size={16} aria-hidden />
      <input
        ref={input}
        className="input"
        data-testid="flow-find"
        placeholder="Find a node"
        role="combobox"
        aria-label="Find a node"
        aria-expanded={shown}
        aria-controls="flow-hits"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKey}
      />
      <span className="key">Ctrl F</span>
      {shown && (
        <div className="menu search-hits" id="flow-hits" role="listbox" aria-label="Nodes found">
          {found.map((id, place) => {
            const Icon = iconOf(draft, id);
            return (
              // biome-ignore lint/a11y/useFocusableInteractive: the input keeps the focus
              // biome-ignore lint/a11y/useKeyWithClickEvents: keys go through the input
              <div
                key={id}
                role="option"
                aria-selected={place === at}
                className="menu-item"
                data-highlighted={place === at || undefined}
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => pick(id)}
              >
                <Icon size={16} aria-hidden />
                <span className="ellipsis">{titleOf(id)}</span>
                <span className="stretch" />
                <span className="secondary">{kindWords(draft, id)}</span>
              </div>
            );
          })}
          {found.length === 0 && (
            <p className="menu-label secondary">No node has “{text.trim()}” in its name or kind</p>
          )}
        </div>
      )}
    </search>
  );
}
