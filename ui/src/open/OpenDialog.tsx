import { Building2, Cloud, FolderOpen, type LucideIcon } from "lucide-react";
import { useEffect, useState } from "react";
import { Window } from "../look/Controls";
import { useCell } from "../store/cell";
import { targetKey } from "../store/preferences";
import { usePage } from "../store/usePage";
import type { Target } from "../wire/Target";
import { RemoteForm } from "./RemoteForm";
import { inWords, needsSecret } from "./targets";
import "./open.css";

type Remote = Extract<Target, { kind: "remote" }>;

const icons: Record<Target["kind"], LucideIcon> = {
  sample: Building2,
  workspace: FolderOpen,
  remote: Cloud,
};

/** What can be opened: the sample, a folder, an address, or what was open lately. */
export function OpenDialog() {
  const page = usePage();
  const open = useCell(page.dialog) === "open";
  return (
    <Window title="Open" open={open} onClose={() => page.dialog.set(null)} testId="open-dialog">
      <Choices />
    </Window>
  );
}

function Choices() {
  const page = usePage();
  const recent = useCell(page.recent);
  const phase = useCell(page.instance.status)?.phase;
  // After a failed try, the form begins with what was tried.
  const tried = phase?.phase === "failed" ? phase.target : null;
  const [remote, setRemote] = useState<Remote | "new" | null>(
    tried?.kind === "remote" ? tried : null,
  );
  useEffect(() => void page.refreshRecent(), [page]);

  if (remote) {
    return <RemoteForm start={remote === "new" ? null : remote} onBack={() => setRemote(null)} />;
  }
  const pickFolder = async () => {
    try {
      const path = await page.host.pickFolder("Open a workspace folder");
      if (path !== null) await page.open({ kind: "workspace", path });
    } catch (thrown) {
      page.fail("No folder was picked", thrown);
    }
  };
  const openRecent = (target: Target) => {
    if (target.kind === "remote" && needsSecret(target)) setRemote(target);
    else void page.open(target);
  };
  return (
    <>
      <Choice
        icon={Building2}
        what="Sample building"
        where="3 floors, 24 rooms, simulated thermostats"
        onPick={() => void page.open({ kind: "sample" })}
      />
      <Choice
        icon={FolderOpen}
        what="Workspace folder …"
        where="Models, twins and topology as files"
        onPick={() => void pickFolder()}
      />
      <Choice
        icon={Cloud}
        what="Instance by address …"
        where="Azure, or twinscope serve elsewhere"
        onPick={() => setRemote("new")}
      />
      {recent.length > 0 && (
        <>
          <header className="section-head recent-head">
            <h3>Opened lately</h3>
          </header>
          {recent.map((target) => (
            <Choice
              key={targetKey(target)}
              icon={icons[target.kind]}
              {...inWords(target)}
              onPick={() => openRecent(target)}
            />
          ))}
        </>
      )}
    </>
  );
}

interface ChoiceProps {
  icon: LucideIcon;
  what: string;
  where: string;
  onPick: () => void;
}

function Choice({ icon: Icon, what, where, onPick }: ChoiceProps) {
  return (
    <button type="button" className="choice" onClick={onPick}>
      <Icon size={20} aria-hidden />
      <span className="choice-text">
        <span className="choice-what">{what}</span>
        <span className="secondary ellipsis" title={where}>
          {where}
        </span>
      </span>
    </button>
  );
}
