import { PanelRight, ScrollText, Settings, Waypoints } from "lucide-react";
import { IconButton } from "../look/Controls";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { showPanel } from "./panels";

/** The parts of the window, one button each. */
export function Rail() {
  const page = usePage();
  const dialog = useCell(page.dialog);
  const show = (name: "graph" | "log" | "inspector") => page.dock && showPanel(page.dock, name);
  return (
    <nav className="rail" aria-label="Parts of the window">
      <IconButton icon={Waypoints} size={20} label="Graph" onClick={() => show("graph")} />
      <IconButton icon={ScrollText} size={20} label="Events" onClick={() => show("log")} />
      <IconButton icon={PanelRight} size={20} label="Inspector" onClick={() => show("inspector")} />
      <span className="stretch" />
      <IconButton
        icon={Settings}
        size={20}
        label="Settings"
        keys="Ctrl ,"
        aria-pressed={dialog === "settings"}
        onClick={() => page.dialog.set("settings")}
      />
    </nav>
  );
}
