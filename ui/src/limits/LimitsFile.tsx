import { FileSliders } from "lucide-react";
import { useId, useState } from "react";
import { Button } from "../look/Controls";
import { usePage } from "../store/usePage";
import { WhyNot } from "./WhyNot";

/** The file whose limits hold, or are to hold: picked, or its path typed. */
export function LimitsFile({
  file,
  whyNot,
  onUse,
}: {
  file: string | null;
  /** Why the file that was named does not hold. */
  whyNot: string | null;
  onUse: (file: string) => void;
}) {
  const page = usePage();
  const [path, setPath] = useState(file ?? "");
  const why = useId();
  const pick = async () => {
    try {
      const picked = await page.host.pickFile("Pick a file of limits", ["json"]);
      if (picked === null) return;
      setPath(picked);
      onUse(picked);
    } catch (thrown) {
      page.fail("No file was picked", thrown);
    }
  };
  return (
    <>
      <form
        className="limits-file editor-line"
        data-testid="limits-file"
        onSubmit={(event) => {
          event.preventDefault();
          if (path.trim()) onUse(path.trim());
        }}
      >
        <input
          className="input mono stretch"
          aria-label="File of limits"
          aria-invalid={whyNot !== null || undefined}
          aria-describedby={whyNot !== null ? why : undefined}
          placeholder="/home/me/limits.json"
          title={
            'A JSON object, as {"twins": 1000, "queriesPerSecond": null}: null is no limit, and what is not named is the service’s. `twinscope limits` prints the names.'
          }
          value={path}
          spellCheck={false}
          // biome-ignore lint/a11y/noAutofocus: it appears because it was asked for
          autoFocus={file === null}
          onChange={(event) => setPath(event.target.value)}
        />
        <Button type="submit" disabled={!path.trim()}>
          {path.trim() === file ? "Read again" : "Use"}
        </Button>
        <Button icon={FileSliders} onClick={() => void pick()}>
          Pick …
        </Button>
      </form>
      <WhyNot why={whyNot} id={why} />
    </>
  );
}
