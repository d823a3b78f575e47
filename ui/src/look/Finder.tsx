import { Search } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import "./finder.css";

/** What was found for a text. */
export interface Answer<T> {
  text: string;
  hits: readonly T[];
  /** What is said below the hits: that there are none, or more. */
  note?: ReactNode;
}

interface FinderProps<T> {
  /** What it does, for whoever cannot see it. */
  label: string;
  placeholder: string;
  testId: string;
  text: string;
  onText: (text: string) => void;
  /** For `text`, or for an earlier one while the answer is awaited; `null` before the first. */
  answer: Answer<T> | null;
  keyOf: (hit: T) => string;
  children: (hit: T) => ReactNode;
  onPick: (hit: T) => void;
}

/** A field that finds as one types: arrows choose among the hits, Enter goes there, Escape empties it. */
export function Finder<T>(props: FinderProps<T>) {
  const { text, answer, onPick } = props;
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const [chosen, setChosen] = useState(0);
  const [open, setOpen] = useState(false);
  const [hurried, setHurried] = useState(false);
  const wanted = text.trim();
  const hits = answer?.hits ?? [];
  const at = Math.min(chosen, Math.max(0, hits.length - 1));
  const shown = open && wanted !== "" && answer !== null;
  useFindKey(input);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another hit is highlighted
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, shown]);

  const pick = (hit: T | undefined) => {
    if (hit === undefined) return;
    setOpen(false);
    onPick(hit);
  };
  // Enter may come before the answer to what was typed: then the best one is picked as it comes.
  const answered = answer?.text === wanted;
  useEffect(() => {
    if (!hurried || !answered) return;
    setHurried(false);
    pick(answer?.hits[0]);
  });

  const step = (by: number) => {
    setOpen(true);
    if (shown) setChosen(Math.max(0, Math.min(hits.length - 1, at + by)));
  };
  const onKey = (event: React.KeyboardEvent) => {
    if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else if (event.key === "Enter" && answered) pick(hits[at]);
    else if (event.key === "Enter") setHurried(wanted !== "");
    else if (event.key === "Escape" && text) props.onText("");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <search className="finder">
      <Search size={16} aria-hidden />
      <input
        ref={input}
        className="input"
        data-testid={props.testId}
        placeholder={props.placeholder}
        role="combobox"
        aria-label={props.label}
        aria-autocomplete="list"
        aria-expanded={shown}
        aria-controls={id}
        aria-activedescendant={shown && hits.length > 0 ? `${id}-${at}` : undefined}
        spellCheck={false}
        value={text}
        onChange={(event) => {
          props.onText(event.target.value);
          setChosen(0);
          setOpen(true);
          setHurried(false);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKey}
      />
      <span className="key">Ctrl F</span>
      {shown && (
        <div className="menu finder-hits">
          <div ref={list} id={id} role="listbox" aria-label={props.label}>
            {hits.map((hit, place) => (
              // The input keeps the focus: a press must not take it, and keys go through it.
              // biome-ignore lint/a11y/useFocusableInteractive: a listbox driven by aria-activedescendant
              // biome-ignore lint/a11y/useKeyWithClickEvents: see the input
              <div
                key={props.keyOf(hit)}
                id={`${id}-${place}`}
                role="option"
                aria-selected={place === at}
                className="menu-item"
                data-highlighted={place === at || undefined}
                onPointerDown={(event) => event.preventDefault()}
                onClick={() => pick(hit)}
              >
                {props.children(hit)}
              </div>
            ))}
          </div>
          {answer.note && (
            <p className="menu-label secondary" role="status">
              {answer.note}
            </p>
          )}
        </div>
      )}
    </search>
  );
}

/** Ctrl F: of the finders on screen the one takes it whose panel has the focus, else the first. */
function useFindKey(input: React.RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "f" || !(event.ctrlKey || event.metaKey)) return;
      // An editor has the same key for its own text.
      if (event.defaultPrevented) return;
      const finders = [...document.querySelectorAll<HTMLInputElement>(".finder > input")];
      const near = (finder: HTMLInputElement) =>
        finder.closest("section")?.contains(document.activeElement);
      if ((finders.find(near) ?? finders[0]) !== input.current) return;
      event.preventDefault();
      input.current?.select();
      input.current?.focus();
    };
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, [input]);
}
