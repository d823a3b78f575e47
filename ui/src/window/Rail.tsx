import {
  PanelRight,
  ScrollText,
  Settings,
  SquareTerminal,
  Waypoints,
  Workflow,
} from "lucide-react";
import { useEffect, useState } from "react";
import { IconButton } from "../look/Controls";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import { type PanelName, showPanel } from "./panels";

const parts = [
  { name: "graph", label: "Graph", icon: Waypoints },
  { name: "flow", label: "Flow", icon: Workflow },
  { name: "query", label: "Query", icon: SquareTerminal },
  { name: "log", label: "Events", icon: ScrollText },
  { name: "inspector", label: "Inspector", icon: PanelRight },
] as const;

/** The panel that was used last. */
function useActivePanel(): string | undefined {
  const dock = useCell(usePage().dock);
  const [active, setActive] = useState<string>();
  useEffect(() => {
    if (!dock) return;
    const read = () => setActive(dock.activePanel?.id);
    read();
    const change = dock.onDidActivePanelChange(read);
    return () => change.dispose();
  }, [dock]);
  return active;
}

/** The parts of the window, one button each. */
export function Rail() {
  const page = usePage();
  const dialog = useCell(page.dialog);
  const active = useActivePanel();
  const show = (name: PanelName) => {
    const dock = page.dock.get();
    if (dock) showPanel(dock, name);
  };
  return (
    <nav className="rail" aria-label="Parts of the window">
      {parts.map(({ name, label, icon }) => (
        <IconButton
          key={name}
          icon={icon}
          size={20}
          label={label}
          aria-pressed={active === name}
          onClick={() => show(name)}
        />
      ))}
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
