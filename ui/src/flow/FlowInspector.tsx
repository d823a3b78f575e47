import { CopyPlus, CornerDownRight, CornerLeftUp, ScrollText, Spline, Trash2 } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { useEffect, useRef, useState } from "react";
import { Button, IconButton, Tooltip } from "../look/Controls";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { nameOf, nameProblem, specOf, theInstance } from "./draft";
import { Figures, WireFigures } from "./Figures";
import { Form } from "./form/Form";
import { TestMessage } from "./form/TestMessage";
import { EditedTag } from "./Marks";
import { iconOf } from "./offers";
import { useDifferences, useDraft } from "./reading";
import { showInLog } from "./showInLog";
import { leadsOn, targetsOf, type Wire, wireOf, wiresOf } from "./wiring";
import { kindWords, logWords, titleOf } from "./words";
import "../inspector/inspector.css";
import "./form/form.css";

/** All about the selected node or wire of the topology. */
export function FlowInspector() {
  const { flow } = usePage();
  const id = useCell(flow.selection);
  const draft = useDraft();
  const wire = id === null ? null : wireOf(id);
  const there = wire
    ? wiresOf(draft).some(({ from, to }) => from === wire.from && to === wire.to)
    : id === theInstance || (id !== null && specOf(draft, id) !== null);
  if (id === null || !there) return <NothingSelected />;
  return (
    <section
      className="inspector"
      data-testid="flow-inspector"
      data-node-of={id}
      aria-label="Inspector"
    >
      {wire ? <OfWire wire={wire} id={id} /> : <OfNode key={id} id={id} />}
    </section>
  );
}

function NothingSelected() {
  return (
    <section className="inspector empty" data-testid="flow-inspector" aria-label="Inspector">
      <strong>Nothing selected</strong>
      <p>
        Click a node or a wire of the topology to see what it does and to edit it. The event log
        then shows what is about it.
      </p>
    </section>
  );
}

function OfNode({ id }: { id: string }) {
  const { flow } = usePage();
  const draft = useDraft();
  const fixed = usePart(flow.deployment.state, (state) => state?.fixed != null);
  const notInFile = usePart(flow.deployment.state, (state) => state?.notInFile.includes(id));
  const edited = useDifferences().some((difference) => difference.id === id);
  const Icon = iconOf(draft, id);
  const part = nameOf(id)?.part;
  return (
    <>
      <header className="inspector-head">
        <div className="inspector-line">
          <Icon size={16} aria-hidden />
          <h2 className="flow-title ellipsis" data-testid="flow-inspector-title">
            {titleOf(id)}
          </h2>
          <span className="stretch" />
          {edited && <EditedTag />}
        </div>
        <p className="secondary">{kindWords(draft, id)}</p>
        {notInFile && <p className="secondary">Made over REST, not in topology.json.</p>}
      </header>
      <Actions id={id} fixed={fixed} />
      <div className="tab-body">
        {part && (
          <div className="inspector-part">
            <NameField id={id} readOnly={fixed} />
            <Form id={id} />
          </div>
        )}
        <Figures id={id} />
        {part === "sources" && <TestMessage id={id} />}
      </div>
    </>
  );
}

function NameField({ id, readOnly }: { id: string; readOnly: boolean }) {
  const { flow } = usePage();
  const draft = useDraft();
  const name = nameOf(id)?.name ?? "";
  const [text, setText] = useState(name);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => setText(name), [name]);
  useEffect(
    () =>
      flow.asked.on((what) => {
        if (what !== "name") return;
        input.current?.focus();
        input.current?.select();
      }),
    [flow],
  );
  const problem = text === name ? null : nameProblem(draft, id, text);
  const keep = () => {
    if (problem === null && text !== name) flow.rename(id, text);
  };
  return (
    <div className="flow-field" data-testid="field:name">
      <span className="flow-label">Name</span>
      <div className="flow-input">
        <input
          ref={input}
          className="input mono"
          aria-label="Name"
          aria-invalid={problem !== null || undefined}
          spellCheck={false}
          readOnly={readOnly}
          value={text}
          onChange={({ target }) => setText(target.value)}
          onBlur={() => (problem === null ? keep() : setText(name))}
          onKeyDown={(event) => {
            if (event.key === "Enter") keep();
            if (event.key === "Escape") setText(name);
          }}
        />
        {problem && (
          <p className="flow-remark" data-refused>
            {problem}
          </p>
        )}
      </div>
    </div>
  );
}

