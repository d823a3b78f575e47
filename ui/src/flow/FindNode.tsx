import { useState } from "react";
import { Finder } from "../look/Finder";
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
  const [text, setText] = useState("");
  const wanted = text.trim();
  const found = [theInstance, ...idsOf(draft)].filter((id) =>
    `${id} ${kindWords(draft, id)}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  const note =
    found.length === 0
      ? `No node has “${wanted}” in its name or kind`
      : found.length > most && `${most} of ${found.length} shown`;
  return (
    <Finder
      label="Find a node"
      placeholder="Find a node"
      testId="flow-find"
      text={text}
      onText={setText}
      answer={{ text: wanted, hits: found.slice(0, most), note }}
      keyOf={(id) => id}
      onPick={(id) => flow.reveal(id)}
    >
      {(id) => {
        const Icon = iconOf(draft, id);
        return (
          <>
            <Icon size={16} aria-hidden />
            <span className="ellipsis">{titleOf(id)}</span>
            <span className="stretch" />
            <span className="secondary">{kindWords(draft, id)}</span>
          </>
        );
      }}
    </Finder>
  );
}
