import { CircleAlert, CircleCheck } from "lucide-react";
import { Window } from "../look/Controls";
import { useCell, usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import type { FileProblem } from "../wire/FileProblem";

const none: FileProblem[] = [];

/** What is wrong with files of the workspace, file by file. */
export function ProblemsDialog() {
  const page = usePage();
  const open = useCell(page.dialog) === "problems";
  const problems = usePart(page.instance.status, (status) => status?.problems ?? none);
  return (
    <Window title="Problems in the workspace" open={open} onClose={() => page.dialog.set(null)}>
      {problems.length === 0 ? (
        <p className="file-problem">
          <CircleCheck size={16} className="status-fine" aria-hidden />
          Every file of the workspace was read and applied.
        </p>
      ) : (
        <p className="secondary">
          A file with a problem changes nothing: what it held before still applies.
        </p>
      )}
      {problems.map(({ file, place, message }) => (
        <div key={`${file} ${place} ${message}`} className="file-problem" data-testid="problem">
          <CircleAlert size={16} className="status-problem" aria-hidden />
          <div className="selectable">
            <p className="mono">
              {file}
              {place && <span className="unit"> {place}</span>}
            </p>
            <p>{message}</p>
          </div>
        </div>
      ))}
    </Window>
  );
}
