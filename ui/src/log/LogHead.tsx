import { ArrowUp, Waypoints } from "lucide-react";
import { Tooltip } from "../look/Controls";
import { count } from "../look/format";
import { usePage } from "../store/usePage";

/** Names of the columns; while the view is paused, how many rows came since. */
export function LogHead({ routes, newer }: { routes: string[]; newer: number }) {
  return (
    <div className="log-head log-grid">
      <span>Time</span>
      <span>Type</span>
      <span>Subject</span>
      <span>Change</span>
      <span className="log-cause-head">
        Trace and cause
        {newer > 0 && <Newer newer={newer} />}
      </span>
      {routes.map((route) => (
        <Tooltip key={route} text={`Event route ${route}`}>
          <span className="log-route-head">
            <Waypoints size={14} aria-hidden />
            <span className="ellipsis">{route}</span>
          </span>
        </Tooltip>
      ))}
      <span className="log-latency">Latency</span>
    </div>
  );
}

function Newer({ newer }: { newer: number }) {
  const { log } = usePage();
  return (
    <Tooltip text="Go to the newest">
      <button
        type="button"
        className="log-newer"
        data-testid="log-newer"
        onClick={() => log.resume()}
      >
        <ArrowUp size={14} aria-hidden />
        <span>
          <strong className="number">+{count(newer)}</strong> new
        </span>
      </button>
    </Tooltip>
  );
}
