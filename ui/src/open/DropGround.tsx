import { CircleAlert, FileInput } from "lucide-react";
import { useEffect, useState } from "react";
import { usePart } from "../store/cell";
import { usePage } from "../store/usePage";
import { type Drop, dropOf } from "./drop";
import { inWords } from "./targets";

/** Takes files and folders that are dropped on the window, and says what will become of them. */
export function DropGround() {
  const page = usePage();
  const [over, setOver] = useState<Drop | null>(null);
  const open = usePart(page.instance.status, (status) =>
    status?.session ? inWords(status.target).what : null,
  );
  useEffect(() => {
    page.host.onDrag((event) => {
      setOver(event.kind === "over" ? dropOf(event.paths) : null);
      if (event.kind !== "dropped" || event.paths.length === 0) return;
      const { target, title, lines } = dropOf(event.paths);
      if (target) void page.open(target);
      else page.notices.say(title, { lines, failed: true });
    });
  }, [page]);
  if (!over) return null;
  const Icon = over.target ? FileInput : CircleAlert;
  return (
    <div
      className="drop-ground"
      data-testid="drop-ground"
      data-refused={over.target === null}
      role="status"
    >
      <Icon size={24} aria-hidden />
      <strong>{over.title}</strong>
      {over.lines.map((line) => (
        <span key={line} className="secondary">
          {line}
        </span>
      ))}
      {over.target && open && <span className="secondary">In place of {open}</span>}
    </div>
  );
}
