import { CircleAlert } from "lucide-react";
import type { Failure } from "../wire/Failure";

/** What went wrong, where it went wrong. */
export function Problem({ failure, testId }: { failure: Failure; testId?: string }) {
  return (
    <div className="problem" role="alert" data-testid={testId}>
      <CircleAlert size={16} aria-hidden />
      <div className="selectable">
        <p>{failure.message}</p>
        {failure.details.map((detail) => (
          <p key={detail}>{detail}</p>
        ))}
        <p className="problem-code mono">{failure.code}</p>
      </div>
    </div>
  );
}
