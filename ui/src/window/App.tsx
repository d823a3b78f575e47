import { Tooltip } from "radix-ui";
import { useEffect } from "react";
import { LimitsDialog } from "../limits/LimitsDialog";
import { DropGround } from "../open/DropGround";
import { OpenDialog } from "../open/OpenDialog";
import { Opening } from "../open/Opening";
import { SettingsDialog } from "../settings/SettingsDialog";
import { ProblemsDialog } from "../status/ProblemsDialog";
import { StatusBar } from "../status/StatusBar";
import type { Page } from "../store/page";
import { PageContext } from "../store/usePage";
import { Dock } from "./Dock";
import { Rail } from "./Rail";
import { listenToShortcuts } from "./shortcuts";
import { Toasts } from "./Toasts";

export function App({ page }: { page: Page }) {
  useEffect(() => listenToShortcuts(page), [page]);
  return (
    <PageContext.Provider value={page}>
      <Tooltip.Provider delayDuration={300} skipDelayDuration={400}>
        <div className="window">
          <Rail />
          <main className="main">
            <Dock />
            <Opening />
          </main>
          <StatusBar />
        </div>
        <OpenDialog />
        <SettingsDialog />
        <ProblemsDialog />
        <LimitsDialog />
        <Toasts />
        <DropGround />
      </Tooltip.Provider>
    </PageContext.Provider>
  );
}
