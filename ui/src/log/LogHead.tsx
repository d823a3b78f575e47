import { Waypoints } from "lucide-react";
import { Tooltip } from "../look/Controls";

export function LogHead({ routes }: { routes: string[] }) {
  return (
    <div className="log-head log-grid" aria-hidden="true">
      <span>Time</span>
      <span>Type</span>
      <span>Subject</span>
      <span>Change</span>
      <span>Trace and cause</span>
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
