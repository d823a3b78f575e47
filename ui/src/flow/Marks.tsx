import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CirclePause,
  Hourglass,
  Info,
  KeyRound,
  MailX,
  Pencil,
  RotateCw,
} from "lucide-react";
import { count, rate } from "../look/format";
import { useNow } from "../store/usePage";
import type { NodeState } from "../wire/NodeState";
import { useProblems } from "./reading";
import { stateWords } from "./words";
import "./marks.css";

const icons = {
  idle: CircleDashed,
  healthy: CircleCheck,
  provisioning: Hourglass,
  secondaryKey: KeyRound,
  retrying: RotateCw,
  paused: CirclePause,
  deadLettering: MailX,
  failed: CircleAlert,
} as const;

/** How a node does: icon, colour and words. */
export function State({ state, message }: { state: NodeState; message?: string | null }) {
  const counts = "until" in state || "at" in state;
  return counts ? (
    <Counting state={state} message={message} />
  ) : (
    <StateLine state={state} message={message} now={0} />
  );
}

/** A state that ends, counted down. */
function Counting({ state, message }: { state: NodeState; message?: string | null | undefined }) {
  return <StateLine state={state} message={message} now={useNow(1000)} />;
}

function StateLine(props: { state: NodeState; message?: string | null | undefined; now: number }) {
  const { state, message, now } = props;
  const Icon = icons[state.kind];
  const words = stateWords(state, now);
  return (
    <span className="flow-state" data-state={state.kind} title={message ?? words}>
      <Icon size={14} aria-hidden />
      <span className="ellipsis number">{words}</span>
    </span>
  );
}

/** Events that are gone. */
export function Dropped({ events }: { events: number }) {
  return (
    <span className="flow-state" data-state="dropped" title={`${count(events)} events dropped`}>
      <Ban size={14} aria-hidden />
      <span className="number">{rate(events)}</span>
    </span>
  );
}

/** Changed, and not at work yet. */
export const EditedTag = () => (
  <span className="flow-tag" title="Changed, not deployed">
    <Pencil size={12} aria-hidden />
    edited
  </span>
);

/** What is wrong with a node, on hover in words. */
export function ProblemMark({ id }: { id: string }) {
  const problems = useProblems(id);
  if (!problems) return null;
  const refused = problems[0]?.refused ?? false;
  const Icon = refused ? CircleAlert : Info;
  const words = problems.map(({ message }) => message).join("\n");
  return (
    <span
      className={refused ? "flow-problem flow-refusing" : "flow-problem flow-warning"}
      role="img"
      aria-label={words}
      title={words}
    >
      <Icon size={16} aria-hidden />
    </span>
  );
}
