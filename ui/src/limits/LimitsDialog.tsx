import { useEffect, useState } from "react";
import { ask, failureOf } from "../host/ask";
import { Tooltip, Window } from "../look/Controls";
import { count, counted } from "../look/format";
import { useCell } from "../store/cell";
import { poll } from "../store/poll";
import { usePage } from "../store/usePage";
import type { Limits } from "../wire/Limits";
import type { LimitUse } from "../wire/LimitUse";
import { amount, percent, ranked, share } from "./rank";
import "./limits.css";

const every = 1000;

const hold = {
  service: "The service's limits hold. What comes near its limit is first.",
  none: "No limits hold here: it was started with --limits none. The numbers still count.",
  file: "The limits of a file hold. What comes near its limit is first.",
  remote:
    "The service does not say how far its limits are used. What the copy of its graph shows is here, beside the documented numbers.",
} as const;

/** How far each limit of the service is used. */
export function LimitsDialog() {
  const page = usePage();
  const open = useCell(page.dialog) === "limits";
  return (
    <Window title="Limits" open={open} wide onClose={() => page.dialog.set(null)} testId="limits">
      <Table />
    </Window>
  );
}

function useLimits(): { limits: Limits | null; failure: string | null } {
  const { host } = usePage();
  const [limits, setLimits] = useState<Limits | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    const polling = poll(every, async () => {
      try {
        setLimits(await ask(host, { type: "limits" }, "limits"));
        setFailure(null);
      } catch (thrown) {
        setFailure(failureOf(thrown).message);
      }
    });
    return polling.stop;
  }, [host]);
  return { limits, failure };
}

function Table() {
  const { limits, failure } = useLimits();
  if (failure !== null) return <p role="alert">The limits cannot be read: {failure}</p>;
  if (!limits) return <p className="secondary">Reading …</p>;
  const known = limits.limits.filter((limit) => limit.now !== null);
  return (
    <>
      <p className="secondary limits-hold">{hold[limits.enforced]}</p>
      <table className="limits">
        <thead>
          <tr>
            <th scope="col">Limit</th>
            <th scope="col" className="limit-bar">
              Used
            </th>
            <th scope="col">Now</th>
            <th scope="col">Of</th>
            <th scope="col">
              <Tooltip text="The highest second of the last minute">
                <span>Highest</span>
              </Tooltip>
            </th>
            <th scope="col">
              <Tooltip text="Requests refused since the start">
                <span>Refused</span>
              </Tooltip>
            </th>
          </tr>
        </thead>
        <tbody>
          {ranked(known).map((limit) => (
            <Row key={limit.name} limit={limit} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({ limit }: { limit: LimitUse }) {
  const { what, unit, kind, most, now, highest, refused, refusedLately, twin, source } = limit;
  const used = share(limit);
  const perSecond = kind === "rate" ? "/s" : "";
  return (
    <tr data-testid="limit" data-limit={limit.name}>
      <th scope="row">
        <Tooltip text={`${limit.name}: ${source}`}>
          <span>{what}</span>
        </Tooltip>
        {twin !== null && <span className="limit-twin mono">{twin}</span>}
      </th>
      <td className="limit-bar">
        {used !== null && (
          <Tooltip text={percent(used)}>
            <meter
              className={refusedLately > 0 || used >= 0.9 ? "limit-near" : undefined}
              value={Math.min(used, 1)}
              aria-label={`${what}: ${percent(used)}`}
            />
          </Tooltip>
        )}
      </td>
      <td className="number">{now === null ? "" : amount(now, unit)}</td>
      <td className="number secondary">
        {most === null ? "no limit" : `${amount(most, unit)}${perSecond}`}
      </td>
      <td className="number">{kind === "rate" && highest !== null ? count(highest) : ""}</td>
      <td className="number">
        {refused > 0 && (
          <Tooltip text={`${counted(refusedLately, "refusal")} in the last minute`}>
            <span className={refusedLately > 0 ? "limit-refused" : undefined}>
              {count(refused)}
            </span>
          </Tooltip>
        )}
      </td>
    </tr>
  );
}
