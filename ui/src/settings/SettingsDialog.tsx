import { Monitor, Moon, Sun } from "lucide-react";
import type { ReactNode } from "react";
import { Button, Segments, Switch, Window } from "../look/Controls";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import "./settings.css";

const themes = [
  { value: "system", label: "System", icon: Monitor },
  { value: "dark", label: "Dark", icon: Moon },
  { value: "light", label: "Light", icon: Sun },
] as const;

export function SettingsDialog() {
  const page = usePage();
  const open = useCell(page.dialog) === "settings";
  const { theme, reduceMotion, glow } = useCell(page.preferences);
  return (
    <Window title="Settings" open={open} onClose={() => page.dialog.set(null)}>
      <Setting name="Theme">
        <Segments
          label="Theme"
          value={theme}
          options={themes}
          onChange={(value) => page.prefer({ theme: value })}
        />
      </Setting>
      <Setting
        name="Reduce motion"
        hint="Nothing slides or fades. The system's own setting counts too."
      >
        <Switch
          label="Reduce motion"
          checked={reduceMotion}
          onChange={(on) => page.prefer({ reduceMotion: on })}
        />
      </Setting>
      <Setting
        name="Show changes"
        hint="A changed value glows for a second; with reduced motion it has a ring."
      >
        <Switch label="Show changes" checked={glow} onChange={(on) => page.prefer({ glow: on })} />
      </Setting>
      <Setting name="Layout" hint="Puts every panel back where it began.">
        <Button onClick={() => page.resetLayout()}>Reset layout</Button>
      </Setting>
    </Window>
  );
}

function Setting(props: { name: string; hint?: string; children: ReactNode }) {
  return (
    <div className="setting">
      <div>
        <p>{props.name}</p>
        {props.hint && <p className="hint">{props.hint}</p>}
      </div>
      {props.children}
    </div>
  );
}