function Actions({ id, fixed }: { id: string; fixed: boolean }) {
  const { flow } = usePage();
  const draft = useDraft();
  return (
    <div className="flow-actions" role="toolbar" aria-label="Node">
      {!fixed && leadsOn(draft, id) && <WireTo id={id} />}
      <span className="stretch" />
      <ShowInLog id={id} />
      {!fixed && id !== theInstance && (
        <>
          <IconButton
            icon={CopyPlus}
            label="Duplicate"
            keys="Ctrl D"
            data-testid="flow-duplicate"
            onClick={() => flow.duplicate(id)}
          />
          <IconButton
            icon={Trash2}
            label="Delete"
            keys="Del"
            data-testid="flow-delete"
            onClick={() => flow.remove(id)}
          />
        </>
      )}
    </div>
  );
}

function ShowInLog({ id }: { id: string }) {
  const page = usePage();
  const atWork = useCell(page.flow.deployment.base);
  if (logWords(atWork, id) === null) return null;
  return (
    <IconButton
      icon={ScrollText}
      label="Show in the event log"
      keys="L"
      data-testid="flow-show-in-log"
      onClick={() => showInLog(page, id)}
    />
  );
}

/** Draws a wire without a pointer. */
function WireTo({ id }: { id: string }) {
  const { flow } = usePage();
  const draft = useDraft();
  const [open, setOpen] = useState(false);
  /** What had the focus where the key was pressed: it goes back there. */
  const before = useRef<Element | null>(null);
  const targets = targetsOf(draft, id);
  useEffect(
    () =>
      flow.asked.on((what) => {
        if (what !== "wire") return;
        before.current = document.activeElement;
        setOpen(true);
      }),
    [flow],
  );
  const giveBack = (event: Event) => {
    const element = before.current;
    before.current = null;
    if (!(element instanceof HTMLElement) || !element.isConnected) return;
    event.preventDefault();
    element.focus();
  };
  return (
    <DropdownMenu.Root open={open} onOpenChange={setOpen}>
      <Tooltip text="Draw a wire from here" keys="W">
        <DropdownMenu.Trigger asChild>
          <Button look="quiet" icon={Spline} data-testid="wire-to">
            Wire to …
          </Button>
        </DropdownMenu.Trigger>
      </Tooltip>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="menu"
          align="start"
          sideOffset={4}
          onCloseAutoFocus={giveBack}
        >
          {targets.length === 0 && (
            <p className="menu-label secondary">There is no node that takes a wire from here.</p>
          )}
          {targets.map((to) => {
            const Icon = iconOf(draft, to);
            return (
              <DropdownMenu.Item key={to} className="menu-item" onSelect={() => flow.wire(id, to)}>
                <Icon size={16} aria-hidden />
                {titleOf(to)}
                <span className="stretch" />
                <span className="secondary">{kindWords(draft, to)}</span>
              </DropdownMenu.Item>
            );
          })}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function OfWire({ wire, id }: { wire: Wire; id: string }) {
  const { flow } = usePage();
  const fixed = usePart(flow.deployment.state, (state) => state?.fixed != null);
  return (
    <>
      <header className="inspector-head">
        <div className="inspector-line">
          <Spline size={16} aria-hidden />
          <h2 className="flow-title ellipsis" data-testid="flow-inspector-title">
            {titleOf(wire.from)} → {titleOf(wire.to)}
          </h2>
        </div>
        <p className="secondary">Wire</p>
      </header>
      <div className="flow-actions" role="toolbar" aria-label="Wire">
        <Button look="quiet" icon={CornerLeftUp} onClick={() => flow.reveal(wire.from)}>
          {titleOf(wire.from)}
        </Button>
        <Button look="quiet" icon={CornerDownRight} onClick={() => flow.reveal(wire.to)}>
          {titleOf(wire.to)}
        </Button>
        <span className="stretch" />
        <ShowInLog id={id} />
        {!fixed && (
          <IconButton
            icon={Trash2}
            label="Take the wire away"
            keys="Del"
            data-testid="flow-delete"
            onClick={() => flow.remove(id)}
          />
        )}
      </div>
      <div className="tab-body">
        <WireFigures id={id} />
      </div>
    </>
  );
}
