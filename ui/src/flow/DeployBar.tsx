import { CircleAlert, Pencil } from "lucide-react";
import { Fragment } from "react";
import { Button, Tooltip } from "../look/Controls";
import { counted } from "../look/format";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import type { Difference } from "./differences";
import { useDifferences } from "./reading";
import { titleOf } from "./words";

/** What is not deployed, and the way there and back. Nothing where all is at work. */
export function DeployBar() {
  const { flow } = usePage();
  const { deployment } = flow;
  const list = useDifferences();
  const theirs = useCell(deployment.theirs);
  const fixed = usePart(deployment.state, (state) => state?.fixed ?? null);
  const deploying = useCell(deployment.deploying);
  const refused = usePart(
    deployment.problems,
    (problems) => problems.filter((problem) => problem.refused).length,
  );
  if (fixed !== null) {
    return (
      <div className="flow-bar-row" role="status" data-testid="flow-fixed">
        <CircleAlert size={16} aria-hidden />
        <span>{fixed}</span>
      </div>
    );
  }
  return (
    <>
      {theirs && <Theirs />}
      {list.length > 0 && (
        <div className="flow-bar-row" data-testid="deploy-bar">
          <span className="flow-tag inline">
            <Pencil size={12} aria-hidden />
            {counted(list.length, "change")}
          </span>
          <span className="ellipsis flow-summary">
            Not deployed: <Summary list={list} />
          </span>
          <span className="stretch" />
          <Button
            look="quiet"
            data-testid="show-differences"
            onClick={() => flow.comparing.set(true)}
          >
            Show differences
          </Button>
          <Tooltip text="Back to what is at work" keys="Ctrl Z undoes it">
            <Button data-testid="revert" disabled={deploying} onClick={() => deployment.revert()}>
              Revert
            </Button>
          </Tooltip>
          <Tooltip
            text={
              theirs
                ? "Take theirs or keep yours first"
                : refused > 0
                  ? `Mend ${counted(refused, "problem")} first`
                  : "Set the topology to work. What did not change goes on undisturbed"
            }
          >
            {/* A button that is off tells nobody why: it stays in reach. */}
            <Button
              look="primary"
              data-testid="deploy"
              aria-disabled={refused > 0 || deploying || theirs !== null}
              onClick={() => {
                if (refused === 0 && !deploying && !theirs) void deployment.deploy();
              }}
            >
              {deploying ? "Deploying …" : "Deploy"}
            </Button>
          </Tooltip>
        </div>
      )}
    </>
  );
}

const mostNamed = 3;

function Summary({ list }: { list: readonly Difference[] }) {
  const more = list.length - mostNamed;
  return (
    <>
      {list.slice(0, mostNamed).map((difference, at) => (
        <Fragment key={difference.id}>
          {at > 0 && ", "}
          {what(difference) !== what(list[at - 1]) && what(difference)}
          <strong>{titleOf(difference.id)}</strong>
        </Fragment>
      ))}
      {more > 0 && ` and ${more} more`}
    </>
  );
}

function what(difference: Difference | undefined): string {
  if (!difference) return "";
  const { kind, fields, lines } = difference;
  if (kind !== "changed") return `${kind} `;
  const names = [...fields.map(({ field }) => field), ...(lines.length > 0 ? ["code"] : [])];
  return `${names.join(" and ")} of `;
}

/** Another topology came while there are edits here. */
function Theirs() {
  const { deployment } = usePage().flow;
  const file = usePart(deployment.state, (state) => state?.file ?? "The topology");
  return (
    <div className="flow-bar-row" role="alert" data-testid="flow-theirs">
      <CircleAlert size={16} aria-hidden />
      <span className="ellipsis">
        {file} was changed elsewhere and is at work. Your edits are of the one before.
      </span>
      <span className="stretch" />
      <Tooltip text="Your edits go; undo brings them back">
        <Button data-testid="take-theirs" onClick={() => deployment.takeTheirs()}>
          Take theirs
        </Button>
      </Tooltip>
      <Tooltip text="A deploy puts yours in place of theirs; the differences show what that changes">
        <Button data-testid="keep-mine" onClick={() => deployment.keepMine()}>
          Keep mine
        </Button>
      </Tooltip>
    </div>
  );
}
