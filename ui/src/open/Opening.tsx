import { CircleAlert } from "lucide-react";
import { useState } from "react";
import { Button } from "../look/Controls";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { Progress } from "./Progress";
import { inWords, needsSecret } from "./targets";

/** How far opening is, or why it failed. What was open before stays visible below. */
export function Opening() {
  const page = usePage();
  const status = useCell(page.instance.status);
  const silence = useCell(page.instance.silence);
  /** The failure that the user has read; each status brings it in another object. */
  const [dismissed, setDismissed] = useState("");
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
    if (dismissed) setDismissed("");
    return (
      <Card>
        <div className="opening-text">
          <strong>Opening {what}</strong>
          <Progress of={phase} />
        </div>
        <Button onClick={() => void page.cancelOpening()}>Cancel</Button>
      </Card>
    );
  }
  const { failure } = phase;
  // A single problem is the message already.
  const details = failure.details.filter((detail) => !failure.message.includes(detail));
  if (status.session !== 0 && dismissed === JSON.stringify(phase)) return null;
  return (
    <Card>
      <CircleAlert size={16} className="toast-failed" aria-hidden />
      <div className="opening-text selectable" role="alert">
        <strong>{what} was not opened</strong>
        <p>{failure.message}</p>
        {details.length > 0 && (
          <ul className="opening-details secondary">
            {details.map((detail) => (
              <li key={detail}>{detail}</li>
            ))}
          </ul>
        )}
        <div className="form-actions">
          {!needsSecret(target) && (
            <Button look="primary" onClick={() => void page.open(target)}>
              Retry
            </Button>
          )}
          <Button onClick={() => page.dialog.set("open")}>Open something else</Button>
          {status.session !== 0 && (
            <Button look="quiet" onClick={() => setDismissed(JSON.stringify(phase))}>
              Close
            </Button>
          )}
        </div>
      </div>
    </Card>
  );
}

function Card({ children }: { children: React.ReactNode }) {
  return <div className="opening">{children}</div>;
}
