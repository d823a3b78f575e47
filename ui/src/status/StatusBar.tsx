import { Activity, CircleAlert, Cloud, CloudOff, Gauge, History, Save, Server } from "lucide-react";
import { Tooltip } from "../look/Controls";
import { age, count, counted, millis, rate } from "../look/format";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { Status } from "../wire/Status";
import type { SyncState } from "../wire/SyncState";
import { SimulationMenu } from "./SimulationMenu";
import "./status.css";

const kinds = { embedded: "Simulated instance", remote: "Remote instance" } as const;

/** What is open and how it does, in one line. */
export function StatusBar() {
  const page = usePage();
  const status = useCell(page.instance.status);
  return (
    <footer className="status-bar" data-testid="status-bar">
      {status && <Line status={status} />}
    </footer>
  );
}

function Line({ status }: { status: Status }) {
  const page = usePage();
  const { problems } = status;
  return (
    <>
      <Tooltip text="Open something else" keys="Ctrl O">
        <button type="button" className="status-item" onClick={() => page.dialog.set("open")}>
          {status.kind === "remote" ? (
            <Cloud size={14} aria-hidden />
          ) : (
            <Server size={14} aria-hidden />
          )}
          <strong>{kinds[status.kind]}</strong>
          <span className="unit">{status.name}</span>
        </button>
      </Tooltip>
      {status.target.kind === "workspace" && (
        <Tooltip text="Write twins, relationships and positions to the folder" keys="Ctrl S">
          <button
            type="button"
            className="status-item"
            data-testid="save-to-workspace"
            onClick={() => void page.saveToWorkspace()}
          >
            <Save size={14} aria-hidden />
            Save to workspace
          </button>
        </Tooltip>
      )}
      <span className="status-item" data-testid="status-twins">
        <Counted words={counted(status.twins, "twin")} />
      </span>
      <span className="status-item optional">
        <Counted words={counted(status.relationships, "relationship")} />
      </span>
      <Tooltip text="Events of the log in the last second">
        <span className="status-item">
          <Activity size={14} className="status-live" aria-hidden />
          <strong className="number">{rate(status.eventsPerSecond)}</strong>
          <span className="unit">events/s</span>
        </span>
      </Tooltip>
      {status.simulation && <SimulationMenu simulation={status.simulation} />}
      <span className="stretch" />
      {status.sync && <Sync sync={status.sync} />}
      {status.commitMillis !== null && (
        <Tooltip text="Median time of a journal commit: until a change is safe on disk">
          <span className="status-item optional">
            <span className="unit">Journal commit</span>
            <strong className="number">{millis(status.commitMillis)}</strong>
            <span className="unit">ms</span>
          </span>
        </Tooltip>
      )}
      {status.queryLagSeconds !== null && (
        <Tooltip text="Queries answer from an older version, as the service's index does; reads and lists do not">
          <span className="status-item" data-testid="query-lag">
            <History size={14} aria-hidden />
            <span className="unit">Queries</span>
            <strong className="number">{status.queryLagSeconds}</strong>
            <span className="unit">s behind</span>
          </span>
        </Tooltip>
      )}
      {status.phase.phase === "ready" && <LimitsItem throttled={status.throttled} />}
      {problems.length > 0 && (
        <Tooltip text="What is wrong with files of the workspace">
          <button
            type="button"
            className="status-item"
            data-testid="problems"
            onClick={() => page.dialog.set("problems")}
          >
            <CircleAlert size={14} className="status-problem" aria-hidden />
            <Counted words={counted(problems.length, "problem")} />
          </button>
        </Tooltip>
      )}
    </>
  );
}

/** Opens the limits; says when requests were refused for coming too fast. */
function LimitsItem({ throttled }: { throttled: number }) {
  const page = usePage();
  const text =
    throttled > 0
      ? "Requests refused in the last minute for coming too fast (429)"
      : "How far the service's limits are used";
  return (
    <Tooltip text={text}>
      <button
        type="button"
        className="status-item"
        data-testid="limits-item"
        onClick={() => page.dialog.set("limits")}
      >
        <Gauge size={14} className={throttled > 0 ? "status-problem" : undefined} aria-hidden />
        {throttled > 0 ? (
          <>
            <strong className="number">{count(throttled)}</strong>
            <span className="unit">throttled</span>
          </>
        ) : (
          "Limits"
        )}
      </button>
    </Tooltip>
  );
}

/** `51 twins` with the number in front. */
function Counted({ words }: { words: string }) {
  const [number, ...noun] = words.split(" ");
  return (
    <>
      <strong className="number">{number}</strong>
      <span className="unit">{noun.join(" ")}</span>
    </>
  );
}

const inStepWithin = 5;

function Sync({ sync }: { sync: SyncState }) {
  const behind = `${age(0, sync.ageSeconds * 1000)} behind`;
  const words = !sync.reachable
    ? "Out of reach"
    : sync.ageSeconds > inStepWithin
      ? behind
      : "In step";
  const why = sync.error ?? `Last known to be in step ${count(Math.round(sync.ageSeconds))} s ago`;
  return (
    <Tooltip text={why}>
      <span className="status-item">
        {sync.reachable ? (
          <Cloud size={14} aria-hidden />
        ) : (
          <CloudOff size={14} className="status-problem" aria-hidden />
        )}
        {words}
      </span>
    </Tooltip>
  );
}
