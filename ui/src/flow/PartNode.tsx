import { Handle, type NodeProps, Position, useUpdateNodeInternals } from "@xyflow/react";
import { Pencil, Rss } from "lucide-react";
import { useEffect } from "react";
import { millis, rate } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { rowsOf } from "./boxes";
import { type Draft, nameOf, own, specOf } from "./draft";
import { Dropped, EditedTag, ProblemMark, State } from "./Marks";
import { iconOf } from "./offers";
import { useDifferences, useDraft, useReading } from "./reading";
import { refusal } from "./wiring";
import { conditionsOf, kindWords, titleOf } from "./words";

/** Whether a wire that is being drawn, or a dragged subscription, could end at a node. */
export function useFits(id: string): "yes" | "no" | undefined {
  const { flow } = usePage();
  const draft = useDraft();
  const from = useCell(flow.wiring);
  const dropping = useCell(flow.dropping);
  if (dropping?.offer.part === "subscriptions") {
    const part = nameOf(id)?.part;
    const takes = part === "endpoints" || part === "endpoints2019";
    return takes ? (dropping.over === id ? "yes" : undefined) : "no";
  }
  if (from === null || from === id || rowsOf(draft, id).includes(from)) return undefined;
  return refusal(draft, from, id) === null ? "yes" : "no";
}

/** A node of the topology. */
export function PartNode({ id, selected }: NodeProps) {
  const draft = useDraft();
  const rows = rowsOf(draft, id);
  const fits = useFits(id);
  const edited = useDifferences().some((difference) => difference.id === id);
  const refresh = useUpdateNodeInternals();
  const named = rows.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rows have other ports
  useEffect(() => refresh(id), [id, named, refresh]);
  if (!specOf(draft, id)) return null;
  return (
    <div
      className="flow-node"
      data-testid={`flow-node:${id}`}
      data-node={id}
      data-selected={selected}
      data-edited={edited}
      data-fits={fits}
    >
      {edited && <EditedTag />}
      <div className="flow-node-body">
        <NodeHead draft={draft} id={id} />
        <Kind draft={draft} id={id} />
        <Conditions draft={draft} id={id} />
        <Doing id={id} />
      </div>
      {rows.map((row) => (
        <SubscriptionRow key={row} id={row} />
      ))}
      <Ports draft={draft} id={id} />
    </div>
  );
}

function NodeHead({ draft, id }: { draft: Draft; id: string }) {
  const Icon = iconOf(draft, id);
  return (
    <div className="flow-node-head">
      <Icon size={16} aria-hidden />
      <strong className="ellipsis" title={titleOf(id)}>
        {titleOf(id)}
      </strong>
      <ProblemMark id={id} />
    </div>
  );
}

function Conditions({ draft, id }: { draft: Draft; id: string }) {
  const node = nameOf(id);
  const route = node?.part === "routes" ? own(draft.parts.routes, node.name) : undefined;
  if (!route) return null;
  return conditionsOf(route.filter).map(({ subject, wanted }) => (
    <p key={`${subject}=${wanted}`} className="flow-condition" title={route.filter}>
      {subject && <span>{subject}</span>}
      <span className={subject ? "ellipsis" : "ellipsis mono"}>{wanted}</span>
    </p>
  ));
}

/** What kind it is, and what it let go of. */
function Kind({ draft, id }: { draft: Draft; id: string }) {
  const dropped = useReading(id)?.dropped ?? 0;
  const { deployment } = usePage().flow;
  const overRest = usePart(deployment.state, (state) => state?.notInFile.includes(id) ?? false);
  return (
    <p className="flow-node-kind" title={overRest ? "Not in topology.json" : undefined}>
      <span className="ellipsis">
        {kindWords(draft, id)}
        {overRest && ", over REST"}
      </span>
      {dropped > 0 && <Dropped events={dropped} />}
    </p>
  );
}

/** State and rate, or that it is not at work yet. */
function Doing({ id }: { id: string }) {
  const reading = useReading(id);
  const fixed = usePart(usePage().flow.deployment.state, (state) => state?.fixed != null);
  if (!reading) {
    return <p className="flow-doing hint">{fixed ? "Counted elsewhere" : "Not deployed"}</p>;
  }
  const { state, message, done, millis: took } = reading;
  const isFunction = nameOf(id)?.part === "functions";
  // What counts down has its own figures, and while it does nothing passes.
  const passes = state.kind !== "paused" && state.kind !== "provisioning";
  return (
    <p className="flow-doing">
      <State state={state} message={message} />
      {passes && (
        <span className="number flow-rate">
          {isFunction && took !== null ? `${millis(took)} ms` : done !== null && `${rate(done)}/s`}
        </span>
      )}
    </p>
  );
}

function SubscriptionRow({ id }: { id: string }) {
  const { flow } = usePage();
  const selected = useCell(flow.selection) === id;
  const reading = useReading(id);
  const edited = useDifferences().some((difference) => difference.id === id);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the button within has the keys
    // biome-ignore lint/a11y/noStaticElementInteractions: the button within is what is told
    <div
      className="flow-row"
      data-testid={`flow-node:${id}`}
      data-node={id}
      data-selected={selected}
      data-edited={edited}
      onClick={(event) => {
        event.stopPropagation();
        flow.selection.set(id);
      }}
    >
      <Rss size={14} aria-hidden />
      <button type="button" className="ellipsis nodrag nokey" title={titleOf(id)}>
        {titleOf(id)}
      </button>
      <ProblemMark id={id} />
      {edited && <Pencil size={12} aria-label="edited" />}
      <span className="number flow-rate">
        {reading?.done !== null && reading?.done !== undefined && `${rate(reading.done)}/s`}
      </span>
      <Handle
        type="source"
        position={Position.Right}
        id={id}
        className="flow-port"
        data-testid={`port-out:${id}`}
        aria-label={`Wire from ${titleOf(id)}`}
      />
    </div>
  );
}

/** Where wires end and begin. */
function Ports({ draft, id }: { draft: Draft; id: string }) {
  const node = nameOf(id);
  if (!node) return null;
  const { part, name } = node;
  const spec = part === "functions" ? own(draft.parts.functions, name) : undefined;
  const out = part !== "sinks" && spec?.kind !== "webhook";
  return (
    <>
      {part !== "sources" && (
        <Handle
          type="target"
          position={Position.Left}
          id="in"
          className="flow-port"
          isConnectableStart={false}
          data-testid={`port-in:${id}`}
          aria-label={`Wire to ${name}`}
        />
      )}
      {out && (
        <Handle
          type="source"
          position={Position.Right}
          id={part === "subscriptions" ? id : "out"}
          className="flow-port"
          data-testid={`port-out:${id}`}
          aria-label={`Wire from ${name}`}
        />
      )}
    </>
  );
}
