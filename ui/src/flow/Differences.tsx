import { Window } from "../look/Controls";
import { plain } from "../look/format";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { Difference, LineDifference } from "./differences";
import { nameOf } from "./draft";
import { useDifferences } from "./reading";
import { partWords, titleOf } from "./words";

/** What a deploy would change, part by part. */
export function Differences() {
  const { flow } = usePage();
  const open = useCell(flow.comparing);
  const list = useDifferences();
  return (
    <Window
      title="What a deploy changes"
      open={open && list.length > 0}
      onClose={() => flow.comparing.set(false)}
      testId="differences"
      wide
    >
      <ul className="flow-differences">
        {list.map((difference) => (
          <li key={difference.id} data-kind={difference.kind}>
            <h3>
              <button
                type="button"
                disabled={difference.kind === "removed"}
                onClick={() => {
                  flow.comparing.set(false);
                  flow.reveal(difference.id);
                }}
              >
                {titleOf(difference.id)}
              </button>
              <span className="secondary">
                {partWords[nameOf(difference.id)?.part ?? "sources"]}, {difference.kind}
              </span>
            </h3>
            <Fields difference={difference} />
            {difference.lines.length > 0 && <Lines lines={difference.lines} />}
          </li>
        ))}
      </ul>
    </Window>
  );
}

function Fields({ difference: { fields, kind } }: { difference: Difference }) {
  if (fields.length === 0) return null;
  return (
    <table className="mono">
      <tbody>
        {fields.map(({ field, before, after }) => (
          <tr key={field}>
            <th scope="row">{field}</th>
            {kind !== "added" && <td className="flow-before selectable">{value(before)}</td>}
            {kind !== "removed" && <td className="flow-after selectable">{value(after)}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const value = (each: unknown): string =>
  each === undefined || each === "" ? "none" : Array.isArray(each) ? listed(each) : plain(each);

const mostListed = 6;
const listed = (each: readonly unknown[]): string => {
  const rest = each.length - mostListed;
  const more = rest > 0 ? `, and ${rest} more` : "";
  return `${each.slice(0, mostListed).map(plain).join(", ")}${more}`;
};

/** So many lines that are the same are shown around those that are not. */
const around = 2;

function Lines({ lines }: { lines: readonly LineDifference[] }) {
  const near = (at: number) =>
    lines.slice(Math.max(0, at - around), at + around + 1).some(({ sign }) => sign !== " ");
  return (
    <pre className="mono flow-lines selectable">
      {lines.map(({ sign, text }, at) =>
        near(at) ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line has no name but its place
          <span key={at} data-sign={sign}>
            {sign} {text}
            {"\n"}
          </span>
        ) : null,
      )}
    </pre>
  );
}
