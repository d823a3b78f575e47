import { Button } from "../look/Controls";
import { count, millis, rate } from "../look/format";
import { usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { nameOf } from "./draft";
import { State } from "./Marks";
import { useReading, useWireReading } from "./reading";

/** What a node counted, and how it does. */
export function Figures({ id }: { id: string }) {
  const { flow } = usePage();
  const reading = useReading(id);
  const fixed = usePart(flow.deployment.state, (state) => state?.fixed != null);
  if (!reading) {
    return (
      <div className="inspector-part">
        <p className="hint">
          {fixed
            ? "What it counts is known where it runs."
            : "Not deployed: it counts nothing yet."}
        </p>
      </div>
    );
  }
  const { counts, taken, done, millis: took, state, message } = reading;
  const part = nameOf(id)?.part;
  const isEndpoint = part === "endpoints" || part === "endpoints2019";
  const waits = isEndpoint && ["retrying", "paused", "failed"].includes(state.kind);
  const words =
    part === "routes"
      ? { taken: "Evaluated", done: "Matched" }
      : isEndpoint
        ? { taken: "Taken", done: "Delivered" }
        : { taken: "Taken", done: "Handled" };
  const rows: [string, number, number | null][] = [
    [words.taken, counts.taken, taken],
    [words.done, counts.done, done],
    // An endpoint's routes will not take all of these.
    [isEndpoint ? "Changes behind" : "Waiting", counts.lag, null],
    ["Failed attempts", counts.failures, null],
    ["Tried again", counts.retries, null],
    ["Perhaps twice", counts.repeated, null],
    ["Dead letters", counts.deadLettered, null],
    ["Bytes", counts.bytes, null],
  ];
  // Zeros of what seldom happens say nothing.
  const shown = rows.filter(([, value], at) => at < 2 || value > 0);
  return (
    <div className="inspector-part" data-testid="flow-figures">
      <header className="section-head">
        <h3>At work</h3>
        {took !== null && (
          <span className="number">
            {millis(took)} ms {isEndpoint ? "of sending each" : "each"}
          </span>
        )}
      </header>
      <div className="inspector-line">
        <State state={state} message={message} />
        <span className="stretch" />
        {waits && (
          <Button look="quiet" data-testid="flow-try-now" onClick={() => void flow.tryNow(id)}>
            Try now
          </Button>
        )}
      </div>
      {message && <p className="selectable flow-message">{message}</p>}
      <dl className="flow-figures">
        {shown.map(([name, value, each]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="number">{count(value)}</dd>
            <dd className="number secondary">{each === null ? "" : `${rate(each)}/s`}</dd>
          </div>
        ))}
        {Object.entries(counts.dropped).map(([reason, value]) => (
          <div key={reason} data-dropped>
            <dt>Dropped: {reason}</dt>
            <dd className="number">{count(value)}</dd>
            <dd />
          </div>
        ))}
      </dl>
    </div>
  );
}

export function WireFigures({ id }: { id: string }) {
  const reading = useWireReading(id);
  return (
    <div className="inspector-part">
      {reading ? (
        <dl className="flow-figures">
          <div>
            <dt>Events</dt>
            <dd className="number">{count(reading.events)}</dd>
            <dd className="number secondary">
              {reading.rate === null ? "" : `${rate(reading.rate)}/s`}
            </dd>
          </div>
          <div>
            <dt>Bytes</dt>
            <dd className="number">{count(reading.bytes)}</dd>
            <dd />
          </div>
        </dl>
      ) : (
        <p className="hint">Not deployed: nothing passes here yet.</p>
      )}
    </div>
  );
}
