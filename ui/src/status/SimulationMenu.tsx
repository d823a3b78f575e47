import { Check, Pause } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import { counted } from "../look/format";
import { usePage } from "../store/usePage";
import type { Simulation } from "../wire/Simulation";

const speeds = [0.5, 1, 2, 5, 10, 60];

/** The simulated devices: speed, pause, and those that are silent. */
export function SimulationMenu({ simulation }: { simulation: Simulation }) {
  const page = usePage();
  const { speed, paused, devices, silenced } = simulation;
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger className="status-item" aria-label="Simulation">
        {paused ? <Pause size={14} aria-hidden /> : <span className="unit">Speed</span>}
        <strong className="number">{paused ? "Simulation paused" : `${speed}×`}</strong>
        {silenced.length > 0 && <span className="unit">{silenced.length} silent</span>}
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" side="top" align="start" sideOffset={4}>
          <DropdownMenu.Label className="menu-label secondary">
            {counted(devices, "simulated device")}
          </DropdownMenu.Label>
          <DropdownMenu.Item
            className="menu-item"
            onSelect={() => void page.simulate({ kind: paused ? "resume" : "pause" })}
          >
            <span className="tick" />
            {paused ? "Resume" : "Pause"}
          </DropdownMenu.Item>
          <DropdownMenu.Separator className="menu-line" />
          <DropdownMenu.RadioGroup value={String(speed)}>
            {speeds.map((factor) => (
              <DropdownMenu.RadioItem
                key={factor}
                className="menu-item"
                value={String(factor)}
                onSelect={() => void page.simulate({ kind: "speed", factor })}
              >
                <span className="tick">
                  <DropdownMenu.ItemIndicator>
                    <Check size={14} aria-hidden />
                  </DropdownMenu.ItemIndicator>
                </span>
                <span className="number">{factor}×</span>
                {factor === 1 && <span className="unit">as the clock</span>}
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
          {silenced.length > 0 && (
            <>
              <DropdownMenu.Separator className="menu-line" />
              <DropdownMenu.Label className="menu-label secondary">
                Silent since an outside write
              </DropdownMenu.Label>
              <DropdownMenu.Item
                className="menu-item"
                onSelect={() => void page.simulate({ kind: "unsilence", device: null })}
              >
                <span className="tick" />
                Resume {counted(silenced.length, "device")}
              </DropdownMenu.Item>
            </>
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
