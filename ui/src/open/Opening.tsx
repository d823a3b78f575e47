import { CircleAlert } from "lucide-react";
import { Button } from "../look/Controls";
import { count, rough } from "../look/format";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { Phase } from "../wire/Phase";
import { inWords, needsSecret } from "./targets";

/** How far opening is, or why it failed. What was open before stays visible below. */
export function Opening() {
  const page = usePage();
  const status = useCell(page.instance.status);
  const silence = useCell(page.instance.silence);
  if (silence !== null) {
    return (
      <Card>
        <CircleAlert size={16} className="toast-failed" aria-hidden />
        <p className="opening-text selectable">The backend does not answer: {silence}</p>
      </Card>
    );
  }
  if (!status) return <Card>Starting …</Card>;
  const { phase } = status;
  if (phase.phase === "ready") return null;
  const { target } = phase;
  const { what } = inWords(target);
  if (phase.phase === "opening") {
    return (
      <Card>
        <div className="opening-text">
          <strong>Opening {what}</strong>
          <p className="secondary">{phase.step}</p>
          <Progress phase={phase} />
        </div>
        <Button look="quiet" onClick={() => void page.cancelOpening()}>
          Cancel
        </Button>
      </Card>
    );
  }
  const { failure } = phase;
  return (
    <Card>
      <CircleAlert size={16} className="toast-failed" aria-hidden />
      <div className="opening-text selectable" role="alert">
        <strong>{what} was not opened</strong>
        <p>{failure.message}</p>
        {failure.details.map((detail) => (
          <p key={detail} className="secondary">
            {detail}
          </p>
        ))}
        <div className="form-actions">
          {!needsSecret(target) && (
            <Button look="primary" onClick={() => void page.open(target)}>
              Retry
            </Button>
          )}
          <Button onClick={() => page.dialog.set("open")}>Open something else</Button>
        </div>
      </div>
    </Card>
  );
}

/** A bar, and below it how many of how many, and how long the rest takes. */
function Progress({ phase }: { phase: Extract<Phase, { phase: "opening" }> }) {
  const { step, done, total, secondsLeft } = phase;
  const known = total !== null && total > 0;
  return (
    <>
      <progress
        value={known ? done : undefined}
        max={known ? total : undefined}
        aria-label={step}
      />
      <p className="opening-count secondary number">
        <span>{known ? `${count(done)} of ${count(total)}` : done > 0 ? count(done) : ""}</span>
        <span>{secondsLeft !== null && `about ${rough(secondsLeft)} left`}</span>
      </p>
    </>
  );
}

function Card({ children }: { children: React.ReactNode }) {
  return <div className="opening">{children}</div>;
}
