import { FileInput } from "lucide-react";
import { useEffect, useState } from "react";
import { usePage } from "../store/usePage";
import { targetOf } from "./targets";

/** Takes files and folders that are dropped on the window, and says so while they are over it. */
export function DropGround() {
  const page = usePage();
  const [over, setOver] = useState(false);
  useEffect(() => {
    page.host.onDrag((event) => {
      setOver(event.kind === "over");
      if (event.kind === "dropped" && event.paths.length > 0) void page.open(targetOf(event.paths));
    });
  }, [page]);
  if (!over) return null;
  return (
    <div className="drop-ground" data-testid="drop-ground">
      <FileInput size={24} aria-hidden />
      <strong>Drop to open</strong>
      <span className="secondary">Files of twins and models together, or a workspace folder</span>
    </div>
  );
}
