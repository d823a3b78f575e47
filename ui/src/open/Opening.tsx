import { CircleAlert } from "lucide-react";
import { Button } from "../look/Controls";
import { count } from "../look/format";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
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
    const { step, done, total } = phase;
    return (
      <Card>
        <div className="opening-text">
          <strong>Opening {what}</strong>
          <p className="secondary number">
            {step}
            {total === null ? done > 0 && ` ${count(done)}` : ` ${count(done)} of ${count(total)}`}
          </p>
          <progress value={total ? done : undefined} max={total ?? undefined} aria-label={step} />
        </div>
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

function Card({ children }: { children: React.ReactNode }) {
  return <div className="opening">{children}</div>;
}
