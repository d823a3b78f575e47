import { type ReactNode, useEffect, useState } from "react";
import { ask, failureOf } from "../host/ask";
import { Segments, Tooltip, Window } from "../look/Controls";
import { count, counted } from "../look/format";
import { useCell } from "../store/cell";
import { poll } from "../store/poll";
import { usePage } from "../store/usePage";
import type { Limits } from "../wire/Limits";
import type { LimitUse } from "../wire/LimitUse";
import type { Request } from "../wire/Request";
import { LimitsFile } from "./LimitsFile";
import { amount, percent, ranked, share } from "./rank";
import { WhyNot } from "./WhyNot";
import "../settings/settings.css";
import "./limits.css";

const every = 1000;

const remoteHint =
  "The service does not say how far its limits are used. What the copy of its graph shows is here, beside the documented numbers.";
const given = { service: "The service's", none: "None", file: "Those of a file" } as const;
const choices = [
  { value: "service", label: "The service's" },
  { value: "none", label: "None" },
  { value: "file", label: "A file's" },
] as const;
/** In seconds. The service's index is up to ten behind. */
const lags = [0, 1, 2, 5, 10];

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

/** Why what was chosen does not hold. */
interface Refused {
  choice: Request["type"];
  why: string;
}

function useLimits(): {
  limits: Limits | null;
  failure: string | null;
  refused: Refused | null;
  choose: (request: Request) => void;
} {
  const { host } = usePage();
  const [limits, setLimits] = useState<Limits | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  /** Until something else is chosen. */
  const [refused, setRefused] = useState<Refused | null>(null);
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
  const choose = async (request: Request) => {
    try {
      setLimits(await ask(host, request, "limits"));
      setRefused(null);
    } catch (thrown) {
      setRefused({ choice: request.type, why: failureOf(thrown).message });
    }
  };
  return { limits, failure, refused, choose: (request) => void choose(request) };
}

/** Which limits hold, and how far queries are behind. */
function Choices(props: {
  limits: Limits;
  refused: Refused | null;
  choose: (request: Request) => void;
}) {
  const { limits, refused, choose } = props;
  const whyNot = (choice: Refused["choice"]) => (refused?.choice === choice ? refused.why : null);
  const { enforced, file, queryLagSeconds, queryLagGiven } = limits;
  /** A file is to hold, and is not named yet. */
  const [naming, setNaming] = useState(false);
  if (enforced === "remote") return <p className="secondary limits-hold">{remoteHint}</p>;
  const lag = queryLagSeconds ?? 0;
  const seconds = lags.includes(lag) ? lags : [...lags, lag].sort((a, b) => a - b);
  return (
    <div className="limits-hold">
      <Choice
        name="Enforced limits"
        hint="They refuse requests that are past them. Counting goes on without."
      >
        {limits.given ? (
          <Given what={given[enforced]} option="--limits" />
        ) : (
          <Segments
            label="Limits"
            value={file !== null || naming ? "file" : enforced}
            options={choices}
            onChange={(value) => {
              setNaming(value === "file");
              if (value !== "file") choose({ type: "chooseLimits", limits: value });
            }}
          />
        )}
      </Choice>
      {file === null && !naming && <WhyNot why={whyNot("chooseLimits")} />}
      {!limits.given && (file !== null || naming) && (
        <LimitsFile
          key={file}
          file={file}
          whyNot={whyNot("chooseLimits")}
          onUse={(path) => choose({ type: "chooseLimits", limits: { file: path } })}
        />
      )}
      <Choice
        name="Query lag"
        hint="Queries see what was there so long ago, as the service's do. Finds code that relies on reading at once what it wrote."
      >
        {queryLagGiven ? (
          <Given what={inSeconds(lag)} option="--query-lag" />
        ) : (
          <Segments
            label="Query lag"
            value={String(lag)}
            options={seconds.map((each) => ({ value: String(each), label: inSeconds(each) }))}
            onChange={(value) =>
              choose({
                type: "chooseQueryLag",
                seconds: Number(value) === 0 ? null : Number(value),
              })
            }
          />
        )}
      </Choice>
      <WhyNot why={whyNot("chooseQueryLag")} />
    </div>
  );
}

const inSeconds = (seconds: number): string => (seconds === 0 ? "Off" : `${seconds} s`);

function Choice(props: { name: string; hint: string; children: ReactNode }) {
  return (
    <div className="setting">
      <div>
        <p>{props.name}</p>
        <p className="hint">{props.hint}</p>
      </div>
      {props.children}
    </div>
  );
}

/** What the start said, which holds until the end. */
function Given({ what, option }: { what: string; option: string }) {
  return (
    <Tooltip text="It was given at the start and holds until the end">
      <p className="limits-given">
        {what} <span className="secondary mono">{option}</span>
      </p>
    </Tooltip>
  );
}

function Table() {
  const { limits, failure, refused, choose } = useLimits();
  if (failure !== null && !limits) return <p role="alert">The limits cannot be read: {failure}</p>;
  if (!limits) return <p className="secondary">Reading …</p>;
  const known = limits.limits.filter((limit) => limit.now !== null);
  return (
    <>
      <Choices limits={limits} refused={refused} choose={choose} />
      <WhyNot why={failure} />
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
