import { Building2, Cloud, Files, FolderOpen, type LucideIcon, RotateCcw } from "lucide-react";
import { useEffect, useState } from "react";
import { Window } from "../look/Controls";
import { useCell } from "../store/cell";
import { usePage } from "../store/usePage";
import type { Target } from "../wire/Target";
import { RemoteForm } from "./RemoteForm";
import { fileEndings, inWords, needsSecret, targetKey } from "./targets";
import "./open.css";

type Remote = Extract<Target, { kind: "remote" }>;

const icons: Record<Target["kind"], LucideIcon> = {
  sample: Building2,
  workspace: FolderOpen,
  files: Files,
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
  const status = useCell(page.instance.status);
  const phase = status?.phase;
  const open = status?.target;
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
  const pickFiles = async () => {
    try {
      const paths = await page.host.pickFiles("Open files of twins and models", fileEndings);
      if (paths !== null && paths.length > 0) await page.open({ kind: "files", paths });
    } catch (thrown) {
      page.fail("No file was picked", thrown);
    }
  };
  const openRecent = (target: Target) => {
    if (target.kind === "remote" && needsSecret(target)) setRemote(target);
    else void page.open(target);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows of the buttons within
    <div onKeyDown={stepBetweenChoices}>
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
        icon={Files}
        what="Files …"
        where="Twins and models as NDJSON, JSON, xlsx or CSV; or drop them on the window"
        onPick={() => void pickFiles()}
      />
      {open?.kind === "files" && (
        <Choice
          icon={RotateCcw}
          what="Load the file anew"
          where={`${inWords(open).what} as it is now; what was changed here is dropped`}
          onPick={() => void page.open(open, true)}
        />
      )}
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
    </div>
  );
}

/** Arrows go from choice to choice, Home and End to the first and the last. */
function stepBetweenChoices(event: React.KeyboardEvent<HTMLElement>) {
  const choices = [...event.currentTarget.querySelectorAll<HTMLElement>(".choice")];
  const at = choices.findIndex((choice) => choice.matches(":focus"));
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  choices.at(to % choices.length)?.focus();
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
